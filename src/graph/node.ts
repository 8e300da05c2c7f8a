/**
 * The grammar of the graph language: nodes, and the ops they carry.
 *
 *   graph   nodes
 *   node    id : type = op args attrs regions
 *   type    dtype[shape] | (type, ...)
 *
 * An op is one object with its whole meaning: type rule, gradient, float64 meaning (the oracle of every test) and lowering
 * to one element stand side by side; there is no registry. Passes branch on `kind`, never on `name`: an op added to a family
 * is differentiated, fused and compiled at once.
 */

import type { DType } from "../core/dtype.ts";
import type { FoldFn } from "../core/fold.ts";
import type { Origin } from "../core/origin.ts";
import type { Expr, Index } from "../kernel/kernel.ts";
import type { ErrorClass } from "./error-class.ts";
import type { NdArray } from "./ndarray.ts";
import type { Dim, Shape } from "./shape.ts";
import type { NodeType, TensorType } from "./type.ts";

// ---- nodes ---------------------------------------------------------------------------------------------------------

export interface Node {
  readonly id: number;
  readonly graph: Graph;
  readonly op: OpDef;
  readonly args: readonly Node[];
  readonly attrs: Attrs;
  readonly regions: readonly Region[];
  readonly type: NodeType;
  /** Every place that made this node; the first is the one in error messages. */
  readonly origins: readonly Origin[];
  /** No equal expression is taken for this node: a gradient is taken by it. Ends when `differentiate` has run. */
  readonly own: boolean;
}

/** A closed sub-graph: what it reads from outside comes in through `inputs`. */
export interface Region {
  readonly graph: Graph;
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
}

/** A closed expression that belongs to no graph yet. */
export interface Literal {
  readonly op: OpDef;
  readonly args: readonly Literal[];
  readonly attrs: Attrs;
  readonly type: NodeType;
  readonly origin: Origin;
}

/** The nodes of one entry or region, interned but for those of their own. `createGraph` in graph.ts makes one. */
export interface Graph {
  readonly nodes: readonly Node[];
  /** The node with this op, operands, attributes and regions: the known one, or a new one. */
  node(op: OpDef, args: readonly Node[], attrs?: Attrs, origins?: readonly Origin[], regions?: readonly Region[]): Node;
  /** A new node that stays itself, whatever equals it. */
  own(op: OpDef, args: readonly Node[], attrs?: Attrs, origins?: readonly Origin[], regions?: readonly Region[]): Node;
  /** The node of a literal in this graph, the same at every use. */
  adopt(literal: Literal): Node;
}

// ---- ops -----------------------------------------------------------------------------------------------------------

export type AttrValue = number | string | boolean | null | readonly AttrValue[];

/** Constants of a node. Attributes called `shape`, `start` and `stop` hold dimensions, bound by `specialize`. */
export type Attrs = Readonly<Record<string, AttrValue>>;

interface OpCommon<A extends Attrs> {
  readonly name: string;
  /** Type of the result. Throws ShapeError (the reason alone; `Graph.node` adds operands and line). */
  infer(args: readonly NodeType[], attrs: A, regions: readonly Region[]): NodeType;
  /**
   * Cotangents of the operands, null where none flows. `g` is the cotangent of `node`. Absent: nothing flows.
   * Broadcasting is a node of its own, so no rule mentions shapes it did not change itself.
   */
  vjp?(node: Node, g: Node, build: Build): readonly (Node | null)[];
  /** The op's meaning in float64. Integers are exact and wrap. */
  evaluate(args: readonly NdArray[], attrs: A, type: TensorType, regions: readonly Region[]): NdArray;
  /** How a target's result may be off from the exact one. Absent: exact, as values are only moved, picked or compared. */
  readonly tolerance?: ErrorClass;
  /** Operands and attributes that only a graph can give (the stream of a random source). */
  settle?(graph: Graph, attrs: A, stream: number): { readonly args: readonly Node[]; readonly attrs: Attrs };
}

/** input, state, constant, iota, size, random. `element` is absent where the value lies in a buffer. */
export interface SourceOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "source";
  element?(at: readonly Index[], attrs: A, type: TensorType, reads: Reads): Expr;
}

/** Element-wise: all operands and the result have one shape. */
export interface MapOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "map";
  element(args: readonly Expr[], attrs: A, type: TensorType): Expr;
  /** Rough price of one element in arithmetic operations: `fuse` weighs it against a store and loads. */
  readonly cost: number;
}

