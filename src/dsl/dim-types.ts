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
