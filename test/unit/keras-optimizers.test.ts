/**
 * Every optimizer against five float32 steps of Keras 3.15 on given gradients: clipping, decay and exclusions, averages, accumulation,
 * schedules, loss scaling, constraints, gradients of 0 and gradients that are not finite; every schedule at many steps; and what holds in
 * their place where Keras's behaviour hurts.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { compile, f32, optimizerFrom, program, schedules, vmap } from "../../src/index.ts";
import { errorOf } from "../keras-error.ts";
import { kerasDefaults, knownOptimizers, optimizerCases, optimizerOf, optimizersOtherwise, readOptimizers, scheduleOf, trainedByKeras, wrongWeights } from "../keras-optimizer-program.ts"; // biome-ignore format: names
import { note } from "../keras-record.ts";

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  const list = optimizerCases.filter(({ name }) => !Object.hasOwn(optimizersOtherwise, name));
  let found: Awaited<ReturnType<typeof trainedByKeras>>;
  beforeAll(async () => {
    found = await trainedByKeras(list, { target });
  }, 90_000);

  test.each(list.map((one, n) => [one.name, one, n] as const))("%s", (_, one, n) => {
    const tell = (error: number): void => note("optimizers", one.name, target, error);
    expect(wrongWeights(one, found[n] ?? [], 1, tell)).toEqual([]);
  });
});

test("every case is run, or says why not", () => {
  expect(Object.keys(optimizersOtherwise).filter((name) => !optimizerCases.some((one) => one.name === name))).toEqual(
    [],
  );
  const unknown = optimizerCases.filter(
    (one) => knownOptimizers[one.class] === undefined && one.class !== "LossScaleOptimizer",
  );
  expect(unknown.filter(({ name }) => !Object.hasOwn(optimizersOtherwise, name))).toEqual([]);
});

test.each(kerasDefaults)("the defaults of $class are Keras's", ({ class: kind, options }) => {
  const optimizer = knownOptimizers[kind]?.({} as never);
  expect(optimizer, kind).toBeDefined();
  const config = Object(optimizer?.config);
  const found: Readonly<Record<string, unknown>> = { ...config.constants, learningRate: config.learningRate };
  const given = Object.entries(options).filter(([name, value]) => typeof value === "number" && name !== "ema_momentum");
  for (const [name, value] of given) {
    const ours = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    expect(found[ours], `${kind}: ${name}`).toBe(value);
  }
  note("optimizers", `defaults of ${kind}`, "start");
});

test("all come back from their configs", () => {
  for (const one of optimizerCases.filter(({ name }) => !Object.hasOwn(optimizersOtherwise, name))) {
    const { config } = optimizerOf(one);
    expect(optimizerFrom(JSON.parse(JSON.stringify(config))).config, one.name).toEqual(config);
  }
});

describe("schedules", () => {
  const list = readOptimizers<{
    readonly cases: readonly { name: string; class: string; options: object; steps: number[]; values: number[] }[];
  }>("schedules").cases;
  test.each(["js", "wasm"] as const)("all of Keras's on %s", async (target) => {
    const made = program({
      inputs: { step: f32() },
      step: ({ step }) => ({
        outputs: Object.fromEntries(
          list.map((one, n) => [`c${n}`, scheduleOf({ class: one.class, config: one.options }).at(step)]),
        ),
      }),
    });
    const executable = await compile(made, { target });
    const steps = [...new Set(list.flatMap((one) => one.steps))];
    for (const step of steps) {
      const found = (await executable.run({ entry: "step", feeds: { step } })) as unknown as Readonly<
        Record<string, number>
      >;
      for (const [n, one] of list.entries()) {
        const at = one.steps.indexOf(step);
        if (at < 0) continue;
        const wanted = one.values[at] ?? Number.NaN;
        note("schedules", one.name, target, errorOf(found[`c${n}`] ?? Number.NaN, [wanted], 1));
        expect(
          Math.abs((found[`c${n}`] ?? Number.NaN) - wanted),
          `${one.name} at ${step}: ${found[`c${n}`]}, Keras ${wanted}`,
        ).toBeLessThanOrEqual(1e-7);
      }
    }
    executable.dispose();
  });

  test.each(["js", "wasm"] as const)("a cosine begins again at the very step where its period ends, on %s", async (target) => {
    for (const tMul of [1, 2, 3, 1.5]) {
      for (const firstDecaySteps of [1, 3, 49, 1000, 1563]) {
        const begins: number[] = [];
        for (let begin = 0, length = firstDecaySteps; begin < 2 ** 23 && begins.length < 40; begin += length, length *= tMul)
          if (Number.isInteger(begin)) begins.push(begin);
        const schedule = schedules.cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps, tMul, mMul: 0.5 });
        const rates = program({ inputs: { step: f32(begins.length) }, step: ({ step }) => ({ outputs: { rate: vmap((it) => schedule.at(it), step) } }) });
        const executable = await compile(rates, { target, dims: {} });
        executable.step({ step: Float32Array.from(begins) });
        expect([...(await executable.read("rate"))], `tMul ${tMul}, ${firstDecaySteps} steps`).toEqual(begins.map((begin) => 0.5 ** periodAt(begin, firstDecaySteps, tMul)));
        executable.dispose();
      }
    }
  }); // biome-ignore format: long
});

/** Which period begins at a step. */
function periodAt(begin: number, length: number, tMul: number): number {
  let i = 0;
  for (let at = 0; at < begin; at += length * tMul ** i++);
  return i;
}
