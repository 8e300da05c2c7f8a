/**
 * What a standalone program is made of, whatever the target: the entries that were asked for, compiled, and the states that these have.
 *
 * States and inputs that no such entry has are left out: a program that predicts has no gradients, moments or labels.
 */
import { commentText } from "../../../../codegen/escape.ts";
import type { BoundTarget } from "../../../../codegen/target.ts";
import { newTogether, type Stages, stagesOf } from "../../../compile.ts";
import { CompilerBug, UserError } from "../../../core/errors.ts";
import type { Program } from "../../../dsl/program.ts";
import type { StateSpec } from "../../../dsl/spec.ts";
import { splitPath } from "../../../dsl/tree.ts";
import { neededNodes } from "../../../graph/entry.ts";
import { input, state } from "../../../graph/ops/source.ts";
import { type Dims, dimNames, printShape } from "../../../graph/shape.ts";
import type { Artifact } from "../../../program/artifact.ts";
import type { BufferSlot } from "../../../program/buffer.ts";
import { checkPrecision } from "../../../program/check.ts";
import type { Picks } from "../../../program/compiled.ts";
import type { Skippable } from "../../../stages.ts";
import type { Naming } from "../../names/naming.ts";
import { checkDims, chooseEntry } from "../choose.ts";

export interface ProgramOptions {
  /** By default all. */
  readonly entries?: readonly string[];
  /** Of symbolic dimensions; `entry.dimension` is that of one entry alone. */
  readonly dims?: Dims;
  /** Stages to leave out. */
  readonly skip?: readonly Skippable[];
  /** What nodes are called in the user's source; without it, what they do. */
  readonly naming?: Naming | undefined;
}

/** A tensor that is fed or read. */
export interface Port {
  /** Where it stands in the tree. */
  readonly path: readonly string[];
  readonly slot: BufferSlot;
  /** Its type in words: "f32[128,784], of [batch,784]". */
  readonly about: string;
}

export interface InputPort extends Port {
  readonly picks: Picks | null;
}

export interface StatePort extends Port {
  readonly leaf: StateSpec;
}

export interface CompiledProgram<A extends Artifact = Artifact> {
  readonly entries: readonly ProgramEntry<A>[];
  /** In the order in which they lie, at the same addresses for every entry. */
  readonly states: readonly StatePort[];
  readonly stateBytes: number;
}

export interface ProgramEntry<A extends Artifact = Artifact> {
  readonly name: string;
  readonly dims: Dims;
  /** Those that it reads. */
  readonly inputs: readonly InputPort[];
  readonly outputs: readonly Port[];
  readonly stages: Stages<A>;
}

/** What an executable in a standalone module has besides its entries. `then` would make it something that `await` calls. */
const taken: readonly string[] = ["state", "dispose", "then"];

export function compileProgram<A extends Artifact>(
  program: Program<unknown>,
  target: BoundTarget<A>,
  { entries: wanted, dims = {}, skip = [], naming }: ProgramOptions,
): CompiledProgram<A> {
  const names = wanted === undefined ? [...program.entries.keys()] : wanted.map((name) => chooseEntry(program, name));
  const odd = names.find((name) => taken.includes(name));
  if (odd !== undefined) {
    throw new UserError(
      `an entry cannot be called "${odd}": what create() gives has that name already. Choose another.`,
    );
  }
  checkPrecision("compile", program.precision ?? "f32", target.traits);
  const some = programOf(program, names);
  const { general, own } = splitDims(dims, names);
  checkDims(some, general, "some");
  const together = newTogether(target);
  const entries = names.map((name): ProgramEntry<A> => {
    const { inputs } = programOf(program, [name]);
    const known = new Set(inputs.flatMap(({ leaf }) => dimNames(leaf.shape)));
    const sizes = Object.fromEntries(Object.entries(general).filter(([dim]) => known.has(dim)));
    const bound = { ...sizes, ...own.get(name) };
    checkDims({ ...some, inputs }, bound, "all");
    const stages = stagesOf(some, name, bound, target, { skip }, { together, naming });
    return { name, dims: bound, stages, inputs: inputPorts(stages, some), outputs: outputPorts(stages) };
  });
  const [first] = entries;
  if (first === undefined) throw new UserError("no entry was asked for");
  const { declared, segmentBytes } = first.stages.layout;
  return { entries, states: statePorts(declared.state, some), stateBytes: segmentBytes.state };
}

/** The program with these entries alone, and what they have of its inputs and states. */
function programOf(program: Program<unknown>, names: readonly string[]): Program<unknown> {
  const used = { inputs: new Set<unknown>(), states: new Set<unknown>() };
  const entries = new Map([...program.entries].filter(([name]) => names.includes(name)));
  for (const entry of entries.values()) {
    for (const { name } of entry.next) used.states.add(name);
    for (const { op, attrs } of neededNodes(entry)) {
      if (op === input) used.inputs.add(attrs.name);
      if (op === state) used.states.add(attrs.name);
    }
  }
  return {
    ...program,
    entries,
    inputs: program.inputs.filter(({ path }) => used.inputs.has(path)),
    states: program.states.filter(({ path }) => used.states.has(path)),
  };
}

/** "predict.batch" is the entry's own, where there is an entry of that name. */
function splitDims(dims: Dims, names: readonly string[]) {
  const general = new Map<string, number>();
  const own = new Map<string, Record<string, number>>();
  for (const [key, size] of Object.entries(dims)) {
    const entry = names.find((name) => key.startsWith(`${name}.`));
    if (entry === undefined) general.set(key, size);
    else own.set(entry, { ...own.get(entry), [key.slice(entry.length + 1)]: size });
  }
  return { general: Object.fromEntries(general), own };
}

function inputPorts({ entry }: Stages, { inputs }: Program<unknown>): readonly InputPort[] {
  const declared = new Map(inputs.map(({ path, leaf }) => [path, leaf]));
  return entry.inputs
    .filter(({ used }) => used)
    .map(({ path, buffer, below }) => {
      const shape = declared.get(path)?.shape ?? buffer.shape;
      const symbolic = dimNames(shape).length === 0 ? "" : `, of ${commentText(printShape(shape))}`;
      const picks = below === null ? "" : `; ${picksInWords(below)}`;
      return { path: partsOf(path), slot: buffer, about: `${typeIn(buffer)}${symbolic}${picks}`, picks: below };
    });
}

function picksInWords({ limit, ignored }: Picks): string {
  return `whole numbers from 0 to ${limit - 1}${ignored === null ? "" : `, or ${ignored} to be left out`}`;
}

function outputPorts({ entry }: Stages): readonly Port[] {
  return [...entry.outputs].map(([path, slot]) => ({ path: partsOf(path), slot, about: typeIn(slot) }));
}

function statePorts(slots: readonly BufferSlot[], { states }: Program<unknown>): readonly StatePort[] {
  const leaves = new Map(states.map(({ path, leaf }) => [path, leaf]));
  return slots.map((slot) => {
    const leaf = leaves.get(slot.name);
    if (leaf === undefined) throw new CompilerBug(`there is no state ${slot.name}`);
    return { path: [slot.name], slot, leaf, about: `${typeIn(slot)}${leaf.trainable ? ", trained" : ""}` };
  });
}

function partsOf(path: string): readonly string[] {
  return path === "" ? [] : splitPath(path);
}

function typeIn({ dtype, shape }: BufferSlot): string {
  return `${dtype}${printShape(shape)}`;
}
