/**
 * What the commands that look into a program have in common: which entry, which dimensions. A wrong choice is a
 * user's error that names the right ones.
 */
import { InvalidArgumentError } from "commander";
import { UserError } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { type Dims, dimNames } from "../../graph/shape.ts";
import { type Skippable, skippable } from "../../stages.ts";

export const dimsHelp = "sizes of symbolic dimensions, as batch=128 or batch=128,width=32";
export const entryHelp = "the entry to show (default: the program's first)";

/** Parses one --dims; it may be given several times. */
export function parseDims(text: string, before: Dims = {}): Dims {
  const dims = new Map(Object.entries(before));
  for (const part of text.split(",")) {
    const [, name, size] = /^\s*([^=]+?)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined || !Number.isSafeInteger(Number(size))) {
      throw new InvalidArgumentError(`"${part}" is not a size: write name=number, as batch=128.`);
    }
    if (dims.has(name)) throw new InvalidArgumentError(`"${name}" is given twice.`);
    dims.set(name, Number(size));
  }
  return Object.fromEntries(dims);
}

export const skipHelp = `stages to leave out, for comparison: the numbers stay the same (${skippable.join(", ")})`;

/** Nodes by their numbers, and kernels by what they do, as texts for programs to compare are best. */
export const noNamesHelp = "call nodes by their numbers, and not as the source does";

/** Parses one --skip; it may be given several times. */
export function parseSkip(text: string, before: readonly Skippable[] = []): readonly Skippable[] {
  const skip = new Set(before);
  for (const part of text.split(",")) {
    const stage = skippable.find((name) => name === part.trim());
    if (stage === undefined) {
      throw new InvalidArgumentError(`"${part}" cannot be left out; these can: ${skippable.join(", ")}.`);
    }
    skip.add(stage);
  }
  return [...skip];
}

/** Parses --seed. */
export function parseSeed(text: string): number {
  if (/^\d+$/.test(text.trim()) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 0 to 2^53 - 1.");
}

/** The entry's name, checked; the first entry where none is asked for. */
export function chooseEntry(program: Program<unknown>, wanted: string | undefined): string {
  const names = [...program.entries.keys()];
  const name = wanted ?? names[0];
  if (name !== undefined && program.entries.has(name)) return name;
  throw new UserError(`there is no entry "${wanted}": the program has ${names.join(", ")}`);
}

/** The dimensions, none unknown; `all` asks for a size of each. */
export function checkDims(program: Program<unknown>, dims: Dims, all: "all" | "some"): void {
  const known = new Set(program.inputs.flatMap(({ leaf }) => dimNames(leaf.shape)));
  for (const name of Object.keys(dims)) {
    if (known.has(name)) continue;
    const names = known.size === 0 ? "it has none" : `it has ${[...known].join(", ")}`;
    throw new UserError(`--dims: the program has no dimension "${name}" (${names})`);
  }
  const missing = missingDims(program, dims);
  if (all === "some" || missing.length === 0) return;
  const wanted = missing.map((name) => `${name}=128`).join(",");
  throw new UserError(`the dimension "${missing.join('", "')}" has no size: add --dims ${wanted}, say`);
}

/** The program's dimensions that have no size. */
export function missingDims(program: Program<unknown>, dims: Dims): readonly string[] {
  const known = new Set(program.inputs.flatMap(({ leaf }) => dimNames(leaf.shape)));
  return [...known].filter((name) => !Object.hasOwn(dims, name));
}
