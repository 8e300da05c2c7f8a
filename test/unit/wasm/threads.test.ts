/** The wasm machine on several threads: the same numbers as on one, entries that come and go, and workers that end. */
import { resolveObjectURL } from "node:buffer";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { chooseThreads, findHost, type Globals, type WasmHost } from "../../../src/runtime/wasm/host.ts";
import { WasmMachine, type WasmMachineOptions } from "../../../src/runtime/wasm/machine.ts";
import type { ToWorker } from "../../../src/runtime/wasm/worker.ts";
import { runScript } from "../run-script.ts";
import { fakeEntry, launch, rotated, rotations, slot } from "./fake-entry.ts";

const n = 1001;
const x = Float32Array.from({ length: n }, (_, i) => i);
const y = slot("y", "output", 0, n);

function machineOf(threads: number | "auto", options: Partial<WasmMachineOptions> = {}): WasmMachine {
  return new WasmMachine(4 * n, { threads, ...options });
}

/** This engine, counting workers. */
function countingHost(): { readonly host: WasmHost; started(): number; ended(): number } {
  const host = findHost();
  let [started, ended] = [0, 0];
  return {
    host: {
      ...host,
      newWorker(source, events) {
        started += 1;
        const end = (reason: string): void => {
          if (reason.includes("exit code")) ended += 1;
          events.end(reason);
        };
        return host.newWorker(source, { ...events, end });
      },
    },
    started: () => started,
    ended: () => ended,
  };
}

async function until(isDone: () => boolean): Promise<void> {
  for (const start = Date.now(); !isDone() && Date.now() - start < 20_000; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(isDone()).toBe(true);
}

describe("steps", () => {
  test.each([1, 2, 4])("are right on %d threads, thousands of times", async (threads) => {
    const machine = machineOf(threads);
    expect(machine.crew.threads).toBe(threads);
    const [first, second] = [
      fakeEntry("first", n, rotations(3), machine.crew),
      fakeEntry("second", n, rotations(6), machine.crew),
    ];
    const runners = [await machine.prepare(first), await machine.prepare(second)] as const;
    for (let i = 0; i < (threads === 4 ? 1000 : 4000); i++) {
      const runner = runners[i % 3 === 0 ? 0 : 1];
      x[i % n] = i;
      runner.feed(0, x);
      runner.run();
      if (i % 50 < 2) expect(await runner.read(y)).toEqual(rotated(x, i % 3 === 0 ? 3 : 6));
    }
    machine.dispose();
  });

  test("call the imported function on every thread", async () => {
    const results: Float32Array[] = [];
    const values = x.map((value) => Math.sin(value) * 10);
    values.set([0, -0, 5, -5, 0, 3, Number.POSITIVE_INFINITY, 2], 990);
    for (const threads of [1, 3]) {
      const machine = machineOf(threads);
      const runner = await machine.prepare(fakeEntry("train", n, [launch("remainder", "x", "y")], machine.crew));
      runner.feed(0, values);
      runner.run();
      results.push((await runner.read(y)) as Float32Array);
      machine.dispose();
    }
    expect(results[1]).toEqual(results[0]);
  });

  test("that last longer than the deadline go on while a thread shows life", async () => {
    const deadlineMs = 500;
    const machine = machineOf(2, { deadlineMs });
    const runner = await machine.prepare(
      fakeEntry("train", n, [launch("work", "x", "y"), ...rotations(1)], machine.crew),
    );
    const start = performance.now();
    runner.feed(0, x);
    runner.run();
    expect(performance.now() - start).toBeGreaterThan(deadlineMs);
    expect(await runner.read(y)).toEqual(rotated(x, 1));
    machine.dispose();
  });

  test("of nothing are over at once", async () => {
    const machine = machineOf(2);
    const [empty, full] = [
      await machine.prepare(fakeEntry("empty", n, [], machine.crew)),
      await machine.prepare(fakeEntry("full", n, rotations(1), machine.crew)),
    ];
    full.feed(0, x);
    for (let i = 0; i < 200; i++) {
      empty.run();
      full.run();
    }
    expect(await full.read(y)).toEqual(rotated(x, 1));
    machine.dispose();
  });
});

describe("entries", () => {
  test("are prepared while others run, and go again", async () => {
    const machine = machineOf(3);
    const kept = await machine.prepare(fakeEntry("kept", n, rotations(2), machine.crew));
    kept.feed(0, x);
    for (let i = 0; i < 20; i++) {
      const preparing = [1, 2, 3].map((more) =>
        machine.prepare(fakeEntry(`new ${more}`, n + 100 * i, rotations(more), machine.crew)),
      );
      kept.run();
      await Promise.resolve();
      kept.run();
      const made = await Promise.all(preparing);
      for (const [k, runner] of made.entries()) {
        const longer = Float32Array.from({ length: n + 100 * i }, (_, j) => j % 77);
        runner.feed(0, longer);
        runner.run();
        kept.run();
        expect(await runner.read({ ...y, count: longer.length })).toEqual(rotated(longer, k + 1));
        runner.release();
      }
    }
    expect(await kept.read(y)).toEqual(rotated(x, 2));
    machine.dispose();
  });

  test("that are being loaded when the machine ends say so", async () => {
    const host = findHost();
    const newWorker: WasmHost["newWorker"] = (source, events) => {
      const worker = host.newWorker(source, events);
      const post = (message: unknown): void => {
        if ((message as ToWorker).kind === "load") queueMicrotask(() => machine.dispose());
        worker.post(message);
      };
      return { ...worker, post };
    };
    const machine: WasmMachine = machineOf(2, { host: { ...host, newWorker } });
    const preparing = machine.prepare(fakeEntry("train", n, rotations(1), machine.crew));
    await expect(preparing).rejects.toThrow("this executable was disposed");
  });
});

describe("workers", () => {
  test("end with the machine", async () => {
    const { host, started, ended } = countingHost();
    const machine = machineOf(4, { host });
    const runner = await machine.prepare(fakeEntry("train", n, rotations(1), machine.crew));
    runner.run();
    expect([started(), ended()]).toEqual([3, 0]);
    machine.dispose();
    await until(() => ended() === 3);
  });

  test("start with the machine, and not for one thread", async () => {
    const { host, started } = countingHost();
    const single = machineOf(1, { host });
    await single.prepare(fakeEntry("train", n, rotations(1), single.crew));
    expect(started()).toBe(0);
    single.dispose();
    const empty = machineOf(4, { host });
    expect(started()).toBe(3);
    empty.dispose();
  });

  test("let the process end, though nobody disposed of them", async () => {
    const { code, stdout, stderr } = await runScript("test/unit/wasm/undisposed-child.ts", []);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "wasm (3 threads)\n", stderr: "" });
  });

  test("of a browser are fed through the same source", async () => {
    const made: Worker[] = [];
    /** A Web Worker for Node: the text behind the URL, with `self` in place of a port. */
    class WebWorker {
      onmessage: ((event: { data: unknown }) => void) | null = null;
      onerror: ((event: { message: string }) => void) | null = null;
      onmessageerror: (() => void) | null = null;
      readonly #worker: Worker;
      readonly #ready: Promise<void>;
      constructor(url: string) {
        const bridge = `
          const port = require("node:worker_threads").parentPort;
          globalThis.self = { postMessage: (message) => port.postMessage(message) };
          port.once("message", (text) => {
            new Function("process", "self", text)(undefined, self);
            port.on("message", (data) => self.onmessage({ data }));
          });`;
        this.#worker = new Worker(bridge, { eval: true, execArgv: [] });
        this.#ready = (resolveObjectURL(url) as Blob).text().then((text) => this.#worker.postMessage(text));
        made.push(this.#worker);
        this.#worker.on("message", (data) => this.onmessage?.({ data }));
        this.#worker.on("error", ({ message }) => this.onerror?.({ message }));
      }
      postMessage(message: unknown): void {
        void this.#ready.then(() => this.#worker.postMessage(message));
      }
      terminate(): void {
        void this.#worker.terminate();
      }
    }
    const globals = {
      navigator: { hardwareConcurrency: 16 },
      crossOriginIsolated: true,
      SharedArrayBuffer,
      Atomics,
      Worker: WebWorker as unknown as NonNullable<Globals["Worker"]>,
    };
    const host = findHost(globals);
    expect(host.parallelism).toBe(16);
    const machine = machineOf(3, { host });
    expect(machine.crew.threads).toBe(3);
    const runner = await machine.prepare(fakeEntry("train", n, rotations(4), machine.crew));
    runner.feed(0, x);
    for (let i = 0; i < 100; i++) runner.run();
    expect(await runner.read(y)).toEqual(rotated(x, 4));
    const ends = made.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
    machine.dispose();
    await Promise.all(ends);
  });
});

