/**
 * Sorting along an axis: values and where they stood, stable, a NaN after every number (before them all where it descends); and
 * moving elements along an axis by indexes as sorting gives them, which lie inside and are distinct. So taking is the gradient
 * of putting, and the other way round: nothing is ever added up.
 *
 * `sort` is written in merges of runs, once sizes are numbers: each of log2(n) passes makes one run of two neighbours. Where only
 * the first k are kept, runs never grow beyond k, so that from there on each pass has half the elements of the one before.
 */
import { ShapeError } from "../../core/errors.ts";
import { gatherOp } from "../define.ts";
import { resultOf } from "../graph.ts";
import { generate, type NdArray, ndarray, reader } from "../ndarray.ts";
import type { Build, ComposedOp, Node } from "../node.ts";
import { dimOf, fixedShape, type Shape, sameShape, sizeOf, stridesOf } from "../shape.ts";
import { tensorType } from "../type.ts";
import { comesBefore, mergeRuns } from "./merge.ts";
import { searchSorted } from "./search.ts";
import { withAxis } from "./view.ts";

type SortSchema = { readonly axis: "axis"; readonly descending: "flag"; readonly keep: "dim" };

/** The first `keep` elements along an axis in order, and the index of each; a tie keeps the order in which they stood. */
export const sort: ComposedOp<SortSchema, 1> = {
  name: "sort",
  kind: "composed",
  arity: 1,
  schema: { axis: "axis", descending: "flag", keep: "dim" },
  infer([{ dtype, shape }], { axis, keep }) {
    const extent = shape[axis];
    if (extent === undefined) throw new ShapeError(`has no axis ${axis}`);
    if (dtype === "bool") throw new ShapeError("is not defined for bool: cast it first");
    if (typeof keep === "number" && typeof extent === "number" && keep > extent) {
      throw new ShapeError(`there are ${extent} elements along axis ${axis}, fewer than the ${keep} to be taken`);
    }
    const sorted = withAxis(shape, axis, keep);
    return [tensorType(dtype, sorted), tensorType("i32", sorted)];
  },
  // each value comes from one place, and gives its slope to that
  vjp({ args: [x], attrs: { axis }, results: [, indexes] }, [g], b) {
    if (g === null || g === undefined || indexes === undefined) return [null];
    return [b.node(putAlong, [g, indexes], { axis, size: dimOf(x.type.shape, axis) })];
  },
  evaluate([x], { axis, descending, keep }, [type]) {
    const shape = withAxis(x.shape, axis, keep);
    const order = orderAlong(x, axis, descending);
    const read = reader(x);
    const indexes = generate("i32", fixedShape(shape), (at) => order(at));
    const placeAt = reader(indexes);
    const values = generate(type?.dtype ?? x.dtype, fixedShape(shape), (at) =>
      read(at.map((place, i) => (i === axis ? placeAt(at) : place))),
    );
    return [values, indexes];
  },
  expand([x], { axis, descending, keep }, b) {
    const kept = Number(keep);
    let values = x;
    let indexes = b.iota("i32", x.type.shape, axis);
    if (kept === 0) return [values, indexes].map((node) => firstOf(node, axis, kept, b));
    for (let run = 1; run < Number(dimOf(values.type.shape, axis)); run = Math.min(2 * run, kept)) {
      const merged = b.node(mergeRuns, [values, indexes], { axis, run, keep: kept, descending });
      [values, indexes] = [resultOf(merged, 0), resultOf(merged, 1)];
    }
    return [values, indexes];
  },
};

function firstOf(x: Node, axis: number, count: number, b: Build): Node {
  const { shape } = x.type;
  const start = shape.map(() => 0);
  const step = shape.map(() => 1);
  return b.slice(x, start, withAxis(shape, axis, count), step);
}

/** The index of what stands at a place of the sorted array. Each row is sorted when it is first asked for. */
function orderAlong(x: NdArray, axis: number, descending: boolean): (at: readonly number[]) => number {
  const read = reader(x);
  const rows = new Map<string, readonly number[]>();
  return (at) => {
    const key = at.map((place, i) => (i === axis ? 0 : place)).join();
    const known = rows.get(key) ?? sortedRow(at);
    rows.set(key, known);
    return known[at[axis] ?? 0] ?? 0;
  };
  function sortedRow(at: readonly number[]): readonly number[] {
    const row = Array.from({ length: x.shape[axis] ?? 0 }, (_, p) =>
      read(at.map((place, i) => (i === axis ? p : place))),
    );
    const compare = (i: number, k: number): number => {
      if (comesBefore(row[i] ?? 0, row[k] ?? 0, descending)) return -1;
      return comesBefore(row[k] ?? 0, row[i] ?? 0, descending) ? 1 : i - k;
    };
    return row.map((_, i) => i).sort(compare);
  }
}

