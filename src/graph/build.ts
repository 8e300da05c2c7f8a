/**
 * Node constructors for passes and gradient rules: the ops by name, on nodes of one graph.
 *
 * `origins` are given to every node made, so what a pass derives still points at the user's line. Constructors fold what is
 * plainly nothing (a reshape to the same shape), which keeps rules free of special cases.
 */
import { CompilerBug } from "../errors.ts";
import type { DType } from "./dtype.ts";
import type { Build, Graph, MapName, Node } from "./node.ts";
import { contract } from "./ops/contract.ts";
import { cast, mapOps } from "./ops/map.ts";
import { reduceOps } from "./ops/reduce.ts";
import { constant, constantAttrs, iota, size } from "./ops/source.ts";
import { broadcast, concat, flip, pad, permute, reshape, slice } from "./ops/view.ts";
import type { Origin } from "./origin.ts";
import { type Dim, printShape, type Shape, sameShape } from "./shape.ts";
import { typeOf } from "./type.ts";

export function builder(graph: Graph, origins: readonly Origin[] = []): Build {
  const make = (op: Node["op"], args: readonly Node[], attrs: Node["attrs"] = {}): Node =>
    graph.node(op, args, attrs, origins);
  const shapeOf = (x: Node): Shape => typeOf(x).shape;
  const constantNode = (dtype: DType, value: number): Node => make(constant, [], constantAttrs(dtype, value));
  return {
    graph,
    map: (name: MapName, ...args) => make(mapOps[name], args),
    cast: (x, dtype) => (typeOf(x).dtype === dtype ? x : make(cast, [x], { dtype })),
    constant: constantNode,
    fill(like, value) {
      const { dtype, shape } = typeOf(like);
      const scalar = constantNode(dtype, value);
      return shape.length === 0 ? scalar : make(broadcast, [scalar], { shape, axes: [] });
    },
    iota: (dtype, shape, axis) => make(iota, [], { dtype, shape, axis }),
    size: (dim: Dim, dtype) =>
      typeof dim === "number" ? constantNode(dtype, dim) : make(size, [], { dtype, shape: [dim] }),
    reshape: (x, shape) => (sameShape(shapeOf(x), shape) ? x : make(reshape, [x], { shape })),
    permute: (x, order) => (order.every((axis, i) => axis === i) ? x : make(permute, [x], { order })),
    broadcast(x, shape, axes) {
      if (axes.length !== shapeOf(x).length)
        throw new CompilerBug(`broadcast of ${printShape(shapeOf(x))} by axes [${axes}]`);
      return sameShape(shapeOf(x), shape) ? x : make(broadcast, [x], { shape, axes });
    },
    slice: (x, start, stop, step) => make(slice, [x], { start, stop, step }),
    pad: (x, before, after, inner, value) => make(pad, [x], { before, after, inner, value }),
    concat: (parts, axis) => (parts.length === 1 ? (parts[0] as Node) : make(concat, parts, { axis })),
    flip: (x, axes) => (axes.length === 0 ? x : make(flip, [x], { axes })),
    reduce: (name, x, axes) =>
      axes.length === 0 && name !== "argmax" && name !== "argmin" ? x : make(reduceOps[name], [x], { axes }),
    contract: (left, right, attrs) => make(contract, [left, right], attrs),
  };
}
