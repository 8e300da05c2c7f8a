/** What stages ask for, where a test runs some of them by hand. */
import type { StageContext } from "../src/stages.ts";

export function contextOn(target: StageContext["target"] & Pick<StageContext, "print">): StageContext {
  return { dims: {}, warn: () => undefined, target, program: { inputs: [], states: [] }, print: target.print };
}
