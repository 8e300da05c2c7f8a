/**
 * The tuner: what it finds on a device whose clock is ours, what it keeps, and what a file may not do.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { js } from "../../codegen/js/target.ts";
import { bindTarget, type Candidate } from "../../codegen/target.ts";
import { wgsl } from "../../codegen/wgsl/target.ts";
import { shapeKey } from "../../passes/kernel/shape-key.ts";
import { scheduleKernel } from "../../passes/schedule/schedule.ts";
import { compileOn, stagesOf } from "../../src/compile.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import { version } from "../../src/core/version.ts";
import type { Program } from "../../src/dsl/program.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import { type CompileOptions, compile } from "../../src/index.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel } from "../../src/kernel/evaluate.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import type { Feeds } from "../../src/runtime/feeds.ts";
import { JsMachine } from "../../src/runtime/js/machine.ts";
import { setupOf, type TargetSetup } from "../../src/target-setup.ts";
import { type Choice, parseChoices, printChoices, withChoices } from "../../src/tuning/choices.ts";
import { choicesPath, readChoices } from "../../src/tuning/choices-file.ts";
import { fastest } from "../../src/tuning/fastest.ts";
import { placeOf } from "../../src/tuning/tuned.ts";
import { longest, tune } from "../../src/tuning/tuner.ts";
import { numbers } from "../numbers.ts";
import { oneProduct, smallConvolution, smallTraining } from "../tuning-programs.ts";
import { difference, feedsFor, samples } from "./wgsl-samples.ts";

const folder = mkdtempSync(join(tmpdir(), "tensorloom-tuning-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let file = "";
let files = 0;
beforeEach(() => {
  file = join(folder, `${files++}`, "tuning.json");
});

const feeds = { x: numbers(24 * 40), w: numbers(40 * 48), b: numbers(48) };

type OneProduct = Awaited<ReturnType<typeof compileJs>>;
const compileJs = (options: CompileOptions = {}) => compile(oneProduct(), { ...options, target: "js" });

async function yOf(executable: OneProduct): Promise<unknown> {
  try {
    return (await executable.run({ entry: "step", feeds })).y;
  } finally {
    executable.dispose();
  }
}

describe("which is the fastest", () => {
  /** `ms` of each way; a clock that is off by up to `noise` of it, and by a factor of 3 now and then, whoever's turn it is. */
  function contest(ms: readonly number[], noise = 0) {
    let calls = 0;
    const time = async (way: number): Promise<number> => {
      calls += 1;
      const off = 1 + noise * Math.sin(calls * calls * 1.7);
      return (ms[way] ?? Number.NaN) * off * (calls % 17 === 0 ? 3 : 1);
    };
    return { ways: ms.length, time, isOver: () => false };
  }

  test("the one that is", async () => {
    expect(await fastest(contest([10, 12, 7, 8, 30]))).toMatchObject({ best: 2 });
    expect(await fastest(contest([10, 12, 7, 8, 30], 0.02))).toMatchObject({ best: 2 });
  });

  test("the usual way, unless another wins by more than the noise", async () => {
    for (const ways of [[10], [10, 12, 11], [10, 10, 10, 10, 10, 10], [10, 9.8, 9.9]]) {
      expect(await fastest(contest(ways, 0.02))).toMatchObject({ best: 0 });
    }
    expect(await fastest(contest([10, 8.5], 0.3))).toMatchObject({ best: 0 });
  });

  test("nobody's luck: who wins once has to win again", async () => {
    let calls = 0;
    // One of two equal ways is fast until the finals are over.
    const time = async (way: number): Promise<number> => (way === 1 && calls++ < 11 ? 5 : 10);
    expect(await fastest({ ways: 2, time, isOver: () => false })).toMatchObject({ best: 0 });
  });

  test("nothing where the time is over", async () => {
    let left = 20;
    expect(await fastest({ ...contest([10, 5]), isOver: () => left-- < 0 })).toBeNull();
  });
});

