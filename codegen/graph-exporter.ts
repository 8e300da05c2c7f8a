/**
 * Exporters of graphs: they take an entry as `specialize` leaves it. Its dimensions are numbers and its gradients are worked out,
 * and no target has had a hand in it.
 *
 *   %2: f32[4] = add %0 %1     ->     words.add(scope, node)     ->     what stands for %2
 *
 * An exporter has words for every op (word-table.ts), so `tsc` names the op that one lacks. B is what it writes with, V what
 * stands for a value.
 */
import type { DType } from "../src/core/dtype.ts";
import { CompilerBug } from "../src/core/errors.ts";
import { type Entry, neededNodes } from "../src/graph/entry.ts";
import type { Node } from "../src/graph/node.ts";
import type { OpName } from "../src/graph/op-names.ts";
import { input, state } from "../src/graph/ops/source.ts";
import { fixedShape } from "../src/graph/shape.ts";

/** What the words of an op are written with: the builder, and what stands for the nodes written so far. */
export interface Scope<B, V> {
  readonly builder: B;
  readonly values: Map<Node, V>;
  /** Writes the nodes of a body by another builder: `given` are its parameters. */
  body(entry: Entry, builder: B, given: ReadonlyMap<Node, V>): Results<V>;
}

export interface Results<V> {
  readonly outputs: readonly V[];
  readonly next: readonly V[];
}

/** A value for each result of an op. */
export type OpWords<B, V> = (scope: Scope<B, V>, node: Node) => readonly V[];

export type WordTable<B, V> = Readonly<Record<OpName, OpWords<B, V>>>;

/** Of an op with one result. */
export const single =
  <B, V>(write: (scope: Scope<B, V>, node: Node) => V): OpWords<B, V> =>
  (scope, node) => [write(scope, node)];

export function valueFor<V>({ values }: Pick<Scope<unknown, V>, "values">, node: Node | undefined): V {
  const found = node === undefined ? undefined : values.get(node);
  if (found === undefined) throw new CompilerBug(`%${node?.id} ${node?.op.name} is read before it is written`);
  return found;
}

export function operandValue<V>(scope: Pick<Scope<unknown, V>, "values">, node: Node, place = 0): V {
  return valueFor(scope, node.args[place]);
}

export function typeOf({ type }: Node): { readonly dtype: DType; readonly shape: readonly number[] } {
  return { dtype: type.dtype, shape: fixedShape(type.shape) };
}

/** What an entry is fed and keeps: its inputs and states, in the order of their nodes. */
export function sourcesOf(entry: Entry): readonly Node[] {
  return neededNodes(entry).filter(({ op }) => op === input || op === state);
}

/**
 * Writes everything that the results of an entry need, operands before what reads them; `given` stand for its sources.
 * `write`: what is written of an op.
 */
export function writeEntry<B, V>(
  entry: Entry,
  builder: B,
  given: ReadonlyMap<Node, V>,
  write: OpWords<B, V>,
): Results<V> {
  const body: Scope<B, V>["body"] = (inner, by, parameters) => writeEntry(inner, by, parameters, write);
  const scope: Scope<B, V> = { builder, values: new Map(given), body };
  for (const node of new Set(neededNodes(entry).map((one) => one.results[0] ?? one))) {
    if (scope.values.has(node)) continue; // given
    write(scope, node).forEach((value, i) => {
      const result = node.results[i];
      if (result !== undefined) scope.values.set(result, value);
    });
  }
  const value = ({ node }: { readonly node: Node }): V => valueFor(scope, node);
  return { outputs: entry.outputs.map(value), next: entry.next.map(value) };
}

/** Looks the words of an op up by its name. */
export function wordsOf<B, V>(table: WordTable<B, V>): OpWords<B, V> {
  const named = new Map<string, OpWords<B, V>>(Object.entries(table));
  return (scope, node) => {
    const write = named.get(node.op.name);
    if (write === undefined)
      throw new CompilerBug(`an exporter meets ${node.op.name}, which is no op of a specialized entry`);
    return write(scope, node);
  };
}
