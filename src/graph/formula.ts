/**
 * Small expressions as a person would write them: 3w². Ops say how they are written; the others are calls.
 */
import { CompilerBug } from "../core/errors.ts";
import { neededBy } from "./graph.ts";
import type { Formula, Node } from "./node.ts";

/** How an operation on two is written. */
type Joined = (operands: readonly [Formula, Formula]) => Formula;

const superscripts: Readonly<Record<string, string>> = {
  "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹", "-": "⁻",
}; // biome-ignore format: a table

function wrapped(formula: Formula, level: number): string {
  return formula.level < level ? `(${formula.text})` : formula.text;
}

export const product: Joined = ([left, right]) => {
  const number = /^-?[\d.]+$/;
  if (number.test(right.text) && !number.test(left.text)) return product([right, left]);
  const joint = number.test(left.text) && !/^[-\d]/.test(wrapped(right, 2)) ? "" : "·";
  return { text: `${wrapped(left, 2)}${joint}${wrapped(right, 2)}`, level: 2 };
};

export const raised: Joined = ([base, exponent]) => {
  const whole = /^-?\d+$/.test(exponent.text);
  const text = whole ? [...exponent.text].map((c) => superscripts[c] ?? c).join("") : `^${wrapped(exponent, 4)}`;
  return { text: wrapped(base, 4) + text, level: 3 };
};

export function infix(sign: string, level: number): Joined {
  return ([a, b]) => ({ text: `${wrapped(a, level)} ${sign} ${wrapped(b, level + 1)}`, level });
}

export function negated([x]: readonly [Formula]): Formula {
  return { text: `-${wrapped(x, 2)}`, level: 2 };
}

export function atom(text: string): Formula {
  return { text, level: 4 };
}

/** The node as a formula of inputs and states. Meant for small expressions: shared parts are written out. */
export function printFormula(node: Node): string {
  const formulas = new Map<Node, Formula>();
  const known = (of: Node): Formula => {
    const formula = formulas.get(of);
    if (formula === undefined) throw new CompilerBug(`%${of.id} is written after what reads it`);
    return formula;
  };
  for (const next of neededBy([node])) {
    const { op, attrs } = next;
    const operands = next.args.map(known);
    const call = `${op.name}(${operands.map(({ text }) => text).join(", ")})`;
    formulas.set(next, op.formula?.(operands, attrs) ?? atom(call));
  }
  return known(node).text;
}
