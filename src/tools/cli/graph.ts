/**
 * tensorloom graph: a program at one stage of its compilation, as text or as a picture.
 *
 *   forward     as it was written, with one gradient node for each parameter
 *   gradient    after differentiate
 *   optimized   simplified, and specialized where the dimensions are given
 *   kernels     what is computed together, in which order, and what is stored
 *   memory      scratch buffers over time, against the least that any plan needs
 */

import { printDot } from "../../../codegen/picture/dot.ts";
import { drawEntry } from "../../../codegen/picture/drawing.ts";
import { allDrawings, type Drawing, type Kernels } from "../../../codegen/picture/drawn.ts";
import { foldEntry } from "../../../codegen/picture/fold.ts";
import { printFoldedDot } from "../../../codegen/picture/fold-dot.ts";
import { printFoldedMermaid } from "../../../codegen/picture/fold-mermaid.ts";
import { graphJson } from "../../../codegen/picture/json.ts";
import type { PictureTitle } from "../../../codegen/picture/legend.ts";
import { liveBytes, type MemoryPicture, printMemorySvg } from "../../../codegen/picture/memory.ts";
import { printMermaid } from "../../../codegen/picture/mermaid.ts";
import { bytesText, flopsText } from "../../../codegen/picture/units.ts";
import type { Cluster, Fused } from "../../../passes/fuse/cluster.ts";
import type { Ordered } from "../../../passes/plan/ordered.ts";
import { afterPass, type Stages, stagesOf } from "../../compile.ts";
import { CompilerBug, UserError, unreachable } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { plannedTargets } from "../../eager-targets.ts";
import type { Entry } from "../../graph/entry.ts";
import type { Node } from "../../graph/node.ts";
import type { NodeNames } from "../../graph/node-names.ts";
import { printEntry } from "../../graph/print.ts";
import { type Dims, printShape } from "../../graph/shape.ts";
import { printSchedules } from "../../kernel/moves.ts";
import type { TargetName } from "../../kernel/target.ts";
import { printBuffer } from "../../program/buffer.ts";
import { printCode } from "../../program/print.ts";
import { bodiesOf, type Copy, countSteps, type Launch, type Sequence } from "../../program/sequence.ts";
import { stages as pipeline, type Skippable } from "../../stages.ts";
import type { Naming } from "../names/naming.ts";
import { stepNames } from "../step-names.ts";
import { checkDims, chooseEntry, missingDims } from "./choose.ts";
import { renderPng, renderSvg } from "./render.ts";

export const stages = ["forward", "gradient", "optimized", "kernels", "memory"] as const;
export type Stage = (typeof stages)[number];

export const formats = ["text", "dot", "svg", "png", "mermaid", "json"] as const;
export type Format = (typeof formats)[number];

export interface DrawOptions {
  readonly stage: Stage;
  readonly format: Format;
  /** By default the program's first. */
  readonly entry?: string;
  /** Needed from `kernels` on. */
  readonly dims?: Dims;
  /** Whose kernels and memory; by default "js". */
  readonly target?: TargetName;
  /** Whether calls of the user's are drawn as boxes, in place of nodes. */
  readonly fold?: boolean;
  /** Stages to leave out; from `kernels` on. */
  readonly skip?: readonly Skippable[];
  /** What nodes, buffers and kernels are called; by default by their numbers and by what they do. */
  readonly naming?: Naming | undefined;
  /** Is told what would make a picture easier to read. */
  readonly hint?: (message: string) => void;
}

