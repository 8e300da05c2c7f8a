/**
 * Many steps in one call, on a GPU: recorded, submitted and read back by the dozen. The numbers are those of single calls to the bit, what
 * is called in between comes in between, and what the device is asked for is counted.
 */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { compileOn } from "../../../src/compile.ts";
import { DeviceError } from "../../../src/core/errors.ts";
import { zeros } from "../../../src/dsl/initializers.ts";
import { scan } from "../../../src/dsl/loops.ts";
import { add, cast, greater, mul, sum } from "../../../src/dsl/ops.ts";
import { program } from "../../../src/dsl/program.ts";
import { f32, slot, u8 } from "../../../src/dsl/spec.ts";
import { jsTarget, wgslTarget } from "../../../src/eager-targets.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import type { TargetSetup } from "../../../src/target-setup.ts";
import { cardTarget } from "../against-js.ts";
import type { Gpu, GpuCase } from "../case.ts";
import { countedDevice } from "../counted-device.ts";

/** Sums in whole numbers, which every target has to the bit; with a loop, a bool and bytes. */
function walk(width = 6) {
  return program({
    inputs: { x: f32(3, width), skip: u8(width) },
    state: { s: slot(zeros(width)) },
    entries: {
      step({ x, skip }, { s }) {
        const walked = scan((c, row) => ({ carry: add(c, row) }), s, x).carry;
        const next = add(walked, cast(skip, "f32"));
        const outputs = { total: sum(next), is: greater(next, 1), bytes: skip, all: next };
        return { outputs, next: { s: next } };
      },
      reset: (_, { s }) => ({ outputs: { was: sum(s) }, next: { s: mul(s, 0) } }),
    },
  });
}

type Walk = Awaited<ReturnType<typeof walkOn>>;
const walkOn = (target: TargetSetup, width?: number) => compileOn(walk(width), target);

/** Small whole numbers. */
function feedsOf(width = 6) {
  return (step: number) => ({
    x: Float32Array.from({ length: 3 * width }, (_, i) => ((i * 7 + step * 5) % 9) - 4),
    skip: Uint8Array.from({ length: width }, (_, i) => (i + step) % 5),
  });
}

const gpuTarget = (device: GPUDevice): TargetSetup => wgslTarget(deviceSource(device));

/** So many that a chunk has its full size from then on. */
async function warm(executable: Walk): Promise<void> {
  for (let i = 0; i < 3; i++) await executable.run({ entry: "step", steps: 40, feeds: feedsOf() });
  executable.state.write("s", new Float32Array(6));
}

async function freshDevice({ gpu }: Gpu): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  ok(adapter !== null);
  return adapter.requestDevice();
}

const all = <T>(steps: number, make: (step: number) => T): T[] =>
  Array.from({ length: steps }, (_, step) => make(step));

