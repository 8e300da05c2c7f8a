/**
 * What a pass changed, from the graphs before and behind it. A pass makes its graph anew, with numbers of its own, so nodes have to be
 * found again:
 *
 *   1. what followed the pass has told (`told`): rewrites are known exactly, law by law
 *   2. equal nodes on operands that were found are the same node
 *   3. of what is left: the same operation from the same call in the user's code, in order, reads something else now
 *   4. of what is left then: what has the trace of something that has gone stands in its place
 *
 * Nodes of bodies are compared as those of the graph that the body stands in, by their keys.
 */
import { bodiesOf } from "../../graph/body.ts";
import { type Entry, neededNodes } from "../../graph/entry.ts";
import type { Node } from "../../graph/node.ts";
import { printType } from "../../graph/type.ts";
import type { Change, Law } from "./exploration.ts";
import type { Viewed } from "./graph-view.ts";

/** What was told of a pass while it ran. */
export interface Told {
  /** What stands in the end in the place of a node; undefined where nothing was told of it. */
  endOf(before: Node): Node | undefined;
  readonly laws: readonly { readonly law: string; readonly before: Node }[];
}

export interface Compared {
  readonly entry: Entry;
  readonly viewed: Viewed;
}

export const noChange: Change = { added: [], removed: [], rewritten: [], kept: [], laws: [] };

export function changeBetween(before: Compared, behind: Compared, told: Told | null = null): Change {
  if (before.entry === behind.entry) return noChange;
  const olds = allNodes(before.entry);
  const news = allNodes(behind.entry);
  const found = new Map<Node, Node>(); // new -> old
  const used = new Set<Node>();
  const pair = (old: Node, made: Node): void => {
    if (found.has(made) || used.has(old)) return;
    found.set(made, old);
    used.add(old);
  };
  const isThere = new Set(news);
  if (told !== null) {
    for (const old of olds) {
      const end = told.endOf(old);
      if (end !== undefined && isThere.has(end) && signature(old) === signature(end)) pair(old, end);
    }
  }
  const byOperation = groups(olds, signature);
  for (const made of news) {
    if (found.has(made)) continue;
    const same = byOperation.get(signature(made))?.find((old) => !used.has(old) && sameOperands(old, made, found));
    if (same !== undefined) pair(same, made);
  }
  const callKey = callKeys();
  const byCall = groups(
    olds.filter((old) => !used.has(old)),
    callKey,
  );
  for (const made of news) {
    if (found.has(made)) continue;
    const same = byCall.get(callKey(made))?.find((old) => !used.has(old));
    if (same !== undefined) pair(same, made);
  }
  const standing = new Map<Node, Node>(); // old -> what stands in its place
  if (told !== null) {
    for (const old of olds) {
      const end = used.has(old) ? undefined : told.endOf(old);
      if (end !== undefined && isThere.has(end)) standing.set(old, end);
    }
  }
  const byTrace = groups(
    news.filter((made) => !found.has(made)),
    traceOf,
  );
  for (const old of olds) {
    if (used.has(old) || standing.has(old)) continue;
    const trace = traceOf(old);
    const made = trace === undefined ? undefined : byTrace.get(trace)?.at(-1);
    if (made !== undefined) standing.set(old, made);
  }
  return written(before, behind, { olds, news, found, used, standing }, told);
}

interface Matched {
  readonly olds: readonly Node[];
  readonly news: readonly Node[];
  readonly found: ReadonlyMap<Node, Node>;
  readonly used: ReadonlySet<Node>;
  readonly standing: ReadonlyMap<Node, Node>;
}

function written(
  { viewed: { keyOf: oldKey } }: Compared,
  { viewed: { keyOf: newKey } }: Compared,
  { olds, news, found, used, standing }: Matched,
  told: Told | null,
): Change {
  const old = (node: Node): string => oldKey.get(node) ?? "";
  const made = (node: Node): string => newKey.get(node) ?? "";
  const kept: [string, string][] = [];
  const rewritten: [string, string][] = [];
  const isPlace = new Set(standing.values());
  for (const [after, before] of found) {
    const isEqual = signature(before) === signature(after) && sameOperands(before, after, found);
    if (!isEqual) rewritten.push([old(before), made(after)]);
    else if (old(before) !== made(after)) kept.push([old(before), made(after)]);
  }
  for (const [before, after] of standing) rewritten.push([old(before), made(after)]);
  const places = new Map(rewritten);
  for (const [before, after] of kept) places.set(before, after);
  const isMade = new Set(newKey.values());
  const laws = (told?.laws ?? []).flatMap(({ law, before }): Law[] => {
    const key = oldKey.get(before);
    if (key === undefined) return [];
    const end = told?.endOf(before);
    const after = end === undefined ? undefined : newKey.get(end);
    return [{ law, before: key, after: after !== undefined && isMade.has(after) ? after : (places.get(key) ?? null) }];
  });
  return {
    added: news.filter((node) => !found.has(node) && !isPlace.has(node)).map(made),
    removed: olds.filter((node) => !used.has(node) && !standing.has(node)).map(old),
    rewritten,
    kept,
    laws,
  };
}

function allNodes(entry: Entry): readonly Node[] {
  const found: Node[] = [];
  const add = (inside: Entry): void => {
    for (const node of neededNodes(inside)) {
      if (node.result === 0) for (const [, body] of bodiesOf(node)) add(body.entry);
      found.push(node);
    }
  };
  add(entry);
  return [...new Set(found)];
}

/** What a node is, but for its operands. A body's own changes are told of its nodes. */
function signature(node: Node): string {
  const { op, key, result } = node;
  return `${op.name} ${result} ${bodiesOf(node).length > 0 ? "" : key} ${printType(node.type)}`;
}

/** Traces have no names, so they get numbers: the same operation from the same call has the same key. */
function callKeys(): (node: Node) => string {
  const numbers = new Map<Error | undefined, number>();
  return ({ op, result, origins }) => {
    const trace = origins[0]?.trace;
    const number = numbers.get(trace) ?? numbers.size;
    numbers.set(trace, number);
    return `${op.name} ${result} ${number}`;
  };
}

function traceOf({ origins }: Node): Error | undefined {
  return origins[0]?.trace;
}

function sameOperands(old: Node, made: Node, found: ReadonlyMap<Node, Node>): boolean {
  return old.args.length === made.args.length && made.args.every((arg, i) => found.get(arg) === old.args[i]);
}

function groups<K>(nodes: readonly Node[], keyOf: (node: Node) => K): ReadonlyMap<K, readonly Node[]> {
  const made = new Map<K, Node[]>();
  for (const node of nodes) {
    const key = keyOf(node);
    const known = made.get(key);
    if (known === undefined) made.set(key, [node]);
    else known.push(node);
  }
  return made;
}
