/** The product of two tensors along one axis of each, sample by sample. */
import { ShapeError, UserError } from "../../core/errors.ts";
import { either, flag, type Kind, whole } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { einsum, maximum, mul, reshape, rsqrt, square, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape } from "../../graph/shape.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import type { Layer, SampleShape } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

/** One axis for both tensors, or one of each. The batch is axis 0. */
export type DotAxes = number | readonly [number, number];

const pairKind: Kind<readonly [number, number]> = {
  wanted: "one of each tensor, [2, 1]",
  accepts: (value): value is readonly [number, number] =>
    Array.isArray(value) && value.length === 2 && value.every((axis) => Number.isSafeInteger(axis)),
};

const options = {
  /** Whether vectors along the axes have length 1: the cosine of their angle. False by default. */
  normalize: option(flag, false),
};

/** Options of `layers.dot`. */
export interface DotOptions extends LayerOptions, OptionsOf<typeof options> {}

export const dotSchema = layerSchema({
  name: "dot",
  given: { axes: required(either(whole(), pairKind)) },
  options,
  example: "1",
  make: ({ axes }, named) => dot(axes, named),
});

const letters = "cdefghijklmnopqrstuvwxyz";

/** Sums of products of two tensors along an axis of each; of vectors the output is [batch, 1]. */
export function dot(axes: DotAxes, named: DotOptions = {}): Layer {
  const origin = here("dot");
  const values = checkLayer(dotSchema, { axes }, named, arguments);
  const given = typeof axes === "number" ? ([axes, axes] as const) : axes;
  const places = (ranks: readonly number[]): readonly number[] =>
    given.map((axis, i) => {
      const rank = ranks[i] ?? 0;
      const at = axis < 0 ? axis + rank : axis;
      if (at >= 1 && at < rank) return at;
      throw new ShapeError(
        `dot: there is no axis ${axis} behind the batch in a tensor with ${rank} axes${atLine(origin)}`,
      );
    });
  const two = (count: number): void => {
    if (count === 2) return;
    throw new UserError(`dot takes two tensors, not ${count}: call it in model({ call })${atLine(origin)}`);
  };
  const outputShape = (samples: readonly SampleShape[]): SampleShape => {
    two(samples.length);
    const at = places(samples.map(({ length }) => length + 1));
    const [left, right] = samples.map((sample, i) => sample[(at[i] ?? 1) - 1]);
    if (left !== right) {
      const shapes = samples.map(printShape).join(" and ");
      throw new ShapeError(
        `dot: samples of ${shapes} have ${left} and ${right} elements along axes ${at.join(" and ")}${atLine(origin)}`,
      );
    }
    const rest = samples.flatMap((sample, i) => sample.filter((_, axis) => axis !== (at[i] ?? 1) - 1));
    return rest.length === 0 ? [1] : rest;
  };
  return built(dotSchema, values, {
    rule: "any",
    outputShape: (sample) => outputShape([sample]),
    apply: (_, x) => {
      two(1);
      return x;
    },
    several: {
      outputShape,
      apply(_, xs) {
        two(xs.length);
        const at = places(xs.map(({ rank }) => rank));
        const terms = xs.map((x, i) => termOf(x.rank, at[i] ?? 1, i === 0 ? 0 : (xs[0]?.rank ?? 0)));
        const rest = terms.map((term) => term.replace(/[ab]/g, "")).join("");
        const units = values.normalize ? xs.map((x, i) => unit(x, at[i] ?? 1)) : xs;
        const y = einsum(`${terms.join(",")}->a${rest}`, ...units);
        return [y.rank === 1 ? reshape(y, [...y.shape, 1]) : y];
      },
    },
  });
}

/** "a" is the batch and "b" what is summed over. */
function termOf(rank: number, axis: number, from: number): string {
  return Array.from({ length: rank }, (_, i) => (i === 0 ? "a" : i === axis ? "b" : letters[from + i])).join("");
}

/** With length 1 along an axis; zeros stay zeros. */
function unit(x: Tensor<Shape, "f32">, axis: number): Tensor<Shape, "f32"> {
  const squares = sum(square(x), { axis, keepDims: true });
  return mul(x, rsqrt(maximum(squares, 1e-12)));
}
