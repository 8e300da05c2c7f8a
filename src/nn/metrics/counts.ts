/** Counts of right and wrong answers at thresholds, and what is made of them: precision, recall. */
import { count, either, list, number, whole } from "../../core/options.ts";
import { add, cast, greater, mul, oneHot, reshape, slice, sub, sum, topK, where } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { rowOf } from "../losses/focal.ts";
import { type OptionsOf, option } from "../schema.ts";
import { behind, grown, type Metric, type MetricBatch, type MetricParts, type MetricSlot, type MetricState, metricOf, metricSchema, type Named, share, slotOf, weightsFor } from "./metric.ts"; // biome-ignore format: names

/** What an answer can be. */
export type Count = "truePositives" | "falsePositives" | "trueNegatives" | "falseNegatives";

/** Sums over all answers, for each threshold: which of them lie above it, by their labels. */
export function countsOf(
  what: string,
  counts: readonly Count[],
  above: Tensor,
  seen: MetricBatch,
  axes?: readonly number[],
): MetricState {
  const { target } = seen;
  const weights = weightsFor(what, target, seen);
  const weigh = (x: Tensor): Tensor => (weights === null ? x : mul(x, weights));
  const yes = behind(weigh(target));
  const no = behind(weigh(sub(1, target)));
  const below = sub(1, above);
  const over = axes ?? target.shape.map((_, axis) => axis + 1);
  const parts: Readonly<Record<Count, () => Tensor>> = {
    truePositives: () => sum(mul(above, yes), { axis: over }),
    falsePositives: () => sum(mul(above, no), { axis: over }),
    trueNegatives: () => sum(mul(below, no), { axis: over }),
    falseNegatives: () => sum(mul(below, yes), { axis: over }),
  };
  return Object.fromEntries(counts.map((name) => [name, parts[name]()]));
}

/** [thresholds, ...output]: 1 where an output lies above a threshold. */
export function aboveEach(output: Tensor, thresholds: Tensor): Tensor {
  const column = reshape(thresholds, [Number(thresholds.shape[0]), ...output.shape.map(() => 1)]);
  return cast(greater(behind(output), column), "f32");
}

const threshold = number({ from: 0, to: 1 });

const countOptions = {
  /** Probabilities above it are yes; of several there is a table of as many. One half by default. */
  thresholds: option(either(threshold, list(threshold)), 0.5),
};

/** Options of counts. */
export interface CountOptions extends OptionsOf<typeof countOptions> {}

const answerOptions = {
  /** Probabilities above it are yes; of several there is a table of as many. One half by default; with `topK` all that are among them. */
  thresholds: option(either(threshold, list(threshold))),
  /** Only the k largest of a row are yes. All by default. */
  topK: option(count),
  /** Only this column is looked at. All by default. */
  classId: option(whole({ from: 0 })),
};

/** Options of `precision` and `recall`. */
export interface AnswerOptions extends OptionsOf<typeof answerOptions> {}

interface Answers {
  readonly thresholds?: number | readonly number[] | undefined;
  readonly topK?: number | undefined;
  readonly classId?: number | undefined;
}

/** Counts at thresholds, and what is made of them. */
function atThresholds(
  what: string,
  { thresholds, topK: k, classId }: Answers,
  counts: readonly Count[],
  result: (first: Tensor, second: Tensor) => Tensor,
): MetricParts {
  const given = thresholds ?? (k === undefined ? 0.5 : -1);
  const list = typeof given === "number" ? [given] : given;
  const slot: MetricSlot = { shape: [list.length] };
  return {
    of: "probabilities",
    labels: "values",
    slots: () => Object.fromEntries(counts.map((name) => [name, slot])),
    update(state, seen) {
      const { output, target } = columnOf(
        k === undefined ? seen : { ...seen, output: largest(seen.output, k) },
        classId,
      );
      const above = aboveEach(output, rowOf(list));
      return grown(state, countsOf(what, counts, above, { ...seen, output, target }), add);
    },
    result(state) {
      const [first, second = first] = counts;
      const found = result(slotOf(state, String(first)), slotOf(state, String(second)));
      return typeof given === "number" ? reshape(found, []) : found;
    },
  };
}

/** What is not among the k largest of its row lies below every threshold. */
function largest(output: Tensor, k: number): Tensor {
  const { indexes } = topK(output, k);
  const isTop: Tensor = sum(oneHot(indexes, Number(output.shape.at(-1))), { axis: -2 });
  return where(greater(isTop, 0), output, -2);
}