/** A PNG is bytes, everything else text. */
export async function drawProgram(program: Program<unknown>, options: DrawOptions): Promise<string | Uint8Array> {
  const { stage, format, dims = {}, fold = false, skip = [], naming } = options;
  const name = chooseEntry(program, options.entry);
  const needsSizes = stage === "kernels" || stage === "memory";
  checkDims(program, dims, needsSizes ? "all" : "some");
  const compiled = (): Stages =>
    stagesOf(program, name, dims, plannedTargets[options.target ?? "js"], { skip }, { naming });
  if (fold && (format === "text" || format === "json")) {
    throw new UserError("--fold is for pictures: add --format svg, png, mermaid or dot, or -o FILE.svg");
  }
  if (stage === "memory" || stage === "kernels") {
    if (fold) throw new UserError("--fold draws calls, which kernels cut across: use it with --stage forward, gradient or optimized"); // biome-ignore format: one line
    return stage === "memory" ? drawMemory(compiled(), format) : drawKernels(compiled(), format, naming);
  }
  if (skip.length > 0)
    throw new UserError("--skip is for what is compiled: use it with --stage kernels or memory, or --print-after");
  const entry = entryAt(program, name, stage, dims);
  return fold && format !== "text" && format !== "json"
    ? drawFolded(entry, stage, format)
    : drawGraph(entry, stage, format, naming?.(entry), options.hint);
}

/** The passes, by the names that reports give them. */
export const passNames: readonly string[] = pipeline.map(({ name }) => name);

/** What a pass made of an entry, as text. */
export function printedAfter(
  program: Program<unknown>,
  pass: string,
  {
    entry,
    dims = {},
    target = "js",
    skip = [],
    naming,
  }: Pick<DrawOptions, "entry" | "dims" | "target" | "skip" | "naming">,
): string {
  if (skip.some((stage) => stage === pass)) throw new UserError(`--print-after ${pass}: that is left out by --skip`);
  const name = chooseEntry(program, entry);
  checkDims(program, dims, "all");
  const print = stagesOf(program, name, dims, plannedTargets[target], { skip }, { naming }).shown.get(pass);
  if (print === undefined) throw new CompilerBug(`no pass "${pass}" has run`);
  return `${print()}\n`;
}

/** Graph stages need no sizes; with all of them known, `optimized` is what fusion gets to see. */
export function entryAt(
  program: Program<unknown>,
  name: string,
  stage: "forward" | "gradient" | "optimized",
  dims: Dims,
): Entry {
  const entry = program.entries.get(name) as Entry;
  if (stage === "forward") return entry;
  if (stage === "gradient") return afterPass(entry, "differentiate");
  if (missingDims(program, dims).length > 0) return afterPass(entry, "simplify");
  return stagesOf(program, name, dims, plannedTargets.js).simplified;
}

const about: Readonly<Record<Exclude<Stage, "memory" | "kernels">, string>> = {
  forward: "as it was written",
  gradient: "with its derivatives worked out",
  optimized: "simplified: what fusion gets to see",
};

async function drawGraph(
  entry: Entry,
  stage: keyof typeof about,
  format: Format,
  names: NodeNames | undefined,
  hint: DrawOptions["hint"],
): Promise<string | Uint8Array> {
  if (format === "text") return `${printEntry(entry, names)}\n`;
  if (format === "json") return json({ stage, ...graphJson(entry, null, names) });
  const drawing = drawEntry(entry, null, names);
  const count = allDrawings(drawing).reduce((sum, { boxes }) => sum + boxes.length, 0);
  if (count > mostReadable) hint?.(`a picture of ${count} boxes is hard to read on one screen: --fold draws calls in place of nodes`); // biome-ignore format: one line
  return picture(drawing, { title: `${entry.name}: ${stage}`, about: about[stage] }, format);
}

function drawFolded(entry: Entry, stage: keyof typeof about, format: PictureFormat): Promise<string | Uint8Array> {
  const folding = foldEntry(entry);
  const count = folding.boxes.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const title = { title: `${entry.name}: ${stage}, folded`, about: `${count} nodes by the calls that made them` };
  if (format === "mermaid") return Promise.resolve(printFoldedMermaid(folding, title));
  return rendered(printFoldedDot(folding, title), format);
}

type PictureFormat = Exclude<Format, "text" | "json">;

