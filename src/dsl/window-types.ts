/**
 * Shapes of windows, convolutions and pools in the type system. Sizes, strides and dilations that are written as numbers (the
 * latter up to 9) give sizes that are known; "same" with a stride of 1 keeps what the axis has, a name too.
 */
import type { Dim, Shape } from "../graph/shape.ts";
import type { AddDims, CeilDiv, FloorDiv, SubtractDims, Times } from "./dim-types.ts";
import type { Width } from "./part-types.ts";
import type { AnyRank, Differ, FromFront, Known, ShapeMismatch } from "./shape-types.ts";

/** One number for all axes, or a list with one for each. */
export type PerAxis = number | readonly number[];

/**
 * `valid`: windows lie inside. `same`: as many as the axis has elements, divided by the stride, with zeros around it; where
 * they are odd in number there is one more behind. A list says [before, after] of each axis.
 */
export type WindowPadding = "valid" | "same" | readonly Width[];

/** `causal`: all zeros in front, so that no element depends on a later one. */
export type Padding = WindowPadding | "causal";

/** Where channels stand: last [batch, sizes.., channels], or first [batch, channels, sizes..]. */
export type DataFormat = "channelsLast" | "channelsFirst";

/** What an option is, and its default where it is not given. */
type Option<O, Name extends string, Default> = Name extends keyof O
  ? [Exclude<O[Name], undefined>] extends [never]
    ? Default
    : Exclude<O[Name], undefined>
  : Default;

/** What is given for axis I, of a number for all or a list. */
type Along<Given, I> = Given extends readonly unknown[]
  ? I extends keyof Given
    ? Given[I] & number
    : number
  : Given extends number
    ? Given
    : number;

/** What a window reaches over. */
type Span<Size extends Dim, Dilation extends number> = [Dilation] extends [1]
  ? Size
  : AddDims<Times<SubtractDims<Size, 1>, Dilation>, 1>;

/** Windows that lie inside of N. */
type Inside<N extends Dim, Reach extends Dim, Stride extends number> = AddDims<
  FloorDiv<SubtractDims<N, Reach>, Stride>,
  1
>;

/** How many windows there are. */
type Count<N extends Dim, Size extends Dim, Stride extends number, Dilation extends number, Pad> = [Pad] extends [
  "valid",
]
  ? Inside<N, Span<Size, Dilation>, Stride>
  : [Pad] extends ["same" | "causal"]
    ? CeilDiv<N, Stride>
    : [Pad] extends [readonly [infer Before extends number, infer After extends number]]
      ? Inside<AddDims<AddDims<N, Before>, After>, Span<Size, Dilation>, Stride>
      : number extends N
        ? number
        : Dim;

/** The padding of axis I. */
type PadAlong<Given, I> = Given extends readonly unknown[] ? (I extends keyof Given ? Given[I] : Width) : Given;

/** Axes of sizes, each by the windows along it. */
type Counts<S extends Shape, Size, O, Stride> = {
  -readonly [I in keyof S]: Count<
    S[I] & Dim,
    SizeAlong<Size, I>,
    Along<Stride, I>,
    Along<Option<O, "dilation", 1>, I>,
    PadAlong<Option<O, "padding", "valid">, I>
  >;
};

type SizeAlong<Size, I> = Size extends readonly Dim[] ? (I extends keyof Size ? Size[I] & Dim : Dim) : Size & Dim;

// ---- convolution -----------------------------------------------------------------------------------------------------

type IsFirst<O> = [Option<O, "dataFormat", "channelsLast">] extends ["channelsLast"]
  ? false
  : [Option<O, "dataFormat", "channelsLast">] extends ["channelsFirst"]
    ? true
    : boolean;

/** Batch, sizes and channels of images. */
type Parts<X extends Shape, O> = [IsFirst<O>] extends [false]
  ? X extends readonly [infer N extends Dim, ...infer Sizes extends Shape, infer C extends Dim]
    ? [N, Sizes, C]
    : never
  : [IsFirst<O>] extends [true]
    ? X extends readonly [infer N extends Dim, infer C extends Dim, ...infer Sizes extends Shape]
      ? [N, Sizes, C]
      : never
    : never;

type Images<N extends Dim, Sizes extends Shape, C extends Dim, O> =
  IsFirst<O> extends true ? [N, C, ...Sizes] : [N, ...Sizes, C];

type FilterSizes<W extends Shape> = W extends readonly [...infer Sizes extends Shape, Dim, Dim] ? Sizes : Shape;
type LastDim<W extends Shape> = W extends readonly [...Shape, infer F extends Dim] ? F : Dim;
type LastButOne<W extends Shape> = W extends readonly [...Shape, infer C extends Dim, Dim] ? C : Dim;

/** Of what x and a filter give, with these features. */
type Convolved<X extends Shape, W extends Shape, O, F extends Dim> =
  AnyRank<W> extends true
    ? Shape
    : [Parts<X, O>] extends [[infer N extends Dim, infer Sizes extends Shape, Dim]]
      ? Images<N, Counts<Sizes, FilterSizes<W>, O, Option<O, "stride", 1>>, F, O>
      : Shape;

export type ConvShape<X extends Shape, W extends Shape, O> =
  AnyRank<X> extends true ? Shape : Convolved<X, W, O, LastDim<W>>;

export type DepthwiseShape<X extends Shape, W extends Shape, O> =
  AnyRank<X> extends true ? Shape : Convolved<X, W, O, Times<LastButOne<W>, LastDim<W>>>;

type RankMessage<
  Call extends string,
  X extends Shape,
> = `${Call}: x has rank ${X["length"]}, wanted [batch, sizes, channels]`;

