/**
 * What gathering, taking and updating parts become where their operands have an axis of examples in front.
 *
 * Indexes that differ from example to example count from the first element of their example, in one gather over all of them. A part
 * whose place differs is one gather for each axis along which it is a part.
 */

import { ShapeError } from "../core/errors.ts";
import type { Batched, Build, Node, OpDef } from "./node.ts";
import { toFront } from "./ops/view.ts";
import { type Dim, dimOf, multiplyDims, type Shape } from "./shape.ts";

type GatherOf = OpDef<{ readonly axis: "axis" }, 2>;

/** The elements of x along `axis` (of one example) at the indexes. */
export function batchGather(op: GatherOf, x: Batched, indexes: Batched, axis: number, size: Dim, b: Build): Batched {
  const made = (node: Node): Batched => ({ node, batched: true });
  if (!indexes.batched) return made(b.node(op, [x.node, indexes.node], { axis: axis + 1 }));
  if (!x.batched) return made(toFront(b.node(op, [x.node, indexes.node], { axis }), axis, b));
  const { shape } = x.node.type;
  const extent = dimOf(shape, axis + 1);
  const rows = multiplyDims(size, extent);
  if (rows === null) throw new ShapeError("indexes that differ from example to example need an axis of known size");
  const others = shape.slice(1).filter((_, i) => i !== axis);
  const moved = b.permute(x.node, [0, axis + 1, ...shape.flatMap((_, i) => (i === 0 || i === axis + 1 ? [] : [i]))]);
  const flat = b.reshape(moved, [rows, ...others]);
  const found = b.node(op, [flat, placesOfAll(indexes.node, extent, b)], { axis: 0 });
  // [examples, indexes.., axes before, axes behind] -> [examples, axes before, indexes.., axes behind]
  const places = indexes.node.type.shape.length - 1;
  const count = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);
  const behind = count(1 + places + axis, others.length - axis);
  return made(b.permute(found, [0, ...count(1 + places, axis), ...count(1, places), ...behind]));
}

/** Indexes [examples, ..] into an axis of `extent` as indexes into the axes of all examples; -1 where they lie outside. */
export function placesOfAll(indexes: Node, extent: Dim, b: Build): Node {
  const { shape } = indexes.type;
  const place = b.cast(indexes, "i32");
  const each = (value: Node): Node => b.broadcast(value, shape, []);
  const limit = each(b.size(extent, "i32"));
  const inside = b.map("and", b.map("ge", place, b.fill(place, 0)), b.map("lt", place, limit));
  const first = b.map("mul", b.iota("i32", shape, 0), limit);
  return b.map("select", inside, b.map("add", first, place), b.fill(place, -1));
}

/** The starts of a part of what has an axis of examples in front: all of them. */
export function withFirst(starts: Node, b: Build): Node {
  return b.concat([b.broadcast(b.constant("i32", 0), [1], []), starts], 0);
}

/** Where the part of each example begins, as asked but so that all of it lies inside: i32 [examples] for each axis. */
export function startsOfEach(whole: Shape, part: Shape, starts: Node, size: Dim, b: Build): readonly Node[] {
  return whole.map((dim, axis) => {
    const asked = b.reshape(b.slice(starts, [0, axis], [size, axis + 1], [1, 1]), [size]);
    const room = b.map("sub", b.size(dim, "i32"), b.size(dimOf(part, axis), "i32"));
    const clamped = b.map("min", asked, b.broadcast(room, [size], []));
    return b.map("max", clamped, b.fill(clamped, 0));
  });
}

/** The elements of x at the places `start + 0, 1, ...` along each axis; 0 where those lie outside. */
export function partOfEach(
  op: GatherOf,
  x: Batched,
  starts: readonly Node[],
  part: Shape,
  size: Dim,
  b: Build,
): Batched {
  return starts.reduce<Batched>((found, start, axis) => {
    const wide = [size, dimOf(part, axis)];
    const indexes = b.map("add", b.iota("i32", wide, 1), b.broadcast(start, wide, [0]));
    return batchGather(op, found, { node: indexes, batched: true }, axis, size, b);
  }, x);
}

/** Whether each place of `shape` (without the examples) lies in the part that begins at `starts`: bool [examples, ..shape]. */
export function isInPart(starts: readonly Node[], part: Shape, whole: Shape, size: Dim, b: Build): Node | null {
  const wide = [size, ...whole];
  return starts.reduce<Node | null>((all, start, axis) => {
    const local = b.map("sub", b.iota("i32", wide, axis + 1), b.broadcast(start, wide, [0]));
    const limit = b.broadcast(b.size(dimOf(part, axis), "i32"), wide, []);
    const inside = b.map("and", b.map("ge", local, b.fill(local, 0)), b.map("lt", local, limit));
    return all === null ? inside : b.map("and", all, inside);
  }, null);
}