async function picture(drawing: Drawing, title: PictureTitle, format: PictureFormat): Promise<string | Uint8Array> {
  if (format === "mermaid") return printMermaid(drawing, title);
  if (format !== "dot") checkSize(drawing);
  return rendered(printDot(drawing, title), format);
}

export async function rendered(dot: string, format: Exclude<PictureFormat, "mermaid">): Promise<string | Uint8Array> {
  if (format === "dot") return dot;
  const svg = await renderSvg(dot);
  return format === "svg" ? svg : renderPng(svg);
}

/**
 * Boxes whose text can be read where all of them are seen at once, on 1400 by 900 pixels: a training step of 90 boxes has letters of 12
 * pixels there, one of 176 (a conv net) of 7, one of 236 of 5.
 */
const mostReadable = 150;

/**
 * What Graphviz lays out in about a minute. Measured with transformers and chains of layers, in seconds, on two busy cores: 1,843
 * boxes and 2,326 lines 4; 2,616 and 2,818 21; 3,507 and 4,434 24; 4,339 and 5,488 99; 5,216 and 5,618 179. Above that it may
 * also run out of its memory.
 */
const mostBoxes = 4_000;
const mostLines = 5_000;

/** Before the layout starts: in it there is no telling when it ends. */
function checkSize(drawing: Drawing): void {
  const all = allDrawings(drawing);
  const boxCount = all.reduce((sum, { boxes, copies }) => sum + boxes.length + copies.length, 0);
  const lines = all.flatMap((one) => one.lines);
  if (boxCount <= mostBoxes && lines.length <= mostLines) return;
  throw new UserError(
    `a picture of ${boxCount} boxes and ${lines.length} lines is too large to lay out (at most ${mostBoxes} and ${mostLines}): ` +
      "use --fold, which draws calls in place of nodes, an earlier --stage, an --entry that does less, or --format dot, text or json",
  );
}

// ---- kernels -------------------------------------------------------------------------------------------------------

/** The sequence as pictures need it. */
export function kernelsOf({ ordered, sequence }: Stages): Kernels {
  let count = 0;
  const homes = homesIn(ordered.fused);
  const drawn = (step: Launch | Copy): Kernels["steps"][number] => {
    const number = count;
    count += 1;
    if (step.kind === "copy") return { ...step, number };
    const { flops, schedule } = step.kernel;
    const note = [flopsText(flops), printSchedules(schedule)].filter((words) => words !== "").join(", ");
    const clusters = new Map<unknown, Node[]>();
    for (const node of step.nodes) {
      const cluster = homes.get(node);
      const known = clusters.get(cluster);
      if (known === undefined) clusters.set(cluster, [node]);
      else known.push(node);
    }
    const written = new Set(step.kernel.buffers.filter(({ role }) => role === "write").map(({ name }) => name));
    const writes = step.bindings.filter(({ param }) => written.has(param)).map(({ buffer }) => buffer);
    return { kind: "launch", number, name: step.name, note, clusters: [...clusters.values()], writes };
  };
  const within = (steps: Sequence, { bufferOf, steps: orderedSteps }: Ordered): Kernels => {
    const loops = new Map<readonly Node[], readonly Kernels[]>();
    const own = steps.flatMap((step): Kernels["steps"] => {
      if (step.kind === "launch" || step.kind === "copy") return [drawn(step)];
      const outer = orderedSteps.find((one) => one.id === step.id);
      const bodies = outer === undefined ? [] : bodiesOf<Ordered>(outer);
      const made = bodiesOf(step).flatMap((body, i) => {
        const inner = bodies[i];
        return inner === undefined ? [] : [within(body, inner)];
      });
      if (step.node !== undefined) loops.set(step.node.results, made);
      return [];
    });
    return { steps: own, bufferOf, loops };
  };
  return within(sequence, ordered);
}

