/**
 * Specs: the leaves of a program's trees of inputs and state, and the tensors they become inside an entry.
 */

import { type DType, isShort } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, isInitializer, type Kind, type OptionTable, show } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { checkDim, type Dim, type Shape } from "../graph/shape.ts";
import { checkDims, dtypeKind } from "./check.ts";
import type { Initializer } from "./initializers.ts";
import type { Tensor } from "./tensor.ts";

/** A tensor fed at each call. */
export class InputSpec<S extends Shape = Shape, D extends DType = DType> {
  /** Numbers, and names of dimensions that are bound when the program is compiled. */
  readonly shape: S;
  /** What its elements are. */
  readonly dtype: D;
  /** Where it is fed once and stays on the device, the set of those that lie there together: see by-rows.ts. */
  readonly held: string | null;

  constructor(shape: S, dtype: D, held: string | null = null) {
    for (const dim of shape) checkDim(dim);
    this.shape = shape;
    this.dtype = dtype;
    this.held = held;
  }
}

/** A tensor that persists between calls. */
export class StateSpec<S extends Shape = Shape, D extends DType = DType> {
  readonly shape: S;
  readonly dtype: D;
  readonly trainable: boolean;
  /** Not trained, and meant to stay as it starts. */
  readonly frozen: boolean;
  readonly initializer: Initializer;
  readonly range: Range | undefined;

  constructor(initializer: Initializer<S>, dtype: D, trainable: boolean, range?: Range, frozen = false) {
    this.shape = initializer.shape.map(checkDim) as unknown as S;
    this.dtype = dtype;
    this.trainable = trainable;
    this.frozen = frozen;
    this.initializer = initializer;
    this.range = range;
  }
}

/** Leaves of a tree of inputs. */
export const inputLeaf: Kind<InputSpec> = {
  wanted: 'inputs as f32("batch", 784) makes them',
  accepts: (value): value is InputSpec => value instanceof InputSpec,
};

/** Leaves of a tree of states. */
export const stateLeaf: Kind<StateSpec> = {
  wanted: "states as param(zeros(2, 3)) and slot(...) make them",
  accepts: (value): value is StateSpec => value instanceof StateSpec,
};

function input<D extends DType>(dtype: D) {
  return <const S extends readonly Dim[]>(...shape: S): InputSpec<[...S], D> => {
    checkDims(dtype, shape);
    return new InputSpec<[...S], D>([...shape], dtype);
  };
}

/** An input of 32-bit floats: `f32("batch", 784)`. */
export const f32 = input("f32");
/** An input of 64-bit floats (the `js` target only). */
export const f64 = input("f64");
/** An input of 32-bit integers. */
export const i32 = input("i32");
/** An input of unsigned 32-bit integers. */
export const u32 = input("u32");
/** An input of bytes; cast it before computing. */
export const u8 = input("u8");
/** An input of half floats, as their 16 bits in a Uint16Array. */
export const f16 = input("f16");
/** An input of bfloat16 numbers, the upper halves of those of 32 bits, as their 16 bits in a Uint16Array. */
export const bf16 = input("bf16");
/** An input of truth values, as 0 and 1 in a Uint8Array. */
export const bool = input("bool");

export interface StateOptions<D extends DType> {
  /** "f32" by default. */
  readonly dtype?: D;
  /** The least and the most that may be written to it from outside; neither NaN nor infinity is within. No bounds by default. */
  readonly range?: Range;
}

/** A range of numbers: from the first to the last, both finite or not. */
export type Range = readonly [least: number, most: number];

const stateTable: OptionTable<StateOptions<DType>> = {
  dtype: dtypeKind,
  range: {
    wanted: "two numbers, the least and the most: [0, Infinity], say",
    accepts: (value): value is Range =>
      Array.isArray(value) &&
      value.length === 2 &&
      value.every((end) => typeof end === "number") &&
      Number(value[0]) <= Number(value[1]),
  },
};

function stateSpec(call: string, start: Initializer, options: StateOptions<DType>, trainable: boolean): StateSpec {
  if (!isInitializer(start)) {
    const wanted = `${call}(zeros(784, 10)), ${call}(glorotUniform(784, 10)) or the like`;
    throw new UserError(`${call} takes an initializer, ${wanted}, not ${show(start)}${atLine(here(call))}`);
  }
  const place = { before: "start, " };
  const { dtype = "f32", range } = checkOptions(call, options, stateTable, place);
  if (range !== undefined && isShort(dtype)) {
    throw new UserError(`${call}: a state of ${dtype}, which is kept as bits, takes no range${atLine(here(call))}`);
  }
  return new StateSpec(start, dtype, trainable, range);
}

/** A trainable state. */
export function param<S extends Shape>(start: Initializer<S>): StateSpec<S, "f32">;
export function param<S extends Shape, D extends DType = "f32">(
  start: Initializer<S>,
  options: StateOptions<D>,
): StateSpec<S, D>;
export function param(start: Initializer, options: StateOptions<DType> = {}): StateSpec {
  checkArguments("param", arguments, 2);
  return stateSpec("param", start, options, true);
}

/** A state that is not trained: moments, counters, running statistics. */
export function slot<S extends Shape>(start: Initializer<S>): StateSpec<S, "f32">;
export function slot<S extends Shape, D extends DType = "f32">(
  start: Initializer<S>,
  options: StateOptions<D>,
): StateSpec<S, D>;
export function slot(start: Initializer, options: StateOptions<DType> = {}): StateSpec {
  checkArguments("slot", arguments, 2);
  return stateSpec("slot", start, options, false);
}

/** The same state, not trained and not moved: frozen weights, a table. It starts as it would have. */
export function freeze<S extends Shape, D extends DType>(spec: StateSpec<S, D>): StateSpec<S, D>;
export function freeze(spec: StateSpec): StateSpec {
  checkArguments("freeze", arguments, 1);
  if (!(spec instanceof StateSpec)) {
    throw new UserError(`freeze takes a state, as param() makes them, not ${show(spec)}${atLine(here("freeze"))}`);
  }
  return new StateSpec(spec.initializer, spec.dtype, false, spec.range, true);
}

/** The tree of tensors that a tree of specs becomes inside an entry. */
export type TensorsOf<T> = T extends { readonly shape: infer S extends Shape; readonly dtype: infer D extends DType }
  ? Tensor<S, D>
  : { readonly [K in keyof T]: TensorsOf<T[K]> };
