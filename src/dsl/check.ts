/**
 * Checks of what a user hands a function of the DSL: tensors, shapes, dtypes, numbers by position. TypeScript refuses most of it
 * in the editor; plain JavaScript, and values whose type is not known, come this far. Every message names the call, the
 * argument and the user's line.
 */

import { type DType, dtypes } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import {
  checkOptions,
  checkValue,
  either,
  flag,
  type Kind,
  list,
  type OptionTable,
  oneOf,
  show,
  whole,
} from "../core/options.ts";
import { atLine, here, inCall, type Origin } from "../core/origin.ts";
import { type Dim, isDim, printShape, type Shape, sameShape } from "../graph/shape.ts";
import type { ReduceOptions } from "./shape-types.ts";
import { isTensor, type Operand, Tensor } from "./tensor.ts";

/** The tensor; `what` is the argument's name. */
export function checkTensor(call: string, x: unknown, what = "x"): Tensor {
  if (x instanceof Tensor) return x;
  const hint =
    typeof x === "number"
      ? ` (scalar(${x}) makes one)`
      : typeof x === "function"
        ? " (call it, and give what it returns)" // JAX's grad and hessian take functions
        : "";
  const origin = here(call);
  throw new UserError(`${inCall(origin)}: ${what} must be a tensor, not ${show(x)}${hint}${atLine(origin)}`);
}

/** A list of tensors. */
export function checkTensors(call: string, list: unknown, what: string): readonly Tensor[] {
  if (Array.isArray(list)) return list.map((x: unknown, i) => checkTensor(call, x, `${what}[${i}]`));
  throw new UserError(`${call}: ${what} must be a list of tensors, not ${show(list)}${atLine(here(call))}`);
}

/** Tensors, or numbers beside them. */
export function checkOperands(
  call: string,
  operands: readonly unknown[],
  names: readonly string[],
): readonly Operand[] {
  return operands.map((x, i) => {
    if (typeof x === "number" || isTensor(x)) return x;
    const what = names.length === 1 ? "a tensor" : "a tensor or a number";
    throw new UserError(`${call}: ${names[i] ?? "an operand"} must be ${what}, not ${show(x)}${atLine(here(call))}`);
  });
}

/** A shape as one list. */
export function checkShape(call: string, shape: unknown): Shape {
  if (Array.isArray(shape) && shape.every(isDim)) return shape;
  const example = `${call}(..., [2, 3])`.replace(/^((?:full|random\w+))\(\.\.\., (.*)\)$/, "$1($2)");
  if (!Array.isArray(shape)) {
    throw new ShapeError(
      `${call}: the shape must be a list of dimensions: ${example}, not ${show(shape)}${atLine(here(call))}`,
    );
  }
  const odd: unknown = shape.find((dim) => !isDim(dim));
  throw new ShapeError(`${call}: a dimension must be ${dimension}, not ${show(odd)}${atLine(here(call))}`);
}

const dimension = 'a whole number from 0 or a name like "batch"';

/** Dimensions one by one, as the inputs take them. A list in their place is what people write first. */
export function checkDims(call: string, dims: readonly unknown[]): void {
  refuseList(call, dims);
  for (const dim of dims) {
    if (isDim(dim) && !/[*+]/.test(String(dim))) continue;
    throw new ShapeError(`${call}: a dimension must be ${dimension}, not ${show(dim)}${atLine(here(call))}`);
  }
}

/** Sizes one by one, as the initializers take them; `before` is what stands in front of them in the call. */
export function checkSizes(call: string, sizes: readonly unknown[], before = ""): void {
  refuseList(call, sizes, before);
  for (const size of sizes) {
    if (Number.isSafeInteger(size) && Number(size) >= 0) continue;
    const why = typeof size === "string" ? " (a state has no dimension with a name)" : "";
    throw new ShapeError(`${call}: a size must be a whole number from 0, not ${show(size)}${why}${atLine(here(call))}`);
  }
}

function refuseList(call: string, dims: readonly unknown[], before = ""): void {
  const list: unknown = dims.find(Array.isArray);
  if (!Array.isArray(list)) return;
  const apart = list.map((dim: unknown) => show(dim)).join(", ");
  throw new ShapeError(
    `${call} takes its dimensions one by one: ${call}(${before}${apart}), not as a list${atLine(here(call))}`,
  );
}

