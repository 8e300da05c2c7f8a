/**
 * What launches in a loop would do again and again with what the loop does not change, in launches before it.
 *
 *   loop t < 100                      launch k6_contract_add_panel(u, panel)
 *     launch k6_contract_add(h, u) -> loop t < 100
 *                                       launch k6_contract_add(h, panel)
 *
 * Before the outermost loop that does not change it. A policy says what is worth it (`Scheduling.firstLaunch`).
 */

import { CompilerBug } from "../../src/core/errors.ts";
import type { LoopVar } from "../../src/kernel/kernel.ts";
import { printMove } from "../../src/kernel/moves.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import {
  bodiesOf,
  freshStepId,
  type Launch,
  mapSteps,
  type Sequence,
  type Step,
  walkSteps,
} from "../../src/program/sequence.ts";
import { type Around, bound, type Target } from "./launching.ts";
import { firstLaunch } from "./moves/first-launch.ts";

export function withFirstLaunches(sequence: Sequence, target: Target, around: Around): Sequence {
  if (target.scheduling.firstLaunch === undefined || !sequence.some(holdsSteps)) return sequence;
  let id = freshStepId(sequence);
  const beforeLoops = (steps: Sequence): Sequence =>
    steps.flatMap((step): Sequence => {
      if (!holdsSteps(step)) return [step];
      const before: Launch[] = [];
      const isLoop = step.kind !== "if";
      const changing = isLoop ? changingIn(step) : undefined;
      const [made = step] = mapSteps([step], (inner) => {
        if (inner.kind === "copy" || changing === undefined) return [inner];
        const prepared = prepare(inner, changing, target, around, () => id++);
        before.push(...prepared.slice(0, -1));
        return prepared.slice(-1);
      });
      // What a loop changes one inside of it may not.
      return [...before, insideOf(made, beforeLoops)];
    });
  return beforeLoops(sequence);
}

const holdsSteps = (step: Step): boolean => bodiesOf<Sequence>(step).length > 0;

function insideOf(step: Step, change: (steps: Sequence) => Sequence): Step {
  switch (step.kind) {
    case "loop":
      return { ...step, body: change(step.body) };
    case "while":
      return { ...step, test: change(step.test), body: change(step.body) };
    case "if":
      return { ...step, yes: change(step.yes), no: change(step.no) };
    default:
      return step;
  }
}

/** What is different from one iteration of a loop to the next. */
interface Changing {
  readonly buffers: ReadonlySet<Buffer>;
  /** The loop, and those inside of it. */
  readonly loops: ReadonlySet<LoopVar>;
}

function changingIn(outer: Step): Changing {
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
  { traits, scheduling }: Target,
  around: Around,
  nextId: () => number,
): readonly Launch[] {
  const before: Launch[] = [];
  for (let rest = step; ; ) {
    const { kernel, bindings, iterations } = rest;
    const changing = new Set([
      ...bindings.flatMap(({ param, buffer }) => (buffers.has(buffer) ? [param] : [])),
      ...kernel.iterations.flatMap(({ name }, i) => (loops.has(iterations[i] as LoopVar) ? [name] : [])),
    ]);
    const move = scheduling.firstLaunch?.(kernel, changing);
    if (move === undefined) return [...before, rest];
    const made = firstLaunch(kernel, move, changing, traits);
    if (typeof made === "string") {
      throw new CompilerBug(`pass "schedule": "${printMove(move)}" is not legal: ${made}`);
    }
    const { panel, between } = made;
    const { name, element, count } = between;
    const of = `panel of ${step.name}${before.length === 0 ? "" : ` (${before.length + 1})`}`;
    const buffer = around.buffers.scratch(of, { dtype: element, shape: [count] });
    const all = [...bindings, { param: name, buffer }];
    const kept = kernel.iterations.map((loop) => panel.iterations.includes(loop));
    before.push({
      ...rest,
      ...bound(panel, all, around),
      id: nextId(),
      name: `${step.name}_panel${before.length === 0 ? "" : `_${before.length + 1}`}`,
      iterations: iterations.filter((_, i) => kept[i]),
      nodes: [],
    });
    rest = { ...rest, ...bound(made.rest, all, around) };
  }
}
