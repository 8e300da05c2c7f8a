/** Images with zeros around them, and images without their borders. */
import { ShapeError } from "../../core/errors.ts";
import { type Kind, whole } from "../../core/options.ts";
import { atLine, here, type Origin } from "../../core/origin.ts";
import { pad, slice } from "../../dsl/ops.ts";
import type { Width } from "../../dsl/part-types.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { DataFormat } from "../../dsl/window-types.ts";
import { printShape, type Shape } from "../../graph/shape.ts";
import { type OptionsOf, required } from "../schema.ts";
import { dataFormatOption, type ImageAxes, type ImageRule, imageOf, sampleOfImage } from "./images.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

/** One number for all borders; for images one for each axis; or [before, after] of each axis, of sequences without a list around it. */
export type Borders = number | readonly number[] | readonly Width[];

const width = whole({ from: 0 });
const isWidth = (value: unknown): value is Width =>
  Array.isArray(value) && value.length === 2 && value.every((it) => width.accepts(it));

function bordersKind(axes: ImageAxes): Kind<Borders> {
  const each = Array.from({ length: axes }, (_, i) => `[${i}, ${i + 1}]`).join(", ");
  return {
    wanted:
      axes === 1
        ? "a whole number from 0, or [before, after]"
        : `a whole number from 0, one for each axis, or [before, after] of each: [${each}]`,
    accepts: (value): value is Borders =>
      width.accepts(value) ||
      (axes === 1 && isWidth(value)) ||
      (Array.isArray(value) &&
        value.length === axes &&
        (value.every(isWidth) || (axes > 1 && value.every((it) => width.accepts(it))))),
  };
}

/** [before, after] of each axis. */
function widthsOf(given: Borders, axes: ImageAxes): readonly Width[] {
  if (typeof given === "number") return Array.from({ length: axes }, () => [given, given]);
  if (axes === 1 && isWidth(given)) return [given];
  return given.map((one) => (typeof one === "number" ? [one, one] : one));
}

const options = { ...dataFormatOption };

/** Options of `zeroPadding1d` to `cropping3d`. */
export interface BordersOptions<F extends DataFormat = DataFormat> extends LayerOptions, OptionsOf<typeof options> {
  readonly dataFormat?: F;
}

type Make = (borders: Borders, named: OptionsOf<typeof options> & LayerOptions) => Layer;

const paddingSchema = (name: string, axes: ImageAxes, make: Make) =>
  layerSchema({
    name,
    given: { padding: required(bordersKind(axes)) },
    options,
    example: "1",
    make: ({ padding }, named) => make(padding, named),
  });

const croppingSchema = (name: string, axes: ImageAxes, make: Make) =>
  layerSchema({
    name,
    given: { cropping: required(bordersKind(axes)) },
    options,
    example: "1",
    make: ({ cropping }, named) => make(cropping, named),
  });

export const zeroPadding1dSchema = paddingSchema("zeroPadding1d", 1, (borders, named) => zeroPadding1d(borders, named));
export const zeroPadding2dSchema = paddingSchema("zeroPadding2d", 2, (borders, named) => zeroPadding2d(borders, named));
export const zeroPadding3dSchema = paddingSchema("zeroPadding3d", 3, (borders, named) => zeroPadding3d(borders, named));
export const cropping1dSchema = croppingSchema("cropping1d", 1, (borders, named) => cropping1d(borders, named));
export const cropping2dSchema = croppingSchema("cropping2d", 2, (borders, named) => cropping2d(borders, named));
export const cropping3dSchema = croppingSchema("cropping3d", 3, (borders, named) => cropping3d(borders, named));

