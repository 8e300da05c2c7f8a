/**
 * What several threads can do at once on this machine, in a millisecond: multiply-adds in registers, and bytes read that no cache
 * holds. In vectors as wide as the engine's: joined ones of 256 bits where it joins.
 */
import { Worker } from "node:worker_threads";
import type { FunctionWriter } from "../../codegen/wasm/function.ts";
import { WasmModule } from "../../codegen/wasm/module.ts";
import type { Local } from "../../codegen/wasm/refs.ts";
import type { VectorBits } from "../../src/runtime/vectors.ts";
import { findJoining } from "../../src/runtime/wasm/code.ts";
import { engineFeatures } from "../../src/runtime/wasm/device.ts";
import { sums, writeMultiplyAdds } from "../ceiling.ts";

const vectorBytes = 16;
const loads = 8;
const [rounds, tries] = [1_000_000, 7];
const bytes = 2 ** 26;
const pageBytes = 65_536;

export function ceilingOn(threads: number, vectors: VectorBits): Promise<number> {
  const { relaxed } = engineFeatures(true);
  const joining = findJoining(vectors, relaxed);
  const count = joining.lack === null ? 2 * sums : sums;
  const code = moduleOf(count, (f, left, totals) => writeMultiplyAdds(f, left, totals, relaxed));
  const imports = { env: { memory: new WebAssembly.Memory({ initial: 1 }) } };
  return fastest(joining.instantiate(code, imports).module, threads, rounds, 8 * count * rounds * threads);
}

export function readBandwidthOn(threads: number): Promise<number> {
  const own = Math.floor(bytes / threads / (loads * vectorBytes)) * loads * vectorBytes;
  const code = moduleOf(loads, (f, left, totals) => {
    const at = f.local("i32");
    f.loop((again) => {
      totals.forEach((total, i) => {
        f.get(total);
        f.get(at);
        f.memory("v128.load", pageBytes + i * vectorBytes);
        f.op("f32x4.add");
        f.set(total);
      });
      f.get(at);
      f.constI32(loads * vectorBytes);
      f.op("i32.add");
      f.tee(at);
      f.get(left);
      f.op("i32.lt_u");
      f.brIf(again);
    });
  });
  return fastest(new WebAssembly.Module(code), threads, own, own * threads);
}

/** Exports `run(count)`; what is summed up is stored, vector beside vector, so that an engine can join them. */
function moduleOf(vectors: number, write: (f: FunctionWriter, count: Local, totals: readonly Local[]) => void) {
  const wasm = new WasmModule();
  wasm.importMemory("env", "memory", { min: 1, shared: false });
  const run = wasm.function("run", ["i32"], [], (f, [count]) => {
    if (count === undefined) return;
    const totals = Array.from({ length: vectors }, () => f.local("v128"));
    write(f, count, totals);
    totals.forEach((total, i) => {
      f.constI32(0);
      f.get(total);
      f.memory("v128.store", i * vectorBytes);
    });
  });
  wasm.export("run", run);
  return wasm.finish();
}

/** `amount` a millisecond, when all threads call `run(count)` at once: the best of some times. */
async function fastest(module: WebAssembly.Module, threads: number, count: number, amount: number): Promise<number> {
  const workerData = { module, pages: bytes / pageBytes + 1 };
  const workers = Array.from({ length: threads }, () => new Worker(source, { eval: true, workerData }));
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const times = await Promise.all(workers.map((worker) => answerOf(worker, count)));
    least = Math.min(least, Math.max(...times));
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return amount / least;
}

function answerOf(worker: Worker, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
    worker.postMessage(count);
  });
}

const source = `const { parentPort, workerData } = require("node:worker_threads");
const memory = new WebAssembly.Memory({ initial: workerData.pages });
new Float32Array(memory.buffer).fill(0.5);
const { run } = new WebAssembly.Instance(workerData.module, { env: { memory } }).exports;
parentPort.on("message", (count) => {
  const started = performance.now();
  run(count);
  parentPort.postMessage(performance.now() - started);
});`;
