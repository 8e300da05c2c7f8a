/**
 * The slopes of a pool, as its gradient writes them: zero but at the places that were chosen, one in each window.
 *
 *   covering(select(place == number in the window, values, 0))       windows that lie side by side and cover all
 */
import { constantValue } from "../../src/graph/constant-value.ts";
import { isOp, operand } from "../../src/graph/define.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { innerExtents } from "../../src/graph/flops.ts";
import { neededBy } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { covering } from "../../src/graph/ops/covering.ts";
import { cast, mapOps } from "../../src/graph/ops/map.ts";
import { maxWithIndex, minWithIndex } from "../../src/graph/ops/reduce.ts";
import { constant, iota } from "../../src/graph/ops/source.ts";
import { broadcast, reshape } from "../../src/graph/ops/view.ts";
import { stepsOf } from "../../src/graph/ops/window-steps.ts";
import { numberedIn } from "../../src/graph/place-in-grid.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { ChoiceLimits } from "../../src/kernel/target.ts";
import { shapeOf } from "./access.ts";

/** What is fused. */
export interface Prepared {
  readonly entry: Entry;
  /** Views that are to be stored. */
  readonly stored: ReadonlySet<Node>;
}

/** What writes a program anew over slopes, and what of its views is to be stored. */
export interface Making {
  readonly limits: ChoiceLimits;
  readonly stored: Set<Node>;
  readonly build: Build;
}

/** With its axes in this order, and stored so. */
export function storedInOrder(node: Node, order: readonly number[], { stored, build }: Making): Node {
  const copy = build.permute(node, order);
  stored.add(copy);
  return copy;
}

/** The places of slopes as numbers in a grid, with their axes in this order, and stored so. */
export function placesInOrder(
  { place, ...windows }: Slopes,
  grid: readonly number[],
  order: readonly number[],
  making: Making,
): Node {
  // Numbered behind the copy: places are bytes until then.
  const axes = windows.axes.map((axis) => order.indexOf(axis));
  const copy = making.build.permute(place, order);
  const made = numberedIn(copy, { ...windows, axes, grid }, making.build);
  making.stored.add(made);
  return made;
}

/** Slopes of a pool, each at the place in its window that was chosen. */
export interface Slopes {
  readonly axes: readonly number[];
  readonly size: readonly number[];
  /** For each window. */
  readonly place: Node;
  readonly values: Node;
}

/** What is zero but at the chosen places of windows that lie side by side and cover all; undefined where it is anything else. */
export function slopesOf(given: Node): Slopes | undefined {
  const whole = given.op === reshape ? operand(given) : given;
  if (!isOp(whole, covering)) return undefined;
  const [select] = whole.args;
  const { axes, size, extent } = whole.attrs;
  const rank = given.type.shape.length;
  const isTiling = axes.every((axis, i) => {
    const steps = stepsOf(whole.attrs, i);
    const isSideBySide = steps.stride === steps.size && steps.dilation === 1 && steps.base === 1 && steps.before === 0;
    return isSideBySide && extent[i] === steps.size * (shapeOf(select)[axis] ?? 0);
  });
  const isSame = shapeOf(given).every((n, axis) => n === shapeOf(whole)[axis]);
  if (!isTiling || !isSame || rank + axes.length !== select.type.shape.length || select.op !== mapOps.select)
    return undefined;
  const [condition, values, other] = select.args;
  if (condition?.op !== mapOps.eq || other === undefined || constantValue(other) !== 0) return undefined;
  const compared = [operand(condition), operand(condition, 1)] as const;
  const here = compared.findIndex((node) => isInWindow(node, size, rank));
  if (here < 0 || values === undefined) return undefined;
  const [place, each] = [forWindows(compared[here === 0 ? 1 : 0], rank), forWindows(values, rank)];
  if (place === undefined || each === undefined) return undefined;
  return isPlaceOf(place, sizeOf(size)) ? { axes, size, place, values: each } : undefined;
}

/** What is the same at all places of a window, one for each. */
function forWindows(node: Node, rank: number): Node | undefined {
  if (!isOp(node, broadcast)) return undefined;
  const { axes } = node.attrs;
  return axes.length === rank && axes.every((axis, i) => axis === i) ? node.args[0] : undefined;
}

/** The number of each place in its window; of one axis it is written without a broadcast. */
function isInWindow(node: Node, size: readonly number[], rank: number): boolean {
  if (isOp(node, iota)) return size.length === 1 && node.attrs.axis === rank;
  if (
    !isOp(node, broadcast) ||
    neededBy([node]).some(({ op }) => op.kind === "source" && op !== iota && op !== constant)
  )
    return false;
  const [places] = node.args;
  if (!node.attrs.axes.every((axis, i) => axis === rank + i) || places.type.shape.length !== size.length) return false;
  const [numbers] = evaluateGraph([places], new Map());
  return numbers?.data.every((n, i) => n === i) ?? false;
}

/** Whether it is the place of an extreme of so many: it lies in its window, then. */
function isPlaceOf(node: Node, count: number): boolean {
  if (isOp(node, cast)) return isPlaceOf(node.args[0], count);
  const isPlace = (node.op === maxWithIndex || node.op === minWithIndex) && node.result === 1;
  return isPlace && sizeOf(innerExtents(node)) === count;
}
