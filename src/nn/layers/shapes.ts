/** The same elements in another shape. Axes of samples are meant: the batch stays in front. */
import { ShapeError } from "../../core/errors.ts";
import { count, type Kind, list } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { broadcastTo, permute as permuteAxes, reshape as reshapeTensor } from "../../dsl/ops.ts";
import { printShape, sizeOf } from "../../graph/shape.ts";
import { required } from "../schema.ts";
import type { Layer, SampleShape } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const targetKind: Kind<readonly number[]> = {
  wanted: "the sizes of a sample, one of which may be -1: [7, 7, -1]",
  accepts: (value): value is readonly number[] =>
    Array.isArray(value) &&
    value.every((size) => count.accepts(size) || size === -1) &&
    value.filter((size) => size === -1).length <= 1,
};

export const reshapeSchema = layerSchema({
  name: "reshape",
  given: { targetShape: required(targetKind) },
  options: {},
  example: "[7, 7, 64]",
  make: ({ targetShape }, options) => reshape(targetShape, options),
});

/** Every sample in this shape. One size may be -1: whatever is left. */
export function reshape(targetShape: readonly number[], options: LayerOptions = {}): Layer {
  const origin = here("reshape");
  const values = checkLayer(reshapeSchema, { targetShape }, options, arguments);
  const wanted = [...targetShape];
  const outputShape = (sample: SampleShape): SampleShape => {
    const all = sizeOf(sample);
    const known = sizeOf(wanted.filter((size) => size !== -1));
    const shape = wanted.map((size) => (size === -1 ? all / known : size));
    if (sizeOf(shape) === all && shape.every((size) => Number.isInteger(size))) return shape;
    throw new ShapeError(
      `reshape: a sample of ${printShape(sample)} has ${all} elements, which do not fill ${JSON.stringify(wanted)}${atLine(origin)}`,
    );
  };
  return built(reshapeSchema, values, {
    rule: "any",
    outputShape,
    apply: (_, x) => reshapeTensor(x, [x.shape[0] ?? 1, ...outputShape(x.shape.slice(1).map(Number))]),
  });
}

const dimsKind: Kind<readonly number[]> = {
  wanted: "the axes of a sample in their new order, counted from 1: [2, 1]",
  accepts: (value): value is readonly number[] =>
    list(count).accepts(value) && value.toSorted((a, b) => a - b).every((axis, i) => axis === i + 1),
};

export const permuteSchema = layerSchema({
  name: "permute",
  given: { dims: required(dimsKind) },
  options: {},
  example: "[2, 1]",
  make: ({ dims }, options) => permute(dims, options),
});

/** The axes of samples in another order. They are counted from 1, as in Keras: `permute([2, 1])` swaps two. */
export function permute(dims: readonly number[], options: LayerOptions = {}): Layer {
  const origin = here("permute");
  const values = checkLayer(permuteSchema, { dims }, options, arguments);
  const order = [...dims];
  return built(permuteSchema, values, {
    rule: "any",
    outputShape(sample) {
      if (sample.length === order.length) return order.map((axis) => sample[axis - 1] ?? 0);
      throw new ShapeError(
        `permute: a sample of ${printShape(sample)} has ${sample.length} axes, and ${JSON.stringify(order)} orders ${order.length}${atLine(origin)}`,
      );
    },
    apply: (_, x) => permuteAxes(x, [0, ...order]),
  });
}

export const repeatVectorSchema = layerSchema({
  name: "repeatVector",
  given: { n: required(count) },
  options: {},
  example: "3",
  make: ({ n }, options) => repeatVector(n, options),
});

/** Every sample n times: [features] becomes [n, features]. */
export function repeatVector(n: number, options: LayerOptions = {}): Layer {
  const origin = here("repeatVector");
  const values = checkLayer(repeatVectorSchema, { n }, options, arguments);
  return built(repeatVectorSchema, values, {
    rule: "any",
    outputShape(sample) {
      const [width] = sample;
      if (sample.length === 1 && width !== undefined) return [n, width];
      throw new ShapeError(`repeatVector takes samples of [features], not ${printShape(sample)}${atLine(origin)}`);
    },
    apply(_, x) {
      const [batch = 1, width = 1] = x.shape;
      return broadcastTo(reshapeTensor(x, [batch, 1, width]), [batch, n, width]);
    },
  });
}
