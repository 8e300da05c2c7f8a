/**
 * Large products go by in tiles, and in parts of the depth: at the edges of each the numbers are those of float64, and no bit depends
 * on threads, on the width of vectors, or on tiles at all: a sum of a few rows alone, which need none, is the same.
 */
import { expect, test } from "vitest";
import { add, compile, f32, matmul, program, relu, type Tensor, transpose } from "../../../src/node.ts";

const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.fround(Math.sin(seed * i + 0.001 * i * i)));

interface Case {
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly turned?: "left" | "right";
  /** The other product is computed: relu of it. */
  readonly computed?: boolean;
}

/** An element of the left and the right factor as they lie. */
const leftAt = ({ rows, depth, turned }: Case, i: number, k: number): number =>
  turned === "left" ? k * rows + i : i * depth + k;
const rightAt = ({ depth, columns, turned }: Case, k: number, j: number): number =>
  turned === "right" ? j * depth + k : k * columns + j;

/** The step's inputs. */
interface Given {
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly b: Float32Array;
}

async function productOf(own: Case, given: Given, options: NonNullable<Parameters<typeof compile>[1]>) {
  const { rows, depth, columns, turned, computed = false } = own;
  const shapeOf = (isTurned: boolean, a: number, b: number) => (isTurned ? f32(b, a) : f32(a, b));
  const made = program({
    inputs: {
      x: shapeOf(turned === "left", rows, depth),
      w: shapeOf(turned === "right", depth, columns),
      b: f32(columns),
    },
    step: ({ x, w, b }) => {
      const factor: Tensor = computed ? relu(x) : x;
      const product = matmul(turned === "left" ? transpose(factor) : factor, turned === "right" ? transpose(w) : w);
      return { outputs: { y: relu(add(product, b)) } };
    },
  });
  const executable = await compile(made, { target: "wasm", ...options });
  executable.step({ ...given });
  const y = await executable.read("y");
  const schedule = executable.report.entries[0]?.kernels.map((kernel) => kernel.schedule).join() ?? "";
  executable.dispose();
  return { y: y as Float32Array, schedule };
}

test.each([
  ["rows, columns and terms left over", { rows: 259, depth: 1031, columns: 133 }, /split i 256 peel.*acc_rest/],
  ["one of each left over", { rows: 257, depth: 1025, columns: 129 }, /split i 256 peel.*acc_rest/],
  ["whole tiles and parts", { rows: 1056, depth: 1030, columns: 1024 }, /accumulate acc 515 over (?!.*acc_rest)/],
  ["a left factor that lies across", { rows: 260, depth: 1103, columns: 140, turned: "left" }, /stage left/],
  ["a right factor that lies across", { rows: 260, depth: 1103, columns: 140, turned: "right" }, /along depth/],
  [
    "a left factor that is computed",
    { rows: 260, depth: 1103, columns: 140, computed: true },
    /accumulate acc(_part)? 1024/,
  ],
  ["sums of one part", { rows: 2101, depth: 1000, columns: 131 }, /split i 2(32|34|36) .*stage right of acc at j/],
] as const satisfies readonly (readonly [string, Case, RegExp])[])("%s", async (_, own, expected) => {
  const { rows, depth, columns, turned, computed = false }: Case = own;
  const x = noise(rows * depth, 7);
  const [w, b] = [noise(depth * columns, 3), noise(columns, 5)];
  const { y, schedule } = await productOf(own, { x, w, b }, { threads: 1, vectors: 128 });
  expect(schedule).toMatch(expected);

  for (let n = 0; n < 400; n += 1) {
    const [i, j] = n < 200 ? [rows - 1 - (n % 7), columns - 1 - (n % 31)] : [(n * 97) % rows, (n * 41) % columns];
    let sum = b[j] ?? 0;
    for (let k = 0; k < depth; k += 1) {
      const left = x[leftAt(own, i, k)] ?? 0;
      sum += (computed ? Math.max(left, 0) : left) * (w[rightAt(own, k, j)] ?? 0);
    }
    expect(Math.abs((y[i * columns + j] ?? Number.NaN) - Math.max(sum, 0)), `y[${i}, ${j}]`).toBeLessThan(1e-3);
  }

  for (const options of [{ threads: 2 }, { threads: 3, vectors: 128 }, { threads: 8, vectors: 128 }] as const) {
    const other = await productOf(own, { x, w, b }, options);
    expect(
      other.y.every((value, n) => Object.is(value, y[n])),
      `threads: ${options.threads}`,
    ).toBe(true);
  }
  const few = { ...own, rows: 20 };
  const first = Float32Array.from({ length: few.rows * depth }, (_, n) => {
    const [i, k] = turned === "left" ? [n % few.rows, Math.floor(n / few.rows)] : [Math.floor(n / depth), n % depth];
    return x[leftAt(own, i, k)] ?? 0;
  });
  const alone = await productOf(few, { x: first, w, b }, { threads: 1, vectors: 128 });
  expect(alone.schedule).not.toContain("accumulate");
  // Columns that fill no vector are lanes there, and scalars here.
  const whole = columns - (columns % 4);
  expect(alone.y.every((value, n) => n % columns >= whole || Object.is(value, y[n]))).toBe(true);
});
