/**
 * What is done about the gradients of convolutions before anything is fused, where the target gains by it: see choose-slopes.ts,
 * spread-slopes.ts and store-borders.ts. Most programs have no windows, and are fused as they are.
 */
import type { Entry } from "../../src/graph/entry.ts";
import { window } from "../../src/graph/ops/window.ts";
import type { BorderLimits, ChoiceLimits } from "../../src/kernel/target.ts";
import { chooseSlopes } from "./choose-slopes.ts";
import type { Prepared } from "./slopes.ts";
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
  const chosen = choosesSlopes === null ? plain : chooseSlopes(entry, choosesSlopes);
  return storesBorders === null ? chosen : storeBorders(chosen, storesBorders);
}
