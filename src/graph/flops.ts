/**
 * Arithmetic of a node, as reports count it.
 */
import { isContract, isReduce, isSpread } from "./define.ts";
import type { Node } from "./node.ts";
import { fixedShape, sizeOf } from "./shape.ts";

/** 2 for each multiply-add of a contraction or a spread, 1 for each element of a reduction, a map's price for each element. */
export function flopsOf(node: Node): number {
  const { op, type } = node;
  if (isSpread(node)) {
    const [, values, w] = node.args;
    return 2 * sizeOf(fixedShape(values.type.shape)) * sizeOf(fixedShape(w.type.shape).slice(1));
  }
  const each = op.kind === "contract" ? 2 : op.kind === "map" ? op.cost : 1;
  return each * sizeOf(fixedShape(type.shape)) * sizeOf(innerExtents(node));
}

/** Sizes of the axes that a reduction or contraction sums over. */
export function innerExtents(node: Node): readonly number[] {
  if (isReduce(node)) return sizesOf(node.args[0], node.attrs.axes);
  return isContract(node) ? sizesOf(node.args[0], node.attrs.sumLeft) : none;
}

const none: readonly never[] = [];

function sizesOf({ type }: Node, axes: readonly number[]): readonly number[] {
  const shape = fixedShape(type.shape);
  return axes.map((axis) => shape[axis] ?? 0);
}
