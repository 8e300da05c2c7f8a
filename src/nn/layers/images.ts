/** Samples that are images, of one to three sizes and channels: what convolutions, pools and the like share. */
import { ShapeError } from "../../core/errors.ts";
import { atLine, type Origin } from "../../core/origin.ts";
import { add, reshape } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { dataFormatKind } from "../../dsl/window-axes.ts";
import type { DataFormat } from "../../dsl/window-types.ts";
import { printShape, type Shape } from "../../graph/shape.ts";
import { option } from "../schema.ts";
import type { SampleShape } from "./layer.ts";
import type { AxisRule } from "./shape-rule.ts";

export const dataFormatOption = {
  /** Where the channels of images stand: "channelsLast", the default, or "channelsFirst". */
  dataFormat: option(dataFormatKind, "channelsLast"),
};

/** How many sizes images have. */
export type ImageAxes = 1 | 2 | 3;

/** For the editor: images of so many sizes, which only `outputShape` knows, with these channels. */
export type ImageRule<A extends ImageAxes, F extends DataFormat, C extends AxisRule> = {
  readonly channelsLast: {
    readonly axes: readonly [
      ...{
        readonly 1: readonly [number];
        readonly 2: readonly [number, number];
        readonly 3: readonly [number, number, number];
      }[A],
      C,
    ];
  };
  readonly channelsFirst: {
    readonly axes: readonly [
      C,
      ...{
        readonly 1: readonly [number];
        readonly 2: readonly [number, number];
        readonly 3: readonly [number, number, number];
      }[A],
    ];
  };
}[F];

/** The parts of an image's shape. */
export interface ImageShape {
  readonly sizes: readonly number[];
  readonly channels: number;
}

const sizeNames = { 1: ["steps"], 2: ["height", "width"], 3: ["depth", "height", "width"] } as const;

/** A sample as an image of so many sizes; a ShapeError where it is none. */
export function imageOf(
  call: string,
  sample: SampleShape,
  axes: ImageAxes,
  format: DataFormat,
  origin: Origin,
): ImageShape {
  const isLast = format === "channelsLast";
  const channels = isLast ? sample.at(-1) : sample[0];
  if (sample.length === axes + 1 && channels !== undefined) {
    return { sizes: isLast ? sample.slice(0, -1) : sample.slice(1), channels };
  }
  const names = isLast ? [...sizeNames[axes], "channels"] : ["channels", ...sizeNames[axes]];
  const hint =
    sample.length === axes ? `: reshape(${JSON.stringify(withOne(sample, isLast))}) before it makes it that` : "";
  throw new ShapeError(
    `${call} takes samples of [${names.join(", ")}], not ${printShape(sample)}${hint}${atLine(origin)}`,
  );
}

const withOne = (sample: SampleShape, isLast: boolean): SampleShape => (isLast ? [...sample, 1] : [1, ...sample]);

export function sampleOfImage({ sizes, channels }: ImageShape, format: DataFormat): SampleShape {
  return format === "channelsLast" ? [...sizes, channels] : [channels, ...sizes];
}

/** A bias for each channel. */
export function addToChannels(
  x: Tensor<Shape, "f32">,
  bias: Tensor<Shape, "f32"> | undefined,
  format: DataFormat,
): Tensor<Shape, "f32"> {
  if (bias === undefined) return x;
  if (format === "channelsLast") return add(x, bias);
  return add(x, reshape(bias, [...bias.shape, ...x.shape.slice(2).map(() => 1)]));
}
