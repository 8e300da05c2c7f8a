/**
 * Weights and moments of 16 bits: the bits of each step on `js` and `wasm` (test/gpu/cases/short.ts: on `wgsl`), training by every
 * optimizer, checkpoints.
 */
import { describe, expect, test } from "vitest";
import type { ShortFloat } from "../../src/core/dtype.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import {
  adam,
  adamw,
  add,
  cast,
  compileOn,
  f32,
  layer,
  matmul,
  type Optimizer,
  param,
  rmsprop,
  sequential,
  sgd,
  type Tensor,
  trainer,
  uniform,
  zeros,
} from "../../src/index.ts";
import { shortTypes } from "../op-case.ts";
import { decodeShort } from "../short-rows.ts";
import { shortFeeds, shortSteps, shortTraining, trainedBits } from "../short-training.ts";

describe.each(shortTypes)("in %s", (dtype) => {
  test.each([jsTarget, wasmTarget({ threads: 1 })])(
    "every rounding of a step with momentum, target %#",
    async (target) => {
      const executable = await compileOn(shortTraining(dtype), target, { seed: 4 });
      const read = async (name: string): Promise<number[]> => [...((await executable.state.read(name)) as Uint16Array)];
      const [w, velocity] = trainedBits(dtype, await read("model.w"));
      for (let i = 0; i < shortSteps; i++) await executable.run({ entry: "step", feeds: shortFeeds } as never);
      expect((await read("model.w")).map((bits) => decodeShort(dtype, bits))).toEqual(w);
      expect((await read("opt.velocity.w")).map((bits) => decodeShort(dtype, bits))).toEqual(velocity);
      executable.dispose();
    },
  );

  test.each<readonly [string, () => Optimizer]>([
    ["sgd", () => sgd({ learningRate: 0.05, momentum: 0.9 })],
    ["rmsprop", () => rmsprop({ learningRate: 0.01 })],
    ["adam", () => adam({ learningRate: 0.01 })],
    ["adamw", () => adamw({ learningRate: 0.01 })],
  ])("%s: the loss falls, and a checkpoint goes on with the same bits", async (_, optimizer) => {
    const [first, second] = await Promise.all([started(dtype, optimizer()), started(dtype, optimizer())]);
    const before = (await first.evaluate(samples)).loss as number;
    await first.fit({ ...samples, epochs: 40 }); // 320 updates: more than bf16 can count
    const saved = await first.checkpoint();
    expect((await first.evaluate(samples)).loss).toBeLessThan(before / 100);
    await second.restore(saved, { newRun: false });
    expect((await first.executable.state.read("model.short1.w")) as unknown).toBeInstanceOf(Uint16Array);
    await Promise.all([first, second].map((one) => one.fit({ ...samples, epochs: 41 })));
    expect(await second.checkpoint()).toEqual(await first.checkpoint());
    for (const one of [first, second]) one.dispose();
  });
});

const x = Float32Array.from({ length: 64 * 4 }, (_, i) => Math.sin(1.3 * i));
const y = Float32Array.from({ length: 64 * 3 }, (_, i) => {
  const row = 4 * Math.floor(i / 3);
  return (x[row + (i % 3)] ?? 0) - 0.5 * (x[row + 3] ?? 0);
});
const samples = { x, y };

async function started(dtype: ShortFloat, optimizer: Optimizer) {
  const short = layer({
    name: "short",
    params: () => ({ w: param(uniform(-0.5, 0.5, 4, 3), { dtype }), b: param(zeros(3), { dtype }) }),
    outputShape: () => [3],
    apply: ({ w, b }, input) => {
      const product = matmul(cast(input, dtype) as never, w as never) as Tensor;
      return cast(add(product, b as never) as Tensor, "f32") as Tensor<readonly ["batch", 3], "f32">;
    },
  });
  const options = { input: [4], target: f32("batch", 3), loss: "meanSquaredError", optimizer } as const;
  const net = trainer(sequential([short]), options as never);
  await net.compile({ target: "js", batch: 8, seed: 1, onWarning: () => undefined });
  return net;
}
