/**
 * trimLoops: what nobody reads of a loop is not computed in it.
 *
 *   %5: f32[8], %6: f32[100,8] = scan ...    nobody reads %6     ->    %5: f32[8] = scan ...
 *
 * Stacks that are read by nobody, carries that nothing but themselves follows from, rows and captured operands that bodies do not
 * look at. From the outside in, as a loop that gives less asks less of the loops in it. A gradient gives slopes of all that a
 * loop reads; this leaves those that were asked for.
 */
import { Bodies } from "../../src/graph/body.ts";
import { isOp } from "../../src/graph/define.ts";
import { type Entry, neededNodes, rebuild } from "../../src/graph/entry.ts";
import { neededBy, resultOf } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { scan } from "../../src/graph/ops/loop.ts";
import { built, type Carry, type ScanDraft, takenApart } from "./scan-draft.ts";

export function trimLoops(entry: Entry): Entry {
  const used = new Set(neededNodes(entry));
  const trimmed = new Map<readonly Node[], ReadonlyMap<number, Node>>();
  const bodies = new Bodies(trimLoops);
  return rebuild(entry, (node, args, build) => {
    if (node.op.kind !== "loop") return undefined;
    if (!isOp(node, scan)) {
      const attrs = bodies.within(node);
      return attrs === node.attrs
        ? undefined
        : resultOf(build.graph.node(node.op, args, attrs, node.origins), node.result);
    }
    let results = trimmed.get(node.results);
    if (results === undefined) {
      const draft = withoutUnread(takenApart(node, args), (result) => used.has(node.results[result] ?? node));
      const made = built(draft, build, trimLoops);
      results = new Map([
        ...draft.carries.map(({ result }, i) => [result, made.carries[i] ?? node] as const),
        ...draft.stacks.map(({ result }, i) => [result ?? -1, made.stacks[i] ?? node] as const),
      ]);
      trimmed.set(node.results, results);
    }
    return results.get(node.result);
  });
}

function withoutUnread(draft: ScanDraft, isUsed: (result: number) => boolean): ScanDraft {
  const stacks = draft.stacks.filter(({ result }) => result !== null && isUsed(result));
  const kept = new Set<Carry>(draft.carries.filter(({ result }) => isUsed(result)));
  for (let before = -1; kept.size > before; ) {
    before = kept.size;
    const read = new Set(neededBy([...stacks.map(({ value }) => value), ...[...kept].map(({ next }) => next)]));
    for (const carry of draft.carries) if (carry.parameter !== undefined && read.has(carry.parameter)) kept.add(carry);
  }
  return { ...draft, stacks, carries: draft.carries.filter((carry) => kept.has(carry)) };
}
