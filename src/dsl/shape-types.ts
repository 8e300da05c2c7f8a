/**
 * Shapes in the type system: what `tsc` checks in the editor.
 *
 * Checked here: rank, equality of dimensions, broadcasting (equal, or a literal 1), dtypes, permute, matmul, the axes of a
 * reduction; in part-types.ts parts, what is joined, and other products. Not here: products of dimensions (reshape, flatten):
 * those are checked when the graph is built. A dimension that is merely `number`, `string` or a union is never an error, nor
 * is a dtype that may be one of several.
 */
import type { DType } from "../core/dtype.ts";
import type { Dim, Shape } from "../graph/shape.ts";

/** Makes a parameter's type impossible to satisfy, with the reason where the editor shows it. */
export interface ShapeMismatch<Message extends string> {
  readonly "shapes do not fit": Message;
}

/** The same for dtypes. */
export interface DTypeMismatch<Message extends string> {
  readonly "dtypes differ": Message;
}

/** Dtypes of operands that meet element by element; a number has none, and takes the other's. */
export type CheckDTypes<Call extends string, A extends DType, B extends DType> = [A] extends [never]
  ? unknown
  : [B] extends [never]
    ? unknown
    : true extends IsUnion<A> | IsUnion<B>
      ? unknown
      : [A] extends [B]
        ? unknown
        : DTypeMismatch<`${Call}: dtypes ${A} and ${B} differ: cast one`>;

type IsUnion<T, U = T> = [T] extends [never] ? false : T extends unknown ? ([U] extends [T] ? false : true) : never;

/** A literal dimension. */
export type Known<D> = number extends D ? false : string extends D ? false : IsUnion<D> extends true ? false : true;

/** Both are literals, and different ones. */
export type Differ<A, B> = [Known<A>, Known<B>] extends [true, true] ? ([A] extends [B] ? false : true) : false;

/** The rank is not known. */
export type AnyRank<S extends Shape> = number extends S["length"] ? true : false;

// ---- broadcasting --------------------------------------------------------------------------------------------------

type BroadcastDim<A extends Dim, B extends Dim> = [A] extends [1]
  ? B
  : [B] extends [1]
    ? A
    : Known<A> extends true
      ? A
      : B;

type Zip<A extends Shape, B extends Shape, Tail extends Shape = []> = A extends readonly [
  ...infer AHead extends Shape,
  infer ALast extends Dim,
]
  ? B extends readonly [...infer BHead extends Shape, infer BLast extends Dim]
    ? Zip<AHead, BHead, [BroadcastDim<ALast, BLast>, ...Tail]>
    : [...A, ...Tail]
  : [...B, ...Tail];

/** The shape that both broadcast to. */
export type Broadcast<A extends Shape, B extends Shape> = A extends B
  ? B extends A
    ? A
    : BroadcastOf<A, B>
  : BroadcastOf<A, B>;

type BroadcastOf<A extends Shape, B extends Shape> = true extends AnyRank<A> | AnyRank<B> ? Shape : Zip<A, B>;

type Clash<A extends Shape, B extends Shape> = A extends readonly [
  ...infer AHead extends Shape,
  infer ALast extends Dim,
]
  ? B extends readonly [...infer BHead extends Shape, infer BLast extends Dim]
    ? [ALast] extends [1]
      ? Clash<AHead, BHead>
      : [BLast] extends [1]
        ? Clash<AHead, BHead>
        : Differ<ALast, BLast> extends true
          ? [ALast, BLast]
          : Clash<AHead, BHead>
    : never
  : never;

export type CheckBroadcast<Call extends string, A extends Shape, B extends Shape> = true extends AnyRank<A> | AnyRank<B>
  ? unknown
  : [Clash<A, B>] extends [never]
    ? unknown
    : Clash<A, B> extends [infer X extends Dim, infer Y extends Dim]
      ? ShapeMismatch<`${Call}: dimensions ${X} and ${Y} do not broadcast`>
      : unknown;

// ---- matmul --------------------------------------------------------------------------------------------------------

export type CheckMatmul<A extends Shape, B extends Shape> = true extends AnyRank<A> | AnyRank<B>
  ? unknown
  : A extends readonly [Dim, infer K extends Dim]
    ? B extends readonly [infer K2 extends Dim, Dim]
      ? Differ<K, K2> extends true
        ? ShapeMismatch<`matmul: inner dimensions ${K} and ${K2} differ`>
        : unknown
      : ShapeMismatch<`matmul: the right operand has rank ${B["length"]}, wanted 2`>
    : ShapeMismatch<`matmul: the left operand has rank ${A["length"]}, wanted 2`>;

export type MatmulShape<A extends Shape, B extends Shape> = A extends readonly [infer M extends Dim, Dim]
  ? B extends readonly [Dim, infer N extends Dim]
    ? [M, N]
    : Shape
  : Shape;

// ---- axes ----------------------------------------------------------------------------------------------------------

type Length<S extends Shape> = S["length"];

/** -1 is the last axis. Ranks up to 6; above, the rank is given up. */
type Negative = { "-1": 1; "-2": 2; "-3": 3; "-4": 4; "-5": 5; "-6": 6 };

type CountDown<S extends Shape, N extends number, Seen extends Shape = []> = Seen["length"] extends N
  ? Length<S>
  : S extends readonly [...infer Head extends Shape, Dim]
    ? CountDown<Head, N, [...Seen, 0]>
    : never;

/** An axis counted from the front. */
export type FromFront<S extends Shape, Axis extends number> = `${Axis}` extends keyof Negative
  ? CountDown<S, Negative[`${Axis}`]>
  : Axis;

export type ReplaceAt<
  S extends Shape,
  At extends number,
  With extends Shape,
  Done extends Shape = [],
