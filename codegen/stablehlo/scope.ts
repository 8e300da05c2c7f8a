/** The language of exporters for this one: what is written is text of StableHLO. */
import type { Node } from "../../src/graph/node.ts";
import * as exporter from "../graph-exporter.ts";
import type { Hlo, Value } from "./builder.ts";

export { operandValue, typeOf, valueFor } from "../graph-exporter.ts";

export type Scope = exporter.Scope<Hlo, Value>;
export type Results = exporter.Results<Value>;
export type OpWords = exporter.OpWords<Hlo, Value>;

/** Of an op with one result. */
export const single: (write: (scope: Scope, node: Node) => Value) => OpWords = exporter.single;
