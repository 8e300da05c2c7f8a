/** What JavaScript does at most: multiply-adds of numbers in registers, and copying an array that caches do not hold. */
import type { Ceiling } from "../machine.ts";
import { bestRate } from "../profile/best-rate.ts";

const roundsEach = 10_000;
const sums = 8;
const copiedBytes = 2 ** 25;

export async function jsCeiling(): Promise<Ceiling> {
  const kept = new Float64Array(sums);
  const flops = await bestRate((rounds) => timed(() => multiplyAdd(rounds * roundsEach, kept)), 2 * sums * roundsEach, 1e5); // biome-ignore format: short
  const [from, to] = [new Uint8Array(copiedBytes).fill(1), new Uint8Array(copiedBytes)];
  const bytes = await bestRate(() => timed(() => to.set(from)), 2 * copiedBytes, 1);
  return { flops, bytes };
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

/** Independent chains, as many as registers hold. */
function multiplyAdd(rounds: number, kept: Float64Array): void {
  let [a, b, c, d, e, f, g, h] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
  for (let i = 0; i < rounds; i++) {
    a = a * 0.5 + 0.25;
    b = b * 0.5 + 0.25;
    c = c * 0.5 + 0.25;
    d = d * 0.5 + 0.25;
    e = e * 0.5 + 0.25;
    f = f * 0.5 + 0.25;
    g = g * 0.5 + 0.25;
    h = h * 0.5 + 0.25;
  }
  kept.set([a, b, c, d, e, f, g, h]);
}
