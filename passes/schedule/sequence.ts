/**
 * Kernel passes over a whole sequence: each kernel once, however often it is launched.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { printMove } from "../../src/kernel/moves.ts";
import { freshStepId, type Launch, mapKernels, mapSteps, type Sequence } from "../../src/program/sequence.ts";
import { expandFolds } from "../kernel/expand-folds.ts";
import { withFirstLaunches } from "./first-launches.ts";
import { type Around, bound, type Target } from "./launching.ts";
import { type Halves, secondLaunch } from "./moves/second-launch.ts";
import { scheduleKernel } from "./schedule.ts";

/** Every kernel scheduled and checked; in two where a fold is too long for one launch, or a loop need not do all of it again. */
export function scheduleSequence(sequence: Sequence, target: Target, around: Around): Sequence {
  const make = (kernel: Kernel): Kernel => scheduleKernel(kernel, target.scheduling);
  const launches = withFirstLaunches(withSecondLaunches(sequence, target, around), target, around);
  return mapKernels(launches, (kernel) => around.kernels.made("schedule", kernel, make));
}

/** Every fold as loops. */
export function expandSequence(sequence: Sequence, kernels: KernelPool): Sequence {
  return mapKernels(sequence, (kernel) => kernels.made("expand", kernel, expandFolds));
}

/** Folds that are too long for one launch in two. One that needs the result of another is the next round's. */
export function withSecondLaunches(sequence: Sequence, { traits, scheduling }: Target, around: Around): Sequence {
  const { secondLaunches } = scheduling;
  if (secondLaunches === undefined) return sequence;
  let id = freshStepId(sequence);
  return mapSteps(sequence, (step) => {
    if (step.kind === "copy") return [step];
    const before: Launch[] = [];
    for (let rest: Launch = step; ; id += 1) {
      const moves = secondLaunches(rest.kernel);
      if (moves.length === 0) return [...before, rest];
      const made = secondLaunch(rest.kernel, moves, traits);
      if (typeof made === "string") {
        throw new CompilerBug(`pass "schedule": "${moves.map(printMove).join("; ")}" is not legal: ${made}`);
      }
      const name = `${step.name}_parts${before.length === 0 ? "" : `_${before.length + 1}`}`;
      const [parts, joined] = launchesOf(rest, made, { id, name }, around);
      before.push(parts);
      rest = joined;
    }
  });
}

function launchesOf(
  step: Launch,
  { parts, rest, between, nodes }: Halves,
  first: Pick<Launch, "id" | "name">,
  around: Around,
): readonly [Launch, Launch] {
  const folded = nodes.flatMap((place) => step.nodes[place] ?? []);
  const held = between.map(({ name, element, count }) => {
    const type = between.length === 1 ? "" : ` as ${element}`;
    const of = `parts of ${folded.map(({ id }) => `%${id}`).join(", ")}${type}`;
    return { param: name, buffer: around.buffers.scratch(of, { dtype: element, shape: [count] }) };
  });
  const all = [...step.bindings, ...held];
  return [
    { ...step, ...first, ...bound(parts, all, around), nodes: folded },
    { ...step, ...bound(rest, all, around) },
  ];
}
