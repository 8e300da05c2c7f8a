/** Runs that threads slow down are left to one, and given back: by the times that a machine might have, and by real ones. */
import { expect, test } from "vitest";
import { Crowding } from "../../../src/runtime/wasm/crowding.ts";
import { WasmMachine } from "../../../src/runtime/wasm/machine.ts";
import { fakeEntry, rotated, rotations, slot } from "./fake-entry.ts";

/** Milliseconds of a run, alone or together. */
type Machine = (alone: boolean, run: number) => number;

/** How many of the runs were left to one thread. */
function alone(crowding: Crowding, runs: number, machine: Machine): number {
  let count = 0;
  for (let run = 0; run < runs; run++) {
    const isAlone = crowding.isAlone;
    if (isAlone) count += 1;
    crowding.took(machine(isAlone, run));
  }
  return count;
}

const quiet: Machine = (isAlone) => (isAlone ? 8 : 5);
const busy: Machine = (isAlone, run) => (isAlone ? 8 : 12 + ((run * 7) % 25));

test("nobody is left alone on a quiet machine but for one run, whatever the first runs and single ones take", () => {
  const crowding = new Crowding(2);
  expect(alone(crowding, 20, (_, run) => Math.max(5, 60 - 10 * run))).toBe(0);
  expect(alone(crowding, 60, quiet)).toBe(1);
  expect(alone(crowding, 200, (isAlone, run) => (run % 7 === 0 ? 40 : quiet(isAlone, run)))).toBe(0);
});

test("on a busy one most are, also where it has been busy from the beginning; and back in a second", () => {
  for (const before of [20, 0]) {
    const crowding = new Crowding(2);
    alone(crowding, before, quiet);
    alone(crowding, 40, busy);
    expect(alone(crowding, 200, busy)).toBeGreaterThan(180);
    alone(crowding, 100, quiet);
    expect(alone(crowding, 100, quiet)).toBe(0);
  }
});

test("on a machine that has never been quiet, where threads are a little slower together", () => {
  const crowding = new Crowding(2);
  const crowded: Machine = (isAlone, run) => (isAlone ? 9.4 : run % 40 === 7 ? 8 : 10.4 + ((run * 7) % 5) / 4);
  alone(crowding, 80, crowded);
  expect(alone(crowding, 200, crowded)).toBeGreaterThan(160);
});

test("and where some runs are fast and most take twice as long", () => {
  const crowding = new Crowding(2);
  const crowded: Machine = (isAlone, run) => (isAlone ? 4.7 : run % 3 === 0 ? 3 : 9);
  alone(crowding, 100, crowded);
  expect(alone(crowding, 300, crowded)).toBeGreaterThan(100);
});

test("where one thread is no faster, it is tried less and less", () => {
  const crowding = new Crowding(2);
  alone(crowding, 10, quiet);
  const slow: Machine = (isAlone) => (isAlone ? 20 : 15);
  expect(alone(crowding, 100, slow)).toBeLessThanOrEqual(8);
  expect(alone(crowding, 1000, slow)).toBeLessThanOrEqual(10);
});

test("of eight threads one must be expected to be faster than all of them", () => {
  const crowding = new Crowding(8);
  alone(crowding, 10, quiet);
  expect(alone(crowding, 100, (isAlone) => (isAlone ? 40 : 25))).toBe(1);
  expect(alone(crowding, 100, (isAlone) => (isAlone ? 40 : 90))).toBeGreaterThan(80);
});

test("runs alone and together give the same, in any order", async () => {
  const n = 1001;
  const times: number[] = [];
  const timing = {
    isAlone: false,
    took(ms: number) {
      times.push(ms);
      this.isAlone = times.length % 3 > 0;
    },
  };
  const machine = new WasmMachine(4 * n, { threads: 3, newCrowding: () => timing });
  const runner = await machine.prepare(fakeEntry("train", n, rotations(4), machine.crew));
  for (let i = 0; i < 60; i++) {
    const x = Float32Array.from({ length: n }, (_, at) => at + i);
    runner.feed(0, x);
    runner.run();
    expect(await runner.read(slot("y", "output", 0, n))).toEqual(rotated(x, 4));
  }
  expect(times).toHaveLength(60);
  expect(times.every((ms) => ms > 0 && ms < 10_000)).toBe(true);
  machine.dispose();
});
