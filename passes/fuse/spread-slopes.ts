/**
 * The gradient of the image of a convolution behind a pool: what the pool chose is spread over the places around it, in place of a
 * sum at each place over slopes of which three in four are zero.
 *
 *   sum over u, v, f of  slope[n, y + u - 2, x + v - 2, f] * w[u, v, c, f]       spread(place, values, w turned round)
 *
 * Each multiply-add is a load and a store more, and there are a quarter of them: conv2's, 26 x 26 places of 32 channels from 12 x 12
 * windows of 64, takes 54.5 ms by sums over a border and 20.8 spread.
 */
import { isOp } from "../../src/graph/define.ts";
import type { ContractAttrs, Node } from "../../src/graph/node.ts";
import { spread } from "../../src/graph/ops/spread.ts";
import { window } from "../../src/graph/ops/window.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { shapeOf } from "./access.ts";
import { type Making, placesInOrder, slopesOf, storedInOrder } from "./slopes.ts";

/** Elements of an image, which stays in a second-level cache. */
const mostElements = 2 ** 17;

/** The contraction as a spread; undefined where it is none of the slopes of a pool with a filter, [n, places.., f] and NHWC. */
export function overSpread(
  { batchLeft, sumLeft, sumRight }: ContractAttrs,
  args: readonly Node[],
  making: Making,
): Node | undefined {
  const { limits, build } = making;
  for (const side of [0, 1] as const) {
    const [windows, w] = [args[side], args[1 - side]];
    if (windows === undefined || w === undefined || batchLeft.length > 0 || !isOp(windows, window)) continue;
    const [given] = windows.args;
    const { axes, size, stride, dilation, base, before, count, value } = windows.attrs;
    const slopes = slopesOf(given);
    const rank = given.type.shape.length;
    const last = rank - 1;
    const isPlain =
      value === 0 && [...stride, ...dilation, ...base].every((n) => n === 1) && axes.every((axis, i) => axis === i + 1);
    if (slopes === undefined || !isPlain || rank !== axes.length + 2 || slopes.axes.join() !== axes.join()) continue;
    const [summed, otherSummed] = side === 0 ? [sumLeft, sumRight] : [sumRight, sumLeft];
    const [filterAxis, placeAxes] = [summed.indexOf(last), axes.map((_, i) => summed.indexOf(rank + i))];
    const isWhole = summed.length === axes.length + 1 && ![filterAxis, ...placeAxes].includes(-1);
    if (!isWhole || w.type.shape.length !== summed.length + 1) continue;
    const channelAxis = w.type.shape.findIndex((_, axis) => !otherSummed.includes(axis));
    const channels = shapeOf(w)[channelAxis] ?? 0;
    const [images = 0, ...places] = shapeOf(given).slice(0, last);
    const whole = places.map((extent, i) => extent + (size[i] ?? 1) - 1);
    const start = before.map((n, i) => (size[i] ?? 1) - 1 - n);
    const isInside = start.every((n, i) => n >= 0 && n + Number(count[i]) <= (whole[i] ?? 0));
    const pays =
      channels >= limits.leastChannels &&
      channels % laneCount === 0 &&
      images * sizeOf(places) >= limits.leastTerms &&
      images >= limits.leastImages &&
      sizeOf(slopes.size) >= limits.leastPlaces &&
      sizeOf(whole) * channels <= mostElements;
    if (!isInside || !pays || [given, w].some(({ type }) => type.dtype !== "f32")) continue;
    const inOrder = (node: Node, order: readonly number[]): Node => storedInOrder(node, order, making);
    const order = [0, last, ...axes];
    const filterOrder = [filterAxis, ...placeAxes].map((i) => otherSummed[i] ?? 0);
    const turned = build.flip(w, filterOrder.slice(1));
    const made = build.node(
      spread,
      [
        placesInOrder(slopes, whole, order, making),
        inOrder(slopes.values, order),
        inOrder(turned, [...filterOrder, channelAxis]),
      ],
      { size: slopes.size, grid: whole },
    );
    const stop = start.map((n, i) => n + Number(count[i]));
    const steps = made.type.shape.map(() => 1);
    const inside = build.slice(made, [0, ...start, 0], [images, ...stop, channels], steps);
    return side === 0 ? inside : build.permute(inside, [rank - 1, ...steps.map((_, i) => i).slice(0, -1)]);
  }
  return undefined;
}
