/**
 * ONNX models as data: the parts of onnx.proto that are written here (https://onnx.ai/onnx/repo-docs/IR.html). Nodes stand in
 * the order of their data flow; a graph inside a node reads values of the graphs around it by their names.
 */

/** What elements of a tensor are: our dtypes, and the i64 of shapes, indexes and counters. */
export type Element = "f32" | "f64" | "f16" | "bf16" | "i32" | "i64" | "u32" | "u8" | "bool";

/** TensorProto.DataType */
export const elementNumbers: Readonly<Record<Element, number>> = {
  f32: 1,
  u8: 2,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  bf16: 16,
};

export interface OnnxTensor {
  readonly element: Element;
  readonly shape: readonly number[];
  /** Elements in order, little-endian. */
  readonly bytes: Uint8Array;
}

export interface OnnxValue {
  readonly name: string;
  readonly element: Element;
  readonly shape: readonly number[];
}

export type OnnxAttribute = number | string | readonly number[] | OnnxTensor | OnnxGraph;

export interface OnnxNode {
  /** Of the standard domain. */
  readonly op: string;
  /** Unlike any other node's, those of graphs inside included. */
  readonly name: string;
  /** Names of values; "" for one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Values that are there from the start, by name. */
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
}

/** onnxruntime of 2024 and newer reads both; what is newer than this by a year or more, old runtimes refuse. */
export const opset = 21;
export const irVersion = 10;
