/**
 * Sliding windows over the axes of a tensor, as a view: nothing is copied, whatever reads a window reads the elements.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { checkArguments, checkOptions, list, type OptionTable } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { window as windowOp } from "../graph/ops/window.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import { applyOp, checkNumber } from "./build.ts";
import { anyNumber, axisKind, checkTensor } from "./check.ts";
import type { CheckOptions } from "./shape-types.ts";
import type { Tensor } from "./tensor.ts";
import { paddingKind, paddingOf, perAxis, perAxisKind, windowAttrs } from "./window-axes.ts";
import type { Padding, PerAxis, WindowShape } from "./window-types.ts";

export type { DataFormat, Padding, PerAxis, WindowPadding } from "./window-types.ts";

export interface WindowOptions {
  /** The axes that windows move along; -1 is the last. */
  readonly axes: readonly number[];
  /** Elements of a window, along all axes or each. */
  readonly size: PerAxis;
  /** From one window to the next. 1 by default. */
  readonly stride?: PerAxis;
  /** From one element of a window to the next. 1 by default. */
  readonly dilation?: PerAxis;
  /** What lies around the axes. "valid", nothing, by default. */
  readonly padding?: Padding;
  /** What windows read there. 0 by default. */
  readonly value?: number;
}

const windowTable: OptionTable<WindowOptions> = {
  axes: list(axisKind),
  size: perAxisKind,
  stride: perAxisKind,
  dilation: perAxisKind,
  padding: paddingKind,
  value: anyNumber,
};

/**
 * All windows along some axes: each of these axes counts windows, and behind all axes stands one for each with the elements of
 * a window. `window(x, { axes: [0], size: 3 })` of [10, 2] is [8, 2, 3]. A moving average is the mean over the last axis, a
 * convolution a contraction over it. A stride above 1 needs an axis whose size is a number.
 */
export function window<S extends Shape, D extends DType, const O extends WindowOptions>(
  x: Tensor<S, D>,
  options: O & CheckOptions<"window", O, WindowOptions>,
): Tensor<WindowShape<S, O>, D>;
export function window(x: Tensor, given: WindowOptions): Tensor {
  checkArguments("window", arguments, 2);
  const origin = here("window");
  checkTensor("window", x);
  const options = checkOptions("window", given, windowTable, { before: "x, ", origin });
  const { axes: named, size, stride = 1, dilation = 1, padding = "valid", value = 0 } = options;
  if (named === undefined || size === undefined) {
    const missing = named === undefined ? "axes" : "size";
    throw new ShapeError(`window: which ${missing}? window(x, { axes: [0], size: 3 })${atLine(origin)}`);
  }
  checkNumber(value, x.dtype, origin);
  const axes = named.map((axis) => (axis < 0 ? axis + x.rank : axis));
  const lost = axes.find((axis, i) => x.shape[axis] === undefined || axes.indexOf(axis) !== i);
  if (lost !== undefined) {
    const why = x.shape[lost] === undefined ? `there is no axis ${lost}` : `axis ${lost} is given twice`;
    throw new ShapeError(`window(${x.dtype}${printShape(x.shape)}): ${why}${atLine(origin)}`);
  }
  const [sizes, strides, dilations] = [
    perAxis(size, axes.length, "size", origin),
    perAxis(stride, axes.length, "stride", origin),
    perAxis(dilation, axes.length, "dilation", origin),
  ];
  const paddings = paddingOf(padding, axes.length, origin);
  const along = axes.map((axis, i) => ({
    extent: x.shape[axis] ?? 0,
    size: sizes[i] ?? 1,
    stride: strides[i] ?? 1,
    dilation: dilations[i] ?? 1,
    padding: paddings[i] ?? "valid",
  }));
  return applyOp(windowOp, [x], { ...windowAttrs(axes, along, origin), value }, origin);
}
