/**
 * What is done about the gradients of convolutions before anything is fused, where the target gains by it: see choose-slopes.ts,
 * spread-slopes.ts and store-borders.ts. Most programs have no windows, and are fused as they are.
 */
import { isContract } from "../../src/graph/define.ts";
import { type Entry, neededNodes, rebuild } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { covering } from "../../src/graph/ops/covering.ts";
import { window } from "../../src/graph/ops/window.ts";
import type { BorderLimits, ChoiceLimits } from "../../src/kernel/target.ts";
import { overChosen } from "./choose-slopes.ts";
import type { Prepared } from "./slopes.ts";
import { overSpread } from "./spread-slopes.ts";
import { storeBorders } from "./store-borders.ts";

export type { Prepared };

/** What a target says of it; null where it gains nothing. */
interface WindowLimits {
  readonly choosesSlopes: ChoiceLimits | null;
  readonly storesBorders: BorderLimits | null;
}

export function prepareWindows(entry: Entry, { choosesSlopes, storesBorders }: WindowLimits): Prepared {
  const plain: Prepared = { entry, stored: new Set() };
  if (!entry.graph.nodes.some(({ op }) => op === window)) return plain;
  const chosen = choosesSlopes === null ? plain : overSlopes(entry, choosesSlopes);
  return storesBorders === null ? chosen : storeBorders(chosen, storesBorders);
}

/** Contractions with the slopes of a pool, over what the pool chose alone. */
function overSlopes(entry: Entry, limits: ChoiceLimits): Prepared {
  const stored = new Set<Node>();
  if (!neededNodes(entry).some(({ op }) => op === covering)) return { entry, stored };
  const made = rebuild(entry, (node, args, build) => {
    if (!isContract(node)) return undefined;
    const making = { limits, stored, build };
    return overChosen(node.attrs, args, making) ?? overSpread(node.attrs, args, making);
  });
  return { entry: made, stored };
}
