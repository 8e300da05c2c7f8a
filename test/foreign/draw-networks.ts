/**
 * Instructions of networks: windows of every kind, running folds, loops, functions of functions, linear algebra.
 */
import { sorted } from "./draw-structure.ts";
import { countOf, type Draw, type Drawn, mostElements, shapeOf, type Value, type Weaver } from "./weaver.ts";

/** How windows go along each axis of an image, and the image's sizes. */
interface Windows {
  readonly sizes: readonly number[];
  readonly kernel: readonly number[];
  readonly attrs: Readonly<Record<string, readonly number[] | readonly (readonly number[])[] | string>>;
}

/** Of one axis or two, with borders of their own or as many as keep the sizes; each window has an element of the image. */
function windows(w: Weaver, isPool: boolean): Windows {
  const axes = w.pick([1, 1, 2]);
  const each = (of: readonly number[]): number[] => Array.from({ length: axes }, () => w.pick(of));
  const [kernel, stride] = [each([1, 2, 3]), each([1, 1, 2, 3])];
  const dilation = isPool ? each([1]) : each([1, 1, 2]);
  const spans = kernel.map((size, i) => (size - 1) * (dilation[i] ?? 1) + 1);
  const sizes = spans.map((span) => span + w.random.integer(axes === 1 ? 7 : 3));
  const borders =
    w.random.integer(2) === 0 ? "same" : spans.map((span) => [w.random.integer(span), w.random.integer(span)]);
  return { sizes, kernel, attrs: { stride, borders, ...(isPool ? { size: kernel } : { dilation }) } };
}

function convolution(w: Weaver, x: Value): Drawn | null {
  const { sizes, kernel, attrs } = windows(w, false);
  const [channels, features, batch] = [w.pick([1, 2, 4]), w.pick([1, 2, 4]), w.pick([1, 2])];
  if (countOf([batch, ...sizes, channels]) > mostElements) return null;
  const image = w.fit(x, [batch, ...sizes, channels]);
  const bound = x.bound * countOf(kernel) * channels;
  const filter = (shape: readonly number[]): Value => w.add("sin", [w.fit(w.any() ?? x, [...kernel, ...shape])], {}, 1);
  switch (w.random.integer(4)) {
    case 0:
      return ["depthwiseConv", [image, filter([channels, w.pick([1, 2])])], attrs, bound];
    case 1: {
      const borders = w.pick(["same", "valid"]);
      const dilation = kernel.map(() => 1);
      const stride = kernel.map(() => w.pick([1, 2, 3]));
      const small = w.fit(x, [batch, ...sizes.map((size) => Math.min(size, 4)), channels]);
      return ["convTranspose", [small, filter([features, channels])], { stride, dilation, borders }, bound];
    }
    default: {
      const groups = channels % 2 === 0 && features % 2 === 0 ? w.pick([1, 2]) : 1;
      return ["conv", [image, filter([channels / groups, features])], { ...attrs, groups }, bound];
    }
  }
}

function pool(w: Weaver, x: Value): Drawn | null {
  const { sizes, attrs } = windows(w, true);
  const shape = [w.pick([1, 2]), ...sizes, w.pick([1, 3])];
  if (countOf(shape) > mostElements) return null;
  const image = w.spread(w.fit(x, shape));
  switch (w.random.integer(3)) {
    case 0:
      return ["globalPool", [image], { how: w.pick(["max", "average"]), keep: w.random.integer(2) === 0 }, image.bound];
    case 1:
      return ["avgPool", [image], attrs, image.bound];
    default:
      return ["maxPool", [image], attrs, image.bound];
  }
}

function running(w: Weaver, x: Value): Drawn | null {
  const shape = shapeOf(x);
  if (shape.length === 0 || countOf(shape) === 0) return null;
  const axis = w.random.integer(shape.length);
  const reverse = w.random.integer(2) === 0;
  if (w.random.integer(3) === 0) return ["cumulativeLogSumExp", [x], { axis, reverse }, x.bound + 3];
  return [w.pick(["cumulativeMax", "cumulativeMin"]), [w.spread(x)], { axis, reverse }, x.bound + 1];
}

