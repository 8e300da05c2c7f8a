/**
 * How what is added at given places is written in other ops: each place adds up the updates that name it, so nothing is written to
 * where another writes, and the order is that of the updates.
 *
 *   few      a contraction with a one-hot: indexes times places
 *   many     the updates in the order of their indexes, a running sum that starts anew where the index changes, and for each place
 *            the last of its run: n log n
 */
import type { DType } from "../../core/dtype.ts";
import { resultOf } from "../graph.ts";
import type { Build, Node } from "../node.ts";
import { elementCount } from "../shape.ts";
import { running } from "./running.ts";
import { shiftedAlong } from "./running-slopes.ts";
import { searchSorted } from "./search.ts";
import { sort } from "./sort.ts";

/** Takes the rows of a node that indexes say; 0 where there is none. */
type Take = (x: Node, indexes: Node) => Node;

/** [size, ..rest]: what the updates [..places, ..rest] add up to. Sizes are numbers. */
export function addedAt(indexes: Node, updates: Node, size: number, take: Take, b: Build): Node {
  const count = Number(elementCount(indexes.type.shape));
  const isFew = count * size <= mostTimes * (count + size) * Math.max(1, Math.log2(count));
  return isFew ? addedByMask(indexes, updates, size, b) : addedInOrder(indexes, updates, size, take, b);
}

/** Multiply-adds that cost as much as one comparison of a sort, which looks up what it compares. */
const mostTimes = 64;

function addedByMask(indexes: Node, updates: Node, size: number, b: Build): Node {
  const places = indexes.type.shape.map((_, i) => i);
  const mask = oneHotMask(indexes, size, updates.type.dtype, b);
  return b.contract(mask, updates, { batchLeft: [], batchRight: [], sumLeft: places, sumRight: places });
}

/** [...indexes, size]: 1 where the index is the place. */
function oneHotMask(indexes: Node, size: number, dtype: DType, b: Build): Node {
  const { shape } = indexes.type;
  const wide = [...shape, size];
  const spread = b.broadcast(
    b.cast(indexes, "i32"),
    wide,
    shape.map((_, i) => i),
  );
  return b.cast(b.map("eq", spread, b.iota("i32", wide, shape.length)), dtype);
}

function addedInOrder(indexes: Node, updates: Node, size: number, take: Take, b: Build): Node {
  const { shape } = updates.type;
  const count = Number(elementCount(indexes.type.shape));
  const rows = [count, ...shape.slice(indexes.type.shape.length)];
  const places = b.reshape(b.cast(indexes, "i32"), [count]);
  const sorted = b.node(sort, [places], { axis: 0, descending: false, keep: count });
  const flat = b.reshape(updates, rows);
  const inOrder = take(flat, resultOf(sorted, 1));
  const isNext = b.broadcast(b.map("ne", sorted, shiftedAlong(sorted, 0, -1, b)), rows, [0]);
  const sums = b.node(running, [inOrder, isNext], { axis: 0, fold: "sum" });
  return take(sums, lastOfEach(sorted, size, take, b));
}

/** Where in a sorted list the last of each number 0, 1, ... stands; -1 where there is none. */
function lastOfEach(sorted: Node, size: number, take: Take, b: Build): Node {
  const found = b.node(searchSorted, [sorted], { axis: 0, size: size + 1 });
  const behind = b.slice(found, [1], [size + 1], [1]); // the first above, or the last of all where none is above
  const places = b.iota("i32", [size], 0);
  const isAbove = b.map("gt", take(sorted, behind), places);
  const last = b.map("sub", behind, b.cast(isAbove, "i32"));
  const isThere = b.map("and", b.map("ge", last, b.fill(last, 0)), b.map("eq", take(sorted, last), places));
  return b.map("select", isThere, last, b.fill(last, -1));
}
