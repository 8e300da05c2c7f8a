/**
 * What convolutions and pools are beyond their numbers (keras-layers.test.ts has those): what memory their training takes, sizes
 * that have names, and what wrong calls are told.
 */
import { describe, expect, test } from "vitest";
import { type ShortFloat, shortFloats } from "../../src/core/dtype.ts";
import { add, avgPool, cast, compile, conv, convTranspose, depthwiseConv, f32, full, globalPool, glorotUniform, grad, maxPool, mean, mul, param, program, relu, reshape, type ShapeError, sub, sum, type Tensor, UserError, window, zeros } from "../../src/index.ts"; // biome-ignore format: names
import { shortTypes } from "../op-case.ts";

// ---- memory ----------------------------------------------------------------------------------------------------------

const batch = 64;

/** A step of training by its loss. */
function training(loss: (x: Tensor, w: Tensor, v: Tensor) => Tensor) {
  return program({
    inputs: { x: f32(batch, 28, 28, 4) },
    state: { w: param(glorotUniform(36, 16)), v: param(glorotUniform(144, 8)) },
    step({ x }, { w, v }) {
      const value = loss(x, reshape(w, [3, 3, 4, 16]), reshape(v, [3, 3, 16, 8]));
      const g = grad(value, { w, v });
      return { outputs: { value }, next: { w: sub(w, mul(g.w, 0.1)), v: sub(v, mul(g.v, 0.1)) } };
    },
  });
}

const square = (y: Tensor): Tensor => sum(mul(y, y)) as Tensor;

const nets: Readonly<Record<string, Parameters<typeof training>[0]>> = {
  "two convolutions and a pool": (x, w, v) => square(maxPool(relu(conv(relu(conv(x, w)), v)), { size: 2 })),
  "padding and strides": (x, w, v) =>
    square(conv(relu(conv(x, w, { padding: "same", stride: 2 })), v, { padding: "same" })),
  dilation: (x, w, v) => square(conv(relu(conv(x, w, { dilation: 2 })), v, { dilation: 3 })),
  "overlapping pools": (x, w, v) =>
    square(conv(avgPool(maxPool(conv(x, w), { size: 3, stride: 2 }), { size: 3, stride: 1, padding: "same" }), v)),
  "a transposed convolution": (x, w, v) =>
    square(convTranspose(conv(x, w, { stride: 2 }), reshape(v, [3, 3, 8, 16]), { stride: 2 })),
};

describe.each(["js", "wasm"] as const)("training on %s", (target) => {
  test.each(Object.entries(nets))("of %s holds no windows in memory", async (_name, loss) => {
    const executable = await compile(training(loss), { target });
    const { buffers, memory } = executable.report.entries[0] ?? { buffers: [], memory: undefined };
    executable.dispose();
    // the largest image is the input's of 4 channels or the first convolution's of 16; its windows would take 9 times as much
    const image = batch * 28 * 28 * 16 * 4;
    expect(buffers.length).toBeGreaterThan(4);
    for (const { name, bytes } of buffers) expect(bytes, name).toBeLessThanOrEqual(image);
    expect(memory?.peakBytes).toBeLessThanOrEqual(1.05 * (memory?.lowerBoundBytes ?? 0));
  });
});

test("a pooled convolution is one kernel, and its output is nowhere", async () => {
  const loss: Parameters<typeof training>[0] = (x, w) => square(maxPool(relu(conv(x, w)), { size: 2 }));
  const executable = await compile(training(loss), { target: "wasm" });
  const { buffers, kernels } = executable.report.entries[0] ?? { buffers: [], kernels: [] };
  executable.dispose();
  expect(kernels[0]?.name).toBe("k0_contract_maxwithindex_cast");
  const pooled = batch * 13 * 13 * 16 * 4;
  for (const { name, bytes, segment } of buffers) {
    if (segment === "arena") expect(bytes, name).toBeLessThanOrEqual(pooled);
  }
});