/** The cluster of each node, those in the bodies of loops too. */
function homesIn({ homes, loops }: Fused): ReadonlyMap<Node, Cluster> {
  const all = new Map(homes);
  for (const body of [...loops.values()].flat()) for (const [node, home] of homesIn(body)) all.set(node, home);
  return all;
}

async function drawKernels(compiled: Stages, format: Format, naming: Naming | undefined): Promise<string | Uint8Array> {
  const { entry, ordered, sequence } = compiled;
  const graph = ordered.fused.entry;
  const names = naming?.(graph);
  if (format === "text") {
    return `${printCode(sequence)}\n`;
  }
  const kernels = kernelsOf(compiled);
  if (format === "json") return json({ stage: "kernels", dims: entry.dims, ...graphJson(graph, kernels, names) });
  const { launches, copies } = countSteps(sequence);
  const counts = [`${launches} launch${launches === 1 ? "" : "es"}`];
  if (copies > 0) counts.push(`${copies} cop${copies === 1 ? "y" : "ies"}`);
  const words = `${counts.join(" and ")}, numbered in order${sizes(entry.dims)}`;
  return picture(drawEntry(graph, kernels, names), { title: `${entry.name}: kernels`, about: words }, format);
}

function sizes(dims: Dims): string {
  const words = Object.entries(dims).map(([name, size]) => `${name} ${size}`);
  return words.length === 0 ? "" : `, for ${words.join(", ")}`;
}

// ---- memory --------------------------------------------------------------------------------------------------------

export function memoryOf({ entry, sequence, layout, report }: Stages): MemoryPicture {
  const steps = stepNames(sequence);
  const bars = layout.arena.placements.map(({ buffer, ...place }) => {
    return { name: printBuffer(buffer), about: buffer.dtype + printShape(buffer.shape), ...place };
  });
  return { title: `${entry.name}: memory${sizes(entry.dims)}`, steps, bars, ...report.memory };
}

async function drawMemory(compiled: Stages, format: Format): Promise<string | Uint8Array> {
  const memory = memoryOf(compiled);
  switch (format) {
    case "text":
      return memoryText(memory);
    case "json":
      return json({ stage: "memory", entry: compiled.entry.name, ...memory, liveBytes: liveBytes(memory) });
    case "svg":
      return printMemorySvg(memory);
    case "png":
      return renderPng(printMemorySvg(memory));
    case "dot":
    case "mermaid":
      throw new UserError(
        `memory over time is no graph, so there is no ${format} of it: use --format svg, png, text or json`,
      );
    default:
      return unreachable(format);
  }
}

function memoryText(memory: MemoryPicture): string {
  const live = liveBytes(memory);
  const rows = memory.bars.map((bar) => {
    const marks = memory.steps.map((_, step) => (bar.first <= step && step <= bar.last ? "#" : "."));
    return `${bar.name.padEnd(8)} ${marks.join("")}  ${bytesText(bar.bytes).padStart(9)} at ${bar.offset}  ${bar.about}`;
  });
  const total = (words: string, bytes: number): string => `${words.padEnd(24)}${bytes} B`;
  return [
    memory.title,
    "",
    ...memory.steps.map((name, step) => `${String(step + 1).padStart(3)} ${name.padEnd(40)} ${live[step] ?? 0} B live`),
    "",
    ...rows,
    "",
    total("arena", memory.peakBytes),
    total("lower bound", memory.lowerBoundBytes),
    total("without reuse", memory.withoutReuseBytes),
    total("state", memory.stateBytes),
    total("inputs", memory.inputBytes),
    total("outputs", memory.outputBytes),
    "",
  ].join("\n");
}

/** Numbers that JSON lacks become text. */
function json(value: unknown): string {
  const spell = (_: string, part: unknown): unknown =>
    typeof part === "number" && !Number.isFinite(part) ? String(part) : part;
  return `${JSON.stringify(value, spell, 2)}\n`;
}
