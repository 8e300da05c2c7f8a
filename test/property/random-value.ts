/**
 * The values of a random program: a tensor, and what is known of its numbers without computing them.
 *
 * Discontinuous operations take exact values only, so a tie is a tie in every precision. The rest keeps count of how much
 * rounding can have moved it; what could be moved too far is not used, so tolerances hold without false alarms.
 */
import type { Tensor } from "../../src/index.ts";

/** One operation: which, on which of the values so far, and a choice within it. */
export type Step = readonly [op: number, a: number, b: number, choice: number];

export interface Value {
  readonly x: Tensor;
  /** Largest magnitude of an element. */
  readonly bound: number;
  /** Bits that hold every element exactly; Infinity where something was rounded. */
  readonly bits: number;
  /** About how far rounding may have moved an element. */
  readonly error: number;
}

/** As many as an f32 holds, less what a sum in between may need. */
const exactBits = 20;
const epsilon = 1.2e-7;

/** A result of operations that round nothing, as long as its bits fit. */
export function exactly(x: unknown, bound: number, bits: number, error = 0): Value {
  const tensor = x as Tensor;
  return bits <= exactBits ? { x: tensor, bound, bits, error: 0 } : rounded(tensor, bound, error);
}

/** A result that is rounded once more; `error` is what came in with the operands. */
export function rounded(x: unknown, bound: number, error: number): Value {
  return { x: x as Tensor, bound, bits: Number.POSITIVE_INFINITY, error: error + bound * epsilon };
}

/** A truth value or a whole number below `bound`. */
export const whole = (x: unknown, bound = 1): Value => exactly(x, bound, Math.ceil(Math.log2(bound + 1)) + 1);

export const like = (value: Value, x: unknown): Value => ({ ...value, x: x as Tensor });

/** What is known where an element comes from either. */
export function either(x: unknown, a: Value, b: Value): Value {
  const bits = Math.max(a.bits, b.bits);
  return { x: x as Tensor, bound: Math.max(a.bound, b.bound), bits, error: Math.max(a.error, b.error) };
}

export const isExact = ({ bits }: Value): boolean => bits <= exactBits;
export const isFloat = ({ x }: Value): boolean => x.dtype === "f32";
export const isInteger = ({ x }: Value): boolean => x.dtype === "i32";
export const isBool = ({ x }: Value): boolean => x.dtype === "bool";

/** The value that a number of the recipe means. */
export function pick<T>(values: readonly T[], at: number): T {
  return values[at % values.length] as T;
}

export const shapeOf = ({ x }: Value): readonly number[] => x.shape.map(Number);
export const countOf = (value: Value): number => shapeOf(value).reduce((product, dim) => product * dim, 1);

export function broadcasts(a: Value, b: Value): boolean {
  const [x, y] = [shapeOf(a), shapeOf(b)];
  const [longer, shorter] = x.length >= y.length ? [x, y] : [y, x];
  const tail = longer.slice(longer.length - shorter.length);
  return shorter.every((dim, axis) => dim === tail[axis] || dim === 1 || tail[axis] === 1);
}

/** The second value where it broadcasts with the first, else the first. */
export const partner = (left: Value, right: Value): Value => (broadcasts(left, right) ? right : left);
