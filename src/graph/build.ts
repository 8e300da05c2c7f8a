/**
 * Node constructors for passes and gradient rules: the ops by name, on nodes of one graph.
 *
 * `origins` are given to every node made, so what a pass derives still points at the user's line. Constructors fold what is
 * plainly nothing (a reshape to the same shape), which keeps rules free of special cases.
 */

import { type DType, isShort } from "../core/dtype.ts";
import { CompilerBug } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import type { AttrSchema, Attrs, AttrsOf } from "./attrs.ts";
import { copiedInto } from "./copies.ts";
import type {
  Arity,
  Build,
  ContractAttrs,
  Graph,
  Node,
  OpDef,
  Operands,
  WindowSchema,
  WindowSumSchema,
} from "./node.ts";
import type { MapName, ReduceName } from "./op-names.ts";
import { contract } from "./ops/contract.ts";
import { dynamicSlice, dynamicUpdate } from "./ops/gather.ts";
import { cast, mapOps } from "./ops/map.ts";
import { concat, pad, slice } from "./ops/parts.ts";
import { reduceOps } from "./ops/reduce.ts";
import { constant, constantAttrs, iota, size } from "./ops/source.ts";
import { slopedAs } from "./ops/transform.ts";
import { broadcast, flip, permute, reshape } from "./ops/view.ts";
import { window } from "./ops/window.ts";
import { windowSum } from "./ops/window-sum.ts";
import { type Dim, printShape, type Shape, sameShape } from "./shape.ts";

/** What gradient rules may ask for beside nodes: a sweep of their own, and another form of what the forward pass has. */
export type Sweeping = Pick<Build, "pullback" | "supersede" | "latest" | "settled">;

export function builder(graph: Graph, origins: readonly Origin[] = [], sweeping?: Sweeping): Build {
  return new NodeBuilder(graph, origins, sweeping);
}

/** A class, since a pass makes one for each node: methods are shared where closures would be made anew. */
class NodeBuilder implements Build {
  readonly graph: Graph;
  readonly #origins: readonly Origin[];
  readonly #sweeping: Sweeping | undefined;

  constructor(graph: Graph, origins: readonly Origin[], sweeping: Sweeping | undefined) {
    this.graph = graph;
    this.#origins = origins;
    this.#sweeping = sweeping;
  }

  node<S extends AttrSchema, N extends Arity>(op: OpDef<S, N>, args: Operands<N, Node>, attrs: AttrsOf<S>): Node {
    return this.graph.node(op, args, attrs, this.#origins);
  }

  /** Short floats are for storage: what gradient rules do with them is done in f32, and rounded once. */
  #widened(args: readonly Node[], op: OpDef, attrs: Attrs = {}): Node {
    const short = args.map((arg) => arg.type.dtype).find(isShort);
    const wide = args.map((arg) => (isShort(arg.type.dtype) ? this.cast(arg, "f32") : arg));
    const made = this.graph.node(op, wide, attrs, this.#origins);
    return short !== undefined && made.type.dtype === "f32" ? this.cast(made, short) : made;
  }

  map(name: MapName, ...args: readonly Node[]): Node {
    return this.graph.node(mapOps[name], args, {}, this.#origins);
  }

  addSlopes(a: Node, b: Node): Node {
    return this.#widened([a, b], mapOps.add);
  }

  cast(x: Node, dtype: DType): Node {
    return x.type.dtype === dtype ? x : this.node(cast, [x], { dtype });
  }

  constant(dtype: DType, value: number): Node {
    return this.node(constant, [], constantAttrs(dtype, value));
  }

  fill(like: Node, value: number): Node {
    const { dtype, shape } = like.type;
    const scalar = this.constant(dtype, value);
    return shape.length === 0 ? scalar : this.node(broadcast, [scalar], { shape, axes: [] });
  }

  iota(dtype: DType, shape: Shape, axis: number): Node {
    return this.node(iota, [], { dtype, shape, axis });
  }

  size(dim: Dim, dtype: DType): Node {
    return typeof dim === "number" ? this.constant(dtype, dim) : this.node(size, [], { dtype, dim });
  }

  reshape(x: Node, shape: Shape): Node {
    return sameShape(x.type.shape, shape) ? x : this.node(reshape, [x], { shape });
  }

  permute(x: Node, order: readonly number[]): Node {
    return order.every((axis, i) => axis === i) ? x : this.node(permute, [x], { order });
  }

  broadcast(x: Node, shape: Shape, axes: readonly number[]): Node {
    const from = x.type.shape;
    if (axes.length !== from.length) throw new CompilerBug(`broadcast of ${printShape(from)} by axes [${axes}]`);
    return sameShape(from, shape) ? x : this.node(broadcast, [x], { shape, axes });
  }

  slice(x: Node, start: readonly Dim[], stop: readonly Dim[], step: readonly number[]): Node {
    return this.node(slice, [x], { start, stop, step });
  }

  pad(x: Node, before: readonly number[], after: readonly number[], inner: readonly number[], value: number): Node {
    return this.node(pad, [x], { before, after, inner, value });
  }

  concat(parts: readonly Node[], axis: number): Node {
    const [first, ...others] = parts;
    return first !== undefined && others.length === 0 ? first : this.node(concat, parts, { axis });
  }

  flip(x: Node, axes: readonly number[]): Node {
    return axes.length === 0 ? x : this.node(flip, [x], { axes });
  }

  window(x: Node, attrs: AttrsOf<WindowSchema>): Node {
    return this.node(window, [x], attrs);
  }

  windowSum(x: Node, attrs: AttrsOf<WindowSumSchema>): Node {
    return this.#widened([x], windowSum, attrs);
  }

  reduce(name: ReduceName, x: Node, axes: readonly number[]): Node {
    return axes.length === 0 ? x : this.#widened([x], reduceOps[name], { axes });
  }

  contract(left: Node, right: Node, attrs: ContractAttrs): Node {
    return this.#widened([left, right], contract, attrs);
  }

  dynamicSlice(x: Node, starts: Node, shape: Shape): Node {
    return this.node(dynamicSlice, [x, starts], { shape });
  }

  dynamicUpdate(x: Node, part: Node, starts: Node): Node {
    return this.node(dynamicUpdate, [x, part, starts], {});
  }

  slopedAs(value: Node, twin: Node): Node {
    return this.node(slopedAs, [value, twin], {});
  }

  inline(results: readonly Node[], parameters: readonly Node[], args: readonly Node[]): readonly Node[] {
    return copiedInto(this.graph, results, new Map(parameters.map((parameter, i) => [parameter, nodeAt(args, i)])));
  }

  within(graph: Graph): Build {
    return new NodeBuilder(graph, this.#origins, this.#sweeping);
  }

  #sweep(): Sweeping {
    if (this.#sweeping === undefined) throw new CompilerBug("only gradient rules sweep");
    return this.#sweeping;
  }

  pullback(values: readonly Node[], slopes: readonly (Node | null)[], by: readonly Node[]): readonly (Node | null)[] {
    return this.#sweep().pullback(values, slopes, by);
  }

  supersede(node: Node, by: Node): void {
    this.#sweep().supersede(node, by);
  }

  latest(node: Node): Node {
    return this.#sweep().latest(node);
  }

  settled(results: readonly Node[]): readonly Node[] {
    return this.#sweep().settled(results);
  }
}

function nodeAt(nodes: readonly Node[], i: number): Node {
  const found = nodes[i];
  if (found === undefined) throw new CompilerBug(`there is no node for parameter ${i}`);
  return found;
}
