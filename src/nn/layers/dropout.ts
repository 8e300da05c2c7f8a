/** Dropout (Srivastava et al. 2014): elements left out at random while training. */
import { checkArguments, number } from "../../core/options.ts";
import { dropout as dropElements } from "../../dsl/ops.ts";
import { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import { required } from "../schema.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

export const dropoutSchema = layerSchema({
  name: "dropout",
  given: { rate: required(number({ from: 0, below: 1 })) },
  options: {},
  example: "0.5",
  make: ({ rate }, options) => dropout(rate, options),
});

/**
 * Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate). A layer, which does so only while
 * training, or the function on a tensor, which always does.
 */
export function dropout(rate: number, options?: LayerOptions): Layer<"same">;
export function dropout<S extends Shape>(x: Tensor<S, "f32">, rate: number): Tensor<S, "f32">;
export function dropout(first: number | Tensor<Shape, "f32">, second?: number | LayerOptions): Layer<"same"> | Tensor {
  checkArguments("dropout", arguments, 2);
  if (first instanceof Tensor) return dropElements(first, second as number);
  const values = checkLayer(dropoutSchema, { rate: first }, second as LayerOptions, arguments);
  const { rate } = values;
  return built(dropoutSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x, { training }) => (training && rate > 0 ? dropElements(x, rate) : x),
  });
}
