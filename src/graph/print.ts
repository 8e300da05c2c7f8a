/**
 * The printer of the graph language: one line a node in id order, deterministic, so that texts can be compared.
 *
 *   %2: f32[128,512] = contract %0 %1 sumLeft=[1] sumRight=[0]
 *
 * and `printFormula`, which writes a small expression as a person would: 3w².
 */

import type { AttrValue } from "./attrs.ts";
import type { Entry } from "./entry.ts";
import { neededBy } from "./graph.ts";
import type { Node } from "./node.ts";
import { sameShape } from "./shape.ts";
import { printType } from "./type.ts";

function printAttr(value: AttrValue): string {
  if (typeof value === "object") return `[${value.map(printAttr).join(",")}]`;
  return typeof value === "string" && !/^[\w.$*+-]+$/.test(value) ? JSON.stringify(value) : String(value);
}

/** Attributes that are no names and that the (first) type does not tell. */
export function ownAttrs({ op, attrs, results: [first] }: Node): [string, AttrValue][] {
  return Object.entries(attrs).filter(([name, value]) => {
    const kind = op.schema[name];
    if (kind === "dtype") return value !== first?.type.dtype;
    if (kind === "shape" && typeof value === "object")
      return first === undefined || !sameShape(value, first.type.shape);
    return value !== undefined;
  });
}

/** The application that a node is a result of. */
export function printNode(node: Node): string {
  const { op, args, results } = node;
  const printed = ownAttrs(node)
    .filter(([, value]) => !(typeof value === "object" && value.length === 0))
    .map(([name, value]) => ` ${name}=${printAttr(value)}`);
  const operands = args.map((arg) => ` %${arg.id}`);
  const made = results.map(({ id, type }) => `%${id}: ${printType(type)}`).join(", ");
  return `${made} = ${op.name}${operands.join("")}${printed.join("")}`;
}

export function printEntry(entry: Entry): string {
  const needed = neededBy([...entry.outputs, ...entry.next].map((r) => r.node));
  const applications = new Map(needed.map((node) => [node.results, node]));
  const results = [
    ...entry.outputs.map(({ name, node }) => `output ${printAttr(name)} = %${node.id}`),
    ...entry.next.map(({ name, node }) => `next ${printAttr(name)} = %${node.id}`),
  ];
  return [`entry ${entry.name}`, ...[...applications.values()].map(printNode), ...results].join("\n");
}

// ---- formulas ------------------------------------------------------------------------------------------------------

interface Piece {
  readonly text: string;
  /** How tightly it binds: 1 sum, 2 product, 3 power, 4 atom. */
  readonly level: number;
}

const superscripts: Readonly<Record<string, string>> = {
  "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹", "-": "⁻",
}; // biome-ignore format: a table

function wrapped(piece: Piece, level: number): string {
  return piece.level < level ? `(${piece.text})` : piece.text;
}

function product([a, b]: readonly Piece[]): Piece {
  const [left, right] = [a as Piece, b as Piece];
  const number = /^-?[\d.]+$/;
  if (number.test(right.text) && !number.test(left.text)) return product([right, left]);
  const joint = number.test(left.text) && !/^[-\d]/.test(wrapped(right, 2)) ? "" : "·";
  return { text: `${wrapped(left, 2)}${joint}${wrapped(right, 2)}`, level: 2 };
}

function raised([a, b]: readonly Piece[]): Piece {
  const [base, exponent] = [a as Piece, b as Piece];
  const whole = /^-?\d+$/.test(exponent.text);
  const text = whole ? [...exponent.text].map((c) => superscripts[c] ?? c).join("") : `^${wrapped(exponent, 4)}`;
  return { text: wrapped(base, 4) + text, level: 3 };
}

function infix(sign: string, level: number, [a, b]: readonly Piece[]): Piece {
  return { text: `${wrapped(a as Piece, level)} ${sign} ${wrapped(b as Piece, level + 1)}`, level };
}

function printPiece(node: Node, args: readonly Piece[]): Piece {
  switch (node.op.name) {
    case "input":
    case "state":
      return { text: String(node.attrs.name), level: 4 };
    case "constant":
      return { text: String(node.attrs.value), level: Number(node.attrs.value) < 0 ? 2 : 4 };
    case "broadcast":
    case "reshape":
      return args[0] as Piece;
    case "add":
      return infix("+", 1, args);
    case "sub":
      return infix("-", 1, args);
    case "div":
      return infix("/", 2, args);
    case "mul":
      return product(args);
    case "pow":
      return raised(args);
    case "neg":
      return { text: `-${wrapped(args[0] as Piece, 2)}`, level: 2 };
    default:
      return { text: `${node.op.name}(${args.map((a) => a.text).join(", ")})`, level: 4 };
  }
}

/** The node as a formula of inputs and states. Meant for small expressions: shared parts are written out. */
export function printFormula(node: Node): string {
  const pieces = new Map<Node, Piece>();
  for (const next of neededBy([node])) {
    pieces.set(
      next,
      printPiece(
        next,
        next.args.map((arg) => pieces.get(arg) as Piece),
      ),
    );
  }
  return (pieces.get(node) as Piece).text;
}
