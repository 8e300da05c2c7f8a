/** Steps on held rows, on a machine that takes three together: whoever enqueues them is told when to wait, and for how long. */
import { expect, test } from "vitest";
import { compileOn } from "../../src/compile.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import { add, f32, program, slot, sum, zeros } from "../../src/index.ts";
import { holdRows } from "../../src/runtime/executable.ts";
import { OneStep, type Runner } from "../../src/runtime/machine.ts";
import type { TargetSetup } from "../../src/target-setup.ts";

const total = program({
  inputs: { x: f32("batch", 2) },
  state: { all: slot(zeros()) },
  entries: { train: ({ x }, { all }) => ({ outputs: {}, next: { all: add(all, sum(x)) } }) },
});

/** `js` with chunks of three steps; `told` hears of their ends, and of who waits. */
function chunked(told: string[], ready: () => Promise<void>): TargetSetup {
  return {
    ...jsTarget,
    async machine(...given) {
      const machine = await jsTarget.machine(...given);
      const prepare = machine.prepare.bind(machine);
      machine.prepare = async (entry) => {
        const runner: Runner = await prepare(entry);
        runner.chunk = () => {
          let left = 3;
          return {
            get hasRoom() {
              return left > 0;
            },
            feed: (input, values) => runner.feed(input, values),
            run() {
              left -= 1;
              new OneStep(runner).run();
            },
            end() {
              told.push("end");
              return runner;
            },
          };
        };
        runner.ready = () => {
          told.push("ready");
          return ready();
        };
        return runner;
      };
      return machine;
    },
  };
}

test("between steps there is something to wait for once a chunk is sent off, and nothing in the middle of one", async () => {
  const told: string[] = [];
  let isFree = (): void => undefined;
  const busy = new Promise<void>((resolve) => {
    isFree = resolve;
  });
  const executable = await compileOn(
    total,
    chunked(told, () => busy),
    { dims: { batch: 2 } },
  );
  const values = Float32Array.from({ length: 20 }, (_, i) => i);
  const held = await holdRows(executable, {
    entry: "train",
    count: 10,
    inputs: [{ path: "x", scale: null, values, factor: 1 }],
    sizes: [{ batch: 2 }],
  });
  const waits: boolean[] = [];
  let waiting: Promise<void> | null = null;
  for (let step = 0; step < 7; step++) {
    held?.step(Int32Array.of(step, step + 1));
    const found = held?.ready() ?? null;
    waits.push(found !== null);
    waiting ??= found;
  }
  expect(waits).toEqual([false, false, false, true, false, false, true]);
  expect(told).toEqual(["end", "ready", "end", "ready"]);
  let isOver = false;
  const over = waiting?.then(() => {
    isOver = true;
  });
  await Promise.resolve();
  expect(isOver).toBe(false);
  isFree();
  await over;
  held?.release();
  expect(told.at(-1)).toBe("end");
  let sumOfRows = 0;
  for (let step = 0; step < 7; step++) for (const row of [step, step + 1]) sumOfRows += 2 * row + 2 * row + 1;
  expect(await executable.state.read("all")).toEqual(Float32Array.of(sumOfRows));
  executable.dispose();
});

test("a machine that fails while it is waited for fails the executable with its words", async () => {
  const executable = await compileOn(total, chunked([], () => Promise.reject(new Error("it was lost"))), { dims: { batch: 2 } }); // biome-ignore format: one line
  const inputs = [{ path: "x", scale: null, values: new Float32Array(20), factor: 1 }];
  const held = await holdRows(executable, { entry: "train", count: 10, inputs, sizes: [{ batch: 2 }] });
  for (let step = 0; step < 4; step++) held?.step(Int32Array.of(0, 1));
  await expect(held?.ready()).rejects.toThrow("it was lost");
  expect(() => held?.step(Int32Array.of(0, 1))).toThrow("it was lost");
  executable.dispose();
});
