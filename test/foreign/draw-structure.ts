/**
 * Instructions that move, pick, join and measure.
 */
import {
  countOf,
  type Draw,
  type Drawn,
  mostElements,
  mostRank,
  same,
  shapeOf,
  type Value,
  type Weaver,
} from "./weaver.ts";

function view(w: Weaver, x: Value): Drawn | null {
  const shape = shapeOf(x);
  const { bound } = x;
  switch (w.random.integer(9)) {
    case 0:
      return ["permute", [x], { order: w.order(shape.length) }, bound];
    case 1:
      return [w.pick(["transpose", "flatten"]), [x], {}, bound];
    case 2:
      return ["reshape", [x], { shape: w.reshaped(shape) }, bound];
    case 3: {
      const wanted = [...shape.map((dim) => (dim === 1 ? w.pick([1, 2, 3]) : dim))];
      if (wanted.length < mostRank && w.random.integer(2) === 0) wanted.unshift(w.pick([1, 2]));
      return countOf(wanted) > mostElements ? null : ["broadcastTo", [x], { shape: wanted }, bound];
    }
    case 4: {
      const start = shape.map((dim) => (w.random.integer(2) === 0 || dim === 0 ? 0 : w.random.integer(dim)));
      const stop = shape.map((dim, i) => (dim === 0 ? 0 : Math.min(dim, (start[i] ?? 0) + w.random.integer(dim + 1))));
      return ["slice", [x], { start, stop, step: shape.map(() => w.pick([1, 1, 2, 3])) }, bound];
    }
    case 5: {
      const [before, after] = [shape.map(() => w.random.integer(3)), shape.map(() => w.random.integer(2))];
      const padded = shape.map((dim, i) => dim + (before[i] ?? 0) + (after[i] ?? 0));
      return countOf(padded) > mostElements
        ? null
        : ["pad", [x], { before, after, value: w.number(-1, 1) }, Math.max(1, bound)];
    }
    case 6: {
      if (shape.length === 0) return null;
      const axis = w.random.integer(shape.length);
      const parts = w.values.filter((value) => same(shapeOf(value).toSpliced(axis, 1), shape.toSpliced(axis, 1)) && shapeOf(value).length === shape.length).slice(-3); // biome-ignore format: one condition
      return countOf(shape) * 3 > mostElements
        ? null
        : ["concat", [...parts, x], { axis }, Math.max(...parts.map((part) => part.bound), bound)];
    }
    case 7:
      return ["flip", [x], { axes: shape.map((_, axis) => axis).filter(() => w.random.integer(2) === 0) }, bound];
    default:
      return ["fit", [x], { shape: w.reshaped([w.pick([2, 3, 6]), w.pick([1, 2, 5])]) }, Math.max(bound, 0.5)];
  }
}

function product(w: Weaver, x: Value): Drawn | null {
  const y = w.any() ?? x;
  const [m, k, n, b] = [w.pick([1, 2, 5]), w.pick([1, 3, 4, 7]), w.pick([1, 2, 3]), w.pick([1, 2, 3])];
  const bound = x.bound * y.bound * k;
  switch (w.random.integer(4)) {
    case 0:
      return ["matmul", [w.fit(x, [m, k]), w.fit(y, [k, n])], {}, bound];
    case 1: {
      const [left, right] = w.pick([
        [[k], [k]],
        [[m, k], [k]],
        [[k], [k, n]],
        [
          [b, m, k],
          [k, n],
        ],
      ] as const);
      return ["dot", [w.fit(x, left), w.fit(y, right)], {}, bound];
    }
    case 2:
      return ["batchMatmul", [w.fit(x, [b, m, k]), w.fit(y, [b, k, n])], {}, bound];
    default: {
      const size: Readonly<Record<string, number>> = { i: m, j: k, k: n, b };
      const spec = w.pick(["ij,jk->ik", "ij->ji", "ii->", "ij->j", "i,j->ij", "bij,bjk->bik", "ij,ij->", "ij,jk,kb->ib", "bij,jk->bki", "ii->i", "ij,j->i"]); // biome-ignore format: one line
      const operands = (spec.split("->")[0] ?? "")
        .split(",")
        .map((letters) => [...letters].map((letter) => size[letter] ?? 1));
      const of = operands.map((shape, i) => w.fit([x, y, x][i] ?? x, shape));
      return ["einsum", of, { spec }, bound * k * n * Math.max(1, x.bound)];
    }
  }
}

/** In order, and where things stood; without ties, of which each system makes its own. */
export function sorted(w: Weaver, x: Value): Drawn | null {
  const shape = shapeOf(x);
  if (shape.length === 0 || countOf(shape) === 0) return null;
  const axis = w.random.integer(shape.length);
  const size = shape[axis] ?? 1;
  const [op, given] = [
    w.pick(["sort", "argsort", "topK", "maxWithIndex", "minWithIndex", "argmax", "argmin"]),
    w.spread(x),
  ];
  const how = w.random.integer(2) === 0;
  if (op === "sort") return [op, [given], { axis, descending: how }, x.bound];
  if (op === "topK") return [op, [given], { axis, k: 1 + w.random.integer(size), largest: how }, x.bound * size];
  if (op.endsWith("Index")) return [op, [given], { axis }, x.bound * size];
  const weight = w.any((value) => shapeOf(value).length === 0);
  const attrs = op === "argsort" ? { axis, descending: how } : { axis };
  return weight === null ? null : [op, [given, weight], attrs, weight.bound * size];
}

