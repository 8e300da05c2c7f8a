/** F scores: precision and recall of each class in one number. Formulas and their 1e-7 are Keras 3's. */
import { number, oneOf } from "../../core/options.ts";
import { abs, add, and, cast, div, greater, greaterEqual, max, mean, mul, sub, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { epsilon } from "../losses/loss.ts";
import { type OptionsOf, option } from "../schema.ts";
import { grown, type Metric, type MetricParts, metricOf, metricSchema, type Named, share, slotOf, weightsFor } from "./metric.ts"; // biome-ignore format: names

const scoreOptions = {
  /** What is made of the classes: a table of each ("none", the default), one count for all, their mean, or their mean by how often each is wanted. */
  average: option(oneOf("none", "micro", "macro", "weighted"), "none"),
  /** Probabilities above it are yes. By default the largest of a row is, or all that are as large. */
  threshold: option(number({ above: 0, to: 1 })),
};

const betaOptions = {
  ...scoreOptions,
  /** How many times as much recall counts as precision does. 1 by default. */
  beta: option(number({ above: 0 }), 1),
};

/** Options of `f1Score`. */
export interface F1Options extends OptionsOf<typeof scoreOptions> {}
/** Options of `fBetaScore`. */
export interface FBetaOptions extends OptionsOf<typeof betaOptions> {}

type Average = "none" | "micro" | "macro" | "weighted";

function scoreParts(name: string, beta: number, average: Average, threshold: number | undefined): MetricParts {
  const slots = ["hits", "extra", "missed", "wanted"] as const;
  return {
    of: "probabilities",
    labels: "values",
    check: (output) => (output.length === 1 ? null : `${name} takes outputs of [classes]`),
    slots: ({ output }) => Object.fromEntries(slots.map((slot) => [slot, { shape: output }])),
    update(state, seen) {
      const { output, target } = seen;
      const yes = cast(threshold === undefined ? areLargest(output) : greater(output, threshold), "f32");
      const weights = weightsFor(name, target, seen);
      const of = (x: Tensor): Tensor => sum(weights === null ? x : mul(x, weights), { axis: 0 });
      const [hits, extra, missed] = [of(mul(yes, target)), of(mul(yes, sub(1, target))), of(mul(sub(1, yes), target))];
      return grown(state, { hits, extra, missed, wanted: of(target) }, add);
    },
    result(state) {
      const of = (slot: (typeof slots)[number]): Tensor =>
        average === "micro" ? sum(slotOf(state, slot)) : slotOf(state, slot);
      const hits = of("hits");
      const precision = div(hits, add(add(hits, of("extra")), epsilon));
      const recall = div(hits, add(add(hits, of("missed")), epsilon));
      const both = mul(mul(precision, recall), 1 + beta ** 2);
      const scores = div(both, add(add(mul(precision, beta ** 2), recall), epsilon));
      if (average === "macro") return mean(scores);
      if (average !== "weighted") return scores;
      const wanted = of("wanted");
      return share(sum(mul(scores, wanted)), sum(wanted));
    },
  };
}

/** Those that are as large as any of their row; of a row of zeros none. */
function areLargest(output: Tensor) {
  return and(greaterEqual(output, max(output, { axis: -1, keepDims: true })), greater(abs(output), 1e-9));
}

export const f1ScoreSchema = metricSchema({
  name: "f1Score",
  options: scoreOptions,
  make: ({ average, threshold }) => scoreParts("f1Score", 1, average, threshold),
});

/** 2 precision recall / (precision + recall) of each class: a table, or with `average` one number. */
export function f1Score<const N extends string = "f1Score">(
  options: F1Options & { readonly average: "micro" | "macro" | "weighted" } & Named<N>,
): Metric<NoInfer<N>, "number">;
export function f1Score<const N extends string = "f1Score">(
  options?: F1Options & Named<N>,
): Metric<NoInfer<N>, "table">;
export function f1Score(options: F1Options & Named<string> = {}): Metric {
  return metricOf(f1ScoreSchema, options, arguments);
}

export const fBetaScoreSchema = metricSchema({
  name: "fBetaScore",
  options: betaOptions,
  make: ({ average, beta, threshold }) => scoreParts("fBetaScore", beta, average, threshold),
});

/** (1 + beta²) precision recall / (beta² precision + recall) of each class: a table, or with `average` one number. */
export function fBetaScore<const N extends string = "fBetaScore">(
  options: FBetaOptions & { readonly average: "micro" | "macro" | "weighted" } & Named<N>,
): Metric<NoInfer<N>, "number">;
export function fBetaScore<const N extends string = "fBetaScore">(
  options?: FBetaOptions & Named<N>,
): Metric<NoInfer<N>, "table">;
export function fBetaScore(options: FBetaOptions & Named<string> = {}): Metric {
  return metricOf(fBetaScoreSchema, options, arguments);
}
