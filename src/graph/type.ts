/**
 * Types of nodes: a tensor's dtype and shape, or a tuple of types for a node with several results.
 */

import type { DType } from "../core/dtype.ts";
import { CompilerBug } from "../core/errors.ts";
import { printShape, type Shape, sameShape } from "./shape.ts";

export interface TensorType {
  readonly kind: "tensor";
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface TupleType {
  readonly kind: "tuple";
  readonly elements: readonly NodeType[];
}

export type NodeType = TensorType | TupleType;

export function tensorType(dtype: DType, shape: Shape): TensorType {
  return { kind: "tensor", dtype, shape };
}

export function printType(type: NodeType): string {
  return type.kind === "tuple" ? `(${type.elements.map(printType).join(", ")})` : type.dtype + printShape(type.shape);
}

export function sameType(a: NodeType, b: NodeType): boolean {
  if (a.kind === "tensor") return b.kind === "tensor" && a.dtype === b.dtype && sameShape(a.shape, b.shape);
  if (b.kind === "tensor" || a.elements.length !== b.elements.length) return false;
  return a.elements.every((element, i) => sameType(element, b.elements[i] ?? element));
}

/** The tensor type of a node; tuples have to be picked apart first. */
export function typeOf(node: { readonly type: NodeType }): TensorType {
  if (node.type.kind === "tuple") throw new CompilerBug("a tuple where a tensor is needed");
  return node.type;
}
