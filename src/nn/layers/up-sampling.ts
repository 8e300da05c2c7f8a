/** Images of a multiple of their size. */
import { oneOf } from "../../core/options.ts";
import { here, type Origin } from "../../core/origin.ts";
import { broadcastTo, reshape } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { perAxis, perAxisKind } from "../../dsl/window-axes.ts";
import type { DataFormat, PerAxis } from "../../dsl/window-types.ts";
import { type Dim, multiplyDims, type Shape } from "../../graph/shape.ts";
import { type OptionsOf, option } from "../schema.ts";
import { dataFormatOption, type ImageAxes, type ImageRule, imageOf, sampleOfImage } from "./images.ts";
import type { Layer } from "./layer.ts";
import { leading } from "./leading.ts";
import { type Interpolation, resampled } from "./resampling.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const sizeOption = {
  /** By how much, along all axes or each. 2 by default. */
  size: option(perAxisKind, 2),
};

const options = { ...sizeOption, ...dataFormatOption };
const stepOptions = { ...sizeOption };
const planeOptions = {
  ...options,
  /** "nearest", the default, repeats each element; the others are as those of `resizing`. */
  interpolation: option(oneOf<Interpolation>("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "nearest"),
};

/** Options of `upSampling1d`. */
export interface UpSampling1dOptions extends LayerOptions, OptionsOf<typeof stepOptions> {}

/** Options of `upSampling2d`. */
export interface UpSampling2dOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof planeOptions> {
  readonly dataFormat?: F;
}

/** Options of `upSampling3d`. */
export interface UpSampling3dOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof options> {
  readonly dataFormat?: F;
}

export const upSampling1dSchema = layerSchema({
  name: "upSampling1d",
  given: {},
  options: stepOptions,
  make: (_, named) => upSampling1d(named),
});
export const upSampling2dSchema = layerSchema({
  name: "upSampling2d",
  given: {},
  options: planeOptions,
  make: (_, named) => upSampling2d(named),
});
export const upSampling3dSchema = layerSchema({
  name: "upSampling3d",
  given: {},
  options,
  make: (_, named) => upSampling3d(named),
});

/** Each step of sequences [steps, channels] `size` times: `upSampling1d(2)`, `upSampling1d({ size: 3 })`. */
export function upSampling1d(options?: UpSampling1dOptions): Layer<ImageRule<1, "channelsLast", "same">>;
export function upSampling1d(size: PerAxis, options?: UpSampling1dOptions): Layer<ImageRule<1, "channelsLast", "same">>;
export function upSampling1d(_first?: PerAxis | UpSampling1dOptions, _options?: UpSampling1dOptions): Layer {
  const { options: named, call } = leading<"size", PerAxis, UpSampling1dOptions>("size", arguments);
  const values = checkLayer(upSampling1dSchema, {}, named, call);
  const given = { ...values, dataFormat: "channelsLast", interpolation: "nearest" } as const;
  return built(upSampling1dSchema, values, enlarging("upSampling1d", 1, given, here("upSampling1d")));
}

/** Images [height, width, channels] `size` times as large: `upSampling2d(2)`, `upSampling2d({ interpolation: "bilinear" })`. */
export function upSampling2d<F extends DataFormat = "channelsLast">(
  options?: UpSampling2dOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function upSampling2d<F extends DataFormat = "channelsLast">(
  size: PerAxis,
  options?: UpSampling2dOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function upSampling2d(_first?: PerAxis | UpSampling2dOptions, _options?: UpSampling2dOptions): Layer {
  const { options: named, call } = leading<"size", PerAxis, UpSampling2dOptions>("size", arguments);
  const values = checkLayer(upSampling2dSchema, {}, named, call);
  return built(upSampling2dSchema, values, enlarging("upSampling2d", 2, values, here("upSampling2d")));
}

/** Each element of images [depth, height, width, channels] `size` times along each axis. */
export function upSampling3d<F extends DataFormat = "channelsLast">(
  options?: UpSampling3dOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function upSampling3d<F extends DataFormat = "channelsLast">(
  size: PerAxis,
  options?: UpSampling3dOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function upSampling3d(_first?: PerAxis | UpSampling3dOptions, _options?: UpSampling3dOptions): Layer {
  const { options: named, call } = leading<"size", PerAxis, UpSampling3dOptions>("size", arguments);
  const values = checkLayer(upSampling3dSchema, {}, named, call);
  const given = { ...values, interpolation: "nearest" } as const;
  return built(upSampling3dSchema, values, enlarging("upSampling3d", 3, given, here("upSampling3d")));
}

interface Enlarging {
  readonly size: PerAxis;
  readonly dataFormat: DataFormat;
  readonly interpolation: Interpolation;
}

function enlarging(call: string, axes: ImageAxes, { size, dataFormat, interpolation }: Enlarging, origin: Origin) {
  const times = perAxis(size, axes, "size", origin);
  const first = dataFormat === "channelsLast" ? 1 : 2;
  return {
    rule: "any" as const,
    outputShape(sample: readonly number[]) {
      const { sizes, channels } = imageOf(call, sample, axes, dataFormat, origin);
      return sampleOfImage({ sizes: sizes.map((one, i) => one * (times[i] ?? 1)), channels }, dataFormat);
    },
    apply(_: unknown, x: Tensor<Shape, "f32">) {
      if (interpolation === "nearest") return repeated(x, first, times);
      return times.reduce(
        (image, many, i) => resampled(image, first + i, Number(x.shape[first + i]) * many, interpolation, false),
        x,
      );
    },
  };
}

/** Each element so many times along each axis. */
function repeated(x: Tensor<Shape, "f32">, first: number, times: readonly number[]): Tensor<Shape, "f32"> {
  const timesOf = (axis: number): number => times[axis - first] ?? 1;
  const split = x.shape.flatMap((dim, axis) => (timesOf(axis) === 1 ? [dim] : [dim, 1]));
  const spread = x.shape.flatMap((dim, axis) => (timesOf(axis) === 1 ? [dim] : [dim, timesOf(axis)]));
  const merged = x.shape.map((dim, axis): Dim => multiplyDims(dim, timesOf(axis)) ?? dim);
  return reshape(broadcastTo(reshape(x, split), spread), merged);
}
