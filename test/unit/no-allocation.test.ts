/**
 * A step allocates nothing: the MNIST step in a process of its own, many times in a row after it is warm, with no garbage
 * collection and no growth of the heap. What is left is what the test itself and the engine's own bookkeeping need.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { builtFiles, builtFolder } from "../built.ts";
import type { HeapChange } from "../no-allocation-child.ts";

const child = join(process.env[builtFolder] ?? "", `${builtFiles["test/no-allocation-child.ts"]}.js`);

async function measure(...sizes: readonly number[]): Promise<HeapChange> {
  const argumentsOfNode = ["--expose-gc", "--single-threaded", child, ...sizes.map(String)];
  const { stdout } = await promisify(execFile)(process.execPath, argumentsOfNode);
  return JSON.parse(stdout) as HeapChange;
}

describe("steps without allocation", () => {
  for (const [batch, hidden, steps, bytes] of [
    [4, 64, 500, 30_000], // what a step takes once shows in many, of a net of any size
    [128, 512, 20, 5_000], // what a number boxed in a loop over samples or weights would take shows in few
  ] as const) {
    it(`${steps} steps of batch ${batch}`, { timeout: 240_000 }, async () => {
      const change = await measure(batch, hidden, steps, bytes);
      expect(change.collections).toBe(0);
      expect(change.heapUsed).toBeLessThan(bytes);
      expect(change.external).toBe(0);
      expect(change.arrayBuffers).toBe(0);
      expect(change.loss).toBeGreaterThan(0);
    });
  }
});
