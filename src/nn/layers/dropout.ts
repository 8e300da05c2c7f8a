/** Dropout (Srivastava et al. 2014): elements left out at random while training. */
import { checkArguments, type Kind, number } from "../../core/options.ts";
import { here, type Origin } from "../../core/origin.ts";
import { dropout as dropElements, full, greaterEqual, mul, randomUniform, where } from "../../dsl/ops.ts";
import { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import { type OptionsOf, required } from "../schema.ts";
import type { Layer } from "./layer.ts";
import { type NoiseShape, noiseDims, noiseShapeOption } from "./noise-shape.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

export const rateKind: Kind<number> = number({ from: 0, to: 1 });

/** Options of `dropout`. */
export interface DropoutOptions extends LayerOptions, OptionsOf<typeof noiseShapeOption> {}

export const dropoutSchema = layerSchema({
  name: "dropout",
  given: { rate: required(rateKind) },
  options: noiseShapeOption,
  example: "0.5",
  make: ({ rate }, options) => dropout(rate, options),
});

/**
 * Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate). A layer, which does so only while
 * training, or the function on a tensor, which always does.
 */
export function dropout(rate: number, options?: DropoutOptions): Layer<"same">;
export function dropout<S extends Shape>(x: Tensor<S, "f32">, rate: number): Tensor<S, "f32">;
export function dropout(
  first: number | Tensor<Shape, "f32">,
  second?: number | DropoutOptions,
): Layer<"same"> | Tensor {
  checkArguments("dropout", arguments, 2);
  if (first instanceof Tensor) return dropElements(first, second as number);
  const origin = here("dropout");
  const values = checkLayer(dropoutSchema, { rate: first }, second as DropoutOptions, arguments);
  const { rate, noiseShape } = values;
  return built(dropoutSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x, { training }) => (training ? dropped("dropout", x, rate, noiseShape, origin) : x),
  });
}

/** x with elements left out, the same ones along axes where the noise has size 1. */
export function dropped(
  call: string,
  x: Tensor<Shape, "f32">,
  rate: number,
  noise: NoiseShape | undefined,
  origin: Origin,
): Tensor<Shape, "f32"> {
  if (rate === 0) return x;
  if (rate === 1) return full(x.shape, 0); // 1 / (1 - rate) is none
  if (noise === undefined) return dropElements(x, rate);
  const keep = greaterEqual(randomUniform(noiseDims(call, x.shape, noise, origin)), rate);
  return where(keep, mul(x, 1 / (1 - rate)), 0);
}
