/** The bytes of an ONNX model: protocol buffers by the field numbers of onnx.proto, and a second file where tensors are large. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  elementNumbers,
  irVersion,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  opset,
} from "./graph.ts";

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** Initializers that lie beside the model; absent where they lie in it. */
  readonly external?: Uint8Array;
}

/** A protocol buffer ends at 2 GiB; what comes near is written into a second file. */
const mostInside = 2 ** 30;
/** External tensors begin at whole pages, so that they can be mapped into memory. */
const page = 4096;

/** Writes the fields of a message. */
type Write = (out: BinaryWriter) => void;

/** `externalName`: what the second file is called, if there is one; it lies in the model's folder. */
export function modelFile(graph: OnnxGraph, externalName: string, most = mostInside): ModelFile {
  const total = [...graph.initializers.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  const places = total > most ? placesOf(graph.initializers) : undefined;
  const out = new BinaryWriter();
  int(out, 1, irVersion);
  text(out, 2, "tensorloom");
  message(out, 7, (inner) => {
    writeGraph(inner, graph);
    for (const [name, tensor] of graph.initializers) {
      const offset = places?.offsets.get(name);
      message(inner, 5, (each) =>
        writeTensor(each, tensor, name, offset === undefined ? undefined : { externalName, offset }),
      );
    }
  });
  message(out, 8, (inner) => int(inner, 2, opset));
  if (places === undefined) return { bytes: out.finish() };
  const external = new Uint8Array(places.length);
  for (const [name, { bytes }] of graph.initializers) external.set(bytes, places.offsets.get(name));
  return { bytes: out.finish(), external };
}

function placesOf(tensors: OnnxGraph["initializers"]) {
  const offsets = new Map<string, number>();
  let length = 0;
  for (const [name, { bytes }] of tensors) {
    const offset = Math.ceil(length / page) * page;
    offsets.set(name, offset);
    length = offset + bytes.length;
  }
  return { offsets, length };
}

/** All but the initializers. */
function writeGraph(out: BinaryWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(out, 1, (inner) => writeNode(inner, node));
  text(out, 2, graph.name);
  for (const value of graph.inputs) message(out, 11, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) message(out, 12, (inner) => writeValue(inner, value));
}

function writeNode(out: BinaryWriter, node: OnnxNode): void {
  for (const name of node.inputs) text(out, 1, name);
  for (const name of node.outputs) text(out, 2, name);
  text(out, 3, node.name);
  text(out, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(out, 5, (inner) => {
      text(inner, 1, name);
      writeAttribute(inner, value);
    });
  }
}

const kinds = { int: 2, text: 3, tensor: 4, graph: 5, ints: 7 };

function writeAttribute(out: BinaryWriter, value: OnnxAttribute): void {
  if (typeof value === "number") {
    int(out, 3, value);
    int(out, 20, kinds.int);
  } else if (typeof value === "string") {
    text(out, 4, value);
    int(out, 20, kinds.text);
  } else if ("nodes" in value) {
    message(out, 6, (inner) => writeGraph(inner, value));
    int(out, 20, kinds.graph);
  } else if ("bytes" in value) {
    message(out, 5, (inner) => writeTensor(inner, value));
    int(out, 20, kinds.tensor);
  } else {
    for (const each of value) int(out, 8, each);
    int(out, 20, kinds.ints);
  }
}

interface Place {
  readonly externalName: string;
  readonly offset: number;
}

function writeTensor(out: BinaryWriter, { element, shape, bytes }: OnnxTensor, name?: string, place?: Place): void {
  for (const extent of shape) int(out, 1, extent);
  int(out, 2, elementNumbers[element]);
  if (name !== undefined) text(out, 8, name);
  if (place === undefined) {
    out.tag(9, WireType.LengthDelimited).bytes(bytes);
    return;
  }
  const told = { location: place.externalName, offset: String(place.offset), length: String(bytes.length) };
  for (const [key, value] of Object.entries(told)) {
    message(out, 13, (inner) => {
      text(inner, 1, key);
      text(inner, 2, value);
    });
  }
  int(out, 14, 1);
}

function writeValue(out: BinaryWriter, { name, element, shape }: OnnxValue): void {
  text(out, 1, name);
  message(out, 2, (type) =>
    message(type, 1, (tensor) => {
      int(tensor, 1, elementNumbers[element]);
      message(tensor, 2, (dims) => {
        for (const extent of shape) message(dims, 1, (dim) => int(dim, 1, extent));
      });
    }),
  );
}

function int(out: BinaryWriter, field: number, value: number): void {
  out.tag(field, WireType.Varint).int64(value);
}

function text(out: BinaryWriter, field: number, value: string): void {
  out.tag(field, WireType.LengthDelimited).string(value);
}

function message(out: BinaryWriter, field: number, write: Write): void {
  out.tag(field, WireType.LengthDelimited).fork();
  write(out);
  out.join();
}
