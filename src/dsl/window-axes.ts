/**
 * What windows along axes are asked for by, in numbers for each axis: read from options and checked, for `window`,
 * convolutions and pools.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import { count, either, type Kind, list, oneOf, show, whole } from "../core/options.ts";
import { atLine, inCall, type Origin } from "../core/origin.ts";
import { permute } from "../graph/ops/view.ts";
import { addDims, type Dim, multiplyDims, printShape, type Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import type { Width } from "./part-types.ts";
import type { Tensor } from "./tensor.ts";
import type { DataFormat, Padding, PerAxis, WindowPadding } from "./window-types.ts";

/** Of numbers below 0 `paddingOf` says more. */
const widthKind: Kind<Width> = {
  wanted: "[before, after], in whole numbers from 0",
  accepts: (value): value is Width =>
    Array.isArray(value) && value.length === 2 && value.every((width) => Number.isSafeInteger(width)),
};

export const perAxisKind: Kind<PerAxis> = either(count, list(count));
export const windowPaddingKind: Kind<WindowPadding> = either(oneOf("valid", "same"), list(widthKind));
export const paddingKind: Kind<Padding> = either(oneOf("valid", "same", "causal"), list(widthKind));
export const outputPaddingKind: Kind<PerAxis> = either(whole({ from: 0 }), list(whole({ from: 0 })));
export const dataFormatKind: Kind<DataFormat> = oneOf("channelsLast", "channelsFirst");

/** One axis with windows over it. */
export interface WindowAxis {
  readonly extent: Dim;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: "valid" | "same" | "causal" | Width;
}

/** How many windows there are, and where the first begins: so many places before the first element. */
export interface Placed {
  readonly count: Dim;
  readonly before: number;
}

/** A number for each of so many axes. */
export function perAxis(given: PerAxis, axes: number, name: string, origin: Origin): readonly number[] {
  if (typeof given === "number") return Array.from({ length: axes }, () => given);
  checkLength(given, axes, name, origin);
  return given;
}

/** The padding of each axis. */
export function paddingOf(given: Padding, axes: number, origin: Origin): readonly WindowAxis["padding"][] {
  if (given === "causal" && axes > 1) {
    throw new UserError(`${inCall(origin)}: "causal" is for one axis, not ${axes}: pad each by hand${atLine(origin)}`);
  }
  if (typeof given === "string") return Array.from({ length: axes }, () => given);
  checkLength(given, axes, "padding", origin);
  given.forEach((widths, axis) => {
    const place = widths.findIndex((width) => width < 0);
    if (place < 0) return;
    const where = `${place === 0 ? "before" : "behind"} ${axes === 1 ? "the axis" : `axis ${axis} of the ${axes}`}`;
    throw new UserError(
      `${inCall(origin)}: padding must not be negative, and is ${widths[place]} ${where}${atLine(origin)}`,
    );
  });
  return given;
}

function checkLength(given: readonly unknown[], axes: number, name: string, origin: Origin): void {
  if (given.length === axes) return;
  const wanted = axes === 1 ? "one" : `${axes}, one for each axis`;
  throw new UserError(`${inCall(origin)}: ${name} has ${given.length} entries, wanted ${wanted}${atLine(origin)}`);
}

/** The elements that a window reaches over, from its first to its last. */
export function spanOf({ size, dilation }: Pick<WindowAxis, "size" | "dilation">): number {
  return (size - 1) * dilation + 1;
}

/** Where windows lie. Throws where none fits, or how many there are is not linear in a size that has a name. */
export function placed(axis: WindowAxis, origin: Origin): Placed {
  const { extent, stride, padding } = axis;
  const span = spanOf(axis);
  if (padding === "same" || padding === "causal") {
    const counted = stride === 1 ? extent : Math.ceil(known(extent, origin) / stride);
    if (padding === "causal") return { count: counted, before: span - 1 };
    const zeros = stride === 1 ? span - 1 : Math.max(0, (Number(counted) - 1) * stride + span - Number(extent));
    return { count: counted, before: Math.floor(zeros / 2) };
  }
  const [before, after] = padding === "valid" ? [0, 0] : padding;
  if (stride === 1 && typeof extent === "string") return { count: addDims(extent, before + after + 1 - span), before };
  const room = known(extent, origin) + before + after - span;
  if (room < 0) {
    const padded = before + after > 0 ? ` with ${before} + ${after} beside it` : "";
    throw new ShapeError(
      `${inCall(origin)}: a window over ${span} elements does not fit an axis of ${extent}${padded}${atLine(origin)}`,
    );
  }
  return { count: Math.floor(room / stride) + 1, before };
}

