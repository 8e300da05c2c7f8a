/**
 * Windows in the ops that other languages have. A window is strided slices side by side, and a sum over windows what is added up of the
 * same slices put back: both lie on the axis with its elements spread apart (`base`), padded by what windows reach beyond it.
 */
import { roundTo } from "../src/core/dtype.ts";
import { attrsOf } from "../src/graph/define.ts";
import type { Node } from "../src/graph/node.ts";
import { window } from "../src/graph/ops/window.ts";
import { type AxisSteps, stepsOf } from "../src/graph/ops/window-steps.ts";
import { windowSum } from "../src/graph/ops/window-sum.ts";
import { fixedShape } from "../src/graph/shape.ts";

interface Shaped {
  readonly shape: readonly number[];
}

type Numbers = readonly number[];

/** The ops that windows are written in. */
export interface WindowOps<V extends Shaped> {
  pad(x: V, value: V, low: Numbers, high: Numbers, inner: Numbers): V;
  slice(x: V, start: Numbers, stop: Numbers, step: Numbers): V;
  reshape(x: V, shape: Numbers): V;
  concatenate(parts: readonly V[], axis: number): V;
  /** A scalar in every place. */
  filled(value: V, shape: Numbers): V;
  sum(x: V, y: V): V;
}

interface Along extends AxisSteps {
  readonly axis: number;
  /** Windows. */
  readonly count: number;
}

/** What stands for a `window`. `outside`: the scalar for what its attribute says. */
export function windowed<V extends Shaped>(node: Node, x: V, ops: WindowOps<V>, outside: (value: number) => V): V {
  const attrs = attrsOf(node, window);
  const counts = fixedShape(attrs.count);
  const beyond = outside(roundTo(node.type.dtype, attrs.value));
  return attrs.axes.reduce((seen, axis, i) => {
    return windowsAlong(ops, seen, beyond, { axis, count: counts[i] ?? 0, ...stepsOf(attrs, i) });
  }, x);
}

/** The places of windows along an axis, as a last axis. */
function windowsAlong<V extends Shaped>(ops: WindowOps<V>, x: V, outside: V, along: Along): V {
  const { axis, count, size, stride, dilation, base, before } = along;
  const extent = x.shape[axis] ?? 0;
  if (count === 0 || x.shape.includes(0)) return ops.filled(outside, [...x.shape.with(axis, count), size]);
  const length = spreadLength(extent, base);
  const low = Math.max(0, before);
  const high = Math.max(0, stride * (count - 1) + dilation * (size - 1) - before - (length - 1));
  const at = (value: number): number[] => x.shape.map((_, i) => (i === axis ? value : 0));
  const padded = ops.pad(x, outside, at(low), at(high), at(base - 1));
  const step = padded.shape.map(() => 1).with(axis, stride);
  const places = Array.from({ length: size }, (_, k) => {
    const first = dilation * k - before + low;
    const stop = padded.shape.with(axis, first + stride * (count - 1) + 1);
    const part = ops.slice(padded, at(first), stop, step);
    return ops.reshape(part, [...part.shape, 1]);
  });
  return ops.concatenate(places, x.shape.length);
}

function spreadLength(extent: number, base: number): number {
  return extent === 0 ? 0 : (extent - 1) * base + 1;
}

/** What stands for a `windowSum`. */
export function windowsSummed<V extends Shaped>(node: Node, windows: V, ops: WindowOps<V>, zero: V): V {
  const attrs = attrsOf(node, windowSum);
  const extents = fixedShape(attrs.extent);
  return attrs.axes.reduceRight((left, axis, i) => {
    const count = left.shape[axis] ?? 0;
    return summedAlong(ops, left, extents[i] ?? 0, zero, { axis, count, ...stepsOf(attrs, i) });
  }, windows);
}

/** What the places in the last axis add up to along another. */
function summedAlong<V extends Shaped>(ops: WindowOps<V>, windows: V, extent: number, zero: V, along: Along): V {
  const { axis, count, size, stride, dilation, base, before } = along;
  const shape = windows.shape.slice(0, -1);
  if (extent === 0 || windows.shape.includes(0)) return ops.filled(zero, shape.with(axis, extent));
  const length = spreadLength(extent, base);
  const at = (value: number): number[] => shape.map((_, i) => (i === axis ? value : 0));
  const none = shape.map(() => 0);
  const one = shape.map(() => 1);
  const parts = Array.from({ length: size }, (_, k) => {
    const low = dilation * k - before;
    const high = length - (low + stride * (count - 1) + 1);
    // what lies outside is cut off, which may be all of it
    if (low >= length || high >= length) return ops.filled(zero, shape.with(axis, length));
    const part = ops.reshape(ops.slice(windows, [...none, k], [...shape, k + 1], [...one, 1]), shape);
    return ops.pad(part, zero, at(low), at(high), at(stride - 1));
  });
  const sum = parts.reduce((all, part) => ops.sum(all, part));
  return ops.slice(sum, none, sum.shape, one.with(axis, base));
}
