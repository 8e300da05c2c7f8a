/** Which epochs `fit` trains and validates: `initialEpoch`, `validationFreq`. */
import { expect, test } from "vitest";
import { adam, dataset, dense, earlyStopping, reduceLROnPlateau, rows, sequential, trainer } from "../../src/index.ts";

const x = Float32Array.from({ length: 20 }, (_, i) => Math.sin(3 * i));
const y = Float32Array.from({ length: 10 }, (_, i) => i % 3);
const data = dataset({ x: rows(x, 2), y: rows(y, 1) });

async function net() {
  const made = trainer(sequential([dense(3, { activation: "tanh" }), dense(1)]), { input: [2], loss: "mse", optimizer: adam() }); // biome-ignore format: short
  await made.compile({ target: "js", batch: 4, seed: 1 });
  return made;
}

const orders = [
  ["shuffled arrays", { x, y }],
  ["a shuffled dataset", { data: data.shuffle(5, { seed: 2 }) }],
  ["steps of a dataset", { data: data.batch(4), stepsPerEpoch: 2 }],
] as const;

test.each(orders)("epochs that count as done leave the data as the unbroken run has it: %s", async (_, given) => {
  const [whole, first] = [await net(), await net()];
  const { epochs } = await whole.fit({ ...given, epochs: 5 });
  await first.fit({ ...given, epochs: 2 });
  const second = await net();
  second.executable.state.restore(await first.executable.state.snapshot());
  const begins: number[] = [];
  const callbacks = [{ onEpochBegin: ({ epoch }: { readonly epoch: number }) => void begins.push(epoch) }];
  const rest = await second.fit({ ...given, initialEpoch: 2, epochs: 5, callbacks });
  expect(begins).toEqual([3, 4, 5]);
  expect(rest.epochs.map(({ loss }) => loss)).toEqual(epochs.slice(2).map(({ loss }) => loss));
});

test("a run that goes on in the middle does so with initialEpoch too", async () => {
  const [whole, broken, again] = [await net(), await net(), await net()];
  const given = { ...orders[2][1], initialEpoch: 2, epochs: 4 };
  await whole.fit(given);
  await broken.fit({ ...given, callbacks: [{ onBatchEnd: ({ epoch }, control) => (epoch === 3 ? control.stop() : undefined) }] }); // biome-ignore format: short
  await again.restore(await broken.checkpoint());
  const { epochs } = await again.fit(given);
  expect(epochs.map(({ epoch }) => epoch)).toEqual([3, 4]);
  expect(await again.executable.state.snapshot()).toEqual(await whole.executable.state.snapshot());
});

test("none are left, or none would be", async () => {
  const made = await net();
  expect((await made.fit({ x, y, initialEpoch: 2, epochs: 2 })).epochs).toEqual([]);
  await expect(made.fit({ x, y, initialEpoch: 3, epochs: 2 })).rejects.toThrow("fit: initialEpoch is 3 and epochs 2:");
  await expect(made.fit({ x, y, validationFreq: 2 })).rejects.toThrow("validationFreq needs something to validate on");
  await expect(made.fit({ x, y, validationFreq: 0, validationSplit: 0.5 })).rejects.toThrow(/validationFreq must be/);
});

test("validation every so many epochs, or after some of them", async () => {
  const made = await net();
  const validated = async (validationFreq: number | readonly number[]) => {
    const { epochs } = await made.fit({ x, y, epochs: 5, validationSplit: 0.4, validationFreq });
    return epochs.flatMap(({ epoch, validation }) => (validation === undefined ? [] : [epoch]));
  };
  expect(await validated(2)).toEqual([2, 4]);
  expect(await validated([1, 5, 9])).toEqual([1, 5]);
  expect(await validated(6)).toEqual([]);
});

test("callbacks that look at the validation wait for it", async () => {
  const made = await net();
  const callbacks = [
    { onEpochBegin: () => made.setLearningRate(0) }, // nothing gets better
    earlyStopping({ patience: 2 }),
    reduceLROnPlateau({ patience: 10 }),
  ];
  const given = { x, y, epochs: 20, validationSplit: 0.4, callbacks };
  const { stopped } = await made.fit({ ...given, validationFreq: 3 });
  expect(stopped?.epoch).toBe(9); // validated after 3, 6 and 9
});
