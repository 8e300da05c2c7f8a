/**
 * The sum over the windows of a contraction, as a contraction. On each axis, where `A` has the windows and `W` their places,
 *
 *   y[i] = sum of A[o] * W[k] over stride * o + dilation * k = base * i + before
 *
 * is a convolution of A with W the other way round. With k' = size - 1 - k
 *
 *   stride * o = base * i + dilation * k' - (dilation * (size - 1) - before)
 *
 * which is the relation of windows over A: their stride is the base and their base the stride. So the gradient of a convolution
 * is one, for any steps, and what it is made of never lies in memory.
 *
 * Where a window moves by s > 1 and its places are neighbours, A spread apart by s would mostly be zeros. Instead the s phases
 * are computed side by side (each has every s-th place of W): with i + before = s * q + r, window o = q - m at place s * m + r,
 *
 *   y[q, r] = sum over m of A[q - m] * W[s * m + r]
 *
 * is a dense contraction with windows of ceil(size / s), whose result, (q, r) read as one axis, has y behind some elements.
 */

import { isFloat } from "../../core/dtype.ts";
import type { AttrsOf } from "../attrs.ts";
import { isContract, isOp, operand } from "../define.ts";
import type { Build, Node, WindowSumSchema } from "../node.ts";
import { type Dim, dimOf, fixedShape } from "../shape.ts";
import { freeAxes, oriented } from "./contract.ts";
import { cast } from "./map.ts";
import { permute } from "./view.ts";
import { type AxisSteps, stepsOf } from "./window-steps.ts";

type Attrs = AttrsOf<WindowSumSchema>;

/**
 * The contraction under permutes, and for each axis above them the axis of the contraction. Roundings to short floats are looked through:
 * there is no array of its elements to be rounded.
 */
function underPermutes(node: Node): { readonly under: Node; readonly order: readonly number[] } {
  let under = node;
  let order: readonly number[] = node.type.shape.map((_, axis) => axis);
  while (isOp(under, permute) || isRounding(under)) {
    if (isOp(under, permute)) {
      const inner = under.attrs.order;
      order = order.map((axis) => inner[axis] ?? 0);
    }
    under = operand(under);
  }
  return under.type.dtype === node.type.dtype ? { under, order } : { under: node, order: [] };
}

function isRounding(node: Node): boolean {
  return node.op === cast && isFloat(node.type.dtype) && isFloat(operand(node).type.dtype);
}

export function isOfContraction(node: Node): boolean {
  return isContract(underPermutes(node).under);
}

/** One factor of the contraction. */
interface Factor {
  readonly node: Node;
  readonly batch: readonly number[];
  readonly sum: readonly number[];
}

/** What an axis of the result is an axis of. */
interface Place {
  readonly of: "batch" | "image" | "filter";
  readonly axis: number;
}

/** A contraction of windows: the factor that has the windows, and the one that has their places. */
interface Convolution {
  readonly image: Factor;
  readonly filter: Factor;
  readonly isImageLeft: boolean;
  /** For each windowed axis the image's axis of windows, and the filter's of places. */
  readonly windows: readonly number[];
  readonly places: readonly number[];
  readonly axes: readonly Place[];
}

/** Null where the operand is no contraction, or one whose windows and places are not free in a factor each. */
function convolutionOf(windowed: Node, { axes }: Attrs): Convolution | null {
  const { under, order } = underPermutes(windowed);
  if (!isContract(under)) return null;
  const { batchLeft, batchRight, sumLeft, sumRight } = under.attrs;
  const left = { node: under.args[0], batch: batchLeft, sum: sumLeft };
  const right = { node: under.args[1], batch: batchRight, sum: sumRight };
  const sides = [
    ...batchLeft.map((_, axis) => ({ of: "batch", axis })),
    ...freeOf(left).map((axis) => ({ of: "left", axis })),
    ...freeOf(right).map((axis) => ({ of: "right", axis })),
  ];
  const found = order.flatMap((axis) => sides[axis] ?? []);
  const rank = order.length - axes.length;
  const [windows, places] = [axes.flatMap((axis) => found[axis] ?? []), found.slice(rank)];
  const [imageSide, filterSide] = [windows[0]?.of, places[0]?.of];
  const isSplit = [imageSide, filterSide].toSorted().join() === "left,right";
  if (!isSplit || windows.some(({ of }) => of !== imageSide) || places.some(({ of }) => of !== filterSide)) return null;
  const isImageLeft = imageSide === "left";
  const named = (of: string): Place["of"] => (of === "batch" ? of : of === imageSide ? "image" : "filter");
  return {
    image: isImageLeft ? left : right,
    filter: isImageLeft ? right : left,
    isImageLeft,
    windows: windows.map(({ axis }) => axis),
    places: places.map(({ axis }) => axis),
    axes: found.slice(0, rank).map(({ of, axis }) => ({ of: named(of), axis })),
  };
}

function freeOf({ node, batch, sum }: Factor): readonly number[] {
  return freeAxes(node.type.shape.length, batch, sum);
}

/** The sum over the windows of a contraction; null where the operand is none that has such a form. */
export function sumOfContraction(windows: Node, attrs: Attrs, b: Build): Node | null {
  const found = convolutionOf(windows, attrs);
  if (found === null) return null;
  const steps = attrs.axes.map((_, i) => stepsOf(attrs, i));
  const isDense = steps.every(({ dilation, base }) => dilation === 1 && base === 1);
  const hasPhases = isDense && steps.some(({ stride }) => stride > 1);
  return hasPhases ? sumInPhases(found, attrs, steps, b) : sumAtOnce(found, attrs, steps, b);
}

