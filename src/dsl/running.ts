/**
 * Running sums and products along an axis.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments, checkOptions, flag, type OptionTable } from "../core/options.ts";
import { here } from "../core/origin.ts";
import { iota } from "../graph/ops/source.ts";
import type { Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { axesOf, axisKind, checkTensor } from "./check.ts";
import { less, lessEqual, where } from "./logic.ts";
import { prod, sum } from "./reduce.ts";
import { reshape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** How running sums and products go along an axis. */
export interface RunningOptions {
  /** The last by default. */
  readonly axis?: number;
  /** Leave the element itself out: the first result is the sum of nothing. */
  readonly exclusive?: boolean;
  /** From the end to the front. */
  readonly reverse?: boolean;
}

const runningTable: OptionTable<RunningOptions> = { axis: axisKind, exclusive: flag, reverse: flag };

/**
 * Sums of the first 1, 2, 3... elements along an axis: y[j] = sum over i <= j of x[i], with a triangular mask. The work is
 * n * n for an axis of n, so for short axes.
 */
export function cumulativeSum<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: RunningOptions,
): Tensor<S, D>;
export function cumulativeSum(x: Tensor, options: RunningOptions = {}): Tensor {
  checkArguments("cumulativeSum", arguments, 2);
  const { part, over } = prefixes(x, 0, options, "cumulativeSum");
  return sum(part, { axis: over });
}

/** Products of the first 1, 2, 3... elements along an axis; see `cumulativeSum`. The gradient is right at zeros too. */
export function cumulativeProduct<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: RunningOptions,
): Tensor<S, D>;
export function cumulativeProduct(x: Tensor, options: RunningOptions = {}): Tensor {
  checkArguments("cumulativeProduct", arguments, 2);
  const { part, over } = prefixes(x, 1, options, "cumulativeProduct");
  return prod(part, { axis: over });
}

/** [..., j, i, ...]: x[i] where it belongs to the running sum j, `rest` elsewhere. `over` is the axis i. */
function prefixes(x: Tensor, rest: number, given: RunningOptions, call: string): { part: Tensor; over: number } {
  const origin = here(call);
  checkTensor(call, x);
  const options = checkOptions(call, given, runningTable, { before: "a, ", origin });
  const axis = axesOf(x, options.axis ?? -1, origin)[0] ?? 0;
  const extent = x.shape[axis] ?? 1;
  const counts = (along: 0 | 1): Tensor => {
    return applyOp(iota, [], { dtype: "i32", shape: [extent, extent], axis: along }, origin);
  };
  const compare = options.exclusive === true ? less : lessEqual;
  const [front, back] = options.reverse === true ? [counts(0), counts(1)] : [counts(1), counts(0)];
  const behind = x.shape.slice(axis + 1).map(() => 1);
  const mask = reshape(compare(front, back), [extent, extent, ...behind]);
  const spread = reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
  return { part: where(mask, spread, rest), over: axis + 1 };
}