test.each(shortTypes)("in %s: as in f32 but for roundings, and no windows in memory either", async (short) => {
  const made = (dtype: ShortFloat | "f32") =>
    program({
      inputs: { x: f32(8, 20, 20, 4), w: f32(3, 3, 4, 8) },
      step({ x, w }) {
        const [images, filter] = [cast(x, dtype), cast(w, dtype)];
        const y = convTranspose(conv(images, filter, { stride: 2 }), filter, { stride: 2 });
        const loss = sum(cast(avgPool(y, { size: 3, stride: 2 }), "f32"));
        return { outputs: { y: cast(y, "f32"), dx: grad(loss, x), dw: grad(loss, w) } };
      },
    });
  // few digits, so that nothing is rounded but results
  const numbers = (count: number, by: number) => Array.from({ length: count }, (_, i) => (((i * by) % 17) - 8) / 16);
  const feeds = { x: numbers(12_800, 7), w: numbers(288, 5) };
  const [half, single] = await Promise.all(
    [short, "f32" as const].map(async (dtype) => {
      const executable = await compile(made(dtype), { target: "js" });
      const { buffers } = executable.report.entries[0] ?? { buffers: [] };
      const found = await executable.run({ entry: "step", feeds });
      executable.dispose();
      return { found, largest: Math.max(...buffers.map(({ bytes }) => bytes)) };
    }),
  );
  if (half === undefined || single === undefined) throw new Error("no results");
  expect(half.largest).toBeLessThanOrEqual(8 * 20 * 20 * 4 * 4); // the input; all windows would take twice as much
  for (const name of ["y", "dx"] as const) {
    const largest = Math.max(...single.found[name].map(Math.abs));
    const errors = single.found[name].map((value, i) => Math.abs(value - (half.found[name][i] ?? Number.NaN)));
    expect(Math.max(...errors) / largest, name).toBeLessThan(2 ** (1 - shortFloats[short].fraction));
  }
});

// ---- names -----------------------------------------------------------------------------------------------------------

test("sizes that have names: any batch, and any length where windows move by one", async () => {
  const net = program({
    inputs: { x: f32("batch", "time", 3) },
    state: { w: param(glorotUniform(9, 4)), b: param(zeros(4)) },
    step({ x }, { w, b }) {
      const filter = reshape(w, [3, 3, 4]);
      const h = relu(add(conv(x, filter, { padding: "causal", dilation: 2 }), b));
      const y = globalPool(maxPool(h, { size: 2, stride: 1 }), "average");
      const smooth = avgPool(h, { size: 3, stride: 1, padding: "same" });
      return { outputs: { y, smooth, dw: grad(add(mean(mul(y, y)), mean(smooth)), w) } };
    },
  });
  const x = Array.from({ length: 2 * 7 * 3 }, (_, i) => Math.sin(i));
  const executable = await compile(net, { target: "js", dims: { batch: 2, time: 7 } });
  const found = await executable.run({ entry: "step", feeds: { x } });
  expect([found.y, found.smooth, found.dw].map((array) => array.length)).toEqual([8, 56, 36]);
  const w = await executable.state.read("w");
  executable.dispose();
  // by hand: the smoothed first place is the mean of the first two, as the border counts as nothing
  const at = (time: number, feature: number): number => {
    let total = 0;
    for (let k = 0; k < 3; k++) {
      const place = time - 2 * (2 - k);
      for (let c = 0; c < 3 && place >= 0; c++) total += (x[place * 3 + c] ?? 0) * Number(w[(k * 3 + c) * 4 + feature]);
    }
    return Math.max(0, total);
  };
  for (let f = 0; f < 4; f++) expect(found.smooth[f]).toBeCloseTo((at(0, f) + at(1, f)) / 2, 5);
});

// ---- mistakes --------------------------------------------------------------------------------------------------------

type Wrong = (x: Tensor, w: Tensor, n: Tensor) => unknown;

const of = (...shape: number[]): Tensor => full(shape, 1);

