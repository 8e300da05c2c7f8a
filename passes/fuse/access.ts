/**
 * Which elements a node reads, as index maps.
 *
 * An element of `node` at the loops `out` is computed from elements of stored nodes; what lies between (views, cheap maps
 * that nobody stores) only moves indexes. `fuse` and `order` ask whether an access is aligned with the loops of a cluster:
 *
 *   add(z, broadcast(b))   at [i, j]   ->   z at [i, j], b at [j]
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { isContract, isReduce, operand } from "../../src/graph/define.ts";
import type { ContractSchema, Guard, Node, NodeOf, Reads, ReduceSchema } from "../../src/graph/node.ts";
import { freeAxes } from "../../src/graph/ops/contract.ts";
import { fixedShape } from "../../src/graph/shape.ts";
import { exprBuilder } from "../../src/kernel/expr-builder.ts";
import { rangedIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, ExprPool, Index, LoopVar } from "../../src/kernel/kernel.ts";
import { valueTypeOf } from "../../src/kernel/kernel.ts";

export interface Access {
  readonly node: Node;
  readonly at: readonly Index[];
  /** Behind a guard, so some iterations read nothing. */
  readonly guarded: boolean;
}

/** The loops over the result of a node, and those that a reduction or contraction adds. */
export interface NodeLoops {
  readonly out: readonly LoopVar[];
  readonly inner: readonly LoopVar[];
}

export function shapeOf(node: Node): readonly number[] {
  return fixedShape(node.type.shape);
}

export function loopsOf(node: Node): NodeLoops {
  const out = shapeOf(node).map((extent, axis) => ({ name: `o${axis}`, extent }));
  return { out, inner: innerExtents(node).map((extent, axis) => ({ name: `r${axis}`, extent })) };
}

/** Sizes of the axes that a reduction or contraction sums over. */
export function innerExtents(node: Node): readonly number[] {
  const axes = isReduce(node) ? node.attrs.axes : isContract(node) ? node.attrs.sumLeft : [];
  return axes.map((axis) => shapeOf(operand(node))[axis] ?? 0);
}

/** Where a node at `out` (and `inner`) reads each of its operands. */
export function operandIndexes(
  node: Node,
  out: readonly Index[],
  inner: readonly Index[],
): readonly (readonly Index[])[] {
  if (isReduce(node)) return [reducePlaces(node, out, inner)];
  if (isContract(node)) return contractPlaces(node, out, inner);
  return node.args.map(() => out);
}

function reducePlaces(
  { args: [x], attrs: { axes } }: NodeOf<ReduceSchema, 1>,
  out: readonly Index[],
  inner: readonly Index[],
): readonly Index[] {
  const rank = shapeOf(x).length;
  let kept = 0;
  return Array.from({ length: rank }, (_, axis) => {
    const folded = axes.indexOf(axis);
    return pick(folded >= 0 ? inner[folded] : out[kept++]);
  });
}

function contractPlaces(
  { args: [left, right], attrs }: NodeOf<ContractSchema, 2>,
  out: readonly Index[],
  inner: readonly Index[],
): readonly (readonly Index[])[] {
  const batches = attrs.batchLeft.length;
  const side = (from: Node, batch: readonly number[], summed: readonly number[], firstFree: number): Index[] => {
    const rank = shapeOf(from).length;
    const free = freeAxes(rank, batch, summed);
    return Array.from({ length: rank }, (_, axis) => {
      if (batch.includes(axis)) return pick(out[batch.indexOf(axis)]);
      if (summed.includes(axis)) return pick(inner[summed.indexOf(axis)]);
      return pick(out[firstFree + free.indexOf(axis)]);
    });
  };
  const leftFree = shapeOf(left).length - batches - attrs.sumLeft.length;
  return [
    side(left, attrs.batchLeft, attrs.sumLeft, batches),
    side(right, attrs.batchRight, attrs.sumRight, batches + leftFree),
  ];
}

function pick(index: Index | undefined): Index {
  if (index === undefined) throw new CompilerBug("an operand has an axis that no loop serves");
  return index;
}

/**
 * The stored elements that `node` reads at its own loops. `isStored` tells where to stop: a node that lies in a buffer or
 * is computed by a cluster; everything else is looked through. Indexes are made in `pool`, one for all nodes of an entry.
 */
export function accessesOf(node: Node, isStored: (node: Node) => boolean, pool: ExprPool): readonly Access[] {
  const { out, inner } = loopsOf(node);
  const search: Search = { isStored, pool, found: [] };
  const loops = out.map((loop) => search.pool.loop(loop));
  const places = operandIndexes(
    node,
    loops,
    inner.map((loop) => search.pool.loop(loop)),
  );
  if (node.op.kind === "map" || node.op.kind === "reduce" || node.op.kind === "contract") {
    node.args.forEach((arg, i) => {
      look(arg, places[i] ?? [], false, search);
    });
  } else throughElement(node, loops, false, search);
  return search.found;
}

interface Search {
  readonly isStored: (node: Node) => boolean;
  readonly pool: ExprPool;
  readonly found: Access[];
}

/** Adds what reading `node` at `at` touches. Depth is bounded: long chains of maps are stored by `fuse`. */
function look(node: Node, at: readonly Index[], guarded: boolean, search: Search): void {
  if (search.isStored(node)) search.found.push({ node, at, guarded });
  else if (node.op.kind === "map") for (const arg of node.args) look(arg, at, guarded, search);
  else throughElement(node, at, guarded, search);
}

function throughElement(node: Node, at: readonly Index[], guarded: boolean, search: Search): void {
  const { pool } = search;
  const reads: Reads = {
    ...exprBuilder,
    shapes: node.args.map(shapeOf),
    read(arg, place, guard?: Guard) {
      const read = operand(node, arg);
      look(read, place, guarded || (guard?.bounds.length ?? 0) > 0, search);
      return placeholder(read, pool);
    },
    once: (value) => value,
    index: (value, extent) => rangedIndex(value, 0, Math.max(0, extent - 1)),
    pool,
  };
  elementsOf(node, at, reads);
}

/** An element of each result of a node whose op moves elements about, or makes them of nothing. */
export function elementsOf(
  { id, op, attrs, type, results }: Node,
  at: readonly Index[],
  reads: Reads,
): readonly Expr[] {
  if (op.kind === "gather") {
    const types = results.map((result) => result.type);
    return op.elements(at, attrs, types, reads);
  }
  if ((op.kind !== "view" && op.kind !== "source") || op.element === undefined) {
    throw new CompilerBug(`%${id} ${op.name} must be stored or computed by a cluster`);
  }
  return [op.element(at, attrs, type, reads)];
}

/** Something that only a run knows. */
function placeholder(node: Node, pool: ExprPool): Expr {
  return pool.name(valueTypeOf(node.type.dtype), `%${node.id}`);
}

/** The index `o2` of the result's axis 2; of an axis with one element, 0. */
export function isOutLoop(index: Index | undefined, axis: number): boolean {
  return index?.kind === "loop" && index.loop.name === `o${axis}`;
}

/** Whether the access reads, at the first `rank` axes, exactly the iteration's own position. */
export function isAligned(access: Access, domain: readonly number[]): boolean {
  const own = shapeOf(access.node);
  return domain.every((extent, axis) => {
    const index = access.at[axis];
    return (
      own[axis] === extent && (extent === 1 ? index?.kind === "const" && index.value === 0 : isOutLoop(index, axis))
    );
  });
}
