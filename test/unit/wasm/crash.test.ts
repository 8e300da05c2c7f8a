/**
 * What goes wrong around the wasm machine: workers that die, hang or never start, memory that is refused, and
 * thousands of machines that come and go.
 */
import { afterEach, describe, expect, test } from "vitest";
import { compileOn } from "../../../src/compile.ts";
import { DeviceError } from "../../../src/core/errors.ts";
import { wasmTarget } from "../../../src/eager-targets.ts";
import { add, ones, param, program, sum } from "../../../src/index.ts";
import type { Runner } from "../../../src/runtime/machine.ts";
import { findHost, type HostWorker, type WasmHost } from "../../../src/runtime/wasm/host.ts";
import { WasmMachine, type WasmMachineOptions } from "../../../src/runtime/wasm/machine.ts";
import { fakeEntry, launch, rotated, rotations, slot } from "./fake-entry.ts";

const n = 64;
const x = Float32Array.from({ length: n }, (_, i) => i);
const deadlineMs = 300;
const machines: WasmMachine[] = [];

function machineOf(threads: number, options: Partial<WasmMachineOptions> = {}): WasmMachine {
  const machine = new WasmMachine(4 * n, { threads, deadlineMs, ...options });
  machines.push(machine);
  return machine;
}

afterEach(() => {
  for (const machine of machines.splice(0)) machine.dispose();
});