export const cases: readonly GpuCase[] = [
  {
    name: "a step has its own feeds, outputs and iterations: the bits of single calls, fed each step, once or in part",
    async run({ device }) {
      const target = gpuTarget(device);
      const [many, single] = [await walkOn(target), await walkOn(target)];
      await warm(many);
      const own = feedsOf();
      for (const feeds of [own, () => own(3), (step: number) => own(step < 20 ? 1 : step)]) {
        const found = await many.run({ entry: "step", steps: 90, feeds });
        const wanted = { total: [] as number[], is: [] as number[], bytes: [] as number[], all: [] as number[] };
        for (let step = 0; step < 90; step++) {
          single.step(feeds(step));
          wanted.total.push(await single.read("total"));
          for (const name of ["is", "bytes", "all"] as const) wanted[name].push(...(await single.read(name)));
        }
        deepStrictEqual(Object.fromEntries(Object.entries(found).map(([name, values]) => [name, [...values]])), wanted);
      }
      const once = await many.run({ entry: "step", steps: 70, feeds: own(4) });
      const wanted: number[] = [];
      for (let step = 0; step < 70; step++) wanted.push((await single.run({ entry: "step", feeds: own(4) })).total);
      deepStrictEqual([...once.total], wanted);
      deepStrictEqual(await many.state.snapshot(), await single.state.snapshot());
      for (const each of [many, single]) each.dispose();
    },
  },
  {
    name: "a chunk is one submit and one readback; what is fed goes up in one write; steady steps make no buffer",
    async run({ device }) {
      // Nothing is computed, so that no step takes long.
      const { device: watched, counts } = countedDevice(device, { dispatch: false });
      const executable = await walkOn(gpuTarget(watched));
      await warm(executable);
      const own = feedsOf();
      const during = async (work: () => Promise<unknown>) => {
        await work();
        const before = { ...counts };
        await work();
        const { live, written, ...numbers } = counts;
        return Object.fromEntries(Object.entries(numbers).map(([name, n]) => [name, n - before[name as "made"]]));
      };
      const { launches = 0, copies = 0 } = executable.report.entries[0] ?? {};
      // 8, 8, 16, 24, 18, 14, 10, 8, 8, 8, 6: as many as are done, or a quarter of what is left, but at least 8. More on a busy machine.
      const [steps, chunks] = [128, 11];
      const constant = await during(() => executable.run({ entry: "step", steps, feeds: own(1) }));
      const isFew = (submits = 0): boolean => submits >= chunks && submits <= 2 * chunks;
      ok(isFew(constant.submits), `${constant.submits} submits`);
      deepStrictEqual([constant.readbacks, constant.made], [constant.submits, 0]);
      strictEqual(constant.writes, 1, "both inputs at once");
      strictEqual(constant.dispatches, steps * launches);
      strictEqual(constant.copies, steps * (copies + 1));
      const fed = await during(() => executable.run({ entry: "step", steps, feeds: own }));
      ok(isFew(fed.submits), `${fed.submits} submits`);
      deepStrictEqual([fed.readbacks, fed.made], [fed.submits, 0]);
      deepStrictEqual([fed.copies, fed.writes], [steps * (copies + 1), fed.submits], "none for a feed");
      const one = await during(() => executable.run({ entry: "step", feeds: own(1) }));
      deepStrictEqual([one.submits, one.readbacks, one.made], [1, 1, 0]);
      const read = await during(async () => {
        executable.step(own(1));
        return Promise.all([executable.read("total"), executable.read("all")]);
      });
      deepStrictEqual(
        [read.submits, read.readbacks, read.made],
        [1, 1, 0],
        "who reads each step has its outputs copied in its submit",
      );
      const unread = await during(async () => executable.step(own(1)));
      deepStrictEqual([unread.submits, unread.copies], [1, copies]);
      const states = await during(() => executable.state.snapshot());
      deepStrictEqual([states.submits, states.readbacks, states.made], [1, 1, 0]);
      executable.dispose();
      strictEqual(counts.live.size, 0, "everything is destroyed");
    },
  },
  {
    name: "launches of one pipeline and bind group set them once",
    async run({ device }) {
      const { device: watched, counts } = countedDevice(device, { dispatch: false });
      const counter = program({
        state: { n: slot(zeros()) },
        step: (_, { n }) => ({ next: { n: add(n, 1) }, outputs: {} }),
      });
      const executable = await compileOn(counter, gpuTarget(watched));
      for (const steps of [1, 8, 64]) await executable.run({ entry: "step", steps });
      const before = { ...counts };
      await executable.run({ entry: "step", steps: 50 });
      strictEqual(counts.dispatches - before.dispatches, 50);
      const submits = counts.submits - before.submits;
      ok(submits <= 10, `${submits} submits`);
      deepStrictEqual([counts.settings - before.settings, counts.passes - before.passes], [2 * submits, submits]);
      strictEqual(counts.readbacks - before.readbacks, 0, "there is nothing to read");
      executable.dispose();
    },
  },
  {
    name: "what the feeds call comes between two steps of a chunk, as on js: writes, runs, other entries, reads",
    async run({ device }) {
      const trace = async (target: TargetSetup): Promise<unknown> => {
        const executable = await walkOn(target);
        await warm(executable);
        const heard: Promise<unknown>[] = [];
        const own = feedsOf();
        const feeds = (step: number) => {
          if (step === 3) executable.state.write("s", new Float32Array(6).fill(2));
          if (step === 5) executable.step(own(1));
          if (step === 8) heard.push(executable.read("total"), executable.state.read("s"));
          if (step === 11) heard.push(executable.run({ entry: "step", feeds: own(2) }));
          if (step === 13) heard.push(executable.run({ entry: "step", steps: 40, feeds: own(2) }));
          if (step === 14) executable.reset();
          if (step === 14) heard.push(executable.read("was"), executable.state.snapshot());
          return own(step);
        };
        const many = await executable.run({ entry: "step", steps: 40, feeds });
        executable.step(own(7));
        const found = [many, await executable.read("all"), await Promise.all(heard), await executable.state.read("s")];
        executable.dispose();
        return found;
      };
      deepStrictEqual(await trace(gpuTarget(device)), await trace(jsTarget));
    },
  },
  {
    name: "feeds that throw or are refused at step n: the steps before have happened, and it goes on from there",
    async run({ device }) {
      const after = async (target: TargetSetup): Promise<unknown> => {
        const executable = await walkOn(target);
        await warm(executable);
        const own = feedsOf();
        const boom = (step: number) => {
          if (step === 21) throw new Error("no more");
          return own(step);
        };
        await rejects(executable.run({ entry: "step", steps: 40, feeds: boom }), /no more/);
        const thrown = await executable.state.read("s");
        const short = (step: number) => (step === 9 ? { ...own(step), skip: new Uint8Array(5) } : own(step));
        await rejects(executable.run({ entry: "step", steps: 40, feeds: short }), /"skip" has 5 numbers/);
        const refused = [await executable.state.read("s"), await executable.run({ entry: "step", feeds: own(1) })];
        executable.dispose();
        return [thrown, ...refused];
      };
      deepStrictEqual(await after(gpuTarget(device)), await after(jsTarget));
    },
  },
  {
    name: "disposed of, or the device lost, in the middle of a chunk or between two: the call rejects with the reason",
    async run(gpu) {
      const own = feedsOf();
      const devices = all(2, () => freshDevice(gpu));
      for (const [n, made] of devices.entries()) {
        const device = await made;
        const executable = await walkOn(gpuTarget(device));
        await warm(executable);
        const end = (): void => (n === 0 ? executable.dispose() : device.destroy());
        const many = executable.run({
          entry: "step",
          steps: 200,
          feeds(step) {
            if (step === 30) end();
            return own(step);
          },
        });
        const reason = n === 0 ? /this executable was disposed/ : /was destroyed.*compile again/s;
        await rejects(many, reason);
        await rejects(executable.run({ entry: "step", steps: 2, feeds: own }), reason);
        executable.dispose();
        device.destroy();
      }
      const device = await freshDevice(gpu);
      const executable = await walkOn(gpuTarget(device));
      const many = executable.run({ entry: "step", steps: 500, feeds: own(1) });
      device.destroy();
      await rejects(many, (error) => error instanceof DeviceError && /was destroyed/.test(error.message));
      executable.dispose();
    },
  },
  {
    name: "large feeds of a card go up through kept mapped buffers, in single calls and in chunks: none is made, nothing is written",
    async run({ device }) {
      const width = 100_000;
      const { device: watched, counts } = countedDevice(device);
      const [card, software] = [await walkOn(cardTarget(watched), width), await walkOn(gpuTarget(device), width)];
      const [few, own] = [all(3, feedsOf(width)), (step: number) => few[step % 3] ?? {}];
      let [made, writes] = [0, 0];
      for (let step = 0; step < 8; step++) {
        if (step === 4) [made, writes] = [counts.made, counts.writes];
        for (const each of [card, software]) each.step(own(step));
        strictEqual(await card.read("total"), await software.read("total"));
      }
      deepStrictEqual([counts.made - made, counts.writes - writes], [0, 0]);
      const [found, wanted] = [card, software].map((each) => each.run({ entry: "step", steps: 9, feeds: own }));
      deepStrictEqual((await found)?.total, (await wanted)?.total);
      // Where nothing is computed no step takes long: chunks have their full size, which is 16 MiB of feeds.
      const idle = countedDevice(device, { dispatch: false });
      const quick = await walkOn(cardTarget(idle.device), width);
      const before = { ...counts };
      for (let round = 0; round < 6; round++) {
        if (round === 4) Object.assign(before, idle.counts);
        await quick.run({ entry: "step", steps: 48, feeds: own });
      }
      ok(idle.counts.made - before.made <= 2, "but where one comes back late");
      ok(idle.counts.submits - before.submits <= 24, `${idle.counts.submits - before.submits} submits of 96 steps`);
      quick.dispose();
      strictEqual(idle.counts.live.size, 0);
      // Without a pause nothing is mapped again: the ring has its bound, and the rest is written.
      const live = counts.live.size;
      for (let step = 0; step < 40; step++) for (const each of [card, software]) each.step(own(step % 7));
      ok(counts.live.size - live <= 32, `${counts.live.size - live} more buffers`);
      deepStrictEqual(await card.state.read("s"), await software.state.read("s"));
      for (const each of [card, software]) each.dispose();
      strictEqual(counts.live.size, 0);
    },
  },
];
