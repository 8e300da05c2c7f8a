/**
 * Pools of images: the largest element, or the mean, of each window or of all.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, checkValue, flag, type OptionTable, oneOf } from "../core/options.ts";
import { atLine, here, inCall, type Origin } from "../core/origin.ts";
import { mapOps } from "../graph/ops/map.ts";
import { maxWithIndex, reduceOps } from "../graph/ops/reduce.ts";
import { constant, constantAttrs, iota, size } from "../graph/ops/source.ts";
import { broadcast } from "../graph/ops/view.ts";
import { window } from "../graph/ops/window.ts";
import type { Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkTensor } from "./check.ts";
import { asFloat, type FloatOf } from "./floats.ts";
import { max } from "./reduce.ts";
import type { CheckOptions } from "./shape-types.ts";
import { mean } from "./statistics.ts";
import type { Tensor } from "./tensor.ts";
import {
  channelsLast,
  checkImages,
  dataFormatKind,
  inFormat,
  type Placed,
  paddingOf,
  perAxis,
  perAxisKind,
  placed,
  type WindowAxis,
  windowAttrs,
  windowPaddingKind,
} from "./window-axes.ts";
import type { CheckPool, DataFormat, GlobalPoolShape, PerAxis, PoolShape, WindowPadding } from "./window-types.ts";

export interface PoolOptions {
  /** Elements of a window, along all sizes of images or each. */
  readonly size: PerAxis;
  /** From one window to the next. As `size` by default. */
  readonly stride?: PerAxis;
  /** What lies around the images, and counts as nothing. "valid", nothing, by default. */
  readonly padding?: WindowPadding;
  /** Where the channels of images stand. "channelsLast" by default. */
  readonly dataFormat?: DataFormat;
}

export interface GlobalPoolOptions {
  /** Keep the sizes, as 1. False by default. */
  readonly keepDims?: boolean;
  /** Where the channels of images stand. "channelsLast" by default. */
  readonly dataFormat?: DataFormat;
}

const poolTable: OptionTable<PoolOptions> = {
  size: perAxisKind,
  stride: perAxisKind,
  padding: windowPaddingKind,
  dataFormat: dataFormatKind,
};

const globalTable: OptionTable<GlobalPoolOptions> = { keepDims: flag, dataFormat: dataFormatKind };

/**
 * The largest element of each window over images [batch, sizes.., channels]. Its gradient goes to the first of those that tie.
 * A NaN is the largest. Sizes are as those of `conv`.
 */
export function maxPool<X extends Shape, D extends DType, const O extends PoolOptions>(
  x: Tensor<X, D> & CheckPool<"maxPool", X>,
  options: O & CheckOptions<"maxPool", O, PoolOptions>,
): Tensor<PoolShape<X, O>, D>;
export function maxPool(x: Tensor, given: PoolOptions): Tensor {
  checkArguments("maxPool", arguments, 2);
  const origin = here("maxPool");
  checkTensor("maxPool", x);
  const pool = poolOf("maxPool", x, given, origin);
  const best = applyOp(
    maxWithIndex,
    [windowsOf(pool, Number.NEGATIVE_INFINITY, origin)],
    { axes: pool.places },
    origin,
  );
  return inFormat(best, pool.dataFormat, origin);
}

/**
 * The mean of each window over images [batch, sizes.., channels], of the elements that lie inside: a border counts as nothing.
 * Sizes are as those of `conv`.
 */
export function avgPool<X extends Shape, D extends DType, const O extends PoolOptions>(
  x: Tensor<X, D> & CheckPool<"avgPool", X>,
  options: O & CheckOptions<"avgPool", O, PoolOptions>,
): Tensor<PoolShape<X, O>, FloatOf<D>>;
export function avgPool(x: Tensor, given: PoolOptions): Tensor {
  checkArguments("avgPool", arguments, 2);
  const origin = here("avgPool");
  const pool = poolOf("avgPool", asFloat("avgPool", x), given, origin);
  const total = applyOp(reduceOps.sum, [windowsOf(pool, 0, origin)], { axes: pool.places }, origin);
  const average = applyOp(mapOps.div, [total, countsOf(pool, total, origin)], {}, origin);
  return inFormat(average, pool.dataFormat, origin);
}

/** The largest element, or the mean, of all of an image, [batch, sizes.., channels], for each channel: [batch, channels]. */
export function globalPool<
  X extends Shape,
  D extends DType,
  const K extends "max" | "average",
  const O extends GlobalPoolOptions = Record<never, never>,
>(
  x: Tensor<X, D> & CheckPool<"globalPool", X>,
  kind: K,
  options?: O & CheckOptions<"globalPool", O, GlobalPoolOptions>,
): Tensor<GlobalPoolShape<X, O>, K extends "max" ? D : FloatOf<D>>;
export function globalPool(x: Tensor, kind: "max" | "average", given?: GlobalPoolOptions): Tensor {
  checkArguments("globalPool", arguments, 3);
  const origin = here("globalPool");
  checkTensor("globalPool", x);
  checkImages(x, origin);
  checkValue("globalPool", "the kind", kind, oneOf("max", "average"), origin);
  const options = checkOptions("globalPool", given, globalTable, { before: `x, "${kind}", `, origin });
  const { keepDims = false, dataFormat = "channelsLast" } = options;
  const first = dataFormat === "channelsLast" ? 1 : 2;
  const axis = Array.from({ length: x.rank - 2 }, (_, i) => first + i);
  return kind === "max" ? max(x, { axis, keepDims }) : mean(x, { axis, keepDims });
}

