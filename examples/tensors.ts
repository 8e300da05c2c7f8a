/**
 * Tensors, from a number to a timed matrix product: ranks, slices, broadcasting, products, shapes, types.
 *
 *   npx tsx src/tools/cli/main.ts run examples/tensors.ts
 *   npx tsx src/tools/cli/main.ts run examples/tensors.ts -- --large            matrices of 5000 too: minutes
 */
import {
  add, bf16, cast, compile, type DType, dot, evaluate, f16, f32, f64, type InputSpec, i32, matmul, maximum, mul, program, reshape,
  slice, type Tensor, transpose, UserError, u8,
} from "tensorloom"; // biome-ignore format: names
import { nodeTarget, parseFlags } from "tensorloom/node";

function show(name: string, text: string): void {
  console.log(`${name}  ${text}`);
}

const shapeOf = ({ shape }: Pick<Tensor, "shape">): string => `[${shape.join(", ")}]`;
const list = (values: number | ArrayLike<number>): string => `[${Array.from(values as ArrayLike<number>).join(", ")}]`;

/** A1: rank, shape and type. */
function ranks(): void {
  const named = { scalar: f32(), vector: f32(4), matrix: f32(3, 5), "rank 3": f32(3, 3, 5) };
  const told = Object.entries(named).map(
    ([name, { shape, dtype }]) => `${name}: rank ${shape.length}, ${shapeOf({ shape })}, ${dtype}`,
  );
  show("A1", told.join("; "));
}

/** Shapes of what a function makes of inputs: nothing is computed. */
function shapesOf(
  inputs: Readonly<Record<string, InputSpec>>,
  made: (x: Readonly<Record<string, Tensor>>) => readonly Tensor[],
): string {
  let shapes: readonly string[] = [];
  program({
    inputs,
    step(tensors) {
      const found = made(tensors as Readonly<Record<string, Tensor>>);
      shapes = found.map(shapeOf);
      return { outputs: { ...found } };
    },
  });
  return shapes.join(", ");
}

/** A2: slices of sixty thousand images. */
function slices(): void {
  const n = 3;
  const found = shapesOf({ x: u8(60000, 28, 28) }, ({ x }) => {
    if (x === undefined) return [];
    const corner = slice(x, null, [14, 28], [14, 28]);
    return [slice(x, [10, 100]), corner, slice(x, [128 * n, 128 * (n + 1)])];
  });
  show("A2", `x[10:100], x[:, 14:, 14:] and batch ${n} of [60000, 28, 28]: ${found}`);
}

const positivePart = program({
  inputs: { x: f32(20, 100), y: f32(20, 100) },
  step: ({ x, y }) => ({ outputs: { z: maximum(add(x, y), 0) } }),
});
export default positivePart;

/** A3: a thousand times max(x + y, 0), in one kernel. */
async function fused(): Promise<void> {
  const z = await compile(positivePart, { target: "js" });
  const feeds = { x: new Float32Array(2000).fill(1), y: new Float32Array(2000).fill(-2) };
  const started = performance.now();
  for (let i = 0; i < 1000; i++) z.step(feeds);
  await z.read("z");
  const seconds = (performance.now() - started) / 1000;
  show(
    "A3",
    `max(x + y, 0) of [20, 100], 1,000 times: ${seconds.toFixed(3)} s, kernels: ${z.report.entries[0]?.launches}`,
  );
  z.dispose();
}

/** A4: smaller shapes are repeated. */
function broadcasting(): void {
  const found = shapesOf({ a: f32(32, 10), b: f32(10), c: f32(64, 3, 32, 10) }, ({ a, b, c }) =>
    a === undefined || b === undefined || c === undefined ? [] : [add(a, b), maximum(c, a), mul(a, 2)],
  );
  show("A4", `(32, 10) + (10,), max((64, 3, 32, 10), (32, 10)), (32, 10) * 2: ${found}`);
}

/** A5: products. */
async function products(): Promise<void> {
  const found = await evaluate(
    ({ u, v, m, w, n }) => ({ vv: dot(u, v), mv: dot(m, w), mm: dot(m, n) }),
    { u: [1, 2, 3, 4, 5], v: [6, 7, 8, 9, 10], m: [[1, 2, 3], [4, 5, 6]], w: [6, 7, 8], n: [[6, 7], [8, 9], [10, 11]] }, // biome-ignore format: rows
  );
  show(
    "A5",
    `vector·vector ${list([Number(found.vv)])}, matrix·vector ${list(found.mv)}, matrix·matrix ${list(found.mm)}`,
  );
}

