/**
 * What the outputs of an entry come back as, by the types of its tensors.
 */
import type { DType } from "../core/dtype.ts";
import type { Tensor } from "../dsl/tensor.ts";
import type { Shape } from "../graph/shape.ts";
import type { ArrayOf, TypedArray } from "./typed-arrays.ts";

/** What a tensor's values come back as: a number for a scalar, a typed array otherwise; trees stay trees. */
export type ValueOf<T> =
  T extends Tensor<infer S, infer D extends DType>
    ? number extends S["length"]
      ? number | ArrayOf<D>
      : S["length"] extends 0
        ? number
        : ArrayOf<D>
    : { readonly [K in keyof T]: ValueOf<T[K]> };

type NamedIn<Outputs, N> = {
  [E in keyof Outputs]: N extends keyof Outputs[E] ? ValueOf<Outputs[E][N]> : never;
}[keyof Outputs];
export type ReadValue<Outputs, N> = [NamedIn<Outputs, N>] extends [never] ? number | TypedArray : NamedIn<Outputs, N>;

/** What a tensor's values come back as after many steps: all of them in one typed array, step after step. */
export type SeriesOf<T> =
  T extends Tensor<Shape, infer D extends DType> ? ArrayOf<D> : { readonly [K in keyof T]: SeriesOf<T[K]> };
