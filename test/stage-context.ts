/** What stages ask for, where a test runs some of them by hand. */
import type { BoundTarget } from "../codegen/target.ts";
import { newTogether } from "../src/compile.ts";
import type { StageContext } from "../src/stages.ts";

export function contextOn(target: BoundTarget): StageContext {
  return { dims: {}, warn: () => undefined, target, program: { inputs: [], states: [] }, ...newTogether(target) };
}
