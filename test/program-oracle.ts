/**
 * Runs a program's entries through the float64 oracle: what the program means, with no rounding between operations. State is
 * carried from call to call, so an executable can be compared with it over several steps.
 */
import type { Tolerances } from "../codegen/tolerance.ts";
import { differentiate } from "../passes/graph/differentiate.ts";
import { specialize } from "../passes/graph/specialize.ts";
import { isFloat, roundTo } from "../src/core/dtype.ts";
import { startOfDraws } from "../src/core/random.ts";
import type { Program } from "../src/dsl/program.ts";
import { type Entry, rebuild, resultNodes } from "../src/graph/entry.ts";
import { type Environment, evaluateGraph } from "../src/graph/evaluate.ts";
import { type NdArray, ndarray } from "../src/graph/ndarray.ts";
import { constant, randomState } from "../src/graph/ops/source.ts";
import { bindDim, type Dims, fixedShape, sizeOf } from "../src/graph/shape.ts";
import type { TypedArray } from "../src/runtime/typed-arrays.ts";
import { type Bounded, errorBounds } from "./error-bound.ts";

/** Inputs by path ("image", "pair.left"). */
export type FlatFeeds = Readonly<Record<string, TypedArray | readonly number[] | number>>;

export interface OracleOptions {
  readonly dims?: Dims;
  readonly seed?: number;
  /** Leave starting values as initializers give them, in double precision, instead of rounding them to their dtypes. */
  readonly unrounded?: boolean;
  /** Stands in for float constants of the program: for references that rounded theirs. */
  readonly constant?: (value: number) => number;
}

export class ProgramOracle {
  readonly #program: Program<unknown>;
  readonly #dims: Dims;
  readonly #constant: OracleOptions["constant"];
  readonly #state = new Map<string, NdArray>();
  readonly #entries = new Map<string, Entry>();

  constructor(program: Program<unknown>, options: OracleOptions = {}) {
    this.#program = program;
    this.#dims = options.dims ?? {};
    this.#constant = options.constant;
    const seed = options.seed ?? 0;
    for (const { path, leaf } of program.states) {
      const start = new Float64Array(sizeOf(fixedShape(leaf.shape)));
      if (path === randomState) start.set(startOfDraws(seed));
      else leaf.initializer.fill(start, seed, path);
      const kept = options.unrounded === true ? start : Array.from(start, (value) => roundTo(leaf.dtype, value));
      this.#state.set(path, ndarray(leaf.dtype, fixedShape(leaf.shape), kept));
    }
  }

  /** Runs an entry once; gives its outputs by path. */
  run(entry: string, feeds: FlatFeeds = {}): ReadonlyMap<string, Float64Array> {
    const expanded = this.#expanded(entry);
    const results = evaluateGraph(resultNodes(expanded), this.#environment(feeds));
    const found = [...expanded.outputs, ...expanded.next].map((result, i) => [result.name, results[i]] as const);
    const outputs = new Map<string, Float64Array>();
    for (const [name, value] of found.slice(0, expanded.outputs.length)) if (value) outputs.set(name, value.data);
    for (const [name, value] of found.slice(expanded.outputs.length)) if (value) this.#state.set(name, value);
    return outputs;
  }

  /** What an entry would give now, and how far a target may be from it. Changes no state. */
  bounds(entry: string, feeds: FlatFeeds, target: Tolerances): ReadonlyMap<string, Bounded> {
    return errorBounds(this.#expanded(entry), this.#environment(feeds), target);
  }

  /** The first number of an output. */
  number(outputs: ReadonlyMap<string, Float64Array>, name: string): number {
    return outputs.get(name)?.[0] ?? Number.NaN;
  }

  get stateNames(): readonly string[] {
    return [...this.#state.keys()];
  }

  state(name: string): Float64Array {
    const value = this.#state.get(name);
    if (value === undefined) throw new Error(`the oracle has no state "${name}"`);
    return value.data;
  }

  #environment(feeds: FlatFeeds): Environment {
    const values = new Map(this.#state);
    for (const { path, leaf } of this.#program.inputs) {
      const fed = feeds[path];
      if (fed === undefined) continue;
      const shape = leaf.shape.map((dim) => bindDim(dim, this.#dims));
      values.set(path, ndarray(leaf.dtype, shape, typeof fed === "number" ? [fed] : fed));
    }
    return values;
  }

  #expanded(name: string): Entry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    let entry = this.#program.entries.get(name);
    if (entry === undefined) throw new Error(`the program has no entry "${name}"`);
    for (const pass of [differentiate, specialize]) {
      entry = pass.run(entry, { dims: this.#dims, warn: () => undefined });
    }
    if (this.#constant !== undefined) entry = replaceConstants(entry, this.#constant);
    this.#entries.set(name, entry);
    return entry;
  }
}

function replaceConstants(entry: Entry, change: (value: number) => number): Entry {
  return rebuild(entry, (node, _, build) => {
    const { dtype } = node.type;
    if (node.op !== constant || !isFloat(dtype)) return undefined;
    return build.constant(dtype, change(Number(node.attrs.value)));
  });
}

/** The largest |a - b| / max(1, |b|); NaN where one is NaN and the other is not. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i] ?? Number.NaN, expected[i] ?? Number.NaN];
    if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b)) || a === b) continue;
    const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
    if (!(error <= worst)) worst = error;
    if (Number.isNaN(worst)) return worst;
  }
  return worst;
}
