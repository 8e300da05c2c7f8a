/**
 * Convolutions of one to three axes and more: windows over the images, contracted with a filter. No window is ever written to
 * memory, neither forwards nor in a gradient.
 *
 * What is called so slides the filter without turning it round (cross-correlation), as in Keras and PyTorch. Filters lie as
 * Keras has them: [sizes.., channels, features].
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { checkArguments, checkOptions, count, type OptionTable } from "../core/options.ts";
import { atLine, here, inCall, type Origin } from "../core/origin.ts";
import { contract } from "../graph/ops/contract.ts";
import { permute, reshape } from "../graph/ops/view.ts";
import { window } from "../graph/ops/window.ts";
import { windowSum } from "../graph/ops/window-sum.ts";
import { type Dim, multiplyDims, printShape, type Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkTensor } from "./check.ts";
import type { CheckDTypes, CheckOptions } from "./shape-types.ts";
import type { Tensor } from "./tensor.ts";
import {
  channelsLast,
  checkImages,
  dataFormatKind,
  filledBy,
  inFormat,
  outputPaddingKind,
  paddingKind,
  paddingOf,
  perAxis,
  perAxisKind,
  type WindowAxis,
  windowAttrs,
  windowPaddingKind,
} from "./window-axes.ts";
import type {
  CheckConv,
  CheckDepthwise,
  CheckTransposed,
  ConvShape,
  DataFormat,
  DepthwiseShape,
  Padding,
  PerAxis,
  TransposedShape,
  WindowPadding,
} from "./window-types.ts";

export interface DepthwiseConvOptions {
  /** From one window to the next, along all axes or each. 1 by default. */
  readonly stride?: PerAxis;
  /** Zeros around the images. "valid", none, by default. */
  readonly padding?: Padding;
  /** From one element of a window to the next. 1 by default. */
  readonly dilation?: PerAxis;
  /** Where the channels of images stand. "channelsLast" by default. */
  readonly dataFormat?: DataFormat;
}

export interface ConvOptions extends DepthwiseConvOptions {
  /** Channels and features in so many groups, each convolved by itself. 1 by default. */
  readonly groups?: number;
}

export interface ConvTransposeOptions {
  /** From one window to the next, along all axes or each. 1 by default. */
  readonly stride?: PerAxis;
  /** What is cut off the borders; of "same" as much as leaves size times stride. "valid", nothing, by default. */
  readonly padding?: WindowPadding;
  /** Elements more behind each axis, below its stride; where given, "same" cuts off half a window on each side. */
  readonly outputPadding?: PerAxis;
  /** From one element of a window to the next. 1 by default. */
  readonly dilation?: PerAxis;
  /** Where the channels of images stand. "channelsLast" by default. */
  readonly dataFormat?: DataFormat;
}

const depthwiseTable: OptionTable<DepthwiseConvOptions> = {
  stride: perAxisKind,
  padding: paddingKind,
  dilation: perAxisKind,
  dataFormat: dataFormatKind,
};

const convTable: OptionTable<ConvOptions> = { ...depthwiseTable, groups: count };

const transposedTable: OptionTable<ConvTransposeOptions> = {
  stride: perAxisKind,
  padding: windowPaddingKind,
  outputPadding: outputPaddingKind,
  dilation: perAxisKind,
  dataFormat: dataFormatKind,
};

/**
 * The convolution of images [batch, sizes.., channels] with a filter [sizes.., channels / groups, features]: for each place
 * and feature the sum of what the filter covers there. The result is [batch, sizes.., features]; a size n becomes
 * floor((n - span) / stride) + 1 with "valid", ceil(n / stride) with "same" and "causal", where span = (size - 1) * dilation + 1.
 */
export function conv<
  X extends Shape,
  W extends Shape,
  D extends DType,
  E extends DType,
  const O extends ConvOptions = Record<never, never>,
