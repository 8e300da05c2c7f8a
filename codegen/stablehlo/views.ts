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
import { type Hlo, namesOf, range, typesOf, type Value } from "./builder.ts";
import { operandValue, single, typeOf, valueFor } from "./scope.ts";
import { narrowed, widened } from "./short-floats.ts";

export const reshapeWords = single((scope, node) => scope.hlo.reshape(operandValue(scope, node), typeOf(node).shape));

export const permuteWords = single((scope, node) =>
  scope.hlo.transpose(operandValue(scope, node), attrsOf(node, permute).order),
);

export const broadcastWords = single((scope, node) => {
  const { axes } = attrsOf(node, broadcast);
  return scope.hlo.broadcast(operandValue(scope, node), typeOf(node).shape, axes);
});

export const flipWords = single((scope, node) => {
  const x = operandValue(scope, node);
  const { axes } = attrsOf(node, flip);
  return axes.length === 0 ? x : scope.hlo.unary("reverse", x, `, dims = [${axes.join(", ")}]`);
});

export const sliceWords = single((scope, node) => {
  const { start, stop, step } = attrsOf(node, slice);
  return scope.hlo.slice(operandValue(scope, node), fixedShape(start), fixedShape(stop), step);
});

export const padWords = single((scope, node) => {
  const { before, after, inner, value } = attrsOf(node, pad);
  const x = operandValue(scope, node);
  return scope.hlo.pad(x, scope.hlo.constant(x.dtype, roundTo(x.dtype, value)), before, after, inner);
});

export const concatWords = single((scope, node) => {
  const parts = node.args.map((arg) => valueFor(scope, arg));
  return scope.hlo.concatenate(parts, attrsOf(node, concat).axis);
});

export const barrierWords = single((scope, node) => {
  const { hlo } = scope;
  const given = node.args.map((arg) => valueFor(scope, arg));
  const [x = hlo.constant("f32", 0)] = hlo.several(
    given,
    `stablehlo.optimization_barrier ${namesOf(given)} : ${typesOf(given)}`,
  );
  return x;
});

// ---- windows -------------------------------------------------------------------------------------------------------

export const windowWords = single((scope, node) => {
  const { hlo } = scope;
  const attrs = attrsOf(node, window);
  const counts = fixedShape(attrs.count);
  const x = operandValue(scope, node);
  const outside = hlo.constant(x.dtype, roundTo(x.dtype, attrs.value));
  return attrs.axes.reduce((seen, axis, i) => {
    return windowsAlong(hlo, seen, outside, { axis, count: counts[i] ?? 0, ...stepsOf(attrs, i) });
  }, x);
});

interface Along extends AxisSteps {
  readonly axis: number;
  /** Windows. */
  readonly count: number;
}

/** The places of windows along an axis, as a last axis. */
function windowsAlong(hlo: Hlo, x: Value, outside: Value, along: Along): Value {
  const { axis, count, size, stride, dilation, base, before } = along;
  const extent = x.shape[axis] ?? 0;
  if (count === 0 || x.shape.includes(0)) {
    const shape = [...x.shape.map((dim, i) => (i === axis ? count : dim)), size];
    return hlo.broadcast(outside, shape);
  }
  const length = spreadLength(extent, base);
  const low = Math.max(0, before);
  const high = Math.max(0, stride * (count - 1) + dilation * (size - 1) - before - (length - 1));
  const at = (value: number): number[] => x.shape.map((_, i) => (i === axis ? value : 0));
  const padded = hlo.pad(x, outside, at(low), at(high), at(base - 1));
  const places = range(size).map((k) => {
    const first = dilation * k - before + low;
    const start = at(first);
    const stop = padded.shape.map((dim, i) => (i === axis ? first + stride * (count - 1) + 1 : dim));
    const part = hlo.slice(
      padded,
      start,
      stop,
      x.shape.map((_, i) => (i === axis ? stride : 1)),
    );
    return hlo.reshape(part, [...part.shape, 1]);
  });
  return hlo.concatenate(places, x.shape.length);
}

function spreadLength(extent: number, base: number): number {
  return extent === 0 ? 0 : (extent - 1) * base + 1;
}

export const windowSumWords = single((scope, node) => {
  const { hlo } = scope;
  const attrs = attrsOf(node, windowSum);
  const dtype = node.type.dtype;
  const sum = windowsSummed(hlo, widened(hlo, operandValue(scope, node)), attrs);
  return narrowed(hlo, sum, dtype);
});

function windowsSummed(hlo: Hlo, windows: Value, attrs: AttrsOf<WindowSumSchema>): Value {
  const extents = fixedShape(attrs.extent);
  return attrs.axes.reduceRight((left, axis, i) => {
    const count = left.shape[axis] ?? 0;
    return summedAlong(hlo, left, extents[i] ?? 0, { axis, count, ...stepsOf(attrs, i) });
  }, windows);
}

/** What the places in the last axis add up to along another. */
function summedAlong(hlo: Hlo, windows: Value, extent: number, along: Along): Value {
  const { axis, count, size, stride, dilation, base, before } = along;
  const rank = windows.shape.length - 1;
  const shape = windows.shape.slice(0, rank);
  const zero = hlo.constant(windows.dtype, 0);
  if (extent === 0 || windows.shape.includes(0)) {
    return hlo.broadcast(
      zero,
      shape.map((dim, i) => (i === axis ? extent : dim)),
    );
  }
  const length = spreadLength(extent, base);
  const at = (value: number): number[] => shape.map((_, i) => (i === axis ? value : 0));
  const parts = range(size).map((k) => {
    const start = [...shape.map(() => 0), k];
    const stop = [...shape, k + 1];
    const part = hlo.reshape(
      hlo.slice(
        windows,
        start,
        stop,
        stop.map(() => 1),
      ),
      shape,
    );
    const low = dilation * k - before;
    const high = length - (low + stride * (count - 1) + 1);
    // what lies outside is cut off, which may be all of it
    if (low >= length || high >= length)
      return hlo.broadcast(
        zero,
        shape.map((dim, i) => (i === axis ? length : dim)),
      );
    return hlo.pad(part, zero, at(low), at(high), at(stride - 1));
  });
  const sum = parts.reduce((all, part) => hlo.binary("add", all, part));
  return hlo.slice(
    sum,
    shape.map(() => 0),
    sum.shape,
    shape.map((_, i) => (i === axis ? base : 1)),
  );
}
