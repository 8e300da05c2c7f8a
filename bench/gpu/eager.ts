/** What jax-js and TensorFlow.js do alike: a step gives its loss as an array on the device, which is read or let go. */
import { bytesOf } from "../data.ts";
import { network } from "../workloads.ts";
import { checkedSteps, epochBatches } from "./numbers.ts";
import { classes, type EpochWorkload, type StepsWorkload } from "./rows.ts";
import type { Data, Prepared } from "./serve.ts";

interface OnDevice {
  dispose(): void;
}

/** Steps of which each is `next()`. Where losses are not wanted, the last one alone is read. */
export function preparedSteps<T extends OnDevice>(
  { calls, reads }: StepsWorkload,
  next: () => T,
  read: (loss: T) => Promise<number>,
): Prepared {
  return {
    async run() {
      for (let i = 1; i < calls; i++) {
        if (reads) await read(next());
        else next().dispose();
      }
      await read(next());
    },
    async check() {
      const losses: number[] = [];
      for (let i = 0; i < checkedSteps; i++) losses.push(await read(next()));
      return losses;
    },
  };
}

interface EpochSteps<T> {
  /** A step on a batch of the main job, from these weights on. */
  step(w1: Float32Array, w2: Float32Array): (image: Float32Array, label: Int32Array) => T;
  read(loss: T): Promise<number>;
}

/** An epoch of the main job, of which the last loss is read. */
export function preparedEpoch<T extends OnDevice>(
  { images: count, batch }: EpochWorkload,
  { folder, numbers }: Data,
  { step, read }: EpochSteps<T>,
): Prepared {
  const { inputs, hidden } = network;
  const [x, y] = [bytesOf(folder, "epoch-images.u8"), bytesOf(folder, "epoch-labels.u8")];
  const weights = (size: number): Float32Array => numbers.slice(0, size).map((value) => value / 10);
  const take = step(weights(inputs * hidden), weights(hidden * classes));
  return {
    async run() {
      let loss: T | undefined;
      for (const { image, label } of epochBatches(x, y, count, batch)) {
        loss?.dispose();
        loss = take(image.slice(), label.slice()); // both arrays are used again
      }
      if (loss !== undefined) await read(loss);
    },
    check: async () => [], // each system draws an order of its own
  };
}