function choose(w: Weaver, x: Value): Drawn | null {
  const shape = shapeOf(x);
  const alike = w.values.filter((value) => same(shapeOf(value), shape));
  const [a, b, y] = [w.pick(alike), w.pick(alike), w.pick(alike)];
  const bound = Math.max(x.bound, y.bound);
  switch (w.random.integer(5)) {
    case 0:
      return ["logic", [w.spread(a), w.spread(b), x, y], { how: w.pick(["and", "or", "not"]) }, bound];
    case 1:
    case 2:
      return sorted(w, x);
    case 3:
      return shape.length === 0 ? null : ["size", [x, y], { axis: w.random.integer(shape.length) }, y.bound * 7];
    default:
      return [
        w.pick(["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"]),
        [w.spread(a), b, x, y],
        {},
        bound,
      ];
  }
}

function index(w: Weaver, x: Value): Drawn | null {
  const shape = shapeOf(x);
  const list = w.list();
  switch (w.random.integer(5)) {
    case 0: {
      if (shape.length === 0 || shape.length === mostRank) return null;
      const axis = w.random.integer(shape.length);
      if ((countOf(shape) / Math.max(1, shape[axis] ?? 1)) * list.count > mostElements) return null;
      return ["gather", [x, list.at], { axis }, x.bound];
    }
    case 1: {
      const updates = w.fit(x, [list.count, w.pick([1, 2, 3])]);
      return ["scatterAdd", [list.at, updates], { size: w.pick([1, 3, 5]) }, updates.bound * list.count];
    }
    case 2: {
      const whole = w.fit(x, [5, 4].slice(0, list.count === 1 ? 1 : 2));
      if (list.count !== shapeOf(whole).length) return null;
      return [
        "dynamicSlice",
        [whole, list.at],
        { shape: shapeOf(whole).map((dim) => w.random.integer(dim + 1)) },
        whole.bound,
      ];
    }
    case 3: {
      const whole = w.fit(x, [5, 4].slice(0, list.count === 1 ? 1 : 2));
      if (list.count !== shapeOf(whole).length) return null;
      const part = w.fit(
        w.any() ?? x,
        shapeOf(whole).map(() => 2),
      );
      return ["dynamicUpdate", [whole, part, list.at], {}, Math.max(whole.bound, part.bound)];
    }
    default: {
      const depth = w.pick([4, 5]);
      return ["oneHot", [list.at, w.fit(x, [depth])], { depth }, Math.max(0.5, x.bound)];
    }
  }
}

function measure(w: Weaver, x: Value): Drawn | null {
  const y = w.any() ?? x;
  const list = w.list();
  const bound = 2 * (x.bound + y.bound) + 6;
  switch (w.random.integer(9)) {
    case 0: {
      const probabilities = w.random.integer(3) === 0;
      const scores = w.fit(x, [list.count, w.pick([4, 5])]);
      return [
        "softmaxCrossEntropy",
        [probabilities ? w.add("softmax", [scores], { axis: -1 }, 1) : scores, list.at],
        { probabilities },
        bound,
      ];
    }
    case 1: {
      const scores = w.fit(x, [2, 3]);
      const soft = w.add("softmax", [w.fit(y, [2, 3])], { axis: -1 }, 1);
      return ["softmaxCrossEntropy", [scores, soft], { probabilities: false }, bound];
    }
    case 2: {
      const labels = w.add("sigmoid", [w.fit(y, shapeOf(x))], {}, 1);
      return ["sigmoidCrossEntropy", [x, labels], {}, bound];
    }
    case 3:
      return countOf(shapeOf(x)) === 0
        ? null
        : [w.pick(["meanSquaredError", "meanAbsoluteError"]), [w.spread(x), w.fit(y, shapeOf(x))], {}, bound ** 2];
    case 4:
      return countOf(shapeOf(x)) === 0
        ? null
        : ["huber", [w.spread(x), w.fit(y, shapeOf(x))], { delta: w.pick([0.3, 1]) }, bound ** 2];
    case 5:
      return countOf(shapeOf(x)) === 0 ? null : ["globalNorm", [w.spread(x), y], {}, bound * 20];
    case 6: {
      const weight = w.any((value) => shapeOf(value).length === 0);
      if (weight === null) return null;
      return ["accuracy", [w.spread(w.fit(x, [list.count, 5])), list.at, weight], {}, weight.bound];
    }
    case 7:
      return ["jacobian", [w.fit(x, w.pick([[2], [3], [1, 2], []]))], {}, 2 * x.bound + 1];
    default:
      return ["hessian", [w.fit(x, w.pick([[2], [3], [2, 2]]))], {}, 1];
  }
}

export const structure: readonly Draw[] = [view, view, product, choose, index, measure];
