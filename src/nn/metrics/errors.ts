/** Means of losses as metrics, of the output as it comes out; the root of one; and how much of a target's variance is explained. */
import { oneOf, whole } from "../../core/options.ts";
import { add, div, equal, mean, mul, size, sqrt, square, sub, sum, where } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { axisKind, axisLast } from "../losses/axis.ts";
import { type BinaryCrossentropyOptions, binaryCrossentropySchema, type CategoricalCrossentropyOptions, categoricalCrossentropySchema, klDivergenceSchema, type SparseCategoricalCrossentropyOptions, sparseCategoricalCrossentropySchema } from "../losses/cross-entropy.ts"; // biome-ignore format: names
import { logCoshSchema, meanAbsoluteErrorSchema, meanAbsolutePercentageErrorSchema, meanSquaredErrorSchema, meanSquaredLogarithmicErrorSchema, poissonSchema } from "../losses/errors.ts"; // biome-ignore format: names
import type { AnyLossSchema, LossSchema } from "../losses/loss.ts";
import { alignLabels } from "../losses/loss.ts";
import { categoricalHingeSchema, hingeSchema, squaredHingeSchema, unit } from "../losses/margins.ts";
import { type Fields, type OptionsOf, option, type ValuesOf, valuesOf } from "../schema.ts";
import { meanOf, meanUpdate } from "./means.ts";
import { grown, type Metric, type MetricParts, metricOf, metricSchema, type Named, rowsFor, share, slotOf, weightsFor } from "./metric.ts"; // biome-ignore format: names

/** A loss with its default options, as a mean. */
function meanOfLoss(name: string, schema: AnyLossSchema) {
  const make = (): MetricParts => {
    const { parts } = schema.standard();
    return meanOf(name, {
      of: "output",
      labels: "values",
      measure: (output, target) => parts.compute(output, target, false),
    });
  };
  return metricSchema({ name, options: {}, make });
}

export const meanSquaredErrorMetric = meanOfLoss("meanSquaredError", meanSquaredErrorSchema);

/** (output - target)². Also "mse". */
export function meanSquaredError<const N extends string = "meanSquaredError">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(meanSquaredErrorMetric, options, arguments);
}

export const meanAbsoluteErrorMetric = meanOfLoss("meanAbsoluteError", meanAbsoluteErrorSchema);

/** |output - target|. Also "mae". */
export function meanAbsoluteError<const N extends string = "meanAbsoluteError">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(meanAbsoluteErrorMetric, options, arguments);
}

export const meanAbsolutePercentageErrorMetric = meanOfLoss(
  "meanAbsolutePercentageError",
  meanAbsolutePercentageErrorSchema,
);

/** 100 |output - target| / |target|. Also "mape". */
export function meanAbsolutePercentageError<const N extends string = "meanAbsolutePercentageError">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(meanAbsolutePercentageErrorMetric, options, arguments);
}

export const meanSquaredLogarithmicErrorMetric = meanOfLoss(
  "meanSquaredLogarithmicError",
  meanSquaredLogarithmicErrorSchema,
);

/** The squared difference of logarithms of 1 + x. Also "msle". */
export function meanSquaredLogarithmicError<const N extends string = "meanSquaredLogarithmicError">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(meanSquaredLogarithmicErrorMetric, options, arguments);
}

export const logCoshErrorMetric = meanOfLoss("logCoshError", logCoshSchema);

/** log(cosh(output - target)). */
export function logCoshError<const N extends string = "logCoshError">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(logCoshErrorMetric, options, arguments);
}

export const poissonMetric = meanOfLoss("poisson", poissonSchema);

/** output - target log(output). */
export function poisson<const N extends string = "poisson">(options: Named<N> = {}): Metric<NoInfer<N>, "number"> {
  return metricOf(poissonMetric, options, arguments);
}

export const klDivergenceMetric = meanOfLoss("klDivergence", klDivergenceSchema);

/** sum(target log(target / output)) of each row. Also "kld". */
export function klDivergence<const N extends string = "klDivergence">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(klDivergenceMetric, options, arguments);
}

export const hingeMetric = meanOfLoss("hinge", hingeSchema);

/** max(1 - label output, 0); labels are -1 and 1, or 0 and 1. */
export function hinge<const N extends string = "hinge">(options: Named<N> = {}): Metric<NoInfer<N>, "number"> {
  return metricOf(hingeMetric, options, arguments);
}

export const squaredHingeMetric = meanOfLoss("squaredHinge", squaredHingeSchema);

/** The square of `hinge`. */
export function squaredHinge<const N extends string = "squaredHinge">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(squaredHingeMetric, options, arguments);
}