/** Elements of operands in other places: no arithmetic. */
export interface ViewOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "view";
  element(at: readonly Index[], attrs: A, type: TensorType, reads: Reads): Expr;
}

/** Folds the axes `attrs.axes` of its operand away. */
export interface ReduceOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "reduce";
  /** `argMax` gives the first index of the largest element, NaN being the largest of all. */
  readonly fold: FoldFn;
}

export type ReduceAttrs = { readonly axes: readonly number[] };

/** General dot product. Result axes: batch, free of the left, free of the right. */
export interface ContractOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "contract";
}

export type ContractAttrs = {
  readonly batchLeft: readonly number[];
  readonly batchRight: readonly number[];
  readonly sumLeft: readonly number[];
  readonly sumRight: readonly number[];
};

/** Which element is touched depends on values: gather, one-hot, dynamic slice... */
export interface IndexOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "index";
  element(at: readonly Index[], attrs: A, type: TensorType, reads: Reads): Expr;
}

/** Carries closed sub-graphs, or picks from the tuple that such a node gives. Expanded by passes. */
export interface RegionOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "region";
}

/** gradient, slopedAs, jvp, vmap: a request that a pass expands. */
export interface TransformOp<A extends Attrs = Attrs> extends OpCommon<A> {
  readonly kind: "transform";
}

/** How an op touches its operands. Passes branch on this, never on names. */
export type OpKind = OpDef["kind"];

export type OpDef = SourceOp | MapOp | ViewOp | ReduceOp | ContractOp | IndexOp | RegionOp | TransformOp;

/** Reads an element of operand `arg`. Where a bound fails, `otherwise` is the value and nothing is read. */
export interface Reads {
  read(arg: number, at: readonly Index[], guard?: Guard): Expr;
  /** An index from an i32 operand's element, promised to lie in 0 <= i < extent. */
  index(value: Expr, extent: number): Index;
  readonly types: readonly TensorType[];
}

export interface Guard {
  readonly bounds: readonly { readonly index: Index; readonly extent: number }[];
  readonly otherwise: Expr;
}

/** The node constructors that gradient rules and passes use; implemented in build.ts. Names are those of the ops. */
export interface Build {
  readonly graph: Graph;
  map(name: MapName, ...args: readonly Node[]): Node;
  /** The sum of two cotangents; as those of `reduce` and `contract`, computed in f32 where they are f16. */
  addSlopes(a: Node, b: Node): Node;
  cast(x: Node, dtype: DType): Node;
  constant(dtype: DType, value: number): Node;
  /** A constant with the shape and dtype of `like`. */
  fill(like: Node, value: number): Node;
  iota(dtype: DType, shape: Shape, axis: number): Node;
  size(dim: Dim, dtype: DType): Node;
  reshape(x: Node, shape: Shape): Node;
  permute(x: Node, order: readonly number[]): Node;
  /** Result axis `axes[i]` is operand axis i; all other result axes repeat it. */
  broadcast(x: Node, shape: Shape, axes: readonly number[]): Node;
  slice(x: Node, start: readonly Dim[], stop: readonly Dim[], step: readonly number[]): Node;
  pad(x: Node, before: readonly number[], after: readonly number[], inner: readonly number[], value: number): Node;
  concat(parts: readonly Node[], axis: number): Node;
  flip(x: Node, axes: readonly number[]): Node;
  reduce(name: ReduceName, x: Node, axes: readonly number[]): Node;
  contract(left: Node, right: Node, attrs: ContractAttrs): Node;
  /** The part of this shape that begins at `starts` (i32, one for each axis), clamped to lie inside. */
  dynamicSlice(x: Node, starts: Node, shape: Shape): Node;
  dynamicUpdate(x: Node, part: Node, starts: Node): Node;
  /** The value of the first, the gradient of the second: see transform.ts. */
  slopedAs(value: Node, twin: Node): Node;
}

export type MapName =
  | ("add" | "sub" | "mul" | "div" | "pow" | "max" | "min" | "mod" | "neg" | "abs" | "sign")
  | ("exp" | "log" | "log1p" | "expm1" | "sqrt" | "rsqrt" | "sin" | "cos" | "tanh" | "erf" | "floor" | "ceil" | "round")
  | ("eq" | "ne" | "lt" | "le" | "gt" | "ge" | "and" | "or" | "not" | "select" | "stopGradient");

export type ReduceName = "sum" | "prod" | "max" | "min" | "argmax" | "argmin";
