/**
 * Saves one checkpoint after the other until it is killed: generation g is full of g. Says "start g" and "done g" around
 * each save, with writes that are out before the call returns.
 *
 *     node atomic-save-child.mjs PATH FIRST_GENERATION NUMBERS
 */
import { writeSync } from "node:fs";
import type { CheckpointContents } from "../src/io/checkpoint.ts";
import { saveCheckpoint } from "../src/io/files.ts";

/** A checkpoint of `numbers` numbers, all of them the generation. */
export function generation(g: number, numbers: number): CheckpointContents {
  return {
    fingerprint: { optimizer: "sgd", states: new Map([["w", { dtype: "f32", shape: [numbers] }]]) },
    state: new Map([["w", new Float32Array(numbers).fill(g)]]),
    seed: g,
  };
}

async function saveForEver(path: string, first: number, numbers: number): Promise<never> {
  for (let g = first; ; g++) {
    const contents = generation(g, numbers);
    writeSync(1, `start ${g}\n`);
    await saveCheckpoint(path, contents);
    writeSync(1, `done ${g}\n`);
  }
}

const [path, first, numbers] = process.argv.slice(2);
if (process.env.TENSORLOOM_SAVE_CHILD === "1" && path !== undefined)
  await saveForEver(path, Number(first), Number(numbers));
