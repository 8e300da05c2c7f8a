/**
 * The `wasm` target whose threads say where they are: for each launch of a step, how long each thread computes and how long it waits
 * at the barrier behind it. The printer writes calls of a clock into `run` (codegen/wasm/step.ts), which nothing else asks it for; the
 * clock reads the time and adds what has passed to what began at the mark before. Two calls a launch take 0.2 microseconds.
 */

import type { Target } from "../../codegen/target.ts";
import { importNames } from "../../codegen/wasm/abi.ts";
import type { WasmArtifact, WasmFacts } from "../../codegen/wasm/artifact.ts";
import { callSteps } from "../../codegen/wasm/artifact.ts";
import { wasmPrinter } from "../../codegen/wasm/step.ts";
import { wasm } from "../../codegen/wasm/target.ts";
import { launchesOf, type Sequence } from "../../src/program/sequence.ts";
import type { VectorBits } from "../../src/runtime/vectors.ts";
import { findJoining, findOptimizing } from "../../src/runtime/wasm/code.ts";
import { wasmFound } from "../../src/runtime/wasm/found.ts";
import { findHost, type HostWorker, type WasmHost } from "../../src/runtime/wasm/host.ts";
import { WasmMachine } from "../../src/runtime/wasm/machine.ts";
import { setupOf, type TargetSetup } from "../../src/target-setup.ts";

/** A launch of the program, and what it multiplies and adds, reads and writes. */
export interface Call {
  readonly label: string;
  readonly flops: number;
  readonly bytes: number;
}

/** More marks than a program of one entry has. */
const mostMarks = 4096;
const bytesEach = 8 * mostMarks;

/** Milliseconds since the start, for each thread: what began at each mark has taken. */
export class Clocks {
  readonly shared: SharedArrayBuffer;
  readonly #threads: number;
  calls: readonly Call[] = [];

  constructor(threads: number) {
    this.#threads = threads;
    this.shared = new SharedArrayBuffer(bytesEach * threads);
  }

  of(thread: number): Float64Array {
    return new Float64Array(this.shared, bytesEach * thread, mostMarks);
  }

  /** A copy of all that was measured so far. */
  read(): readonly Float64Array[] {
    return Array.from({ length: this.#threads }, (_, thread) => this.of(thread).slice());
  }
}

/** One entry is to be compiled on it, which is not one of loops. */
export function clockedTarget(clocks: Clocks, threads: number, vectors: VectorBits): TargetSetup<WasmArtifact> {
  const { facts } = wasmFound({ threads, vectors });
  const target: Target<WasmArtifact, WasmFacts> = {
    ...wasm,
    printer(known) {
      const print = wasmPrinter(known);
      return (sequence, addresses, crew) => {
        const artifact = print(sequence, addresses, crew, true);
        clocks.calls = callsOf(sequence, artifact);
        return artifact;
      };
    },
  };
  return setupOf(target, {
    facts,
    machine: async (bytes, given) => {
      const joining = findJoining(vectors, facts.relaxed);
      const newCrowding = () => ({ isAlone: false, took: () => {} });
      return new WasmMachine(bytes, {
        ...given,
        joining,
        optimizing: findOptimizing(),
        threads,
        host: clockedHost(clocks),
        newCrowding,
      });
    },
  });
}

function callsOf(sequence: Sequence, { steps }: WasmArtifact): readonly Call[] {
  const kernels = new Map(launchesOf(sequence).map((launch) => [launch.name, launch.kernel]));
  return callSteps(steps).map((step) => {
    if (step.kind === "copy") return { label: "copy", flops: 0, bytes: 2 * step.to.bytes };
    const kernel = kernels.get(step.label);
    return { label: step.label, flops: kernel?.flops ?? 0, bytes: kernel?.bytes ?? 0 };
  });
}

// ---- the clock in each thread ----------------------------------------------------------------------------------------

/** The import: adds the time since the last mark to what that mark began. */
function newClock(times: Float64Array): (thread: number, mark: number) => void {
  let [began, last] = [mostMarks - 1, 0];
  return (_, mark) => {
    const now = performance.now();
    times[began] = (times[began] ?? 0) + now - last;
    began = mark;
    last = now;
  };
}

function clockedHost(clocks: Clocks): WasmHost {
  const host = findHost();
  return {
    ...host,
    instantiate(bytes, imports, atOnce) {
      const env = { ...imports[importNames.module], [importNames.clock]: newClock(clocks.of(0)) };
      return host.instantiate(bytes, { ...imports, [importNames.module]: env }, atOnce);
    },
    newWorker(source, events): HostWorker {
      const worker = host.newWorker(`${workerClock}\n${source}`, events);
      // The first message is `join`: the worker's share of the times travels with it.
      return { ...worker, post: (message) => worker.post(withTimes(message, clocks)) };
    },
  };
}

function withTimes(message: unknown, { shared }: Clocks): unknown {
  return typeof message === "object" && message !== null && "thread" in message ? { ...message, shared } : message;
}

/** What stands before a worker's own code: modules are given the clock. */
const workerClock = `{
  const newClock = ${newClock.toString().replaceAll("mostMarks", String(mostMarks))};
  let times;
  require("node:worker_threads").parentPort.once("message", ({ thread, shared }) => {
    times = new Float64Array(shared, ${bytesEach} * thread, ${mostMarks});
  });
  const Instance = WebAssembly.Instance;
  WebAssembly.Instance = function (module, { ${importNames.module}: env, ...others }) {
    return new Instance(module, { ...others, ${importNames.module}: { ...env, ${importNames.clock}: newClock(times) } });
  };
}`;
