/** Group normalization (Wu and He 2018): the channels of a sample in groups, each at mean 0 and variance 1. */
import { ShapeError } from "../../../core/errors.ts";
import { number, whole } from "../../../core/options.ts";
import { atLine, here } from "../../../core/origin.ts";
import { add, mean, mul, reshape, rsqrt, sub, variance } from "../../../dsl/ops.ts";
import { type OptionsOf, option } from "../../schema.ts";
import { axesBut, axesIn } from "../axes.ts";
import type { Layer } from "../layer.ts";
import { scaleOptions, scaleParams, scaleWeights } from "../scale-options.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import { withScale } from "./scaled.ts";

const options = {
  /** How many groups; they divide the channels. -1 is one for each channel, instance normalization. 32 by default. */
  groups: option(whole({ from: -1 }), 32),
  /** The axis of the channels, with the batch as axis 0: -1, the last, by default. */
  axis: option(whole(), -1),
  /** Added to the variance. 0.001 by default. */
  epsilon: option(number({ from: 0 }), 1e-3),
  ...scaleOptions,
};

/** Options of `groupNormalization`. */
export interface GroupNormalizationOptions extends LayerOptions, OptionsOf<typeof options> {}

export const groupNormalizationSchema = layerSchema({
  name: "groupNormalization",
  given: {},
  options,
  make: (_, options) => groupNormalization(options),
});

/** Each group of channels of a sample at mean 0 and variance 1 over all of its places, times gamma, plus beta, one for each channel. */
export function groupNormalization(options: GroupNormalizationOptions = {}): Layer<"same"> {
  const call = "groupNormalization";
  const origin = here(call);
  const values = checkLayer(groupNormalizationSchema, {}, options, arguments);
  const { groups, epsilon } = values;
  const widthOf = (sample: readonly number[]): number => {
    const [axis = 1] = axesIn(call, values.axis, sample.length + 1, origin);
    const width = sample[axis - 1] ?? 1;
    if (groups === -1 || (groups > 0 && width % groups === 0)) return width;
    const hint = `give groups that divide it, such as { groups: ${divisorBelow(width, groups)} }`;
    throw new ShapeError(`${call}: ${groups} groups do not divide ${width} channels: ${hint}${atLine(origin)}`);
  };
  const weights = scaleWeights(call, values, origin);
  return built(groupNormalizationSchema, values, {
    rule: "same",
    masking: "pass",
    ...weights.rules,
    outputShape(sample) {
      widthOf(sample);
      return sample;
    },
    params: (sample) => scaleParams(weights, values, [widthOf(sample)]),
    apply(params, x) {
      const axes = axesIn(call, values.axis, x.shape.length, origin);
      const [channel = 1] = axes;
      const width = Number(x.shape[channel]);
      const count = groups === -1 ? width : groups;
      const split = [...x.shape.slice(0, channel), count, width / count, ...x.shape.slice(channel + 1)];
      const grouped = reshape(x, split);
      const kept = { axis: axesBut(split.length, [0, channel]), keepDims: true } as const;
      const centred = sub(grouped, mean(grouped, kept));
      const normal = mul(centred, rsqrt(add(variance(grouped, kept), epsilon)));
      return withScale(reshape(normal, x.shape), params, axes);
    },
  });
}

/** The largest number up to `most` that divides `width`. */
function divisorBelow(width: number, most: number): number {
  let found = Math.max(1, Math.min(width, most));
  while (width % found !== 0) found--;
  return found;
}
