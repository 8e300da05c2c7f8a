/** The contrast and brightness of images, changed at random while training, each of a batch in its own way. */
import { type Kind, number } from "../../core/options.ts";
import { here } from "../../core/origin.ts";
import { add, clip, mean, mul, reshape, sub } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { dataFormatOption } from "./images.ts";
import type { Layer } from "./layer.ts";
import { drawn, type Factor, factorKind, isPair, whileTraining } from "./random-images.ts";
import { firstAxis } from "./resizing.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

type Values = Tensor<Shape, "f32">;

const rangeKind: Kind<readonly [number, number]> = {
  wanted: "[lowest, highest]: [0, 1], say",
  accepts: (value): value is readonly [number, number] => isPair(value) && value[0] < value[1],
};

const contrastKind: Kind<Factor> = {
  wanted: "a number from 0 to 1, or [lower, upper] from 0, which are taken from 1 and added to it",
  accepts: (value): value is Factor =>
    number({ from: 0, to: 1 }).accepts(value) || (isPair(value) && value.every((it) => it >= 0)),
};

const options = {
  /** The lowest and the highest that an element may become. [0, 255] by default: give [0, 1] for images of that scale. */
  valueRange: option(rangeKind, [0, 255]),
  ...dataFormatOption,
};

/** Options of `randomContrast` and `randomBrightness`. */
export interface RandomColorOptions extends LayerOptions, OptionsOf<typeof options> {}

export const randomContrastSchema = layerSchema({
  name: "randomContrast",
  given: { factor: required(contrastKind) },
  options,
  example: "0.2",
  make: ({ factor }, named) => randomContrast(factor, named),
});

/** (x - mean) * c + mean of each channel of an image, with c uniform in [1 - f, 1 + f], or [1 - lower, 1 + upper] of two. */
export function randomContrast(factor: Factor, named: RandomColorOptions = {}): Layer<"same"> {
  const origin = here("randomContrast");
  const values = checkLayer(randomContrastSchema, { factor }, named, arguments);
  const [low, high] = values.valueRange;
  const bounds: Factor = typeof factor === "number" ? factor : [-factor[0], factor[1]];
  const first = firstAxis(values.dataFormat);
  const change = (x: Values): Values => {
    const middle = mean(x, { axis: [first, first + 1], keepDims: true });
    return clip(add(mul(sub(x, middle), eachImage(add(drawn(bounds, x.shape[0] ?? 1), 1), x)), middle), low, high);
  };
  return built(randomContrastSchema, values, whileTraining("randomContrast", values, origin, change));
}

export const randomBrightnessSchema = layerSchema({
  name: "randomBrightness",
  given: { factor: required(factorKind) },
  options,
  example: "0.2",
  make: ({ factor }, named) => randomBrightness(factor, named),
});

/** x and a part of the range of values, one for each image, uniform in [-f, f] or the bounds given. */
export function randomBrightness(factor: Factor, named: RandomColorOptions = {}): Layer<"same"> {
  const origin = here("randomBrightness");
  const values = checkLayer(randomBrightnessSchema, { factor }, named, arguments);
  const [low, high] = values.valueRange;
  const change = (x: Values): Values =>
    clip(add(x, eachImage(mul(drawn(factor, x.shape[0] ?? 1), high - low), x)), low, high);
  return built(randomBrightnessSchema, values, whileTraining("randomBrightness", values, origin, change));
}

/** One number for each image, beside its axes. */
function eachImage(numbers: Values, x: Values): Values {
  return reshape(numbers, [x.shape[0] ?? 1, ...x.shape.slice(1).map(() => 1)]);
}
