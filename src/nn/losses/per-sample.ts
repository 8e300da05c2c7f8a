/**
 * What a loss or metric gives, summed over samples: one number a sample, a finer tensor, or one number for the batch come together,
 * so that a mean over an epoch weighs samples and not batches.
 */
import { ShapeError } from "../../core/errors.ts";
import { tensorFrom } from "../../dsl/check.ts";
import { cast, div, maximum, mean, mul, reshape, size, sum, where } from "../../dsl/ops.ts";
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
  if (mask !== undefined) {
    const mean = meanOfSteps(weights === undefined ? values : weighted(values, weights), mask, what);
    return { total: mul(mean, samples), mean };
  }
  const each = values.shape.slice(1).reduce((product: number, dim) => product * Number(dim), 1);
  const sumOfAll: Tensor = sum(weights === undefined ? values : weighted(values, weights));
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

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function weighted(values: Tensor, weights: Tensor): Tensor {
  const [samples = "batch", ...inner] = values.shape;
  const column: Tensor = inner.length === 0 ? weights : reshape(weights, [samples, ...inner.map(() => 1)]);
  return mul(values, column);
}
