/**
 * The step that the project measures itself by (test/mnist-step.ts): its numbers on `js` and `wasm` against the oracle (at full
 * size with RMSprop for some steps, narrower with every optimizer for 20), and what the report claims of it on `js` against what the machine really does. wasm/programs.test.ts does the latter on `wasm`.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { moduleText } from "../../codegen/js/artifact.ts";
import { JsPrinter } from "../../codegen/js/print.ts";
import { stagesOf } from "../../src/compile.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import { printEntry } from "../../src/graph/print.ts";
import { adam, compileOn, type Optimizer, rmsprop, sgd } from "../../src/index.ts";
import { printSchedule } from "../../src/kernel/moves.ts";
import { printSequence } from "../../src/program/print.ts";
import type { EntryReport } from "../../src/program/report.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import type { Machine } from "../../src/runtime/machine.ts";
import type { TypedArray } from "../../src/runtime/typed-arrays.ts";
import type { Skippable } from "../../src/stages.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { type WatchedEntry, watchedTarget } from "../evaluator-machine.ts";
import { expectGolden } from "../golden.ts";
import { mnistBatches, mnistDims, mnistStep } from "../mnist-step.ts";
import { expectSameBits } from "../program-case.ts";
import { largestError, ProgramOracle } from "../program-oracle.ts";

interface Size {
  readonly hidden: number;
  readonly batch: number;
  readonly steps: number;
}

const full: Size = { hidden: 512, batch: mnistDims.batch, steps: 3 };
const narrow: Size = { hidden: 70, batch: 33, steps: 20 };
const parameters = ["w1", "b1", "w2", "b2"] as const;
const batchesOf = new Map([full, narrow].map((size) => [size, mnistBatches(size.steps, size.batch)]));
const batches = batchesOf.get(full) ?? [];

interface Trained {
  readonly losses: readonly number[];
  /** Parameters at the start and at the end. */
  readonly start: readonly ArrayLike<number>[];
  readonly end: readonly ArrayLike<number>[];
}

async function trained(opt: Optimizer, size: Size, target: TargetSetup): Promise<Trained> {
  const executable = await compileOn(mnistStep(opt, size.hidden), target, { dims: { batch: size.batch } });
  const read = () => Promise.all(parameters.map((name) => executable.state.read(`model.${name}`)));
  const start = await read();
  const losses: number[] = [];
  for (const { image, label } of batchesOf.get(size) ?? []) {
    executable.train({ image, label });
    losses.push(await executable.read("loss"));
  }
  const end = await read();
  executable.dispose();
  return { losses, start, end };
}

function trainedByOracle(opt: Optimizer, size: Size): Trained {
  const oracle = new ProgramOracle(mnistStep(opt, size.hidden), { dims: { batch: size.batch } });
  const read = () => parameters.map((name) => oracle.state(`model.${name}`));
  const start = read();
  const given = batchesOf.get(size) ?? [];
  const losses = given.map(({ image, label }) => oracle.number(oracle.run("train", { image, label }), "loss"));
  return { losses, start, end: read() };
}

/** Length of a - b. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return Math.sqrt(sum);
}

/** Losses to 1e-5 of them, weights to 2e-5, and what the steps changed in a parameter to 1e-3 of its length. */
function expectFollows(found: Trained, wanted: Trained, than: string): void {
  for (const [i, loss] of wanted.losses.entries()) {
    expect(Math.abs((found.losses[i] ?? Number.NaN) - loss) / loss, `loss ${i}, off ${than}`).toBeLessThan(1e-5);
  }
  for (const [i, parameter] of parameters.entries()) {
    const [start, end, is] = [wanted.start[i] ?? [], wanted.end[i] ?? [], found.end[i] ?? []];
    expect(largestError(is, end), `${parameter}, off ${than}`).toBeLessThan(2e-5);
    expect(distance(is, end) / distance(end, start), `change of ${parameter}, off ${than}`).toBeLessThan(1e-3);
  }
}

describe("the MNIST step follows the oracle", () => {
  const cases: readonly (readonly [title: string, opt: Optimizer, size: Size])[] = [
    ["rmsprop at full size", rmsprop(), full],
    ["sgd, narrow", sgd({ learningRate: 0.1 }), narrow],
    ["rmsprop, narrow", rmsprop(), narrow],
    ["adam, narrow", adam(), narrow],
  ];
  const targets: readonly (readonly [name: string, target: TargetSetup])[] = [
    ["js", jsTarget],
    ["wasm, 1 thread", wasmTarget({ threads: 1 })],
    ["wasm, 2 threads", wasmTarget({ threads: 2 })],
    ["wasm, precise, 1 thread", wasmTarget({ threads: 1, precise: true })],
    ["wasm, precise, 2 threads", wasmTarget({ threads: 2, precise: true })],
  ];
  describe.each(cases)("%s", (_, opt, size) => {
    let oracle: Trained;
    let js: Trained;

    beforeAll(async () => {
      oracle = trainedByOracle(opt, size);
      js = await trained(opt, size, jsTarget);
    });

    it.each(targets)("on %s, and js", async (name, target) => {
      const found = name === "js" ? js : await trained(opt, size, target);
      expectFollows(found, oracle, "the oracle");
      expectFollows(found, js, "js");
      expect(found.losses).toHaveLength(size.steps);
      expect(found.losses.at(-1)).toBeLessThan(found.losses[0] ?? 0);
    });
  });
});

