/**
 * The maths library: the functions that no target has to our accuracy, written once in the kernel language. A target
 * prints the routine as a function of its own (or inlines it) and gets the same values as every other, up to the last bits.
 *
 * Only f32 (threefry: u32). For f64 the `js` target has Math.exp and the like, and erf from graph/special.ts.
 */
import type { MathsFn, Routine, RoutineFn, ValueType } from "../kernel.ts";
import { erfRoutine, expm1Routine, expRoutine, tanhRoutine } from "./exponential.ts";
import { log1pRoutine, logRoutine } from "./logarithm.ts";
import { powRoutine } from "./power.ts";
import { roundBrainRoutine, roundHalfRoutine } from "./short.ts";
import { threefryRoutine } from "./threefry.ts";
import { cosRoutine, sinRoutine } from "./trigonometric.ts";

/**
 * The routine that computes `fn`, or undefined where the target is to use its own function. Made anew by each call. `strict`: for a
 * target that computes what is written, NaNs included; the results are the same.
 */
export function routineFor(fn: RoutineFn, type: ValueType, { strict = false } = {}): Routine | undefined {
  if (fn === "threefry") return type === "u32" ? threefryRoutine() : undefined;
  if (type !== "f32") return undefined;
  return makers[fn]({ strict });
}

const makers = {
  exp: expRoutine,
  expm1: expm1Routine,
  log: logRoutine,
  log1p: log1pRoutine,
  sin: sinRoutine,
  cos: cosRoutine,
  tanh: tanhRoutine,
  erf: erfRoutine,
  pow: powRoutine,
  roundHalf: roundHalfRoutine,
  roundBrain: roundBrainRoutine,
} as const satisfies Record<Exclude<RoutineFn, "threefry">, (how: { readonly strict: boolean }) => Routine>;

/**
 * Largest error in units in the last place of the true result (2^-149 below the normal numbers), over all of f32, with
 * operations rounded one by one or with multiply-adds contracted. Beside each: the largest seen, of 330 million operands
 * against float64 (for pow, pairs whose result is finite), separate and contracted. A target whose division is not
 * correctly rounded (WGSL allows 2.5 ulp) may add up to 1.5 to tanh. One that flushes subnormals to
 * zero may give 0 for such operands and results, and x for erf(x) = 1.128 x where |x| < 2^-122.
 */
export const maxUlps: Readonly<Record<MathsFn, number>> = {
  exp: 1.25, // 0.98, 1.01
  expm1: 1.5, // 1.40, 1.43
  log: 1, // 0.85, 0.85
  log1p: 1.5, // 1.41, 1.41
  sin: 2, // 1.74, 1.74
  cos: 2, // 1.71, 1.71
  tanh: 1.5, // 1.31, 1.31
  erf: 1.5, // 1.23, 1.05
  pow: 2.5, // 1.88, 1.93
};