/** One column of both, or all. */
export function columnOf(
  seen: Pick<MetricBatch, "output" | "target">,
  classId: number | undefined,
): Pick<MetricBatch, "output" | "target"> {
  if (classId === undefined) return seen;
  const column = (x: Tensor): Tensor => slice(x, ...x.shape.slice(1).map(() => null), [classId, classId + 1]);
  return { output: column(seen.output), target: column(seen.target) };
}

/** A count itself. */
const countSchema = (name: Count) =>
  metricSchema({
    name,
    options: countOptions,
    make: (options) => atThresholds(name, options, [name], (found) => found),
  });

export const truePositivesSchema = countSchema("truePositives");

/** How many answers are yes, rightly. */
export function truePositives<const N extends string = "truePositives">(
  options: CountOptions & { readonly thresholds: readonly number[] } & Named<N>,
): Metric<NoInfer<N>, "table">;
export function truePositives<const N extends string = "truePositives">(
  options?: CountOptions & Named<N>,
): Metric<NoInfer<N>, "number">;
export function truePositives(options: CountOptions & Named<string> = {}): Metric {
  return metricOf(truePositivesSchema, options, arguments);
}

export const falsePositivesSchema = countSchema("falsePositives");

/** How many answers are yes, wrongly. */
export function falsePositives<const N extends string = "falsePositives">(
  options: CountOptions & { readonly thresholds: readonly number[] } & Named<N>,
): Metric<NoInfer<N>, "table">;
export function falsePositives<const N extends string = "falsePositives">(
  options?: CountOptions & Named<N>,
): Metric<NoInfer<N>, "number">;
export function falsePositives(options: CountOptions & Named<string> = {}): Metric {
  return metricOf(falsePositivesSchema, options, arguments);
}

export const trueNegativesSchema = countSchema("trueNegatives");

/** How many answers are no, rightly. */
export function trueNegatives<const N extends string = "trueNegatives">(
  options: CountOptions & { readonly thresholds: readonly number[] } & Named<N>,
): Metric<NoInfer<N>, "table">;
export function trueNegatives<const N extends string = "trueNegatives">(
  options?: CountOptions & Named<N>,
): Metric<NoInfer<N>, "number">;
export function trueNegatives(options: CountOptions & Named<string> = {}): Metric {
  return metricOf(trueNegativesSchema, options, arguments);
}

export const falseNegativesSchema = countSchema("falseNegatives");

/** How many answers are no, wrongly. */
export function falseNegatives<const N extends string = "falseNegatives">(
  options: CountOptions & { readonly thresholds: readonly number[] } & Named<N>,
): Metric<NoInfer<N>, "table">;
export function falseNegatives<const N extends string = "falseNegatives">(
  options?: CountOptions & Named<N>,
): Metric<NoInfer<N>, "number">;
export function falseNegatives(options: CountOptions & Named<string> = {}): Metric {
  return metricOf(falseNegativesSchema, options, arguments);
}

const shareOfRight = (right: Tensor, wrong: Tensor): Tensor => share(right, add(right, wrong));

export const precisionSchema = metricSchema({
  name: "precision",
  options: answerOptions,
  make: (options) => atThresholds("precision", options, ["truePositives", "falsePositives"], shareOfRight),
});

/** Of what is answered yes the share that is right; 0 where nothing is. */
export function precision<const N extends string = "precision">(
  options: AnswerOptions & { readonly thresholds: readonly number[] } & Named<N>,
): Metric<NoInfer<N>, "table">;
export function precision<const N extends string = "precision">(
  options?: AnswerOptions & Named<N>,
): Metric<NoInfer<N>, "number">;
export function precision(options: AnswerOptions & Named<string> = {}): Metric {
  return metricOf(precisionSchema, options, arguments);
}

export const recallSchema = metricSchema({
  name: "recall",
  options: answerOptions,
  make: (options) => atThresholds("recall", options, ["truePositives", "falseNegatives"], shareOfRight),
});

/** Of what should be answered yes the share that is; 0 where nothing should. */
export function recall<const N extends string = "recall">(
  options: AnswerOptions & { readonly thresholds: readonly number[] } & Named<N>,
): Metric<NoInfer<N>, "table">;
export function recall<const N extends string = "recall">(
  options?: AnswerOptions & Named<N>,
): Metric<NoInfer<N>, "number">;
export function recall(options: AnswerOptions & Named<string> = {}): Metric {
  return metricOf(recallSchema, options, arguments);
}