function places(w: Weaver, x: Value): Drawn | null {
  const list = w.list();
  if (w.random.integer(2) === 0) {
    const rows = w.fit(x, [list.count, w.pick([1, 2, 3])]);
    return ["segmentSum", [rows, list.at], { count: w.pick([1, 3, 5]) }, rows.bound * list.count];
  }
  const [m, k, n, b] = [w.pick([1, 2, 3]), w.pick([1, 3, 4]), w.pick([1, 2, 3]), w.pick([1, 2])];
  const size: Readonly<Record<string, number>> = { i: m, j: k, k: n, b };
  const spec = w.pick(["...ij,...jk->...ik", "...i,...i->...", "i...->...i", "...ij->...ji", "bij,bjk,bik->b", "iij->ij", "bi,bj,bk->ijk", "...ij,jk->...ik", "bii->b", "ij,ji->", "...,...i->...i"]); // biome-ignore format: one line
  const operands = (spec.split("->")[0] ?? "").split(",").map((letters) => {
    const [front = "", back] = letters.split("...");
    const sized = (names: string): number[] => [...names].map((letter) => size[letter] ?? 1);
    return back === undefined ? sized(front) : [...sized(front), b, ...sized(back)];
  });
  const of = operands.map((shape) => w.fit(w.any() ?? x, shape));
  const bound = of.reduce((product, one) => product * Math.max(1, one.bound), k * n * m);
  return ["einsum", of, { spec }, bound];
}

function loop(w: Weaver, x: Value): Drawn | null {
  const y = w.any() ?? x;
  const [n, rows] = [w.pick([1, 2, 3]), w.pick([1, 2, 5])];
  switch (w.random.integer(4)) {
    case 0:
      return ["nestedScan", [w.fit(x, [n]), w.fit(y, [rows, w.pick([1, 3]), n])], {}, 6 * Math.max(1, x.bound)];
    case 1: {
      const list = w.list();
      return ["cond", [x, list.at, w.fit(y, shapeOf(x))], { above: w.pick([3, 5, 8]) }, Math.max(1, y.bound)];
    }
    default: {
      const operands = [w.fit(x, [n]), w.fit(y, [rows, n]), w.fit(w.any() ?? x, [n, n])];
      const attrs = { reverse: w.random.integer(2) === 0, stacked: w.random.integer(2) === 0 };
      return ["scan", operands, attrs, 1];
    }
  }
}

function transformed(w: Weaver, x: Value): Drawn | null {
  const y = w.any() ?? x;
  const [b, n] = [w.pick([1, 2, 3]), w.pick([1, 2, 3])];
  const small = (value: Value): Value => (value.bound > 2 ? w.add("tanh", [value], {}, 1) : value);
  const [given, other] = [small(x), small(w.fit(y, shapeOf(x)))];
  switch (w.random.integer(6)) {
    case 0:
      return ["jvp", [given, other], {}, 40 * countOf(shapeOf(x)) + 1];
    case 1:
      return ["vjp", [given, other], {}, 4];
    case 2:
      return ["hvp", [given, other], {}, 20];
    case 3:
      return ["checkpoint", [given, other], {}, 1];
    default: {
      const by = w.pick(["value", "row", "shared"]);
      return ["vmap", [w.fit(given, [b, n]), w.fit(small(y), [n])], { by }, 40 * n];
    }
  }
}

function algebra(w: Weaver, x: Value): Drawn | null {
  const y = w.any() ?? x;
  const n = w.pick([1, 2, 3]);
  const front = w.pick([[], [], [2]]);
  const matrix = w.fit(x, [...front, n, n]);
  const sides = (): Value => w.fit(y, [...front, n, w.pick([1, 2])]);
  switch (w.random.integer(5)) {
    case 0:
      return ["solve", [matrix, sides()], {}, y.bound + 1];
    case 1:
      return ["solveTriangular", [matrix, sides()], {}, y.bound + 1];
    case 2:
      return ["inverse", [matrix], {}, 1];
    case 3:
      return ["det", [matrix], {}, 20];
    default:
      return ["cholesky", [w.fit(x, [n, n])], {}, 3];
  }
}

export const networks: readonly Draw[] = [convolution, convolution, pool, running, places, loop, loop, transformed, algebra, sorted]; // biome-ignore format: one list
