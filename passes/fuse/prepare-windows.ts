/**
 * What is done about the gradients of convolutions before anything is fused, where the target gains by it: see choose-slopes.ts,
 * spread-slopes.ts and store-borders.ts. Most programs have no windows, and are fused as they are.
 */
import type { Entry } from "../../src/graph/entry.ts";
import { window } from "../../src/graph/ops/window.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { chooseSlopes } from "./choose-slopes.ts";
import type { Prepared } from "./slopes.ts";
import { storeBorders } from "./store-borders.ts";

export type { Prepared };

export function prepareWindows(entry: Entry, { choosesSlopes, storesBorders }: TargetTraits): Prepared {
  const plain: Prepared = { entry, stored: new Set() };
  if (!entry.graph.nodes.some(({ op }) => op === window)) return plain;
  const chosen = choosesSlopes ? chooseSlopes(entry) : plain;
  return storesBorders ? storeBorders(chosen) : chosen;
}
