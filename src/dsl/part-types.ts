/**
 * Shapes of parts and of what is joined, in the type system: slice, pad, concat, gather, products of vectors and of many
 * matrices. What is not known here is `Dim` or `number`, and found out when the graph is built.
 */
import type { DType } from "../core/dtype.ts";
import type { Dim, Shape } from "../graph/shape.ts";
import type { AddDims, SubtractDims } from "./dim-types.ts";
import type { AnyRank, CheckDTypes, Differ, FromFront, Known, ReplaceAt, ShapeMismatch } from "./shape-types.ts";
import type { DTypeOf, ShapeOf, Tensor } from "./tensor.ts";

// ---- slice, pad ----------------------------------------------------------------------------------------------------

/** One range an axis: `[start, stop]`, `[start, stop, step]`, or null for the whole axis. Negative counts from the end. */
export type Range = readonly [start: number, stop: number, step?: number] | null;

/** A place on an axis, counted from the front. */
type Place<D extends Dim, At extends number> = `${At}` extends `-${infer Back extends number}`
  ? SubtractDims<D, Back>
  : At;

type Extent<D extends Dim, R extends Range | undefined> = R extends readonly [
  infer From extends number,
  infer To extends number,
  ...infer Step,
]
  ? Step extends readonly [] | readonly [1]
    ? SubtractDims<Place<D, To>, Place<D, From>>
    : number
  : [R] extends [null | undefined]
    ? D
    : Dim;

type Sliced<S extends Shape, R extends readonly Range[]> = S extends readonly [
  infer First extends Dim,
  ...infer Rest extends Shape,
]
  ? R extends readonly [infer Head extends Range, ...infer Tail extends readonly Range[]]
    ? [Extent<First, Head>, ...Sliced<Rest, Tail>]
    : S
  : [];

export type SliceShape<S extends Shape, R extends readonly Range[]> =
  AnyRank<S> extends true ? Shape : number extends R["length"] ? { -readonly [K in keyof S]: Dim } : Sliced<S, R>;

/** How many elements are put before an axis and behind it. */
export type Width = readonly [before: number, after: number];

type Padded<S extends Shape, W extends readonly Width[]> = S extends readonly [
  infer First extends Dim,
  ...infer Rest extends Shape,
]
  ? W extends readonly [
      readonly [infer Before extends number, infer After extends number],
      ...infer Tail extends readonly Width[],
    ]
    ? [AddDims<AddDims<First, Before>, After>, ...Padded<Rest, Tail>]
    : S
  : [];

export type PadShape<S extends Shape, W extends readonly Width[]> =
  AnyRank<S> extends true ? Shape : number extends W["length"] ? { -readonly [K in keyof S]: Dim } : Padded<S, W>;

// ---- concat, gather ------------------------------------------------------------------------------------------------

/** The dimension of an axis counted from the front. */
type DimAt<S extends Shape, Axis extends number> = `${Axis}` extends keyof S ? S[`${Axis}`] & Dim : Dim;

type Total<P extends readonly Tensor[], Axis extends number, Sum extends Dim = 0> = P extends readonly [
  infer Head extends Tensor,
  ...infer Tail extends readonly Tensor[],
]
  ? Total<Tail, Axis, AddDims<Sum, DimAt<ShapeOf<Head>, Axis>>>
  : P extends readonly []
    ? Sum
    : Dim;

type Joined<S extends Shape, P extends readonly Tensor[], Axis extends number> =
  AnyRank<S> extends true
    ? Shape
    : Known<Axis> extends true
      ? JoinedAt<S, P, FromFront<S, Axis>>
      : { -readonly [K in keyof S]: Dim };

type JoinedAt<S extends Shape, P extends readonly Tensor[], Axis extends number> = ReplaceAt<S, Axis, [Total<P, Axis>]>;

export type ConcatShape<P extends readonly Tensor[], Axis extends number> = P extends readonly [
  infer First extends Tensor,
  ...(readonly Tensor[]),
]
  ? Joined<ShapeOf<First>, P, Axis>
  : Joined<ShapeOf<P[number]>, P, Axis>;

export type GatherShape<S extends Shape, I extends Shape, Axis extends number> = true extends AnyRank<S> | AnyRank<I>
  ? Shape
  : Known<Axis> extends true
    ? ReplaceAt<S, FromFront<S, Axis>, I>
    : Shape;

/** The size in front of what the updates have behind the axes of the indexes. */
export type ScatterShape<I extends Shape, U extends Shape, N extends number> = true extends AnyRank<I> | AnyRank<U>
  ? Shape
  : I extends readonly [Dim, ...infer IRest extends Shape]
    ? U extends readonly [Dim, ...infer URest extends Shape]
      ? ScatterShape<IRest, URest, N>
      : Shape
    : [N, ...U];

