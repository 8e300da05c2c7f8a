/**
 * The numbers of the GPU benchmark: every system has the same. bench/python/gpu_rows.py is the same in Python.
 *
 *   operands   the drawn numbers of data.ts plus a half, so in [0, 1), one operand behind the other, from the start again where they end
 *   weights    of a layer: 2 limit (number) with limit = sqrt(6 / (inputs + outputs)), layer after layer; biases are 0
 *   batches    images and labels of data.ts, flat, from the start again where a batch would pass the end
 */
import { batches, gatherRows } from "../../src/data/dataset.ts";
import { readF32, readI32 } from "../data.ts";
import { network, poolSize } from "../workloads.ts";
import { type ArrayWorkload, classes, operandsOf, type ProductWorkload, type StepsWorkload } from "./rows.ts";

/** Numbers as an operand's own array. */
export function operandOf(numbers: Float32Array, from: number, count: number): Float32Array {
  const made = new Float32Array(count);
  for (let at = 0; at < count; ) {
    const first = (from + at) % numbers.length;
    const part = numbers.subarray(first, Math.min(numbers.length, first + count - at));
    for (let i = 0; i < part.length; i++) made[at + i] = (part[i] ?? 0) + 0.5;
    at += part.length;
  }
  return made;
}

/** The operands of a row, made one after the other. */
export function* operandArrays(workload: ProductWorkload | ArrayWorkload, numbers: Float32Array) {
  let from = 0;
  for (const [name, shape] of Object.entries(operandsOf(workload))) {
    const count = shape.reduce((product, size) => product * size, 1);
    yield { name, shape, values: operandOf(numbers, from, count) };
    from += count;
  }
}

/** Steps whose losses are compared. */
export const checkedSteps = 3;

export interface StepNumbers {
  readonly w1: Float32Array;
  readonly w2: Float32Array;
  batch(step: number): { readonly image: Float32Array; readonly label: Int32Array };
}

export function stepNumbers(folder: string, { inputs, hidden, batch }: StepsWorkload): StepNumbers {
  const [numbers, images, labels] = [
    readF32(folder, "numbers.f32"),
    readF32(folder, "images.f32"),
    readI32(folder, "labels.i32"),
  ];
  const scaled = (from: number, rows: number, columns: number): Float32Array => {
    const limit = Math.sqrt(6 / (rows + columns));
    return numbers.slice(from, from + rows * columns).map((x) => 2 * limit * x);
  };
  const batches = Math.max(1, Math.floor(Math.min(poolSize, (poolSize * network.inputs) / inputs) / batch));
  return {
    w1: scaled(0, inputs, hidden),
    w2: scaled(inputs * hidden, hidden, classes),
    batch(step) {
      const first = (step % batches) * batch;
      return {
        image: images.subarray(first * inputs, (first + batch) * inputs),
        label: labels.subarray(first, first + batch),
      };
    },
  };
}

/** Where results are looked at: some elements, the first and the last among them. */
export function probe(values: ArrayLike<number>, count = 8): readonly number[] {
  const last = values.length - 1;
  const places = Array.from({ length: Math.min(count, values.length) }, (_, i) => Math.floor((i * last) / (count - 1)));
  return places.map((place) => values[place] ?? Number.NaN);
}

/** The batches of an epoch in an order of its own, one behind the other in the same two arrays; the last may lack some images. */
export function* epochBatches(images: Uint8Array, labels: Uint8Array, count: number, batch: number) {
  const image = new Float32Array(batch * network.inputs);
  const label = new Int32Array(batch);
  for (const { indices, from, to } of batches({ count, batch, dropLast: true })) {
    gatherRows(images, network.inputs, indices, from, to, image, 1 / 255);
    gatherRows(labels, 1, indices, from, to, label);
    yield { image, label };
  }
}
