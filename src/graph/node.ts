/**
 * The grammar of the graph language: nodes, and the ops they carry.
 *
 *   graph   nodes
 *   node    id : type = op args attrs     one result of an op: those of one application share op, operands and attributes
 *   type    dtype[shape]
 *
 * An op is one object with its whole meaning: type rule, gradient, float64 meaning (the oracle of every test) and lowering
 * to one element stand side by side; there is no registry. Passes branch on `kind`, never on `name`: an op added to a family
 * is differentiated, fused and compiled at once.
 *
 * Most ops have one result, and are written so (define.ts). One with several gives a list of everything: types, arrays,
 * elements; its gradient rule gets a cotangent for each result.
 */

import type { DType } from "../core/dtype.ts";
import type { FoldFn } from "../core/fold.ts";
import type { Origin } from "../core/origin.ts";
import type { ExprBuilder } from "../kernel/expr-builder.ts";
import type { Expr, ExprPool, Index } from "../kernel/kernel.ts";
import type { AttrSchema, Attrs, AttrsOf } from "./attrs.ts";
import type { ErrorClass } from "./error-class.ts";
import type { NdArray } from "./ndarray.ts";
import type { ExpandedName, MapName, OpName, OwnName, ReduceName, TransformName } from "./op-names.ts";
import type { Dim, Shape } from "./shape.ts";
import type { TensorType } from "./type.ts";

// ---- nodes ---------------------------------------------------------------------------------------------------------

/** One result of an op. */
export interface Node {
  readonly id: number;
  readonly graph: Graph;
  readonly op: OpDef;
  readonly args: readonly Node[];
  readonly attrs: Attrs;
  /** The attributes as `attrsKey` spells them. */
  readonly key: string;
  readonly type: TensorType;
  /** Which result of its application this is, and all of them: their ids follow one another. */
  readonly result: number;
  readonly results: readonly Node[];
  /** Every place that made this node; the first is the one in error messages. */
  readonly origins: readonly Origin[];
  /** No equal expression is taken for this node: a gradient is taken by it. Ends when `differentiate` has run. */
  readonly own: boolean;
}

/** A node whose op is known, so that its operands and attributes are. */
export interface NodeOf<S extends AttrSchema, N extends Arity> extends Node {
  readonly args: Operands<N, Node>;
  readonly attrs: AttrsOf<S>;
}

/** A result of a closed expression that belongs to no graph yet. */
export interface Literal {
  readonly op: OpDef;
  readonly args: readonly Literal[];
  readonly attrs: Attrs;
  readonly type: TensorType;
  readonly result: number;
  readonly origin: Origin;
  /**
   * When the newest random numbers in it were made, as `moment` in draws.ts counts; 0 where there are none. They belong to the
   * function that was being traced then, whatever they meet.
   */
  readonly drawn: number;
}

/** The nodes of one entry, interned but for those of their own. `createGraph` in graph.ts makes one. */
export interface Graph {
  readonly nodes: readonly Node[];
  /** The (first) result of this op on these operands: the known node, or a new one. */
  node(op: OpDef, args: readonly Node[], attrs?: Attrs, origins?: readonly Origin[]): Node;
  /** The same op and attributes as those of a node of any graph, on these operands: as `node`, and sooner found. */
  copy(node: Node, args: readonly Node[]): Node;
  /** A new node that stays itself, whatever equals it. */
  own(op: OpDef, args: readonly Node[], attrs?: Attrs, origins?: readonly Origin[]): Node;
  /** The node of a literal in this graph, the same at every use. */
  adopt(literal: Literal): Node;
  /** Of the trace of a function that has returned, or failed: what called that. Its nodes have no value any more. */
  readonly ended: string | undefined;
  /** Whether this one is the trace of a function inside one of `outer`'s. */
  isInside(outer: Graph): boolean;
  /** Where random numbers of this moment are drawn: the innermost body in it that was being traced then, or this one. */
  homeOf(drawn: number): Graph;
  /**
   * What stands in this graph for a node of one around it: a parameter, the same at every use. A node of this graph stands for
   * itself, and so does one from nowhere around, which no op takes.
   */
  reach(node: Node): Node;
  /** What a parameter that `reach` made stands for, in the graph where that was made; any other node is itself. */
  outside(node: Node): Node;
}

// ---- ops -----------------------------------------------------------------------------------------------------------

/** How many operands an op takes. */
export type Arity = 0 | 1 | 2 | 3 | "many";

/** One of something for each operand. */
export type Operands<N extends Arity, T> = {
  readonly 0: readonly [];
  readonly 1: readonly [T];
  readonly 2: readonly [T, T];
  readonly 3: readonly [T, T, T];
  readonly many: readonly T[];
}[N];

/** How an expression is written for people. */
export interface Formula {
  readonly text: string;
  /** How tightly it binds: 1 sum, 2 product, 3 power, 4 atom. */
  readonly level: number;
}