export const categoricalHingeMetric = meanOfLoss("categoricalHinge", categoricalHingeSchema);

/** max(largest wrong output - right output + 1, 0). */
export function categoricalHinge<const N extends string = "categoricalHinge">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(categoricalHingeMetric, options, arguments);
}

/** A cross-entropy as a mean. Of the output as it comes out: a probability, or with `fromLogits` a logit. */
function meanOfEntropy<F extends Fields>(
  schema: LossSchema<F>,
  given: Partial<ValuesOf<F>>,
  ofLogits: boolean,
): MetricParts {
  const { name, labels } = schema;
  const options = { ...valuesOf(schema.options, undefined), ...given };
  return meanOf(name, {
    of: ofLogits ? "scores" : "probabilities",
    labels: "any",
    measure: (output, target) => schema.compute(output, alignLabels(name, output, target, labels), options, ofLogits),
  });
}

const { reduction: _b, ...binaryCrossentropyFields } = binaryCrossentropySchema.options;

export const binaryCrossentropyMetric = metricSchema({
  name: "binaryCrossentropy",
  options: binaryCrossentropyFields,
  make: (options) => meanOfEntropy(binaryCrossentropySchema, options, options.fromLogits),
});

/** The loss of this name, as a mean. */
export function binaryCrossentropy<const N extends string = "binaryCrossentropy">(
  options: Omit<BinaryCrossentropyOptions, "reduction"> & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(binaryCrossentropyMetric, options, arguments);
}

const { reduction: _c, ...categoricalCrossentropyFields } = categoricalCrossentropySchema.options;

export const categoricalCrossentropyMetric = metricSchema({
  name: "categoricalCrossentropy",
  options: categoricalCrossentropyFields,
  make: (options) => meanOfEntropy(categoricalCrossentropySchema, options, options.fromLogits),
});

/** The loss of this name, as a mean. */
export function categoricalCrossentropy<const N extends string = "categoricalCrossentropy">(
  options: Omit<CategoricalCrossentropyOptions, "reduction"> & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(categoricalCrossentropyMetric, options, arguments);
}

const { reduction: _s, ...sparseCategoricalCrossentropyFields } = sparseCategoricalCrossentropySchema.options;

export const sparseCategoricalCrossentropyMetric = metricSchema({
  name: "sparseCategoricalCrossentropy",
  options: sparseCategoricalCrossentropyFields,
  make: (options) => meanOfEntropy(sparseCategoricalCrossentropySchema, options, options.fromLogits),
});

/** The loss of this name, as a mean. */
export function sparseCategoricalCrossentropy<const N extends string = "sparseCategoricalCrossentropy">(
  options: Omit<SparseCategoricalCrossentropyOptions, "reduction"> & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(sparseCategoricalCrossentropyMetric, options, arguments);
}

const alongOptions = {
  /** Along which rows lie. -1 by default: the last. */
  axis: option(axisKind, -1),
};

/** Options of metrics of rows. */
export interface AlongOptions extends OptionsOf<typeof alongOptions> {}

/** A mean of what is computed of each row. */
const ofRows = (name: string, axis: number, measure: (output: Tensor, wanted: Tensor) => Tensor): MetricParts =>
  meanOf(name, {
    of: "output",
    labels: "values",
    measure: (output, wanted) => measure(axisLast(output, axis), axisLast(wanted, axis)),
  });

export const cosineSimilarityMetric = metricSchema({
  name: "cosineSimilarity",
  options: alongOptions,
  make: ({ axis }) =>
    ofRows("cosineSimilarity", axis, (output, wanted) => sum(mul(unit(output), unit(wanted)), { axis: -1 })),
});

/** The cosine of the angle between output and target: 1 where they point the same way. The loss of this name is minus that. */
export function cosineSimilarity<const N extends string = "cosineSimilarity">(
  options: AlongOptions & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(cosineSimilarityMetric, options, arguments);
}

/** Less its mean, and the mean of its squares then. */
function centered(rows: Tensor): { readonly off: Tensor; readonly middle: Tensor; readonly variance: Tensor } {
  const middle = mean(rows, { axis: -1, keepDims: true });
  const off = sub(rows, middle);
  return { off, middle: mean(rows, { axis: -1 }), variance: mean(square(off), { axis: -1 }) };
}

export const pearsonCorrelationMetric = metricSchema({
  name: "pearsonCorrelation",
  options: alongOptions,
  make: ({ axis }) =>
    ofRows("pearsonCorrelation", axis, (output, wanted) => {
      const [a, b] = [unit(centered(output).off), unit(centered(wanted).off)];
      return sum(mul(a, b), { axis: -1 });
    }),
});

