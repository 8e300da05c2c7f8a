/**
 * Contractions whose left factor lies across: where lines would be gone from a cache before they are used up, rows are packed, and the
 * numbers are those of js, whatever the threads and the width of vectors.
 */
import { expect, test } from "vitest";
import { compile, f32, matmul, program, transpose } from "../../../src/node.ts";

const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.fround(Math.sin(seed * i + 0.001 * i * i)));

async function product(depth: number, rows: number, columns: number, options: Parameters<typeof compile>[1]) {
  const made = program({
    inputs: { x: f32(depth, rows), g: f32(depth, columns) },
    step: ({ x, g }) => ({ outputs: { y: matmul(transpose(x), g) } }),
  });
  const executable = await compile(made, options);
  executable.step({ x: noise(depth * rows, 7), g: noise(depth * columns, 3) });
  const y = await executable.read("y");
  const schedule = executable.report.entries[0]?.kernels.map((kernel) => kernel.schedule).join() ?? "";
  executable.dispose();
  return { y: y as Float32Array, schedule };
}

test.each([
  ["rows of 32 KB", 32, 8192, 24, /split i_i 256; stage left of acc at i_i_o into panel/],
  [
    "rows of 36 KB, and fewer columns than fill vectors",
    32,
    9216,
    20,
    /split i_i 16; split i_i_i 4; stage left of acc at i_i_o into panel along lines/,
  ],
  ["rows of 36,992 bytes, which share no set", 32, 9248, 24, null],
  ["rows that stay in the cache, in one set", 32, 4096, 24, /along lines/],
  ["fewer depths than a set has room for, four times", 31, 4096, 24, null],
  [
    "columns for threads to share, rows of a page",
    33,
    1024,
    500,
    /bind j_o thread; .* split i 16; split i_i 4; stage left of acc at i_o into panel along lines/,
  ],
  ["rows that stay in a second-level cache", 260, 1004, 512, null],
  [
    "and that do not, with some left over",
    264,
    1004,
    512,
    /split i 16 peel\(.*\); split i_i 4; stage left of acc at i_o into panel along lines/,
  ],
  ["a pass of too few columns", 264, 1004, 256, null],
  ["sums of more than 1,024 terms", 1103, 1024, 72, /along lines.* serial 1024/],
] as const)("%s", async (_, depth, rows, columns, packed) => {
  const js = await product(depth, rows, columns, { target: "js" });
  const one = await product(depth, rows, columns, { target: "wasm", threads: 1, vectors: 128 });
  const two = await product(depth, rows, columns, { target: "wasm", threads: 2, vectors: 128 });
  expect(/stage left/.test(one.schedule)).toBe(packed !== null);
  if (packed !== null) expect(one.schedule).toMatch(packed);
  const wide = await product(depth, rows, columns, { target: "wasm", threads: 1 });
  expect(wide.y.every((value, i) => Object.is(value, one.y[i]))).toBe(true);
  expect(two.y.every((value, i) => Object.is(value, one.y[i]))).toBe(true);
  const most = js.y.reduce((found, value, i) => Math.max(found, Math.abs(value - (one.y[i] ?? Number.NaN))), 0);
  expect(most).toBeLessThan(1e-5 * depth);
});
