/**
 * Shapes of what a loop reads row by row and of what it stacks.
 */
import type { DType } from "../core/dtype.ts";
import type { Dim, Shape } from "../graph/shape.ts";
import type { Tensor } from "./tensor.ts";

type Rest<S extends Shape> = S extends readonly [Dim, ...infer R extends Shape] ? R : Shape;

/** The same tree, a row of each tensor: its shape without the first axis. */
export type ScanRows<X> =
  X extends Tensor<infer S extends Shape, infer D extends DType>
    ? Tensor<Rest<S>, D>
    : { readonly [K in keyof X]: ScanRows<X[K]> };

/** The same tree, `L` of each tensor along a new first axis. */
export type StackedOf<R, L extends Dim> =
  R extends Tensor<infer S extends Shape, infer D extends DType>
    ? Tensor<[L, ...S], D>
    : { readonly [K in keyof R]: StackedOf<R[K], L> };

/** The first dimension of the tensors of a tree, which is that of all. */
export type ScanLength<X> = [LengthOf<X>] extends [never] ? Dim : LengthOf<X>;

type LengthOf<X> =
  X extends Tensor<infer S extends Shape>
    ? S extends readonly [infer L extends Dim, ...Shape]
      ? L
      : Dim
    : X extends readonly (infer E)[]
      ? LengthOf<E>
      : X extends object
        ? { readonly [K in keyof X]: LengthOf<X[K]> }[keyof X]
        : never;
