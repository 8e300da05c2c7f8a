/**
 * The step that the project measures itself by (test/mnist-step.ts) as WebAssembly: the bits that may not change, and what
 * the report claims of it against what the machine really does. test/unit/mnist-step.test.ts holds its numbers to the oracle.
 *
 *   run to run, 1, 2 or 3 threads         the same bits: a sum belongs to one thread, whole
 *   leaving out order, plan               the same bits: only addresses and copies change
 *   leaving out fuse or schedule          within a tolerance: a schedule adds up a row in parts, and a sum that stands alone
 *                                         has another schedule than one in a fused row
 *   leaving out fuse of what is not scheduled    the same bits
 *
 * At full size on any number of threads; where a step is left out or memory poisoned, with a quarter of the hidden units.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { wasmTarget } from "../../../src/eager-targets.ts";
import { compileOn, rmsprop, type TargetOptions } from "../../../src/index.ts";
import { printKernel } from "../../../src/kernel/print.ts";
import { printSequence } from "../../../src/program/print.ts";
import type { EntryReport } from "../../../src/program/report.ts";
import { launchesOf } from "../../../src/program/sequence.ts";
import type { Machine } from "../../../src/runtime/machine.ts";
import type { TypedArray } from "../../../src/runtime/typed-arrays.ts";
import type { Skippable } from "../../../src/stages.ts";
import { type WatchedEntry, watchedTarget } from "../../evaluator-machine.ts";
import { expectGolden } from "../../golden.ts";
import { type Batch, mnistBatches, mnistDims, mnistStep } from "../../mnist-step.ts";
import { expectSameBits } from "../../program-case.ts";
import { largestError } from "../../program-oracle.ts";

const steps = 3;
/** A net a quarter as large: its contractions have panels and blocks as the large one's do. */
const quarter = { hidden: 128 };
let batches: readonly Batch[] = [];

beforeAll(() => {
  batches = mnistBatches(steps);
});

interface Run {
  readonly trace: ReadonlyMap<string, TypedArray>;
  readonly report: EntryReport;
  readonly device: string;
  readonly entry: WatchedEntry;
  /** The machine's memory, of every kind, while it ran. */
  readonly allocated: ReturnType<Machine["allocatedBytes"]>;
}

interface RunOptions extends TargetOptions {
  readonly hidden?: number;
  readonly skip?: readonly Skippable[];
  readonly poisonFreed?: boolean;
  readonly onLaunch?: (kernel: string) => void;
}

/** Three steps with RMSprop: the results of each, and all states. On one thread unless told otherwise. */
async function run({
  hidden = 512,
  skip = [],
  poisonFreed = false,
  onLaunch,
  ...options
}: RunOptions = {}): Promise<Run> {
  const machines: Machine[] = [];
  const entries: WatchedEntry[] = [];
  const target = watchedTarget(
    (entry) => entries.push(entry),
    (machine) => machines.push(machine),
    wasmTarget({ threads: 1, ...options }),
  );
  const executable = await compileOn(mnistStep(rmsprop(), hidden), target, {
    dims: mnistDims,
    skip,
    debug: { poisonFreed },
    ...(onLaunch === undefined ? {} : { onLaunch }),
  });
  const trace = new Map<string, TypedArray>();
  for (const [i, { image, label }] of batches.entries()) {
    const { loss, accuracy } = await executable.run({ entry: "train", feeds: { image, label } });
    trace.set(`results ${i}`, Float64Array.of(loss, accuracy));
  }
  for (const name of executable.state.names) trace.set(name, await executable.state.read(name));
  const { device, entries: reports } = executable.report;
  const [report, machine, entry] = [reports[0], machines[0], entries[0]];
  if (report === undefined || machine === undefined || entry === undefined) throw new Error("nothing was compiled");
  const allocated = machine.allocatedBytes();
  executable.dispose();
  return { trace, report, device, entry, allocated };
}

/** Results to 1e-6 of them, states to 1e-7: sums of at most 784 terms, added in another order. */
function expectNear(found: Run, wanted: Run): void {
  expect([...found.trace.keys()]).toEqual([...wanted.trace.keys()]);
  for (const [name, values] of wanted.trace) {
    const tolerance = name.startsWith("results") ? 1e-6 : 1e-7;
    expect(largestError(found.trace.get(name) ?? [], values), name).toBeLessThan(tolerance);
  }
}

