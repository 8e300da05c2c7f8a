/**
 * Specs: the leaves of a program's trees of inputs and state, and the tensors they become inside an entry.
 */
import type { DType } from "../graph/dtype.ts";
import { checkDim, type Dim, type Shape } from "../graph/shape.ts";
import type { Initializer } from "./initializers.ts";
import type { Tensor } from "./tensor.ts";

/** A tensor fed at each call. */
export class InputSpec<S extends Shape = Shape, D extends DType = DType> {
  readonly shape: S;
  readonly dtype: D;

  constructor(shape: S, dtype: D) {
    this.shape = shape.map(checkDim) as unknown as S;
    this.dtype = dtype;
  }
}

/** A tensor that persists between calls. */
export class StateSpec<S extends Shape = Shape, D extends DType = DType> {
  readonly shape: S;
  readonly dtype: D;
  readonly trainable: boolean;
  readonly initializer: Initializer;

  constructor(initializer: Initializer<S>, dtype: D, trainable: boolean) {
    this.shape = initializer.shape.map(checkDim) as unknown as S;
    this.dtype = dtype;
    this.trainable = trainable;
    this.initializer = initializer;
  }
}

function input<D extends DType>(dtype: D) {
  return <const S extends readonly Dim[]>(...shape: S): InputSpec<[...S], D> =>
    new InputSpec<[...S], D>([...shape], dtype);
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
/** An input of half floats, as their 16 bits in a Uint16Array; cast it before computing. */
export const f16 = input("f16");
/** An input of truth values, as 0 and 1 in a Uint8Array. */
export const bool = input("bool");

interface DTypeOption<D extends DType> {
  readonly dtype?: D;
}

/** A trainable state. */
export function param<S extends Shape, D extends DType = "f32">(
  start: Initializer<S>,
  options: DTypeOption<D> = {},
): StateSpec<S, D> {
  return new StateSpec(start, (options.dtype ?? "f32") as D, true);
}

/** A state that is not trained: moments, counters, running statistics. */
export function slot<S extends Shape, D extends DType = "f32">(
  start: Initializer<S>,
  options: DTypeOption<D> = {},
): StateSpec<S, D> {
  return new StateSpec(start, (options.dtype ?? "f32") as D, false);
}

/** The tree of tensors that a tree of specs becomes inside an entry. */
export type TensorsOf<T> = T extends { readonly shape: infer S extends Shape; readonly dtype: infer D extends DType }
  ? Tensor<S, D>
  : { readonly [K in keyof T]: TensorsOf<T[K]> };
