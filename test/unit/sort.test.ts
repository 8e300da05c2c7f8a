/**
 * sort, argsort, topK, maxWithIndex: values, indexes, gradients and second gradients on every target that needs no adapter, held to
 * sorts written here; and what a user may get wrong. Ties, NaN and empty axes are rows of semantics-rows.ts, and test/gpu has the
 * cases of op-cases.ts.
 */
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { RandomStream } from "../../src/core/random.ts";
import { argsort, cast, compile, f32, grad, maxWithIndex, minWithIndex, mul, program, reshape, sort, sum, type Tensor, topK } from "../../src/index.ts"; // biome-ignore format: names

type Target = "js" | "wasm";
type Outputs = Readonly<Record<string, Iterable<number> & ArrayLike<number>>>;

/** Numbers with ties: multiples of 1/8. */
function numbers(count: number): number[] {
  const stream = new RandomStream(5, "sort");
  return Array.from({ length: count }, () => Math.floor(stream.uniform(-40, 40)) / 8);
}

async function run(
  target: Target,
  x: readonly number[],
  shape: readonly number[],
  make: (x: Tensor) => Record<string, Tensor>,
  options: { readonly skip?: readonly ("simplify" | "fuse" | "order" | "plan" | "schedule")[] } = {},
): Promise<Outputs> {
  const made = program({
    inputs: { x: f32(x.length) },
    step: (given: { readonly x: Tensor }) => ({ outputs: make(reshape(given.x, shape)) }),
  });
  const executable = await compile(made, { target, threads: 1, ...options });
  const outputs = (await executable.run({ entry: "step", feeds: { x } } as never)) as Outputs;
  executable.dispose();
  return outputs;
}

/** The indexes of a row in order. */
function ordered(row: readonly number[], descending: boolean): number[] {
  const at = (i: number): number => row[i] as number;
  return row.map((_, i) => i).sort((i, k) => (descending ? at(k) - at(i) : at(i) - at(k)) || i - k);
}

const targets = ["js", "wasm"] as const;

describe.each(targets)("on %s", (target) => {
  test.each([[1], [2], [3], [31], [64], [65], [200], [1000]])(
    "rows of %d: every element where it belongs",
    async (n) => {
      const x = numbers(3 * n);
      const found = await run(target, x, [3, n], (t) => ({
        up: sort(t),
        down: sort(t, { descending: true }),
        first: argsort(t),
        last: argsort(t, { descending: true }),
      }));
      for (let r = 0; r < 3; r++) {
        const row = x.slice(r * n, (r + 1) * n);
        for (const [values, places, descending] of [
          ["up", "first", false],
          ["down", "last", true],
        ] as const) {
          const order = ordered(row, descending);
          expect([...(found[places] as Int32Array).slice(r * n, (r + 1) * n)]).toEqual(order);
          const wanted = order.map((i) => row[i]);
          expect([...(found[values] as Float32Array).slice(r * n, (r + 1) * n)]).toEqual(wanted);
        }
      }
    },
  );

  test.each([
    [10, 3],
    [10, 10],
    [300, 1],
    [300, 7],
    [300, 90],
  ])("the best of %d: the first %d", async (n, k) => {
    const x = numbers(n);
    const found = await run(target, x, [n], (t) => {
      const [large, small] = [topK(t, k), topK(t, k, { largest: false })];
      return { a: large.values, i: large.indexes, b: small.values, j: small.indexes };
    });
    const [down, up] = [ordered(x, true).slice(0, k), ordered(x, false).slice(0, k)];
    expect([[...(found.i ?? [])], [...(found.j ?? [])]]).toEqual([down, up]);
    expect([[...(found.a ?? [])], [...(found.b ?? [])]]).toEqual([down.map((i) => x[i]), up.map((i) => x[i])]);
  });

  // Of k = 90 the gradient is looked up, of k = 7 each place compares itself with all.
  test.each([
    [40, 7],
    [120, 90],
    [120, 120],
  ])("gradients: each of %d elements gets that of its value, if it is among %d", async (n, k) => {
    const x = numbers(n).map((value, i) => value + i / 4096); // no ties
    const found = await run(target, x, [n], (t) => {
      const { values } = topK(t, k);
      const g = grad(sum(mul(mul(values, values), values)), t);
      return { g, h: grad(sum(mul(g, g)), t) };
    });
    const chosen = new Set(ordered(x, true).slice(0, k));
    const near = (of: ArrayLike<number> | undefined, wanted: (value: number) => number): void => {
      x.forEach((value, i) => {
        expect(of?.[i]).toBeCloseTo(chosen.has(i) ? wanted(Math.fround(value)) : 0, 2);
      });
    };
    near(found.g, (value) => 3 * value ** 2); // d x^3
    near(found.h, (value) => 36 * value ** 3); // d (3 x^2)^2
  });

  test("the best and its index, and their gradients", async () => {
    const found = await run(target, [1, 3, 3, 2, -4, -4], [2, 3], (t) => {
      const [most, least] = [maxWithIndex(t), minWithIndex(t, { axis: 0 })];
      const [g, h] = [grad(sum(mul(most.values, most.values)), t), grad(sum(least.values), t)];
      return { a: most.values, i: most.indexes, b: least.values, j: least.indexes, g, h };
    });
    expect(
      Object.fromEntries(Object.entries(found).map(([name, data]) => [name, [...(data as Float32Array)]])),
    ).toEqual({
      ...{ a: [3, 2], i: [1, 0], b: [1, -4, -4], j: [0, 1, 1] },
      ...{ g: [0, 6, 0, 4, 0, 0], h: [1, 0, 0, 0, 1, 1] },
    });
  });

  test("the best and its index are found in one pass: one kernel, one fold", async () => {
    const made = program({
      inputs: { x: f32(4, 50) },
      step: ({ x }: { readonly x: Tensor }) => ({ outputs: { ...maxWithIndex(x) } }),
    });
    const executable = await compile(made, { target, threads: 1 });
    expect(executable.report.entries[0]?.launches).toBe(1);
    expect(executable.report.entries[0]?.kernels[0]?.flops).toBe(200);
    executable.dispose();
  });

  test("the same where passes are left out", async () => {
    const x = numbers(50);
    const make = (t: Tensor): Record<string, Tensor> => {
      const { values, indexes } = topK(t, 5);
      return { values, indexes, g: grad(sum(mul(values, values)), t) };
    };
    const wanted = await run(target, x, [50], make);
    for (const pass of ["simplify", "fuse", "order", "plan", "schedule"] as const) {
      expect(await run(target, x, [50], make, { skip: [pass] }), pass).toEqual(wanted);
    }
  });

  const dtypes: readonly DType[] = [
    "f32",
    "f16",
    "bf16",
    "i32",
    "u32",
    "u8",
    ...(target === "js" ? (["f64"] as const) : []),
  ];
  test.each(dtypes)("of %s", async (dtype) => {
    const x = [7, 250, 3, 3, 0, 129, 200]; // bf16 holds them all
    const found = await run(target, x, [7], (t) => {
      const { values, indexes } = topK(cast(t, dtype), 4);
      return { values: cast(values, "f32"), indexes, up: cast(sort(cast(t, dtype)), "f32") };
    });
    expect([...(found.values ?? [])]).toEqual([250, 200, 129, 7]);
    expect([...(found.indexes ?? [])]).toEqual([1, 6, 5, 0]);
    expect([...(found.up ?? [])]).toEqual([0, 3, 3, 7, 129, 200, 250]);
  });
});

