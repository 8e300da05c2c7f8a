/** How many steps of a GPU go together: by the clock of those before. */
import { expect, test } from "vitest";
import { ChunkSize } from "../../src/runtime/webgpu/chunk.ts";

/** The sizes of chunks that are each measured before the next, where a step takes so long. */
function sizes(count: number, msOf: (chunk: number) => number): readonly number[] {
  const size = new ChunkSize();
  let now = 1000;
  return Array.from({ length: count }, (_, chunk) => {
    const { steps } = size;
    const submitted = now;
    now += steps * msOf(chunk);
    size.measured(steps, submitted, now);
    return steps;
  });
}

test("begins with one, grows to 64, and takes as many as last 50 ms", () => {
  expect(sizes(5, () => 0.05)).toEqual([1, 8, 64, 64, 64]);
  expect(sizes(5, () => 5)).toEqual([1, 8, 10, 10, 10]);
  expect(sizes(4, () => 30)).toEqual([1, 1, 1, 1]);
  expect(sizes(3, () => 1000)).toEqual([1, 1, 1]);
});

test("follows steps that become slower or faster, but not a chunk in which the process was asleep", () => {
  expect(sizes(7, (chunk) => (chunk < 3 ? 0.1 : 10))).toEqual([1, 8, 64, 64, 64, 5, 5]);
  expect(sizes(5, (chunk) => (chunk < 2 ? 60 : 1))).toEqual([1, 1, 1, 8, 50]);
  expect(sizes(6, (chunk) => (chunk === 3 ? 500 : 0.1))).toEqual([1, 8, 64, 64, 64, 64]);
});

test("a chunk waits for the one before: its time counts from when that was done; few steps at the end make it no smaller", () => {
  const size = new ChunkSize();
  size.measured(1, 0, 1);
  size.measured(8, 0, 9);
  expect(size.steps).toBe(50);
  size.measured(2, 10, 12);
  expect(size.steps).toBe(50);
});

test("a chunk whose first feed was refused tells nothing, also where the clock has not moved", () => {
  const size = new ChunkSize();
  size.measured(1, 0, 1);
  for (let i = 0; i < 2; i++) size.measured(0, 1, 1);
  expect(size.steps).toBe(8);
  size.measured(8, 1, 9);
  size.measured(0, 9, 20);
  expect(size.steps).toBe(50);
});
