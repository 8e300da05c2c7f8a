/**
 * What the windows over an element hold there, as a view with an axis to sum for each windowed one.
 *
 * Where neighbours lie side by side (dilation and base are 1), ceil(size / stride) windows cover an element at most:
 *
 *   q, r = i + before divided by the stride: window q - m at place r + stride * m, for m from 0
 *
 * Elsewhere each place k of a window is asked for the window that has element i there, if one does:
 *
 *   stride * o = base * i - dilation * k + before
 */
import type { Index } from "../../kernel/kernel.ts";
import { viewOp } from "../define.ts";
import { generate, reader } from "../ndarray.ts";
import type { Reads, WindowSumSchema } from "../node.ts";
import { fixedShape } from "../shape.ts";
import { tensorType } from "../type.ts";
import { position } from "./view.ts";
import { type AxisSteps, stepsOf, windowSteps, withExtents } from "./window-steps.ts";

const schema: WindowSumSchema = { ...windowSteps, extent: "dimList" };

const isDense = ({ dilation, base }: AxisSteps): boolean => dilation === 1 && base === 1;

/** How many terms an element has along an axis. */
export function coveringSize(steps: AxisSteps): number {
  return isDense(steps) ? Math.ceil(steps.size / steps.stride) : steps.size;
}

/** The operand is windows (axes of windows, last their places); 0 where no window covers. */
export const covering = viewOp({
  name: "covering",
  arity: 1,
  schema,
  infer([{ dtype, shape }], attrs) {
    const whole = withExtents(shape.slice(0, shape.length - attrs.axes.length), attrs.axes, attrs.extent);
    return tensorType(dtype, [...whole, ...attrs.axes.map((_, i) => coveringSize(stepsOf(attrs, i)))]);
  },
  evaluate([windows], attrs, type) {
    const read = reader(windows);
    const rank = windows.shape.length - attrs.axes.length;
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      const from = [...at];
      const isCovered = attrs.axes.every((axis, i) => {
        const [window, place] = windowAt(stepsOf(attrs, i), at[axis] ?? 0, at[rank + i] ?? 0);
        [from[axis], from[rank + i]] = [window, place];
        const isPlace = place >= 0 && place < (attrs.size[i] ?? 0);
        return isPlace && Number.isInteger(window) && window >= 0 && window < (windows.shape[axis] ?? 0);
      });
      return isCovered ? read(from) : 0;
    });
  },
  element(at, attrs, type, reads) {
    const [extents] = reads.shapes;
    const rank = extents.length - attrs.axes.length;
    const from = [...at];
    const bounds: { index: Index; extent: number }[] = [];
    const isWithin = (index: Index, extent: number): void => {
      if (index.min < 0 || index.max >= extent) bounds.push({ index, extent });
    };
    attrs.axes.forEach((axis, i) => {
      const steps = stepsOf(attrs, i);
      const found = windowIndex(steps, position(at, axis), position(at, rank + i), reads);
      [from[axis], from[rank + i]] = [found.window, found.place];
      if (found.rest !== null) bounds.push({ index: found.rest, extent: 1 });
      isWithin(found.window, extents[axis] ?? 0);
      isWithin(found.place, steps.size);
    });
    if (bounds.length === 0) return reads.read(0, from);
    return reads.read(0, from, { bounds, otherwise: reads.pool.constant(reads.valueTypeOf(type.dtype), 0) });
  },
});

/** Window and place of term `m` of element `i`; the window is no whole number where there is none. */
function windowAt(steps: AxisSteps, i: number, m: number): readonly [number, number] {
  const { stride, dilation, base, before } = steps;
  if (!isDense(steps)) return [(base * i - dilation * m + before) / stride, m];
  const quotient = Math.floor((i + before) / stride);
  return [quotient - m, i + before - stride * (quotient - m)];
}

/** The same in indexes; `rest` must be 0 for there to be a window. */
function windowIndex(steps: AxisSteps, i: Index, m: Index, reads: Reads<1>) {
  const { stride, dilation, base, before } = steps;
  const sum = (terms: readonly { readonly factor: number; readonly index: Index }[], offset = 0): Index =>
    reads.sumIndex(terms, offset, reads.pool);
  if (!isDense(steps)) {
    const spread = sum([{ factor: base, index: i }, { factor: -dilation, index: m }], before); // biome-ignore format: short
    const rest = stride > 1 ? reads.modIndex(spread, stride) : null;
    return { window: reads.floorDivIndex(spread, stride), place: m, rest };
  }
  const spread = sum([{ factor: 1, index: i }], before);
  const [quotient, rest] = [reads.floorDivIndex(spread, stride), reads.modIndex(spread, stride)];
  const window = sum([{ factor: 1, index: quotient }, { factor: -1, index: m }]); // biome-ignore format: short
  return { window, place: sum([{ factor: 1, index: rest }, { factor: stride, index: m }]), rest: null }; // biome-ignore format: short
}
