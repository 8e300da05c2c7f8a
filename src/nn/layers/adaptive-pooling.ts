/**
 * Adaptive pools: as many windows as are asked for, whatever the images' size. Window i of m over n elements begins at
 * floor(i n / m) and ends before ceil((i + 1) n / m), so that windows may overlap by an element.
 */
import { here, type Origin } from "../../core/origin.ts";
import { add, arange, cast, div, floor, gather, less, max, minimum, mul, reshape, sub, sum, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../../dsl/tensor.ts";
import { perAxis, perAxisKind } from "../../dsl/window-axes.ts";
import type { DataFormat, PerAxis } from "../../dsl/window-types.ts";
import type { Shape } from "../../graph/shape.ts";
import { type OptionsOf, required } from "../schema.ts";
import { dataFormatOption, type ImageAxes, type ImageRule, imageOf, sampleOfImage } from "./images.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const options = { ...dataFormatOption };

/** Options of adaptive pools. */
export interface AdaptivePoolingOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof options> {
  readonly dataFormat?: F;
}

const schemaOf = (name: string, make: (size: PerAxis, named: OptionsOf<typeof options> & LayerOptions) => Layer) =>
  layerSchema({
    name,
    given: { outputSize: required(perAxisKind) },
    options,
    example: "4",
    make: ({ outputSize }, named) => make(outputSize, named),
  });

export const adaptiveAveragePooling1dSchema = schemaOf("adaptiveAveragePooling1d", (size, named) =>
  adaptiveAveragePooling1d(size, named),
);
export const adaptiveAveragePooling2dSchema = schemaOf("adaptiveAveragePooling2d", (size, named) =>
  adaptiveAveragePooling2d(size, named),
);
export const adaptiveAveragePooling3dSchema = schemaOf("adaptiveAveragePooling3d", (size, named) =>
  adaptiveAveragePooling3d(size, named),
);
export const adaptiveMaxPooling1dSchema = schemaOf("adaptiveMaxPooling1d", (size, named) =>
  adaptiveMaxPooling1d(size, named),
);
export const adaptiveMaxPooling2dSchema = schemaOf("adaptiveMaxPooling2d", (size, named) =>
  adaptiveMaxPooling2d(size, named),
);
export const adaptiveMaxPooling3dSchema = schemaOf("adaptiveMaxPooling3d", (size, named) =>
  adaptiveMaxPooling3d(size, named),
);

/** The mean of each of `outputSize` windows along each size of sequences [steps, channels]. */
export function adaptiveAveragePooling1d<F extends DataFormat = "channelsLast">(
  outputSize: PerAxis,
  options?: AdaptivePoolingOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function adaptiveAveragePooling1d(outputSize: PerAxis, named: AdaptivePoolingOptions = {}): Layer {
  return pooling(
    "average",
    adaptiveAveragePooling1dSchema,
    1,
    outputSize,
    named,
    arguments,
    here("adaptiveAveragePooling1d"),
  );
}

/** The mean of each of `outputSize` windows along each size of images [height, width, channels]. */
export function adaptiveAveragePooling2d<F extends DataFormat = "channelsLast">(
  outputSize: PerAxis,
  options?: AdaptivePoolingOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function adaptiveAveragePooling2d(outputSize: PerAxis, named: AdaptivePoolingOptions = {}): Layer {
  return pooling(
    "average",
    adaptiveAveragePooling2dSchema,
    2,
    outputSize,
    named,
    arguments,
    here("adaptiveAveragePooling2d"),
  );
}

/** The mean of each of `outputSize` windows along each size of images [depth, height, width, channels]. */
export function adaptiveAveragePooling3d<F extends DataFormat = "channelsLast">(
  outputSize: PerAxis,
  options?: AdaptivePoolingOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function adaptiveAveragePooling3d(outputSize: PerAxis, named: AdaptivePoolingOptions = {}): Layer {
  return pooling(
    "average",
    adaptiveAveragePooling3dSchema,
    3,
    outputSize,
    named,
    arguments,
    here("adaptiveAveragePooling3d"),
  );
}

/** The largest element of each of `outputSize` windows along each size of sequences [steps, channels]. */
export function adaptiveMaxPooling1d<F extends DataFormat = "channelsLast">(
  outputSize: PerAxis,
  options?: AdaptivePoolingOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function adaptiveMaxPooling1d(outputSize: PerAxis, named: AdaptivePoolingOptions = {}): Layer {
  return pooling("max", adaptiveMaxPooling1dSchema, 1, outputSize, named, arguments, here("adaptiveMaxPooling1d"));
}

/** The largest element of each of `outputSize` windows along each size of images [height, width, channels]. */
export function adaptiveMaxPooling2d<F extends DataFormat = "channelsLast">(
  outputSize: PerAxis,
  options?: AdaptivePoolingOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function adaptiveMaxPooling2d(outputSize: PerAxis, named: AdaptivePoolingOptions = {}): Layer {
  return pooling("max", adaptiveMaxPooling2dSchema, 2, outputSize, named, arguments, here("adaptiveMaxPooling2d"));
}

/** The largest element of each of `outputSize` windows along each size of images [depth, height, width, channels]. */
export function adaptiveMaxPooling3d<F extends DataFormat = "channelsLast">(
  outputSize: PerAxis,
  options?: AdaptivePoolingOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function adaptiveMaxPooling3d(outputSize: PerAxis, named: AdaptivePoolingOptions = {}): Layer {
  return pooling("max", adaptiveMaxPooling3dSchema, 3, outputSize, named, arguments, here("adaptiveMaxPooling3d"));
}

function pooling(
  kind: "max" | "average",
  schema: typeof adaptiveMaxPooling2dSchema,
  axes: ImageAxes,
  outputSize: PerAxis,
  named: AdaptivePoolingOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, { outputSize }, named, call);
  const { dataFormat } = values;
  const sizes = perAxis(outputSize, axes, "outputSize", origin);
  const first = dataFormat === "channelsLast" ? 1 : 2;
  return built(schema, values, {
    rule: "any",
    outputShape(sample) {
      const { channels } = imageOf(schema.name, sample, axes, dataFormat, origin);
      return sampleOfImage({ sizes, channels }, dataFormat);
    },
    apply: (_, x) => sizes.reduce((image, size, i) => pooled(kind, image, first + i, size), x),
  });
}

/** The windows along one axis, whose size is known. */
function pooled(kind: "max" | "average", x: Tensor<Shape, "f32">, axis: number, count: number): Tensor<Shape, "f32"> {
  const extent = Number(x.shape[axis]);
  if (extent === count) return x;
  const places = arange(count, "f32");
  // half a part above a whole number, and half below the next: floor is of what no rounding takes over it
  const start = floor(div(add(mul(places, extent), 0.5), count));
  const end = floor(div(add(mul(places, extent), extent + count - 0.5), count));
  const longest = Math.min(extent, Math.ceil(extent / count) + (extent % count === 0 ? 0 : 1));
  const at = add(reshape(start, [count, 1]), arange(longest, "f32"));
  const last = reshape(sub(end, 1), [count, 1]);
  const windows = gather(x, cast(minimum(at, last), "i32"), { axis });
  if (kind === "max") return max(windows, { axis: axis + 1 }); // the last element again is no larger
  const behind = x.shape.slice(axis + 1).map(() => 1);
  const isInside = reshape(less(at, reshape(end, [count, 1])), [count, longest, ...behind]);
  const total = sum(where(isInside, windows, 0), { axis: axis + 1 });
  return div(total, reshape(sub(end, start), [count, ...behind]));
}
