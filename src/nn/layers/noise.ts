/** Dropout's relatives: random layers that work only while training. */
import { ShapeError } from "../../core/errors.ts";
import { number } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { add, full, greaterEqual, mul, randomNormal, randomUniform, where } from "../../dsl/ops.ts";
import { type OptionsOf, required } from "../schema.ts";
import { dropped, rateKind } from "./dropout.ts";
import type { Layer } from "./layer.ts";
import { noiseDims, noiseShapeOption } from "./noise-shape.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

function spatialSchema(name: string, make: (rate: number, options: LayerOptions) => Layer) {
  const given = { rate: required(rateKind) };
  return layerSchema({ name, given, options: {}, example: "0.2", make: ({ rate }, options) => make(rate, options) });
}

/** Whole channels are left out, of samples with this many axes before them. */
function spatial(
  schema: ReturnType<typeof spatialSchema>,
  axes: number,
  rate: number,
  options: LayerOptions,
  call: ArrayLike<unknown>,
): Layer<"same"> {
  const { name } = schema;
  const origin = here(name);
  const values = checkLayer(schema, { rate }, options, call);
  return built(schema, values, {
    rule: "same",
    masking: "pass",
    outputShape(sample) {
      if (sample.length === axes + 1) return sample;
      const wanted = `samples of ${axes + 1} axes, the channels last`;
      throw new ShapeError(`${name} takes ${wanted}, not [${sample.join(",")}]${atLine(origin)}`);
    },
    apply(_, x, { training }) {
      const noise = x.shape.map((_, axis) => (axis === 0 || axis === axes + 1 ? null : 1));
      return training ? dropped(name, x, rate, noise, origin) : x;
    },
  });
}

export const spatialDropout1dSchema = spatialSchema("spatialDropout1d", (rate, it) => spatialDropout1d(rate, it));
export const spatialDropout2dSchema = spatialSchema("spatialDropout2d", (rate, it) => spatialDropout2d(rate, it));
export const spatialDropout3dSchema = spatialSchema("spatialDropout3d", (rate, it) => spatialDropout3d(rate, it));

/** Dropout of whole channels of sequences [steps, channels] (Tompson et al. 2015). */
export function spatialDropout1d(rate: number, options: LayerOptions = {}): Layer<"same"> {
  return spatial(spatialDropout1dSchema, 1, rate, options, arguments);
}

/** Dropout of whole channels of images [height, width, channels] (Tompson et al. 2015). */
export function spatialDropout2d(rate: number, options: LayerOptions = {}): Layer<"same"> {
  return spatial(spatialDropout2dSchema, 2, rate, options, arguments);
}

/** Dropout of whole channels of volumes [depth, height, width, channels] (Tompson et al. 2015). */
export function spatialDropout3d(rate: number, options: LayerOptions = {}): Layer<"same"> {
  return spatial(spatialDropout3dSchema, 3, rate, options, arguments);
}

export const gaussianNoiseSchema = layerSchema({
  name: "gaussianNoise",
  given: { stddev: required(number({ from: 0 })) },
  options: {},
  example: "0.1",
  make: ({ stddev }, options) => gaussianNoise(stddev, options),
});

/** Adds normal noise of this standard deviation while training. */
export function gaussianNoise(stddev: number, options: LayerOptions = {}): Layer<"same"> {
  const values = checkLayer(gaussianNoiseSchema, { stddev }, options, arguments);
  return built(gaussianNoiseSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x, { training }) => (training && stddev > 0 ? add(x, mul(randomNormal(x.shape), stddev)) : x),
  });
}

export const gaussianDropoutSchema = layerSchema({
  name: "gaussianDropout",
  given: { rate: required(number({ from: 0, below: 1 })) },
  options: {},
  example: "0.5",
  make: ({ rate }, options) => gaussianDropout(rate, options),
});

/** Multiplies by normal noise of mean 1 and deviation sqrt(rate / (1 - rate)) while training (Srivastava et al. 2014). */
export function gaussianDropout(rate: number, options: LayerOptions = {}): Layer<"same"> {
  const values = checkLayer(gaussianDropoutSchema, { rate }, options, arguments);
  const deviation = Math.sqrt(rate / (1 - rate));
  return built(gaussianDropoutSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x, { training }) => (training && rate > 0 ? mul(x, add(mul(randomNormal(x.shape), deviation), 1)) : x),
  });
}

/** Options of `alphaDropout`. */
export interface AlphaDropoutOptions extends LayerOptions, OptionsOf<typeof noiseShapeOption> {}

export const alphaDropoutSchema = layerSchema({
  name: "alphaDropout",
  given: { rate: required(rateKind) },
  options: noiseShapeOption,
  example: "0.1",
  make: ({ rate }, options) => alphaDropout(rate, options),
});

/** What selu tends to on the left: -scale * alpha. */
const saturated = -1.0507009873554805 * 1.6732632423543772;

/** Dropout for selu (Klambauer et al. 2017): dropped elements saturate, and mean and variance stay. Only while training. */
export function alphaDropout(rate: number, options: AlphaDropoutOptions = {}): Layer<"same"> {
  const origin = here("alphaDropout");
  const values = checkLayer(alphaDropoutSchema, { rate }, options, arguments);
  const { noiseShape } = values;
  const a = ((1 - rate) * (1 + rate * saturated ** 2)) ** -0.5;
  const b = -a * saturated * rate;
  return built(alphaDropoutSchema, values, {
    rule: "same",
    masking: "pass",
    apply(_, x, { training }) {
      if (!training || rate === 0) return x;
      if (rate === 1) return full(x.shape, 0); // as in Keras
      const dims = noiseShape === undefined ? x.shape : noiseDims("alphaDropout", x.shape, noiseShape, origin);
      const keep = greaterEqual(randomUniform(dims), rate);
      return where(keep, add(mul(x, a), b), a * saturated + b);
    },
  });
}
