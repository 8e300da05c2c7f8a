/** Metrics of the user's own: means and sums of a measure, and whatever else slots can hold. They are code, in no file. */
import { UserError } from "../../core/errors.ts";
import { callable, checkArguments, checkedLater, checkOptions, checkValue, type OptionTable, object, text } from "../../core/options.ts"; // biome-ignore format: names
import { add, cast, mul, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { codeConfig } from "../config.ts";
import { measureKind } from "../losses/by-name.ts";
import type { Measure } from "../losses/loss.ts";
import { meanOf } from "./means.ts";
import { grown, Metric, type MetricBatch, type MetricPlace, type MetricSlot, rowsFor, slotOf, weightsFor } from "./metric.ts"; // biome-ignore format: names

/** What `own` is given. */
export interface MetricDefinition<N extends string, S extends string = string> {
  /** What its score is called. */
  readonly name: N;
  /** Its slots, by name: what shape each has and where it starts, or a function of the output's shape that says so. f32. */
  readonly state: Readonly<Record<S, MetricSlot>> | ((place: MetricPlace) => Readonly<Record<S, MetricSlot>>);
  /** Their next values, from a batch. */
  update(state: Readonly<Record<S, Tensor>>, seen: MetricBatch): Readonly<Record<S, Tensor>>;
  /** What they amount to. */
  result(state: Readonly<Record<S, Tensor>>): Tensor;
}

const definitionTable: OptionTable<MetricDefinition<string>> = {
  name: text,
  state: checkedLater("slots by name: { total: { shape: [] } }, say"),
  update: callable(),
  result: callable(),
};

/** A metric with slots of its own: one number, or a table. */
export function own<const N extends string, const S extends string>(
  definition: MetricDefinition<N, S>,
): Metric<N, "number"> {
  checkArguments("metrics.own", arguments, 1);
  checkValue("metrics.own", "the definition", definition, object<MetricDefinition<N>>());
  checkOptions("metrics.own", definition, definitionTable);
  const { name, state, update, result } = definition;
  for (const [part, given] of Object.entries({ name, state, update, result })) {
    if (given === undefined) throw new UserError(`metrics.own: ${part} is missing`);
  }
  return new Metric<N, "number">(name, codeConfig(name), {
    of: "output",
    labels: "any",
    slots: (place) => (typeof state === "function" ? state(place) : state),
    update: (slots, seen) => update(slots, seen),
    result: (slots) => result(slots),
  });
}

/** The mean of a measure of yours over all samples, weighted where it is among `weightedMetrics`. */
export function mean<const N extends string>(name: N, measure: Measure): Metric<N, "number"> {
  checkArguments("metrics.mean", arguments, 2);
  checkValue("metrics.mean", "the name", name, text);
  checkValue("metrics.mean", "the measure", measure, measureKind);
  const parts = meanOf(name, {
    of: "output",
    labels: "any",
    measure: (output, target) => measure(cast(output, "f32"), target),
  });
  return new Metric<N, "number">(name, codeConfig(name), parts);
}

/** The sum of a measure of yours over all samples, weighted where it is among `weightedMetrics`. */
export function total<const N extends string>(name: N, measure: Measure): Metric<N, "number"> {
  checkArguments("metrics.total", arguments, 2);
  checkValue("metrics.total", "the name", name, text);
  checkValue("metrics.total", "the measure", measure, measureKind);
  return new Metric<N, "number">(name, codeConfig(name), {
    of: "output",
    labels: "any",
    slots: () => ({ total: { shape: [] } }),
    update(state, seen) {
      const rows = rowsFor(measure(cast(seen.output, "f32"), seen.target), seen);
      const weights = weightsFor(name, rows, seen);
      return grown(state, { total: sum(weights === null ? rows : mul(rows, weights)) }, add);
    },
    result: (state) => slotOf(state, "total"),
  });
}