type ChannelsOf<X extends Shape, O> = [Parts<X, O>] extends [[Dim, Shape, infer C extends Dim]] ? C : Dim;

/** Ranks and channels; `Takes` is what the filter has to have of these. */
type CheckFilter<Call extends string, X extends Shape, W extends Shape, O, Takes extends Dim> =
  AnyRank<W> extends true
    ? unknown
    : X["length"] extends 0 | 1 | 2
      ? ShapeMismatch<RankMessage<Call, X>>
      : W["length"] extends X["length"]
        ? Differ<ChannelsOf<X, O>, Takes> extends true
          ? ShapeMismatch<`${Call}: x has ${ChannelsOf<X, O>} channels, and the filter takes ${Takes}`>
          : unknown
        : ShapeMismatch<`${Call}: x has rank ${X["length"]} and the filter ${W["length"]}: they must be equal`>;

export type CheckConv<X extends Shape, W extends Shape, O> =
  AnyRank<X> extends true
    ? unknown
    : CheckFilter<"conv", X, W, O, Times<LastButOne<W>, Option<O, "groups", 1> & number>>;

export type CheckDepthwise<X extends Shape, W extends Shape, O> =
  AnyRank<X> extends true ? unknown : CheckFilter<"depthwiseConv", X, W, O, LastButOne<W>>;

export type CheckTransposed<X extends Shape, W extends Shape, O> =
  AnyRank<X> extends true ? unknown : CheckFilter<"convTranspose", X, W, O, LastDim<W>>;

// ---- transposed ------------------------------------------------------------------------------------------------------

type Larger<A extends Dim, B extends Dim> = [SubtractDims<A, B>] extends [never] ? B : A;

/** What windows fill; where options ask for more than their strides, it is found when the graph is built. */
type Filled<N extends Dim, Size extends Dim, Stride extends number, Pad, IsPlain> = [IsPlain] extends [true]
  ? [Pad] extends ["same"]
    ? Times<N, Stride>
    : [Pad] extends ["valid"]
      ? Known<Size> extends true
        ? AddDims<Times<SubtractDims<N, 1>, Stride>, Larger<Size, Stride>>
        : Dim
      : Dim
  : Dim;

type IsPlain<O> = [Option<O, "dilation", 1>, Option<O, "outputPadding", 0>] extends [1, 0] ? true : false;

type FilledSizes<S extends Shape, Sizes extends Shape, O> = {
  -readonly [I in keyof S]: Filled<
    S[I] & Dim,
    SizeAlong<Sizes, I>,
    Along<Option<O, "stride", 1>, I>,
    PadAlong<Option<O, "padding", "valid">, I>,
    IsPlain<O>
  >;
};

export type TransposedShape<X extends Shape, W extends Shape, O> = true extends AnyRank<X> | AnyRank<W>
  ? Shape
  : [Parts<X, O>] extends [[infer N extends Dim, infer Sizes extends Shape, Dim]]
    ? Images<N, FilledSizes<Sizes, FilterSizes<W>, O>, LastButOne<W>, O>
    : Shape;

// ---- pools and windows -------------------------------------------------------------------------------------------------

export type PoolShape<X extends Shape, O> =
  AnyRank<X> extends true
    ? Shape
    : [Parts<X, O>] extends [[infer N extends Dim, infer Sizes extends Shape, infer C extends Dim]]
      ? Images<N, Counts<Sizes, Option<O, "size", number>, O, Option<O, "stride", Option<O, "size", number>>>, C, O>
      : Shape;

export type CheckPool<Call extends string, X extends Shape> =
  AnyRank<X> extends true ? unknown : X["length"] extends 0 | 1 | 2 ? ShapeMismatch<RankMessage<Call, X>> : unknown;

type OnesOf<S extends Shape> = { -readonly [I in keyof S]: 1 };

export type GlobalPoolShape<X extends Shape, O> =
  AnyRank<X> extends true
    ? Shape
    : [Parts<X, O>] extends [[infer N extends Dim, infer Sizes extends Shape, infer C extends Dim]]
      ? [Option<O, "keepDims", false>] extends [false]
        ? [N, C]
        : [Option<O, "keepDims", false>] extends [true]
          ? Images<N, OnesOf<Sizes>, C, O>
          : Shape
      : Shape;

/** Which of the windowed axes this is, as a key of the lists of options; never where it is none. */
type PlaceOf<S extends Shape, Axes extends readonly number[], K> = {
  [I in keyof Axes & `${number}`]: Axes[I] extends number ? (K extends `${FromFront<S, Axes[I]>}` ? I : never) : never;
}[keyof Axes & `${number}`];

type Windowed<S extends Shape, Axes extends readonly number[], O> = {
  -readonly [K in keyof S]: [PlaceOf<S, Axes, K>] extends [never]
    ? S[K]
    : Count<
        S[K] & Dim,
        SizeAlong<Option<O, "size", number>, PlaceOf<S, Axes, K>>,
        Along<Option<O, "stride", 1>, PlaceOf<S, Axes, K>>,
        Along<Option<O, "dilation", 1>, PlaceOf<S, Axes, K>>,
        PadAlong<Option<O, "padding", "valid">, PlaceOf<S, Axes, K>>
      >;
};

type SizesOf<Axes extends readonly number[], Size> = { -readonly [I in keyof Axes]: Along<Size, I> };

export type WindowShape<S extends Shape, O> =
  AnyRank<S> extends true
    ? Shape
    : O extends { readonly axes: infer Axes extends readonly number[] }
      ? number extends Axes["length"] | Axes[number]
        ? Shape
        : [...Windowed<S, Axes, O>, ...SizesOf<Axes, Option<O, "size", number>>]
      : Shape;
