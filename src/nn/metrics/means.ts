/** Metrics that are means: of a measure of each sample, over all of them, or weighted. */

import type { DType } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import { add, broadcastTo, mul, reshape, scalar, sum, where } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import {
  grown,
  type MetricBatch,
  type MetricParts,
  type MetricState,
  rowsFor,
  share,
  slotOf,
  weightsFor,
} from "./metric.ts";

/** A mean of what `measure` gives. */
export function meanOf(
  what: string,
  parts: Pick<MetricParts, "of" | "labels" | "check"> & Required<Pick<MetricParts, "measure">>,
): MetricParts {
  return { ...parts, ...weightedMean(what, parts.measure) };
}

/** With slots for the sum and the weights, as Keras keeps it: over the weights' sum. */
export function weightedMean(
  what: string,
  measure: (output: Tensor, target: Tensor) => Tensor,
): Pick<MetricParts, "slots" | "update" | "result"> {
  return {
    slots: () => ({ total: { shape: [] }, count: { shape: [] } }),
    update: (state, seen) => meanUpdate(what, state, measure(seen.output, seen.target), seen),
    result: (state) => share(slotOf(state, "total"), slotOf(state, "count")),
  };
}

export function meanUpdate(what: string, state: MetricState, measured: Tensor, seen: MetricBatch): MetricState {
  const rows = rowsFor(measured, seen);
  if (rows.shape.length === 0 && (seen.weight ?? seen.mask) !== undefined) {
    throw new ShapeError(`${what} gives one number for the batch: to be weighted it must give one for each sample`);
  }
  const weights = weightsFor(what, rows, seen);
  const { mask } = seen;
  const chosen = mask === undefined ? rows : where(likeRows(mask, rows), rows, 0); // what does not count may be NaN
  const one: Tensor = sum(broadcastTo(weights ?? scalar(1), rows.shape));
  return grown(state, { total: sum(weights === null ? chosen : mul(chosen, weights)), count: one }, add);
}

function likeRows<D extends DType>(x: Tensor<Shape, D>, { shape }: Tensor): Tensor<Shape, D> {
  return reshape(x, [...x.shape, ...shape.slice(x.shape.length).map(() => 1)]);
}
