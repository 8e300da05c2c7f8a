/** Sources: what comes from outside is an input already; constants, and numbers that are counted or drawn. */
import { isFloat, roundTo } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import { attrsOf } from "../../src/graph/define.ts";
import { constant, iota, random, size } from "../../src/graph/ops/source.ts";
import { bindDim, fixedShape, sizeOf } from "../../src/graph/shape.ts";
import { type BitOps, threefry } from "../threefry-words.ts";
import type { Onnx, Value } from "./builder.ts";
import { converted } from "./maps.ts";
import { type OpWords, operandValue, single, typeOf } from "./scope.ts";

export const fromOutside: OpWords = (_, node) => {
  throw new CompilerBug(`${node.op.name} "${String(node.attrs.name)}" is no input of its graph`);
};

export const constantWords = single(({ builder: onnx }, node) => {
  const { dtype, value } = attrsOf(node, constant);
  return onnx.constant(dtype, value);
});

export const sizeWords = single(({ builder: onnx }, node) => {
  const { dtype, dim } = attrsOf(node, size);
  return onnx.constant(dtype, roundTo(dtype, bindDim(dim, {})));
});

export const iotaWords = single(({ builder: onnx }, node) => {
  const { dtype, shape, axis } = attrsOf(node, iota);
  return converted(onnx, onnx.iota("i32", fixedShape(shape), axis), dtype);
});

export const randomWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const { stream } = attrsOf(node, random);
  const { dtype, shape } = typeOf(node);
  const bits = onnx.reshape(drawn(onnx, operandValue(scope, node), stream, sizeOf(shape)), shape);
  if (!isFloat(dtype)) return bits;
  // 24 bits fill an f32 exactly
  const whole = onnx.cast(shifted(onnx, bits, 8, "RIGHT"), dtype === "f64" ? "f64" : "f32");
  return onnx.cast(onnx.each("Mul", [whole, onnx.like(whole, 2 ** -24)]), dtype);
});

function shifted(onnx: Onnx, x: Value, bits: number, direction: "LEFT" | "RIGHT"): Value {
  return onnx.each("BitShift", [x, onnx.like(x, bits)], "u32", { direction });
}

function drawn(onnx: Onnx, counter: Value, stream: number, count: number): Value {
  const word = (i: number): Value => onnx.spread(onnx.slice(counter, [i], [i + 1], [1]), [count], [0]);
  const places = onnx.iota("u32", [count], 0);
  return threefry(bitOps(onnx), [word(0), onnx.constant("u32", stream, [count])], [word(1), places]);
}

function bitOps(onnx: Onnx): BitOps<Value> {
  return {
    add: (x, y) => onnx.each("Add", [x, y]),
    xor: (x, y) => onnx.each("BitwiseXor", [x, y]),
    rotated: (x, bits) =>
      onnx.each("BitwiseOr", [shifted(onnx, x, bits, "LEFT"), shifted(onnx, x, 32 - bits, "RIGHT")]),
    like: (x, number) => onnx.like(x, number),
  };
}
