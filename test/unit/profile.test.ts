/**
 * Profiles: what is measured is what ran, the numbers do not change for it, and nothing of it is left behind. How long things take is
 * for benchmarks; here sums must add up.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { wasmTarget } from "../../src/eager-targets.ts";
import type { Dims } from "../../src/graph/shape.ts";
import {
  adam,
  add,
  compile,
  compileOn,
  dense,
  f32,
  less,
  mul,
  type Profile,
  printProfile,
  profileTrace,
  program,
  relu,
  rmsprop,
  scan,
  sequential,
  slot,
  sum,
  trainer,
  whileLoop,
  zeros,
} from "../../src/index.ts";
import { type Callback, profiler } from "../../src/node.ts";
import { mnistBatches, mnistStep } from "../mnist-step.ts";
import { checkTrace } from "../trace-format.ts";

const targets = [
  { name: "js", target: "js" },
  { name: "wasm on one thread", target: "wasm", threads: 1 },
  { name: "wasm on two threads", target: "wasm", threads: 2 },
] as const;
type Where = (typeof targets)[number];

const step = (where: Where, dims: Dims = { batch: 16 }) => compile(mnistStep(rmsprop(), 64), { ...optionsOf(where), dims, seed: 3 }); // biome-ignore format: short
const optionsOf = ({ name: _, ...options }: Where) => options;
const feedsOf = (count: number) => mnistBatches(count, 16);

/** What must hold of any profile whatever was measured. */
function checkSums(profile: Profile): void {
  expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
  for (const { kernels, kernelMs, hostMs, runs } of profile.entries) {
    // The first thread's clock is the host's, and looks at the time inside of each run.
    if (profile.target !== "wgsl") expect(kernelMs).toBeLessThanOrEqual(hostMs + 1e-6 * runs);
    expect(kernelMs).toBeCloseTo(kernels.reduce((all, { ms }) => all + (ms ?? 0), 0));
    for (const { ms, threads, launches, flops, flopsPerSecond, bytesPerSecond, bytes } of kernels) {
      for (const thread of threads) expect(Math.min(thread.ms, thread.waitMs)).toBeGreaterThanOrEqual(0);
      if (ms === null || ms === 0) continue;
      expect(ms).toBeCloseTo((threads[0]?.ms ?? 0) + (threads[0]?.waitMs ?? 0));
      expect((flopsPerSecond * ms) / 1000 / Math.max(1, flops * launches)).toBeCloseTo(Math.min(1, flops), 6);
      expect((bytesPerSecond * ms) / 1000 / Math.max(1, bytes * launches)).toBeCloseTo(Math.min(1, bytes), 6);
    }
  }
  for (const line of printProfile(profile).split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  checkTrace(JSON.parse(JSON.stringify(profileTrace(profile))));
}

describe.each(targets)("on $name", (where) => {
  test("every launch of every run is timed, and the numbers are the same to the bit", async () => {
    const [plain, profiled] = [await step(where), await step(where)];
    const losses = { plain: [] as unknown[], profiled: [] as unknown[] };
    for (const feeds of feedsOf(6)) {
      plain.train(feeds);
      losses.plain.push(await plain.read("loss"));
    }
    const profile = await profiled.profile(async () => {
      for (const feeds of feedsOf(6)) {
        profiled.train(feeds);
        losses.profiled.push(await profiled.read("loss"));
      }
    });
    expect(losses.profiled).toEqual(losses.plain);
    expect(await profiled.state.snapshot()).toEqual(await plain.state.snapshot());
    checkSums(profile);
    const [entry] = profile.entries;
    const report = profiled.report.entries.find((one) => one.entry === "train");
    expect(profile).toMatchObject({ target: where.target, device: profiled.report.device, notes: [] });
    expect(profile.entries).toHaveLength(1);
    expect(entry).toMatchObject({ entry: "train", dims: { batch: 16 }, runs: 6, passedOver: 0, byRows: false });
    expect(entry?.kernels.map(({ name, flops, bytes, nodes, launches }) => ({ name, flops, bytes, nodes, launches }))).toEqual(
      report?.kernels.map(({ name, flops, bytes, nodes, times }) => ({ name, flops, bytes, nodes, launches: 6 * times })),
    ); // biome-ignore format: rows
    for (const { lines, threads } of entry?.kernels ?? []) {
      expect(lines[0]).toMatch(/mnist-step\.ts:\d+:\d+$/);
      expect(threads).toHaveLength(where.name === "wasm on two threads" ? 2 : 1);
    }
    expect(profile.ceiling?.flops).toBeGreaterThan(1e6);
    expect(profile.ceiling?.bytes).toBeGreaterThan(1e6);
    const transfers = Object.fromEntries(profile.transfers.map(({ kind, count, bytes }) => [kind, [count, bytes]]));
    expect(transfers).toEqual({ feed: [12, 6 * 16 * 785 * 4], "read output": [6, 24] });
    // What comes after a profile is not in it, and as before.
    const before = structuredClone(profile);
    for (const feeds of feedsOf(2)) for (const one of [plain, profiled]) one.train(feeds);
    expect(await profiled.state.snapshot()).toEqual(await plain.state.snapshot());
    expect(profile).toEqual(before);
    plain.dispose();
    profiled.dispose();
  });

  test("run, once or for many steps, and entries of other sizes, which are compiled meanwhile", async () => {
    const executable = await step(where);
    const [feeds] = feedsOf(1);
    if (feeds === undefined) throw new Error("no feeds");
    const half = { image: feeds.image.slice(0, 8 * 784), label: feeds.label.slice(0, 8) };
    const profile = await executable.profile(async () => {
      await executable.run({ entry: "train", feeds, steps: 5 });
      await executable.run({ entry: "train", feeds: half });
    });
    checkSums(profile);
    expect(profile.entries.map(({ dims, runs }) => [dims, runs])).toEqual([
      [{ batch: 16 }, 5],
      [{ batch: 8 }, 1],
    ]);
    executable.dispose();
  });

  test("launches in loops, whose length may show only as they run", async () => {
    const made = program({
      inputs: { x: f32(5, 40) },
      state: { s: slot(zeros(40)) },
      entries: {
        walk({ x }, { s }) {
          const { carry } = scan((c, row) => ({ carry: relu(add(c, add(row, sum(c)))) }), s, x);
          return { outputs: { total: sum(carry) }, next: { s: carry } };
        },
      },
    });
    const executable = await compile(made, optionsOf(where));
    const x = Float32Array.from({ length: 200 }, (_, i) => (i % 3) / 100);
    const profile = await executable.profile(() => executable.run({ entry: "walk", feeds: { x }, steps: 4 }));
    checkSums(profile);
    const kernels = executable.report.entries[0]?.kernels ?? [];
    expect(kernels.some(({ times }) => times === 5)).toBe(true);
    const launched = profile.entries[0]?.kernels.filter(({ kind }) => kind === "kernel") ?? [];
    expect(launched.map(({ launches }) => launches)).toEqual(kernels.map(({ times }) => 4 * times));
    executable.dispose();
  });

  test("fit, evaluate and predict of a trainer, with data that the device holds", async () => {
    const net = trainer(sequential([dense(8, { activation: "relu" }), dense(3, { activation: "softmax" })]), {
      input: [6],
      loss: "softmaxCrossEntropy",
      optimizer: adam(),
    });
    await net.compile({ ...optionsOf(where), batch: 4, seed: 1 });
    const x = Float32Array.from({ length: 6 * 20 }, (_, i) => Math.sin(i));
    const y = Uint8Array.from({ length: 20 }, (_, i) => i % 3);
    const profile = await net.profile(async () => {
      await net.fit({ x, y, epochs: 2, holdBytes: 2 ** 20 });
      await net.evaluate({ x, y, holdBytes: 2 ** 20 });
      await net.predict({ x });
    });
    checkSums(profile);
    const ran = new Map(profile.entries.map((entry) => [entry.entry, entry]));
    expect(ran.get("train")).toMatchObject({ runs: 10, byRows: true });
    expect(ran.get("evaluate")).toMatchObject({ runs: 5, byRows: true });
    expect(ran.get("predict")).toMatchObject({ runs: 5, byRows: false });
    expect(ran.get("train")?.kernels.flatMap(({ layers }) => layers)).toEqual(expect.arrayContaining(["dense1", "dense2"])); // biome-ignore format: short
    net.executable.dispose();
  });

  test("steps says which runs count", async () => {
    const executable = await step(where);
    const feeds = feedsOf(9);
    const take = (steps: readonly [number, number]) =>
      executable.profile(
        () => {
          for (const feed of feeds) executable.train(feed);
        },
        { steps },
      );
    const profile = await take([2, 5]);
    checkSums(profile);
    expect(profile.entries[0]).toMatchObject({ runs: 3, passedOver: 6 });
    for (const { launches } of profile.entries[0]?.kernels ?? []) expect(launches).toBe(3);
    expect(profile.timeline.filter(({ kind }) => kind === "run")).toHaveLength(3);
    const late = await take([20, 30]);
    expect(late.entries[0]).toMatchObject({ runs: 0, passedOver: 9, kernelMs: 0 });
    expect(late.notes).toEqual(["train ran 9 times, and runs 20 to 29 were to count: none did"]);
    executable.dispose();
  });

  test("an executable that is disposed of meanwhile gives what was measured", async () => {
    const executable = await step(where);
    const profile = await executable.profile(async () => {
      for (const feeds of feedsOf(2)) executable.train(feeds);
      executable.dispose();
    });
    checkSums(profile);
    expect(profile.entries[0]).toMatchObject({ entry: "train", runs: 2 });
    expect(() => executable.train(feedsOf(1)[0])).toThrow("disposed");
  });
});

test("code has clocks in it only while somebody looks, and only where threads wait for one another", async () => {
  for (const threads of [1, 2]) {
    const target = wasmTarget({ threads });
    const printed: (boolean | undefined)[] = [];
    const watched = {
      ...target,
      printer() {
        const print = target.printer();
        return (...given: Parameters<typeof print>) => {
          printed.push(given[3]);
          return print(...given);
        };
      },
    };
    const executable = await compileOn(mnistStep(rmsprop(), 64), watched, { dims: { batch: 16 } });
    const [feeds] = feedsOf(1);
    executable.train(feeds);
    expect(printed).toEqual([undefined]);
    const profile = await executable.profile(() => executable.train(feeds));
    expect(profile.threads).toBe(threads);
    expect(printed.slice(1)).toEqual(threads === 1 ? [] : [true]);
    executable.train(feeds);
    expect(printed).toHaveLength(threads);
    executable.dispose();
  }
});

describe("profiler()", () => {
  const net = () =>
    trainer(sequential([dense(8, { activation: "relu" }), dense(3, { activation: "softmax" })]), {
      input: [6],
      loss: "softmaxCrossEntropy",
      optimizer: adam(),
    });
  const x = Float32Array.from({ length: 6 * 40 }, (_, i) => Math.sin(i));
  const y = Uint8Array.from({ length: 40 }, (_, i) => i % 3);
  const folder = mkdtempSync(join(tmpdir(), "profile-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(targets)("on $name looks at some steps of a training, which goes as it would have", async (where) => {
    const path = join(folder, `${where.name}.json`);
    const profiles: Profile[] = [];
    const trained = async (callbacks: readonly Callback[]) => {
      const made = net();
      await made.compile({ ...optionsOf(where), batch: 4, seed: 1 });
      const { epochs } = await made.fit({ x, y, epochs: 3, validationData: { x, y }, callbacks });
      return epochs.map(({ loss, validation }) => ({ loss, validation }));
    };
    const onProfile = (profile: Profile) => void profiles.push(profile);
    const profiled = await trained([profiler(path, { steps: [12, 15], onProfile })]);
    expect(profiled).toEqual(await trained([]));
    const [profile] = profiles;
    if (profile === undefined) throw new Error("no profile");
    checkSums(profile);
    expect(profile.entries.find(({ entry }) => entry === "train")).toMatchObject({ runs: 3, passedOver: 27 });
    const trace: unknown = JSON.parse(readFileSync(path, "utf8"));
    checkTrace(trace);
    expect(trace).toEqual(JSON.parse(JSON.stringify(profileTrace(profile))));
  });

  test("says before the first step what is wrong", async () => {
    const made = net();
    const callbacks = [profiler(join(folder, "no", "such", "folder.json"))];
    await expect(made.fit({ x, y, epochs: 1, callbacks })).rejects.toThrow("there is no such file or folder");
    expect(() => profiler(join(folder, "a.json"), { steps: [3] } as never)).toThrow("steps must be two whole numbers");
    await expect(made.profile(3 as never)).rejects.toThrow("profile takes a function");
    made.dispose();
    await expect(net().profile(() => 0)).rejects.toThrow("profile: call await trainer.compile() first");
  });
});

describe("a profile that cannot be", () => {
  const errors = async (work: unknown, options?: unknown): Promise<string> => {
    const executable = await step(targets[0]);
    try {
      await executable.profile(work as never, options as never);
      return "none";
    } catch (error) {
      return String(error);
    } finally {
      executable.dispose();
    }
  };

  test("is refused in words", async () => {
    expect(await errors({ steps: 3 })).toContain("profile takes a function that does what is to be looked at");
    expect(await errors(() => 0, { step: [1, 2] })).toContain('there is no option "step"; did you mean "steps"?');
    expect(await errors(() => 0, { steps: 10 })).toContain("steps must be two whole numbers");
    expect(await errors(() => 0, { steps: [5, 5] })).toContain("steps must be two whole numbers");
    expect(await errors(() => 0, { steps: [-1, 5] })).toContain("profile.test.ts:");
  });

  test("one at a time; an error of the work ends it", async () => {
    const executable = await step(targets[2]);
    const [feeds] = feedsOf(1);
    const inner = executable.profile(() => executable.profile(() => 0));
    await expect(inner).rejects.toThrow("one at a time");
    const failing = executable.profile(async () => {
      executable.train(feeds);
      throw new RangeError("the user's own");
    });
    await expect(failing).rejects.toThrow(new RangeError("the user's own"));
    const profile = await executable.profile(() => executable.train(feeds));
    expect(profile.entries[0]?.runs).toBe(1);
    executable.dispose();
    await expect(executable.profile(() => 0)).rejects.toThrow("disposed");
  });

  test("what is no profile is neither printed nor traced", () => {
    expect(() => printProfile({} as never)).toThrow("printProfile takes what executable.profile() gave");
    expect(() => profileTrace([])).toThrow("profileTrace takes what executable.profile() gave (await it), not none");
  });

  test("nothing ran", async () => {
    const executable = await step(targets[0]);
    const profile = await executable.profile(() => 0);
    expect(profile.notes).toEqual(["nothing ran"]);
    expect(printProfile(profile)).toContain("note: nothing ran");
    executable.dispose();
  });
});

test("a while loop and a branch: the launches that there were", async () => {
  const made = program({
    inputs: { most: f32(), x: f32(64) },
    entries: {
      go: ({ most, x }) => ({
        outputs: {
          y: whileLoop(
            (c) => less(sum(c), most),
            (c) => add(c, x),
            mul(x, 0),
            { most: 100 },
          ),
        },
      }),
    },
  });
  for (const where of targets) {
    const executable = await compile(made, optionsOf(where));
    const feeds = { most: 64 * 6, x: new Float32Array(64).fill(1) };
    const profile = await executable.profile(() => executable.run({ entry: "go", feeds }));
    checkSums(profile);
    const launches = profile.entries[0]?.kernels.map((kernel) => kernel.launches) ?? [];
    expect(launches).toContain(6);
    expect(launches).toContain(7); // the test, once more
    executable.dispose();
  }
});
