/**
 * An entry of a program as TensorBoard draws graphs: a GraphDef, with a node for each application of an op.
 *
 * Names with slashes are boxes within boxes. A node stands in the box of the user's functions that made it; where the calls are
 * not the user's (a trainer's), the states tell: what reads `model.dense1.kernel`, and what follows from it, is in `dense1`, what
 * meets the labels in `loss`, and what an optimizer makes of gradients in `optimizer`.
 */
import type { DType } from "../../core/dtype.ts";
import { userCalls } from "../../core/origin.ts";
import { type AttrValue, isClosed } from "../../graph/attrs.ts";
import { type Entry, neededNodes } from "../../graph/entry.ts";
import type { Node } from "../../graph/node.ts";
import { input, state } from "../../graph/ops/source.ts";
import { ownAttrs } from "../../graph/print.ts";
import type { Shape } from "../../graph/shape.ts";
import { writeShape } from "./event-writing.ts";
import { Message } from "./wire.ts";

export function encodeGraphDef(entry: Entry): Uint8Array {
  const nodes = [...new Set(neededNodes(entry).map((node) => node.results[0] ?? node))];
  const names = namesOf(nodes);
  const nameOf = (node: Node): string => {
    const { results, result } = node;
    const name = names.taken.get(results[0] ?? node) ?? "";
    return result === 0 ? name : `${name}:${result}`;
  };
  return Message.bytes((graph) => {
    for (const node of nodes) graph.message(1, (def) => writeNode(def, node, nameOf));
    for (const { name, node } of entry.outputs) {
      graph.message(1, (def) => writeResult(def, names.free(`outputs/${pathName(name)}`), "output", nameOf(node)));
    }
    for (const { name, node } of entry.next) {
      if (node.op === state) continue; // it stays as it is
      graph.message(1, (def) => writeResult(def, names.free(`next/${pathName(name)}`), "next", nameOf(node)));
    }
    graph.message(4, (versions) => versions.int(1, producerVersion));
  });
}

/** Of the attributes that `_output_shapes` is among. */
const producerVersion = 1000;

function writeNode(def: Message, node: Node, nameOf: (node: Node) => string): void {
  def.text(1, nameOf(node)).text(2, node.op.name);
  for (const arg of node.args) def.text(3, nameOf(arg));
  def.member(5, "T", (value) => value.int(6, dataTypeOf[node.type.dtype]));
  def.member(5, "_output_shapes", (value) =>
    value.message(1, (list) => {
      for (const { type } of node.results) list.message(7, (shape) => writeShape(shape, sizesOf(type.shape)));
    }),
  );
  for (const [name, value] of ownAttrs(node)) {
    def.member(5, name, (member) => member.raw(2, new TextEncoder().encode(attrText(value))));
  }
}

function writeResult(def: Message, name: string, op: string, from: string): void {
  def.text(1, name).text(2, op).text(3, from);
}

/** A dimension that is not known yet is -1. */
function sizesOf(shape: Shape): readonly number[] {
  return shape.map((size) => (typeof size === "number" ? size : -1));
}

function attrText(value: AttrValue): string {
  if (isClosed(value)) return value.text;
  return typeof value === "object" ? `[${value.join(", ")}]` : String(value);
}

/** Numbers in TensorFlow's DataType. */
const dataTypeOf: Readonly<Record<DType, number>> = {
  f32: 1, f64: 2, i32: 3, u8: 4, bool: 10, bf16: 14, f16: 19, u32: 22,
}; // biome-ignore format: a table

// ---- names ---------------------------------------------------------------------------------------------------------

class Names {
  readonly taken = new Map<Node, string>();
  readonly #used = new Map<string, number>();

  /** The name, or one with a number behind it. */
  free(name: string): string {
    const used = this.#used.get(name) ?? 0;
    this.#used.set(name, used + 1);
    return used === 0 ? name : this.free(`${name}_${used}`);
  }
}

function namesOf(nodes: readonly Node[]): Names {
  const names = new Names();
  const scopes = scopesOf(nodes);
  for (const node of nodes) {
    const own = isExternal(node) ? pathName(String(node.attrs.name)) : node.op.name;
    const scope = isExternal(node) ? "" : (scopes.get(node) ?? "other");
    names.taken.set(node, names.free(scope === "" ? own : `${scope}/${own}`));
  }
  return names;
}

function isExternal({ op }: Node): boolean {
  return op === input || op === state;
}

/** "model.dense1.kernel" -> "dense1/kernel", "opt.m.dense1.kernel" -> "optimizer/m/dense1/kernel". */
function pathName(path: string): string {
  const parts = path.split(".").map((part) => part.replace(/[^A-Za-z0-9_-]/g, "_").replace(/^[_-]+/, ""));
  const [first, ...rest] = parts;
  const inside =
    rest.length === 0 ? parts : first === "model" ? rest : first === "opt" ? ["optimizer", ...rest] : parts;
  return inside.map((part) => (part === "" ? "unnamed" : part)).join("/");
}

/** The box of each node. What only constants lead to stands with its first reader. */
function scopesOf(nodes: readonly Node[]): ReadonlyMap<Node, string> {
  const scopes = new Map<Node, string>();
  for (const node of nodes) {
    const scope = isExternal(node) ? undefined : (calledIn(node) ?? inherited(node, scopes));
    if (scope !== undefined) scopes.set(node, scope);
  }
  for (const node of nodes.toReversed()) {
    const scope = scopes.get(node);
    if (scope === undefined) continue;
    for (const arg of node.args) if (!isExternal(arg) && !scopes.has(arg)) scopes.set(arg, scope);
  }
  return scopes;
}

function calledIn({ origins: [origin] }: Node): string | undefined {
  const calls = origin === undefined ? [] : userCalls(origin).slice(0, -1);
  const names = calls.flatMap(({ name }) => (name === null ? [] : [pathName(name)]));
  return names.length === 0 ? undefined : names.join("/");
}

/** From what the node reads: the latest box that an operand is in, or that of a state. */
function inherited({ op, args }: Node, scopes: ReadonlyMap<Node, string>): string | undefined {
  if (op.kind === "transform") return "gradients";
  let found: string | undefined;
  for (const arg of args.toSorted((a, b) => a.id - b.id)) {
    const first = arg.results[0] ?? arg;
    const scope = isExternal(first) ? readScope(first) : scopes.get(first);
    if (scope === "optimizer" || scope === "gradients") return "optimizer";
    if (scope !== undefined && found !== "loss") found = scope;
  }
  return found;
}

function readScope({ op, attrs }: Node): string | undefined {
  const parts = String(attrs.name).split(".");
  if (op === input) return parts[0] === "y" || parts[0] === "weight" ? "loss" : undefined;
  if (parts[0] === "opt") return "optimizer";
  if (parts[0] === "model" && parts.length > 2) return pathName(parts.slice(0, -1).join("."));
  return undefined;
}