const wrong: readonly (readonly [message: string, call: Wrong])[] = [
  ["conv(f32[2,8,3], f32[3,2,4]): x has 3 channels, and the filter takes 2", (x) => conv(x, of(3, 2, 4))],
  ["conv(f32[2,8,3], f32[3,1,4]): x has 3 channels, and the filter takes 1 in each of 2 groups", (x) => conv(x, of(3, 1, 4), { groups: 2 })],
  ["conv(f32[2,8,3], f32[3,1,4]): 4 features are no multiple of 3 groups", (x) => conv(x, of(3, 1, 4), { groups: 3 })],
  ["conv(f32[2,8,3], f32[3,3,3,4]): x has rank 3 and the filter 4: they must be equal", (x) => conv(x, of(3, 3, 3, 4))],
  ["conv(f32[6,8]): x has rank 2, wanted [batch, sizes, channels]", (x, w) => conv(reshape(x, [6, 8]), w)],
  ["conv: a window over 9 elements does not fit an axis of 8", (x) => conv(x, of(9, 3, 4))],
  ["conv: a window over 13 elements does not fit an axis of 8 with 1 + 2 beside it", (x) => conv(x, of(5, 3, 4), { dilation: 3, padding: [[1, 2]] })],
  ["conv: stride has 2 entries, wanted one", (x, w) => conv(x, w, { stride: [1, 2] })],
  ["conv: padding has 2 entries, wanted one", (x, w) => conv(x, w, { padding: [[1, 2], [0, 0]] })],
  ["conv: padding must not be negative, and is -1 behind axis 1 of the 2", (x) => conv(reshape(x, [2, 4, 2, 3]), of(2, 2, 3, 1), { padding: [[1, 0], [0, -1]] })],
  ["maxPool: padding must not be negative, and is -2 before the axis", (x) => maxPool(x, { size: 2, padding: [[-2, 0]] })],
  ["window: padding must not be negative, and is -2 before the axis", (x) => window(x, { axes: [0], size: 2, padding: [[-2, 0]] })],
  ["convTranspose: padding must not be negative, and is -1 before the axis", (x) => convTranspose(x, of(3, 4, 3), { padding: [[-1, 0]] })],
  ["conv: padding must be one of \"valid\", \"same\", \"causal\" or a list, each of it [before, after], in whole numbers from 0, not [[1.5, 0]]", (x, w) => conv(x, w, { padding: [[1.5, 0]] })],
  ['conv: "causal" is for one axis, not 2: pad each by hand', (x) => conv(reshape(x, [2, 4, 2, 3]), of(2, 2, 3, 1), { padding: "causal" })],
  ["conv: stride must be a whole number from 1 or a list, each of it a whole number from 1, not 0", (x, w) => conv(x, w, { stride: 0 })],
  ["convTranspose: outputPadding must be below the stride, 2, not 2", (x) => convTranspose(x, of(3, 4, 3), { stride: 2, outputPadding: 2 })],
  ["convTranspose: padding of 9 + 9 cuts off more than there is", (x) => convTranspose(x, of(3, 4, 3), { padding: [[9, 9]] })],
  ["depthwiseConv(f32[2,8,3], f32[3,2,4]): x has 3 channels, and the filter takes 2", (x) => depthwiseConv(x, of(3, 2, 4))],
  ["maxPool: padding of 2 + 0 leaves windows of 2 with no element", (x) => maxPool(x, { size: 2, padding: [[2, 0]] })],
  ["maxPool: which size? maxPool(x, { size: 2 })", (x) => maxPool(x, {} as never)],
  ["window(f32[2,8,3]): there is no axis 3", (x) => window(x, { axes: [3], size: 2 })],
  ["window(f32[2,8,3]): axis 1 is given twice", (x) => window(x, { axes: [1, -2], size: 2 })],
  ["window: a strided window needs an axis of known size, not \"n\"", (_x, _w, n) => window(n, { axes: [0], size: 2, stride: 2 })],
]; // biome-ignore format: a table

test.each(wrong)("%s", (message, call) => {
  let error: unknown;
  program({
    inputs: { x: f32(2, 8, 3), w: f32(3, 3, 4), n: f32("n") },
    step({ x, w, n }) {
      try {
        call(x, w, n);
      } catch (thrown) {
        error = thrown;
      }
      return { outputs: {} };
    },
  });
  expect(error).toBeInstanceOf(UserError);
  expect((error as ShapeError).message.split("\n")[0]).toBe(message);
  expect((error as ShapeError).message).toMatch(/\n {4}at .*conv\.test\.ts:\d+:\d+$/);
});
