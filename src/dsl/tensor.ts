/**
 * Tensor: the user's handle on a node, with its shape and dtype in its type.
 *
 * Nothing is computed when tensors are combined; each call adds a node to the graph of the entry being described. Constants
 * and other closed expressions belong to no graph until they meet a tensor that does: there is no ambient graph.
 */

import { type DType, dtypes, isFloat } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, show } from "../core/options.ts";
import { atLine, here, inCall, type Origin } from "../core/origin.ts";
import { inferType } from "../graph/graph.ts";
import type { Attrs, Graph, Literal, Node, OpDef } from "../graph/node.ts";
import { constant, constantAttrs } from "../graph/ops/source.ts";
import type { Shape } from "../graph/shape.ts";
import { printType, typeOf } from "../graph/type.ts";

/**
 * A value in a program that is being written: a shape, a dtype, and no numbers. Functions of tensors make tensors. `b * 2` and
 * `a > 0` throw, as a tensor is no number; `if (a)` and `a && b` cannot, in JavaScript, and always hold: that is what `where` is for.
 */
export class Tensor<S extends Shape = Shape, D extends DType = DType> {
  /** Numbers, and names of symbolic dimensions. */
  readonly shape: S;
  /** What its elements are. */
  readonly dtype: D;
  /** What the tensor stands for: a node, or a closed expression that no graph has adopted yet. */
  readonly value: Node | Literal;

  constructor(value: Node | Literal) {
    const type = typeOf(value);
    this.shape = type.shape as S;
    this.dtype = type.dtype as D;
    this.value = value;
  }

  /** How many axes it has. */
  get rank(): S["length"] {
    return this.shape.length;
  }

  /** "Tensor f32[2,3]". */
  toString(): string {
    return `Tensor ${printType(this.value.type)}`;
  }

  /** Without the nodes behind it, of which there may be more than anybody can read. */
  toJSON(): string {
    return this.toString();
  }

  /** For printing it is a text. For computing it is nothing: `b * 2` would be NaN, and `a > 0` always false. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new UserError(
      `${this} is no number: it has none before the program runs. In place of a + b, b * 2 and a > 0 write add(a, b), ` +
        "mul(b, 2) and greater(a, 0), in place of c ? x : y and if (c) write where(c, x, y); to print it write String(tensor)" +
        atLine(here("tensor")),
    );
  }
}

/** A tensor, or a number that takes the other operand's dtype. */
export type Operand = Tensor | number;

export type ShapeOf<T> = T extends Tensor<infer S> ? S : T extends number ? [] : Shape;
export type DTypeOf<T> = T extends Tensor<Shape, infer D> ? D : never;

function isNode(value: Node | Literal): value is Node {
  return "graph" in value;
}

/** The node of a tensor in `graph`; closed expressions are adopted. */
export function nodeIn(graph: Graph, tensor: Tensor): Node {
  return isNode(tensor.value) ? tensor.value : graph.adopt(tensor.value);
}

/** The graph that any of these tensors belongs to. */
export function graphOf(tensors: readonly Tensor[]): Graph | undefined {
  for (const { value } of tensors) if (isNode(value)) return value.graph;
  return undefined;
}

/** Applies a primitive. With only closed operands the result is closed too. */
export function applyOp(op: OpDef, args: readonly Tensor[], attrs: Attrs, origin: Origin): Tensor {
  const graph = graphOf(args);
  if (graph !== undefined) {
    return new Tensor(
      graph.node(
        op,
        args.map((arg) => nodeIn(graph, arg)),
        attrs,
        [origin],
      ),
    );
  }
  const literals = args.map((arg) => arg.value as Literal);
  const type = inferType(
    op,
    literals.map((l) => l.type),
    attrs,
    [],
    origin,
  );
  return new Tensor({ op, args: literals, attrs, type, origin });
}

/** A constant scalar. Rounded to its dtype: `scalar(0.1)` is the f32 nearest to 0.1. */
export function scalar<D extends DType = "f32">(value: number, dtype?: D): Tensor<[], D> {
  checkArguments("scalar", arguments, 2);
  const [chosen, origin] = [dtype ?? "f32", here("scalar")];
  if (typeof value !== "number") {
    throw new UserError(`scalar: the value must be a number, not ${show(value)}${atLine(origin)}`);
  }
  if (!dtypes.includes(chosen)) {
    throw new UserError(`scalar: the dtype must be one of ${dtypes.join(", ")}, not ${show(chosen)}${atLine(origin)}`);
  }
  return applyOp(constant, [], constantAttrs(chosen, value), origin) as Tensor<[], D>;
}

/** The dtype that numbers among the operands take: that of the first tensor. */
export function operandDType(operands: readonly Operand[]): DType {
  const first = operands.find((operand) => operand instanceof Tensor);
  return first instanceof Tensor ? first.dtype : "f32";
}

/** Numbers become constants of the dtype of the tensors they meet. */
export function toTensor(operand: Operand, dtype: DType, origin: Origin): Tensor {
  if (operand instanceof Tensor) return operand;
  const attrs = constantAttrs(dtype, operand);
  if (!isFloat(dtype) && attrs.value !== operand) {
    throw new UserError(`${inCall(origin)}: ${operand} is no ${dtype}: cast the tensor it meets${atLine(origin)}`);
  }
  return applyOp(constant, [], attrs, origin);
}
