/**
 * The process that has the GPU: runs every case on one device and prints what became of it, one JSON line each.
 *
 * It stands apart from Vitest because a driver reads its environment when the process starts, and because a crash in a
 * driver should cost the GPU tests and nothing else. test/gpu/gpu.test.ts starts it. By hand, on a machine with a GPU:
 *
 *   GPU_CASES=doubles node --import tsx test/gpu/child.ts
 */
import { create, globals } from "webgpu";
import { findCases, type Gpu, type GpuCase, type Message } from "./case.ts";

/** What compute can use of an adapter; the rest of the list is about textures. */
const usefulFeatures = ["shader-f16", "subgroups", "timestamp-query"] as const satisfies readonly GPUFeatureName[];

/** An orphan (its parent was killed) ends by itself after this, a little later than the parent's own deadline. */
const orphanMs = 490_000;

async function main(): Promise<void> {
  setTimeout(() => process.exit(3), orphanMs).unref();
  // Stdout carries messages only; what a case or a module logs goes where the parent shows it when something fails.
  console.log = console.info = console.debug = console.error;
  waitAsleep();
  // GPUBufferUsage and its kin, which are globals in a browser.
  Object.assign(globalThis, globals);

  // Dawn has workgroup memory cleared, which a software GPU compiles to a store for each word: 0.09 s of CPU for each KB of each kernel.
  // Ours read nothing there that they have not written, and here would be seen if they did.
  const gpu = create(["enable-dawn-features=disable_workgroup_init"]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) return say({ event: "none", reason: "Dawn found no adapter" });
  const device = await adapter.requestDevice({
    requiredFeatures: usefulFeatures.filter((name) => adapter.features.has(name)),
    requiredLimits: limitsOf(adapter),
  });
  keepPipelines(Object.getPrototypeOf(device));
  const { vendor, architecture, description } = adapter.info;
  say({ event: "ready", adapter: `${vendor} ${architecture} ${description}`, startMs: performance.now() });

  const lost = device.lost.then(({ reason, message }): never => {
    throw new Error(`the device was lost (${reason}): ${message}`);
  });
  lost.catch(() => undefined);
  for (const { id, case: entry } of await findCases(process.env.GPU_CASES ?? "")) {
    say({ event: "start", id });
    const start = performance.now();
    try {
      await Promise.race([runCase(entry, { device, adapter, gpu }), lost]);
      say({ event: "pass", id, ms: performance.now() - start });
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say({ event: "fail", id, ms: performance.now() - start, message });
    }
  }
  say({ event: "done" });
  // With no device left the event loop is empty and the process ends; gpu.test.ts holds it to that.
  device.destroy();
}

/** Runs one case; fails it with the device's own errors where it did not ask for them with an error scope. */
async function runCase(entry: GpuCase, gpu: Gpu): Promise<void> {
  const uncaptured: string[] = [];
  const listen = (event: GPUUncapturedErrorEvent): number => uncaptured.push(event.error.message);
  gpu.device.addEventListener("uncapturederror", listen);
  try {
    await entry.run(gpu, (text) => say({ event: "text", text }));
    // Errors are delivered before the work that came before them is reported as done.
    await gpu.device.queue.onSubmittedWorkDone();
  } finally {
    gpu.device.removeEventListener("uncapturederror", listen);
  }
  if (uncaptured.length > 0) throw new Error(`the device reported:\n${uncaptured.join("\n")}`);
}

/**
 * While one of its promises waits, Dawn asks the driver again in each turn of the event loop (setImmediate), and makes an object
 * each time: on a software GPU that took a third of all CPU time, and garbage collection as much again. Here each turn
 * sleeps first, the longer the longer it has waited: a read is there at once, a pipeline takes tens of milliseconds; nothing
 * else goes on in this process.
 */
function waitAsleep(): void {
  const [shortestMs, longestMs] = [0.05, 2];
  const never = new Int32Array(new SharedArrayBuffer(4));
  const soon = globalThis.setImmediate;
  let ms = shortestMs;
  let isAsking = false;
  const sleeping = (callback: () => void): NodeJS.Immediate => {
    // who asks again from within a turn has had no answer yet
    ms = isAsking ? Math.min(1.25 * ms, longestMs) : shortestMs;
    return soon(() => {
      Atomics.wait(never, 0, 0, ms);
      isAsking = true;
      callback();
      isAsking = false;
    });
  };
  Object.assign(globalThis, { setImmediate: sleeping });
}

/**
 * A device makes a pipeline anew once nobody holds the last one of the same text. Cases compile some programs several times:
 * held to the end, a pipeline is compiled once (every sixth is such a repeat).
 */
function keepPipelines(devices: GPUDevice): void {
  const held: unknown[] = [];
  const make = devices.createComputePipelineAsync;
  devices.createComputePipelineAsync = async function (descriptor) {
    const pipeline = await make.call(this, descriptor);
    held.push(pipeline, descriptor.compute.module);
    return pipeline;
  };
}

/** All of the adapter's limits, as a request. */
function limitsOf(adapter: GPUAdapter): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value: unknown = Reflect.get(adapter.limits, name);
    if (typeof value === "number") limits[name] = value;
  }
  return limits;
}

function say(message: Message): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

await main();
