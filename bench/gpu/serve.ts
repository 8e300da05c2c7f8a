/**
 * A system of the GPU benchmark as a process: the protocol of bench/protocol.ts with a GPU's workloads, and two requests more.
 * bench/python/gpu_rows.py is the same in Python.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { create, globals } from "webgpu";
import { isSoftware } from "../../src/runtime/webgpu/connection.ts";
import { readF32 } from "../data.ts";
import type { Answer, MeasureRequest } from "../protocol.ts";
import { type Counts, counting, perCall } from "./counts.ts";
import type { GpuWorkload } from "./rows.ts";

export type GpuRequest =
  | MeasureRequest<GpuWorkload>
  /** What the system runs on. */
  | { readonly kind: "about" }
  /** Makes a workload ready, where the system can. */
  | { readonly kind: "ready"; readonly workload: GpuWorkload }
  /** What one call asks of the device. */
  | { readonly kind: "count"; readonly workload: GpuWorkload };

export interface GpuAnswer extends Answer {
  readonly about?: AboutAdapter;
  readonly counts?: Counts;
  /** Why the system has no such workload. */
  readonly lack?: string;
}

export interface AboutAdapter {
  readonly device: string;
  readonly isSoftware: boolean;
  readonly limits: Readonly<Record<string, number>>;
}

export interface Prepared {
  /** All calls, until the last result is there. */
  run(): Promise<void>;
  /** Some numbers that are the same from all systems: called once, before `run`. */
  check(): Promise<readonly number[]>;
}

export interface GpuSystem {
  /** A text says why there is none. What was made ready before is let go. */
  prepare(workload: GpuWorkload, data: Data): Promise<Prepared | string>;
}

export interface Data {
  readonly folder: string;
  readonly numbers: Float32Array;
}

interface Ready {
  readonly prepared: Prepared;
  readonly check: readonly number[];
}

/** WebGPU as a browser has it, which libraries look for. The instance must stay reachable, or Dawn may end the process. */
export function browserLikeGpu(): GPU {
  Object.assign(globalThis, globals);
  const gpu = create([]);
  Object.assign(globalThis, { tensorloomBenchGpu: gpu });
  const navigator = { userAgent: "Node", hardwareConcurrency: 1, gpu };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
  return gpu;
}

export async function aboutAdapter(gpu: GPU): Promise<AboutAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Error("WebGPU found no adapter");
  const { vendor, architecture, description, device } = adapter.info;
  const words = [vendor, architecture, device, description].join(" ");
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value: unknown = Reflect.get(adapter.limits, name);
    if (typeof value === "number") limits[name] = value;
  }
  return {
    device: description !== "" ? description : words.trim(),
    isSoftware: isSoftware(adapter.info),
    limits,
  };
}

/** Errors of whatever device the system makes, which else only Dawn would print: what is not valid is quickly done. */
function collectErrors(): string[] {
  const errors: string[] = [];
  const prototype: { requestDevice: GPUAdapter["requestDevice"] } = GPUAdapter.prototype;
  const make = prototype.requestDevice;
  prototype.requestDevice = async function (this: GPUAdapter, ...args) {
    const device = await make.apply(this, args);
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      errors.push(event.error.message);
    });
    return device;
  };
  return errors;
}

/** Serves requests until stdin ends. */
export async function serveGpu(folder: string, make: () => Promise<GpuSystem>): Promise<void> {
  const gpu = browserLikeGpu();
  const errors = collectErrors();
  const server = new Server(gpu, folder, await make());
  for await (const line of createInterface({ input: process.stdin })) {
    let answer: Partial<GpuAnswer>;
    try {
      answer = await server.answer(JSON.parse(line) as GpuRequest);
    } catch (error) {
      answer = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    const [first] = errors.splice(0);
    if (first !== undefined) answer = { error: `the device reported: ${first}` };
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    writeSync(3, `${JSON.stringify({ ms: [], check: [], peakBytes, ...answer })}\n`);
  }
  process.exit(0);
}

class Server {
  readonly #gpu: GPU;
  readonly #folder: string;
  readonly #system: GpuSystem;
  #numbers: Float32Array | null = null;
  #key = "";
  #ready: Ready | string = "nothing is ready";

  constructor(gpu: GPU, folder: string, system: GpuSystem) {
    this.#gpu = gpu;
    this.#folder = folder;
    this.#system = system;
  }

  async answer(request: GpuRequest): Promise<Partial<GpuAnswer>> {
    if (request.kind === "about") return { about: await aboutAdapter(this.#gpu) };
    const { workload } = request;
    const ready = await this.#prepare(workload);
    if (typeof ready === "string") return { unsupported: true, lack: ready };
    const { prepared, check } = ready;
    if (request.kind === "ready") return { check };
    if (request.kind === "count") return { counts: perCall(await counting(prepared.run), workload.calls) };
    const ms: number[] = [];
    for (let i = -request.warmup; i < request.repetitions; i++) {
      const started = performance.now();
      await prepared.run();
      if (i >= 0) ms.push(performance.now() - started);
    }
    return { ms, check };
  }

  /** One at a time: the memory of the last is not this one's. */
  async #prepare(workload: GpuWorkload): Promise<Ready | string> {
    const key = JSON.stringify(workload);
    if (this.#key === key) return this.#ready;
    this.#key = key;
    this.#ready = "it could not be made ready"; // unless it can
    this.#numbers ??= readF32(this.#folder, "numbers.f32");
    const prepared = await this.#system.prepare(workload, { folder: this.#folder, numbers: this.#numbers });
    this.#ready = typeof prepared === "string" ? prepared : { prepared, check: await prepared.check() };
    return this.#ready;
  }
}
