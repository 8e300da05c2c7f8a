/**
 * What a box says: the op with the constants it takes, or the name of an input or state.
 *
 *   mul %7 (broadcast of 0.9)        ->   mul(·, 0.9)
 *   mul %7 %7                        ->   mul(x, x)
 *   contract, 128x784 by 784x512     ->   contract ik,kj
 *   sum axes=[1]                     ->   sum over 1
 *
 * Constants, sizes and what only spreads them are part of their reader's text; a broadcast of anything else is part of the
 * line that leads to its reader.
 */
import { isContract, isOp, isReduce } from "../../src/graph/define.ts";
import type { ContractSchema, Node, NodeOf } from "../../src/graph/node.ts";
import { freeAxes } from "../../src/graph/ops/contract.ts";
import { constant, input, size, state } from "../../src/graph/ops/source.ts";
import { broadcast } from "../../src/graph/ops/view.ts";

/** An operand as it is drawn: a text inside the reader's box, or a line from another node. */
export type Operand =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "line"; readonly node: Node; readonly spread: boolean };

/** What a node reads, seen through broadcasts; `isKept` nodes are drawn whatever they are. */
export function operandsOf(node: Node, isKept: (node: Node) => boolean): readonly Operand[] {
  return node.args.map((arg) => {
    const from = seenThrough(arg, isKept);
    const text = isKept(from) ? null : constantText(from);
    return text === null ? { kind: "line", node: from, spread: from !== arg } : { kind: "text", text };
  });
}

/** What an operand is without broadcasts. */
export function seenThrough(node: Node, isKept: (node: Node) => boolean): Node {
  let from = node;
  while (isOp(from, broadcast) && !isKept(from)) [from] = from.args;
  return from;
}

/** Whether a node has no box of its own. */
export function isFolded(node: Node, isKept: (node: Node) => boolean): boolean {
  return !isKept(node) && (node.op === broadcast || constantText(node) !== null);
}

function constantText(node: Node): string | null {
  if (isOp(node, constant)) return numberText(node.attrs.value);
  if (isOp(node, size)) return `|${node.attrs.dim}|`;
  return null;
}

/** The fewest digits that give the same f32: 0.8999999761581421 -> 0.9. */
export function numberText(value: number): string {
  if (Math.fround(value) !== value || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

export function titleOf(node: Node, operands: readonly Operand[]): string {
  if (node.op === input || node.op === state) return String(node.attrs.name);
  if (node.op === constant || node.op === size) return constantText(node) ?? node.op.name;
  return `${node.op.name}${argumentsText(operands)}${detailOf(node)}`;
}

/** Nothing where each operand is a line of its own. A line that is several operands is called x. */
function argumentsText(operands: readonly Operand[]): string {
  const lines = operands.flatMap((operand) => (operand.kind === "line" ? [operand.node] : []));
  if (lines.length === operands.length && new Set(lines).size === lines.length) return "";
  const texts = operands.map((operand) => {
    if (operand.kind === "text") return operand.text;
    return lines.indexOf(operand.node) === lines.lastIndexOf(operand.node) ? "·" : "x";
  });
  return `(${texts.join(", ")})`;
}

/** Attributes that change what is computed and that the type does not tell. */
function detailOf(node: Node): string {
  if (isReduce(node)) return node.type.shape.length === 0 ? " over all" : ` over ${node.attrs.axes.join(",")}`;
  return isContract(node) ? ` ${contractText(node)}` : "";
}

/** As einsum writes it: ik,kj is a matmul. Letters from k on are summed over, letters from a on are batches. */
function contractText({ args, attrs }: NodeOf<ContractSchema, 2>): string {
  const { batchLeft, batchRight, sumLeft, sumRight } = attrs;
  const free = [..."ijmnopq"];
  const side = (arg: Node, batch: readonly number[], summed: readonly number[]): string => {
    const rank = arg.type.shape.length;
    const letters = new Map<number, string>();
    for (const [i, axis] of batch.entries()) letters.set(axis, "abcdefgh"[i] ?? "?");
    for (const [i, axis] of summed.entries()) letters.set(axis, "klrstuvw"[i] ?? "?");
    for (const axis of freeAxes(rank, batch, summed)) letters.set(axis, free.shift() ?? "?");
    return Array.from({ length: rank }, (_, axis) => letters.get(axis) ?? "?").join("");
  };
  return `${side(args[0], batchLeft, sumLeft)},${side(args[1], batchRight, sumRight)}`;
}
