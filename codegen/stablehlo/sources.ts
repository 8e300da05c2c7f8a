/** Sources: what comes from outside is an argument already; constants, and numbers that are counted or drawn. */
import { isFloat, roundTo } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import { attrsOf } from "../../src/graph/define.ts";
import { constant, iota, random, size } from "../../src/graph/ops/source.ts";
import { bindDim, fixedShape, sizeOf } from "../../src/graph/shape.ts";
import { type BitOps, threefry } from "../threefry-words.ts";
import type { Hlo, Value } from "./builder.ts";
import { converted } from "./maps.ts";
import { type OpWords, operandValue, single, typeOf } from "./scope.ts";

export const fromOutside: OpWords = (_, node) => {
  throw new CompilerBug(`${node.op.name} "${String(node.attrs.name)}" is no argument of its function`);
};

export const constantWords = single(({ builder: hlo }, node) => {
  const { dtype, value } = attrsOf(node, constant);
  return hlo.constant(dtype, value);
});

export const sizeWords = single(({ builder: hlo }, node) => {
  const { dtype, dim } = attrsOf(node, size);
  return hlo.constant(dtype, roundTo(dtype, bindDim(dim, {})));
});

export const iotaWords = single(({ builder: hlo }, node) => {
  const { dtype, shape, axis } = attrsOf(node, iota);
  return converted(hlo, hlo.iota("i32", fixedShape(shape), axis), dtype);
});

export const randomWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { stream } = attrsOf(node, random);
  const { dtype, shape } = typeOf(node);
  const bits = hlo.reshape(drawn(hlo, operandValue(scope, node), stream, sizeOf(shape)), shape);
  if (!isFloat(dtype)) return bits;
  // 24 bits fill an f32 exactly
  const whole = hlo.convert(hlo.binary("shift_right_logical", bits, hlo.like(bits, 8)), dtype);
  return hlo.binary("multiply", whole, hlo.like(whole, 2 ** -24));
});

function drawn(hlo: Hlo, counter: Value, stream: number, count: number): Value {
  const word = (i: number): Value => hlo.reshape(hlo.slice(counter, [i], [i + 1], [1]), []);
  const wide = (value: Value): Value => hlo.broadcast(value, [count]);
  const places = hlo.iota("u32", [count], 0);
  return threefry(bitOps(hlo), [wide(word(0)), hlo.constant("u32", stream, [count])], [wide(word(1)), places]);
}

function bitOps(hlo: Hlo): BitOps<Value> {
  const like = (x: Value, number: number): Value => hlo.like(x, number);
  return {
    add: (x, y) => hlo.binary("add", x, y),
    xor: (x, y) => hlo.binary("xor", x, y),
    rotated: (x, bits) => {
      const left = hlo.binary("shift_left", x, like(x, bits));
      return hlo.binary("or", left, hlo.binary("shift_right_logical", x, like(x, 32 - bits)));
    },
    like,
  };
}
