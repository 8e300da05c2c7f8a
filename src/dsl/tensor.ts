/**
 * Tensor: the user's handle on a node, with its shape and dtype in its type.
 *
 * Nothing is computed when tensors are combined; each call adds a node to the graph of the entry being described. Constants
 * and other closed expressions belong to no graph until they meet a tensor that does: there is no ambient graph.
 */
import type { DType } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import type { Kind } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { refuseEnded } from "../graph/applied.ts";
import type { Graph, Literal, Node } from "../graph/node.ts";
import type { Shape } from "../graph/shape.ts";
import { printType } from "../graph/type.ts";

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
    const { type } = value;
    this.shape = type.shape as S; // what a face said of it: here alone types are believed
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

/** Truth values of any shape. */
export type Mask = Tensor<Shape, "bool">;

/** Whether its elements are of this type, which tsc then knows too. */
export function holds<D extends DType>(x: Tensor, dtype: D): x is Tensor<Shape, D> {
  return x.dtype === dtype;
}

/** Whether it is one number of f32: a loss, a rate. */
export function isScalar(x: Tensor): x is Tensor<[], "f32"> {
  return x.shape.length === 0 && x.dtype === "f32";
}

export const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;
/** Leaves of a tree of tensors. */
export const tensorLeaf: Kind<Tensor> = { wanted: "tensors", accepts: isTensor };

export function isNode(value: Node | Literal): value is Node {
  return "graph" in value;
}

/** The node of a tensor in `graph`: closed expressions are adopted, and a tensor of a graph around is captured. */
export function nodeIn(graph: Graph, tensor: Tensor): Node {
  return isNode(tensor.value) ? graph.reach(tensor.value) : graph.adopt(tensor.value);
}

/** The node of a tensor that a function gave, which must be one of `graph` or around it. */
export function givenNode(graph: Graph, tensor: Tensor, what: string): Node {
  const node = nodeIn(graph, tensor);
  if (node.graph === graph) return node;
  refuseEnded(node);
  throw new UserError(`${what} gives a tensor of another entry, program or loop${atLine(node.origins[0])}`);
}

/** The innermost graph that any of these tensors belongs to. Random numbers belong to the function that made them. */
export function graphOf(tensors: readonly Tensor[]): Graph | undefined {
  let found: Graph | undefined;
  let drawn = 0;
  for (const { value } of tensors) {
    if (!isNode(value)) {
      drawn = Math.max(drawn, value.drawn);
      continue;
    }
    refuseEnded(value);
    if (found === undefined || (value.graph !== found && value.graph.isInside(found))) found = value.graph;
  }
  return drawn > 0 ? found?.homeOf(drawn) : found;
}