>(
  x: Tensor<X, D>,
  filter: Tensor<W, E> & CheckConv<X, W, O> & CheckDTypes<"conv", D, E>,
  options?: O & CheckOptions<"conv", O, ConvOptions>,
): Tensor<ConvShape<X, W, O>, D>;
export function conv(x: Tensor, filter: Tensor, given?: ConvOptions): Tensor {
  checkArguments("conv", arguments, 3);
  const origin = here("conv");
  const options = checkOptions("conv", given, convTable, { before: "x, filter, ", origin });
  const { groups = 1, dataFormat = "channelsLast" } = options;
  const images = imagesOf("conv", x, filter, dataFormat, origin);
  const axes = images.rank - 2;
  const [channels, taken, features] = [images.shape[axes + 1], filter.shape[axes] ?? 0, filter.shape[axes + 1] ?? 0];
  if (multiplyDims(taken, groups) !== channels) {
    const each = groups === 1 ? "" : ` in each of ${groups} groups`;
    refuse(x, filter, `x has ${channels} channels, and the filter takes ${taken}${each}`, origin);
  }
  if (Number(features) % groups !== 0) {
    refuse(x, filter, `${features} features are no multiple of ${groups} groups`, origin);
  }
  if (groups > 1) return grouped(x, filter, { ...options, groups, dataFormat }, origin);
  const along = alongAxes(images, filter, options, origin);
  if (isPoint(along)) {
    const pairs = { batchLeft: [], batchRight: [], sumLeft: [axes + 1], sumRight: [0] };
    const matrix = reshaped(filter, [taken, features], origin);
    return inFormat(applyOp(contract, [images, matrix], pairs, origin), dataFormat, origin);
  }
  const places = Array.from({ length: axes }, (_, i) => i);
  const windows = windowed(images, along, origin);
  const sumLeft = [...places.map((i) => axes + 2 + i), axes + 1];
  const pairs = { batchLeft: [], batchRight: [], sumLeft, sumRight: [...places, axes] };
  return inFormat(applyOp(contract, [windows, filter], pairs, origin), dataFormat, origin);
}

/** Groups of channels and of features as axes of their own, and those as what the contraction goes by. */
function grouped(
  x: Tensor,
  filter: Tensor,
  options: Required<Pick<ConvOptions, "groups" | "dataFormat">> & Steps,
  origin: Origin,
): Tensor {
  const { groups, dataFormat } = options;
  const axes = x.rank - 2;
  const places = Array.from({ length: axes }, (_, i) => i);
  const isFirst = dataFormat === "channelsFirst";
  const [taken = 0, features = 0] = filter.shape.slice(axes);
  const channel = isFirst ? 1 : axes + 1;
  const split = reshaped(x, [...x.shape.slice(0, channel), groups, taken, ...x.shape.slice(channel + 1)], origin);
  const last = isFirst ? applyOp(permute, [split], { order: [0, ...places.map((i) => 3 + i), 1, 2] }, origin) : split;
  const filters = reshaped(filter, [...filter.shape.slice(0, axes + 1), groups, Number(features) / groups], origin);
  const pairs = {
    batchLeft: [axes + 1],
    batchRight: [axes + 1],
    sumLeft: [...places.map((i) => axes + 3 + i), axes + 2],
    sumRight: [...places, axes],
  };
  const windows = windowed(last, alongAxes(last, filter, options, origin), origin);
  const made = applyOp(contract, [windows, filters], pairs, origin);
  return withChannels(made, features, dataFormat, origin);
}

/**
 * The convolution of each channel of images [batch, sizes.., channels] with filters of its own, [sizes.., channels, multiplier]:
 * [batch, sizes.., channels * multiplier], the features of a channel side by side. Sizes are as those of `conv`.
 */
export function depthwiseConv<
  X extends Shape,
  W extends Shape,
  D extends DType,
  E extends DType,
  const O extends DepthwiseConvOptions = Record<never, never>,