/** Pearson's correlation of each row with its target's, as a mean over rows. 0 for a row of equal numbers. */
export function pearsonCorrelation<const N extends string = "pearsonCorrelation">(
  options: AlongOptions & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(pearsonCorrelationMetric, options, arguments);
}

export const concordanceCorrelationMetric = metricSchema({
  name: "concordanceCorrelation",
  options: alongOptions,
  make: ({ axis }) =>
    ofRows("concordanceCorrelation", axis, (output, wanted) => {
      const [a, b] = [centered(output), centered(wanted)];
      const both = mul(mean(mul(a.off, b.off), { axis: -1 }), 2);
      return share(both, add(add(a.variance, b.variance), square(sub(a.middle, b.middle))));
    }),
});

/** Lin's concordance of each row with its target's: correlation, less for another mean or spread. */
export function concordanceCorrelation<const N extends string = "concordanceCorrelation">(
  options: AlongOptions & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(concordanceCorrelationMetric, options, arguments);
}

export const rootMeanSquaredErrorMetric = metricSchema({
  name: "rootMeanSquaredError",
  options: {},
  make: (): MetricParts => ({
    of: "output",
    labels: "values",
    slots: () => ({ total: { shape: [] }, count: { shape: [] } }),
    update: (state, seen) => meanUpdate("rootMeanSquaredError", state, square(sub(seen.output, seen.target)), seen),
    result: (state) => sqrt(share(slotOf(state, "total"), slotOf(state, "count"))),
  }),
});

/** The root of the mean of (output - target)² over all samples: not the mean of batches' roots. */
export function rootMeanSquaredError<const N extends string = "rootMeanSquaredError">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(rootMeanSquaredErrorMetric, options, arguments);
}

const r2Options = {
  /** What is made of several outputs: their mean, their mean weighted by the targets' variances, or a table of each. */
  classAggregation: option(oneOf("uniformAverage", "varianceWeightedAverage", "none"), "uniformAverage"),
  /** How many numbers the output was made from: with some the score is the adjusted one. 0 by default. */
  numRegressors: option(whole({ from: 0 }), 0),
};

/** Options of `r2Score`. */
export interface R2Options extends OptionsOf<typeof r2Options> {}

export const r2ScoreMetric = metricSchema({
  name: "r2Score",
  options: r2Options,
  make: ({ classAggregation, numRegressors }): MetricParts => ({
    of: "output",
    labels: "values",
    check: (output) => (output.length === 1 ? null : "r2Score takes outputs of [numbers]"),
    slots: ({ output }) => ({
      squares: { shape: output },
      sums: { shape: output },
      residual: { shape: output },
      count: { shape: [] },
    }),
    update(state, seen) {
      const { output, target } = seen;
      const weights = weightsFor("r2Score", target, seen);
      const of = (x: Tensor): Tensor => sum(weights === null ? x : mul(x, weights), { axis: 0 });
      const rows = rowsFor(target, seen);
      const rowWeights = weightsFor("r2Score", rows, seen);
      const count: Tensor = rowWeights === null ? size(target, 0, "f32") : sum(rowWeights);
      const more = { squares: of(square(target)), sums: of(target), residual: of(square(sub(output, target))), count };
      return grown(state, more, add);
    },
    result(state) {
      const [squares, sums, count] = [slotOf(state, "squares"), slotOf(state, "sums"), slotOf(state, "count")];
      const spread = sub(squares, div(square(sums), count));
      const residual = slotOf(state, "residual");
      const isFlat = equal(spread, 0);
      // of a target that never changes nothing can be explained: 0, or NaN where all was right and before any sample
      const nothing = where(equal(residual, 0), Number.NaN, 0);
      const scores = where(isFlat, nothing, sub(1, div(residual, where(isFlat, 1, spread))));
      const found =
        classAggregation === "none"
          ? scores
          : classAggregation === "uniformAverage"
            ? mean(scores)
            : div(sum(mul(scores, spread)), sum(spread));
      if (numRegressors === 0) return found;
      return sub(1, div(mul(sub(1, found), sub(count, 1)), sub(count, numRegressors + 1)));
    },
  }),
});

/** How much of the target's variance is explained: 1 - residual / variance. */
export function r2Score<const N extends string = "r2Score">(
  options: R2Options & { readonly classAggregation: "none" } & Named<N>,
): Metric<NoInfer<N>, "table">;
export function r2Score<const N extends string = "r2Score">(
  options?: R2Options & Named<N>,
): Metric<NoInfer<N>, "number">;
export function r2Score(options: R2Options & Named<string> = {}): Metric {
  return metricOf(r2ScoreMetric, options, arguments);
}
