/**
 * What a loss or metric gives, summed over samples: one number a sample, a finer tensor, or one number for the batch come together,
 * so that a mean over an epoch weighs samples and not batches.
 */
import { ShapeError } from "../../core/errors.ts";
import { tensorFrom } from "../../dsl/check.ts";
import { broadcastTo, cast, div, equal, maximum, mean, mul, reshape, scalar, size, sum, where } from "../../dsl/ops.ts";
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import { printShape, sameShape } from "../../graph/shape.ts";

/** Sum over the batch and mean over the batch of a measure's result. */
export interface Sums {
  readonly total: Tensor;
  readonly mean: Tensor;
}

/**
 * `batch` is any tensor with the batch in front. `what` is for the message. With weights, one a sample, each sample's value is
 * multiplied by its weight and the mean is still over the number of samples: Keras's "sum_over_batch_size". With a mask it is over
 * the steps that count, and 0 where none does; a batch counts as its samples then, however many steps of it count.
 */
export function perSample(measured: Tensor, batch: Tensor, what: string, weights?: Tensor, mask?: Mask): Sums {
  const samples: Tensor = size(batch, 0, "f32");
  const values: Tensor = cast(tensorFrom(what, measured), "f32");
  if (values.shape.length === 0) {
    if (weights !== undefined) {
      throw new ShapeError(`${what} gives one number for the batch: to be weighted it must give one for each sample`);
    }
    return { total: mul(values, samples), mean: values };
  }
  if (values.shape[0] !== batch.shape[0]) {
    const found = `a tensor of shape ${printShape(values.shape)}`;
    throw new ShapeError(`${what} must give one number, or one for each sample of the batch; it gave ${found}`);
  }
  if (values.shape.indexOf(batch.shape[0] ?? "batch", 1) !== -1) {
    throw new ShapeError(
      `${what} gave ${printShape(values.shape)}, every sample with every other: output and target were broadcast against each ` +
        'other. Give both one shape: reshape(target, output.shape), or target: f32("batch", 1)',
    );
  }
  const weighed = weights === undefined ? values : weighted(values, weightsLike(values, weights, what));
  if (mask !== undefined) {
    const mean = meanOfSteps(weighed, mask, what);
    return { total: mul(mean, samples), mean };
  }
  const each = values.shape.slice(1).reduce((product: number, dim) => product * Number(dim), 1);
  const sumOfAll: Tensor = sum(weighed);
  const total = each === 1 ? sumOfAll : div(sumOfAll, each);
  return { total, mean: div(total, samples) };
}

/** Over the steps that count. A finer value is a step's mean. */
function meanOfSteps(values: Tensor, mask: Mask, what: string): Tensor {
  const axes = mask.shape.length;
  if (values.shape.length < axes || !sameShape(values.shape.slice(0, axes), mask.shape)) {
    throw new ShapeError(
      `${what} gives ${printShape(values.shape)}, and the output has a mask of ${printShape(mask.shape)}: it must give a number for each step`,
    );
  }
  const steps: Tensor =
    values.shape.length === axes ? values : mean(values, { axis: range(axes, values.shape.length) });
  const counted: Tensor = sum(cast(mask, "f32"));
  return div(sum(where(mask, steps, 0)), maximum(counted, 1)); // chosen, not multiplied: what does not count may be NaN
}

/** How the numbers of a batch become one. */
export type Reduction = "sumOverBatchSize" | "mean" | "sum" | "meanWithSampleWeight" | "none";

/** Numbers of rows reduced to one. A mean with a mask is over the rows that count, and 0 where none does. */
export function reduced(
  rows: Tensor,
  reduction: Reduction,
  what: string,
  weights: Tensor | undefined,
  mask: Mask | undefined,
): Tensor {
  const values = weights === undefined ? rows : weighted(rows, weightsLike(rows, weights, what));
  const all = mask === undefined ? values : where(likeRows(mask, rows), values, 0);
  if (reduction === "none" || rows.shape.length === 0) return all;
  const total: Tensor = sum(all);
  if (reduction === "sum") return total;
  if (reduction === "meanWithSampleWeight" && weights !== undefined) {
    const weight = broadcastTo(likeRows(weightsLike(rows, weights, what), rows), rows.shape);
    const all: Tensor = sum(mask === undefined ? weight : where(likeRows(mask, rows), weight, 0));
    return where(equal(all, 0), 0, div(total, where(equal(all, 0), 1, all)));
  }
  if (mask === undefined) return div(total, elements(rows));
  const counted: Tensor = sum(cast(broadcastTo(likeRows(mask, rows), rows.shape), "f32"));
  return div(total, maximum(counted, 1));
}

/** A batch counts as its samples, whatever its numbers were reduced to. */
export function sumsOf(
  rows: Tensor,
  batch: Tensor,
  reduction: Reduction,
  what: string,
  weights: Tensor | undefined,
  mask: Mask | undefined,
): Sums {
  const value = reduced(rows, reduction, what, weights, mask);
  return { total: mul(value, size(batch, 0, "f32")), mean: value };
}

/** How many there are. */
function elements(rows: Tensor): Tensor {
  return rows.shape.reduce((all: Tensor, _, axis) => mul(all, size(rows, axis, "f32")), scalar(1));
}

/** Without a last axis of one that the rows have not. */
function weightsLike(rows: Tensor, weights: Tensor, what: string): Tensor {
  const isColumn = weights.shape.length === rows.shape.length + 1 && weights.shape.at(-1) === 1;
  const shaped = isColumn ? reshape(weights, rows.shape) : weights;
  if (sameShape(rows.shape.slice(0, shaped.shape.length), shaped.shape)) return shaped;
  throw new ShapeError(
    `${what}: sampleWeight must have a number for each of ${printShape(rows.shape)}, or for each sample; it has ${printShape(weights.shape)}`,
  );
}

/** With axes of one behind, as many as the rows have more. */
function likeRows(x: Mask, rows: Tensor): Mask;
function likeRows(x: Tensor, rows: Tensor): Tensor;
function likeRows(x: Tensor, { shape }: Tensor): Tensor {
  const more = shape.length - x.shape.length;
  return more === 0 ? x : reshape(x, [...x.shape, ...Array.from({ length: more }, () => 1)]);
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Each times its sample's weight, or its step's. */
export function weighted(values: Tensor, weights: Tensor): Tensor {
  return mul(values, likeRows(weights, values));
}