/** The contraction of two factors, its axes in the order that is asked for. */
function joined(b: Build, image: Factor, filter: Factor, isImageLeft: boolean, axes: readonly Place[]): Node {
  const placeOf = (of: Place["of"]) => (axis: number) => axes.findIndex((one) => one.of === of && one.axis === axis);
  const batch = image.batch.map((_, i) => placeOf("batch")(i));
  const ofImage = freeOf(image).map(placeOf("image"));
  const ofFilter = freeOf(filter).map(placeOf("filter"));
  const [left, right] = isImageLeft ? [image, filter] : [filter, image];
  const pairs = { batchLeft: left.batch, batchRight: right.batch, sumLeft: left.sum, sumRight: right.sum };
  const free = isImageLeft ? ([ofImage, ofFilter] as const) : ([ofFilter, ofImage] as const);
  return oriented(b, left.node, right.node, pairs, [batch, ...free]);
}

/** Windows over the image, whose places are summed first: they stand behind its own axes. */
function windowed(image: Factor, node: Node): Factor {
  const rank = image.node.type.shape.length;
  const places = node.type.shape.slice(rank).map((_, i) => rank + i);
  return { node, batch: image.batch, sum: [...places, ...image.sum] };
}

function sumAtOnce(found: Convolution, { extent }: Attrs, steps: readonly AxisSteps[], b: Build): Node {
  const { image, filter, windows, places } = found;
  const over = b.window(image.node, {
    axes: windows,
    count: extent,
    size: steps.map(({ size }) => size),
    stride: steps.map(({ base }) => base),
    dilation: steps.map(({ dilation }) => dilation),
    base: steps.map(({ stride }) => stride),
    before: steps.map(({ dilation, size, before }) => dilation * (size - 1) - before),
    value: 0,
  });
  const flipped = { ...filter, node: b.flip(filter.node, places), sum: [...places, ...filter.sum] };
  return joined(b, windowed(image, over), flipped, found.isImageLeft, found.axes);
}

function sumInPhases(found: Convolution, { axes, extent }: Attrs, steps: readonly AxisSteps[], b: Build): Node {
  const { image, windows } = found;
  const extents = fixedShape(extent);
  const taps = steps.map(({ size, stride }) => Math.ceil(size / stride));
  const firsts = steps.map(({ before, stride }) => Math.floor(before / stride));
  const lasts = steps.map(({ before, stride }, i) => Math.floor(((extents[i] ?? 0) - 1 + before) / stride));
  const ones = steps.map(() => 1);
  const over = b.window(image.node, {
    axes: windows,
    count: lasts.map((last, i) => last - (firsts[i] ?? 0) + 1),
    size: taps,
    stride: ones,
    dilation: ones,
    base: ones,
    before: taps.map((count, i) => count - 1 - (firsts[i] ?? 0)),
    value: 0,
  });
  const phases = filterPhases(found, steps, taps, b);
  const wanted = found.axes.flatMap((place, axis): readonly Place[] => {
    const i = axes.indexOf(axis);
    if (place.of !== "filter") return i < 0 ? [place] : [place, { of: "filter", axis: phases.phaseOf(i) }];
    return [{ of: "filter", axis: phases.moved(place.axis) }];
  });
  const sides = joined(b, windowed(image, over), phases.filter, found.isImageLeft, wanted);
  return readAsOne(sides, axes, steps, extents, firsts, b);
}

/** The filter with each axis of places as [taps, phases], the taps the other way round. */
function filterPhases({ filter, places }: Convolution, steps: readonly AxisSteps[], taps: readonly number[], b: Build) {
  const { shape } = filter.node.type;
  const none = shape.map(() => 0);
  const rest = shape.map((_, axis) => {
    const i = places.indexOf(axis);
    return i < 0 ? 0 : (taps[i] ?? 1) * (steps[i]?.stride ?? 1) - (steps[i]?.size ?? 1);
  });
  const whole = rest.every((width) => width === 0) ? filter.node : b.pad(filter.node, none, rest, none, 0);
  const split = shape.flatMap((dim, axis) => {
    const i = places.indexOf(axis);
    return i < 0 ? [dim] : [taps[i] ?? 1, steps[i]?.stride ?? 1];
  });
  const moved = (axis: number): number => axis + places.filter((place) => place < axis).length;
  const tapAxes = places.map(moved);
  const node = b.flip(b.reshape(whole, split), tapAxes);
  return {
    filter: { node, batch: filter.batch.map(moved), sum: [...tapAxes, ...filter.sum.map(moved)] },
    moved,
    phaseOf: (i: number): number => moved(places[i] ?? 0) + 1,
  };
}

/** Each windowed axis and the phases behind it as one, and of that the part that is asked for. */
function readAsOne(
  sides: Node,
  axes: readonly number[],
  steps: readonly AxisSteps[],
  extents: readonly number[],
  firsts: readonly number[],
  b: Build,
): Node {
  const rank = sides.type.shape.length - axes.length;
  const start: number[] = [];
  const stop: Dim[] = [];
  const shape: Dim[] = [];
  let from = 0;
  for (let axis = 0; axis < rank; axis += 1) {
    const i = axes.indexOf(axis);
    const dim = dimOf(sides.type.shape, from);
    const { stride, before } = steps[i] ?? { stride: 1, before: 0 };
    const skipped = i < 0 ? 0 : before - (firsts[i] ?? 0) * stride;
    shape.push(i < 0 ? dim : Number(dim) * stride);
    start.push(skipped);
    stop.push(i < 0 ? dim : skipped + (extents[i] ?? 0));
    from += i < 0 ? 1 : 2;
  }
  const whole = b.reshape(sides, shape);
  if (stop.every((end, axis) => start[axis] === 0 && end === shape[axis])) return whole;
  return b.slice(
    whole,
    start,
    stop,
    shape.map(() => 1),
  );
}