/** The elements that windows fill along an axis, and how many of them are cut off in front. */
export function filledBy(axis: WindowAxis, more: number | undefined, origin: Origin): { extent: Dim; before: number } {
  const { extent, stride, padding } = axis;
  const span = spanOf(axis);
  if (more !== undefined && more >= stride) {
    throw new ShapeError(
      `${inCall(origin)}: outputPadding must be below the stride, ${stride}, not ${more}${atLine(origin)}`,
    );
  }
  const starts = addDims(multiplyDims(extent, stride) ?? 0, -stride); // where the last window begins
  if (padding === "same" && more === undefined) {
    return { extent: addDims(starts, stride), before: Math.floor(Math.max(span - stride, 0) / 2) };
  }
  const half = Math.floor(span / 2);
  const [before, after] = typeof padding !== "string" ? padding : padding === "same" ? [half, half] : [0, 0];
  const reach = padding === "valid" && more === undefined ? Math.max(span, stride) : span;
  const whole = addDims(starts, reach + (more ?? 0) - before - after);
  if (typeof whole === "number" && whole < 0) {
    throw new ShapeError(
      `${inCall(origin)}: padding of ${before} + ${after} cuts off more than there is${atLine(origin)}`,
    );
  }
  return { extent: whole, before };
}

function known(extent: Dim, origin: Origin): number {
  if (typeof extent === "number") return extent;
  throw new ShapeError(
    `${inCall(origin)}: a strided window needs an axis of known size, not ${show(extent)}${atLine(origin)}`,
  );
}

/** How windows lie along axes, as the op has it. */
export function windowAttrs(axes: readonly number[], along: readonly WindowAxis[], origin: Origin) {
  const places = along.map((axis) => placed(axis, origin));
  return {
    axes,
    size: along.map(({ size }) => size),
    stride: along.map(({ stride }) => stride),
    dilation: along.map(({ dilation }) => dilation),
    base: along.map(() => 1),
    before: places.map(({ before }) => before),
    count: places.map(({ count: counted }) => counted),
  };
}

/** Images as [batch, sizes.., channels]. */
export function channelsLast<D extends DType>(
  x: Tensor<Shape, D>,
  format: DataFormat,
  origin: Origin,
): Tensor<Shape, D>;
export function channelsLast(x: Tensor, format: DataFormat, origin: Origin): Tensor {
  if (format === "channelsLast") return x;
  const order = x.shape.map((_, axis) => (axis === 0 ? 0 : axis === x.rank - 1 ? 1 : axis + 1));
  return applyOp(permute, [x], { order }, origin);
}

/** The way back. */
export function inFormat<D extends DType>(x: Tensor<Shape, D>, format: DataFormat, origin: Origin): Tensor<Shape, D>;
export function inFormat(x: Tensor, format: DataFormat, origin: Origin): Tensor {
  if (format === "channelsLast") return x;
  const order = x.shape.map((_, axis) => (axis === 0 ? 0 : axis === 1 ? x.rank - 1 : axis - 1));
  return applyOp(permute, [x], { order }, origin);
}

/** Images have a batch axis, one size at least, and channels. */
export function checkImages(x: Tensor, origin: Origin): void {
  if (x.rank >= 3) return;
  throw new ShapeError(
    `${inCall(origin)}(${x.dtype}${printShape(x.shape)}): x has rank ${x.rank}, wanted [batch, sizes, channels]${atLine(origin)}`,
  );
}
