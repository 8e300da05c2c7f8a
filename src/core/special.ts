/**
 * Special functions in float64 that JavaScript's Math lacks. The float64 evaluator and the f64 `js` target use them.
 *
 * erf, with a relative error below 4e-16:
 *
 *   |x| <= 1      x * P(x^2)
 *   1 < |x| < 6   1 - exp(-x^2) * Q(u) / (1 + 2|x|),  u = (|x| - 3) / (|x| + 3)
 *   |x| >= 6      1: erfc(6) is 2e-17, less than half a unit in the last place of 1
 *
 * P and Q are Chebyshev fits of our own, of erf(sqrt(z)) / sqrt(z) and of (1 + 2x) exp(x^2) erfc(x), computed with 40
 * digits (mpmath's chebyfit); their errors are 8e-18 and 3e-17. The shape of the second comes
 * from Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", 1981.
 */

/** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a <= 1) return x * polynomial(CENTRE, x * x);
  if (a < 6) {
    const erfc = (Math.exp(-a * a) * polynomial(TAIL, (a - 3) / (a + 3))) / (1 + 2 * a);
    return Math.sign(x) * (1 - erfc);
  }
  return Math.sign(x); // NaN stays NaN
}

/** Coefficients from the constant up. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + (coefficients[i] ?? 0);
  return sum;
}

const CENTRE: readonly number[] = [
  1.1283791670955126, -0.37612638903183543, 0.11283791670945006, -0.02686617064323777, 0.0052239776071164225,
  -0.0008548325975389692, 0.00012055294904839707, -1.492473690741966e-5, 1.6447424703317362e-6, -1.6208483801871705e-7,
  1.3720064546777686e-8, -7.795898827002142e-10,
];

const TAIL: readonly number[] = [
  1.2530080582697296, -0.13562110612458128, -0.04756229435346764, 0.12964515870277799, -0.1192736634131923,
  0.06830802734390644, -0.02377051501976663, 0.0025293917508951618, 0.0018886926936596247, -0.0007798294517483084,
  -0.00010518763242323468, 0.0001250512141750135, 5.111019944653237e-6, -1.9724332775436143e-5, -1.0474106479832425e-6,
  2.284982547947005e-6,
];

/** The remainder with the sign of y, NaN for 0: x - y * floor(x / y) without its rounding errors. A remainder of 0 has the sign of y too. */
export function floorMod(x: number, y: number): number {
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;
  return rest < 0 === y < 0 ? rest : rest + y;
}