/**
 * What is compared must have one shape: labels [n,1] beside scores [n] would be broadcast, each sample with every other, and the
 * loss be a number that trains all the same.
 */
export function checkShapes(call: string, found: Tensor, what: string, wanted: Shape, why = ""): void {
  if (sameShape(found.shape, wanted)) return;
  const size = (shape: Shape): number =>
    shape.reduce((all: number, dim) => all * (typeof dim === "number" ? dim : 1), 1);
  const hint = size(found.shape) === size(wanted) ? `: reshape(${what}, ${JSON.stringify(wanted)})` : "";
  const origin = here(call);
  throw new ShapeError(
    `${inCall(origin)}: ${what} must be of shape ${printShape(wanted)}${why}, not ${found.dtype}${printShape(found.shape)}${hint}${atLine(origin)}`,
  );
}

/** What elements a tensor may have. */
export const dtypeKind: Kind<DType> = oneOf(...dtypes);

export function checkDType(call: string, dtype: unknown): DType {
  return checkValue(call, "the dtype", dtype, dtypeKind);
}

/** A function of the user's. */
export function checkFunction(call: string, given: unknown, what: string): void {
  if (typeof given === "function") return;
  throw new UserError(`${call}: ${what} must be a function, not ${show(given)}${atLine(here(call))}`);
}

/** Something may be a promise where an `async` function was given: it is refused in words. `what` says what gave it. */
export function refusePromise(what: string, value: unknown, origin?: Origin): void {
  if (!(typeof value === "object" && value !== null && "then" in value && typeof value.then === "function")) return;
  if ("catch" in value && typeof value.catch === "function") value.catch(() => {}); // this error tells enough
  throw new UserError(
    `${what} gave a promise: it is run once, to describe the computation, and must not be async; await what it needs before${atLine(origin)}`,
  );
}

/** The tensor that a function of the user's gave; `what` says which function. */
export function tensorFrom(what: string, value: unknown): Tensor {
  refusePromise(what, value);
  if (value instanceof Tensor) return value;
  throw new UserError(`${what} must give a tensor, not ${show(value)}`);
}

/** Infinities and NaN too. */
export const anyNumber: Kind<number> = {
  wanted: "a number",
  accepts: (value): value is number => typeof value === "number",
};

/** Which axis of a tensor, counted from the front or, negative, from the end. */
export const axisKind: Kind<number> = whole();

export const reduceTable: OptionTable<ReduceOptions> = {
  axis: either(axisKind, list(axisKind)),
  keepDims: flag,
};

/** The options of a reduction, as a composite hands them on. */
export function reduceOptions(call: string, given: ReduceOptions | undefined): ReduceOptions {
  return checkOptions(call, given, reduceTable, { before: "a, " });
}

/** Axes counted from the front, in order. */
export function axesOf(x: Tensor, axis: ReduceOptions["axis"], origin: Origin): number[] {
  const wanted = axis === undefined ? x.shape.map((_, i) => i) : typeof axis === "number" ? [axis] : [...axis];
  const axes = wanted.map((a) => (a < 0 ? a + x.shape.length : a));
  if (axes.some((a) => x.shape[a] === undefined)) {
    throw new ShapeError(
      `${inCall(origin)}(${x.dtype}${printShape(x.shape)}): there is no axis ${wanted}${atLine(origin)}`,
    );
  }
  const twice = axes.find((a, i) => axes.indexOf(a) !== i);
  if (twice !== undefined) {
    throw new ShapeError(
      `${inCall(origin)}(${x.dtype}${printShape(x.shape)}): axis ${twice} is given twice${atLine(origin)}`,
    );
  }
  return axes.toSorted((a, b) => a - b);
}

/** For functions along one axis. */
export const axisTable: OptionTable<{ readonly axis?: number }> = { axis: axisKind };

/** Dim that is given alone. */
export function checkDimension(call: string, dim: unknown, what: string): Dim {
  if (isDim(dim)) return dim;
  throw new ShapeError(`${call}: ${what} must be ${dimension}, not ${show(dim)}${atLine(here(call))}`);
}
