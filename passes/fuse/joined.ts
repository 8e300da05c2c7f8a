/**
 * What is joined of values that one cluster of maps computes is stored by that cluster: each of its iterations stores an element of
 * every part in its place.
 *
 *   map [32, 64]                                       y[192*i + j] = a
 *     %5: f32[32,64] = mul ...                         y[192*i + j + 64] = b
 *     %9: f32[32,192] = concat %5 %7 %8    stored      y[192*i + j + 128] = c
 *
 * So the slopes of an LSTM's gates lie beside each other where the next contraction reads them.
 */
import { isOp } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import { concat } from "../../src/graph/ops/parts.ts";
import { sameShape } from "../../src/graph/shape.ts";
import { shapeOf } from "./access.ts";
import type { Draft } from "./fuse-draft.ts";

/** The draft that computes all parts of a concatenation, an element of each in an iteration. */
export function draftOfParts(node: Node, homeOf: (node: Node) => Draft | null): Draft | null {
  const [first] = node.args;
  const draft = first === undefined || !isOp(node, concat) ? null : homeOf(first);
  if (draft?.kind !== "map" || draft.isLong) return null;
  const isWhole = node.args.every((part) => homeOf(part) === draft && sameShape(shapeOf(part), draft.domain));
  return isWhole ? draft : null;
}

/** Whether a member is a concatenation of parts that have the loops of its cluster. */
export function joinsParts(node: Node, domain: readonly number[]): boolean {
  if (!isOp(node, concat)) return false;
  const extent = domain[node.attrs.axis]; // axes of size 1 at the end are no loops
  return extent !== undefined && extent !== shapeOf(node)[node.attrs.axis];
}
