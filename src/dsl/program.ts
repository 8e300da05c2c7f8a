/**
 * program(): inputs, state and named entries, described once as static graphs.
 *
 *   program({ inputs, state, entries: { train(inputs, state) { ... return { outputs, next } } } })
 *
 * Each entry function runs once, here, with tensors in place of numbers; what it returns becomes the entry's graph.
 */
import { ShapeError, UserError } from "../core/errors.ts";
import {
  callable,
  checkArguments,
  checkedLater,
  checkOptions,
  type Kind,
  type OptionTable,
  object,
  show,
} from "../core/options.ts";
import { atLine, here, type Origin, withLine } from "../core/origin.ts";
import type { Precision } from "../core/precision.ts";
import { builder } from "../graph/build.ts";
import { type Entry, merged, type Result } from "../graph/entry.ts";
import { createTrace } from "../graph/graph.ts";
import type { Graph, Node } from "../graph/node.ts";
import { input as inputOp, randomState, state as stateOp } from "../graph/ops/source.ts";
import { sameShape } from "../graph/shape.ts";
import { printType } from "../graph/type.ts";
import { differentiatedBy } from "./body.ts";
import { refusePromise } from "./check.ts";
import { checkCompanions, lostUpdates } from "./companions.ts";
import { values } from "./initializers.ts";
import { type InputSpec, inputLeaf, type StateSpec, slot, stateLeaf, type TensorsOf } from "./spec.ts";
import { givenNode, isTensor, Tensor, tensorLeaf } from "./tensor.ts";
import { leavesOf, mapTree, type NamedLeaf, type Tree } from "./tree.ts";

export interface EntryResult {
  /** A tree of tensors that the caller can read. */
  readonly outputs?: unknown;
  /** New values of states, a tree shaped like (a part of) the state. States left out stay as they are. */
  readonly next?: unknown;
}

const resultTable: OptionTable<EntryResult> = { outputs: checkedLater(), next: checkedLater() };

export type EntryFunction<I, S> = (inputs: TensorsOf<I>, state: TensorsOf<S>) => EntryResult;

/** Entries over shared state: what `program` makes and `compile` takes. */
export interface ProgramDefinition<I, S, E> {
  /** What is fed at each call: a tree of `f32(...)`, `i32(...)`... None by default. */
  readonly inputs?: I;
  /** What is kept between calls: a tree of `param(...)` and `slot(...)`. None by default. */
  readonly state?: S;
  /** By name: functions of inputs and state, as tensors, that give `{ outputs, next }`. */
  readonly entries: E & Readonly<Record<string, EntryFunction<I, S>>>;
}

export interface StepDefinition<I, S, R> {
  /** What is fed at each call: a tree of `f32(...)`, `i32(...)`... None by default. */
  readonly inputs?: I;
  /** What is kept between calls: a tree of `param(...)` and `slot(...)`. None by default. */
  readonly state?: S;
  /** The only entry, called "step". */
  readonly step: (inputs: TensorsOf<I>, state: TensorsOf<S>) => R;
}

/** Output trees by entry, kept for the types of what an executable gives back. */
export type OutputsOf<E> = {
  readonly [K in keyof E]: E[K] extends (...args: never[]) => infer R
    ? R extends { readonly outputs: infer O }
      ? O
      : Record<never, never>
    : never;
};

/** Entries over shared state: what `program` makes and `compile` takes. */
export interface Program<Outputs = Readonly<Record<string, unknown>>, Inputs = unknown> {
  /** Every input, by path. */
  readonly inputs: readonly NamedLeaf<InputSpec>[];
  /** Every state, by path. */
  readonly states: readonly NamedLeaf<StateSpec>[];
  /** A graph for each entry, by name. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** What compiling it should tell its user. */
  readonly warnings?: readonly string[];
  /** What compiling it computes in, where its options do not say: "f32" by default. */
  readonly precision?: Precision;
  /** Carries the types of outputs and inputs; never there. */
  readonly types?: { readonly outputs: Outputs; readonly inputs: Inputs };
}

interface AnyDefinition {
  readonly inputs?: unknown;
  readonly state?: unknown;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly step?: (...args: never[]) => unknown;
}

/** An entry's function, as it is called: what it gives is anything until it is checked. */
type Body = (inputs: Tree<Tensor>, state: Tree<Tensor>) => unknown;

const bodyKind: Kind<Body> = callable();

const definitionTable: OptionTable<AnyDefinition> = {
  inputs: checkedLater(),
  state: checkedLater(),
  entries: object("an object of functions by name"),
  step: callable(),
};

/** A program: inputs, state, and one entry (`step`) or several (`entries`), each a function of both. */
export function program<I, S, E extends Readonly<Record<string, EntryFunction<I, S>>>>(
  definition: ProgramDefinition<I, S, E>,
): Program<OutputsOf<E>, I>;
export function program<I, S, R extends EntryResult>(
  definition: StepDefinition<I, S, R>,
): Program<OutputsOf<{ readonly step: () => R }>, I>;
export function program(definition: AnyDefinition): Program<never> {
  checkArguments("program", arguments, 1);
  const origin = here("program");
  checkOptions("program", definition, definitionTable, { origin });
  if (definition === undefined) throw new UserError(`program takes { inputs, state, entries }${atLine(origin)}`);
  if ("step" in definition && "entries" in definition) {
    throw new UserError(`program: give step, for one entry, or entries, not both${atLine(origin)}`);
  }
  const functions: Readonly<Record<string, unknown>> =
    "step" in definition ? { step: definition.step } : (definition.entries ?? {});
  const inputTree = definition.inputs ?? {};
  const stateTree = definition.state ?? {};
  const inputs = leavesOf(inputTree, inputLeaf, "inputs");
  const states = leavesOf(stateTree, stateLeaf, "state");
  checkNames(inputs, states, origin);
  const entries = new Map<string, Entry>();
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  for (const [name, body] of Object.entries(functions)) {
    if (!bodyKind.accepts(body)) throw new UserError(`entry "${name}" is not a function${atLine(origin)}`);
    try {
      entries.set(name, trace(name, body, inputTree, stateTree, states, origin, warn));
    } catch (error) {
      throw withLine(error, origin);
    }
  }
  if (entries.size === 0) throw new UserError(`a program needs an entry${atLine(origin)}`);
  const drawsRandom = [...entries.values()].some((entry) => entry.next.some(({ name }) => name === randomState));
  return { inputs, states: drawsRandom ? [...states, randomLeaf()] : states, entries, warnings };
}

