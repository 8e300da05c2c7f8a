/**
 * inspect(): what a program is at each stage of its compilation, as texts to read. Nothing runs, and no device is needed.
 *
 *   for (const { name, text } of inspect(net.program, { entry: "train", dims: { batch: 128 } })) console.log(name, text);
 */
import { moduleText } from "../../codegen/js/artifact.ts";
import { js } from "../../codegen/js/target.ts";
import { bindTarget } from "../../codegen/target.ts";
import { type Stages, stagesOf } from "../compile.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, type OptionTable, object, text } from "../core/options.ts";
import type { Program } from "../dsl/program.ts";
import { printEntry } from "../graph/print.ts";
import { type Dims, dimNames } from "../graph/shape.ts";
import { checkProgram } from "../program/check.ts";
import { printCode, printSlots } from "../program/print.ts";

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
  const stages = stagesOf(program, entry, dims, bindTarget(js));
  const { sequence } = stages;
  return [
    { name: "as written", text: printEntry(stages.written) },
    { name: "after differentiate", text: printEntry(stages.differentiated) },
    { name: "optimized", text: printEntry(stages.simplified) },
    { name: "kernels", text: printCode(sequence) },
    { name: "JavaScript", text: moduleText(stages.entry.artifact).trimEnd() },
    { name: "memory", text: placesText(stages) },
  ];
}

/** Every buffer with its place, and how large the scratch arena is. */
function placesText({ entry, report }: Stages): string {
  const { peakBytes, lowerBoundBytes, withoutReuseBytes } = report.memory;
  const sum = `scratch: ${peakBytes} B (at least ${lowerBoundBytes} B are needed; ${withoutReuseBytes} B without reuse)`;
  return [printSlots(entry.buffers.values()), sum].join("\n");
}
