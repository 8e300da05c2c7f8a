/**
 * Sorting: elements in order, and where they stood.
 *
 * Ties keep their order, so the lower index comes first, also where it descends. A NaN counts as the largest number, as NumPy,
 * PyTorch and Keras have it; 0 and -0 tie. Each value gives its gradient to the element that it is; indexes have none.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments, checkOptions, checkValue, flag, type OptionTable, whole } from "../core/options.ts";
import { here } from "../core/origin.ts";
import { sort as sortOp } from "../graph/ops/sort.ts";
import { dimOf, type Shape } from "../graph/shape.ts";
import { applyWithIndexes, type WithIndexes } from "./build.ts";
import { axesOf, axisTable, checkTensor } from "./check.ts";
import type { GatherShape } from "./part-types.ts";
import type { AxisOrLast } from "./reduce.ts";
import type { AlongAxis, CheckAxis, CheckOptions, NoOptions } from "./shape-types.ts";
import type { Tensor } from "./tensor.ts";

export interface SortOptions extends AlongAxis {
  /** The largest first. */
  readonly descending?: boolean;
}

export interface TopKOptions extends AlongAxis {
  /** True by default; false takes the smallest, in ascending order. */
  readonly largest?: boolean;
}

const sortTable: OptionTable<SortOptions> = { ...axisTable, descending: flag };
const topKTable: OptionTable<TopKOptions> = { ...axisTable, largest: flag };

function sorted(call: string, x: Tensor, given: SortOptions | undefined): WithIndexes<Shape, DType> {
  const origin = here(call);
  checkTensor(call, x);
  const { axis: wanted = -1, descending = false } = checkOptions(call, given, sortTable, { before: "a, ", origin });
  const [axis = 0] = axesOf(x, wanted, origin);
  return applyWithIndexes(sortOp, x, { axis, descending, keep: dimOf(x.shape, axis) }, origin);
}

/** The elements along an axis, the last by default, in ascending order. */
export function sort<S extends Shape, D extends DType, const O extends SortOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"sort", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"sort", O, SortOptions>,
): Tensor<S, D>;
export function sort(x: Tensor, options?: SortOptions): Tensor {
  checkArguments("sort", arguments, 2);
  return sorted("sort", x, options).values;
}

/** The indexes that would sort x along an axis, the last by default: of the smallest element, the next... */
export function argsort<S extends Shape, const O extends SortOptions = NoOptions>(
  x: Tensor<S> & CheckAxis<"argsort", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"argsort", O, SortOptions>,
): Tensor<S, "i32">;
export function argsort(x: Tensor, options?: SortOptions): Tensor {
  checkArguments("argsort", arguments, 2);
  return sorted("argsort", x, options).indexes;
}

export type TopKShape<S extends Shape, K extends number, O extends AlongAxis> =
  AxisOrLast<O> extends { axis: infer Axis extends number } ? GatherShape<S, [K], Axis> : Shape;

/**
 * The k largest elements along an axis, the last by default, in descending order, and their indexes. The axis must have k
 * elements at least.
 */
export function topK<S extends Shape, D extends DType, const K extends number, const O extends TopKOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"topK", S, AxisOrLast<O>>,
  k: K,
  options?: O & CheckOptions<"topK", O, TopKOptions>,
): WithIndexes<TopKShape<S, K, O>, D>;
export function topK(x: Tensor, k: number, options?: TopKOptions): WithIndexes<Shape, DType> {
  checkArguments("topK", arguments, 3);
  const origin = here("topK");
  checkTensor("topK", x);
  checkValue("topK", "k", k, whole({ from: 0 }), origin);
  const { axis: wanted = -1, largest = true } = checkOptions("topK", options, topKTable, { before: "a, k, ", origin });
  const [axis = 0] = axesOf(x, wanted, origin);
  return applyWithIndexes(sortOp, x, { axis, descending: largest, keep: k }, origin);
}