/** All dtypes of a list that is written out are the first one's. */
export type CheckAllDTypes<Call extends string, P extends readonly Tensor[]> = P extends readonly [
  infer First extends Tensor,
  infer Second extends Tensor,
  ...infer Rest extends readonly Tensor[],
]
  ? unknown extends CheckDTypes<Call, DTypeOf<First>, DTypeOf<Second>>
    ? CheckAllDTypes<Call, [First, ...Rest]>
    : CheckDTypes<Call, DTypeOf<First>, DTypeOf<Second>>
  : unknown;

// ---- products ------------------------------------------------------------------------------------------------------

export type DotShape<A extends Shape, B extends Shape> = true extends AnyRank<A> | AnyRank<B>
  ? Shape
  : A extends readonly [...infer Rows extends Shape, Dim]
    ? B extends readonly [Dim, ...infer Columns extends Shape]
      ? [...Rows, ...Columns]
      : Shape
    : Shape;

export type CheckDot<A extends Shape, B extends Shape> = true extends AnyRank<A> | AnyRank<B>
  ? unknown
  : [A, B] extends [readonly [...Shape, infer K extends Dim], readonly [infer K2 extends Dim, ...Shape]]
    ? Differ<K, K2> extends true
      ? ShapeMismatch<`dot: inner dimensions ${K} and ${K2} differ`>
      : unknown
    : unknown;

export type BatchMatmulShape<A extends Shape, B extends Shape> = true extends AnyRank<A> | AnyRank<B>
  ? Shape
  : A extends readonly [...infer Batch extends Shape, infer M extends Dim, Dim]
    ? B extends readonly [...Shape, Dim, infer N extends Dim]
      ? [...Batch, M, N]
      : Shape
    : Shape;

export type CheckBatchMatmul<A extends Shape, B extends Shape> = true extends AnyRank<A> | AnyRank<B>
  ? unknown
  : [A, B] extends [readonly [...Shape, Dim, infer K extends Dim], readonly [...Shape, infer K2 extends Dim, Dim]]
    ? A["length"] extends B["length"]
      ? Differ<K, K2> extends true
        ? ShapeMismatch<`batchMatmul: inner dimensions ${K} and ${K2} differ`>
        : unknown
      : ShapeMismatch<`batchMatmul: ranks ${A["length"]} and ${B["length"]} differ`>
    : ShapeMismatch<`batchMatmul: ranks ${A["length"]} and ${B["length"]}, wanted the same, at least 2`>;

// ---- labels --------------------------------------------------------------------------------------------------------

/** All axes but the last, which are the classes. */
export type RowsOf<S extends Shape> =
  AnyRank<S> extends true ? Shape : S extends readonly [...infer Rows extends Shape, Dim] ? Rows : [];

/** The first dimensions that are known and differ. */
type FirstDifference<A extends Shape, B extends Shape> = A extends readonly [
  infer X extends Dim,
  ...infer ARest extends Shape,
]
  ? B extends readonly [infer Y extends Dim, ...infer BRest extends Shape]
    ? Differ<X, Y> extends true
      ? [X, Y]
      : FirstDifference<ARest, BRest>
    : never
  : never;

type CheckLabelShape<Call extends string, What extends string, Wanted extends Shape, T extends Shape> = true extends
  | AnyRank<Wanted>
  | AnyRank<T>
  ? unknown
  : Wanted["length"] extends T["length"]
    ? FirstDifference<Wanted, T> extends infer Found
      ? [Found] extends [never]
        ? unknown
        : Found extends [infer X extends Dim, infer Y extends Dim]
          ? ShapeMismatch<`${Call}: ${X} rows of logits, and ${Y} of labels`>
          : unknown
      : unknown
    : ShapeMismatch<`${Call}: ${What} must have rank ${Wanted["length"]}, not ${T["length"]}`>;

/** Whole numbers are a class for each row; floats a weight for each class. */
export type CheckLabels<Call extends string, S extends Shape, D extends DType, T extends Shape, E extends DType> = [
  E,
] extends ["i32" | "u32" | "u8"]
  ? CheckLabelShape<Call, "class numbers", RowsOf<S>, T>
  : [E] extends ["f32" | "f64"]
    ? CheckLabelShape<Call, "weights of classes", S, T> & CheckDTypes<Call, D, E>
    : unknown;

// ---- reshape -------------------------------------------------------------------------------------------------------

/** A -1 is what is left, which the types do not work out. */
export type ReshapeShape<T extends Shape> = { -readonly [K in keyof T]: T[K] extends -1 ? Dim : T[K] };
