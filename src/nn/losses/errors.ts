/** Losses of numbers: how far each is from the one that was wanted. Formulas and the 1e-7 in them are Keras 3's. */
import { number } from "../../core/options.ts";
import { abs, add, div, lessEqual, log, maximum, mul, softplus, square, sub, where } from "../../dsl/ops.ts";
import type { OptionsOf } from "../schema.ts";
import { option } from "../schema.ts";
import { epsilon, finite, type Loss, type LossOptions, lossOf, lossOptions, lossSchema } from "./loss.ts";

const ofNumbers = { labels: "values", range: finite, accuracy: null, each: "element" } as const;

export const meanSquaredErrorSchema = lossSchema({
  name: "meanSquaredError",
  options: lossOptions({}),
  ...ofNumbers,
  compute: (output, wanted) => square(sub(output, wanted)),
});

/** (output - target)². Also "mse". */
export function meanSquaredError(options: LossOptions = {}): Loss {
  return lossOf(meanSquaredErrorSchema, options, arguments);
}

export const meanAbsoluteErrorSchema = lossSchema({
  name: "meanAbsoluteError",
  options: lossOptions({}),
  ...ofNumbers,
  compute: (output, wanted) => abs(sub(output, wanted)),
});

/** |output - target|. Also "mae". */
export function meanAbsoluteError(options: LossOptions = {}): Loss {
  return lossOf(meanAbsoluteErrorSchema, options, arguments);
}

export const meanAbsolutePercentageErrorSchema = lossSchema({
  name: "meanAbsolutePercentageError",
  options: lossOptions({}),
  ...ofNumbers,
  compute: (output, wanted) => mul(abs(div(sub(wanted, output), maximum(abs(wanted), epsilon))), 100),
});

/** 100 |output - target| / |target|, a target of 0 counting as 1e-7. Also "mape". */
export function meanAbsolutePercentageError(options: LossOptions = {}): Loss {
  return lossOf(meanAbsolutePercentageErrorSchema, options, arguments);
}

export const meanSquaredLogarithmicErrorSchema = lossSchema({
  name: "meanSquaredLogarithmicError",
  options: lossOptions({}),
  ...ofNumbers,
  compute: (output, wanted) =>
    square(sub(log(add(maximum(output, epsilon), 1)), log(add(maximum(wanted, epsilon), 1)))),
});

/** (log(1 + output) - log(1 + target))², numbers below 1e-7 counting as that. Also "msle". */
export function meanSquaredLogarithmicError(options: LossOptions = {}): Loss {
  return lossOf(meanSquaredLogarithmicErrorSchema, options, arguments);
}

const huberOptions = lossOptions({
  /** Where the bowl becomes a line. 1 by default. */
  delta: option(number({ from: 0 }), 1),
});

/** Options of `huber`. */
export interface HuberLossOptions extends OptionsOf<typeof huberOptions> {}

export const huberSchema = lossSchema({
  name: "huber",
  options: huberOptions,
  ...ofNumbers,
  compute(output, wanted, { delta }) {
    const difference = sub(output, wanted);
    const size = abs(difference);
    return where(lessEqual(size, delta), mul(square(difference), 0.5), mul(sub(size, delta / 2), delta));
  },
});

/** d²/2 where |d| is at most delta, and delta (|d| - delta/2) elsewhere, d the difference. */
export function huber(options: HuberLossOptions = {}): Loss {
  return lossOf(huberSchema, options, arguments);
}

export const logCoshSchema = lossSchema({
  name: "logCosh",
  options: lossOptions({}),
  ...ofNumbers,
  compute(output, wanted) {
    const difference = sub(output, wanted);
    return sub(add(difference, softplus(mul(difference, -2))), Math.LN2); // cosh itself is infinite from 89 on
  },
});

/** log(cosh(output - target)). */
export function logCosh(options: LossOptions = {}): Loss {
  return lossOf(logCoshSchema, options, arguments);
}

export const poissonSchema = lossSchema({
  name: "poisson",
  options: lossOptions({}),
  ...ofNumbers,
  compute: (output, wanted) => sub(output, mul(wanted, log(add(output, epsilon)))),
});

/** output - target log(output + 1e-7): of counts, the output being their rate. */
export function poisson(options: LossOptions = {}): Loss {
  return lossOf(poissonSchema, options, arguments);
}