/** Inputs and states are told apart by name alone, when they are fed and when they are read back. */
function checkNames(
  inputs: readonly NamedLeaf<InputSpec>[],
  states: readonly NamedLeaf<StateSpec>[],
  origin: Origin,
): void {
  const names = new Set(states.map(({ path }) => path));
  const both = inputs.find(({ path }) => names.has(path));
  if (both !== undefined) throw new UserError(`"${both.path}" is an input and a state: rename one${atLine(origin)}`);
  if (names.has(randomState)) throw new UserError(`a state must not be called "${randomState}"${atLine(origin)}`);
}

/** Where the draws stand: filled in from the seed when the program is compiled. */
function randomLeaf(): NamedLeaf<StateSpec> {
  return { path: randomState, leaf: slot(values([0, 0], 2), { dtype: "u32" }) };
}

function trace(
  name: string,
  body: Body,
  inputTree: unknown,
  stateTree: unknown,
  states: readonly NamedLeaf<StateSpec>[],
  origin: Origin,
  warn: (message: string) => void,
): Entry {
  const graph = createTrace();
  const source = (op: typeof inputOp, spec: InputSpec | StateSpec, path: string): Tensor =>
    new Tensor(graph.node(op, [], { name: path, dtype: spec.dtype, shape: spec.shape }, [origin]));
  const inputs = mapTree(inputTree, inputLeaf, "inputs", (spec, path) => source(inputOp, spec, path));
  const state = mapTree(stateTree, stateLeaf, "state", (spec, path) => source(stateOp, spec, path));
  const result = resultOf(name, body(inputs, state), origin);
  const named =
    (what: string) =>
    ({ path, leaf }: NamedLeaf<Tensor>): Result => ({
      name: path,
      node: givenNode(graph, leaf, `entry "${name}": ${what}`),
    });
  const outputs = leavesOf(result.outputs ?? {}, tensorLeaf, `entry "${name}": outputs`).map(named("outputs"));
  const nextLeaves = leavesOf(result.next ?? {}, tensorLeaf, `entry "${name}": next`);
  const next = nextLeaves.map(named("next"));
  const returned = new Set(nextLeaves.map(({ leaf }) => leaf));
  checkCompanions(name, result.next, returned, origin);
  const lost = lostUpdates(state, returned);
  if (lost.length > 0) {
    const slots = lost.map((path) => `"${path}"`).join(", ");
    warn(
      `entry "${name}": layers update ${slots}, and next does not have it: return slots.next(model) of the slotUpdates(model) ` +
        `that the layers are given${atLine(origin)}`,
    );
  }
  for (const change of next) checkNext(name, change, states, origin);
  const traced = { name, graph, outputs, next: [...next, ...countCalls(graph)] };
  return merged(traced, differentiatedBy(graph.nodes));
}

/** What an entry's function gave, checked. */
function resultOf(entry: string, result: unknown, origin: Origin): EntryResult {
  refusePromise(`entry "${entry}"`, result, origin);
  if (typeof result !== "object" || result === null || isTensor(result)) {
    throw new UserError(`entry "${entry}" must return { outputs, next }, not ${show(result)}${atLine(origin)}`);
  }
  const odd = Object.entries(result).find(([name, value]) => !Object.hasOwn(resultTable, name) && isTensor(value));
  if (odd !== undefined && !("outputs" in result)) {
    const [name] = odd;
    throw new UserError(
      `entry "${entry}" must return { outputs, next }: write outputs: { ${name} } where it returns ${name}${atLine(origin)}`,
    );
  }
  return checkOptions<EntryResult>(`entry "${entry}"`, result, resultTable, { origin });
}

/** A next value must have the type of its state. */
function checkNext(entry: string, change: Result, states: readonly NamedLeaf<StateSpec>[], origin: Origin): void {
  const known = states.find(({ path }) => path === change.name);
  const at = change.node.origins[0] ?? origin;
  if (known === undefined) {
    const names = states.map(({ path }) => path).join(", ");
    throw new UserError(
      `entry "${entry}": next has "${change.name}", which is no state (there are: ${names})${atLine(at)}`,
    );
  }
  const type = change.node.type;
  if (type.dtype !== known.leaf.dtype || !sameShape(type.shape, known.leaf.shape)) {
    const wanted = printType(known.leaf);
    throw new ShapeError(
      `entry "${entry}": next "${change.name}" is ${printType(type)}, the state is ${wanted}${atLine(at)}`,
    );
  }
}

/** An entry that draws random numbers counts its calls, so that each call draws others. */
function countCalls(graph: Graph): Result[] {
  const counter = graph.nodes.find((node) => node.op === stateOp && node.attrs.name === randomState);
  if (counter === undefined) return [];
  const build = builder(graph);
  const step: Node = build.cast(build.iota("i32", [2], 0), "u32"); // [0, 1]
  return [{ name: randomState, node: build.map("add", counter, step) }];
}
