/**
 * Metrics of a curve over thresholds: the area under it, and one coordinate where the other is good enough.
 *
 * Counts are kept at each threshold, as Keras 3 does: an approximation from many thresholds, exact only for outputs between them.
 */
import { count, flag, list, number, oneOf, whole } from "../../core/options.ts";
import { add, and, arange, concat, div, full, greater, greaterEqual, log, max, maximum, mean, minimum, mul, reshape, sigmoid, slice, sub, sum, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../../dsl/tensor.ts";
import { rowOf } from "../losses/focal.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { aboveEach, type Count, columnOf, countsOf } from "./counts.ts";
import { grown, type Metric, type MetricParts, type MetricState, metricOf, metricSchema, type Named, share, slotOf } from "./metric.ts"; // biome-ignore format: names

const answers: readonly Count[] = ["truePositives", "falsePositives", "trueNegatives", "falseNegatives"];
const probability = number({ from: 0, to: 1 });

const aucOptions = {
  /** How many thresholds there are. 200 by default. */
  numThresholds: option(whole({ from: 2 }), 200),
  /** True against false positives ("ROC", the default), or precision against recall ("PR"). */
  curve: option(oneOf("ROC", "PR"), "ROC"),
  /** How a piece of the curve counts: by a line (of PR by Davis and Goadrich), by its lower end, or by its upper one. */
  summationMethod: option(oneOf("interpolation", "minoring", "majoring"), "interpolation"),
  /** The thresholds themselves, besides 0 and 1. Evenly spread by default. */
  thresholds: option(list(probability)),
  /** Whether each column is a question of its own, of whose areas the mean is taken. False by default. */
  multiLabel: option(flag, false),
  /** What each column weighs then. All alike by default. */
  labelWeights: option(list(number({ from: 0 }))),
  /** Outputs are logits. False by default: probabilities, which a trainer makes of the logits of a loss. */
  fromLogits: option(flag, false),
};

/** Options of `auc`. */
export interface AucOptions extends OptionsOf<typeof aucOptions> {}

export const aucSchema = metricSchema({
  name: "auc",
  options: aucOptions,
  make({ numThresholds, curve, summationMethod, thresholds, multiLabel, labelWeights, fromLogits }): MetricParts {
    const own = thresholds === undefined ? null : [-1e-7, ...thresholds.toSorted((a, b) => a - b), 1 + 1e-7];
    const length = own?.length ?? numThresholds;
    return {
      of: fromLogits ? "output" : "probabilities",
      labels: "values",
      check: (output) => (multiLabel && output.length !== 1 ? "auc with multiLabel takes outputs of [labels]" : null),
      slots({ output }) {
        const shape = multiLabel ? [length, ...output] : [length];
        return Object.fromEntries(answers.map((name) => [name, { shape }]));
      },
      update(state, seen) {
        const output = fromLogits ? sigmoid(seen.output) : seen.output;
        const above = aboveEach(output, own === null ? evenly(length, 1e-7) : rowOf(own));
        return grown(state, countsOf("auc", answers, above, seen, multiLabel ? [1] : undefined), add);
      },
      result(state) {
        const area = curve === "PR" && summationMethod === "interpolation" ? areaOfRecall(state, length) : areaOf(state, length, curve, summationMethod); // biome-ignore format: short
        if (!multiLabel) return area;
        if (labelWeights === undefined) return mean(area);
        return share(sum(mul(area, rowOf(labelWeights))), sum(rowOf(labelWeights)));
      },
    };
  },
});

/** The area under a curve: the share of pairs, one yes and one no, that stand in the right order. 0 where there is one class only. */
export function auc<const N extends string = "auc">(options: AucOptions & Named<N> = {}): Metric<NoInfer<N>, "number"> {
  return metricOf(aucSchema, options, arguments);
}

/** From 0 to 1, with ends that lie a little outside. */
function evenly(length: number, outside: number): Tensor {
  const [first, last] = [full([1], -outside), full([1], 1 + outside)];
  if (length === 2) return concat([first, last]);
  return concat([first, div(add(arange(length - 2, "f32"), 1), length - 1), last]);
}

/** All but the last, and all but the first, along the thresholds. */
function pieces(x: Tensor, length: number): readonly [Tensor, Tensor] {
  return [slice(x, [0, length - 1]), slice(x, [1, length])];
}

function areaOf(state: MetricState, length: number, curve: "ROC" | "PR", method: string): Tensor {
  const [tp, fp, tn, fn] = four(state);
  const recall = share(tp, add(tp, fn));
  const [x, y] = curve === "ROC" ? [share(fp, add(fp, tn)), recall] : [recall, share(tp, add(tp, fp))];
  const [y0, y1] = pieces(y, length);
  const [x0, x1] = pieces(x, length);
  const height =
    method === "interpolation" ? mul(add(y0, y1), 0.5) : method === "minoring" ? minimum(y0, y1) : maximum(y0, y1);
  return sum(mul(sub(x0, x1), height), { axis: 0 });
}

/** Of precision over recall, between whose points the counts are straight, and not the curve (Davis, Goadrich 2006). */
function areaOfRecall(state: MetricState, length: number): Tensor {
  const [tp, fp, , fn] = four(state);
  const [tp0, tp1] = pieces(tp, length);
  const [p0, p1] = pieces(add(tp, fp), length);
  const risen = sub(tp0, tp1);
  const slope = share(risen, maximum(sub(p0, p1), 0));
  const offset = sub(tp1, mul(slope, p1));
  const isSome = and(greater(p0, 0), greater(p1, 0));
  const ratio = where(isSome, share(p0, p1), 1);
  const [, fn1] = pieces(fn, length);
  return sum(share(mul(slope, add(risen, mul(offset, log(ratio)))), maximum(add(tp1, fn1), 0)), { axis: 0 });
}

function four(state: MetricState): readonly [Tensor, Tensor, Tensor, Tensor] {
  return [slotOf(state, "truePositives"), slotOf(state, "falsePositives"), slotOf(state, "trueNegatives"), slotOf(state, "falseNegatives")]; // biome-ignore format: short
}

const common = {
  /** How many thresholds there are. 200 by default. */
  numThresholds: option(count, 200),
  /** Only this column is looked at. All by default. */
  classId: option(whole({ from: 0 })),
};

/** Shares of the four counts. */
const shares = {
  precision: ([tp, fp]: Counts): Tensor => share(tp, add(tp, fp)),
  recall: ([tp, , , fn]: Counts): Tensor => share(tp, add(tp, fn)),
  specificity: ([, fp, tn]: Counts): Tensor => share(tn, add(tn, fp)),
};
type Counts = readonly [Tensor, Tensor, Tensor, Tensor];

/** The best of `wanted` among thresholds at which `held` is at least `least`; 0 where there is none. */
function bestAt(
  name: string,
  wanted: keyof typeof shares,
  held: keyof typeof shares,
  least: number,
  { numThresholds, classId }: { readonly numThresholds: number; readonly classId?: number | undefined },
): MetricParts {
  const length = Math.max(numThresholds, 2);
  return {
    of: "probabilities",
    labels: "values",
    slots: () => Object.fromEntries(answers.map((count) => [count, { shape: [length] }])),
    update(state, seen) {
      const { output, target } = columnOf(seen, classId);
      const above = aboveEach(output, numThresholds === 1 ? rowOf([0.5, 0.5]) : evenly(length, 0));
      return grown(state, countsOf(name, answers, above, { ...seen, output, target }), add);
    },
    result(state) {
      const counts = four(state);
      const isHeld = greaterEqual(shares[held](counts), least);
      return reshape(max(where(isHeld, shares[wanted](counts), 0)), []);
    },
  };
}

const precisionAtRecallOptions = {
  /** What must be reached, from 0 to 1. */
  recall: required(probability),
  ...common,
};

/** Options of `precisionAtRecall`. */
export interface PrecisionAtRecallOptions extends OptionsOf<typeof precisionAtRecallOptions> {}

export const precisionAtRecallSchema = metricSchema({
  name: "precisionAtRecall",
  options: precisionAtRecallOptions,
  make: ({ recall, ...options }) => bestAt("precisionAtRecall", "precision", "recall", recall, options),
});

/** The best precision among thresholds at which recall is at least this. */
export function precisionAtRecall<const N extends string = "precisionAtRecall">(
  options: PrecisionAtRecallOptions & Named<N>,
): Metric<NoInfer<N>, "number"> {
  return metricOf(precisionAtRecallSchema, options, arguments);
}

const recallAtPrecisionOptions = {
  /** What must be reached, from 0 to 1. */
  precision: required(probability),
  ...common,
};

/** Options of `recallAtPrecision`. */
export interface RecallAtPrecisionOptions extends OptionsOf<typeof recallAtPrecisionOptions> {}

export const recallAtPrecisionSchema = metricSchema({
  name: "recallAtPrecision",
  options: recallAtPrecisionOptions,
  make: ({ precision, ...options }) => bestAt("recallAtPrecision", "recall", "precision", precision, options),
});

/** The best recall among thresholds at which precision is at least this. */
export function recallAtPrecision<const N extends string = "recallAtPrecision">(
  options: RecallAtPrecisionOptions & Named<N>,
): Metric<NoInfer<N>, "number"> {
  return metricOf(recallAtPrecisionSchema, options, arguments);
}

const sensitivityAtSpecificityOptions = {
  /** What must be reached, from 0 to 1. */
  specificity: required(probability),
  ...common,
};

/** Options of `sensitivityAtSpecificity`. */
export interface SensitivityAtSpecificityOptions extends OptionsOf<typeof sensitivityAtSpecificityOptions> {}

export const sensitivityAtSpecificitySchema = metricSchema({
  name: "sensitivityAtSpecificity",
  options: sensitivityAtSpecificityOptions,
  make: ({ specificity, ...options }) =>
    bestAt("sensitivityAtSpecificity", "recall", "specificity", specificity, options),
});

/** The best sensitivity (recall) among thresholds at which specificity is at least this. */
export function sensitivityAtSpecificity<const N extends string = "sensitivityAtSpecificity">(
  options: SensitivityAtSpecificityOptions & Named<N>,
): Metric<NoInfer<N>, "number"> {
  return metricOf(sensitivityAtSpecificitySchema, options, arguments);
}

const specificityAtSensitivityOptions = {
  /** What must be reached, from 0 to 1. */
  sensitivity: required(probability),
  ...common,
};

/** Options of `specificityAtSensitivity`. */
export interface SpecificityAtSensitivityOptions extends OptionsOf<typeof specificityAtSensitivityOptions> {}

export const specificityAtSensitivitySchema = metricSchema({
  name: "specificityAtSensitivity",
  options: specificityAtSensitivityOptions,
  make: ({ sensitivity, ...options }) =>
    bestAt("specificityAtSensitivity", "specificity", "recall", sensitivity, options),
});

/** The best specificity among thresholds at which sensitivity (recall) is at least this. */
export function specificityAtSensitivity<const N extends string = "specificityAtSensitivity">(
  options: SpecificityAtSensitivityOptions & Named<N>,
): Metric<NoInfer<N>, "number"> {
  return metricOf(specificityAtSensitivitySchema, options, arguments);
}
