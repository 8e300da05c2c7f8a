/** Images of a given size: resized, or the middle cut out. */
import { count, flag, number, oneOf } from "../../core/options.ts";
import { here } from "../../core/origin.ts";
import { pad, slice } from "../../dsl/ops.ts";
import type { Width } from "../../dsl/part-types.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { DataFormat } from "../../dsl/window-types.ts";
import type { Shape } from "../../graph/shape.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { dataFormatOption, type ImageRule, imageOf, sampleOfImage } from "./images.ts";
import type { Layer } from "./layer.ts";
import { type Interpolation, interpolations, resampled } from "./resampling.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

type Values = Tensor<Shape, "f32">;

const resizingOptions = {
  /** Which elements a place is made of: "bilinear", the default, "nearest", "bicubic", "area", "lanczos3" or "lanczos5". */
  interpolation: option(oneOf<Interpolation>(...interpolations), "bilinear"),
  /** Whether a smaller image is a mean over all of the larger. False by default. */
  antialias: option(flag, false),
  /** Cut off what is too wide or too high instead of bending the image. False by default. */
  cropToAspectRatio: option(flag, false),
  /** Fill up what is too narrow or too low instead. False by default. */
  padToAspectRatio: option(flag, false),
  /** What is filled up with. 0 by default. */
  fillValue: option(number(), 0),
  ...dataFormatOption,
};

/** Options of a resizing layer. */
export interface ResizingOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof resizingOptions> {
  readonly dataFormat?: F;
}

const cropOptions = { ...dataFormatOption };

/** Options of a center crop. */
export interface CenterCropOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof cropOptions> {
  readonly dataFormat?: F;
}

const size = { height: required(count), width: required(count) };

export const resizingSchema = layerSchema({
  name: "resizing",
  given: size,
  options: resizingOptions,
  example: "180, 180",
  make: ({ height, width }, named) => resizing(height, width, named),
});

export const centerCropSchema = layerSchema({
  name: "centerCrop",
  given: size,
  options: cropOptions,
  example: "180, 180",
  make: ({ height, width }, named) => centerCrop(height, width, named),
});

/** Images [height, width, channels] of this size, with the centers of elements at halves. */
export function resizing<F extends DataFormat = "channelsLast">(
  height: number,
  width: number,
  options?: ResizingOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function resizing(height: number, width: number, named: ResizingOptions = {}): Layer {
  const origin = here("resizing");
  const values = checkLayer(resizingSchema, { height, width }, named, arguments);
  const { dataFormat } = values;
  return built(resizingSchema, values, {
    rule: "any",
    outputShape(sample) {
      const { channels } = imageOf("resizing", sample, 2, dataFormat, origin);
      return sampleOfImage({ sizes: [height, width], channels }, dataFormat);
    },
    apply: (_, x) => resized(x, values, firstAxis(dataFormat)),
  });
}

/**
 * The middle of images [height, width, channels], from floor((size - wanted) / 2) of each axis. Images that are too small are
 * resized, and what is too wide or too high then cut off.
 */
export function centerCrop<F extends DataFormat = "channelsLast">(
  height: number,
  width: number,
  options?: CenterCropOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function centerCrop(height: number, width: number, named: CenterCropOptions = {}): Layer {
  const origin = here("centerCrop");
  const values = checkLayer(centerCropSchema, { height, width }, named, arguments);
  const { dataFormat } = values;
  return built(centerCropSchema, values, {
    rule: "any",
    outputShape(sample) {
      const { channels } = imageOf("centerCrop", sample, 2, dataFormat, origin);
      return sampleOfImage({ sizes: [height, width], channels }, dataFormat);
    },
    apply: (_, x) => middleOf(x, height, width, firstAxis(dataFormat)),
  });
}

/** The axis of heights. */
export const firstAxis = (format: DataFormat): number => (format === "channelsLast" ? 1 : 2);

/** The middle, or of what is too small all of it in the new size. */
export function middleOf(x: Values, height: number, width: number, first: number): Values {
  const [high, wide] = [Number(x.shape[first]), Number(x.shape[first + 1])];
  if (high >= height && wide >= width) {
    return cut(x, first, [start(high, height), height], [start(wide, width), width]);
  }
  const plain = { interpolation: "bilinear", antialias: false, padToAspectRatio: false, fillValue: 0 } as const;
  return resized(x, { height, width, cropToAspectRatio: true, ...plain }, first);
}

const start = (extent: number, wanted: number): number => Math.floor((extent - wanted) / 2);

interface Resizing {
  readonly height: number;
  readonly width: number;
  readonly interpolation: Interpolation;
  readonly antialias: boolean;
  readonly cropToAspectRatio: boolean;
  readonly padToAspectRatio: boolean;
  readonly fillValue: number;
}

function resized(x: Values, values: Resizing, first: number): Values {
  const { height, width, interpolation, antialias } = values;
  const [high, wide] = [Number(x.shape[first]), Number(x.shape[first + 1])];
  const fitting = [Math.trunc((wide * height) / width), Math.trunc((high * width) / height)] as const;
  let image = x;
  if (values.cropToAspectRatio) {
    const [tall, broad] = [Math.max(1, Math.min(high, fitting[0])), Math.max(1, Math.min(wide, fitting[1]))];
    image = cut(x, first, [start(high, tall), tall], [start(wide, broad), broad]);
  } else if (values.padToAspectRatio) {
    const [above, beside] = [start(Math.max(high, fitting[0]), high), start(Math.max(wide, fitting[1]), wide)];
    const widths = x.shape.map((_, axis): Width => around(axis === first ? above : axis === first + 1 ? beside : 0));
    image = pad(x, widths, values.fillValue);
  }
  return resampled(
    resampled(image, first, height, interpolation, antialias),
    first + 1,
    width,
    interpolation,
    antialias,
  );
}

const around = (count: number): Width => [count, count];

/** A part: where it begins, and how long it is. */
type Part = readonly [from: number, size: number];

function cut(x: Values, first: number, ...parts: readonly [Part, Part]): Values {
  const ranges = x.shape.map((_, axis): readonly [number, number] | null => {
    const part = parts[axis - first];
    return part === undefined ? null : [part[0], part[0] + part[1]];
  });
  return slice(x, ...ranges);
}
