/**
 * Sums and differences of literal dimensions, in the type system.
 *
 * Numbers are added as at school, digit by digit from the right, so that 60000 takes five steps (counting with tuples would
 * take 60000, and the compiler gives up at a thousand). Where a dimension is no literal number, the result is `Dim` or `number`.
 */
import type { Dim } from "../graph/shape.ts";

/** As many elements as the digit says. */
interface Ones {
  0: [];
  1: [1];
  2: [1, 1];
  3: [1, 1, 1];
  4: [1, 1, 1, 1];
  5: [1, 1, 1, 1, 1];
  6: [1, 1, 1, 1, 1, 1];
  7: [1, 1, 1, 1, 1, 1, 1];
  8: [1, 1, 1, 1, 1, 1, 1, 1];
  9: [1, 1, 1, 1, 1, 1, 1, 1, 1];
}
type Ten = [...Ones[9], 1];
type Digit = keyof Ones;
type Count = readonly 1[];

type Reverse<Text extends string, Done extends string = ""> = Text extends `${infer Head}${infer Rest}`
  ? Reverse<Rest, `${Head}${Done}`>
  : Done;

/** Zeros in front are dropped: "007" is no number's text. */
type NumberOf<Text extends string> = Text extends `0${infer Rest}`
  ? Rest extends ""
    ? 0
    : NumberOf<Rest>
  : Text extends `${infer N extends number}`
    ? N
    : never;

/** The digits of A and B last first. */
type AddDigits<
  A extends string,
  B extends string,
  Carry extends Count = [],
  Done extends string = "",
> = A extends `${infer X extends Digit}${infer ARest}`
  ? B extends `${infer Y extends Digit}${infer BRest}`
    ? AddCarry<[...Ones[X], ...Ones[Y], ...Carry], ARest, BRest, Done>
    : AddCarry<[...Ones[X], ...Carry], ARest, "", Done>
  : B extends `${infer Y extends Digit}${infer BRest}`
    ? AddCarry<[...Ones[Y], ...Carry], "", BRest, Done>
    : Carry extends [1]
      ? `1${Done}`
      : Done;

type AddCarry<Sum extends Count, A extends string, B extends string, Done extends string> = Sum extends readonly [
  ...Ten,
  ...infer Rest extends Count,
]
  ? AddDigits<A, B, [1], `${Rest["length"]}${Done}`>
  : AddDigits<A, B, [], `${Sum["length"]}${Done}`>;

/** A is at least B, else never. */
type SubtractDigits<
  A extends string,
  B extends string,
  Borrow extends Count = [],
  Done extends string = "",
> = A extends `${infer X extends Digit}${infer ARest}`
  ? B extends `${infer Y extends Digit}${infer BRest}`
    ? SubtractBorrow<Ones[X], [...Ones[Y], ...Borrow], ARest, BRest, Done>
    : SubtractBorrow<Ones[X], Borrow, ARest, "", Done>
  : B extends ""
    ? Borrow extends []
      ? Done
      : never
    : never;

type SubtractBorrow<
  From extends Count,
  Take extends Count,
  A extends string,
  B extends string,
  Done extends string,
> = From extends readonly [...Take, ...infer Rest extends Count]
  ? SubtractDigits<A, B, [], `${Rest["length"]}${Done}`>
  : [...Ten, ...From] extends readonly [...Take, ...infer Rest extends Count]
    ? SubtractDigits<A, B, [1], `${Rest["length"]}${Done}`>
    : never;

/** A whole number that is not negative, as digits; `null` for `number`, names and all else. */
type DigitsOf<D> = D extends number
  ? `${D}` extends `-${string}`
    ? null
    : `${D}` extends `${bigint}`
      ? `${D}`
      : null
  : null;

/** What is known of a dimension made of these: a number, if both are. */
type Unsure<A extends Dim, B extends Dim> = [A, B] extends [number, number] ? number : Dim;

export type AddDims<A extends Dim, B extends Dim> = [DigitsOf<A>, DigitsOf<B>] extends [
  infer X extends string,
  infer Y extends string,
]
  ? NumberOf<AddDigits<Reverse<X>, Reverse<Y>>>
  : [B] extends [0]
    ? A
    : [A] extends [0]
      ? B
      : Unsure<A, B>;

/** Never where B is larger: no dimension is negative. */
export type SubtractDims<A extends Dim, B extends Dim> = [DigitsOf<A>, DigitsOf<B>] extends [
  infer X extends string,
  infer Y extends string,
]
  ? NumberOf<SubtractDigits<Reverse<X>, Reverse<Y>>>
  : [B] extends [0]
    ? A
    : Unsure<A, B>;

// ---- multiples and quotients -----------------------------------------------------------------------------------------

interface Multiples<A extends Dim> {
  1: A;
  2: AddDims<A, A>;
  3: AddDims<A, Multiples<A>[2]>;
  4: AddDims<A, Multiples<A>[3]>;
  5: AddDims<A, Multiples<A>[4]>;
  6: AddDims<A, Multiples<A>[5]>;
  7: AddDims<A, Multiples<A>[6]>;
  8: AddDims<A, Multiples<A>[7]>;
  9: AddDims<A, Multiples<A>[8]>;
}

/** A, N times, for a literal N from 1 to 9; not known above, or of a name. */
export type Times<A extends Dim, N extends Dim> = [N] extends [1]
  ? A
  : [DigitsOf<A>, N] extends [string, keyof Multiples<A>]
    ? Multiples<A>[N & keyof Multiples<A>]
    : Unsure<A, N>;

type TenTimes<Rest extends Count> = Rest extends readonly [1, ...infer More extends Count]
  ? [...Ten, ...TenTimes<More>]
  : [];

/** How often the digit goes into so many, and what is left. */
type Part<From extends Count, By extends Digit, Quotient extends Count = []> = From extends readonly [
  ...Ones[By],
  ...infer More extends Count,
]
  ? Part<More, By, [...Quotient, 1]>
  : [Quotient, From];

/** Long division, digit by digit from the left; what is left is below `By`, so no tuple has more than 89 elements. */
type DivideDigits<
  Text extends string,
  By extends Digit,
  Rest extends Count = [],
  Done extends string = "",
> = Text extends `${infer X extends Digit}${infer More}`
  ? Part<[...TenTimes<Rest>, ...Ones[X]], By> extends [infer Quotient extends Count, infer Left extends Count]
    ? DivideDigits<More, By, Left, `${Done}${Quotient["length"]}`>
    : never
  : NumberOf<Done>;

/** A divided by a literal from 1 to 9, rounded down; `number` for another divisor. */
export type FloorDiv<A extends Dim, By extends Dim> = [By] extends [1]
  ? A
  : [DigitsOf<A>, By] extends [infer Text extends string, infer D extends Exclude<Digit, 0>]
    ? DivideDigits<Text, D>
    : number;

/** The same, rounded up. */
export type CeilDiv<A extends Dim, By extends Dim> = [By] extends [1]
  ? A
  : FloorDiv<AddDims<A, SubtractDims<By, 1>>, By>;
