/** What the words of an op are written with: the builder, and what stands for the nodes written so far. */

import type { DType } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import type { Entry } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { fixedShape } from "../../src/graph/shape.ts";
import type { Onnx, Value } from "./builder.ts";

export interface Scope {
  readonly onnx: Onnx;
  readonly values: Map<Node, Value>;
  /** Writes the nodes of a body into a graph: `given` are its parameters. */
  body(entry: Entry, onnx: Onnx, given: ReadonlyMap<Node, Value>): Results;
}

export interface Results {
  readonly outputs: readonly Value[];
  readonly next: readonly Value[];
}

/** A value for each result of an op. */
export type OpWords = (scope: Scope, node: Node) => readonly Value[];

/** Of an op with one result. */
export const single =
  (write: (scope: Scope, node: Node) => Value): OpWords =>
  (scope, node) => [write(scope, node)];

export function valueFor({ values }: Scope, node: Node | undefined): Value {
  const found = node === undefined ? undefined : values.get(node);
  if (found === undefined) throw new CompilerBug(`%${node?.id} ${node?.op.name} is read before it is written`);
  return found;
}

export function operandValue(scope: Scope, node: Node, place = 0): Value {
  return valueFor(scope, node.args[place]);
}

export function typeOf({ type }: Node): { readonly dtype: DType; readonly shape: readonly number[] } {
  return { dtype: type.dtype, shape: fixedShape(type.shape) };
}

/** Short floats are held as f32 numbers: as such. */
export function widened(x: Value): Value {
  return x.dtype === "f16" || x.dtype === "bf16" ? { ...x, dtype: "f32" } : x;
}
