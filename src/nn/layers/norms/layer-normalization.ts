/** Normalizations of each sample by itself: layer (Ba, Kiros and Hinton 2016), root mean square (Zhang and Sennrich 2019), unit length. */
import { number } from "../../../core/options.ts";
import { here } from "../../../core/origin.ts";
import { add, equal, mean, mul, rsqrt, square, sub, sum, variance, where } from "../../../dsl/ops.ts";
import { param } from "../../../dsl/spec.ts";
import { startOf } from "../../initializers.ts";
import { type OptionsOf, option } from "../../schema.ts";
import { axesIn, axesKind, sizesAlong } from "../axes.ts";
import type { Layer } from "../layer.ts";
import { scaleOptions, scaleParams, scaleWeights } from "../scale-options.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import { alongAxes, withScale } from "./scaled.ts";

const axisOption = {
  /** The axis, or axes, that are normalized together, with the batch as axis 0: -1, the last, by default. */
  axis: option(axesKind, -1),
};

const layerOptions = {
  ...axisOption,
  /** Added to the variance. 0.001 by default. */
  epsilon: option(number({ from: 0 }), 1e-3),
  ...scaleOptions,
};

/** Options of `layerNormalization`. */
export interface LayerNormalizationOptions extends LayerOptions, OptionsOf<typeof layerOptions> {}

export const layerNormalizationSchema = layerSchema({
  name: "layerNormalization",
  given: {},
  options: layerOptions,
  make: (_, options) => layerNormalization(options),
});

/** Each sample at mean 0 and variance 1 along its axes, times gamma, plus beta, which have the shape of those axes. */
export function layerNormalization(options: LayerNormalizationOptions = {}): Layer<"same"> {
  const call = "layerNormalization";
  const origin = here(call);
  const values = checkLayer(layerNormalizationSchema, {}, options, arguments);
  const weights = scaleWeights(call, values, origin);
  return built(layerNormalizationSchema, values, {
    rule: "same",
    masking: "pass",
    ...weights.rules,
    params(sample) {
      const axes = axesIn(call, values.axis, sample.length + 1, origin);
      return scaleParams(weights, values, sizesAlong(sample, axes));
    },
    apply(params, x) {
      const axis = axesIn(call, values.axis, x.shape.length, origin);
      const kept = { axis, keepDims: true } as const;
      const centred = sub(x, mean(x, kept));
      return withScale(mul(centred, rsqrt(add(variance(x, kept), values.epsilon))), params, axis);
    },
  });
}

const rmsOptions = {
  ...axisOption,
  /** Added to the mean square. 1e-6 by default. */
  epsilon: option(number({ from: 0 }), 1e-6),
};

/** Options of `rmsNormalization`. */
export interface RmsNormalizationOptions extends LayerOptions, OptionsOf<typeof rmsOptions> {}

export const rmsNormalizationSchema = layerSchema({
  name: "rmsNormalization",
  given: {},
  options: rmsOptions,
  make: (_, options) => rmsNormalization(options),
});

/** Each sample divided by its root mean square along its axes, times a scale that is learnt. */
export function rmsNormalization(options: RmsNormalizationOptions = {}): Layer<"same"> {
  const call = "rmsNormalization";
  const origin = here(call);
  const values = checkLayer(rmsNormalizationSchema, {}, options, arguments);
  return built(rmsNormalizationSchema, values, {
    rule: "same",
    masking: "pass",
    params(sample) {
      const shape = sizesAlong(sample, axesIn(call, values.axis, sample.length + 1, origin));
      return { scale: param(startOf("ones", shape, { call, weight: "scale", origin })) };
    },
    apply({ scale }, x) {
      const axis = axesIn(call, values.axis, x.shape.length, origin);
      const squares = mean(square(x), { axis, keepDims: true });
      return mul(mul(x, rsqrt(add(squares, values.epsilon))), alongAxes(scale, x, axis));
    },
  });
}

/** Options of `unitNormalization`. */
export interface UnitNormalizationOptions extends LayerOptions, OptionsOf<typeof axisOption> {}

export const unitNormalizationSchema = layerSchema({
  name: "unitNormalization",
  given: {},
  options: axisOption,
  make: (_, options) => unitNormalization(options),
});

/** Each sample at length 1 along its axes. Zeros stay zeros, and their gradient is that of the output. */
export function unitNormalization(options: UnitNormalizationOptions = {}): Layer<"same"> {
  const call = "unitNormalization";
  const origin = here(call);
  const values = checkLayer(unitNormalizationSchema, {}, options, arguments);
  return built(unitNormalizationSchema, values, {
    rule: "same",
    masking: "pass",
    apply(_, x) {
      const axis = axesIn(call, values.axis, x.shape.length, origin);
      const squares = sum(square(x), { axis, keepDims: true });
      return mul(x, rsqrt(where(equal(squares, 0), 1, squares)));
    },
  });
}
