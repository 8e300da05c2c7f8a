/**
 * The gradient of a filter behind a pool is a sum over what the pool chose, where the target gains by it. The slopes of a pool of
 * 2 x 2 are zero at three places of four, and the sum goes over the windows of the pool in place of all places:
 *
 *   sum over n, y, x of  in[n, y + u, x + v, c] * slope[n, y, x, f],      slope = place == here ? g : 0
 *   sum over n, p, q of  in[n, 2*p + place / 2 + u, 2*q + place % 2 + v, c] * g[n, p, q, f]
 *
 * Its loads lie where the place says, and are vectors along the channels: with one, or few, it is not worth it. Places and slopes are
 * stored anew as they are read then, place after place for each filter: 18,432 sums of 18,432 terms (of 73,728) take 45 ms over all
 * places, 28 over what was chosen, and 21 over the copies, which take 1.
 */
import { constantValue } from "../../src/graph/constant-value.ts";
import { isContract, isOp, operand } from "../../src/graph/define.ts";
import { type Entry, neededNodes, rebuild } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { innerExtents } from "../../src/graph/flops.ts";
import { neededBy } from "../../src/graph/graph.ts";
import type { Build, ContractAttrs, Node } from "../../src/graph/node.ts";
import { chosen } from "../../src/graph/ops/chosen.ts";
import { freeAxes } from "../../src/graph/ops/contract.ts";
import { covering } from "../../src/graph/ops/covering.ts";
import { cast, mapOps } from "../../src/graph/ops/map.ts";
import { maxWithIndex, minWithIndex } from "../../src/graph/ops/reduce.ts";
import { constant, iota } from "../../src/graph/ops/source.ts";
import { broadcast, reshape } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";
import { stepsOf } from "../../src/graph/ops/window-steps.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { shapeOf } from "./access.ts";
import type { Prepared } from "./store-borders.ts";

/** When it is worth it. */
export interface ChoiceLimits {
  /** Channels side by side, from which on there are vectors enough. */
  readonly leastChannels: number;
  /** Terms of a sum over all places. */
  readonly leastTerms: number;
}

const usual: ChoiceLimits = { leastChannels: 16, leastTerms: 2 ** 12 };

/** With what is to be stored of its views. */
export function chooseSlopes(entry: Entry, limits = usual): Prepared {
  const stored = new Set<Node>();
  if (!neededNodes(entry).some(({ op }) => op === covering)) return { entry, stored };
  const made = rebuild(entry, (node, args, build) => {
    return isContract(node) ? overChosen(node.attrs, args, { limits, stored, build }) : undefined;
  });
  return { entry: made, stored };
}

interface Making {
  readonly limits: ChoiceLimits;
  readonly stored: Set<Node>;
  readonly build: Build;
}

/** The contraction over what was chosen; undefined where it is none of slopes of a pool. */
function overChosen(attrs: ContractAttrs, args: readonly Node[], making: Making): Node | undefined {
  const { batchLeft, sumLeft, sumRight } = attrs;
  if (batchLeft.length > 0) return undefined;
  for (const side of [1, 0] as const) {
    const [given, other] = [args[side], args[1 - side]];
    if (given === undefined || other === undefined) continue;
    const [summed, otherSummed] = side === 1 ? [sumRight, sumLeft] : [sumLeft, sumRight];
    const slopes = slopesOf(given);
    if (slopes === undefined || !slopes.axes.every((axis) => summed.includes(axis))) continue;
    const free = { given: freeAxes(given.type.shape.length, [], summed), other: freeAxes(other.type.shape.length, [], otherSummed) }; // biome-ignore format: both
    const channelsFree = channelsLast(other, free.other);
    const channels = shapeOf(other)[channelsFree.at(-1) ?? -1] ?? 1;
    const terms = sizeOf(summed.map((axis) => shapeOf(given)[axis] ?? 1));
    if (channels < making.limits.leastChannels || terms < making.limits.leastTerms) continue;
    const ordered = making.build.permute(other, [...otherSummed, ...channelsFree]);
    const made = contracted(ordered, slopes, { summed, free: free.given }, making);
    // The axes of the slopes came first: to where they were, and the others as they were.
    const own = free.given.map((_, i) => i);
    const others = free.other.map((axis) => own.length + channelsFree.indexOf(axis));
    return making.build.permute(made, side === 1 ? [...others, ...own] : [...own, ...others]);
  }
  return undefined;
}

/** The sum over windows: its axes are the free ones of the slopes, then those of `x`, in which those that are summed come first. */
function contracted(
  x: Node,
  slopes: Slopes,
  { summed, free }: { readonly summed: readonly number[]; readonly free: readonly number[] },
  { stored, build }: Making,
): Node {
  // In memory the windows come last.
  const order = [...summed.filter((axis) => !slopes.axes.includes(axis)), ...free, ...slopes.axes];
  const inOrder = (node: Node): Node => {
    const copy = build.permute(node, order);
    stored.add(copy);
    return build.permute(copy, [...summed, ...free].map((axis) => order.indexOf(axis))); // biome-ignore format: short
  };
  const picked = build.node(chosen, [x, inOrder(slopes.place)], {
    axes: slopes.axes.map((axis) => summed.indexOf(axis)),
    size: slopes.size,
    shared: summed.length,
  });
  const [sum, batch] = [summed.map((_, i) => i), free.map((_, i) => summed.length + i)];
  const values = inOrder(slopes.values);
  return build.contract(picked, values, { batchLeft: batch, batchRight: batch, sumLeft: sum, sumRight: sum });
}

/** Places inside of a window before all others, so that channels lie side by side. */
function channelsLast(node: Node, free: readonly number[]): readonly number[] {
  if (!isOp(node, window)) return free;
  const rank = node.args[0].type.shape.length;
  return [...free.filter((axis) => axis >= rank), ...free.filter((axis) => axis < rank)];
}

/** Slopes of a pool, each at the place in its window that was chosen. */
interface Slopes {
  readonly axes: readonly number[];
  readonly size: readonly number[];
  /** For each window. */
  readonly place: Node;
  readonly values: Node;
}

/** What is zero but at the chosen places of windows that lie side by side and cover all; undefined where it is anything else. */
function slopesOf(given: Node): Slopes | undefined {
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
  const [here, place] = isInWindow(operand(condition), size, rank)
    ? [operand(condition), forWindows(operand(condition, 1), rank)]
    : [operand(condition, 1), forWindows(operand(condition), rank)];
  const each = values === undefined ? undefined : forWindows(values, rank);
  if (!isInWindow(here, size, rank) || place === undefined || each === undefined) return undefined;
  return isPlaceOf(place, sizeOf(size)) ? { axes, size, place, values: each } : undefined;
}

/** What is the same at all places of a window, one for each. */
function forWindows(node: Node, rank: number): Node | undefined {
  if (!isOp(node, broadcast)) return undefined;
  const { axes } = node.attrs;
  return axes.length === rank && axes.every((axis, i) => axis === i) ? node.args[0] : undefined;
}

/** The number of each place in its window. */
function isInWindow(node: Node, size: readonly number[], rank: number): boolean {
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