> = S extends readonly [infer First extends Dim, ...infer Rest extends Shape]
  ? Done["length"] extends At
    ? [...Done, ...With, ...Rest]
    : ReplaceAt<Rest, At, With, [...Done, First]>
  : Shape;

export interface ReduceOptions {
  /** The axis or axes to reduce; all by default. -1 is the last. */
  readonly axis?: number | readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims?: boolean;
}

export interface AlongAxis {
  /** The last by default. */
  readonly axis?: number;
}

/** Makes options' type impossible to satisfy, with the reason where the editor shows it. */
export interface UnknownOption<Message extends string> {
  readonly "there is no such option": Message;
}

/**
 * Names that a call does not know. Options whose type is inferred need it: `O extends ReduceOptions` takes any object that has
 * one of the names.
 */
export type CheckOptions<Call extends string, O, Known> = [Exclude<keyof O, keyof Known>] extends [never]
  ? unknown
  : UnknownOption<`${Call}: ${Exclude<keyof O, keyof Known> & string} (there are: ${keyof Known & string})`>;

/** What is inferred where no options are given. */
export interface NoOptions {
  /** All axes. */
  readonly axis?: never;
  /** False. */
  readonly keepDims?: never;
}

type Ones<S extends Shape> = { -readonly [K in keyof S]: 1 };

/** The axes of a list, counted from the front, as a union of keys of a shape. Never where the shape has not got one. */
type Keys<S extends Shape, Axes extends number> = Axes extends number
  ? [FromFront<S, Axes>] extends [never]
    ? never
    : `${FromFront<S, Axes>}`
  : never;

type Without<S extends Shape, K extends string, Done extends Shape = [], Seen extends Shape = []> = S extends readonly [
  infer First extends Dim,
  ...infer Rest extends Shape,
]
  ? Without<Rest, K, `${Seen["length"]}` extends K ? Done : [...Done, First], [...Seen, 0]>
  : Done;

/** What is given for an option; never where it is not. */
type Given<O, Name extends string> = Name extends keyof O ? Exclude<O[Name], undefined> : never;

/** Where it may be true or false, not even the rank is known. */
type Keeps<O> = [Given<O, "keepDims">] extends [never | false] ? false : O extends { keepDims: true } ? true : boolean;

type ReduceAxes<S extends Shape, K extends string, Keep> = [Keep] extends [true]
  ? { -readonly [I in keyof S]: I extends K ? 1 : S[I] }
  : [Keep] extends [false]
    ? Without<S, K>
    : Shape;

type ReduceAll<S extends Shape, Keep> = [Keep] extends [true] ? Ones<S> : [Keep] extends [false] ? [] : Shape;

export type ReduceShape<S extends Shape, O extends ReduceOptions> = O extends { axis: infer Axis }
  ? AnyRank<S> extends true
    ? Shape
    : Axis extends number
      ? Known<Axis> extends true
        ? ReduceAxes<S, Keys<S, Axis>, Keeps<O>>
        : Shape
      : Axis extends readonly number[]
        ? number extends Axis["length"] | Axis[number]
          ? Shape
          : ReduceAxes<S, Keys<S, Axis[number]>, Keeps<O>>
        : Shape
  : [Given<O, "axis">] extends [never]
    ? ReduceAll<S, Keeps<O>>
    : Shape;

type NoAxis<
  Call extends string,
  S extends Shape,
  Axis extends number | string,
> = `${Call}: there is no axis ${Axis} in rank ${Length<S>}`;

/** Those of the axes that the shape has not got. */
type Lost<S extends Shape, Axes extends number> = Axes extends number
  ? [Keys<S, Axes>] extends [keyof S]
    ? [Keys<S, Axes>] extends [never]
      ? Axes
      : never
    : Axes
  : never;

/** The axes of a list that is written out. */
type AxesIn<List> = List extends readonly number[]
  ? number extends List["length"] | List[number]
    ? never
    : List[number]
  : never;

export type CheckAxis<Call extends string, S extends Shape, O extends ReduceOptions> = O extends { axis: infer Axis }
  ? AnyRank<S> extends true
    ? unknown
    : Axis extends number
      ? Known<Axis> extends true
        ? CheckAxes<Call, S, Axis>
        : unknown
      : CheckAxes<Call, S, AxesIn<Axis>>
  : unknown;

type CheckAxes<Call extends string, S extends Shape, Axes extends number> = [Lost<S, Axes>] extends [never]
  ? unknown
  : ShapeMismatch<NoAxis<Call, S, Lost<S, Axes>>>;

// ---- permute -------------------------------------------------------------------------------------------------------

export type PermuteShape<S extends Shape, Order extends readonly number[]> =
  AnyRank<S> extends true
    ? Shape
    : number extends Order["length"]
      ? Shape
      : { -readonly [I in keyof Order]: Order[I] extends keyof S ? S[Order[I]] & Dim : Dim };

/** The axes of an order that the shape does not have. */
type MissingAxis<S extends Shape, Order extends readonly number[]> = number extends Order[number]
  ? never
  : Exclude<`${Order[number]}`, keyof S>;

export type CheckOrder<S extends Shape, Order extends readonly number[]> =
  AnyRank<S> extends true
    ? unknown
    : number extends Order["length"]
      ? unknown
      : Order["length"] extends S["length"]
        ? [MissingAxis<S, Order>] extends [never]
          ? unknown
          : ShapeMismatch<NoAxis<"permute", S, MissingAxis<S, Order>>>
        : ShapeMismatch<`permute: an order of ${Order["length"]} axes for rank ${S["length"]}`>;

export type Reversed<S extends Shape> =
  AnyRank<S> extends true
    ? Shape
    : S extends readonly [infer First extends Dim, ...infer Rest extends Shape]
      ? [...Reversed<Rest>, First]
      : [];