describe("what may be wrong", () => {
  const wrong = (make: (x: Tensor<[2, 3]>) => unknown) => () =>
    program({ inputs: { x: f32(2, 3) }, step: ({ x }) => ({ outputs: { y: make(x) as Tensor } }) });

  test("is told with the user's line", () => {
    expect(wrong((x) => topK(x, 4).values)).toThrow(
      /^topK\(f32\[2,3\]\): there are 3 elements along axis 1, fewer than the 4 to be taken\n +at .*sort\.test\.ts:\d+/,
    );
    expect(wrong((x) => topK(x as Tensor, -1).values)).toThrow(/^topK: k must be a whole number from 0, not -1/);
    expect(wrong((x) => sort(x as Tensor, { axis: 2 }))).toThrow(/^sort\(f32\[2,3\]\): there is no axis 2/);
    expect(wrong((x) => (argsort as (...given: readonly unknown[]) => unknown)(x, { ascending: true }))).toThrow(
      /argsort.*ascending/,
    );
    expect(wrong((x) => sort(cast(x as Tensor, "bool") as Tensor))).toThrow(
      /^sort\(bool\[2,3\]\): is not defined for bool: cast it first/,
    );
    expect(wrong((x) => maxWithIndex(cast(x, "bool")).values)).toThrow(/is not defined for bool: cast it first/);
    expect(wrong(() => topK([1, 2] as never, 1).values)).toThrow(/^topK: x must be a tensor/);
  });

  test("too large a k for a dimension with a name is told when it has a size", async () => {
    const made = program({
      inputs: { x: f32("n") },
      step: ({ x }: { readonly x: Tensor<["n"]> }) => ({ outputs: { y: topK(x, 3).values } }),
    });
    const fits = await compile(made, { target: "js", dims: { n: 5 } });
    expect([...(await fits.run({ entry: "step", feeds: { x: [1, 4, 2, 5, 3] } })).y]).toEqual([5, 4, 3]);
    fits.dispose();
    await expect(compile(made, { target: "js", dims: { n: 2 } })).rejects.toThrow(
      /^topK\(f32\[2\]\): there are 2 elements along axis 0, fewer than the 3 to be taken\n +at .*sort\.test\.ts/,
    );
  });
});

test("passes, and so kernels, grow with the logarithm of the axis; of few elements the later ones are small", async () => {
  const launches = async (n: number, k: number): Promise<readonly [number, number]> => {
    const made = program({
      inputs: { x: f32(n) },
      step: ({ x }: { readonly x: Tensor }) => ({ outputs: { y: topK(x, k).values } }),
    });
    const executable = await compile(made, { target: "js" });
    const entry = executable.report.entries[0];
    executable.dispose();
    return [entry?.launches ?? 0, entry?.memory.withoutReuseBytes ?? 0];
  };
  expect((await launches(1024, 1024))[0]).toBe(10);
  expect((await launches(65536, 65536))[0]).toBe(16);
  const [few, bytes] = await launches(65536, 4);
  expect(few).toBe(16);
  // Two passes of all elements, then halves: eight bytes for each element of four times the axis, and not of sixteen.
  expect(bytes).toBeLessThan(8 * 4 * 65536);
});