/** A node, and whether its first axis is one of examples. */
export interface Batched {
  readonly node: Node;
  readonly batched: boolean;
}

interface OpCommon<S extends AttrSchema, N extends Arity> {
  readonly name: OpName | TransformName | ExpandedName | OwnName;
  readonly arity: N;
  readonly schema: S;
  /** Types of the results. Throws ShapeError (the reason alone; `Graph.node` adds operands and line). */
  infer(args: Operands<N, TensorType>, attrs: AttrsOf<S>): readonly TensorType[];
  /**
   * Cotangents of the operands, null where none flows, from those of the results of `node`, null where none arrives; at least
   * one does. Absent: nothing flows. Broadcasting is a node of its own, so no rule mentions shapes it did not change itself.
   */
  vjp?(node: NodeOf<S, N>, slopes: readonly (Node | null)[], build: Build): readonly (Node | null)[];
  /** The op's meaning in float64, an array for each result. Integers are exact and wrap. */
  evaluate(args: Operands<N, NdArray>, attrs: AttrsOf<S>, types: readonly TensorType[]): readonly NdArray[];
  /** How a target's result may be off from the exact one. Absent: exact, as values are only moved, picked or compared. */
  readonly tolerance?: ErrorClass;
  /** How a person would write it; a call where absent. */
  formula?(args: Operands<N, Formula>, attrs: AttrsOf<S>): Formula;
  /** The attributes for operands that all have one more axis in front. Absent: `shiftAxes` finds them by the schema. */
  shift?(attrs: AttrsOf<S>, size: Dim): AttrsOf<S>;
  /** The results where some operands have one more axis in front. Absent: all are given one, and the attributes are shifted. */
  batch?(args: Operands<N, Batched>, attrs: AttrsOf<S>, size: Dim, build: Build): readonly Batched[];
  /** Operands and attributes that only a graph can give (the stream of a random source). */
  settle?(graph: Graph, attrs: AttrsOf<S>, stream: number): { readonly args: readonly Node[]; readonly attrs: Attrs };
}

/** input, state, constant, iota, size, random. `element` is absent where the value lies in a buffer. */
export interface SourceOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "source";
  element?(at: readonly Index[], attrs: AttrsOf<S>, type: TensorType, reads: Reads<N>): Expr;
}

/** Element-wise: all operands and the result have one shape. */
export interface MapOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "map";
  element(args: Operands<N, Expr>, attrs: AttrsOf<S>, type: TensorType, build: ExprBuilder): Expr;
  /** Rough price of one element in arithmetic operations: `fuse` weighs it against a store and loads. */
  readonly cost: number;
}

/** Elements of operands in other places: no arithmetic. */
export interface ViewOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "view";
  element(at: readonly Index[], attrs: AttrsOf<S>, type: TensorType, reads: Reads<N>): Expr;
}

/** Folds the axes `attrs.axes` of its operand away. */
export interface ReduceOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "reduce";
  /** What its results are the accumulators of. */
  readonly fold: FoldFn;
}

export type ReduceSchema = { readonly axes: "axes" };

/** General dot product. Result axes: batch, free of the left, free of the right. */
export interface ContractOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "contract";
}

export type ContractSchema = {
  readonly batchLeft: "axes";
  readonly batchRight: "rightAxes";
  readonly sumLeft: "axes";
  readonly sumRight: "rightAxes";
};

export type ContractAttrs = AttrsOf<ContractSchema>;

/** How windows lie over `axes`, a number for each: see ops/window.ts. */
export type WindowSteps = {
  readonly axes: "axes";
  readonly size: "list";
  readonly stride: "list";
  readonly dilation: "list";
  readonly base: "list";
  readonly before: "list";
};

export type WindowSchema = WindowSteps & { readonly count: "dimList"; readonly value: "number" };

export type WindowSumSchema = WindowSteps & { readonly extent: "dimList" };

/** Which element is touched depends on values: gather, one-hot, dynamic slice... */
export interface GatherOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "gather";
  /** An element of each result, all at one place. */
  elements(at: readonly Index[], attrs: AttrsOf<S>, types: readonly TensorType[], reads: Reads<N>): readonly Expr[];
}

/**
 * Folds an axis of its first operand and tells every partial result: element j of the result is the fold of those up to j. The
 * others, each where its flag is set: what the fold starts with, for each row along the axis; and where it starts anew (bool).
 */
export interface RunOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "run";
}

export type RunSchema = {
  readonly axis: "axis";
  readonly fold: "name";
  readonly starts: "flag";
  readonly restarts: "flag";
};

/** Adds multiples of a filter around places that values tell: a loop that adds to what it has stored. */
export interface SpreadOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "spread";
}

export type SpreadSchema = { readonly size: "list"; readonly grid: "list" };

/** Written in other ops, which depends on sizes: `expand` makes them, once dimensions are numbers. */
export interface ComposedOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "composed";
  /** What each result is. */
  expand(args: Operands<N, Node>, attrs: AttrsOf<S>, build: Build): readonly Node[];
}