describe("a device whose clock is ours", () => {
  /** The js target on a machine on which what this candidate makes takes half as long as anything else. */
  function deviceFor(wanted: string, spread = 0): { readonly target: TargetSetup; readonly now: () => number } {
    let [ms, runs] = [0, 0];
    const candidate = jsTarget.candidates().find(({ name }) => name === wanted);
    const scheduling = candidate?.scheduling ?? jsTarget.scheduling;
    const fast = stagesOf(oneProduct(), "step", {}, { ...bindTarget(js), scheduling }).entry.artifact.source;
    const target = setupOf(js, {
      facts: null,
      async machine(stateBytes, options) {
        const machine = new JsMachine(stateBytes, options);
        const prepare = machine.prepare.bind(machine);
        machine.prepare = async (entry) => {
          const runner = await prepare(entry);
          const run = runner.run.bind(runner);
          runner.run = () => {
            ms += (entry.artifact.source === fast ? 1 : 2) * (1 + spread * Math.sin(runs++));
            run();
          };
          return runner;
        };
        return machine;
      },
    });
    return { target, now: () => ms };
  }
  for (const wanted of ["blocks 3x3", "blocks 8x1", "blocks 2x4"]) {
    test(`${wanted} is found, kept, and used by the next compilation`, async () => {
      const { target, now } = deviceFor(wanted);
      const report = await tune(oneProduct(), target, { now, tuningFile: file });
      expect(report.kernels.map(({ choice, usualMs, ms }) => [choice, ms / usualMs])).toEqual([[wanted, 0.5]]);
      const usual = await compileJs();
      const tuned = await compileOn(oneProduct(), target, { tune: "kept", tuningFile: file });
      const scheduleIn = ({ report: { entries } }: OneProduct) => entries[0]?.kernels[0]?.schedule;
      expect(scheduleIn(tuned)).not.toBe(scheduleIn(usual));
      expect(await yOf(tuned)).toEqual(await yOf(usual));
      // what is known is not measured again, unless that is wanted
      expect(await tune(oneProduct(), target, { now, tuningFile: file })).toMatchObject({ kernels: [], known: 1 });
      const again = await tune(oneProduct(), target, { now, tuningFile: file, again: true });
      expect(again).toMatchObject({ kernels: [{ choice: wanted }], known: 0 });
    });
  }

  test("where nothing is faster, the usual way is kept, and is no choice", async () => {
    const { target, now } = deviceFor("as usual");
    const report = await tune(oneProduct(), target, { now, tuningFile: file });
    expect(report.kernels.map(({ choice }) => choice)).toEqual([null]);
    expect(readChoices(file, expect.fail)[0]?.kernels.size).toBe(1);
  });

  test("what there was no time for stays as it is, and nothing is written", async () => {
    const { target, now } = deviceFor("blocks 3x3");
    const report = await tune(oneProduct(), target, { now, tuningFile: file, seconds: 0.05 });
    expect(report).toMatchObject({ kernels: [], left: 1 });
    expect(existsSync(file)).toBe(false);
  });
});

