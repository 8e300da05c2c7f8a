/**
 * What this machine can do, by hand: `node floor.mjs DATA THREADS`. The ceiling of multiply-adds runs on all its threads at
 * once, in workers of this same file; the other floors are loops of one thread.
 */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { wasmFeatures } from "../../codegen/wasm/probe.ts";
import { allowRelaxedSimd } from "../../src/runtime/wasm/host.ts";
import { multiplyAddCeiling } from "../ceiling.ts";
import { copyByHand, type HandWritten, moveByHand } from "../hand-written.ts";
import { contractionInJs, layerNormInJs, softmaxInJs } from "../hand-written-js.ts";
import { layerNormByHand, softmaxByHand } from "../hand-written-rows.ts";
import { type Prepared, type System, serve } from "../protocol.ts";
import { ceilingRounds, copyBytes, type LoopName, rows } from "../workloads.ts";

function hasRelaxed(): boolean {
  allowRelaxedSimd();
  return wasmFeatures((bytes) => WebAssembly.validate(bytes)).relaxed;
}

async function byHand(floor: Exclude<LoopName, "flops">): Promise<HandWritten> {
  switch (floor) {
    case "copy":
      return copyByHand(copyBytes);
    case "memmove":
      return moveByHand(copyBytes);
    case "softmax":
      return softmaxByHand(rows, hasRelaxed());
    case "layerNorm":
      return layerNormByHand(rows);
    case "softmax-js":
      return softmaxInJs(rows);
    case "layerNorm-js":
      return layerNormInJs(rows);
  }
}

async function ceiling(threads: number): Promise<Prepared> {
  const relaxed = hasRelaxed();
  const workers = Array.from({ length: threads }, () => new Worker(fileURLToPath(import.meta.url)));
  const answered = (worker: Worker, request: number | boolean): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
      worker.postMessage(request);
    });
  await Promise.all(workers.map((worker) => answered(worker, relaxed)));
  return {
    async run() {
      await Promise.all(workers.map((worker) => answered(worker, ceilingRounds)));
    },
    result: () => [],
  };
}

/** In a worker: the first message says whether there is relaxed SIMD, each other how many rounds to run. */
function runInWorker(): void {
  let ready: Promise<(rounds: number) => void> | undefined;
  parentPort?.on("message", async (message: boolean | number) => {
    if (typeof message === "boolean") ready = multiplyAddCeiling(message);
    const run = await ready;
    if (typeof message === "number") run?.(message);
    parentPort?.postMessage("done");
  });
}

const [folder = "", threads = "1"] = process.argv.slice(2);

const system: System = {
  step: async () => undefined,
  async other(workload, numbers) {
    if (workload.kind !== "floor") return undefined;
    if (workload.floor === "flops") return ceiling(Number(threads));
    if (workload.floor === "contraction-js") return contractionInJs(workload.of, numbers);
    const { run, x, z } = await byHand(workload.floor);
    x.set(numbers.subarray(0, x.length));
    const isCopy = workload.floor === "copy" || workload.floor === "memmove"; // a speed, and no result of interest
    return { run, result: () => (isCopy ? [] : z) };
  },
};

if (isMainThread) await serve(folder, async () => system);
else runInWorker();
