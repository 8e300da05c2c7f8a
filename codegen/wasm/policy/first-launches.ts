/**
 * Which factors a loop need not copy into panels again and again: those that it does not change are copied once before it.
 *
 *   loop t < 100:  z = h[t] u     each thread filled the panels of all of u in each iteration
 *
 * An LSTM of 100 steps, 64 wide, 32 rows on two threads: its contraction forwards 0.94 ms, and 0.88; backwards, where u is turned,
 * 1.06 and 0.87. Both are as fast as multiply-adds in registers then.
 */
import { Facts } from "../../../passes/schedule/facts.ts";
import type { Room } from "../../../passes/schedule/moves/halves.ts";
import type { Scheduling } from "../../../passes/schedule/schedule.ts";
import { firstLaunch } from "../moves/first-launch.ts";
import { panelBefore, type Tuning } from "./panel-plan.ts";

export function wasmFirstLaunch(tuning: Tuning, target: Room): NonNullable<Scheduling["firstLaunch"]> {
  return (kernel, changing) => {
    for (const [i, nest] of kernel.nests.entries()) {
      const facts = new Facts(nest, kernel.iterations.length > 0);
      const move = panelBefore(facts, tuning, kernel.schedule[i] ?? []);
      const halves = move === undefined ? "nothing" : firstLaunch(kernel, move, changing, target);
      if (typeof halves !== "string") return halves;
    }
    return undefined;
  };
}
