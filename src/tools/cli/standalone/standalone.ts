/**
 * tensorloom compile --standalone: a folder that trains and predicts, and needs nothing of ours.
 *
 *   mnist.js            a module: templates of ours (glue/), joined, and the program's own tables and code
 *   mnist.d.ts          its types
 *   train.wasm          on wasm a module for each entry, on wgsl a shader for each kernel
 *   mnist.safetensors   the states that it starts with
 *   package.json        says that it is an ES module
 *   README.md
 *
 * On c it is mnist.c and mnist.h, beside the states.
 */
import { c } from "../../../../codegen/c/target.ts";
import { commentText } from "../../../../codegen/escape.ts";
import { js } from "../../../../codegen/js/target.ts";
import { bindTarget, type Target } from "../../../../codegen/target.ts";
import { wasm } from "../../../../codegen/wasm/target.ts";
import { wgsl } from "../../../../codegen/wgsl/target.ts";
import { DataError } from "../../../core/errors.ts";
import { version } from "../../../core/version.ts";
import type { Program } from "../../../dsl/program.ts";
import { printShape } from "../../../graph/shape.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "../../../io/safetensors.ts";
import type { TargetName } from "../../../kernel/target.ts";
import type { Artifact } from "../../../program/artifact.ts";
import { startValuesOf } from "../../../runtime/start-values.ts";
import type { TypedArray } from "../../../runtime/typed-arrays.ts";
import type { Exported } from "../export.ts";
import { cProgram } from "./c.ts";
import { declarationsOf } from "./declarations.ts";
import { glueText } from "./glue.ts";
import { jsParts } from "./js.ts";
import { plain } from "./names.ts";
import type { ModuleParts } from "./parts.ts";
import { type CompiledProgram, compileProgram, type ProgramOptions } from "./program.ts";
import { readmeOf } from "./readme.ts";
import { wasmParts } from "./wasm.ts";
import { wgslParts } from "./wgsl.ts";

export type StandaloneTarget = TargetName | "c";

export interface StandaloneOptions extends ProgramOptions {
  readonly target: StandaloneTarget;
  /** The name of the user's script, after which the module is called. */
  readonly script: string;
  /** Of the states that it starts with: 0 by default. */
  readonly seed?: number;
  /** A safetensors file with the states to start with in place of those. */
  readonly state?: { readonly name: string; readonly bytes: Uint8Array };
}

export async function standalone(program: Program<unknown>, options: StandaloneOptions): Promise<Exported> {
  const { target, script } = options;
  const name = script.replace(/^.*[\\/]/, "");
  const stem = plain(name.replace(/\.\w+$/, ""), "program");
  const start = `${stem}.safetensors`;
  const about = `The program of ${commentText(name)}, for the ${target} target. Made by tensorloom ${version}; it needs nothing else.`;
  const { compiled, files, calls } =
    target === "c"
      ? cFiles(program, options, stem, about)
      : await moduleFiles(program, { ...options, target }, { start, stem, about });
  files.set(start, writeSafetensors(startOf(program, compiled, options)));
  const facts = { stem, script: name, target, files: [...files.keys()], version, calls };
  files.set("README.md", readmeOf(compiled, facts));
  return { files, told: `${[...files.keys()].join(", ")}` };
}

interface Made {
  readonly compiled: CompiledProgram;
  readonly files: Map<string, string | Uint8Array>;
  /** In C how each entry is called. */
  readonly calls: readonly string[];
}

function cFiles(program: Program<unknown>, options: ProgramOptions, stem: string, about: string): Made {
  const compiled = compileProgram(program, bindTarget(c), options);
  const { source, header, calls } = cProgram(compiled, stem, about);
  return { compiled, calls, files: new Map([[`${stem}.c`, source], [`${stem}.h`, header]]) }; // biome-ignore format: short
}

interface ModuleNames {
  readonly start: string;
  readonly stem: string;
  readonly about: string;
}

async function moduleFiles(
  program: Program<unknown>,
  options: ProgramOptions & { readonly target: TargetName },
  { start, stem, about }: ModuleNames,
): Promise<Made> {
  const { compiled, parts } = makers[options.target](program, options, start, stem);
  const files = new Map<string, string | Uint8Array>([
    [`${stem}.js`, await moduleText(parts, about, stem)],
    [`${stem}.d.ts`, await declarationsOf(compiled, about, options.target === "wgsl")],
    ...parts.files,
    ["package.json", packageText(stem)],
  ]);
  return { compiled, files, calls: [] };
}

interface Compiled {
  readonly compiled: CompiledProgram;
  readonly parts: ModuleParts;
}

/** By what each target's modules are made. */
const makers: Readonly<Record<TargetName, ReturnType<typeof makerOf>>> = {
  js: makerOf(js, jsParts),
  wasm: makerOf(wasm, wasmParts),
  wgsl: makerOf(wgsl, wgslParts),
};

function makerOf<A extends Artifact, Facts>(
  target: Target<A, Facts>,
  partsOf: (program: CompiledProgram<A>, start: string, stem: string) => ModuleParts,
) {
  return (program: Program<unknown>, options: ProgramOptions, start: string, stem: string): Compiled => {
    const compiled = compileProgram(program, bindTarget(target), options);
    return { compiled, parts: partsOf(compiled, start, stem) };
  };
}

async function moduleText({ glue, text, create }: ModuleParts, about: string, stem: string): Promise<string> {
  return `/**
 * ${about}
 * README.md says how it is used, ${stem}.d.ts what it takes and gives.
 */

${await glueText(glue)}
// ---- the program ----

${text}
/** Loads what the program needs; every call makes another, with states of its own. */
export const create = (options = {}) => ${create}(program, options);
`;
}

function packageText(stem: string): string {
  const exports = { ".": { types: `./${stem}.d.ts`, default: `./${stem}.js` } };
  const name = stem.toLowerCase().replaceAll(/^_+/g, "");
  return `${JSON.stringify({ name, version: "0.0.0", private: true, type: "module", exports }, null, 2)}\n`;
}

/** The states that it starts with, as an executable of this seed starts, or of a file. */
function startOf(
  program: Program<unknown>,
  { states }: CompiledProgram,
  { seed = 0, state }: StandaloneOptions,
): ReadonlyMap<string, StoredTensor> {
  const values = state === undefined ? startValuesOf(program.states, seed) : fromFile(states, state);
  return new Map(
    states.map(({ slot: { name, dtype, shape } }) => {
      const data = values.get(name);
      if (data === undefined) throw new DataError(`the state "${name}" has no values`);
      return [name, { dtype, shape, data }];
    }),
  );
}

function fromFile(
  states: CompiledProgram["states"],
  { name: file, bytes }: { readonly name: string; readonly bytes: Uint8Array },
): ReadonlyMap<string, TypedArray> {
  const { tensors } = readSafetensors(bytes, file, { only: states.map(({ slot }) => slot.name) });
  const wrong = states.flatMap(({ slot: { name, dtype, shape } }) => {
    const found = tensors.get(name);
    if (found?.dtype === dtype && printShape(found.shape) === printShape(shape)) return [];
    const has = found === undefined ? "is not there" : `is ${found.dtype}${printShape(found.shape)}`;
    return [`the program's "${name}" is ${dtype}${printShape(shape)}, and in the file it ${has}`];
  });
  if (wrong.length === 0) return new Map([...tensors].map(([name, { data }]) => [name, data]));
  const shown = wrong.slice(0, 10);
  if (shown.length < wrong.length) shown.push(`and ${wrong.length - shown.length} more`);
  throw new DataError([`${file} does not fit the program:`, ...shown].join("\n  "));
}
