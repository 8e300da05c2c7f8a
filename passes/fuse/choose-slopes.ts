/**
 * The gradient of a filter behind a pool is a sum over what the pool chose, where the target gains by it. The slopes of a pool of
 * 2 x 2 are zero at three places of four, and the sum goes over the windows of the pool in place of all places:
 *
 *   sum over n, y, x of  in[n, y + u, x + v, c] * slope[n, y, x, f],      slope = place == here ? g : 0
 *   sum over n, p, q of  in[n, 2*p + place / 2 + u, 2*q + place % 2 + v, c] * g[n, p, q, f]
 *
 * Its loads lie where the place says, and are vectors along the channels: with one, or few, it is not worth it. Places and slopes are
 * stored anew as they are read then, place after place for each filter, and places as numbers in the image, which are offsets in memory:
 * 18,432 sums of 18,432 terms (of 73,728) take 45 ms over all places, 28 over what was chosen, 21 over the copies, which take 1, and 18
 * by offsets.
 */
import { isOp } from "../../src/graph/define.ts";
import type { ContractAttrs, Node } from "../../src/graph/node.ts";
import { chosen } from "../../src/graph/ops/chosen.ts";
import { freeAxes } from "../../src/graph/ops/contract.ts";
import { window } from "../../src/graph/ops/window.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { shapeOf } from "./access.ts";
import { type Making, placesInOrder, type Slopes, slopesOf, storedInOrder } from "./slopes.ts";
import { reach } from "./store-borders.ts";

/** The contraction over what was chosen; undefined where it is none of slopes of a pool. */
export function overChosen(attrs: ContractAttrs, args: readonly Node[], making: Making): Node | undefined {
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
    const axes = slopes.axes.map((axis) => summed.indexOf(axis));
    const grid = gridOf(other, axes.map((axis) => otherSummed[axis] ?? 0)); // biome-ignore format: short
    const made = contracted(ordered, slopes, { summed, free: free.given, axes, grid }, making);
    // The axes of the slopes came first: to where they were, and the others as they were.
    const own = free.given.map((_, i) => i);
    const others = free.other.map((axis) => own.length + channelsFree.indexOf(axis));
    return making.build.permute(made, side === 1 ? [...others, ...own] : [...own, ...others]);
  }
  return undefined;
}

interface Axes {
  /** Of the slopes. */
  readonly summed: readonly number[];
  readonly free: readonly number[];
  /** Of the windows among those that are summed, and the grid that places are numbers in. */
  readonly axes: readonly number[];
  readonly grid: readonly number[];
}

/** The sum over windows: its axes are the free ones of the slopes, then those of `x`, in which those that are summed come first. */
function contracted(x: Node, slopes: Slopes, { summed, free, axes, grid }: Axes, making: Making): Node {
  const { build } = making;
  // In memory the windows come last.
  const order = [...summed.filter((axis) => !slopes.axes.includes(axis)), ...free, ...slopes.axes];
  const back = [...summed, ...free].map((axis) => order.indexOf(axis));
  const place = build.permute(placesInOrder(slopes, grid, order, making), back);
  const picked = build.node(chosen, [x, place], { axes, size: slopes.size, grid, shared: summed.length });
  const [sum, batch] = [summed.map((_, i) => i), free.map((_, i) => summed.length + i)];
  const values = build.permute(storedInOrder(slopes.values, order, making), back);
  return build.contract(picked, values, { batchLeft: batch, batchRight: batch, sumLeft: sum, sumRight: sum });
}

/** As far as the rows of the image lie apart, with the border that may be stored around it: a place is an offset there then. */
function gridOf(node: Node, axes: readonly number[]): readonly number[] {
  if (!isOp(node, window)) return axes.map((axis) => shapeOf(node)[axis] ?? 1);
  const [source] = node.args;
  return axes.map((axis) => {
    const along = node.attrs.axes.indexOf(axis);
    const [before, after] = along < 0 ? [0, 0] : reach(source, node.attrs, along);
    return before + (shapeOf(source)[axis] ?? 1) + after;
  });
}

/** Places inside of a window before all others, so that channels lie side by side. */
function channelsLast(node: Node, free: readonly number[]): readonly number[] {
  if (!isOp(node, window)) return free;
  const rank = node.args[0].type.shape.length;
  return [...free.filter((axis) => axis >= rank), ...free.filter((axis) => axis < rank)];
}
