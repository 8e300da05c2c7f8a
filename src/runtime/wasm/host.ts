/**
 * What the wasm machine needs of the engine around it: modules, memory, workers, and whether threads are possible.
 *
 * In Node workers come from node:worker_threads, in a browser they are Web Workers. A page has shared memory only where its
 * server isolates it, and a page's main thread may not wait for others: there a step runs on one thread.
 */

import { maxThreads } from "../../../codegen/wasm/abi.ts";
import { DeviceError, messageOf, UserError } from "../../core/errors.ts";
import type { MemoryMaker } from "./memory.ts";

/** Makes a module and an instance of it at once. */
export type Instantiate = (
  bytes: Uint8Array<ArrayBuffer>,
  imports: WebAssembly.Imports,
) => WebAssembly.WebAssemblyInstantiatedSource;

/** As the engine does it. */
export const instantiatePlain: Instantiate = (bytes, imports) => {
  const module = new WebAssembly.Module(bytes);
  return { module, instance: new WebAssembly.Instance(module, imports) };
};

/** What a worker tells its pool. */
export interface WorkerEvents {
  message(data: unknown): void;
  /** It could not start, or it ended. */
  end(reason: string): void;
}

/** A worker that keeps no process alive. */
export interface HostWorker {
  post(message: unknown): void;
  terminate(): void;
}

export interface WasmHost {
  readonly parallelism: number;
  /** Why there can be only one thread; null where there can be more. */
  readonly oneThread: string | null;
  readonly newMemory: MemoryMaker;
  /**
   * A module of these bytes, and an instance of it. Rejects with a `CompileError` where the engine refuses them. `atOnce` is used
   * where modules are compiled at once.
   */
  instantiate(
    bytes: Uint8Array<ArrayBuffer>,
    imports: WebAssembly.Imports,
    atOnce?: Instantiate,
  ): Promise<WebAssembly.WebAssemblyInstantiatedSource>;
  /** Whether a worker may be refused after it was made: a page's policy shows no earlier. */
  readonly mayBlockWorkers?: boolean;
  /** Throws where the engine refuses. */
  newWorker(source: string, events: WorkerEvents): HostWorker;
}

/** The parts of the global object that are looked at. */
export interface Globals {
  readonly process?: {
    getBuiltinModule?(id: string): unknown;
    readonly versions?: { readonly node?: string; readonly bun?: string; readonly deno?: string };
    readonly arch?: string;
    readonly execArgv?: readonly string[];
    readonly env?: Readonly<Record<string, string | undefined>>;
  };
  readonly document?: unknown;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly crossOriginIsolated?: boolean;
  readonly SharedArrayBuffer?: SharedArrayBufferConstructor;
  readonly Atomics?: Pick<Atomics, "wait">;
  readonly Worker?: typeof Worker;
}

/** The host that runs this. */
export function findHost(globals: Globals = globalThis): WasmHost {
  const newMemory: MemoryMaker = (descriptor) => new WebAssembly.Memory(descriptor);
  // Node's modules are loaded when they are wanted: on one thread they are not, and take 5 ms of a fresh process.
  return {
    get parallelism() {
      const os = nodeModule<NodeOs>(globals, "node:os");
      return os?.availableParallelism() ?? globals.navigator?.hardwareConcurrency ?? 1;
    },
    oneThread: oneThreadReason(globals),
    newMemory,
    mayBlockWorkers: globals.process?.getBuiltinModule === undefined,
    async instantiate(bytes, imports, atOnce = instantiatePlain) {
      // A page must not be held up.
      const isPage = globals.document !== undefined || Number.isNaN(nodeMajor(globals));
      if (isPage) return WebAssembly.instantiate(bytes, imports);
      // In the background V8 compiles behind all that it optimizes: at once, the MNIST step and its first call are ready 15 ms earlier.
      return atOnce(bytes, imports);
    },
    newWorker(source, events) {
      const threads = nodeModule<NodeThreads>(globals, "node:worker_threads");
      if (threads !== undefined) return nodeWorker(threads, source, events);
      if (globals.Worker !== undefined) return webWorker(globals.Worker, source, events);
      throw new DeviceError("there are no workers here: use threads: 1");
    },
  };
}

/** How long a worker that does nothing may take to answer, in milliseconds. One that is blocked says so at once. */
const tryWorkerMs = 5_000;

/** Why workers do not start here; null where they do, or where `oneThread` says more. Tries one. */
export async function whyNoWorkers(host: WasmHost): Promise<string | null> {
  if (host.oneThread !== null || host.mayBlockWorkers !== true) return null;
  let worker: HostWorker | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<string | null>((resolve) => {
      worker = host.newWorker("postMessage(0)", { message: () => resolve(null), end: resolve });
      timer = setTimeout(() => resolve("one did not answer"), tryWorkerMs);
    });
  } catch (error) {
    return messageOf(error);
  } finally {
    clearTimeout(timer);
    worker?.terminate();
  }
}

