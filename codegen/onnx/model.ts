/**
 * An entry as an ONNX graph: its inputs are the inputs and states that the entry reads, and its outputs are the entry's outputs and
 * the new values of states. Names are those of the user's tree; the new value of a state `w` is `w_new`, and a name that is taken
 * gets a number: `Place.as` tells.
 */

import type { DType } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import type { Entry } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { input } from "../../src/graph/ops/source.ts";
import { sourcesOf, typeOf, wordsOf, writeEntry } from "../graph-exporter.ts";
import { elementOf, type Fresh, Onnx, type Value } from "./builder.ts";
import { elementNumbers, type OnnxGraph, type OnnxTensor } from "./graph.ts";
import type { OpWords } from "./scope.ts";
import { words } from "./words.ts";

/** An input or an output of the graph, in order. */
export interface Place {
  readonly kind: "input" | "state" | "output";
  /** The path in the user's tree. */
  readonly name: string;
  /** The name in the graph. */
  readonly as: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface OnnxModel {
  readonly graph: OnnxGraph;
  readonly inputs: readonly Place[];
  readonly outputs: readonly Place[];
}

/** `baked`: states whose values are part of the model, as initializers; bytes in order, little-endian. */
export function onnxModel(entry: Entry, baked: ReadonlyMap<string, Uint8Array> = new Map()): OnnxModel {
  const names = new Names();
  const sources = sourcesOf(entry);
  const places = sources.map((node) => {
    const kind = node.op === input ? ("input" as const) : ("state" as const);
    const name = String(node.attrs.name);
    return { kind, name, as: names.fresh(name, kind), ...typeOf(node) };
  });
  const outputs = [
    ...entry.outputs.map(({ name, node }): Place => {
      return { kind: "output", name, as: names.fresh(name, "output"), ...typeOf(node) };
    }),
    ...entry.next.map(({ name, node }): Place => {
      return { kind: "state", name, as: names.fresh(`${name}_new`, "state"), ...typeOf(node) };
    }),
  ];
  const onnx = new Onnx(names);
  const values = new Map(sources.map((node, i): [Node, Value] => [node, received(onnx, places[i])]));
  const results = writeEntry(entry, onnx, values, unlessEmpty(wordsOf(words)));
  [...results.outputs, ...results.next].forEach((value, i) => {
    const { as = "", dtype = "f32" } = outputs[i] ?? {};
    onnx.named(as, value, dtype);
  });
  const initializers = new Map<string, OnnxTensor>();
  const inputs = places.filter(({ kind, name, as, dtype, shape }) => {
    const bytes = kind === "state" ? baked.get(name) : undefined;
    if (bytes !== undefined) initializers.set(as, { element: dtype, shape, bytes });
    return bytes === undefined;
  });
  const told = (place: Place) => ({ name: place.as, element: place.dtype, shape: place.shape });
  const graph: OnnxGraph = {
    name: entry.name === "" ? "entry" : entry.name,
    nodes: onnx.nodes,
    inputs: inputs.map(told),
    outputs: outputs.map(told),
    initializers,
  };
  return { graph, inputs, outputs };
}

/** What stands for an input inside: floats of 16 bits are held as f32. */
function received(onnx: Onnx, place: Place | undefined): Value {
  if (place === undefined) throw new CompilerBug("an input without a place");
  const { as: name, dtype, shape } = place;
  const given = { name, dtype, shape, stored: shape };
  const element = elementOf(dtype);
  return element === dtype ? given : onnx.one("Cast", [given], given, { to: elementNumbers[element] });
}

/** Names of values and nodes; none is given twice. */
class Names implements Fresh {
  readonly #taken = new Set<string>();
  #values = 0;
  #nodes = 0;

  fresh(name: string, otherwise: string): string {
    const start = name === "" ? otherwise : name;
    let made = start;
    for (let i = 2; this.#taken.has(made); i++) made = `${start}_${i}`;
    this.#taken.add(made);
    return made;
  }

  value(): string {
    for (;;) {
      const name = `t${this.#values++}`;
      if (!this.#taken.has(name)) return name;
    }
  }

  node(op: string): string {
    return `${op}_${this.#nodes++}`;
  }
}

/** Where there is nothing, nothing is computed. */
function unlessEmpty(write: OpWords): OpWords {
  return (scope, node) => {
    const types = node.results.map(typeOf);
    const isEmpty = types.length > 0 && types.every(({ shape }) => shape.includes(0));
    return isEmpty ? types.map(({ dtype, shape }) => scope.builder.constant(dtype, 0, shape)) : write(scope, node);
  };
}
