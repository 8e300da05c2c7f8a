/** Views: the elements of operands in other places. */
import { roundTo } from "../../src/core/dtype.ts";
import { attrsOf } from "../../src/graph/define.ts";
import { concat, pad, slice } from "../../src/graph/ops/parts.ts";
import { broadcast, flip, permute } from "../../src/graph/ops/view.ts";
import { fixedShape } from "../../src/graph/shape.ts";
import { type WindowOps, windowed, windowsSummed } from "../window-words.ts";
import { type Hlo, namesOf, typesOf, type Value } from "./builder.ts";
import { operandValue, single, typeOf, valueFor } from "./scope.ts";
import { narrowed, widened } from "./short-floats.ts";

export const reshapeWords = single((scope, node) =>
  scope.builder.reshape(operandValue(scope, node), typeOf(node).shape),
);

export const permuteWords = single((scope, node) =>
  scope.builder.transpose(operandValue(scope, node), attrsOf(node, permute).order),
);

export const broadcastWords = single((scope, node) => {
  const { axes } = attrsOf(node, broadcast);
  return scope.builder.broadcast(operandValue(scope, node), typeOf(node).shape, axes);
});

export const flipWords = single((scope, node) => {
  const x = operandValue(scope, node);
  const { axes } = attrsOf(node, flip);
  return axes.length === 0 ? x : scope.builder.unary("reverse", x, `, dims = [${axes.join(", ")}]`);
});

export const sliceWords = single((scope, node) => {
  const { start, stop, step } = attrsOf(node, slice);
  return scope.builder.slice(operandValue(scope, node), fixedShape(start), fixedShape(stop), step);
});

export const padWords = single((scope, node) => {
  const { before, after, inner, value } = attrsOf(node, pad);
  const x = operandValue(scope, node);
  return scope.builder.pad(x, scope.builder.constant(x.dtype, roundTo(x.dtype, value)), before, after, inner);
});

export const concatWords = single((scope, node) => {
  const parts = node.args.map((arg) => valueFor(scope, arg));
  return scope.builder.concatenate(parts, attrsOf(node, concat).axis);
});

export const barrierWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const given = node.args.map((arg) => valueFor(scope, arg));
  const [x = hlo.constant("f32", 0)] = hlo.several(
    given,
    `stablehlo.optimization_barrier ${namesOf(given)} : ${typesOf(given)}`,
  );
  return x;
});

// ---- windows -------------------------------------------------------------------------------------------------------

/** What windows are written in. */
function windowOps(hlo: Hlo): WindowOps<Value> {
  return {
    pad: (...given) => hlo.pad(...given),
    slice: (...given) => hlo.slice(...given),
    reshape: (...given) => hlo.reshape(...given),
    concatenate: (...given) => hlo.concatenate(...given),
    filled: (value, shape) => hlo.broadcast(value, shape),
    sum: (x, y) => hlo.binary("add", x, y),
  };
}

export const windowWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const x = operandValue(scope, node);
  return windowed(node, x, windowOps(hlo), (value) => hlo.constant(x.dtype, value));
});

export const windowSumWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const windows = widened(hlo, operandValue(scope, node));
  const sum = windowsSummed(node, windows, windowOps(hlo), hlo.constant(windows.dtype, 0));
  return narrowed(hlo, sum, node.type.dtype);
});
