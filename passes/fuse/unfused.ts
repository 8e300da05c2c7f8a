/**
 * What stands in the place of `fuse` where that is left out: a kernel for each op.
 */
import { type Entry, neededNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { concat } from "../../src/graph/ops/parts.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { Accesses } from "./access.ts";
import { bufferKeys, type Fused, isExternal } from "./cluster.ts";
import { Draft } from "./fuse-draft.ts";
import { finishClusters } from "./fuse-finish.ts";
import { bufferLimit } from "./fuse-prices.ts";
import { bodiesFused, mustBeStored } from "./loops.ts";
import { splitWideConcats } from "./split-concats.ts";

/** No fusion at all: every map, reduction and contraction is stored. Same results to the bit on `js`. */
export function leaveUnfused(given: Entry, target: TargetTraits): Fused {
  const limit = bufferLimit(target);
  const entry = splitWideConcats(given, { maxBuffers: limit, mostReads: 1, storedFrom: 1 });
  const keyOf = bufferKeys(entry);
  const nodes = neededNodes(entry);
  const results = mustBeStored(entry, nodes);
  const drafts = new Map<Node, Draft>();
  for (const node of nodes) {
    const isStored = node.op.kind !== "source" && (node.op.kind !== "view" || node.op === concat);
    if (isStored || (!isExternal(node) && (results.has(node) || node.args.length > 0))) {
      const sibling = node.op.kind === "loop" ? node.results.find((other) => drafts.has(other)) : undefined;
      const draft = (sibling === undefined ? undefined : drafts.get(sibling)) ?? new Draft(node, keyOf);
      draft.add(node, [], [], results.has(node));
      drafts.set(node, draft);
    }
  }
  const accesses = new Accesses((node) => isExternal(node) || drafts.has(node));
  const loops = bodiesFused(entry, (body) => leaveUnfused(body, target));
  return { ...finishClusters(entry, drafts, accesses, limit, keyOf), loops };
}
