/**
 * What is looked at between two steps: answers on test images, which of them are wrong, and the weights of the first layer.
 */
import { type ImageSet, Pixels, type Trainer } from "tensorloom";
import type { Message, Mistake } from "./protocol.ts";

type Net = Trainer<"accuracy">;
type Tested = Extract<Message, { readonly kind: "tested" }>;
type Weights = Extract<Message, { readonly kind: "weights" }>;

/** Images that are looked at while an epoch is under way: always the first ones, so that the curve is of one thing. */
export const someImages = 1_000;
/** Shown at most. */
const mostMistakes = 24;
const mostUnits = 36;
const pixels = 28 * 28;

/** Loss, accuracy and the worst mistakes on the first `count` test images. */
export async function test(net: Net, { test }: ImageSet, count: number, step: number): Promise<Tested> {
  const images = Math.min(count, test.count);
  const answers = await net.predict({ x: imagesOf(test.images, 0, images) });
  const wrong: { readonly at: number; readonly taken: number; readonly probability: number }[] = [];
  let loss = 0;
  for (let at = 0; at < images; at++) {
    const row = answers.subarray(10 * at, 10 * at + 10);
    const label = test.labels[at] ?? 0;
    loss -= Math.log(Math.max(row[label] ?? 0, 1e-30));
    const taken = largest(row);
    if (taken !== label) wrong.push({ at, taken, probability: row[taken] ?? 0 });
  }
  wrong.sort((a, b) => b.probability - a.probability || a.at - b.at);
  const mistakes = wrong.slice(0, mostMistakes).map(({ at, taken, probability }): Mistake => {
    return { pixels: Uint8Array.from(imagesOf(test.images, at, 1)), label: test.labels[at] ?? 0, taken, probability };
  });
  const isWhole = images === test.count;
  const accuracy = 1 - wrong.length / images;
  return { kind: "tested", step, loss: loss / images, accuracy, images, isWhole, mistakes, wrong: wrong.length };
}

/** Ten probabilities for one image. */
export async function predictOne(net: Net, image: Uint8Array): Promise<readonly number[]> {
  return [...(await net.predict({ x: new Pixels(image) }))];
}

/** The first layer's weights, unit by unit: 28 x 28 of a dense layer, 3 x 3 of a convolution. */
export async function firstWeights(net: Net): Promise<Weights> {
  const { state } = net.executable;
  const name = state.names.find((found) => found.startsWith("model.") && found.endsWith(".kernel")) ?? "";
  const values = await state.read(name);
  const { length: of } = await state.read(name.replace(/kernel$/, "bias"));
  const units = Math.min(mostUnits, of);
  const size = values.length / of; // the layout is [inputs, units], [rows, columns, 1, units]
  const shown = new Float32Array(units * size);
  for (let unit = 0; unit < units; unit++)
    for (let i = 0; i < size; i++) shown[unit * size + i] = Number(values[i * of + unit] ?? 0);
  return { kind: "weights", units, of, side: Math.sqrt(size), values: shown };
}

/** One of the test images, another one each time. */
export function sampleOf({ test }: ImageSet, at: number): Extract<Message, { readonly kind: "sample" }> {
  const index = (at * 7919) % test.count;
  return { kind: "sample", pixels: Uint8Array.from(imagesOf(test.images, index, 1)), label: test.labels[index] ?? 0 };
}

function imagesOf({ buffer, byteOffset }: Pixels, from: number, count: number): Pixels {
  return new Pixels(buffer, byteOffset + from * pixels, count * pixels);
}

function largest(row: Float32Array): number {
  let found = 0;
  for (let digit = 1; digit < row.length; digit++) if ((row[digit] ?? 0) > (row[found] ?? 0)) found = digit;
  return found;
}
