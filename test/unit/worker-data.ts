/** What worker-child.ts has read in a worker: pixels, shuffled and batched; elements that are kept; and what fails in the middle. */
import { dataset, Pixels, rows } from "tensorloom";

const pixels = Pixels.from({ length: 40 }, (_, i) => i) as Pixels;
const kept = dataset({ x: rows(pixels, 2), y: Float64Array.from({ length: 20 }, (_, i) => i), name: Array.from({ length: 20 }, (_, i) => `n${i}`) }); // biome-ignore format: long

export default kept
  .shuffle(7, { seed: 3 })
  .batch(3)
  .cache()
  .map((batch, { epoch, index }) => {
    if (epoch === 9 && index === 2) throw new Error("the third batch is broken");
    return batch;
  });