/** Threads that "auto" takes at most: steps of the size that one machine trains do not feed more. */
const mostByDefault = 8;

/** How many threads to run on, and what to tell about it. Throws `UserError` for a number that cannot be. */
export function chooseThreads(
  wanted: number | "auto",
  host: WasmHost,
): { readonly threads: number; readonly warning: string | null } {
  if (wanted !== "auto" && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= maxThreads)) {
    throw new UserError(`threads must be "auto" or a whole number from 1 to ${maxThreads}, not ${wanted}`);
  }
  const threads = wanted === "auto" ? Math.max(1, Math.min(host.parallelism, mostByDefault)) : wanted;
  if (threads === 1 || host.oneThread === null) return { threads, warning: null };
  return { threads: 1, warning: `the wasm target runs on one thread instead of ${threads}, as ${host.oneThread}` };
}

/**
 * Lets this process compile relaxed SIMD where its V8 has it behind a flag: Node 20. The flag is the whole process's, workers
 * included, and takes effect for modules compiled later; to set it again does nothing.
 */
export function allowRelaxedSimd(globals: Globals = globalThis): void {
  if (nodeMajor(globals) < 21)
    nodeModule<NodeV8>(globals, "node:v8")?.setFlagsFromString("--experimental-wasm-relaxed-simd");
}

/** NaN where nothing calls itself Node. */
export function nodeMajor({ process }: Globals): number {
  return Number.parseInt(process?.versions?.node ?? "", 10);
}

function oneThreadReason(globals: Globals): string | null {
  if (globals.crossOriginIsolated === false) {
    return (
      "this page is not cross-origin isolated: its server must send the headers " +
      "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
    );
  }
  if (globals.SharedArrayBuffer === undefined || globals.Atomics === undefined) return "there is no shared memory here";
  if (globals.process?.getBuiltinModule === undefined && globals.Worker === undefined)
    return "there are no workers here";
  try {
    globals.Atomics.wait(new Int32Array(new globals.SharedArrayBuffer(4)), 0, 1, 0);
    return null;
  } catch {
    return "a page's main thread may not wait for others: compile and run in a worker";
  }
}

// ---- Node ----------------------------------------------------------------------------------------------------------

interface NodeThreads {
  readonly Worker: new (
    source: string,
    options: object,
  ) => {
    on(event: string, listener: (value: unknown) => void): void;
    postMessage(message: unknown): void;
    unref(): void;
    terminate(): unknown;
  };
}

interface NodeOs {
  availableParallelism(): number;
}

export interface NodeV8 {
  setFlagsFromString(flags: string): void;
}

/** A module of Node, without an import that would keep this file out of browsers. */
export function nodeModule<T>({ process }: Globals, id: string): T | undefined {
  return process?.getBuiltinModule?.(id) as T | undefined;
}

function nodeWorker(threads: NodeThreads, source: string, events: WorkerEvents): HostWorker {
  // Loaders and flags of the process are not for this worker: it is plain JavaScript and imports nothing.
  // It prints nothing: streams of its own spare 2 ms of joining them to the process's.
  const streams = { stdout: true, stderr: true };
  const worker = new threads.Worker(source, { eval: true, execArgv: [], env: {}, ...streams });
  worker.on("message", (data) => events.message(data));
  worker.on("messageerror", (error) => events.end(`it could not read a message: ${messageOf(error)}`));
  worker.on("error", (error) => events.end(messageOf(error)));
  worker.on("exit", (code) => events.end(`it ended with exit code ${code}`));
  worker.unref(); // last, as a listener for messages takes it back
  return {
    post: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
  };
}

// ---- browsers ------------------------------------------------------------------------------------------------------

function webWorker(Worker: NonNullable<Globals["Worker"]>, source: string, events: WorkerEvents): HostWorker {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "tensorloom" });
  worker.onmessage = ({ data }) => {
    URL.revokeObjectURL(url);
    events.message(data);
  };
  worker.onmessageerror = () => events.end("it could not read a message");
  worker.onerror = ({ message }) => {
    URL.revokeObjectURL(url);
    const blocked = "it did not load (the page's content security policy must allow worker-src blob:)";
    events.end(message === undefined || message === "" ? blocked : message);
  };
  return {
    post: (message) => worker.postMessage(message),
    terminate: () => {
      URL.revokeObjectURL(url);
      worker.terminate();
    },
  };
}
