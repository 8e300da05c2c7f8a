/**
 * The operations of random programs that move elements and compute none: views of every kind, and places that values say.
 */
import {
  broadcastTo,
  concat,
  dynamicSlice,
  dynamicUpdate,
  flip,
  gather,
  oneHot,
  pad,
  permute,
  reshape,
  scatterAdd,
  slice,
  type Tensor,
  transpose,
  window,
} from "../../src/index.ts";
import {
  countOf,
  either,
  exactly,
  isFloat,
  isInteger,
  like,
  pick,
  type Step,
  shapeOf,
  type Value,
  whole,
} from "./random-value.ts";

/** More elements than this, and a value is only made smaller. */
const manyElements = 400;

export function view(left: Value, right: Value, choice: number): Value | null {
  const { x } = left;
  const shape = shapeOf(left);
  if (x.rank === 0 || countOf(left) > manyElements) return small(left, choice);
  const axis = choice % x.rank;
  const extent = shape[axis] ?? 1;
  switch (choice % 11) {
    case 0:
      return like(left, transpose(x));
    case 1:
      return like(left, reshape(x, [-1]));
    case 2:
      return like(
        left,
        slice(
          x,
          ...shape.map((_, at) => (at === axis ? ([0, Math.min(extent, Math.max(1, extent - 1))] as const) : null)),
        ),
      );
    case 3:
      return like(left, flip(x, choice % 4 === 0 ? shape.map((_, at) => at) : [axis]));
    case 4:
      return padded(left, axis, choice);
    case 5:
      return joined(left, right, axis);
    case 6:
      return like(
        left,
        slice(x, ...shape.map((dim, at) => [at === axis && dim > 1 ? 1 : 0, dim, 1 + ((choice + at) % 3)] as const)),
      );
    case 7:
      return like(left, permute(x, [...shape.keys()].slice(1).concat(0)));
    case 8:
      return x.rank > 3 ? null : like(left, reshape(x, [...shape.slice(0, axis), 1, ...shape.slice(axis)]));
    case 9:
      return x.rank > 3 ? null : like(left, windowed(x, axis, choice));
    default:
      return x.rank > 3 ? null : like(left, broadcastTo(x, [1 + (choice % 3), ...shape]));
  }
}

function windowed(x: Tensor, axis: number, choice: number): Tensor {
  const [size, stride, dilation] = [1 + (choice % 3), 1 + ((choice >> 2) % 3), 1 + ((choice >> 4) % 2)];
  const padding = choice % 2 === 0 ? "same" : ([[size * dilation, choice % 4]] as const);
  return window(x, { axes: [axis], size, stride, dilation, padding });
}

/** Of a scalar, or of something large. */
function small(value: Value, choice: number): Value | null {
  const { x } = value;
  if (x.rank === 0) return like(value, choice % 2 === 0 ? broadcastTo(x, [1 + (choice % 5), 2]) : reshape(x, [1, 1]));
  return like(value, slice(x, [0, Math.min(2, Number(x.shape[0]))]));
}

function padded(value: Value, axis: number, choice: number): Value {
  const border = value.x.dtype === "f32" ? 0.5 : value.x.dtype === "bool" ? choice % 2 : 1;
  const widths = shapeOf(value).map((_, at) => (at === axis ? ([1, choice % 3] as const) : ([0, choice % 2] as const)));
  return {
    ...like(value, pad(value.x, widths, border)),
    bound: Math.max(1, value.bound),
    bits: Math.max(2, value.bits),
  };
}

function joined(left: Value, right: Value, axis: number): Value {
  const { x } = left;
  const others = (value: Value): string =>
    shapeOf(value)
      .filter((_, at) => at !== axis)
      .join();
  const fits = right.x.rank === x.rank && right.x.dtype === x.dtype && others(left) === others(right);
  return fits && countOf(right) <= manyElements
    ? either(concat([x, right.x, x], axis), left, right)
    : like(left, concat([x, x], axis));
}

/** Reading and writing at places that integers say, some of them out of range. */
export function indexed(values: readonly Value[], [, a, b, choice]: Step): Value | null {
  const source = pick(
    values.filter((value) => isFloat(value) || isInteger(value)),
    a,
  );
  const places = pick(values.filter(isInteger), b);
  const shape = shapeOf(source);
  if (countOf(source) > manyElements || countOf(places) > 40) return null;
  const axis = shape.length === 0 ? 0 : choice % shape.length;
  const start = places.x.rank === 0 ? places.x : null;
  switch (choice % 5) {
    case 0:
      return whole(oneHot(places.x, 1 + (choice % 4)));
    case 1:
      return shape.length === 0 || shape.length + places.x.rank > 5
        ? null
        : like(source, gather(source.x, places.x, { axis }));
    case 2: {
      const updates =
        shape.length < places.x.rank || places.x.shape.some((dim, at) => dim !== shape[at]) ? null : source;
      if (updates === null) return null;
      const terms = Math.max(1, countOf(places));
      const bits = updates.bits + Math.ceil(Math.log2(terms)) + 1;
      return exactly(
        scatterAdd(places.x, updates.x, 1 + (choice % 4)),
        terms * updates.bound,
        bits,
        terms * updates.error,
      );
    }
    case 3: {
      const part = shape.map((dim, at) => (at === axis ? Math.min(dim, 1 + (choice % 2)) : dim));
      return like(source, dynamicSlice(source.x, starts(shape.length, axis, start, choice), part));
    }
    default: {
      const other = pick(
        values.filter(({ x }) => x.dtype === source.x.dtype && x.rank === shape.length),
        b,
      );
      const part = slice(other.x, ...shapeOf(other).map((dim) => [0, Math.min(dim, 2)] as const));
      if (shapeOf(like(other, part)).some((dim, at) => dim > (shape[at] ?? 0))) return null;
      return either(dynamicUpdate(source.x, part, starts(shape.length, axis, start, choice)), source, other);
    }
  }
}

/** For each axis a number, or the value; the ends are clamped. */
function starts(rank: number, axis: number, value: Tensor | null, choice: number): readonly (Tensor | number)[] {
  return Array.from({ length: rank }, (_, at) => (at === axis && value !== null ? value : (choice + at) % 4));
}