describe("the number of threads", () => {
  const real = findHost();

  test('is that of the processors for "auto", and at most 8', () => {
    const threads = (parallelism: number) => chooseThreads("auto", { ...real, parallelism });
    expect([1, 2, 8, 64].map(threads)).toEqual([1, 2, 8, 8].map((count) => ({ threads: count, warning: null })));
    expect(chooseThreads(64, real)).toEqual({ threads: 64, warning: null });
  });

  test.each([0, -1, 1.5, 65, Number.NaN])("cannot be %d", (threads) => {
    expect(() => machineOf(threads)).toThrow(`threads must be "auto" or a whole number from 1 to 64, not ${threads}`);
  });

  const page: Globals = {
    navigator: { hardwareConcurrency: 4 },
    crossOriginIsolated: true,
    SharedArrayBuffer,
    Atomics,
    Worker: class {} as unknown as NonNullable<Globals["Worker"]>,
  };
  const mainThread = {
    wait: () => {
      throw new TypeError("Atomics.wait cannot be called in this context");
    },
  } as unknown as Pick<Atomics, "wait">;
  const { SharedArrayBuffer: _, ...unshared } = page;
  const { Worker: __, ...workerless } = page;

  test.each([
    [
      "a page that is not isolated",
      { ...page, crossOriginIsolated: false },
      /not cross-origin isolated.*Cross-Origin-/,
    ],
    ["an engine without shared memory", unshared, /there is no shared memory here/],
    ["an engine without workers", workerless, /there are no workers here/],
    ["a page's main thread", { ...page, Atomics: mainThread }, /main thread may not wait.*in a worker/],
  ])("is one, said once, on %s", async (_where, globals: Globals, reason) => {
    for (const wanted of [3, "auto"] as const) {
      const warnings: string[] = [];
      const host = findHost(globals);
      const machine = machineOf(wanted, { host, onWarning: (message) => warnings.push(message) });
      const runner = await machine.prepare(fakeEntry("train", n, rotations(2), machine.crew));
      runner.feed(0, x);
      runner.run();
      runner.run();
      expect(await runner.read(y)).toEqual(rotated(x, 2));
      expect(warnings).toEqual([expect.stringMatching(reason)]);
      expect(warnings[0]).toContain(`one thread instead of ${wanted === "auto" ? 4 : 3}`);
      machine.dispose();
    }
    const warnings: string[] = [];
    const asked = machineOf(1, { host: findHost(globals), onWarning: (message) => warnings.push(message) });
    expect([asked.crew.threads, warnings]).toEqual([1, []]);
  });
});
