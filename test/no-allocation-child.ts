/**
 * Runs in a process of its own (--expose-gc): the MNIST step, warmed up, then many steps in a row. Prints what the heap did
 * in between as one line of JSON; no-allocation.test.ts judges it. Arguments: batch, hidden units, steps.
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
  readonly seconds: number;
}

async function measure(batch: number, hidden: number, steps: number): Promise<HeapChange> {
  const executable = await compileOn(mnistStep(rmsprop(), hidden), jsTarget, { dims: { batch } });
  const feeds = mnistBatches(4, batch);
  const train = executable.train;
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) train(feeds[i & 3]);
  };
  run(Math.min(60, steps));
  const profiler = new GCProfiler();
  // What the engine compiles in the background lies on the heap too, and comes late on a busy machine: it is warm when some steps
  // in a row leave the heap as it is. Steps that allocated would never do that, and be counted all the same.
  for (let round = 0; round < 12; round++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    run(Math.min(40, Math.ceil(steps / 6)));
    if (process.memoryUsage().heapUsed - before < 4_000) break;
  }
  globalThis.gc?.();
  profiler.start();
  const started = performance.now();
  const before = process.memoryUsage();
  run(steps);
  const after = process.memoryUsage();
  const seconds = (performance.now() - started) / 1000;
  const collections = profiler.stop()?.statistics.length ?? Number.NaN;
  return {
    collections,
    heapUsed: after.heapUsed - before.heapUsed,
    external: after.external - before.external,
    arrayBuffers: after.arrayBuffers - before.arrayBuffers,
    loss: await executable.read("loss"),
    seconds,
  };
}

const [batch, hidden, steps] = process.argv.slice(2).map(Number);
console.log(JSON.stringify(await measure(batch ?? 128, hidden ?? 512, steps ?? 1000)));