/**
 * Applies the bodies among its attributes: again and again, or one of them. Its operands are their parameters, by number
 * (body.ts). A pass that rewrites nodes runs in them too.
 */
export interface LoopOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "loop";
}

export type ScanSchema = {
  readonly body: "body";
  /** Iterations, and rows of what is stacked. */
  readonly length: "dim";
  /** How many operands are carried, and how many of those behind them are read row by row. */
  readonly carries: "number";
  readonly slices: "number";
  /** From the last row to the first; outputs stand at the rows of their iterations. */
  readonly reverse: "flag";
};

export type WhileSchema = {
  /** Its output: whether to go on, a bool without axes. It reads the carries, and changes none. */
  readonly test: "body";
  readonly body: "body";
  readonly carries: "number";
  /** No more iterations than these, whatever the test says. */
  readonly most: "number";
};

export type CondSchema = { readonly yes: "body"; readonly no: "body" };

/** gradient, pullback, slopedAs: a request that a pass expands. */
export interface TransformOp<S extends AttrSchema = AttrSchema, N extends Arity = Arity> extends OpCommon<S, N> {
  readonly kind: "transform";
}

/** How an op touches its operands. Passes branch on this, never on names. */
export type OpKind = OpDef["kind"];

export type OpDef<S extends AttrSchema = AttrSchema, N extends Arity = Arity> =
  | SourceOp<S, N>
  | MapOp<S, N>
  | ViewOp<S, N>
  | ReduceOp<S, N>
  | ContractOp<S, N>
  | GatherOp<S, N>
  | RunOp<S, N>
  | SpreadOp<S, N>
  | ComposedOp<S, N>
  | LoopOp<S, N>
  | TransformOp<S, N>;

/** What an element is written with: other elements, and the constructors of the kernel language. */
export interface Reads<N extends Arity = Arity> extends ExprBuilder {
  /** An element of operand `arg`. Where a bound fails, `otherwise` is the value and nothing is read. */
  read(arg: number, at: readonly Index[], guard?: Guard): Expr;
  /** Nothing of operand `arg`, but it is there before this element is computed. */
  wait(arg: number): void;
  /** An index from an i32 operand's element, promised to lie in 0 <= i < extent. */
  index(value: Expr, extent: number): Index;
  /** The same value, to be used several times: computed once. */
  once(value: Expr): Expr;
  /** Of the operands, all numbers. */
  readonly shapes: Operands<N, readonly number[]>;
  /** Where constants come from that stand beside no operand. */
  readonly pool: ExprPool;
}

export interface Guard {
  readonly bounds: readonly { readonly index: Index; readonly extent: number }[];
  readonly otherwise: Expr;
}

/** The node constructors that gradient rules and passes use; implemented in build.ts. Names are those of the ops. */
export interface Build {
  readonly graph: Graph;
  /** The (first) result of any op. */
  node<S extends AttrSchema, N extends Arity>(op: OpDef<S, N>, args: Operands<N, Node>, attrs: AttrsOf<S>): Node;
  map(name: MapName, ...args: readonly Node[]): Node;
  /** The sum of two cotangents; as those of `reduce` and `contract`, computed in f32 where they are short floats. */
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
  window(x: Node, attrs: AttrsOf<WindowSchema>): Node;
  /** Computed in f32 where the operand is a short float. */
  windowSum(x: Node, attrs: AttrsOf<WindowSumSchema>): Node;
  reduce(name: ReduceName, x: Node, axes: readonly number[]): Node;
  contract(left: Node, right: Node, attrs: ContractAttrs): Node;
  /** The part of this shape that begins at `starts` (i32, one for each axis), clamped to lie inside. */
  dynamicSlice(x: Node, starts: Node, shape: Shape): Node;
  dynamicUpdate(x: Node, part: Node, starts: Node): Node;
  /** The value of the first, the gradient of the second: see transform.ts. */
  slopedAs(value: Node, twin: Node): Node;
  /** Nodes of another graph made again in this one, with `args` in place of its `parameters`. */
  inline(results: readonly Node[], parameters: readonly Node[], args: readonly Node[]): readonly Node[];
  /** The same constructors for another graph: that of a body which a rule writes. */
  within(graph: Graph): Build;
  /** Cotangents of `by`, null where none flows, from those of `values`: a sweep in this graph, now. Only for gradient rules. */
  pullback(values: readonly Node[], slopes: readonly (Node | null)[], by: readonly Node[]): readonly (Node | null)[];
  /** In the end everybody reads the first results of `by` in place of those of `node`, whose operands it has. Only for gradient rules. */
  supersede(node: Node, by: Node): void;
  /** The first result of what stands in the place of this application now. Only for gradient rules. */
  latest(node: Node): Node;
  /** These results in a graph of their own, where nobody reads what is superseded: how a rule ends a body. Only for gradient rules. */
  settled(results: readonly Node[]): readonly Node[];
}
