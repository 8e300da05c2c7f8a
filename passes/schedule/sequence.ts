/**
 * Kernel passes over a whole sequence: each kernel once, however often it is launched.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { printMove } from "../../src/kernel/moves.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import type { Buffers } from "../../src/program/buffer.ts";
import { freshStepId, type Launch, mapKernels, mapSteps, type Sequence } from "../../src/program/sequence.ts";
import { expandFolds } from "../kernel/expand-folds.ts";
import { type Halves, secondLaunch } from "./moves/second-launch.ts";
import { type Scheduling, scheduleKernel } from "./schedule.ts";

/** What is asked of a target. */
interface Target {
  readonly traits: TargetTraits;
  readonly scheduling: Scheduling;
}

/** Where what is new comes from. */
interface Around {
  readonly kernels: KernelPool;
  readonly buffers: Buffers;
}

/** Every kernel scheduled and checked; where a fold is too long for one launch, in two. */
export function scheduleSequence(sequence: Sequence, target: Target, around: Around): Sequence {
  const make = (kernel: Kernel): Kernel => scheduleKernel(kernel, target.scheduling);
  return mapKernels(withSecondLaunches(sequence, target, around), (kernel) =>
    around.kernels.made("schedule", kernel, make),
  );
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
  { kernels, buffers }: Around,
): readonly [Launch, Launch] {
  const folded = nodes.flatMap((place) => step.nodes[place] ?? []);
  const held = between.map(({ name, element, count }) => {
    const type = between.length === 1 ? "" : ` as ${element}`;
    const of = `parts of ${folded.map(({ id }) => `%${id}`).join(", ")}${type}`;
    return { param: name, buffer: buffers.scratch(of, { dtype: element, shape: [count] }) };
  });
  const all = new Map([...step.bindings, ...held].map(({ param, buffer }) => [param, buffer]));
  const bound = (made: Kernel): Pick<Launch, "kernel" | "bindings"> => {
    const kernel = kernels.intern(made);
    const bindings = made.buffers.flatMap(({ name }, i) => {
      const buffer = all.get(name);
      return buffer === undefined ? [] : [{ param: kernel.buffers[i]?.name ?? name, buffer }];
    });
    return { kernel, bindings };
  };
  return [
    { ...step, ...first, ...bound(parts), nodes: folded },
    { ...step, ...bound(rest) },
  ];
}
