/** The mean, or the largest element, of all of an image, channel by channel. */
import { flag } from "../../core/options.ts";
import { here, type Origin } from "../../core/origin.ts";
import { cast, div, globalPool, reshape, sum, where } from "../../dsl/ops.ts";
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import type { DataFormat } from "../../dsl/window-types.ts";
import type { Shape } from "../../graph/shape.ts";
import { type OptionsOf, option } from "../schema.ts";
import { dataFormatOption, type ImageAxes, imageOf, sampleOfImage } from "./images.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const options = {
  ...dataFormatOption,
  /** Keep the sizes, as 1. False by default. */
  keepDims: option(flag, false),
};

/** Options of global pools. */
export interface GlobalPoolingOptions extends LayerOptions, OptionsOf<typeof options> {}

const schemaOf = (name: string, make: (named: OptionsOf<typeof options> & LayerOptions) => Layer) =>
  layerSchema({ name, given: {}, options, make: (_, named) => make(named) });

export const globalAveragePooling1dSchema = schemaOf("globalAveragePooling1d", (named) =>
  globalAveragePooling1d(named),
);
export const globalAveragePooling2dSchema = schemaOf("globalAveragePooling2d", (named) =>
  globalAveragePooling2d(named),
);
export const globalAveragePooling3dSchema = schemaOf("globalAveragePooling3d", (named) =>
  globalAveragePooling3d(named),
);
export const globalMaxPooling1dSchema = schemaOf("globalMaxPooling1d", (named) => globalMaxPooling1d(named));
export const globalMaxPooling2dSchema = schemaOf("globalMaxPooling2d", (named) => globalMaxPooling2d(named));
export const globalMaxPooling3dSchema = schemaOf("globalMaxPooling3d", (named) => globalMaxPooling3d(named));

/** The mean of all of sequences [steps, channels], for each channel, and with a mask of the steps that count: samples become [channels]. */
export function globalAveragePooling1d(named: GlobalPoolingOptions = {}): Layer {
  return pooling("average", globalAveragePooling1dSchema, 1, named, arguments, here("globalAveragePooling1d"));
}

/** The mean of all of images [height, width, channels], for each channel: samples become [channels]. */
export function globalAveragePooling2d(named: GlobalPoolingOptions = {}): Layer {
  return pooling("average", globalAveragePooling2dSchema, 2, named, arguments, here("globalAveragePooling2d"));
}

/** The mean of all of images [depth, height, width, channels], for each channel: samples become [channels]. */
export function globalAveragePooling3d(named: GlobalPoolingOptions = {}): Layer {
  return pooling("average", globalAveragePooling3dSchema, 3, named, arguments, here("globalAveragePooling3d"));
}

/** The largest element of all of sequences [steps, channels], for each channel; masks are passed over, as in Keras: samples become [channels]. */
export function globalMaxPooling1d(named: GlobalPoolingOptions = {}): Layer {
  return pooling("max", globalMaxPooling1dSchema, 1, named, arguments, here("globalMaxPooling1d"));
}

/** The largest element of all of images [height, width, channels], for each channel: samples become [channels]. */
export function globalMaxPooling2d(named: GlobalPoolingOptions = {}): Layer {
  return pooling("max", globalMaxPooling2dSchema, 2, named, arguments, here("globalMaxPooling2d"));
}

/** The largest element of all of images [depth, height, width, channels], for each channel: samples become [channels]. */
export function globalMaxPooling3d(named: GlobalPoolingOptions = {}): Layer {
  return pooling("max", globalMaxPooling3dSchema, 3, named, arguments, here("globalMaxPooling3d"));
}

function pooling(
  kind: "max" | "average",
  schema: typeof globalMaxPooling2dSchema,
  axes: ImageAxes,
  named: GlobalPoolingOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, {}, named, call);
  const { keepDims, dataFormat } = values;
  return built(schema, values, {
    rule: "any",
    ...(kind === "average" && axes === 1 ? { masking: "own" as const } : {}),
    outputShape(sample) {
      const { sizes, channels } = imageOf(schema.name, sample, axes, dataFormat, origin);
      return keepDims ? sampleOfImage({ sizes: sizes.map(() => 1), channels }, dataFormat) : [channels];
    },
    apply(_, x, { masks, mask = masks?.of(x) }) {
      const isMasked = mask !== undefined && kind === "average" && axes === 1;
      return isMasked ? meanOfSteps(x, mask, keepDims, dataFormat) : globalPool(x, kind, { keepDims, dataFormat });
    },
  });
}

/** The mean of the steps that count. Where a whole row is masked there are none: NaN, as in Keras. */
function meanOfSteps(x: Tensor<Shape, "f32">, mask: Mask, keepDims: boolean, format: DataFormat): Tensor<Shape, "f32"> {
  const axis = format === "channelsLast" ? 1 : 2;
  const [batch = 1, steps = 1] = mask.shape;
  const counts = reshape(cast(mask, "f32"), axis === 1 ? [batch, steps, 1] : [batch, 1, steps]);
  const counted = where(reshape(mask, counts.shape), x, 0); // whatever fills the others up, a NaN too
  return div(sum(counted, { axis, keepDims }), sum(counts, { axis, keepDims }));
}
