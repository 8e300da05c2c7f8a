/**
 * Pools of images: the largest element, or the mean, of each window. Names and defaults are Keras's; what is computed is `maxPool`
 * and `avgPool` of src/dsl. A window with a NaN is NaN, where Keras's maximum passes over it.
 */
import { here, type Origin } from "../../core/origin.ts";
import { avgPool, maxPool } from "../../dsl/ops.ts";
import { paddingOf, perAxis, perAxisKind, windowPaddingKind } from "../../dsl/window-axes.ts";
import type { DataFormat, PerAxis } from "../../dsl/window-types.ts";
import { type OptionsOf, option } from "../schema.ts";
import { placesOf } from "./conv.ts";
import { dataFormatOption, type ImageAxes, type ImageRule, imageOf, sampleOfImage } from "./images.ts";
import type { Layer } from "./layer.ts";
import { leading } from "./leading.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const options = {
  /** Elements of a window, along all axes or each. 2 by default. */
  poolSize: option(perAxisKind, 2),
  /** From one window to the next. As `poolSize` by default. */
  strides: option(perAxisKind),
  /** What lies around the images, and counts as nothing: "valid", nothing, by default; "same"; or [before, after] of each axis. */
  padding: option(windowPaddingKind, "valid"),
  ...dataFormatOption,
};

/** Options of pools. */
export interface PoolingOptions<F extends DataFormat = DataFormat> extends LayerOptions, OptionsOf<typeof options> {
  readonly dataFormat?: F;
}

const schemaOf = (name: string, make: (named: OptionsOf<typeof options> & LayerOptions) => Layer) =>
  layerSchema({ name, given: {}, options, make: (_, named) => make(named) });

export const maxPooling1dSchema = schemaOf("maxPooling1d", (named) => maxPooling1d(named));
export const maxPooling2dSchema = schemaOf("maxPooling2d", (named) => maxPooling2d(named));
export const maxPooling3dSchema = schemaOf("maxPooling3d", (named) => maxPooling3d(named));
export const averagePooling1dSchema = schemaOf("averagePooling1d", (named) => averagePooling1d(named));
export const averagePooling2dSchema = schemaOf("averagePooling2d", (named) => averagePooling2d(named));
export const averagePooling3dSchema = schemaOf("averagePooling3d", (named) => averagePooling3d(named));

/** The largest element of each window over sequences [steps, channels]: `maxPooling1d(2)`, `maxPooling1d({ poolSize: 3, strides: 2 })`. */
export function maxPooling1d<F extends DataFormat = "channelsLast">(
  options?: PoolingOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function maxPooling1d<F extends DataFormat = "channelsLast">(
  poolSize: PerAxis,
  options?: PoolingOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function maxPooling1d(_first?: PerAxis | PoolingOptions, _options?: PoolingOptions): Layer {
  return pooling("max", maxPooling1dSchema, 1, arguments, here("maxPooling1d"));
}

/** The largest element of each window over images [height, width, channels]: `maxPooling2d(2)`, `maxPooling2d({ poolSize: 3, strides: 2 })`. */
export function maxPooling2d<F extends DataFormat = "channelsLast">(
  options?: PoolingOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function maxPooling2d<F extends DataFormat = "channelsLast">(
  poolSize: PerAxis,
  options?: PoolingOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function maxPooling2d(_first?: PerAxis | PoolingOptions, _options?: PoolingOptions): Layer {
  return pooling("max", maxPooling2dSchema, 2, arguments, here("maxPooling2d"));
}

/** The largest element of each window over images [depth, height, width, channels]: `maxPooling3d(2)`, `maxPooling3d({ poolSize: 3, strides: 2 })`. */
export function maxPooling3d<F extends DataFormat = "channelsLast">(
  options?: PoolingOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function maxPooling3d<F extends DataFormat = "channelsLast">(
  poolSize: PerAxis,
  options?: PoolingOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function maxPooling3d(_first?: PerAxis | PoolingOptions, _options?: PoolingOptions): Layer {
  return pooling("max", maxPooling3dSchema, 3, arguments, here("maxPooling3d"));
}

/** The mean of each window over sequences [steps, channels]; a border counts as nothing: `averagePooling1d(2)`, `averagePooling1d({ poolSize: 3, strides: 2 })`. */
export function averagePooling1d<F extends DataFormat = "channelsLast">(
  options?: PoolingOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function averagePooling1d<F extends DataFormat = "channelsLast">(
  poolSize: PerAxis,
  options?: PoolingOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function averagePooling1d(_first?: PerAxis | PoolingOptions, _options?: PoolingOptions): Layer {
  return pooling("average", averagePooling1dSchema, 1, arguments, here("averagePooling1d"));
}

/** The mean of each window over images [height, width, channels]; a border counts as nothing: `averagePooling2d(2)`, `averagePooling2d({ poolSize: 3, strides: 2 })`. */
export function averagePooling2d<F extends DataFormat = "channelsLast">(
  options?: PoolingOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function averagePooling2d<F extends DataFormat = "channelsLast">(
  poolSize: PerAxis,
  options?: PoolingOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function averagePooling2d(_first?: PerAxis | PoolingOptions, _options?: PoolingOptions): Layer {
  return pooling("average", averagePooling2dSchema, 2, arguments, here("averagePooling2d"));
}

/** The mean of each window over images [depth, height, width, channels]; a border counts as nothing: `averagePooling3d(2)`, `averagePooling3d({ poolSize: 3, strides: 2 })`. */
export function averagePooling3d<F extends DataFormat = "channelsLast">(
  options?: PoolingOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function averagePooling3d<F extends DataFormat = "channelsLast">(
  poolSize: PerAxis,
  options?: PoolingOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function averagePooling3d(_first?: PerAxis | PoolingOptions, _options?: PoolingOptions): Layer {
  return pooling("average", averagePooling3dSchema, 3, arguments, here("averagePooling3d"));
}

function pooling(
  kind: "max" | "average",
  schema: typeof maxPooling2dSchema,
  axes: ImageAxes,
  given: IArguments,
  origin: Origin,
): Layer {
  const { options: named, call } = leading<"poolSize", PerAxis, PoolingOptions>("poolSize", given);
  const values = checkLayer(schema, {}, named, call);
  const { name } = schema;
  const { poolSize, padding, dataFormat } = values;
  const sizes = perAxis(poolSize, axes, "poolSize", origin);
  const strides = perAxis(values.strides ?? sizes, axes, "strides", origin);
  paddingOf(padding, axes, origin); // refuses what is wrong where the layer is made
  const window = { sizes, strides, dilations: sizes.map(() => 1) };
  const steps = { size: sizes, stride: strides, padding, dataFormat };
  return built(schema, values, {
    rule: "any",
    outputShape(sample) {
      const image = imageOf(name, sample, axes, dataFormat, origin);
      return sampleOfImage({ ...image, sizes: placesOf(image.sizes, window, padding, origin) }, dataFormat);
    },
    apply: (_, x) => (kind === "max" ? maxPool(x, steps) : avgPool(x, steps)),
  });
}
