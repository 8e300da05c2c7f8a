/** The wasm machine on one thread: memory, entries, states, steps one by one. The modules are made by hand. */
import { describe, expect, test } from "vitest";
import { controlBytes } from "../../../codegen/wasm/abi.ts";
import { panelBytes } from "../../../codegen/wasm/layout.ts";
import { compileOn } from "../../../src/compile.ts";
import { wasmTarget } from "../../../src/eager-targets.ts";
import { add, f32, matmul, ones, param, program, transpose } from "../../../src/index.ts";
import type { Sequence } from "../../../src/program/sequence.ts";
import { findHost } from "../../../src/runtime/wasm/host.ts";
import { WasmMachine, type WasmMachineOptions } from "../../../src/runtime/wasm/machine.ts";
import { Regions, SharedRegions } from "../../../src/runtime/wasm/regions.ts";
import { fakeEntry, launch, rotated, rotations, slot } from "./fake-entry.ts";

const n = 1000;
const x = Float32Array.from({ length: n }, (_, i) => i);

function machineOf(options: Partial<WasmMachineOptions> = {}): WasmMachine {
  return new WasmMachine(4 * n, { threads: 1, ...options });
}

describe("an entry", () => {
  test("is fed, runs, and is read", async () => {
    const machine = machineOf();
    const entry = fakeEntry("train", n, rotations(5));
    const runner = await machine.prepare(entry);
    runner.feed(0, x);
    runner.run();
    const y = entry.outputs.get("y");
    expect(y && (await runner.read(y))).toEqual(rotated(x, 5));
    expect(machine.device).toBe("wasm (1 thread)");
    machine.dispose();
  });

  test("keeps states between runs and shares them with other entries", async () => {
    const machine = machineOf();
    const state = slot("s", "state", 0, n);
    machine.writeState(state, x);
    const there = await machine.prepare(
      fakeEntry("there", n, [launch("rotate", "s", "a"), launch("rotate", "a", "s")]),
    );
    const again = await machine.prepare(
      fakeEntry("again", n, [launch("rotate", "s", "b"), launch("rotate", "b", "s")]),
    );
    for (let i = 0; i < 10; i++) {
      there.run();
      again.run();
    }
    expect(await machine.readState(state)).toEqual(x.map((_, i) => (x[(i + 40) % n] ?? 0) + 40));
    machine.dispose();
  });

  test("has the remainder that takes the divisor's sign", async () => {
    const values = new Float32Array([5.5, 3, -7, 2, 0, -2, -0, 1, 6, -3, 1, 0, Number.NaN, 1, 8]);
    const machine = new WasmMachine(0, { threads: 1 });
    const entry = fakeEntry("train", values.length, [launch("remainder", "x", "y")]);
    const runner = await machine.prepare(entry);
    runner.feed(0, values);
    runner.run();
    const expected = values.map((a, i) => {
      const b = values[(i + 1) % values.length] ?? 0;
      return a - b * Math.floor(a / b);
    });
    const y = await runner.read(slot("y", "output", 0, values.length));
    expect(Array.from(y, (value) => value + 0)).toEqual(Array.from(expected, (value) => value + 0));
    machine.dispose();
  });

  test("goes on when a later one makes the memory grow", async () => {
    const machine = machineOf();
    const small = await machine.prepare(fakeEntry("small", n, rotations(2)));
    small.feed(0, x);
    small.run();
    const large = await machine.prepare(fakeEntry("large", 1_000_000, rotations(2)));
    expect(await small.read(slot("y", "output", 0, n))).toEqual(rotated(x, 2));
    small.feed(
      0,
      x.map((value) => -value),
    );
    small.run();
    large.run();
    expect(await small.read(slot("y", "output", 0, n))).toEqual(
      rotated(
        x.map((value) => -value),
        2,
      ),
    );
    expect((await large.read(slot("y", "output", 0, 3))).slice(0, 3)).toEqual(new Float32Array([4, 4, 4]));
    machine.dispose();
  });

  test("may not be used after its release, nor the machine after its end", async () => {
    const machine = machineOf();
    const [first, second] = [fakeEntry("first", n, rotations(1)), fakeEntry("second", n, rotations(1))];
    const released = await machine.prepare(first);
    const kept = await machine.prepare(second);
    released.release();
    released.release();
    expect(() => released.run()).toThrow("first was used after its release");
    kept.run();
    machine.dispose();
    machine.dispose();
    expect(() => kept.run()).toThrow("this executable was disposed");
    await expect(machine.prepare(first)).rejects.toThrow("this executable was disposed");
    await expect(machine.readState(slot("s", "state", 0, n))).rejects.toThrow("this executable was disposed");
  });

  test("that is being prepared while the machine ends says so", async () => {
    const machine = machineOf();
    const preparing = machine.prepare(fakeEntry("train", n, rotations(1)));
    machine.dispose();
    await expect(preparing).rejects.toThrow("this executable was disposed");
  });

  test("whose module is invalid is a bug of ours", async () => {
    const machine = machineOf();
    const entry = fakeEntry("train", n, []);
    const artifact = { ...entry.artifact, module: new Uint8Array([0, 97, 115, 109, 9, 9, 9, 9]) };
    await expect(machine.prepare({ ...entry, artifact })).rejects.toThrow(/module of train.*\n.*bug in tensorloom/);
    machine.dispose();
  });

  test("that traps poisons the machine", async () => {
    const machine = machineOf();
    const trapping = await machine.prepare(fakeEntry("broken", n, [launch("trap", "x", "y")]));
    const fine = await machine.prepare(fakeEntry("fine", n, rotations(1)));
    expect(() => trapping.run()).toThrow("the wasm code of broken stopped: unreachable");
    expect(() => fine.run()).toThrow("the wasm code of broken stopped: unreachable");
    expect(() => machine.writeState(slot("s", "state", 0, n), x)).toThrow("the wasm code of broken stopped");
    machine.dispose();
  });
});

