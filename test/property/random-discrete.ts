/**
 * The operations of random programs that jump: comparisons, roundings, logic and whole numbers. They take exact values only, so
 * every precision sees the same ties.
 */
import {
  abs,
  add,
  and,
  argmax,
  argmin,
  argsort,
  cast,
  ceil,
  div,
  equal,
  floor,
  greater,
  lessEqual,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  not,
  notEqual,
  or,
  relu,
  round,
  sign,
  sort,
  sub,
  sum,
  type Tensor,
  topK,
  where,
} from "../../src/index.ts";
import {
  broadcasts,
  countOf,
  either,
  exactly,
  isBool,
  isExact,
  isFloat,
  isInteger,
  like,
  partner,
  pick,
  type Step,
  shapeOf,
  type Value,
  whole,
} from "./random-value.ts";

type Bool = Tensor<readonly number[], "bool">;

/** On exact values, where every precision sees the same ties. */
export function discontinuous(exact: readonly Value[], [, a, b, choice]: Step): Value {
  const left = pick(exact, a);
  const right = partner(left, pick(exact, b));
  switch (choice % 9) {
    case 0:
      return either(maximum(left.x, right.x), left, right);
    case 1:
      return either(minimum(left.x, right.x), left, right);
    case 2:
      return like(left, relu(left.x));
    case 3:
      return like(left, abs(left.x));
    case 4:
      return exactly(floor(left.x), left.bound + 1, left.bits + 1);
    case 5:
      return exactly(ceil(left.x), left.bound + 1, left.bits + 1);
    case 6:
      return exactly(round(left.x), left.bound + 1, left.bits + 1);
    case 7:
      return whole(sign(left.x));
    default:
      return exactly(mod(left.x, 1.5), 1.5, left.bits + 2);
  }
}

/** Whole numbers, kept small; and from floats and back. */
export function integer(values: readonly Value[], [, a, b, choice]: Step): Value {
  const integers = values.filter(isInteger);
  const left = pick(integers, a);
  const right = partner(left, pick(integers, b));
  const [x, y] = [left.x, right.x];
  const source = pick(
    values.filter((value) => isFloat(value) && isExact(value)),
    a,
  );
  const axis = choice % Math.max(1, source.x.rank);
  switch (choice % 12) {
    case 0:
      return whole(add(x, y), left.bound + right.bound);
    case 1:
      return whole(sub(x, y), left.bound + right.bound);
    case 2:
      return whole(mod(mul(x, y) as Tensor, 7), 7);
    case 3:
      return whole(div(x, y), left.bound);
    case 4:
      return whole(mod(x, y), right.bound);
    case 5:
      return either(maximum(x, neg(y)), left, right);
    case 6:
      return like(
        left,
        x.rank === 0 || choice % 24 < 12 ? abs(x) : sort(x, { axis: choice % x.rank, descending: choice % 48 < 24 }),
      );
    case 7:
      return whole(cast(source.x, "i32"), source.bound);
    case 8:
      return source.x.rank > 0 && (shapeOf(source)[axis] ?? 0) > 0
        ? whole(placesOf(source.x, axis, Math.floor(choice / 12) % 4), 400)
        : whole(cast(source.x, "i32"), source.bound);
    case 9:
      return whole(cast(x, "f32"), left.bound);
    case 10:
      return whole(cast(cast(abs(x), "u8") as Tensor, "i32"), 255);
    default:
      return whole(sum(x), left.bound * Math.max(1, countOf(left)));
  }
}

function placesOf(x: Tensor, axis: number, which: number): Tensor {
  if (which === 0) return argmax(x, { axis });
  if (which === 1) return argmin(x, { axis });
  return which === 2 ? argsort(x, { axis }) : topK(x, 1, { axis }).indexes;
}

/** Comparisons of what is exact, logic, and choices. */
export function logical(values: readonly Value[], [, a, b, choice]: Step): Value {
  const exact = values.filter((value) => (isFloat(value) && isExact(value)) || isInteger(value));
  const left = pick(exact, a);
  const right = partner(
    left,
    pick(
      exact.filter(({ x }) => x.dtype === left.x.dtype),
      b,
    ),
  );
  const conditions = values.filter(isBool);
  const [one, other] = [pick(conditions, a), pick(conditions, b)];
  const [x, y] = [one.x as Bool, partner(one, other).x as Bool];
  switch (choice % 9) {
    case 0:
      return whole(greater(left.x, right.x));
    case 1:
      return whole(lessEqual(left.x, right.x));
    case 2:
      return whole(equal(left.x, right.x));
    case 3:
      return whole(notEqual(left.x, right.x));
    case 4:
      return whole(choice % 2 === 0 ? and(x, y) : or(x, y));
    case 5:
      return whole(not(x));
    case 6:
      return whole(cast(x, choice % 2 === 0 ? "f32" : "i32"));
    default: {
      const wanted = values.filter(isFloat);
      const [yes, no] = [pick(wanted, a), pick(wanted, b)];
      const chosen = broadcasts(one, yes) ? yes : null;
      const otherwise = chosen !== null && broadcasts(one, no) && broadcasts(chosen, no) ? no : null;
      if (chosen === null) return whole(cast(where(x, 1, 0.25) as Tensor, "f32"));
      if (otherwise === null) return { ...like(chosen, where(x, chosen.x, 0.25)), bits: Math.max(4, chosen.bits) };
      return either(where(x, chosen.x, otherwise.x), chosen, otherwise);
    }
  }
}
