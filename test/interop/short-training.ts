/** A short training that other engines are asked to repeat: a net by each of three optimizers, over drawn digits, and the losses of `js`. */
import { compile } from "../../src/compile.ts";
import { batches, gatherRows } from "../../src/data/dataset.ts";
import { syntheticDigits } from "../../src/data/digits.ts";
import { adam, dense, dropout, rmsprop, sequential, sgd, trainer } from "../../src/index.ts";

export const [samples, batch, seed, steps] = [1024, 64, 7, 50];

const optimizers = { sgd: sgd({ learningRate: 0.05 }), rmsprop: rmsprop(), adam: adam() };
export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = ["sgd", "rmsprop", "adam"] as const satisfies readonly OptimizerName[];

/** The program of a net's trainer; adam's has dropout. */
export function programBy(optimizer: OptimizerName) {
  const layers = [
    dense(32, { activation: "relu" }),
    ...(optimizer === "adam" ? [dropout(0.3)] : []),
    dense(10, { activation: "softmax" }),
  ];
  return trainer(sequential(layers), {
    input: [784],
    loss: "softmaxCrossEntropy",
    optimizer: optimizers[optimizer],
    metrics: ["accuracy"],
  }).program;
}

export interface Digits {
  readonly x: Float32Array;
  readonly y: Int32Array;
}

export function digits(): Digits {
  const { train } = syntheticDigits({ seed: 3, train: samples, test: 1 });
  return { x: Float32Array.from(train.images, (byte) => byte / 255), y: Int32Array.from(train.labels) };
}

/** What each step is fed, in the order of `fit`. */
export function* feeds({ x, y }: Digits): Iterable<Digits> {
  for (let epoch = 0, count = 0; ; epoch++) {
    for (const { indices, from, to } of batches({ count: samples, batch, seed, epoch })) {
      const image = new Float32Array(batch * 784);
      gatherRows(x, 784, indices, from, to, image);
      yield { x: image, y: Int32Array.from(indices.subarray(from, to), (row) => y[row] ?? 0) };
      if (++count === steps) return;
    }
  }
}

/** The losses of our own `js` target. */
export async function ownLosses(optimizer: OptimizerName, data: Digits): Promise<readonly number[]> {
  const executable = await compile(programBy(optimizer), { target: "js", seed, dims: { batch } });
  const losses: number[] = [];
  for (const fed of feeds(data)) {
    const { loss } = (await executable.run({ entry: "train" as never, feeds: { ...fed } })) as {
      readonly loss: number;
    };
    losses.push(loss);
  }
  executable.dispose();
  return losses;
}
