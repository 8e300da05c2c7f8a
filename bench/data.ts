/**
 * The numbers that all systems start from, as files that any language reads: raw little-endian f32 and i32, row-major.
 *
 *   images.f32 [4096, 784]   labels.i32 [4096]   w1.f32 [784, 512]   w2.f32 [512, 10]   numbers.f32 [8388608], in [-0.5, 0.5)
 *   epoch-images.u8 [count, 784]   epoch-labels.u8 [count]     the training images of the main job
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { syntheticDigits } from "../src/data/digits.ts";
import { loadMnist } from "../src/data/mnist.ts";
import { glorotUniform } from "../src/dsl/initializers.ts";
import { network, numbersSize, poolSize } from "./workloads.ts";

const seed = 1;

/** Writes the files into a folder; those that are there are kept, as they are the same in every run. */
export function writeData(folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (existsSync(join(folder, "numbers.f32"))) return;
  const { inputs, hidden, classes } = network;
  const { train } = syntheticDigits({ seed, train: poolSize, test: 1 });
  const write = (name: string, values: Float32Array | Int32Array): void => writeFileSync(join(folder, name), values);
  write(
    "images.f32",
    Float32Array.from(train.images, (byte) => byte / 255),
  );
  write("labels.i32", Int32Array.from(train.labels));
  for (const [name, rows, columns] of [
    ["w1", inputs, hidden],
    ["w2", hidden, classes],
  ] as const) {
    const weights = new Float32Array(rows * columns);
    glorotUniform(rows, columns).fill(weights, seed, name);
    write(`${name}.f32`, weights);
  }
  let noise = seed;
  const numbers = new Float32Array(numbersSize);
  for (let i = 0; i < numbersSize; i++) {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    numbers[i] = noise / 2 ** 32 - 0.5;
  }
  write("numbers.f32", numbers); // the last: with it, all are there
}

/** Writes the images of the main job: those of a folder, or drawn. Says where they are from. */
export async function writeEpoch(folder: string, mnist: string | undefined): Promise<string> {
  const { train, name, origin } =
    mnist === undefined ? syntheticDigits({ seed, test: 1 }) : await loadMnist({ data: mnist });
  writeFileSync(join(folder, "epoch-images.u8"), train.images);
  writeFileSync(join(folder, "epoch-labels.u8"), train.labels);
  return `${train.count} images, ${name} (${origin})`;
}

export function readF32(folder: string, name: string): Float32Array {
  return new Float32Array(bytesOf(folder, name).buffer);
}

export function readI32(folder: string, name: string): Int32Array {
  return new Int32Array(bytesOf(folder, name).buffer);
}

/** Bytes in a buffer of their own: a typed array over them starts at 0. */
export function bytesOf(folder: string, name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(folder, name)));
}

/** The batch of a step: the pool in order, from the start again where it ends. */
export function batchAt(
  step: number,
  batch: number,
  images: Float32Array,
  labels: Int32Array,
): { readonly image: Float32Array; readonly label: Int32Array } {
  const first = (step * batch) % poolSize;
  return {
    image: images.subarray(first * network.inputs, (first + batch) * network.inputs),
    label: labels.subarray(first, first + batch),
  };
}
