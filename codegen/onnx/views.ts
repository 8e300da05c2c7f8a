/** Views: the elements of operands in other places. */
import { roundTo } from "../../src/core/dtype.ts";
import { attrsOf } from "../../src/graph/define.ts";
import { concat, pad, slice } from "../../src/graph/ops/parts.ts";
import { broadcast, flip, permute } from "../../src/graph/ops/view.ts";
import { fixedShape } from "../../src/graph/shape.ts";
import { type WindowOps, windowed, windowsSummed } from "../window-words.ts";
import type { Onnx, Value } from "./builder.ts";
import { operandValue, single, typeOf, valueFor, widened } from "./scope.ts";

export const reshapeWords = single((scope, node) =>
  scope.builder.reshape(operandValue(scope, node), typeOf(node).shape),
);

export const permuteWords = single((scope, node) =>
  scope.builder.transpose(operandValue(scope, node), attrsOf(node, permute).order),
);

export const broadcastWords = single((scope, node) =>
  scope.builder.spread(operandValue(scope, node), typeOf(node).shape, attrsOf(node, broadcast).axes),
);

export const flipWords = single((scope, node) =>
  scope.builder.flip(operandValue(scope, node), attrsOf(node, flip).axes),
);

export const sliceWords = single((scope, node) => {
  const { start, stop, step } = attrsOf(node, slice);
  return scope.builder.slice(operandValue(scope, node), fixedShape(start), fixedShape(stop), step);
});

export const padWords = single((scope, node) => {
  const { before, after, inner, value } = attrsOf(node, pad);
  const x = operandValue(scope, node);
  return scope.builder.pad(x, scope.builder.constant(x.dtype, roundTo(node.type.dtype, value)), before, after, inner);
});

export const concatWords = single((scope, node) =>
  scope.builder.concatenate(
    node.args.map((arg) => valueFor(scope, arg)),
    attrsOf(node, concat).axis,
  ),
);

/** onnxruntime moves nothing past anything: there is nothing to hold back. */
export const barrierWords = single((scope, node) => operandValue(scope, node));

// ---- windows -------------------------------------------------------------------------------------------------------

/** What windows are written in. */
function windowOps(onnx: Onnx): WindowOps<Value> {
  return {
    pad: (...given) => onnx.pad(...given),
    slice: (...given) => onnx.slice(...given),
    reshape: (...given) => onnx.reshape(...given),
    concatenate: (...given) => onnx.concatenate(...given),
    filled: (value, shape) => ({ ...value, shape }),
    sum: (x, y) => onnx.each("Add", [x, y]),
  };
}

export const windowWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const x = operandValue(scope, node);
  return windowed(node, x, windowOps(onnx), (value) => onnx.constant(x.dtype, value));
});

export const windowSumWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const windows = widened(operandValue(scope, node));
  return onnx.cast(windowsSummed(node, windows, windowOps(onnx), onnx.constant(windows.dtype, 0)), node.type.dtype);
});