/** A6: the same elements in other shapes. */
function shapes(): void {
  const found = shapesOf({ a: f32(3, 2), x: u8(60000, 28, 28), t: f32(300, 20) }, ({ a, x, t }) =>
    a === undefined || x === undefined || t === undefined
      ? []
      : [reshape(a, [6, 1]), reshape(x, [60000, 784]), transpose(t)],
  );
  show("A6", `(3, 2), (60000, 28, 28), transposed (300, 20): ${found}`);
}

/** A7: the types, and bytes as numbers from 0 to 1. */
async function types(): Promise<void> {
  const inputs = { bytes: u8(3), halves: f16(3), brains: bf16(3), singles: f32(3), doubles: f64(3), whole: i32(3) };
  const scaled = await compile(
    program({ inputs, step: ({ bytes, halves, brains, singles, doubles, whole }) => ({
      outputs: {
        scaled: mul(cast(bytes, "f32"), 1 / 255),
        half: cast(halves, "f32"),
        brain: cast(brains, "f32"),
        third: mul(doubles, 1 / 3),
        single: mul(singles, 1 / 3),
        twice: add(whole, whole),
      } }) }),
    { target: "js" },
  ); // biome-ignore format: short
  const feeds = {
    bytes: Uint8Array.of(0, 51, 255),
    halves: Uint16Array.of(0x3c00, 0x3800, 0xc000),
    brains: Uint16Array.of(0x3f80, 0x3f00, 0xc000),
    singles: Float32Array.of(1, 2, 3),
    doubles: Float64Array.of(1, 2, 3),
    whole: Int32Array.of(1, 2, -3),
  };
  const { scaled: s, half, brain, third, single, twice } = await scaled.run({ entry: "step", feeds });
  const names = Object.values(inputs).map(({ dtype }): DType => dtype);
  show(
    "A7",
    `${names.join(", ")}: u8 / 255 ${list(s)}, f16 ${list(half)}, bf16 ${list(brain)}, f64 ${third[0]}, f32 ${single[0]}, i32 ${list(twice)}`,
  );
  scaled.dispose();
}

/** A8: milliseconds of square products, on the CPU and where there is one on the GPU. */
async function timed(sizes: readonly number[]): Promise<void> {
  const gpu = await nodeTarget("wgsl").catch((error: unknown) => {
    if (error instanceof UserError) return null;
    throw error;
  });
  const columns = [
    ["js", { target: "js" }],
    ["wasm", { target: "wasm" }],
    ...(gpu === null ? [] : [["wgsl", gpu] as const]),
  ] as const;
  show("A8", ["size".padStart(6), ...columns.map(([name]) => `${name} ms`.padStart(10))].join(" "));
  for (const size of sizes) {
    const cells: string[] = [];
    for (const [, target] of columns) cells.push((await productMs(size, target)).toFixed(1).padStart(10));
    show("A8", [String(size).padStart(6), ...cells].join(" "));
  }
}

async function productMs(size: number, target: Awaited<ReturnType<typeof nodeTarget>>): Promise<number> {
  const product = await compile(
    program({ inputs: { x: f32(size, size) }, step: ({ x }) => ({ outputs: { y: matmul(x, x) } }) }),
    target,
  );
  const feeds = { x: new Float32Array(size * size).fill(1) };
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    product.step(feeds);
    await product.read("y");
    times.push(performance.now() - started);
  }
  product.dispose();
  return Math.min(...times);
}

const flags = {
  large: { kind: "switch", about: "matrices of 1000 and 5000 too: this takes minutes on a CPU" },
} as const;

export async function main(args: readonly string[]): Promise<void> {
  const { large } = parseFlags({ name: "tensors", about: "Prints what tensors are and do.", flags }, args);
  ranks();
  slices();
  await fused();
  broadcasting();
  await products();
  shapes();
  await types();
  await timed(large ? [500, 1000, 5000] : [100, 200, 500]);
}