describe("steps one by one", () => {
  const body: Sequence = [launch("rotate", "a", "b"), launch("remainder", "b", "a")];
  const sequence: Sequence = [launch("rotate", "x", "a"), ...body, ...body, launch("rotate", "a", "y")];

  test("tell of every launch", async () => {
    const seen: string[] = [];
    const machine = machineOf({ onLaunch: (kernel) => seen.push(kernel), threads: 4 });
    expect(machine.crew.threads).toBe(1);
    const runner = await machine.prepare(fakeEntry("train", n, sequence));
    runner.run();
    expect(seen).toEqual(["rotate", "rotate", "remainder", "rotate", "remainder", "rotate"]);
    machine.dispose();
  });

  test("give the numbers that a whole run gives", async () => {
    const outputs: unknown[] = [];
    for (const options of [{}, { onLaunch: () => undefined }, { poisonFreed: true }]) {
      const machine = machineOf(options);
      const runner = await machine.prepare(fakeEntry("train", n, rotations(4)));
      runner.feed(0, x);
      runner.run();
      outputs.push(await runner.read(slot("y", "output", 0, n)));
      machine.dispose();
    }
    expect(outputs).toEqual([rotated(x, 4), rotated(x, 4), rotated(x, 4)]);
  });

  test("overwrite freed scratch on request", async () => {
    const machine = machineOf({ poisonFreed: true });
    const entry = fakeEntry("train", n, [launch("rotate", "x", "a"), launch("rotate", "a", "y")]);
    const freed = [{ offset: 0, bytes: 40 }];
    const runner = await machine.prepare({ ...entry, freedAfter: new Map([[0, freed]]) });
    runner.feed(0, x);
    runner.run();
    const y = Array.from(await runner.read(slot("y", "output", 0, n)));
    expect(y.slice(0, 9)).toEqual(Array(9).fill(Number.NaN));
    expect(y.slice(9, -1)).toEqual(Array.from(rotated(x, 0)).slice(9, -1));
    machine.dispose();
  });
});