interface Run {
  readonly trace: ReadonlyMap<string, TypedArray>;
  readonly report: EntryReport;
  readonly launches: readonly string[];
  readonly machine: Machine;
  readonly entry: WatchedEntry;
}

const steps = 3;

/** Some steps with RMSprop, at full size unless told otherwise. */
async function run(hidden = full.hidden, skip: readonly Skippable[] = [], poisonFreed = false): Promise<Run> {
  const launches: string[] = [];
  const machines: Machine[] = [];
  const entries: WatchedEntry[] = [];
  const target = watchedTarget(
    (entry) => entries.push(entry),
    (machine) => machines.push(machine),
  );
  const executable = await compileOn(mnistStep(rmsprop(), hidden), target, {
    dims: mnistDims,
    skip,
    debug: { poisonFreed },
    onLaunch: (kernel) => launches.push(kernel),
  });
  const trace = new Map<string, TypedArray>();
  for (const [i, { image, label }] of batches.slice(0, steps).entries()) {
    const { loss, accuracy } = await executable.run({ entry: "train", feeds: { image, label } });
    trace.set(`results ${i}`, Float64Array.of(loss, accuracy));
  }
  for (const name of executable.state.names) trace.set(name, await executable.state.read(name));
  const [report, machine, entry] = [executable.report.entries[0], machines[0], entries[0]];
  if (report === undefined || machine === undefined || entry === undefined) throw new Error("nothing was compiled");
  return { trace, report, launches, machine, entry };
}

describe("the MNIST step with RMSprop", () => {
  let plain: Run;
  /** With a quarter of the hidden units: what is left out changes no bit. */
  let small: Run;
  const quarter = full.hidden / 4;

  beforeAll(async () => {
    plain = await run();
    small = await run(quarter);
  });

  it("takes at most nine launches, as the report says", () => {
    const { launches, report } = plain;
    expect(launches).toHaveLength(steps * report.launches);
    expect(launches.slice(0, report.launches)).toEqual(report.kernels.map(({ name }) => name));
    expect(report.launches).toBeLessThanOrEqual(9);
    expect(report.copies).toBe(0);
    expect(report.copied).toEqual({});
  });

  it("writes no gradient to memory", () => {
    const sizes = new Set([784 * 512, 512, 512 * 10, 10]);
    const scratch = plain.report.buffers.filter(({ segment }) => segment === "arena" || segment === "output");
    expect(scratch.length).toBeGreaterThan(0);
    expect(scratch.filter(({ count }) => sizes.has(count))).toEqual([]);
  });

  it("keeps its memory near the lower bound, and the machine has no more than the report says", () => {
    const { memory } = plain.report;
    expect(memory.peakBytes).toBeLessThanOrEqual(545_000);
    expect(memory.peakBytes).toBeLessThanOrEqual(1.05 * memory.lowerBoundBytes);
    expect(plain.machine.allocatedBytes()).toEqual({
      state: memory.stateBytes,
      arena: memory.peakBytes,
      input: memory.inputBytes,
      output: memory.outputBytes,
      held: 0,
    });
  });

  for (const skip of [["fuse"], ["order"], ["plan"], ["fuse", "order", "plan"]] as const) {
    it(`has the same bits without ${skip.join(", ")}`, async () => {
      const { trace, report } = await run(quarter, skip);
      expectSameBits(trace, small.trace, `without ${skip.join(", ")}`);
      expect(report).not.toEqual(small.report);
    });
  }

  it("has the same bits when freed memory is filled with NaN", async () => {
    expectSameBits((await run(quarter, [], true)).trace, small.trace, "poisoned");
    expectSameBits((await run(quarter, ["fuse"], true)).trace, small.trace, "poisoned without fuse");
  });

  it("prints as the golden files say", () => {
    const { written, simplified } = stagesOf(mnistStep(rmsprop()), "train", mnistDims, jsTarget);
    const kernels = launchesOf(plain.entry.sequence).map(({ kernel }) => kernel);
    expectGolden(
      "mnist-step.graph.txt",
      `as written\n\n${printEntry(written)}\n\noptimized\n\n${printEntry(simplified)}`,
    );
    const schedules = kernels.map(({ name, schedule }) =>
      [name, ...schedule.map((moves) => printSchedule(moves) || "as it is")].join("\n  "),
    );
    expectGolden("mnist-step.schedule.txt", [printSequence(plain.entry.sequence), ...schedules].join("\n\n"));
    expectGolden("mnist-step.js", moduleText(new JsPrinter().print(kernels)));
  });

  it("golden files cannot be rewritten by CI", () => {
    expect(() => expectGolden("never.txt", "", { UPDATE: "1", CI: "true" })).toThrow("CI=true");
  });
});
