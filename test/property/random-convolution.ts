/**
 * Random convolutions as `lower` writes them: a sum over the places inside of a window and channels, of elements behind guards; such
 * a sum inside the fold of a pool; and the gradient of a filter, a long sum over all places. Numbers come from a list that shrinks.
 */

import type { FoldFn } from "../../src/core/fold.ts";
import type { Bound, Expr, FoldStmt, Index, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { apply, constant, fold, letValue, load, name, store } from "../kernel-pool.ts";
import { at, buffer, kernelOf, loop, nestOf } from "../unit/js-case.ts";

type Below = (n: number) => number;
type Term = readonly [LoopVar, number] | number;

/** `isLong`: places enough for a policy to cut a filter gradient. */
export function randomConvolution(numbers: readonly number[], { isLong = false } = {}): Kernel {
  let drawn = 0;
  const below: Below = (n) => (numbers[drawn++] ?? 0) % n;
  return isLong || below(3) === 2 ? filterGradient(below, isLong) : convolution(below);
}

/** One axis of windows: `stride` * o + `dilation` * k - `before`, which is an element where it lies in `extent`. */
interface Axis {
  readonly terms: readonly Term[];
  readonly extent: number;
}

/** The element of an image [n, h, w, c], where all of its axes have one. */
function imageAt(n: readonly Term[], axes: readonly Axis[], channel: LoopVar): Expr {
  let stride = channel.extent;
  const terms: Term[] = [[channel, 1]];
  const bounds: Bound[] = [];
  for (const axis of axes.toReversed()) {
    terms.push(...scaled(axis.terms, stride));
    const index = at(...axis.terms);
    if (index.min < 0 || index.max >= axis.extent) bounds.push({ index, extent: axis.extent });
    stride *= axis.extent;
  }
  const place = at(...terms, ...scaled(n, stride));
  return load("f32", "x", place, bounds.length === 0 ? undefined : { bounds, otherwise: constant("f32", 0) });
}

const scaled = (terms: readonly Term[], by: number): Term[] =>
  terms.map((term): Term => (typeof term === "number" ? term * by : [term[0], term[1] * by]));

/** y[n, oh, ow, f] = sum over kh, kw, c, or a pool of such sums. */
function convolution(below: Below): Kernel {
  const [size, stride, dilation] = [1 + below(3), 1 + below(2), 1 + below(2)];
  const [high, wide] = [1 + below(3), [8, 3, 5, 9][below(4)] ?? 8];
  const [channels, filters] = [[2, 1, 5, 16][below(4)] ?? 2, [16, 1, 4, 7, 8][below(5)] ?? 16];
  const pooled = below(3) === 0 ? 1 : 2;
  const before = below(3);
  const rest = below(3);
  const [n, i, j, f] = [loop("n", 2), loop("i", high), loop("j", wide), loop("f", filters)];
  const [a, b] = [loop("a", pooled), loop("b", pooled)];
  const [kh, kw, c] = [loop("kh", size), loop("kw", size), loop("c", channels)];
  const axis = (out: LoopVar, inPool: LoopVar, k: LoopVar): Axis => {
    const span = stride * (pooled * out.extent - 1) + dilation * (size - 1) + 1;
    const terms: Term[] = [[out, stride * pooled], [k, dilation], -before];
    if (pooled > 1) terms.push([inPool, stride]);
    return { terms, extent: Math.max(1, span - before - rest) };
  };
  const axes = [axis(i, a, kh), axis(j, b, kw)];
  const image = imageAt([[n, 1]], axes, c);
  const filter = load("f32", "w", at([f, 1], [c, filters], [kw, filters * channels], [kh, filters * channels * size]));
  const product = below(2) === 0 ? apply("mul", image, filter) : apply("mul", filter, image);
  const sum = fold("sum", ["acc"], [kh, kw, c], [product]);
  const here = at([f, 1], [j, filters], [i, filters * wide], [n, filters * wide * high]);
  const count = 2 * high * wide * filters;
  const acc = letValue("v", name("f32", "acc"));
  const bias = (value: Expr): Expr =>
    apply("max", apply("add", value, load("f32", "bias", at([f, 1]))), constant("f32", 0));
  const body: Stmt[] =
    pooled === 1
      ? [sum, acc, store("y", here, bias(name("f32", "v")))]
      : [...pool(below, [a, b], [sum, acc], name("f32", "v")), store("y", here, bias(name("f32", "best")))];
  const places = body[0]?.kind === "fold" && body[0].fn === "argMax" ? [store("place", here, name("i32", "at"))] : [];
  const extents = axes.map(({ extent }) => extent);
  return kernelOf(
    "k0_window_contract",
    [
      buffer("x", "f32", 2 * (extents[0] ?? 1) * (extents[1] ?? 1) * channels),
      buffer("w", "f32", size * size * channels * filters),
      buffer("bias", "f32", filters),
      buffer("y", "f32", count, "write"),
      ...(places.length === 0 ? [] : [buffer("place", "i32", count, "write")]),
    ],
    [nestOf([n, i, j, f], [...body, ...places])],
  );
}

/** What a pool does with the sums of its windows. */
function pool(below: Below, axes: readonly LoopVar[], made: readonly Stmt[], value: Expr): readonly FoldStmt[] {
  const fn: FoldFn = (["max", "argMax", "min", "sum"] as const)[below(4)] ?? "max";
  const [a, b] = axes;
  const place: Index = a === undefined || b === undefined ? at() : at([a, b.extent], [b, 1]);
  const [held, values] =
    fn === "argMax"
      ? [
          ["best", "at"],
          [value, place],
        ]
      : [["best"], [value]];
  return [fold(fn, held, axes, values, { body: made })];
}

/** w'[kh, kw, c, f] = sum over n, oh, ow of x and the slope of the result. */
function filterGradient(below: Below, isLong: boolean): Kernel {
  const [size, stride, before] = [isLong ? 2 : 1 + below(3), 1 + below(2), below(2)];
  const [high, wide] = isLong ? [24, 24] : [1 + below(3), 1 + below(4)];
  const images = isLong ? 8 : 1 + below(6);
  const [channels, filters] = isLong ? [1, 4] : [[2, 1, 5][below(3)] ?? 2, [16, 1, 4, 7][below(4)] ?? 16];
  const [n, i, j, f] = [loop("n", images), loop("i", high), loop("j", wide), loop("f", filters)];
  const [kh, kw, c] = [loop("kh", size), loop("kw", size), loop("c", channels)];
  const axis = (out: LoopVar, k: LoopVar): Axis => ({
    terms: [[out, stride], [k, 1], -before],
    extent: Math.max(1, stride * (out.extent - 1) + size - 2 * before),
  });
  const axes = [axis(i, kh), axis(j, kw)];
  const slope = load("f32", "g", at([f, 1], [j, filters], [i, filters * wide], [n, filters * wide * high]));
  const sum = fold("sum", ["acc"], [n, i, j], [apply("mul", imageAt([[n, 1]], axes, c), slope)]);
  const here = at([f, 1], [c, filters], [kw, filters * channels], [kh, filters * channels * size]);
  const count = size * size * channels * filters;
  const extents = axes.map(({ extent }) => extent);
  return kernelOf(
    "k0_window_contract",
    [
      buffer("x", "f32", images * (extents[0] ?? 1) * (extents[1] ?? 1) * channels),
      buffer("g", "f32", images * high * wide * filters),
      buffer("y", "f32", count, "update"),
    ],
    [nestOf([kh, kw, c, f], [sum, store("y", here, apply("add", load("f32", "y", here), name("f32", "acc")))])],
  );
}
