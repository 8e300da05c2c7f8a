/**
 * Shapes of what `vmap` gives a function and of what it makes of what that gives.
 */
import type { DType } from "../core/dtype.ts";
import type { Dim, Shape } from "../graph/shape.ts";
import type { AnyRank, FromFront, Known, ReplaceAt, ShapeMismatch } from "./shape-types.ts";
import type { Tensor } from "./tensor.ts";

/** Which axis of every tensor counts the examples; null: it is the same for all. Or a tree of both, by the names in the tree. */
export type AxisTree = number | null | { readonly [name: string]: AxisTree };

type AxisOf<A, K> = K extends keyof A ? A[K] : 0;

type WithoutAxis<S extends Shape, A> =
  AnyRank<S> extends true ? Shape : Known<A> extends true ? ReplaceAt<S, FromFront<S, A & number>, []> : Shape;

/** The same tree, one example of each tensor. */
export type ExampleOf<X, A> = A extends null
  ? X
  : X extends Tensor<infer S extends Shape, infer D extends DType>
    ? Tensor<WithoutAxis<S, A>, D>
    : { readonly [K in keyof X]: ExampleOf<X[K], A extends number ? A : AxisOf<A, K>> };

/** How many examples there are. */
export type ExamplesOf<X, A> = [CountOf<X, A>] extends [never] ? Dim : CountOf<X, A>;

type CountOf<X, A> = A extends null
  ? never
  : X extends Tensor<infer S extends Shape>
    ? AnyRank<S> extends true
      ? Dim
      : FromFront<S, A & number> extends infer At
        ? `${At & number}` extends keyof S
          ? S[`${At & number}`] & Dim
          : Dim
        : never
    : X extends readonly (infer E)[]
      ? CountOf<E, A extends number ? A : 0>
      : X extends object
        ? { readonly [K in keyof X]: CountOf<X[K], A extends number ? A : AxisOf<A, K>> }[keyof X]
        : never;

/** The same tree, `N` of each tensor along a new axis `O` of the result. */
export type ExamplesTree<R, N extends Dim, O> =
  R extends Tensor<infer S extends Shape, infer D extends DType>
    ? Tensor<O extends 0 ? [N, ...S] : AnyRank<S> extends true ? Shape : Inserted<S, N, O>, D>
    : { readonly [K in keyof R]: ExamplesTree<R[K], N, O> };

type Inserted<S extends Shape, N extends Dim, O> =
  Known<O> extends true ? InsertAt<S, N, FromFront<[...S, N], O & number>> : Shape;

type InsertAt<S extends Shape, N extends Dim, At, Done extends Shape = []> = Done["length"] extends At
  ? [...Done, N, ...S]
  : S extends readonly [infer First extends Dim, ...infer Rest extends Shape]
    ? InsertAt<Rest, N, At, [...Done, First]>
    : Shape;

/** Tensors with different numbers of examples. */
export type CheckExamples<N extends Dim> =
  true extends TwoLiterals<N> ? ShapeMismatch<`vmap: ${N} examples do not fit together`> : unknown;

type TwoLiterals<N, All = N> = number extends N
  ? false
  : string extends N
    ? false
    : N extends unknown
      ? [All] extends [N]
        ? false
        : true
      : never;
