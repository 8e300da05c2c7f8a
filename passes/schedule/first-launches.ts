/**
 * What launches in a loop would do again and again with what the loop does not change, in launches before it.
 *
 *   loop t < 100                      launch k6_contract_add_panel(u, panel)
 *     launch k6_contract_add(h, u) -> loop t < 100
 *                                       launch k6_contract_add(h, panel)
 *
 * Before the outermost loop that does not change it. A policy says what is worth it (`Scheduling.firstLaunch`).
 */

import type { LoopVar } from "../../src/kernel/kernel.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import {
  type Launch,
  mapBodies,
  mapSteps,
  type OuterStep,
  type Sequence,
  walkSteps,
} from "../../src/program/sequence.ts";
import { type Around, cutLaunch, type Target } from "./launching.ts";
import type { Scheduling } from "./schedule.ts";

export function withFirstLaunches(sequence: Sequence, { scheduling }: Target, around: Around): Sequence {
  const { firstLaunch: usual, tuned } = scheduling;
  if (usual === undefined) return sequence;
  const firstLaunch: typeof usual = (kernel, changing) =>
    (tuned?.(kernel)?.scheduling.firstLaunch ?? usual)(kernel, changing);
  const beforeLoops = (steps: Sequence): Sequence =>
    steps.flatMap((step): Sequence => {
      if (step.kind === "launch" || step.kind === "copy") return [step];
      const before: Launch[] = [];
      const changing = step.kind === "if" ? undefined : changingIn(step);
      const made = mapBodies(step, (body) =>
        mapSteps(body, (inner) => {
          if (inner.kind === "copy" || changing === undefined) return [inner];
          const prepared = prepare(inner, changing, firstLaunch, around);
          before.push(...prepared.slice(0, -1));
          return prepared.slice(-1);
        }),
      );
      // What a loop changes one inside of it may not.
      return [...before, mapBodies(made, beforeLoops)];
    });
  return beforeLoops(sequence);
}

/** What is different from one iteration of a loop to the next. */
interface Changing {
  readonly buffers: ReadonlySet<Buffer>;
  /** The loop, and those inside of it. */
  readonly loops: ReadonlySet<LoopVar>;
}

function changingIn(outer: OuterStep): Changing {
  const [buffers, loops] = [new Set<Buffer>(), new Set<LoopVar>()];
  walkSteps([outer], (step) => {
    if (step.kind === "loop") loops.add(step.loop);
    else if (step.kind === "copy") buffers.add(step.to);
    else if (step.kind === "launch") {
      const roles = new Map(step.kernel.buffers.map(({ name, role }) => [name, role]));
      for (const { param, buffer } of step.bindings) if (roles.get(param) !== "read") buffers.add(buffer);
    }
  });
  return { buffers, loops };
}

/** What stands before the loop, and, last, what is left of the launch. */
function prepare(
  step: Launch,
  { buffers, loops }: Changing,
  firstLaunch: NonNullable<Scheduling["firstLaunch"]>,
  around: Around,
): readonly Launch[] {
  const contents = (_: unknown, n: number): string => `panel of ${step.name}${n === 1 ? "" : ` (${n})`}`;
  const halvesOf = ({ kernel, bindings, iterations }: Launch) => {
    const changing = bindings.flatMap(({ param, buffer }) => (buffers.has(buffer) ? [param] : []));
    for (const [i, loop] of iterations.entries()) if (loops.has(loop)) changing.push(kernel.iterations[i]?.name ?? "");
    return firstLaunch(kernel, new Set(changing));
  };
  return cutLaunch(step, halvesOf, { suffix: "_panel", contents }, around);
}
