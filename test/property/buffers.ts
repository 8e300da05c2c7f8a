/**
 * What must hold of every program on a target whose kernels touch few buffers: it compiles, no kernel touches more, kernels stay
 * few, and the numbers are the same to the bit. WebGPU guarantees 8 buffers; unfused kernels need 4.
 */
import fc from "fast-check";
import type { Program } from "../../src/dsl/program.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { jsTarget } from "../../src/index.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { runUpTo } from "../../src/stages.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { evaluatorTarget } from "../evaluator-machine.ts";
import { expectSameBits, type ProgramCase, runProgram } from "../program-case.ts";
import { contextOn } from "../stage-context.ts";
import { type Property, property } from "./property.ts";
import { makeTraining, trainingFeeds, trainingRecipe } from "./random-training.ts";
import { makeWide, wideFeeds, wideRecipe } from "./random-wide.ts";

const withBuffers = (maxBuffers: number, target: TargetSetup): TargetSetup => ({
  ...target,
  traits: { ...target.traits, maxBuffers },
});

/** Launches of the entry on `js` with so many buffers a kernel; throws where one touches more. */
function launchesWithin(entry: Entry, maxBuffers: number): number {
  const { ordered } = runUpTo("ordered", { simplified: entry }, contextOn(withBuffers(maxBuffers, jsTarget)));
  const groups = ordered.steps.flatMap((step) => (step.kind === "group" ? [step.clusters] : []));
  for (const clusters of groups) {
    const nodes = clusters.flatMap(({ outputs, reads }) => [...outputs, ...reads]);
    const touched = new Set(nodes.map((node) => ordered.bufferOf.get(node))).size;
    if (touched > maxBuffers) throw new Error(`${clusters[0]?.nodes[0]?.op.name} touches ${touched} of ${maxBuffers}`);
  }
  return groups.length;
}

/** The same of the kernels, and that the verifier finds nothing in them. */
function checkKernels(entry: Entry, maxBuffers: number): void {
  const { lowered } = runUpTo("lowered", { simplified: entry }, contextOn(withBuffers(maxBuffers, jsTarget)));
  for (const step of lowered) {
    if (step.kind !== "launch") continue;
    const touched = step.kernel.buffers.length;
    const broken = touched > maxBuffers ? `touches ${touched} buffers` : checkKernel(step.kernel);
    if (broken !== null) throw new Error(`${step.kernel.name}: ${broken}`);
  }
}

const entryOf = (program: Program<unknown>): Entry =>
  runUpTo("simplified", { written: program.entries.get("step") as Entry }, contextOn(jsTarget)).simplified;

/** The bits of the unfused program, in generated code and in the kernel evaluator, which looks for races. */
async function checkBits(program: ProgramCase, maxBuffers: number): Promise<void> {
  const { trace } = await runProgram(program, withBuffers(maxBuffers, jsTarget), { poisonFreed: true });
  const bare = await runProgram(program, jsTarget, { skip: ["fuse", "order", "plan"] });
  expectSameBits(trace, bare.trace, `${maxBuffers} buffers`);
  const evaluated = await runProgram(program, withBuffers(maxBuffers, evaluatorTarget));
  expectSameBits(evaluated.trace, trace, "the evaluator");
}

const limits = fc.constantFrom(8, 4, 5, 6, 10, 12);

export const bufferProperties: readonly Property[] = [
  property(
    "training steps compile for 8, 10 and 12 buffers",
    1000,
    fc.property(trainingRecipe(2), (made) => {
      const entry = entryOf(makeTraining(made));
      checkKernels(entry, 8);
      for (const maxBuffers of [10, 12]) launchesWithin(entry, maxBuffers);
    }),
  ),
  property(
    "training steps take at most 2.5 times the kernels on 8 buffers that they take on 64",
    15,
    fc.property(trainingRecipe(4), (made) => {
      const entry = entryOf(makeTraining(made));
      const [few, free] = [launchesWithin(entry, 8), launchesWithin(entry, 64)];
      if (few > 2.5 * free) throw new Error(`${few} launches on 8 buffers, ${free} on 64`);
    }),
  ),
  property(
    "training steps on few buffers have the bits of unfused ones",
    10,
    fc.asyncProperty(trainingRecipe(3), limits, async (made, maxBuffers) => {
      const calls = [0, 1].map((call) => ({ entry: "step", feeds: trainingFeeds(made, call) }));
      await checkBits({ program: makeTraining(made), calls }, maxBuffers);
    }),
  ),
  property(
    "wide sums, concatenations, outputs and states on few buffers have the bits of unfused ones",
    10,
    fc.asyncProperty(wideRecipe, limits, async (made, maxBuffers) => {
      const calls = [0, 1].map((call) => ({ entry: "step", feeds: wideFeeds(made, call) }));
      await checkBits({ program: makeWide(made), calls }, maxBuffers);
    }),
  ),
];
