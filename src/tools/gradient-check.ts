/**
 * Checking gradients: numbers from differences of the function itself, and how far two gradients are apart.
 *
 *   const compiled = await evaluate(({ w }) => grad(f(w), w), { w });
 *   const numeric = await numericGradient((w) => evaluate(({ w }) => f(w), { w }), w);
 *   gradientDistance(compiled, numeric)                                 about 1e-7: right; 1e-2 or more: wrong
 */
import { UserError } from "../core/errors.ts";
import { callable, checkArguments, checkValue, number, show } from "../core/options.ts";

/** ‖a − b‖ / (‖a‖ + ‖b‖): 0 for equal gradients, 1 for opposite ones, whatever their length. */
export function gradientDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkArguments("gradientDistance", arguments, 2);
  checkNumbers("gradientDistance", "the first", a);
  checkNumbers("gradientDistance", "the second", b);
  if (a.length !== b.length) {
    throw new UserError(`gradientDistance: ${a.length} numbers against ${b.length}: wanted as many`);
  }
  const difference = Array.from(a, (value, i) => value - (b[i] ?? 0));
  const scale = length(a) + length(b);
  return scale === 0 ? 0 : length(difference) / scale;
}

/** Central differences (f(x + h) − f(x − h)) / 2h, one element of `at` after the other. `f` may be async. */
export async function numericGradient(
  f: (x: number[]) => number | Promise<number>,
  at: ArrayLike<number>,
  step = 1e-4,
): Promise<Float64Array> {
  checkArguments("numericGradient", arguments, 3);
  checkValue("numericGradient", "f", f, callable());
  checkNumbers("numericGradient", "at", at);
  checkValue("numericGradient", "the step", step, number({ above: 0 }));
  const moved = (i: number, by: number): number[] => Array.from(at, (value, k) => (k === i ? value + by : value));
  const slopes = new Float64Array(at.length);
  for (let i = 0; i < at.length; i++) {
    slopes[i] = ((await f(moved(i, step))) - (await f(moved(i, -step)))) / (2 * step);
  }
  return slopes;
}

function checkNumbers(call: string, what: string, given: unknown): void {
  if (typeof given === "object" && given !== null && "length" in given) return;
  throw new UserError(`${call}: ${what} must be a list of numbers, not ${show(given)}`);
}

function length(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] ?? 0) ** 2;
  return Math.sqrt(squares);
}
