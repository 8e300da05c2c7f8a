/**
 * The layer under what a user calls: it knows of tensors that they have a shape and a dtype, and leaves to the run which.
 * Operands are checked, brought to one dtype and one shape, and become a node that points at the user's line.
 *
 * What stands on it has two signatures. The first is the face: shapes and dtypes in the types, for the editor. The second is what
 * the body is written in, plain tensors; a function that is given plain tensors gives one, so formulas need no casts.
 *
 *   export function relu<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>;
 *   export function relu(x: Tensor): Tensor { ... }
 */

import { type DType, isFloat } from "../core/dtype.ts";
import { CompilerBug, ShapeError, UserError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { atLine, here, inCall, type Origin } from "../core/origin.ts";
import { resultTypes } from "../graph/applied.ts";
import type { Attrs } from "../graph/attrs.ts";
import { moment } from "../graph/draws.ts";
import type { OpDef } from "../graph/node.ts";
import type { MapName, ReduceName } from "../graph/op-names.ts";
import { mapOps } from "../graph/ops/map.ts";
import { reduceOps } from "../graph/ops/reduce.ts";
import { constant, constantAttrs } from "../graph/ops/source.ts";
import { broadcast, reshape } from "../graph/ops/view.ts";
import { broadcastShapes, printShape, type Shape, sameShape } from "../graph/shape.ts";
import { axesOf, checkOperands, checkTensor, reduceTable } from "./check.ts";
import type { ReduceOptions } from "./shape-types.ts";
import { graphOf, isNode, nodeIn, type Operand, Tensor } from "./tensor.ts";

/** The results of a primitive. With only closed operands they are closed too. */
export function applyAll(op: OpDef, args: readonly Tensor[], attrs: Attrs, origin: Origin): readonly Tensor[] {
  const graph = graphOf(args);
  if (graph !== undefined) {
    const nodes = args.map((arg) => nodeIn(graph, arg));
    return graph.node(op, nodes, attrs, [origin]).results.map((node) => new Tensor(node));
  }
  const literals = args.flatMap(({ value }) => (isNode(value) ? [] : [value])); // all are, where none has a graph
  const types = resultTypes(op, literals, attrs, origin);
  const drawn = op.settle === undefined ? Math.max(0, ...literals.map((literal) => literal.drawn)) : moment();
  return types.map((type, result) => new Tensor({ op, args: literals, attrs, type, result, origin, drawn }));
}

/** The first result of a primitive, or the only one. */
export function applyOp(op: OpDef, args: readonly Tensor[], attrs: Attrs, origin: Origin): Tensor {
  const [first] = applyAll(op, args, attrs, origin);
  if (first === undefined) throw new CompilerBug(`${op.name} has no result`);
  return first;
}

/** Elements and where they stood along their axis. */
export interface WithIndexes<S extends Shape, D extends DType> {
  readonly values: Tensor<S, D>;
  readonly indexes: Tensor<S, "i32">;
}

/** Both results of a primitive that gives elements and where they stood. */
export function applyWithIndexes(op: OpDef, x: Tensor, attrs: Attrs, origin: Origin): WithIndexes<Shape, DType> {
  const [values, indexes] = applyAll(op, [x], attrs, origin);
  if (values === undefined || !isOf(indexes, "i32")) throw new CompilerBug(`${op.name} gives no indexes`);
  return { values, indexes };
}

function isOf<D extends DType>(x: Tensor | undefined, dtype: D): x is Tensor<Shape, D> {
  return x?.dtype === dtype;
}

/** The dtype that numbers among the operands take: that of the first tensor. */
function operandDType(operands: readonly Operand[]): DType {
  const first = operands.find((operand) => operand instanceof Tensor);
  return first instanceof Tensor ? first.dtype : "f32";
}

/** Numbers become constants of the dtype of the tensors they meet. */
export function toTensor(operand: Operand, dtype: DType, origin: Origin): Tensor {
  if (operand instanceof Tensor) return operand;
  return applyOp(constant, [], constantAttrs(dtype, checkNumber(operand, dtype, origin)), origin);
}

/** A number that becomes one of a dtype: floats are rounded, but an integer it must be already. */
export function checkNumber(value: number, dtype: DType, origin: Origin): number {
  if (isFloat(dtype) || constantAttrs(dtype, value).value === value) return value;
  throw new UserError(`${inCall(origin)}: ${value} is no ${dtype}: cast the tensor it meets${atLine(origin)}`);
}

/** Brought to a shape that it broadcasts to: trailing axes are aligned, as in NumPy. */
export function broadcastAt(x: Tensor, shape: Shape, origin: Origin): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const axes = x.shape.map((_, axis) => axis + shape.length - x.shape.length);
  return applyOp(broadcast, [x], { shape, axes }, origin);
}

/** Brought to the shape that all broadcast to. */
export function broadcastAll(tensors: readonly Tensor[], origin: Origin): Tensor[] {
  let shape: Shape = [];
  for (const tensor of tensors) {
    const joint = broadcastShapes(shape, tensor.shape);
    if (joint === null) {
      const shapes = tensors.map((t) => t.dtype + printShape(t.shape)).join(", ");
      throw new ShapeError(`${inCall(origin)}(${shapes}): the shapes do not broadcast${atLine(origin)}`);
    }
    shape = joint;
  }
  return within(tensors).map((tensor) => broadcastAt(tensor, shape, origin));
}

/** Tensors that meet, in the innermost of their graphs: what is made of one alone there is part of that. */
function within(tensors: readonly Tensor[]): readonly Tensor[] {
  const graph = graphOf(tensors);
  return tensors.map((tensor) => {
    const { value } = tensor;
    return graph === undefined || !isNode(value) || value.graph === graph ? tensor : new Tensor(graph.reach(value));
  });
}

/** An element-wise primitive. `call` is what the user called, which is not always the primitive's name. */
export function mapCall(name: MapName, given: readonly Operand[], call: string = name): Tensor {
  const origin = here(call);
  const operands = checkOperands(call, given, given.length === 1 ? ["x"] : ["a", "b"]);
  const dtype = operandDType(operands);
  const tensors = operands.map((x) => toTensor(x, dtype, origin));
  return applyOp(mapOps[name], broadcastAll(tensors, origin), {}, origin);
}

/** a where the condition holds, b elsewhere. */
export function selectCall(condition: Tensor, a: Operand, b: Operand): Tensor {
  const origin = here("where");
  const mask = checkTensor("where", condition, "condition");
  const branches = checkOperands("where", [a, b], ["a", "b"]);
  const dtype = operandDType(branches);
  const operands = broadcastAll([mask, ...branches.map((x) => toTensor(x, dtype, origin))], origin);
  return applyOp(mapOps.select, operands, {}, origin);
}

/** A reduction over an axis, several, or all. */
export function reduceCall(name: ReduceName, x: Tensor, given: ReduceOptions | undefined): Tensor {
  const origin = here(name);
  checkTensor(name, x);
  const options = checkOptions(name, given, reduceTable, { before: "a, ", origin });
  const axes = axesOf(x, options.axis, origin);
  const reduced = axes.length === 0 ? x : applyOp(reduceOps[name], [x], { axes }, origin);
  if (options.keepDims !== true) return reduced;
  return applyOp(reshape, [reduced], { shape: x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) }, origin);
}
