/**
 * Views. Windows are strided slices side by side, and sums over windows what is added up of the same slices put back: both
 * lie on the axis with its elements spread apart (`base`), padded by what windows reach beyond it.
 */
import { roundTo } from "../../src/core/dtype.ts";
import type { AttrsOf } from "../../src/graph/attrs.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { WindowSumSchema } from "../../src/graph/node.ts";
import { concat, pad, slice } from "../../src/graph/ops/parts.ts";
import { broadcast, flip, permute } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";
import { type AxisSteps, stepsOf } from "../../src/graph/ops/window-steps.ts";
import { windowSum } from "../../src/graph/ops/window-sum.ts";
import { fixedShape } from "../../src/graph/shape.ts";
import { type Onnx, range, type Value } from "./builder.ts";
import { operandValue, single, typeOf, valueFor, widened } from "./scope.ts";

export const reshapeWords = single((scope, node) => scope.onnx.reshape(operandValue(scope, node), typeOf(node).shape));

export const permuteWords = single((scope, node) =>
  scope.onnx.transpose(operandValue(scope, node), attrsOf(node, permute).order),
);

export const broadcastWords = single((scope, node) =>
  scope.onnx.spread(operandValue(scope, node), typeOf(node).shape, attrsOf(node, broadcast).axes),
);

export const flipWords = single((scope, node) => scope.onnx.flip(operandValue(scope, node), attrsOf(node, flip).axes));

export const sliceWords = single((scope, node) => {
  const { start, stop, step } = attrsOf(node, slice);
  return scope.onnx.slice(operandValue(scope, node), fixedShape(start), fixedShape(stop), step);
});

export const padWords = single((scope, node) => {
  const { before, after, inner, value } = attrsOf(node, pad);
  const x = operandValue(scope, node);
  return scope.onnx.pad(x, scope.onnx.constant(x.dtype, roundTo(node.type.dtype, value)), before, after, inner);
});

export const concatWords = single((scope, node) =>
  scope.onnx.concatenate(
    node.args.map((arg) => valueFor(scope, arg)),
    attrsOf(node, concat).axis,
  ),
);

/** onnxruntime moves nothing past anything: there is nothing to hold back. */
export const barrierWords = single((scope, node) => operandValue(scope, node));

// ---- windows -------------------------------------------------------------------------------------------------------

export const windowWords = single((scope, node) => {
  const { onnx } = scope;
  const attrs = attrsOf(node, window);
  const counts = fixedShape(attrs.count);
  const x = operandValue(scope, node);
  const outside = onnx.constant(x.dtype, roundTo(node.type.dtype, attrs.value));
  return attrs.axes.reduce((seen, axis, i) => {
    return windowsAlong(onnx, seen, outside, { axis, count: counts[i] ?? 0, ...stepsOf(attrs, i) });
  }, x);
});

interface Along extends AxisSteps {
  readonly axis: number;
  /** Windows. */
  readonly count: number;
}

/** The places of windows along an axis, as a last axis. */
function windowsAlong(onnx: Onnx, x: Value, outside: Value, along: Along): Value {
  const { axis, count, size, stride, dilation, base, before } = along;
  const extent = x.shape[axis] ?? 0;
  if (count === 0 || x.shape.includes(0)) return { ...outside, shape: [...x.shape.with(axis, count), size] };
  const length = spreadLength(extent, base);
  const low = Math.max(0, before);
  const high = Math.max(0, stride * (count - 1) + dilation * (size - 1) - before - (length - 1));
  const at = (value: number): number[] => x.shape.map((_, i) => (i === axis ? value : 0));
  const padded = onnx.pad(x, outside, at(low), at(high), at(base - 1));
  const places = range(size).map((k) => {
    const first = dilation * k - before + low;
    const stop = padded.shape.with(axis, first + stride * (count - 1) + 1);
    const part = onnx.slice(padded, at(first), stop, padded.shape.map(() => 1).with(axis, stride));
    return onnx.reshape(part, [...part.shape, 1]);
  });
  return onnx.concatenate(places, x.shape.length);
}

function spreadLength(extent: number, base: number): number {
  return extent === 0 ? 0 : (extent - 1) * base + 1;
}

export const windowSumWords = single((scope, node) => {
  const { onnx } = scope;
  const attrs = attrsOf(node, windowSum);
  return onnx.cast(windowsSummed(onnx, widened(operandValue(scope, node)), attrs), node.type.dtype);
});

function windowsSummed(onnx: Onnx, windows: Value, attrs: AttrsOf<WindowSumSchema>): Value {
  const extents = fixedShape(attrs.extent);
  return attrs.axes.reduceRight((left, axis, i) => {
    const count = left.shape[axis] ?? 0;
    return summedAlong(onnx, left, extents[i] ?? 0, { axis, count, ...stepsOf(attrs, i) });
  }, windows);
}

/** What the places in the last axis add up to along another. */
function summedAlong(onnx: Onnx, windows: Value, extent: number, along: Along): Value {
  const { axis, count, size, stride, dilation, base, before } = along;
  const rank = windows.shape.length - 1;
  const shape = windows.shape.slice(0, rank);
  const zero = onnx.constant(windows.dtype, 0);
  if (extent === 0 || windows.shape.includes(0)) return { ...zero, shape: shape.with(axis, extent) };
  const length = spreadLength(extent, base);
  const at = (value: number): number[] => shape.map((_, i) => (i === axis ? value : 0));
  const none = shape.map(() => 0);
  const parts = range(size).map((k) => {
    const stop = [...shape, k + 1];
    const taken = onnx.slice(
      windows,
      [...none, k],
      stop,
      stop.map(() => 1),
    );
    const low = dilation * k - before;
    const high = length - (low + stride * (count - 1) + 1);
    // what lies outside is cut off, which may be all of it
    if (low >= length || high >= length) return { ...zero, shape: shape.with(axis, length) };
    return onnx.pad(onnx.reshape(taken, shape), zero, at(low), at(high), at(stride - 1));
  });
  const sum = parts.reduce((all, part) => onnx.each("Add", [all, part]));
  return onnx.slice(sum, none, sum.shape, none.map(() => 1).with(axis, base));
}