describe.each([
  ["relaxed", false],
  ["precise", true],
] as const)("three %s steps", (_, precise) => {
  let plain: Run;
  let small: Run;

  beforeAll(async () => {
    plain = await run({ precise });
    small = await run({ precise, ...quarter });
    expect(plain.device).toMatch(/^wasm \(1 thread/);
  });

  test("have the same bits run to run", async () => {
    expectSameBits((await run({ precise })).trace, plain.trace, "once more");
  });

  test.each([2, 3])("have the same bits on %i threads, run to run", async (threads) => {
    for (const time of ["once", "once more"]) {
      const { trace, device } = await run({ precise, threads });
      expect(device).toMatch(`wasm (${threads} threads`);
      expectSameBits(trace, plain.trace, `${threads} threads, ${time}`);
    }
  });

  // Where the engine joins none both are the same, and this says nothing.
  test("have the same bits with vectors of 128 bits and of 256", async () => {
    const narrow = await run({ precise, vectors: 128 });
    expect(narrow.device).toBe("wasm (1 thread)");
    expectSameBits(narrow.trace, plain.trace, "128 bits");
  });

  test.each([[["order"]], [["plan"]], [["order", "plan"]]] as const)("have the same bits without %j", async (skip) => {
    const { trace, report } = await run({ precise, ...quarter, skip });
    expectSameBits(trace, small.trace, `without ${skip.join(", ")}`);
    expect(report.memory).not.toEqual(small.report.memory);
  });

  test.each([[["fuse"]], [["fuse", "order", "plan"]]] as const)("are near without %j", async (skip) => {
    const found = await run({ precise, ...quarter, skip });
    expectNear(found, small);
    expect(found.report.launches).toBeGreaterThan(50);
  });

  test("are near without schedule, and then fuse changes no bit", async () => {
    const loops = await run({ precise, ...quarter, skip: ["schedule"] });
    expectNear(loops, small);
    expect(loops.report.kernels.every(({ schedule }) => schedule === "")).toBe(true);
    const apart = await run({ precise, ...quarter, skip: ["fuse", "order", "plan", "schedule"] });
    expectSameBits(apart.trace, loops.trace, "without fuse, order, plan, schedule");
  });

  test("have the same bits when freed memory is filled with NaN", async () => {
    expectSameBits((await run({ precise, ...quarter, poisonFreed: true })).trace, small.trace, "poisoned");
    const [apart, poisoned] = [
      await run({ precise, ...quarter, skip: ["fuse"] }),
      await run({ precise, ...quarter, skip: ["fuse"], poisonFreed: true }),
    ];
    expectSameBits(poisoned.trace, apart.trace, "poisoned without fuse");
  });
});

describe("the report", () => {
  let watched: Run;
  const launches: string[] = [];

  beforeAll(async () => {
    watched = await run({ vectors: 128, onLaunch: (kernel) => launches.push(kernel) });
  });

  test("has the launches that are counted, at most nine", () => {
    const { report } = watched;
    expect(launches).toHaveLength(steps * report.launches);
    expect(launches.slice(0, report.launches)).toEqual(report.kernels.map(({ name }) => name));
    expect(report.launches).toBeLessThanOrEqual(9);
    expect(report.copies).toBe(0);
  });

  test("has the memory that the machine has", () => {
    const { memory } = watched.report;
    expect(watched.allocated).toEqual({
      state: memory.stateBytes,
      arena: memory.peakBytes,
      input: memory.inputBytes,
      output: memory.outputBytes,
      held: 0,
    });
    expect(memory.peakBytes).toBeLessThanOrEqual(1.05 * memory.lowerBoundBytes);
  });

  test("goes with the kernels of the golden file", () => {
    const kernels = launchesOf(watched.entry.sequence).map(({ kernel }) => kernel);
    const sequence = printSequence(watched.entry.sequence);
    expectGolden("mnist-step.wasm.kernels.txt", [sequence, ...kernels.map(printKernel)].join("\n\n"));
  });
});