>(
  x: Tensor<X, D>,
  filter: Tensor<W, E> & CheckDepthwise<X, W, O> & CheckDTypes<"depthwiseConv", D, E>,
  options?: O & CheckOptions<"depthwiseConv", O, DepthwiseConvOptions>,
): Tensor<DepthwiseShape<X, W, O>, D>;
export function depthwiseConv(x: Tensor, filter: Tensor, given?: DepthwiseConvOptions): Tensor {
  checkArguments("depthwiseConv", arguments, 3);
  const origin = here("depthwiseConv");
  const options = checkOptions("depthwiseConv", given, depthwiseTable, { before: "x, filter, ", origin });
  const { dataFormat = "channelsLast" } = options;
  const images = imagesOf("depthwiseConv", x, filter, dataFormat, origin);
  const axes = images.rank - 2;
  const [channels, taken = 0, multiplier = 0] = [images.shape[axes + 1], ...filter.shape.slice(axes)];
  if (taken !== channels) refuse(x, filter, `x has ${channels} channels, and the filter takes ${taken}`, origin);
  const places = Array.from({ length: axes }, (_, i) => i);
  const windows = windowed(images, alongAxes(images, filter, options, origin), origin);
  const pairs = {
    batchLeft: [axes + 1],
    batchRight: [axes],
    sumLeft: places.map((i) => axes + 2 + i),
    sumRight: places,
  };
  const made = applyOp(contract, [windows, filter], pairs, origin);
  const features = multiplyDims(taken, multiplier);
  if (features === null) return refuse(x, filter, "channels and multiplier cannot both be names", origin);
  return withChannels(made, features, dataFormat, origin);
}

/**
 * The transpose of a convolution: each element of images [batch, sizes.., channels] adds its filter, [sizes.., features,
 * channels], to what lies under its window. The result is [batch, sizes.., features], with a size n grown to
 * (n - 1) * stride + max(span, stride) with "valid" and to n * stride with "same", where span = (size - 1) * dilation + 1; what
 * no window reaches is 0.
 */
export function convTranspose<
  X extends Shape,
  W extends Shape,
  D extends DType,
  E extends DType,
  const O extends ConvTransposeOptions = Record<never, never>,
>(
  x: Tensor<X, D>,
  filter: Tensor<W, E> & CheckTransposed<X, W, O> & CheckDTypes<"convTranspose", D, E>,
  options?: O & CheckOptions<"convTranspose", O, ConvTransposeOptions>,
): Tensor<TransposedShape<X, W, O>, D>;
export function convTranspose(x: Tensor, filter: Tensor, given?: ConvTransposeOptions): Tensor {
  checkArguments("convTranspose", arguments, 3);
  const origin = here("convTranspose");
  const options = checkOptions("convTranspose", given, transposedTable, { before: "x, filter, ", origin });
  const { dataFormat = "channelsLast", outputPadding } = options;
  const images = imagesOf("convTranspose", x, filter, dataFormat, origin);
  const axes = images.rank - 2;
  const [channels, taken] = [images.shape[axes + 1], filter.shape[axes + 1] ?? 0];
  if (taken !== channels) refuse(x, filter, `x has ${channels} channels, and the filter takes ${taken}`, origin);
  const pairs = { batchLeft: [], batchRight: [], sumLeft: [axes + 1], sumRight: [axes + 1] };
  const added = applyOp(contract, [images, filter], pairs, origin); // [batch, windows.., places.., features]
  const along = alongAxes(images, filter, options, origin);
  const more = outputPadding === undefined ? null : perAxis(outputPadding, axes, "outputPadding", origin);
  const filled = along.map((axis, i) => filledBy(axis, more?.[i], origin));
  const places = along.map((_, i) => axes + 1 + i);
  const order = [0, ...along.map((_, i) => i + 1), 2 * axes + 1, ...places];
  const attrs = {
    axes: along.map((_, i) => i + 1),
    size: along.map(({ size }) => size),
    stride: along.map(({ stride }) => stride),
    dilation: along.map(({ dilation }) => dilation),
    base: along.map(() => 1),
    before: filled.map(({ before }) => before),
    extent: filled.map(({ extent }) => extent),
  };
  const windows = applyOp(permute, [added], { order }, origin);
  return inFormat(applyOp(windowSum, [windows], attrs, origin), dataFormat, origin);
}

