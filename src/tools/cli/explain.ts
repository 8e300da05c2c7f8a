/**
 * tensorloom explain: what the compiler did with a program, and why.
 *
 * `explainProgram` gives a value (printed as it is with --json), `printExplanation` the text for people.
 */
import { bytesText, flopsText } from "../../../codegen/picture/units.ts";
import { stagesOf } from "../../compile.ts";
import type { Program } from "../../dsl/program.ts";
import { plannedTargets } from "../../eager-targets.ts";
import type { Dims } from "../../graph/shape.ts";
import type { TargetName } from "../../kernel/target.ts";
import type { AgainReport, KernelReport, MemoryReport, PassReport } from "../../program/report.ts";
import type { Skippable } from "../../stages.ts";
import type { Naming } from "../names/naming.ts";
import { checkDims, chooseEntry } from "./choose.ts";
import { explainUpdates, type UpdateReport } from "./explain-updates.ts";

export interface Explanation {
  readonly entry: string;
  readonly dims: Dims;
  readonly target: TargetName;
  readonly passes: readonly PassReport[];
  readonly kernels: readonly KernelReport[];
  readonly launches: number;
  readonly copies: number;
  readonly updates: readonly UpdateReport[];
  readonly memory: MemoryReport;
  readonly again: AgainReport;
  readonly warnings: readonly string[];
}

export interface ExplainOptions {
  readonly entry?: string;
  readonly dims?: Dims;
  readonly target: TargetName;
  /** Stages to leave out. */
  readonly skip?: readonly Skippable[];
  /** What nodes, buffers and kernels are called; by default by their numbers and by what they do. */
  readonly naming?: Naming | undefined;
}

export function explainProgram(
  program: Program<unknown>,
  { dims = {}, target, skip = [], naming, ...options }: ExplainOptions,
): Explanation {
  const entry = chooseEntry(program, options.entry);
  checkDims(program, dims, "all");
  const warnings = new Set<string>(program.warnings);
  const stages = stagesOf(
    program,
    entry,
    dims,
    plannedTargets[target],
    { skip },
    { warn: (message) => warnings.add(message), naming },
  );
  const { passes, kernels, launches, copies, memory, again } = stages.report;
  const updates = explainUpdates(stages, naming?.(stages.ordered.fused.entry));
  return { entry, dims, target, passes, kernels, launches, copies, updates, memory, again, warnings: [...warnings] };
}

export function printExplanation(explanation: Explanation): string {
  const { entry, dims, target, launches, copies, warnings } = explanation;
  const sizes = Object.entries(dims).map(([name, size]) => `${name} ${size}`);
  const counts = `${count(launches, "launch", "launches")}, ${count(copies, "copy", "copies")}`;
  const parts = [
    [`${[entry, ...sizes].join(", ")} on ${target}: ${counts}`],
    passLines(explanation),
    kernelLines(explanation),
    updateLines(explanation),
    memoryLines(explanation),
    againLines(explanation),
    warnings.length === 0 ? [] : ["Warnings", ...warnings.map((text) => indent(text))],
  ];
  const filled = parts.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function passLines({ passes }: Explanation): string[] {
  const rows = passes.map(({ name, ms, count, unit }) => [name, ms.toFixed(1), `${count} ${unit}`]);
  return table(["Passes", "ms", "made"], rows);
}

function kernelLines({ kernels }: Explanation): string[] {
  const width = Math.max(7, ...kernels.map(({ name, times }) => (name + timesText(times)).length)) + 4;
  const head = `${"Kernels".padEnd(width + 2)}${"work".padStart(10)}${"memory".padStart(10)}   schedule`;
  const blocks = kernels.flatMap(({ name, times, flops, bytes, schedule, fuses, again }, i) => [
    `  ${`${i + 1}  ${name}${timesText(times)}`.padEnd(width)}${flopsText(flops).padStart(10)}${bytesText(bytes).padStart(10)}   ${schedule}`.trimEnd(),
    ...fuses.map((node) => `       ${node}${again.includes(node) ? "    again" : ""}`),
  ]);
  return [head, ...blocks];
}

function timesText(times: number): string {
  return times === 1 ? "" : ` x ${times}`;
}

function updateLines({ updates }: Explanation): string[] {
  if (updates.length === 0) return [];
  const width = Math.max(...updates.map(({ state }) => state.length));
  const lines = updates.flatMap(({ state, kernel, stored, copied }) => {
    const where = kernel === null ? "" : `in ${kernel}`;
    const how = copied === null ? "in place" : `through a copy, as ${copied}`;
    return [
      `  ${state.padEnd(width)}  ${[where, how].filter((words) => words !== "").join(", ")}`,
      ...stored.map(
        ({ gradient, kernel: maker, why }) =>
          `  ${" ".repeat(width)}  not fused with its gradient ${gradient} (${maker}): ${why}`,
      ),
    ];
  });
  return ["Updates", ...lines];
}

function memoryLines({ memory }: Explanation): string[] {
  const { peakBytes, lowerBoundBytes, withoutReuseBytes, stateBytes, inputBytes, outputBytes } = memory;
  const rows: readonly (readonly [string, number])[] = [
    ["scratch arena", peakBytes],
    ["its lower bound", lowerBoundBytes],
    ["without reuse", withoutReuseBytes],
    ["state", stateBytes],
    ["inputs", inputBytes],
    ["outputs", outputBytes],
  ];
  const cells = rows.map(([name, bytes]) => [name, String(bytes), bytesText(bytes)]);
  return table(["Memory", "bytes", ""], cells);
}

function againLines({ kernels, again: { flops, asked } }: Explanation): string[] {
  if (asked.length === 0) return [];
  const all = kernels.reduce((sum, kernel) => sum + kernel.flops * kernel.times, 0);
  const share = ((100 * flops) / Math.max(1, all - flops)).toFixed(0);
  return [
    "Computed again",
    `  ${flopsText(flops)} in the backward pass, ${share}% more work, for less memory; as checkpoint says`,
    ...asked.map((line) => `  at ${line}`),
  ];
}

/** The first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length + (column === 0 ? 2 : 0))),
  );
  const line = (cells: readonly string[], inset: string): string =>
    cells
      .map((text, column) =>
        column === 0 ? (inset + text).padEnd((widths[0] ?? 0) + 2) : text.padStart((widths[column] ?? 0) + 2),
      )
      .join("")
      .trimEnd();
  return [line(head, ""), ...rows.map((row) => line(row, "  "))];
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function indent(text: string): string {
  return `  ${text.replaceAll("\n", "\n  ")}`;
}