describe("memory", () => {
  /** The machine's memory, seen through its host. */
  function watched(): { readonly host: WasmMachineOptions["host"]; bytes(): number } {
    const made: WebAssembly.Memory[] = [];
    const host = {
      ...findHost(),
      newMemory: (descriptor: WebAssembly.MemoryDescriptor): WebAssembly.Memory => {
        const memory = new WebAssembly.Memory(descriptor);
        made.push(memory);
        return memory;
      },
    };
    return { host, bytes: () => made.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) };
  }

  test("is counted by segment, without what is released", async () => {
    const machine = machineOf();
    const entry = fakeEntry("train", n, rotations(1));
    const { arena, input, output } = entry.segmentBytes;
    const [first, second] = [await machine.prepare(entry), await machine.prepare(entry)];
    expect(machine.allocatedBytes()).toEqual({ state: 4 * n, arena, input: 2 * input, output: 2 * output, held: 0 });
    first.release();
    expect(machine.allocatedBytes()).toEqual({ state: 4 * n, arena, input, output, held: 0 });
    second.release();
    expect(machine.allocatedBytes()).toEqual({ state: 4 * n, arena: 0, input: 0, output: 0, held: 0 });
    machine.dispose();
  });

  test("of released entries is used again", async () => {
    const { host, bytes } = watched();
    const machine = machineOf({ ...(host === undefined ? {} : { host }) });
    let peak = 0;
    for (let i = 0; i < 50; i++) {
      const runner = await machine.prepare(fakeEntry("train", 100_000 - 1000 * i, rotations(1)));
      if (i === 0) peak = bytes();
      runner.release();
    }
    expect(bytes()).toBe(peak);
    machine.dispose();
  });

  test("for scratch is shared by entries that fit in", async () => {
    const { host, bytes } = watched();
    const machine = machineOf({ ...(host === undefined ? {} : { host }) });
    const panels = [launch("rotate", "x", "y", 1_000_000)];
    await machine.prepare(fakeEntry("large", 1000, panels));
    const before = bytes();
    for (let i = 0; i < 20; i++) await machine.prepare(fakeEntry("small", 900, panels));
    expect(bytes() - before).toBeLessThanOrEqual(20 * 2 * 4096 + 65_536);
    expect(before).toBeGreaterThan(panelBytes(panels) + controlBytes);
    machine.dispose();
  });
});

describe("addresses", () => {
  const model = program({
    inputs: { rows: f32(8, 16) },
    state: { w: param(ones(16, 8)) },
    entries: {
      train: ({ rows }, { w }) => ({
        outputs: { y: matmul(rows, w) },
        next: { w: add(w, matmul(transpose(rows), matmul(rows, w))) },
      }),
    },
  });

  /** Two steps of printed code, on a machine that has `before` more bytes of states. */
  async function results(before: number): Promise<unknown> {
    const executable = await compileOn(
      model,
      {
        ...wasmTarget(),
        async machine(stateBytes, options) {
          return new WasmMachine(stateBytes + before, { ...options, threads: 1 });
        },
      },
      {},
    );
    const rows = Float32Array.from({ length: 128 }, (_, i) => (i % 7) / 7);
    const { y } = await executable.run({ entry: "train", feeds: { rows }, steps: 2 });
    const w = await executable.state.read("w");
    executable.dispose();
    return [y, w];
  }

  test.each([2 ** 31 - 4096, 2 ** 31, 2 ** 32 - 2 ** 20])("may be above 2 GiB (%d)", async (before) => {
    expect(await results(before)).toEqual(await results(0));
  });
});

describe("regions", () => {
  test("are apart, first fit, and join again", () => {
    const regions = new Regions(100);
    const [a, b, c] = [regions.take(10), regions.take(100), regions.take(1)];
    expect([a, b, c, regions.end]).toEqual([128, 192, 320, 384]);
    regions.free(a);
    expect(regions.take(65)).toBe(384);
    regions.free(b);
    expect(regions.take(129)).toBe(128);
    expect(() => regions.free(192)).toThrow("no region at 192");
    regions.free(384);
    expect(regions.end).toBe(384);
    regions.free(c);
    regions.free(128);
    expect(regions.end).toBe(128);
  });

  test("never overlap, in whatever order they come and go", () => {
    const regions = new Regions(64);
    const taken: { address: number; bytes: number }[] = [];
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    for (let i = 0; i < 3000; i++) {
      if (taken.length > 0 && random(100) < 48) {
        const [gone] = taken.splice(random(taken.length), 1);
        if (gone !== undefined) regions.free(gone.address);
        continue;
      }
      const bytes = 1 + random(1000);
      const address = regions.take(bytes);
      expect(address % 64).toBe(0);
      expect(address + bytes).toBeLessThanOrEqual(regions.end);
      const overlapping = taken.filter(
        (other) => address < other.address + other.bytes && other.address < address + bytes,
      );
      expect(overlapping).toEqual([]);
      taken.push({ address, bytes });
    }
    for (const { address } of taken) regions.free(address);
    expect(regions.end).toBe(64);
  });

  test("that are shared live as long as their last user", () => {
    const regions = new Regions(0);
    const shared = new SharedRegions(regions);
    const large = shared.take(1000);
    expect(shared.take(500)).toBe(large);
    expect(shared.take(2000)).not.toBe(large);
    expect(shared.bytes).toBe(3000);
    shared.free(large);
    expect(shared.take(1000)).toBe(large);
    shared.free(large);
    shared.free(large);
    expect(shared.bytes).toBe(2000);
    expect(regions.take(900)).toBe(large);
    expect(shared.take(0)).toBe(0);
    shared.free(0);
  });
});