// ---- moving along an axis ------------------------------------------------------------------------------------------

/** The elements of x at the indexes along an axis. */
export const takeAlong = gatherOp({
  name: "takeAlong",
  arity: 2,
  schema: { axis: "axis" },
  infer([x, indexes], { axis }) {
    const fits =
      indexes.shape.length === x.shape.length && indexes.shape.every((dim, i) => i === axis || dim === x.shape[i]);
    if (!fits || indexes.dtype !== "i32")
      throw new ShapeError("takes i32 indexes that differ from x along the axis only");
    return tensorType(x.dtype, indexes.shape);
  },
  vjp: ({ args: [x, indexes], attrs: { axis } }, g, b) => [
    b.node(putAlong, [g, indexes], { axis, size: dimOf(x.type.shape, axis) }),
    null,
  ],
  evaluate([x, indexes], { axis }, type) {
    const [read, placeAt] = [reader(x), reader(indexes)];
    return generate(type.dtype, fixedShape(type.shape), (at) =>
      read(at.map((place, i) => (i === axis ? placeAt(at) : place))),
    );
  },
  element(at, { axis }, _type, reads) {
    const place = reads.index(reads.once(reads.read(1, at)), reads.shapes[0][axis] ?? 0);
    return reads.read(
      0,
      at.map((own, i) => (i === axis ? place : own)),
    );
  },
});

/** From so many indexes on, each place looks its own up among them sorted, and does not compare itself with all. */
const manyIndexes = 64;

/** The elements of x at the indexes of an axis of `size`, and 0 elsewhere. */
export const putAlong: ComposedOp<{ readonly axis: "axis"; readonly size: "dim" }, 2> = {
  name: "putAlong",
  kind: "composed",
  arity: 2,
  schema: { axis: "axis", size: "dim" },
  infer([x, indexes], { axis, size }) {
    if (!sameShape(x.shape, indexes.shape) || indexes.dtype !== "i32")
      throw new ShapeError("takes an i32 index for each element");
    return [tensorType(x.dtype, withAxis(x.shape, axis, size))];
  },
  vjp({ args: [, indexes], attrs: { axis } }, [g], b) {
    return [g === null || g === undefined ? null : b.node(takeAlong, [g, indexes], { axis }), null];
  },
  evaluate([x, indexes], { axis, size }) {
    const shape = fixedShape(withAxis(x.shape, axis, size));
    const [data, strides, placeAt] = [new Float64Array(sizeOf(shape)), stridesOf(shape), reader(indexes)];
    const read = reader(x);
    generate(x.dtype, x.shape, (at) => {
      const offset = at.reduce((sum, place, i) => sum + (i === axis ? placeAt(at) : place) * (strides[i] ?? 0), 0);
      data[offset] = read(at);
      return 0;
    });
    return [ndarray(x.dtype, shape, data)];
  },
  expand([x, indexes], { axis, size }, b) {
    const count = Number(dimOf(x.type.shape, axis));
    const shape = withAxis(x.type.shape, axis, size);
    return [count < manyIndexes ? putByAll(x, indexes, axis, shape, b) : putBySearch(x, indexes, axis, shape, b)];
  },
};

/** Each place compares itself with every index. */
function putByAll(x: Node, indexes: Node, axis: number, shape: Shape, b: Build): Node {
  const wide = [...shape.slice(0, axis + 1), dimOf(x.type.shape, axis), ...shape.slice(axis + 1)];
  const spread = (node: Node): Node =>
    b.broadcast(
      node,
      wide,
      shape.map((_, i) => (i < axis ? i : i + 1)),
    );
  const isPlace = b.map("eq", b.iota("i32", wide, axis), spread(indexes));
  const elements = spread(x);
  return b.reduce("sum", b.map("select", isPlace, elements, b.fill(elements, 0)), [axis + 1]);
}

/** Each place looks for itself among the sorted indexes; where all places are among them, it stands at its own. */
function putBySearch(x: Node, indexes: Node, axis: number, shape: Shape, b: Build): Node {
  const count = dimOf(x.type.shape, axis);
  const sorted = b.node(sort, [indexes], { axis, descending: false, keep: count });
  const inOrder = b.node(takeAlong, [x, resultOf(sorted, 1)], { axis });
  const size = dimOf(shape, axis);
  if (size === count) return inOrder;
  const found = b.node(searchSorted, [sorted], { axis, size: Number(size) });
  const isPlace = b.map("eq", b.node(takeAlong, [sorted, found], { axis }), b.iota("i32", shape, axis));
  const elements = b.node(takeAlong, [inOrder, found], { axis });
  return b.map("select", isPlace, elements, b.fill(elements, 0));
}