describe("candidates", () => {
  test("of js and wasm change no bit", { timeout: 60_000 }, async () => {
    for (const usual of [jsTarget, wasmTarget({ threads: 1 })]) {
      for (const [made, fed] of [
        [smallTraining, { x: numbers(720), y: numbers(480) }],
        [smallConvolution, { x: numbers(726), f: numbers(540) }],
      ] as const) {
        const expected = await resultsOf(made, usual, fed);
        for (const { name, scheduling } of usual.candidates()) {
          expect(await resultsOf(made, { ...usual, scheduling }, fed), name).toEqual(expected);
        }
      }
    }
  });

  test("of wgsl compute the same, and are legal, on a card's limits", { timeout: 60_000 }, () => {
    const card = { ...wgsl.portable, maxComputeWorkgroupStorageSize: 49152, maxComputeInvocationsPerWorkgroup: 1024 };
    const candidates = wgsl.candidates?.({ ...card, maxComputeWorkgroupSizeX: 1024 }) ?? [];
    expect(candidates.length).toBeGreaterThan(25);
    const products = ["matmul 5x5x200", "matmul 128x10x17"];
    const chosen = samples.filter(({ title }, i) =>
      title.startsWith("matmul") ? products.includes(title) : i % 11 === 0,
    );
    let made = 0;
    for (const { kernel, title, tolerance } of chosen) {
      const expected = feedsFor(kernel);
      evaluateKernel(kernel, expected);
      const seen = new Set<unknown>();
      for (const { name, scheduling } of candidates) {
        const after = unlessRefused(() => scheduleKernel(kernel, scheduling));
        if (after === undefined) continue;
        const text = JSON.stringify(after.schedule);
        if (seen.has(text)) continue;
        seen.add(text);
        made += 1;
        expect(checkKernel(after), `${title} by ${name}`).toBeNull();
        const actual = feedsFor(kernel);
        evaluateKernel(after, actual);
        for (const { name: buffer } of kernel.buffers) {
          const [a, e] = [actual.get(buffer)?.data ?? [], expected.get(buffer)?.data ?? []];
          expect(difference(a, e, tolerance), `${title} by ${name}`).toBeUndefined();
        }
      }
    }
    expect(made).toBeGreaterThan(chosen.length + 20);
  });

  /** A move may say that it cannot be made, but not make what is wrong. */
  function unlessRefused<T>(make: () => T): T | undefined {
    try {
      return make();
    } catch (error) {
      if (error instanceof CompilerBug && error.message.includes("is not legal: ")) return undefined;
      throw error;
    }
  }

  test("have names of their own", () => {
    for (const candidates of [
      jsTarget.candidates(),
      wasmTarget().candidates(),
      wgsl.candidates?.(wgsl.portable) ?? [],
    ]) {
      const names = candidates.map(({ name }: Candidate) => name);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  async function resultsOf(made: Program<unknown>, target: TargetSetup, fed: Feeds) {
    const executable = await compileOn(made as Program, target, {});
    try {
      const outputs = [];
      for (let i = 0; i < 2; i += 1) outputs.push(await executable.run({ entry: "step", feeds: fed }));
      return [outputs, [...(await executable.state.snapshot())]];
    } finally {
      executable.dispose();
    }
  }
});

describe("a kernel's shape", () => {
  const kernelOf = (made: ReturnType<typeof oneProduct>) => {
    const [launch] = launchesOf(stagesOf(made, "step", {}, jsTarget).lowered);
    if (launch === undefined) throw new Error("no launch");
    return launch.kernel;
  };
  const kernel = kernelOf(oneProduct());

  test("is the same whatever its names, and another for other sizes", () => {
    const renamed = { ...kernel, name: "k9_other" };
    expect(shapeKey(kernel)).toMatch(/^[0-9a-f]{16}$/);
    expect(shapeKey(renamed)).toBe(shapeKey(kernel));
    expect(shapeKey(kernelOf(oneProduct()))).toBe(shapeKey(kernel));
    expect(shapeKey(kernelOf(oneProduct(24, 40, 49)))).not.toBe(shapeKey(kernel));
    expect(shapeKey(kernelOf(oneProduct(25)))).not.toBe(shapeKey(kernel));
  });

  test("the iterations of an invocation are counted", () => {
    const loops = scheduleKernel(kernel, jsTarget.scheduling);
    expect(longest([loops])).toBe(40);
    expect(longest([])).toBe(1);
  });
});

describe("the file", () => {
  const kernel = (() => launchesOf(stagesOf(oneProduct(), "step", {}, jsTarget).lowered)[0]?.kernel)();
  const key = kernel === undefined ? "" : shapeKey(kernel);
  const choice = (name: string | null): Choice => ({ kernel: "k", choice: name, usualMs: 2, ms: 1 });
  const place = placeOf(jsTarget, "js");
  const madeOf = (name: string | null) => ({ ...place, kernels: new Map([[key, choice(name)]]) });

  function write(text: string): void {
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text);
  }

  /** The output of a compilation that would use the file, and what it warned of. */
  async function compiled(target = jsTarget) {
    const warnings: string[] = [];
    const onWarning = (message: string): number => warnings.push(message);
    const executable = await compileOn(oneProduct(), target, { tune: "kept", tuningFile: file, onWarning });
    const schedule = executable.report.entries[0]?.kernels[0]?.schedule;
    return { y: await yOf(executable), schedule, warnings };
  }

  test("is read as it was written", () => {
    const made = madeOf("blocks 3x3");
    expect(parseChoices(printChoices([made]))).toEqual([made]);
    const other = { ...made, compiler: "0.0.1" };
    const elsewhere = { ...made, device: "another" };
    const more = { ...place, kernels: new Map([["0123456789abcdef", choice(null)]]) };
    const merged = withChoices([other, elsewhere, made], more);
    expect(merged).toEqual([elsewhere, { ...place, kernels: new Map([...made.kernels, ...more.kernels]) }]);
  });

  const fine = JSON.parse(printChoices([madeOf("blocks 3x3")]));
  const [finePlace] = fine.places;
  const withKernel = (own: unknown, name = key) => ({ ...fine, places: [{ ...finePlace, kernels: { [name]: own } }] });
  const hostile: readonly (readonly [what: string, content: unknown, message: RegExp])[] = [
    ["no JSON", "{", /it is no JSON/],
    ["a list", [], /it is no object/],
    ["null", null, /it is no object/],
    ["another format", { ...fine, format: "tensorloom tuning 2" }, /its format is not/],
    ["no places", { ...fine, places: undefined }, /no list of at most 100/],
    ["many places", { ...fine, places: Array(101).fill(finePlace) }, /no list of at most 100/],
    ["a place that is none", { ...fine, places: [7] }, /a place is no object/],
    ["a place without a device", { ...fine, places: [{ ...finePlace, device: 7 }] }, /has no target, device/],
    ["a long text", { ...fine, places: [{ ...finePlace, facts: "x".repeat(3000) }] }, /has no target, device/],
    ["kernels that are a list", { ...fine, places: [{ ...finePlace, kernels: [] }] }, /are no object/],
    ["a key that is none", withKernel(choice("blocks 3x3"), "constructor"), /the kernel constructor is no choice/],
    ["__proto__", `{"format":"tensorloom tuning 1","places":[{"target":"js","device":"","facts":"","compiler":"","kernels":{"__proto__":{}}}]}`, /the kernel __proto__ is no choice/], // biome-ignore format: one line
    ["moves", withKernel({ ...choice(null), choice: [{ move: "split", axis: "i", by: 1e9 }] }), /is no choice/],
    ["a time below 0", withKernel({ ...choice("blocks 3x3"), ms: -1 }), /is no choice/],
    ["a time that is a text", withKernel({ ...choice("blocks 3x3"), ms: "1" }), /is no choice/],
    ["too much", " ".repeat(2 ** 22 + 1), /more than 4194304 bytes/],
  ];
  for (const [what, content, message] of hostile) {
    test(`is ignored with a warning: ${what}`, async () => {
      const usual = await compiled();
      write(typeof content === "string" ? content : JSON.stringify(content));
      const found = await compiled();
      expect(found.warnings).toEqual([expect.stringMatching(message)]);
      expect(found.warnings[0]).toContain(`${file} is not used`);
      expect({ ...found, warnings: [] }).toEqual(usual);
    });
  }

  test("is ignored where it is a folder", async () => {
    mkdirSync(file, { recursive: true });
    expect((await compiled()).warnings).toEqual([expect.stringMatching(/it is no file/)]);
  });

  test("of another version is ignored with a warning; of another device or other facts without one", async () => {
    write(printChoices([{ ...madeOf("blocks 3x3"), compiler: "0.0.1" }]));
    const usual = await compiled({ ...jsTarget, facts: "{}" });
    expect(usual.warnings).toEqual([]);
    const stale = await compiled();
    expect(stale.warnings).toEqual([expect.stringMatching(/measured with tensorloom 0\.0\.1, and this is 0\.1\.0/)]);
    expect(stale.schedule).toBe(usual.schedule);
  });

  test("a choice that the target does not offer is told once, and the usual way is taken", async () => {
    const usual = await compiled();
    write(printChoices([madeOf("blocks 1000x1000")]));
    const found = await compiled();
    expect(found.warnings).toEqual([
      expect.stringMatching(/names "blocks 1000x1000", which the js target does not offer/),
    ]);
    expect(found.schedule).toBe(usual.schedule);
  });

  test("a choice whose moves are refused is told once, and the usual way is taken", async () => {
    const usual = await compiled();
    const policy = () => [[{ move: "split", axis: "no such loop", by: 4, tail: "exact" } as const]];
    const broken = () => [{ name: "broken", scheduling: { policy } }];
    write(printChoices([madeOf("broken")]));
    const found = await compiled({ ...jsTarget, candidates: broken });
    expect(found.warnings).toEqual([expect.stringMatching(/"broken" is not used for a kernel: pass "schedule"/)]);
    expect(found).toMatchObject({ y: usual.y, schedule: usual.schedule });
  });

  test("a choice of the target's is taken", async () => {
    const usual = await compiled();
    write(printChoices([madeOf("blocks 3x3")]));
    const found = await compiled();
    expect(found.warnings).toEqual([]);
    expect(found.schedule).not.toBe(usual.schedule);
    expect(found.y).toEqual(usual.y);
  });

  test("is not looked at on js unless that is asked for, nor where tune is false", async () => {
    write("{");
    for (const tune of [undefined, false] as const) {
      await yOf(await compileOn(oneProduct(), jsTarget, { ...(tune === undefined ? {} : { tune }), tuningFile: file, onWarning: expect.fail })); // biome-ignore format: one call
    }
    const warnings: string[] = [];
    const onWarning = (message: string): number => warnings.push(message);
    await yOf(await compileOn(oneProduct(), wasmTarget({ threads: 1 }), { tuningFile: file, onWarning }));
    expect(warnings).toHaveLength(1);
  });

  test("compile with tune: true measures first, and writes the file", async () => {
    const executable = await compileJs({ tune: true, tuningFile: file, onWarning: expect.fail });
    const usual = await compileJs();
    expect(await yOf(executable)).toEqual(await yOf(usual));
    expect(parseChoices(readFileSync(file, "utf8"))).toMatchObject([{ target: "js", compiler: version }]);
  });

  test("lies where it is said to lie", () => {
    expect(choicesPath("here.json")).toBe("here.json");
    expect(choicesPath(undefined, { TENSORLOOM_CACHE: "off", HOME: "/home/me" })).toBeNull();
    expect(choicesPath(undefined, { TENSORLOOM_CACHE: "/data", HOME: "/home/me" })).toBe(join("/data", "tuning.json"));
    expect(choicesPath(undefined, { XDG_CACHE_HOME: "/cache" })).toBe(join("/cache", "tensorloom", "tuning.json"));
    expect(choicesPath(undefined, { HOME: "/home/me" })).toMatch(/^.home.me.*tensorloom.tuning\.json$/);
    expect(choicesPath(undefined, {})).toBeNull();
    const refused = { get TENSORLOOM_CACHE(): string { throw new Error("Requires env access"); } }; // biome-ignore format: short
    expect(choicesPath(undefined, refused)).toBeNull();
    expect(process.env.TENSORLOOM_CACHE).toBe("off"); // no test reads what somebody has measured here
  });
});

test("the version is the package's", () => {
  expect(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version).toBe(version);
});