function errorOf(run: () => void): Error | null {
  try {
    run();
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** This engine, with a change to the workers' source, and a hand on the workers. */
function hostWith(change: (source: string) => string): { readonly host: WasmHost; readonly workers: HostWorker[] } {
  const host = findHost();
  const workers: HostWorker[] = [];
  const newWorker: WasmHost["newWorker"] = (source, events) => {
    const worker = host.newWorker(change(source), events);
    workers.push(worker);
    return worker;
  };
  return { host: { ...host, newWorker }, workers };
}

/** Every later call must give the very same error. */
async function expectPoisoned(machine: WasmMachine, runner: Runner, error: Error | null): Promise<void> {
  expect(errorOf(() => runner.run())).toBe(error);
  expect(errorOf(() => runner.feed(0, x))).toBe(error);
  expect(errorOf(() => machine.writeState(slot("s", "state", 0, n), x))).toBe(error);
  await expect(runner.read(slot("y", "output", 0, n))).rejects.toBe(error);
  await expect(machine.readState(slot("s", "state", 0, n))).rejects.toBe(error);
  await expect(machine.prepare(fakeEntry("later", n, rotations(1), machine.crew))).rejects.toBe(error);
}

describe("a worker", () => {
  const lost =
    /worker thread of the wasm target did not come to the end of a kernel for 0.3 seconds.*checkpoint.*threads: 1/;

  test("that dies inside a kernel is an error after the deadline", async () => {
    // The kernel calls the imported remainder, and that ends the worker's thread.
    const { host } = hostWith((source) => source.replace("const rest = x % y;", "process.exit(0); const rest = 0;"));
    const machine = machineOf(3, { host });
    const fine = await machine.prepare(fakeEntry("fine", n, rotations(3), machine.crew));
    const deadly = await machine.prepare(
      fakeEntry("deadly", n, [launch("remainder", "x", "a"), ...rotations(3)], machine.crew),
    );
    for (let i = 0; i < 100; i++) fine.run();
    const start = performance.now();
    const error = errorOf(() => deadly.run());
    expect(error?.message).toMatch(lost);
    expect(error).toBeInstanceOf(DeviceError);
    expect(performance.now() - start).toBeGreaterThan(deadlineMs - 50);
    expect(performance.now() - start).toBeLessThan(deadlineMs + 20_000);
    await expectPoisoned(machine, fine, error);
  });

  test("that is terminated from outside in the middle of steps is an error", async () => {
    const { host, workers } = hostWith((source) => source);
    const machine = machineOf(3, { host });
    const runner = await machine.prepare(fakeEntry("train", n, rotations(20), machine.crew));
    runner.run();
    workers[1]?.terminate();
    const error = errorOf(() => {
      for (;;) runner.run();
    });
    expect(error?.message).toMatch(lost);
    await expectPoisoned(machine, runner, error);
  });

  test("that dies between steps is an error at the next call", async () => {
    const { host, workers } = hostWith((source) => source);
    const machine = machineOf(2, { host, deadlineMs: 1_000_000 });
    const runner = await machine.prepare(fakeEntry("train", n, rotations(2), machine.crew));
    runner.run();
    workers[0]?.terminate();
    let error: Error | null = null;
    for (const start = Date.now(); error === null && Date.now() - start < 20_000; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      error = errorOf(() => runner.feed(0, x));
    }
    expect(error?.message).toMatch(/worker thread of the wasm target \(number 1\) is gone: it ended with exit code 1/);
    await expectPoisoned(machine, runner, error);
  });

  test("that never ends its kernel is an error after the deadline, and ends with the machine", async () => {
    const { host } = hostWith((source) => source);
    let hasEnded = false;
    const watching: WasmHost = {
      ...host,
      newWorker: (source, events) =>
        host.newWorker(source, {
          ...events,
          end(reason) {
            hasEnded = true;
            events.end(reason);
          },
        }),
    };
    const machine = machineOf(2, { host: watching });
    const runner = await machine.prepare(
      fakeEntry("train", n, [launch("hang", "x", "a"), ...rotations(1)], machine.crew),
    );
    const error = errorOf(() => runner.run());
    expect(error?.message).toMatch(lost);
    await expectPoisoned(machine, runner, error);
    for (const start = Date.now(); !hasEnded && Date.now() - start < 20_000; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(hasEnded).toBe(true);
  });

  test("that traps is an error at once, with the reason", async () => {
    const machine = machineOf(4, { deadlineMs: 1_000_000 });
    const runner = await machine.prepare(
      fakeEntry("train", n, [launch("trap", "x", "a"), ...rotations(1)], machine.crew),
    );
    const error = errorOf(() => runner.run());
    expect(error?.message).toMatch(/the wasm code stopped on a worker: RuntimeError: unreachable/);
    expect(error?.message).toContain("This is a bug in tensorloom");
    await expectPoisoned(machine, runner, error);
  });

  test("that dies fails every later call of the executable with the same error", async () => {
    const { host } = hostWith((source) =>
      source.replace("entries.get(id)(thread)", "if (ran === 3) process.exit(0); entries.get(id)(thread)"),
    );
    const w = param(ones(64));
    const counting = program({
      state: { w },
      entries: { train: (_, state) => ({ outputs: { sum: sum(state.w) }, next: { w: add(state.w, 1) } }) },
    });
    const target = wasmTarget({ threads: 2 });
    const executable = await compileOn(
      counting,
      {
        ...target,
        async machine(stateBytes) {
          return new WasmMachine(stateBytes, { threads: 2, deadlineMs, host });
        },
      },
      {},
    );
    executable.train();
    executable.train();
    expect(await executable.read("sum")).toBe(128);
    const error = errorOf(() => executable.train());
    expect(error?.message).toMatch(lost);
    expect(errorOf(() => executable.train())).toBe(error);
    await expect(executable.read("sum")).rejects.toBe(error);
    await expect(executable.state.read("w")).rejects.toBe(error);
    executable.dispose();
  });

  test("that cannot be started is an error with a way out", () => {
    const host = findHost();
    const refusing: WasmHost = {
      ...host,
      newWorker() {
        throw new Error("no more threads");
      },
    };
    expect(() => machineOf(2, { host: refusing })).toThrow(
      /worker threads do not start: no more threads. Use threads: 1/,
    );
  });

  test("that fails as it starts is an error of what is being prepared", async () => {
    const { host } = hostWith(() => 'throw new Error("broken start")');
    const machine = machineOf(2, { host });
    const preparing = machine.prepare(fakeEntry("train", n, rotations(1), machine.crew));
    await expect(preparing).rejects.toThrow("is gone: broken start");
  });

  test("that cannot load a module is an error of what is being prepared", async () => {
    const { host } = hostWith((source) => source.replace("new WebAssembly.Instance", "new WebAssembly.Nothing"));
    const machine = machineOf(2, { host });
    const preparing = machine.prepare(fakeEntry("train", n, rotations(1), machine.crew));
    await expect(preparing).rejects.toThrow(/could not load its code: TypeError: WebAssembly.Nothing/);
  });
});

describe("memory", () => {
  /** An engine whose memories have few pages. */
  function smallHost(pages: number): WasmHost {
    const newMemory: WasmHost["newMemory"] = (descriptor) => {
      if (descriptor.initial > pages) throw new RangeError("could not allocate memory");
      if (descriptor.shared !== true) return new WebAssembly.Memory({ ...descriptor, maximum: pages });
      if ((descriptor.maximum ?? 0) > pages) throw new RangeError("could not allocate memory");
      return new WebAssembly.Memory(descriptor);
    };
    return { ...findHost(), newMemory };
  }

  test("for states that is refused is an error with the bytes", () => {
    const make = () => new WasmMachine(10_000_000, { threads: 1, host: smallHost(4) });
    expect(make).toThrow(/asked for 100\d+ bytes for states.*could not allocate memory. Use a smaller batch or model/);
    expect(make).toThrow(DeviceError);
  });

  test.each([1, 2])(
    "that cannot grow is an error with the bytes, and only for its entry (%d threads)",
    async (threads) => {
      const machine = machineOf(threads, { host: smallHost(4) });
      const fits = await machine.prepare(fakeEntry("fits", 1000, rotations(1), machine.crew));
      const preparing = machine.prepare(fakeEntry("huge", 1_000_000, rotations(1), machine.crew));
      const error = (await preparing.catch((reason: unknown) => reason)) as Error;
      expect(error).toBeInstanceOf(DeviceError);
      expect(error.message).toContain("16000000 bytes for the entry huge (8000000 bytes of scratch, 4000000 of inputs");
      expect(error.message).toMatch(threads === 1 ? /engine did not give them/ : /of which this engine gives 262144/);
      const values = Float32Array.from({ length: 1000 }, (_, i) => i);
      fits.feed(0, values);
      fits.run();
      expect(await fits.read(slot("y", "output", 0, 1000))).toEqual(rotated(values, 1));
      expect(machine.allocatedBytes().input).toBe(4032);
      const again = await machine.prepare(fakeEntry("again", 1000, rotations(1), machine.crew));
      again.run();
    },
  );

  test("has at most 4 GiB", async () => {
    expect(() => new WasmMachine(2 ** 33, { threads: 1 })).toThrow(/at most 4294967296.*target: "js"/);
    const machine = machineOf(1);
    const entry = fakeEntry("train", n, []);
    const huge = { ...entry, segmentBytes: { ...entry.segmentBytes, arena: 2 ** 32 } };
    await expect(machine.prepare(huge)).rejects.toThrow(/needs 4294\d+ bytes for the entry train/);
  });

  test("that is shared makes do with the maximum that the engine takes", async () => {
    const tried: number[] = [];
    const small = smallHost(8192);
    const newMemory: WasmHost["newMemory"] = (descriptor) => {
      tried.push(descriptor.maximum ?? 0);
      return small.newMemory(descriptor);
    };
    const machine = machineOf(2, { host: { ...small, newMemory } });
    expect(tried).toEqual([65536, 32768, 16384, 8192]);
    const runner = await machine.prepare(fakeEntry("train", n, rotations(1), machine.crew));
    runner.feed(0, x);
    runner.run();
    expect(await runner.read(slot("y", "output", 0, n))).toEqual(rotated(x, 1));
  });
});

describe("machines that come and go", () => {
  const handles = (): number => process.getActiveResourcesInfo().filter((kind) => kind !== "Timeout").length;

  async function cycle(count: number, threads: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const machine = new WasmMachine(4 * n, { threads });
      const runner = await machine.prepare(fakeEntry("train", n, rotations(1), machine.crew));
      runner.feed(0, x);
      runner.run();
      if (i % 100 === 0) expect(await runner.read(slot("y", "output", 0, n))).toEqual(rotated(x, 1));
      machine.dispose();
    }
  }

  test.each([
    [1, 3_000],
    [2, 40],
  ])("leave nothing behind (%d threads, %d times)", { timeout: 300_000 }, async (threads, count) => {
    await cycle(count / 10, threads);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = { rss: process.memoryUsage().rss, handles: handles() };
    await cycle(count, threads);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(handles()).toBeLessThanOrEqual(before.handles);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(40e6);
  });
});
