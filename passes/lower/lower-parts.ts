/**
 * What is joined of parts gets a nest for each of them, in one kernel: none asks for each element in which part it lies.
 *
 *   concat of [32, 64] and [32, 128]     nest  parallel i < 32, j < 64     y[192*i + j] = a[64*i + j]
 *                                        nest  parallel i < 32, j < 128    y[192*i + j + 64] = b[128*i + j]
 */
import { attrsOf, isOp } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import { concat } from "../../src/graph/ops/parts.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { ExprPool, Index, LoopVar } from "../../src/kernel/kernel.ts";
import { shapeOf } from "../fuse/access.ts";
import type { Cluster } from "../fuse/cluster.ts";
import { joinsParts } from "../fuse/joined.ts";

/** Iterations of a cluster: all of them, or those whose index along an axis begins at `from`. */
export interface Part {
  readonly extents: readonly number[];
  readonly axis: number;
  readonly from: number;
}

/** Fewer elements are not worth a nest. */
const leastPart = 256;

export function partsOf({ kind, domain, nodes: [first] }: Cluster): readonly Part[] {
  const whole: readonly Part[] = [{ extents: domain, axis: 0, from: 0 }];
  if (kind !== "map" || first === undefined || !isOp(first, concat)) return whole;
  const { axis } = first.attrs;
  if (joinsParts(first, domain)) return whole;
  const parts: Part[] = [];
  let from = 0;
  for (const arg of first.args) {
    const extents = shapeOf(arg);
    if (sizeOf(extents) < leastPart || extents.length !== domain.length) return whole;
    parts.push({ extents, axis, from });
    from += extents[axis] ?? 0;
  }
  return parts;
}

/** The index that a loop of the part stands for. */
export function ownIndex(part: Part, axis: number, loop: LoopVar, pool: ExprPool): Index {
  const index = pool.loop(loop);
  return axis === part.axis && part.from > 0 ? sumIndex([{ factor: 1, index }], part.from, pool) : index;
}

/** Where a cluster that computes the parts of a concatenation puts an element of each. */
export function placesOfParts(
  node: Node,
  own: readonly Index[],
  pool: ExprPool,
): readonly { readonly part: Node; readonly at: readonly Index[] }[] {
  const { axis } = attrsOf(node, concat);
  let from = 0;
  return node.args.map((part) => {
    const at = own.map((index, i) => (i === axis ? sumIndex([{ factor: 1, index }], from, pool) : index));
    from += shapeOf(part)[axis] ?? 0;
    return { part, at };
  });
}
