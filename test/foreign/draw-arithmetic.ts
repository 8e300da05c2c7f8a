/**
 * Instructions that compute: element by element, from two tensors, over axes and along one.
 */
import {
  countOf,
  type Draw,
  type Drawn,
  joint,
  mostElements,
  mostRank,
  shapeOf,
  type Value,
  type Weaver,
} from "./weaver.ts";

function element(w: Weaver, x: Value): Drawn | null {
  const { bound } = x;
  const small = (): Value => (bound > 2 ? w.add("tanh", [x], {}, 1) : x);
  switch (w.random.integer(20)) {
    case 0:
      return [w.pick(["sin", "cos", "tanh", "erf", "sigmoid"]), [x], {}, 1];
    case 1:
      return [w.pick(["exp", "expm1"]), [small()], {}, 7.4];
    case 2:
      return [w.pick(["log", "sqrt", "rsqrt", "log1p"]), [w.positive(small())], {}, 2];
    case 3:
      return [w.pick(["softplus", "silu", "gelu"]), [x], {}, bound + 1];
    case 4:
      return ["gelu", [x], { approximate: true }, bound];
    case 5:
      return [w.pick(["relu", "abs", "elu", "selu"]), [w.spread(x)], {}, 2 * bound + 2];
    case 6:
      return ["leakyRelu", [w.spread(x)], { slope: w.number(0.01, 0.5) }, bound + 1];
    case 7:
      return ["clip", [w.spread(x)], { low: w.number(-1, -0.2), high: w.number(0.2, 1) }, 1];
    case 8:
      return [w.pick(["floor", "ceil", "round", "sign"]), [w.spread(x)], {}, bound + 1];
    case 9:
      return ["power", [small()], { exponent: w.pick([0, 1, 2, 3, 4]) }, 16];
    case 10:
      return ["power", [w.positive(small())], { exponent: w.pick([-2, -1, -0.5, 0.5, 1.5, 2.5]) }, 40];
    case 11:
      return ["square", [x], {}, bound ** 2];
    case 12:
      return ["neg", [x], {}, bound];
    case 13:
      return ["stopGradient", [x], {}, bound];
    case 14:
      return [
        "full",
        [x],
        { shape: [w.pick([1, 2]), ...shapeOf(x)].slice(-mostRank), value: w.number(-2, 2) },
        2 * bound,
      ];
    default: {
      // The same again: equal expressions are one node, and still two values to whoever differentiates by them.
      const last = w.instructions.at(-1);
      const value = w.values.at(-1);
      if (last === undefined || value === undefined || value.at !== w.tensors.length - 1) return null;
      const twin = w.add(last.op, last.of, last.attrs, value.bound);
      return twin.bound === value.bound ? ["add", [twin, w.pick([value, twin])], {}, 2 * value.bound] : null;
    }
  }
}

function pair(w: Weaver, x: Value): Drawn | null {
  const partner = w.any((value) => {
    const shape = joint(shapeOf(value), shapeOf(x));
    return shape !== null && shape.length <= mostRank && countOf(shape) <= mostElements;
  });
  if (partner === null) return null;
  const of = w.random.integer(2) === 0 ? [x, partner] : [partner, x];
  const [a, b] = of as [Value, Value];
  switch (w.random.integer(9)) {
    case 0:
    case 1:
      return ["add", of, {}, a.bound + b.bound];
    case 2:
      return ["sub", of, {}, a.bound + b.bound];
    case 3:
    case 4:
      return ["mul", of, {}, a.bound * b.bound];
    case 5:
      return ["div", [a, w.positive(b)], {}, a.bound / 0.3];
    case 6: {
      const base = w.positive(a.bound > 2 ? w.add("tanh", [a], {}, 1) : a);
      return ["pow", [base, w.add("tanh", [b], {}, 1)], {}, 4];
    }
    case 7:
      return [w.pick(["maximum", "minimum"]), [w.spread(a), b], {}, Math.max(a.bound, b.bound) + 1];
    default:
      return ["mod", [w.spread(a), w.positive(b)], {}, (b.bound ** 2 + 1) / 2];
  }
}

function reduce(w: Weaver, x: Value): Drawn | null {
  const shape = shapeOf(x);
  const axes = shape.map((_, axis) => axis).filter(() => w.random.integer(2) === 0);
  if (axes.length === 0 && shape.length > 0) axes.push(w.random.integer(shape.length));
  const terms = axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
  const attrs = {
    axes: w.random.integer(4) === 0 ? axes.map((axis) => axis - shape.length) : axes,
    keep: w.random.integer(2) === 0,
  };
  switch (w.random.integer(7)) {
    case 0:
    case 1:
      return ["sum", [x], attrs, Math.max(1, x.bound * terms)];
    case 2:
      return [
        "prod",
        [w.add("scale", [w.add("tanh", [x], {}, 1)], { factor: 1.3, shift: 0 }, 1.3)],
        attrs,
        1.3 ** terms,
      ];
    case 3:
      return terms === 0 ? null : [w.pick(["mean", "l1Norm"]), [w.spread(x)], attrs, (x.bound + 1) * terms];
    case 4:
      return terms === 0 ? null : [w.pick(["max", "min"]), [w.spread(x)], attrs, x.bound + 1];
    case 5:
      return terms < 2
        ? null
        : [w.pick(["variance", "standardDeviation", "moments"]), [w.spread(x)], attrs, (x.bound + 1) ** 2];
    default:
      return terms === 0 ? null : [w.pick(["l2Norm", "logSumExp"]), [w.spread(x)], attrs, (x.bound + 1) * terms];
  }
}

function along(w: Weaver, x: Value): Drawn | null {
  const shape = shapeOf(x);
  const axis = shape.length === 0 ? 0 : w.random.integer(shape.length);
  const extent = shape[axis] ?? 0;
  if (shape.length === 0 || countOf(shape) === 0) return null;
  const running = { axis, exclusive: w.random.integer(3) === 0, reverse: w.random.integer(2) === 0 };
  switch (w.random.integer(5)) {
    case 0:
      return ["softmax", [x], { axis }, 1];
    case 1:
      return ["logSoftmax", [x], { axis: axis - shape.length }, 2 * x.bound + 4];
    case 2:
      return ["normalize", [w.spread(x)], { axis }, 1];
    case 3:
      return shape.length === mostRank ? null : ["cumulativeSum", [x], running, x.bound * extent];
    default:
      return shape.length === mostRank ? null : ["cumulativeProduct", [w.add("tanh", [x], {}, 1)], running, 1];
  }
}

export const arithmetic: readonly Draw[] = [element, element, pair, pair, reduce, along];
