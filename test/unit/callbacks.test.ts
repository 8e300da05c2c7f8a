/**
 * What callbacks are told, when, and what they can do with a run.
 */
import { expect, test } from "vitest";
import { type Callback, dense, type FitControl, rmsprop, type StoredTensor, type TrainBegin, trainer } from "../../src/index.ts"; // biome-ignore format: names

const x = Float32Array.from({ length: 20 }, (_, i) => Math.sin(i));
const y = Float32Array.from(x, (value) => 2 * value + 1);

const line = () =>
  trainer(dense(1), {
    input: [1],
    loss: "meanSquaredError",
    metrics: ["meanAbsoluteError"],
    optimizer: rmsprop({ learningRate: 0.01 }),
    watch: { size: ({ loss }) => loss },
  });

async function compiled() {
  const net = line();
  await net.compile({ target: "js", batch: 8, seed: 1 });
  return net;
}

test("hooks are called in order, with what there is to know", async () => {
  const net = await compiled();
  const seen: string[] = [];
  let run: TrainBegin | undefined;
  const teller: Callback<"meanAbsoluteError"> = {
    onTrainBegin(told) {
      run = told;
      seen.push("begin");
    },
    onBatchEnd: ({ epoch, step }) => void seen.push(`${epoch}.${step}`),
    onEpochEnd: ({ epoch, learningRate }) => void seen.push(`${epoch} at ${learningRate?.toFixed(3)}`),
    onTrainEnd: ({ epochs, stopped }) => void seen.push(`end ${epochs.length} ${stopped === null}`),
  };
  const slower: Callback = { onEpochEnd: ({ epoch }, control) => control.setLearningRate(0.01 / (epoch + 1)) };
  const history = await net.fit({ x, y, epochs: 2, validationSplit: 0.2, callbacks: [teller, slower] });
  expect(seen).toEqual(["begin", "1.1", "1.2", "1 at 0.010", "2.1", "2.2", "2 at 0.005", "end 2 true"]);
  expect(history.epochs.map(({ learningRate }) => learningRate)).toEqual([0.01, 0.005]);
  const { program, ...rest } = run as TrainBegin;
  expect(program).toBe(net.program);
  expect(rest).toEqual({
    epoch: 1, step: 0, epochs: 2, steps: 2, samples: 16, batch: 8, validates: true,
    scores: ["loss", "meanAbsoluteError"], watches: ["size"],
  }); // biome-ignore format: short
});

test("a run that goes on says where it begins, and one that is stopped or fails how it ends", async () => {
  const net = await compiled();
  const kept: Uint8Array[] = [];
  const ends: unknown[] = [];
  const keep: Callback = {
    async onBatchEnd({ epoch, step }, { stop }) {
      if (epoch !== 2 || step !== 2) return;
      kept.push(await net.checkpoint());
      stop();
    },
    onTrainEnd: ({ stopped }) => void ends.push(stopped),
  };
  await net.fit({ x, y, epochs: 3, callbacks: [keep] });
  expect(ends).toEqual([{ epoch: 2, step: 2, by: "callback" }]);
  const again = await compiled();
  await again.restore(kept[0] ?? new Uint8Array());
  const begins: TrainBegin[] = [];
  await again.fit({ x, y, epochs: 3, callbacks: [{ onTrainBegin: (run) => void begins.push(run) }] });
  expect(begins).toMatchObject([{ epoch: 2, step: 2, epochs: 3, steps: 3 }]);
  const failing: Callback = {
    onEpochEnd() {
      throw new Error("mine");
    },
    onTrainEnd: () => void ends.push("never"),
  };
  await expect(net.fit({ x, y, callbacks: [failing] })).rejects.toThrow(/^mine$/);
  expect(ends).toHaveLength(1);
});

test("weights are copied, and put back as they were; moments stay", async () => {
  const net = await compiled();
  const copies: ReadonlyMap<string, StoredTensor>[] = [];
  const rates: number[] = [];
  await net.fit({
    x,
    y,
    epochs: 2,
    callbacks: [
      {
        async onEpochEnd(_, control) {
          copies.push(await control.weights());
          rates.push(await control.learningRate());
        },
        onTrainEnd: (_, control) => control.setWeights(copies[0] ?? new Map()),
      },
    ],
  });
  const [first, second] = copies;
  expect([...(first?.keys() ?? [])]).toEqual(["kernel", "bias"]);
  expect(first?.get("kernel")).toMatchObject({ dtype: "f32", shape: [1, 1] });
  expect(second?.get("kernel")?.data).not.toEqual(first?.get("kernel")?.data);
  expect(await net.executable.state.read("model.kernel")).toEqual(first?.get("kernel")?.data);
  expect(rates).toEqual([0.01, 0.01]);
  const odd = async (_: unknown, control: FitControl) => control.setWeights(new Map([["kernel", first?.get("bias") as StoredTensor]])); // biome-ignore format: short
  await expect(net.fit({ x, y, callbacks: [{ onEpochEnd: odd }] })).rejects.toThrow(/setWeights/);
});
