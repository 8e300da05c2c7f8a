/**
 * The trainer on the GPU, as against the CPU: what it keeps when it is compiled again.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dense, sequential } from "../../../src/nn/layers.ts";
import { adam } from "../../../src/nn/optimizers.ts";
import { trainerFrom } from "../../../src/nn/saved-trainer.ts";
import { trainer } from "../../../src/nn/trainer.ts";
import type { GpuCase } from "../case.ts";

const count = 30;
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(3 * i));
const y = Uint8Array.from({ length: count }, (_, i) => i % 3);

const classifier = () =>
  trainer(sequential([dense(7, { activation: "relu" }), dense(3, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    optimizer: adam({ learningRate: 0.05 }),
  });

function near(found: Float32Array, expected: Float32Array): void {
  strictEqual(found.length, expected.length);
  for (const [i, value] of expected.entries())
    ok(Math.abs((found[i] ?? 0) - value) < 1e-5, `${i}: ${found[i]}, ${value}`);
}

export const cases: readonly GpuCase[] = [
  {
    name: "compiled for js, wgsl, wasm and wgsl, a loaded trainer keeps all states to the bit, and predicts the same",
    async run({ device }) {
      const first = classifier();
      await first.compile({ target: "wgsl", device, batch: 8 });
      await first.fit({ x, y, epochs: 3 });
      const state = await first.executable.state.snapshot();
      const expected = await first.predict({ x });
      const loaded = await trainerFrom(await first.checkpoint(), { target: "js" });
      for (const options of [
        { target: "wgsl", device },
        { target: "wasm", threads: 1 },
        { target: "wgsl", device, batch: 7 },
      ] as const) {
        await loaded.compile(options);
        deepStrictEqual(await loaded.executable.state.snapshot(), state);
        near(await loaded.predict({ x }), expected);
      }
      await loaded.fit({ x, y });
      await first.fit({ x, y, batch: 7 });
      near(await loaded.predict({ x }), await first.predict({ x }));
      for (const each of [first, loaded]) each.dispose();
    },
  },
];
