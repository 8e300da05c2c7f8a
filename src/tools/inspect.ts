/**
 * inspect(): what a program is at each stage of its compilation, as texts to read. Nothing runs, and no device is needed.
 *
 *   for (const { name, text } of inspect(net.program, { entry: "train", dims: { batch: 128 } })) console.log(name, text);
 */
import { printJsModule } from "../../codegen/js/print.ts";
import { checkProgram, type Stages, stagesOf } from "../compile.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, type OptionTable, object, text } from "../core/options.ts";
import type { Program } from "../dsl/program.ts";
import { printEntry } from "../graph/print.ts";
import { type Dims, dimNames } from "../graph/shape.ts";
import { printKernel } from "../kernel/print.ts";
import { printBuffer } from "../program/buffer.ts";
import { printSequence } from "../program/print.ts";
import { jsTarget } from "../targets.ts";

/** Which entry is shown, and with which sizes. */
export interface InspectOptions {
  /** By default the program's first. */
  readonly entry?: string;
  /** Sizes of the symbolic dimensions: `{ batch: 128 }`. */
  readonly dims?: Dims;
}

/** A program at one stage of its compilation. */
export interface StageText {
  /** The stage. */
  readonly name: "as written" | "after differentiate" | "optimized" | "kernels" | "JavaScript" | "memory";
  /** What it looks like there. */
  readonly text: string;
}

const optionTable: OptionTable<InspectOptions> = { entry: text, dims: object() };

/** An entry's stages for the js target, in order. */
export function inspect(
  program: Pick<Program, "entries" | "inputs" | "states">,
  options: InspectOptions = {},
): readonly StageText[] {
  checkArguments("inspect", arguments, 2);
  checkProgram("inspect", program);
  const { dims = {}, entry = [...program.entries.keys()][0] ?? "" } = checkOptions("inspect", options, optionTable, {
    before: "program, ",
  });
  if (!program.entries.has(entry)) {
    throw new UserError(
      `inspect: there is no entry "${entry}": the program has ${[...program.entries.keys()].join(", ")}`,
    );
  }
  const missing = program.inputs.flatMap(({ leaf }) => dimNames(leaf.shape)).find((name) => dims[name] === undefined);
  if (missing !== undefined) {
    throw new UserError(`inspect: the dimension "${missing}" has no size: pass dims: { ${missing}: 128 }, say`);
  }
  const stages = stagesOf(program, entry, dims, jsTarget);
  const { sequence } = stages.entry;
  const kernels = sequence.flatMap((step) => (step.kind === "launch" ? [step.kernel] : []));
  return [
    { name: "as written", text: graphAfter(stages, null) },
    { name: "after differentiate", text: graphAfter(stages, "differentiate") },
    { name: "optimized", text: graphAfter(stages, "simplify") },
    { name: "kernels", text: [printSequence(sequence), ...kernels.map(printKernel)].join("\n\n") },
    { name: "JavaScript", text: printJsModule(kernels).trimEnd() },
    { name: "memory", text: memoryText(stages) },
  ];
}

/** After the last pass of this name. */
function graphAfter({ graphs }: Stages, pass: string | null): string {
  const found = graphs.findLast((graph) => graph.pass === pass);
  return found === undefined ? "" : printEntry(found.entry);
}

/** Every buffer with its place, by segment, and how large the scratch arena is. */
function memoryText({ entry, report }: Stages): string {
  const slots = [...entry.buffers.values()].sort((a, b) => a.segment.localeCompare(b.segment) || a.offset - b.offset);
  const rows = slots.map((slot) => {
    const { segment, dtype, shape, bytes, offset } = slot;
    const place = `${bytes} B at ${offset}`;
    return `${segment.padEnd(7)} ${place.padEnd(16)} ${`${dtype}[${shape.join(",")}]`.padEnd(12)} ${printBuffer(slot)}`;
  });
  const { peakBytes, lowerBoundBytes, withoutReuseBytes } = report.memory;
  const sum = `scratch: ${peakBytes} B (at least ${lowerBoundBytes} B are needed; ${withoutReuseBytes} B without reuse)`;
  return [...rows, sum].join("\n");
}