// ---- windows ---------------------------------------------------------------------------------------------------------

/** Images with channels last, and how windows lie over them. */
interface Pool {
  readonly images: Tensor;
  readonly along: readonly WindowAxis[];
  readonly dataFormat: DataFormat;
  /** The axes of the windows' elements, behind those of the images. */
  readonly places: readonly number[];
}

function poolOf(call: string, x: Tensor, given: PoolOptions, origin: Origin): Pool {
  checkImages(x, origin);
  const options = checkOptions(call, given, poolTable, { before: "x, ", origin });
  const { size: sized, padding = "valid", dataFormat = "channelsLast" } = options;
  if (sized === undefined) throw new UserError(`${call}: which size? ${call}(x, { size: 2 })${atLine(origin)}`);
  const images = channelsLast(x, dataFormat, origin);
  const axes = images.rank - 2;
  const sizes = perAxis(sized, axes, "size", origin);
  const strides = perAxis(options.stride ?? sized, axes, "stride", origin);
  const paddings = paddingOf(padding, axes, origin);
  const along = sizes.map((one, i) => {
    const axis = { extent: images.shape[i + 1] ?? 0, size: one, stride: strides[i] ?? 1, dilation: 1 };
    return checkFilled({ ...axis, padding: paddings[i] ?? "valid" }, origin);
  });
  return { images, along, dataFormat, places: along.map((_, i) => images.rank + i) };
}

/** Every window holds an element: of padding alone there is no largest, and no mean. */
function checkFilled(axis: WindowAxis, origin: Origin): WindowAxis {
  const { size: held, stride, padding, extent } = axis;
  if (typeof padding === "string") return axis;
  const { count, before } = placed(axis, origin);
  const isLastFilled =
    typeof count === "number" ? (count - 1) * stride - before < Number(extent) : padding[1] < held && padding[0] < held;
  if (before < held && isLastFilled) return axis;
  const [front, behind] = padding;
  throw new ShapeError(
    `${inCall(origin)}: padding of ${front} + ${behind} leaves windows of ${held} with no element${atLine(origin)}`,
  );
}

function windowsOf({ images, along }: Pool, value: number, origin: Origin): Tensor {
  const axes = along.map((_, i) => i + 1);
  return applyOp(window, [images], { ...windowAttrs(axes, along, origin), value }, origin);
}

/** How many elements each window holds, in the shape of what it is divided by. */
function countsOf({ along }: Pool, total: Tensor, origin: Origin): Tensor {
  const { dtype, shape } = total;
  const number = (value: number): Tensor => applyOp(constant, [], constantAttrs(dtype, value), origin);
  const spread = (x: Tensor, axes: readonly number[]): Tensor => applyOp(broadcast, [x], { shape, axes }, origin);
  const whole = along.filter((axis) => isWhole(axis, placed(axis, origin)));
  const parts = along.flatMap((axis, i) => {
    const where = placed(axis, origin);
    return isWhole(axis, where) ? [] : [spread(countsAlong(axis, where, dtype, origin), [i + 1])];
  });
  const constantPart = spread(number(whole.reduce((product, axis) => product * axis.size, 1)), []);
  return parts.reduce((product, part) => applyOp(mapOps.mul, [product, part], {}, origin), constantPart);
}

/** No window reaches over a border. */
function isWhole({ extent, size: held, stride }: WindowAxis, { count, before }: Placed): boolean {
  if (before > 0) return false;
  return typeof extent === "number" && typeof count === "number" ? (count - 1) * stride + held <= extent : held === 1;
}

/** Along one axis: min(start + size, extent) - max(start, 0), for the start of each window. */
function countsAlong(axis: WindowAxis, { count, before }: Placed, dtype: DType, origin: Origin): Tensor {
  const shape = [count];
  const map = (name: "add" | "sub" | "mul" | "min" | "max", a: Tensor, b: Tensor): Tensor =>
    applyOp(mapOps[name], [a, b], {}, origin);
  const repeated = (x: Tensor): Tensor => applyOp(broadcast, [x], { shape, axes: [] }, origin);
  const number = (value: number): Tensor => repeated(applyOp(constant, [], constantAttrs(dtype, value), origin));
  const extent =
    typeof axis.extent === "number"
      ? number(axis.extent)
      : repeated(applyOp(size, [], { dtype, dim: axis.extent }, origin));
  const places = applyOp(iota, [], { dtype, shape, axis: 0 }, origin);
  const start = map("sub", map("mul", places, number(axis.stride)), number(before));
  return map("sub", map("min", map("add", start, number(axis.size)), extent), map("max", start, number(0)));
}
