/**
 * The names in an entry as it was written: which node is what a call of the user's gave, and what that is called.
 *
 * A call of ours may make several nodes (`relu` makes a constant, a broadcast and a max), all with the same trail of user's calls. Its
 * result is what no other node of the trail reads, and in a loop, where the same call is made again and reads what it gave the time before,
 * whatever the same line of ours made as the last of them.
 */
import { type Call, trailOf } from "../../core/origin.ts";
import { bodiesOf } from "../../graph/body.ts";
import { type Entry, neededNodes } from "../../graph/entry.ts";
import type { Node } from "../../graph/node.ts";
import type { Path } from "./assigned.ts";
import { type Identifiers, identifierOf } from "./identifiers.ts";
import type { Sources } from "./sources.ts";
import { nameOfResult, partsOfResult } from "./value-names.ts";

/** A name, and by what its node is known again in what passes make of the entry: they keep traces. */
export interface WrittenName {
  readonly name: string;
  readonly trace: Error;
  readonly result: number;
  readonly dtype: string;
  readonly rank: number;
}

/** A node that a trail of calls made. */
interface Made {
  readonly node: Node;
  readonly trace: Error;
  /** The lines of ours that made it. */
  readonly below: string;
}

interface Trail {
  readonly calls: readonly Call[];
  readonly made: Made[];
}

/** All nodes of an entry in the order in which they were written: what a loop runs before the loop. */
export function allNodes(entry: Entry): readonly Node[] {
  const seen = new Set<readonly Node[]>();
  return neededNodes(entry).flatMap((node) => {
    if (seen.has(node.results)) return [node];
    seen.add(node.results);
    return [...bodiesOf(node).flatMap(([, body]) => allNodes(body.entry)), node];
  });
}

/** The names that the user's source gives, in order. */
export function namesWritten(entry: Entry, sources: Sources, identifiers: Identifiers): readonly WrittenName[] {
  const nodes = allNodes(entry);
  const order = new Map(nodes.map((node, i) => [node, i]));
  const found = [...trailsOf(nodes).values()].flatMap((trail) => namedIn(trail, sources));
  found.sort((a, b) => (order.get(a.node) ?? 0) - (order.get(b.node) ?? 0));
  return found.flatMap(({ node, trace, name, isElement }) => {
    const plain = identifierOf(name);
    if (plain === null) return [];
    const given = isElement ? identifiers.element(plain) : identifiers.fresh(plain);
    return [{ name: given, trace, ...tellingOf(node) }];
  });
}

export function tellingOf({ result, type }: Node): Pick<WrittenName, "result" | "dtype" | "rank"> {
  return { result, dtype: type.dtype, rank: type.shape.length };
}

/** Equal expressions are one node, made at several places; of more than these nobody wants the names. */
const mostPlaces = 4;

function trailsOf(nodes: readonly Node[]): ReadonlyMap<string, Trail> {
  const trails = new Map<string, Trail>();
  for (const node of nodes) {
    for (const origin of node.origins.slice(0, mostPlaces)) {
      if (origin.derived === true) continue;
      const { calls, below } = trailOf(origin);
      if (calls.length === 0) continue;
      const key = calls.map(({ place }) => place).join("\n");
      const trail = trails.get(key) ?? { calls, made: [] };
      trails.set(key, trail);
      trail.made.push({ node, trace: origin.trace, below });
    }
  }
  return trails;
}

interface Named extends Made {
  readonly name: string;
  readonly isElement: boolean;
}

function namedIn({ calls, made }: Trail, sources: Sources): readonly Named[] {
  const results = resultsOf(made);
  const parts = results.length === partsOfResult(calls, sources) ? results.length : null;
  return results.flatMap((one, i): readonly Named[] => {
    const path = pathOf(one.node, calls.at(-1)?.name ?? null) ?? (parts === null ? [] : [i]);
    const found = nameOfResult(calls, path, sources);
    if (found === null) return [];
    // In a loop the caller is given what the last round made.
    const isLast = found.isElement || one === results.at(-1);
    const name = isLast ? found.name : (found.own ?? (found.isFolded ? null : found.name));
    return name === null ? [] : [{ ...one, name, isElement: found.isElement }];
  });
}

function resultsOf(all: readonly Made[]): readonly Made[] {
  // Of what one call of ours wrote, constants and broadcasts before the op itself, only the op is anybody's result.
  const lastOf = new Map(all.map(({ trace, node }) => [trace, node.results]));
  const made = all.filter(({ trace, node }) => lastOf.get(trace) === node.results);
  const read = new Set(made.flatMap(({ node }) => node.args));
  const last = made.findLast(({ node }) => !read.has(node));
  return made.filter(({ node, below }) => !read.has(node) || below === last?.below);
}

/** Where a result of an op with several stands in what our function gives. */
function pathOf({ result, results, attrs }: Node, call: string | null): Path | null {
  if (results.length < 2 && call !== "scan") return null;
  switch (call) {
    case "maxWithIndex":
    case "minWithIndex":
    case "topK":
      return [result === 0 ? "values" : "indexes"];
    case "scan": {
      const carries = Number(attrs.carries ?? 0);
      const [key, count] = result < carries ? ["carry", carries] : ["outputs", results.length - carries];
      return count === 1 ? [key] : [key, result < carries ? result : result - carries];
    }
    default:
      return [result];
  }
}