/** Zeros around sequences [steps, channels]: `1` on both ends, or `[before, after]`. */
export function zeroPadding1d<F extends DataFormat = "channelsLast">(
  padding: Borders,
  options?: BordersOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function zeroPadding1d(borders: Borders, named: BordersOptions = {}): Layer {
  return padding(zeroPadding1dSchema, 1, borders, named, arguments, here("zeroPadding1d"));
}

/** Zeros around images [height, width, channels]: `1` everywhere, `[1, 2]` of height and width, or `[[top, bottom], [left, right]]`. */
export function zeroPadding2d<F extends DataFormat = "channelsLast">(
  padding: Borders,
  options?: BordersOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function zeroPadding2d(borders: Borders, named: BordersOptions = {}): Layer {
  return padding(zeroPadding2dSchema, 2, borders, named, arguments, here("zeroPadding2d"));
}

/** Zeros around images [depth, height, width, channels]: `1` everywhere, `[1, 1, 2]` of each axis, or `[before, after]` of each. */
export function zeroPadding3d<F extends DataFormat = "channelsLast">(
  padding: Borders,
  options?: BordersOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function zeroPadding3d(borders: Borders, named: BordersOptions = {}): Layer {
  return padding(zeroPadding3dSchema, 3, borders, named, arguments, here("zeroPadding3d"));
}

/** Sequences [steps, channels] without their borders: `1` on both ends, or `[before, after]`. */
export function cropping1d<F extends DataFormat = "channelsLast">(
  cropping: Borders,
  options?: BordersOptions<F>,
): Layer<ImageRule<1, F, "same">>;
export function cropping1d(borders: Borders, named: BordersOptions = {}): Layer {
  return cropping(cropping1dSchema, 1, borders, named, arguments, here("cropping1d"));
}

/** Images [height, width, channels] without their borders: `1` everywhere, `[1, 2]` of height and width, or `[[top, bottom], [left, right]]`. */
export function cropping2d<F extends DataFormat = "channelsLast">(
  cropping: Borders,
  options?: BordersOptions<F>,
): Layer<ImageRule<2, F, "same">>;
export function cropping2d(borders: Borders, named: BordersOptions = {}): Layer {
  return cropping(cropping2dSchema, 2, borders, named, arguments, here("cropping2d"));
}

/** Images [depth, height, width, channels] without their borders: `1` everywhere, `[1, 1, 2]` of each axis, or `[before, after]` of each. */
export function cropping3d<F extends DataFormat = "channelsLast">(
  cropping: Borders,
  options?: BordersOptions<F>,
): Layer<ImageRule<3, F, "same">>;
export function cropping3d(borders: Borders, named: BordersOptions = {}): Layer {
  return cropping(cropping3dSchema, 3, borders, named, arguments, here("cropping3d"));
}

function padding(
  schema: typeof zeroPadding2dSchema,
  axes: ImageAxes,
  given: Borders,
  named: BordersOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, { padding: given }, named, call);
  const { dataFormat } = values;
  const widths = widthsOf(given, axes);
  return built(schema, values, {
    rule: "any",
    outputShape(sample) {
      const { sizes, channels } = imageOf(schema.name, sample, axes, dataFormat, origin);
      return sampleOfImage({ sizes: sizes.map((size, i) => size + total(widths[i])), channels }, dataFormat);
    },
    apply: (_, x) => pad(x, [[0, 0], ...inFormat(widths, dataFormat)]),
  });
}

function cropping(
  schema: typeof cropping2dSchema,
  axes: ImageAxes,
  given: Borders,
  named: BordersOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, { cropping: given }, named, call);
  const { dataFormat } = values;
  const widths = widthsOf(given, axes);
  return built(schema, values, {
    rule: "any",
    outputShape(sample) {
      const { sizes, channels } = imageOf(schema.name, sample, axes, dataFormat, origin);
      const left = sizes.map((size, i) => size - total(widths[i]));
      if (left.some((size) => size < 1)) {
        throw new ShapeError(
          `${schema.name}: of a sample of ${printShape(sample)} nothing is left without ${JSON.stringify(widths)}${atLine(origin)}`,
        );
      }
      return sampleOfImage({ sizes: left, channels }, dataFormat);
    },
    apply: (_, x) => cropped(x, inFormat(widths, dataFormat)),
  });
}

const total = (width: Width = [0, 0]): number => width[0] + width[1];

/** Channels have no borders. */
function inFormat(widths: readonly Width[], format: DataFormat): readonly Width[] {
  return format === "channelsLast" ? [...widths, [0, 0]] : [[0, 0], ...widths];
}

/** Every axis but the first without so many elements before and behind. */
function cropped(x: Tensor<Shape, "f32">, widths: readonly Width[]): Tensor<Shape, "f32"> {
  const ranges = widths.map(([before, after], i): readonly [number, number] => [
    before,
    Number(x.shape[i + 1]) - after,
  ]);
  return slice(x, null, ...ranges);
}