// ---- what they share -------------------------------------------------------------------------------------------------

/** The images with channels last, where ranks and dtypes fit. */
function imagesOf(call: string, x: Tensor, filter: Tensor, format: DataFormat, origin: Origin): Tensor {
  checkTensor(call, x);
  checkTensor(call, filter, "filter");
  checkImages(x, origin);
  if (x.rank !== filter.rank) {
    refuse(x, filter, `x has rank ${x.rank} and the filter ${filter.rank}: they must be equal`, origin);
  }
  if (filter.shape.slice(0, -2).some((dim) => typeof dim !== "number" || dim < 1)) {
    refuse(x, filter, "the filter's sizes must be numbers from 1", origin);
  }
  return channelsLast(x, format, origin);
}

function refuse(x: Tensor, filter: Tensor, why: string, origin: Origin): never {
  const shapes = [x, filter].map(({ dtype, shape }) => `${dtype}${printShape(shape)}`).join(", ");
  throw new ShapeError(`${inCall(origin)}(${shapes}): ${why}${atLine(origin)}`);
}

type Steps = Pick<ConvOptions, "stride" | "dilation" | "padding">;

/** How a filter moves along the sizes of images. */
function alongAxes(x: Tensor, filter: Tensor, options: Steps, origin: Origin): readonly WindowAxis[] {
  const { stride = 1, dilation = 1, padding = "valid" } = options;
  const axes = filter.rank - 2;
  const strides = perAxis(stride, axes, "stride", origin);
  const dilations = perAxis(dilation, axes, "dilation", origin);
  const paddings = paddingOf(padding, axes, origin);
  return Array.from({ length: axes }, (_, i) => ({
    extent: x.shape[i + 1] ?? 0,
    size: Number(filter.shape[i]),
    stride: strides[i] ?? 1,
    dilation: dilations[i] ?? 1,
    padding: paddings[i] ?? "valid",
  }));
}

/** Each window is one element, and there is one for each: a product with a matrix. */
function isPoint(along: readonly WindowAxis[]): boolean {
  return along.every(
    ({ size, stride, padding }) =>
      size === 1 && stride === 1 && (typeof padding === "string" || padding.every((width) => width === 0)),
  );
}

/** The windows of a filter's sizes over x, whose sizes stand behind its first axis. */
function windowed(x: Tensor, along: readonly WindowAxis[], origin: Origin): Tensor {
  const axes = along.map((_, i) => i + 1);
  return applyOp(window, [x], { ...windowAttrs(axes, along, origin), value: 0 }, origin);
}

function reshaped(x: Tensor, shape: Shape, origin: Origin): Tensor {
  return applyOp(reshape, [x], { shape }, origin);
}

/** [groups, batch, sizes.., each], the features of the groups side by side. */
function withChannels(x: Tensor, features: Dim, format: DataFormat, origin: Origin): Tensor {
  const { rank } = x;
  const sizes = Array.from({ length: rank - 3 }, (_, i) => i + 2);
  const isFirst = format === "channelsFirst";
  const order = isFirst ? [1, 0, rank - 1, ...sizes] : [1, ...sizes, 0, rank - 1];
  const moved = applyOp(permute, [x], { order }, origin);
  const extents = sizes.map((axis) => x.shape[axis] ?? 0);
  const batch = x.shape[1] ?? 0;
  return reshaped(moved, isFirst ? [batch, features, ...extents] : [batch, ...extents, features], origin);
}
