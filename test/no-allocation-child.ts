/**
 * Runs in a process of its own: the MNIST step, warmed up, then many steps in a row. Prints what the heap did in between as one
 * line of JSON; no-allocation.test.ts judges it. Arguments: batch, hidden units, steps, and the bytes below which no further
 * round is asked for. Flags: --expose-gc, and --single-threaded, or the engine's own threads would book what they compile
 * whenever a busy machine lets them.
 */
import { GCProfiler } from "node:v8";
import { compileOn, jsTarget, rmsprop } from "../src/index.ts";
import { mnistBatches, mnistStep } from "./mnist-step.ts";

export interface HeapChange {
  readonly collections: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly loss: number;
}

async function measure(batch: number, hidden: number, steps: number, enough: number): Promise<HeapChange | undefined> {
  const executable = await compileOn(mnistStep(rmsprop(), hidden), jsTarget, { dims: { batch } });
  const feeds = mnistBatches(4, batch);
  const train = executable.train;
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) train(feeds[i & 3]);
  };
  run(Math.min(60, steps));
  // What the engine compiles on the way lies on the heap too, once, in rounds that nobody can foretell. What a step allocates
  // comes back in every round, so the round that took least tells.
  let least: HeapChange | undefined;
  for (let round = 0; round < 12; round++) {
    globalThis.gc?.();
    const profiler = new GCProfiler();
    profiler.start();
    const before = process.memoryUsage();
    run(steps);
    const after = process.memoryUsage();
    const collections = profiler.stop()?.statistics.length ?? Number.NaN;
    const change: HeapChange = {
      collections,
      heapUsed: after.heapUsed - before.heapUsed,
      external: after.external - before.external,
      arrayBuffers: after.arrayBuffers - before.arrayBuffers,
      loss: await executable.read("loss"),
    };
    if (least === undefined || change.heapUsed < least.heapUsed) least = change;
    if (least.collections === 0 && least.heapUsed < enough) break;
  }
  return least;
}

const [batch, hidden, steps, enough] = process.argv.slice(2).map(Number);
console.log(JSON.stringify(await measure(batch ?? 128, hidden ?? 512, steps ?? 1000, enough ?? 0)));
