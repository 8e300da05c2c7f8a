/**
 * Running folds along an axis: sums, products, extremes and log-sum-exps of the first 1, 2, 3... elements.
 */
import type { DType } from "../core/dtype.ts";
import { neutral, type RunningFold } from "../core/fold.ts";
import { checkArguments, checkOptions, flag, type OptionTable } from "../core/options.ts";
import { here, type Origin } from "../core/origin.ts";
import { pad as padOp, slice as sliceOp } from "../graph/ops/parts.ts";
import { running } from "../graph/ops/running.ts";
import { flip as flipOp } from "../graph/ops/view.ts";
import type { Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { axesOf, axisKind, checkTensor } from "./check.ts";
import type { Tensor } from "./tensor.ts";

/** How running folds go along an axis. */
export interface RunningOptions {
  /** The last by default. */
  readonly axis?: number;
  /** Leave the element itself out: the first result is the fold of nothing (0 for a sum, 1 for a product, else an infinity). */
  readonly exclusive?: boolean;
  /** From the end to the front. */
  readonly reverse?: boolean;
}

const runningTable: OptionTable<RunningOptions> = { axis: axisKind, exclusive: flag, reverse: flag };

/** Sums of the first 1, 2, 3... elements along an axis: y[j] = sum over i <= j of x[i]. Integers wrap. The work is linear. */
export function cumulativeSum<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: RunningOptions,
): Tensor<S, D>;
export function cumulativeSum(x: Tensor, options: RunningOptions = {}): Tensor {
  checkArguments("cumulativeSum", arguments, 2);
  return runningCall("cumulativeSum", "sum", x, options);
}

/** Products of the first 1, 2, 3... elements along an axis; see `cumulativeSum`. The gradient is right at zeros too. */
export function cumulativeProduct<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: RunningOptions,
): Tensor<S, D>;
export function cumulativeProduct(x: Tensor, options: RunningOptions = {}): Tensor {
  checkArguments("cumulativeProduct", arguments, 2);
  return runningCall("cumulativeProduct", "prod", x, options);
}

/** The largest of the first 1, 2, 3... elements along an axis; a NaN stays. The first of equals has the slope. */
export function cumulativeMax<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: RunningOptions,
): Tensor<S, D>;
export function cumulativeMax(x: Tensor, options: RunningOptions = {}): Tensor {
  checkArguments("cumulativeMax", arguments, 2);
  return runningCall("cumulativeMax", "max", x, options);
}

/** The smallest of the first 1, 2, 3... elements along an axis; see `cumulativeMax`. */
export function cumulativeMin<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: RunningOptions,
): Tensor<S, D>;
export function cumulativeMin(x: Tensor, options: RunningOptions = {}): Tensor {
  checkArguments("cumulativeMin", arguments, 2);
  return runningCall("cumulativeMin", "min", x, options);
}

/** log(exp(x[0]) + ... + exp(x[j])) along an axis, of floats. Nothing overflows, and a start of -Infinity is one. */
export function cumulativeLogSumExp<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: RunningOptions,
): Tensor<S, D>;
export function cumulativeLogSumExp(x: Tensor, options: RunningOptions = {}): Tensor {
  checkArguments("cumulativeLogSumExp", arguments, 2);
  return runningCall("cumulativeLogSumExp", "logSumExp", x, options);
}

function runningCall(call: string, fold: RunningFold, x: Tensor, given: RunningOptions): Tensor {
  const origin = here(call);
  checkTensor(call, x);
  const options = checkOptions(call, given, runningTable, { before: "a, ", origin });
  const axis = axesOf(x, options.axis ?? -1, origin)[0] ?? 0;
  const turned = (node: Tensor): Tensor =>
    options.reverse === true ? applyOp(flipOp, [node], { axes: [axis] }, origin) : node;
  const all = applyOp(running, [turned(x)], { axis, fold }, origin);
  return turned(options.exclusive === true ? shifted(all, axis, neutral(fold, x.dtype), origin) : all);
}

/** One on along the axis: the last falls out. */
function shifted(x: Tensor, axis: number, first: number, origin: Origin): Tensor {
  const none = x.shape.map(() => 0);
  const before = none.map((_, i) => (i === axis ? 1 : 0));
  const longer = applyOp(padOp, [x], { before, after: none, inner: none, value: first }, origin);
  return applyOp(sliceOp, [longer], { start: none, stop: x.shape, step: none.map(() => 1) }, origin);
}
