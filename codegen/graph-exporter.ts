/**
 * Exporters of graphs: they take an entry as `specialize` leaves it. Its dimensions are numbers and its gradients are worked out,
 * and no target has had a hand in it.
 *
 *   %2: f32[4] = add %0 %1     ->     spell.add(node)
 *
 * An exporter has a spelling for every op, so `tsc` names the op that one lacks.
 */

import { CompilerBug } from "../src/core/errors.ts";
import { type Entry, neededNodes } from "../src/graph/entry.ts";
import type { Node } from "../src/graph/node.ts";
import type { OpName } from "../src/graph/op-names.ts";

/** What stands for a node. */
export type Spelling<T> = (node: Node) => T;

export type Spellings<T> = Readonly<Record<OpName, Spelling<T>>>;

/** What stands for each application of an op, in order: operands come before what reads them. */
export function spellGraph<T>(entry: Entry, spellings: Spellings<T>): readonly T[] {
  const names = new Map<string, Spelling<T>>(Object.entries(spellings));
  const applications = new Set(neededNodes(entry).map((node) => node.results[0] ?? node));
  return [...applications].map((node) => {
    const spell = names.get(node.op.name);
    if (spell === undefined)
      throw new CompilerBug(`an exporter meets ${node.op.name}, which is no op of a specialized entry`);
    return spell(node);
  });
}
