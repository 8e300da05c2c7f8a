/**
 * Sliding windows as a view. Convolution is a window and a contraction, pooling a window and a reduction, and what they
 * compute is never written down as windows: whoever reads a place of one reads the element that stands there.
 *
 * The transpose is `windowSum` (window-sum.ts), whose transpose is `window` again: gradients of any order are made of the two.
 */
import { roundTo } from "../../core/dtype.ts";
import type { Index } from "../../kernel/kernel.ts";
import { viewOp } from "../define.ts";
import { generate, reader } from "../ndarray.ts";
import type { WindowSchema } from "../node.ts";
import { dimOf, fixedShape } from "../shape.ts";
import { tensorType } from "../type.ts";
import { position } from "./view.ts";
import { checkWindows, sourceOf, stepsOf, windowSteps, withExtents } from "./window-steps.ts";

const schema: WindowSchema = { ...windowSteps, count: "dimList", value: "number" };

/**
 * Each of `axes` counts `count` windows, and behind all axes stands one for each with the `size` places of a window. What
 * lies outside of the operand, or between its elements, is `value`; how many windows there are is for the caller to say.
 */
export const window = viewOp({
  name: "window",
  arity: 1,
  schema,
  infer([{ dtype, shape }], attrs) {
    checkWindows(shape.length, attrs, attrs.count);
    return tensorType(dtype, [...withExtents(shape, attrs.axes, attrs.count), ...attrs.size]);
  },
  vjp({ args: [x], attrs: { count: _count, value: _value, ...windows } }, g, b) {
    return [b.windowSum(g, { ...windows, extent: windows.axes.map((axis) => dimOf(x.type.shape, axis)) })];
  },
  evaluate([x], attrs, type) {
    const outside = roundTo(type.dtype, attrs.value);
    const [read, source] = [reader(x), sourceOf(attrs, x.shape)];
    const from: number[] = [];
    return generate(type.dtype, fixedShape(type.shape), (at) => (source(at, from) ? read(from) : outside));
  },
  element(at, attrs, type, reads) {
    const [extents] = reads.shapes;
    const from = at.slice(0, extents.length);
    const bounds: { index: Index; extent: number }[] = [];
    attrs.axes.forEach((axis, i) => {
      const { stride, dilation, base, before } = stepsOf(attrs, i);
      const terms = [
        { factor: stride, index: position(at, axis) },
        { factor: dilation, index: position(at, extents.length + i) },
      ];
      const spread = reads.sumIndex(terms, -before, reads.pool);
      const place = reads.floorDivIndex(spread, base);
      const extent = extents[axis] ?? 0;
      if (base > 1) bounds.push({ index: reads.modIndex(spread, base), extent: 1 });
      if (place.min < 0 || place.max >= extent) bounds.push({ index: place, extent });
      from[axis] = place;
    });
    if (bounds.length === 0) return reads.read(0, from);
    const otherwise = reads.pool.constant(reads.valueTypeOf(type.dtype), roundTo(type.dtype, attrs.value));
    return reads.read(0, from, { bounds, otherwise });
  },
});
