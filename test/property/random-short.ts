/**
 * The operations of random programs on floats of 16 bits. They take values that the type holds, and give what it holds: so whatever
 * is rounded on the way, on any target, changes nothing. No gradient flows: a slope would be rounded, on this side of a tie or that.
 */
import { shortFloats } from "../../src/core/dtype.ts";
import {
  add,
  cast,
  concat,
  flip,
  greater,
  maximum,
  mul,
  stopGradient,
  sub,
  sum,
  type Tensor,
  where,
} from "../../src/index.ts";
import { shortTypes } from "../op-case.ts";
import {
  countOf,
  either,
  exactly,
  isExact,
  like,
  partner,
  pick,
  type Step,
  shapeOf,
  type Value,
} from "./random-value.ts";

/** Null where the type does not hold what comes in, or what would come out. */
export function inShort(exact: readonly Value[], [, a, b, choice]: Step): Value | null {
  const dtype = pick(shortTypes, choice);
  const digits = shortFloats[dtype].fraction + 1;
  const held = exact.filter(({ bits }) => bits <= digits);
  if (held.length === 0) return null;
  const left = pick(held, a);
  const right = partner(left, pick(held, b));
  const made = short(left, right, Math.floor(choice / 2), (value) => cast(stopGradient(value.x), dtype) as Tensor);
  return made !== null && isExact(made) && made.bits <= digits ? { ...made, x: cast(made.x, "f32") as Tensor } : null;
}

function short(left: Value, right: Value, choice: number, of: (value: Value) => Tensor): Value | null {
  const [x, y] = [of(left), of(right)];
  const bits = Math.max(left.bits, right.bits) + 1;
  const shape = shapeOf(left);
  const axis = choice % Math.max(1, shape.length);
  switch (choice % 8) {
    case 0:
      return like(left, x);
    case 1:
      return exactly(add(x, y), left.bound + right.bound, bits);
    case 2:
      return exactly(sub(x, y), left.bound + right.bound, bits);
    case 3:
      return exactly(mul(x, y), left.bound * right.bound, left.bits + right.bits);
    case 4:
      return either(maximum(x, y), left, right);
    case 5: {
      const terms = countOf(left);
      return terms === 0 ? null : exactly(sum(x), left.bound * terms, left.bits + Math.ceil(Math.log2(terms)));
    }
    case 6:
      return shape.length === 0 ? null : like(left, concat([flip(x, [axis]) as Tensor, x], axis));
    default:
      return either(where(greater(x, y) as Tensor<readonly number[], "bool">, x, y), left, right);
  }
}
