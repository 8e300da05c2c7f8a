/**
 * What a loss or metric gives, summed over samples: one number a sample, a finer tensor, or one number for the batch come together,
 * so that a mean over an epoch weighs samples and not batches.
 */
import { ShapeError } from "../../core/errors.ts";
import { tensorFrom } from "../../dsl/check.ts";
import { cast, div, mul, reshape, size, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { printShape } from "../../graph/shape.ts";

/** Sum over the batch and mean over the batch of a measure's result. */
export interface Sums {
  readonly total: Tensor;
  readonly mean: Tensor;
}

/**
 * `batch` is any tensor with the batch in front. `what` is for the message. With weights, one a sample, each sample's value is
 * multiplied by its weight and the mean is still over the number of samples: Keras's "sum_over_batch_size".
 */
export function perSample(measured: Tensor, batch: Tensor, what: string, weights?: Tensor): Sums {
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
  const each = values.shape.slice(1).reduce((product: number, dim) => product * Number(dim), 1);
  const sumOfAll: Tensor = sum(weights === undefined ? values : weighted(values, weights));
  const total = each === 1 ? sumOfAll : div(sumOfAll, each);
  return { total, mean: div(total, samples) };
}

function weighted(values: Tensor, weights: Tensor): Tensor {
  const [samples = "batch", ...inner] = values.shape;
  const column: Tensor = inner.length === 0 ? weights : reshape(weights, [samples, ...inner.map(() => 1)]);
  return mul(values, column);
}
