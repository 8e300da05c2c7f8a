/** The language of exporters for this one: what is written are nodes of ONNX. */
import type { Node } from "../../src/graph/node.ts";
import * as exporter from "../graph-exporter.ts";
import type { Onnx, Value } from "./builder.ts";

export { operandValue, typeOf, valueFor } from "../graph-exporter.ts";

export type Scope = exporter.Scope<Onnx, Value>;
export type Results = exporter.Results<Value>;
export type OpWords = exporter.OpWords<Onnx, Value>;

/** Of an op with one result. */
export const single: (write: (scope: Scope, node: Node) => Value) => OpWords = exporter.single;

/** Short floats are held as f32 numbers: as such. */
export function widened(x: Value): Value {
  return x.dtype === "f16" || x.dtype === "bf16" ? { ...x, dtype: "f32" } : x;
}
