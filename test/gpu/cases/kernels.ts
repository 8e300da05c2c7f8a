/**
 * Scheduled kernels, printed as WGSL and run on the device, against the evaluator of the kernel language.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { printWgsl } from "../../../codegen/wgsl/print.ts";
import { erf } from "../../../src/core/special.ts";
import { evaluateKernel } from "../../../src/kernel/evaluate.ts";
import type { Memory } from "../../../src/kernel/evaluate-memory.ts";
import type { BufferParam, Expr, Kernel, ScalarFn, Stmt, ValueType } from "../../../src/kernel/kernel.ts";
import { scalarFns } from "../../../src/kernel/kernel.ts";
import { maxUlps, routineFor } from "../../../src/kernel/maths/library.ts";
import {
  apply,
  assign,
  barrier,
  bitcast,
  constant,
  constIndex,
  convert,
  forLoop,
  functionsOf,
  load,
  loopIndex,
  name,
  store,
  sumIndex,
  variable,
} from "../../kernel-pool.ts";
import {
  at,
  buffer,
  columnSum,
  difference,
  feedsFor,
  kernelOf,
  loop,
  matmul,
  nest,
  reduction,
  type Sample,
  samples,
  scheduleWgsl,
} from "../../unit/wgsl-samples.ts";
import type { GpuCase } from "../case.ts";
import { launch } from "../run-kernel.ts";

const limits = { maxInvocations: 256, maxWorkgroupStorage: 16384 };

export const cases: readonly GpuCase[] = [
  ...[...samples, { title: "reduction of 60000", kernel: reduction(60000), tolerance: 1e-4 }].map(
    (sample: Sample): GpuCase => ({ name: sample.title, run: ({ device }) => runSample(device, sample) }),
  ),
  {
    name: "more workgroups than a dimension holds are folded",
    async run({ device }) {
      for (const [kernel, groups] of [
        [columnSum(3, 1000), [6, 3, 1]],
        [matmul(97, 50, 16), [8, 4, 1]],
      ] as const) {
        const scheduled = scheduleWgsl(kernel, limits);
        const { workgroups } = printWgsl(scheduled, { maxWorkgroupsPerDimension: 7 });
        ok(workgroups[1] > 1 && workgroups[0] <= 7, `${workgroups} (not ${groups})`);
        await compare(device, kernel, { tolerance: 1e-4, most: 7 });
      }
    },
  },
  {
    name: "every integer and bool function, at the ends of their ranges",
    async run({ device }) {
      for (const type of ["i32", "u32", "bool"] as const) {
        for (const fn of functionsOf(type)) await compare(device, tableOf(fn, type), { tolerance: 0, feeds: edges });
      }
    },
  },
  {
    name: "every f32 function that is no routine, NaN and infinities included",
    async run({ device }) {
      for (const fn of functionsOf("f32")) {
        await compare(device, tableOf(fn, "f32"), { tolerance: fn === "mod" ? 1e-5 : 1e-6, feeds: edges });
      }
    },
  },
  {
    name: "casts saturate, and NaN becomes 0",
    async run({ device }) {
      const types = ["f32", "i32", "u32", "bool"] as const;
      for (const from of types) {
        for (const to of types) {
          const count = edgeValues[from].length;
          const i = loop("i", count);
          const body = [store("y", loopIndex(i), convert(to, load(from, "x", loopIndex(i))))];
          const kernel = kernelOf(
            "casts",
            [buffer("read", "x", count, from), buffer("write", "y", count, to)],
            [nest([i], body)],
          );
          await compare(device, kernel, { tolerance: 0, feeds: edges });
        }
      }
    },
  },
  {
    name: "constants arrive bit by bit: -0, subnormals, infinities, NaN",
    async run({ device }) {
      const values = [0, -0, 1, -1.5, 0.1, 1e-45, 1.17e-38, 3.4028234e38, -1e-40, 16777217, 1 / 3, 5e-7].map(
        Math.fround,
      );
      values.push(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
      const body = values.map((value, n) => store("y", constIndex(n), bitcast("u32", constant("f32", value))));
      const kernel = kernelOf("constants", [buffer("write", "y", values.length, "u32")], [nest([], body)]);
      const { buffers } = await launch(device, scheduleWgsl(kernel, limits), feedsFor(kernel));
      const expected = [...new Uint32Array(Float32Array.from(values).buffer)];
      deepStrictEqual(buffers.get("y"), expected);
    },
  },
  {
    name: "overflow of constants is a value, not an error of the compiler",
    async run({ device }) {
      const most = constant("i32", 2147483647);
      const body = [
        store("y", constIndex(0), apply("add", most, 1)),
        store("z", constIndex(0), apply("div", constant("f32", 1), constant("f32", 0))),
      ];
      const buffers = [buffer("write", "y", 1, "i32"), buffer("write", "z", 1)];
      await compare(device, kernelOf("overflow", buffers, [nest([], body)]), { tolerance: 0 });
    },
  },
  {
    name: "the maths routines, within their bounds of float64",
    run: ({ device }) => runRoutines(device),
  },
  {
    name: "invocations fill a shared array for all; arrays of registers start as they should",
    async run({ device }) {
      const [group, lane, turn, n] = [loop("group", 2), loop("lane", 64), loop("turn", 2), loop("n", 4)];
      const bounds = [{ index: at([64, turn], [1, lane]), extent: 100 }];
      const staged = load("f32", "panel", sumIndex([{ factor: -1, index: loopIndex(lane) }], 99));
      const element = name("f32", "block", [loopIndex(n)]);
      const body: readonly Stmt[] = [
        forLoop(turn, [
          store(
            "panel",
            at([64, turn], [1, lane]),
            load("f32", "x", at([100, group], [64, turn], [1, lane]), { bounds, otherwise: constant("f32", 0) }),
            bounds,
          ),
        ]),
        barrier,
        variable("block", constant("f32", 0.5), [4]),
        forLoop(n, [assign("block", apply("add", element, staged), [loopIndex(n)])]),
        store("y", at([64, group], [1, lane]), apply("add", name("f32", "block", [constIndex(3)]), staged)),
      ];
      const kernel: Kernel = {
        ...kernelOf("staged", [buffer("read", "x", 200), buffer("write", "y", 128)], []),
        shared: [{ name: "panel", type: "f32", count: 100 }],
        nests: [
          {
            loops: [
              { loop: group, mark: "workgroup" },
              { loop: lane, mark: "invocation" },
            ],
            prelude: [],
            body,
          },
        ],
      };
      const expected = feedsFor(kernel);
      evaluateKernel(kernel, expected);
      const { buffers } = await launch(device, kernel, feedsFor(kernel));
      strictEqual(difference(buffers.get("y") ?? [], expected.get("y")?.data ?? [], 1e-6), undefined);
    },
  },
  {
    name: "threefry, bit by bit",
    async run({ device }) {
      const i = loop("i", 300);
      const words = [constant("u32", 0x13198a2e), constant("u32", 0x03707344), constant("u32", 7)];
      const value = apply("threefry", ...words, convert("u32", loopIndex(i)));
      const kernel = kernelOf(
        "random",
        [buffer("write", "y", 300, "u32")],
        [nest([i], [store("y", loopIndex(i), value)])],
      );
      await compare(device, kernel, { tolerance: 0, routines: true });
    },
  },
  {
    name: "bytes and short floats that share a word are written by different invocations",
    async run({ device }) {
      const i = loop("i", 1001);
      const at = loopIndex(i);
      const body = [
        store("bytes", at, convert("u32", at)),
        store("halves", at, load("f32", "x", at)),
        store("brains", at, load("f32", "x", at)),
        store("wide", at, load("f32", "h", at)),
        store("brains_wide", at, load("f32", "b", at)),
      ];
      const buffers = [
        buffer("write", "bytes", 1001, "u8"),
        buffer("write", "halves", 1001, "f16"),
        buffer("write", "brains", 1001, "bf16"),
        buffer("read", "x", 1001),
        buffer("read", "h", 1001, "f16"),
        buffer("read", "b", 1001, "bf16"),
        buffer("write", "wide", 1001),
        buffer("write", "brains_wide", 1001),
      ];
      const ends = [
        65504,
        65519,
        65520,
        1e9,
        6e-8,
        2.9e-8,
        3e-8,
        6.1e-5,
        1 + 2 ** -11,
        1 + 3 * 2 ** -11,
        -0,
        1e-9,
        257,
        259,
        3.4e38,
      ];
      const special = [...ends, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(Math.fround);
      const feeds = (kernel: Kernel): ReadonlyMap<string, Memory> => {
        const memories = new Map(feedsFor(kernel));
        const x = Array.from({ length: 1001 }, (_, n) => special[n] ?? Math.fround(Math.sin(n) * 1.01 ** n));
        memories.set("x", { element: "f32", data: x });
        return memories;
      };
      await compare(device, kernelOf("packed", buffers, [nest([i], body)]), { tolerance: 0, feeds });
    },
  },
];

// ---- tables of one function ----------------------------------------------------------------------------------------

const edgeValues: Readonly<Record<Exclude<ValueType, "f64">, readonly number[]>> = {
  f32: [0, -0, 1, -1, 0.5, 1.5, 2.5, -0.5, -2.5, 7.3, -7.3, 1e-3, 3, -3, 255.5, 1e9, -1e9, 3e9, 5e9, -5e9, 1e30].concat(
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
  ),
  i32: [0, 1, -1, 2, -2, 3, 7, -7, 31, 32, 33, 100, 65536, -65537, 2147483647, -2147483648],
  u32: [0, 1, 2, 3, 7, 31, 32, 33, 100, 65537, 2147483647, 2147483648, 4294967295],
  bool: [0, 1],
};

/** Buffers called x hold the edge values, y and z every pair of them with those. */
function edges(kernel: Kernel): ReadonlyMap<string, Memory> {
  return new Map(
    kernel.buffers.map(({ name, element, count }) => {
      const values = element in edgeValues ? edgeValues[element as keyof typeof edgeValues] : [];
      const stride = name === "x" ? 1 : values.length;
      const data = Array.from({ length: count }, (_, n) => {
        const value = values[Math.floor(n / stride) % values.length] ?? 0;
        return element === "f32" ? Math.fround(value) : value;
      });
      return [name, { element, data }];
    }),
  );
}

/** out = fn(x, y) for all pairs of edge values. */
function tableOf(fn: ScalarFn, type: Exclude<ValueType, "f64">): Kernel {
  const count = edgeValues[type].length ** 2;
  const i = loop("i", count);
  const { arity, form } = scalarFns[fn];
  const operand = (name: string): Expr => load(type, name, loopIndex(i));
  const args = form === "select" ? [load("bool", "c", loopIndex(i)), operand("x"), operand("y")] : [operand("x")];
  if (arity === 2) args.push(operand("y"));
  const result = form === "compare" ? "bool" : type;
  const inputs: readonly BufferParam[] = [
    buffer("read", "x", count, type),
    ...(args.length > 1 ? [buffer("read", "y", count, type)] : []),
    ...(form === "select" ? [buffer("read", "c", count, "bool")] : []),
  ];
  const value = apply(fn, ...args);
  const body = [store("out", loopIndex(i), value)];
  return kernelOf(`table_of_${fn}_${type}`, [...inputs, buffer("write", "out", count, result)], [nest([i], body)]);
}

// ---- maths routines ------------------------------------------------------------------------------------------------

type Doubles = (x: number, y: number) => number;

/** True values, and where to look. */
const routines: readonly (readonly [keyof typeof maxUlps, Doubles, readonly [number, number]])[] = [
  ["exp", Math.exp, [-80, 88]],
  ["expm1", Math.expm1, [-20, 20]],
  ["log", Math.log, [1e-6, 1e6]],
  ["log1p", Math.log1p, [-0.99, 100]],
  ["sin", Math.sin, [-1000, 1000]],
  ["cos", Math.cos, [-1000, 1000]],
  ["tanh", Math.tanh, [-10, 10]],
  ["erf", erf, [-5, 5]],
  ["pow", (x, y) => x ** y, [0.01, 20]],
];

async function runRoutines(device: GPUDevice): Promise<void> {
  const count = 2000;
  const i = loop("i", count);
  const x = load("f32", "x", loopIndex(i));
  for (const [fn, exact, [low, high]] of routines) {
    const two = scalarFns[fn].arity === 2;
    const value = apply(fn, ...(two ? [x, load("f32", "y", loopIndex(i))] : [x]));
    const inputs = [buffer("read", "x", count), ...(two ? [buffer("read", "y", count)] : [])];
    const kernel = kernelOf(
      `maths_${fn}`,
      [...inputs, buffer("write", "out", count)],
      [nest([i], [store("out", loopIndex(i), value)])],
    );
    const xs = Array.from({ length: count }, (_, n) => Math.fround(low + ((high - low) * n) / count));
    if (!two) xs.splice(0, 5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -0);
    const ys = Array.from({ length: count }, (_, n) => Math.fround(((n * 7919) % 101) / 10 - 5));
    const feeds = new Map<string, Memory>([
      ["x", { element: "f32", data: xs }],
      ["y", { element: "f32", data: ys }],
      ["out", { element: "f32", data: xs.map(() => 0) }],
    ]);
    const { buffers } = await launch(device, scheduleWgsl(kernel, limits), feeds);
    const out = buffers.get("out") ?? [];
    // Division and square root may be 2.5 ulps off in WGSL, each.
    const ulps = maxUlps[fn] + 3;
    for (const [n, x] of xs.entries()) {
      const wanted = exact(x, ys[n] ?? 0);
      if (Object.is(wanted, out[n])) continue;
      const ulp = 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(wanted)))) - 23);
      const error = Math.abs((out[n] ?? Number.NaN) - wanted) / ulp;
      ok(error <= ulps, `${fn}(${x}) is ${out[n]}, not ${wanted}: ${error} ulps`);
    }
  }
}

// ---- running -------------------------------------------------------------------------------------------------------

interface CompareOptions {
  readonly tolerance: number;
  readonly feeds?: (kernel: Kernel) => ReadonlyMap<string, Memory>;
  /** Workgroups per dimension. */
  readonly most?: number;
  /** Let the evaluator run the maths library too, in place of Math. */
  readonly routines?: boolean;
}

function runSample(device: GPUDevice, { kernel, tolerance }: Sample): Promise<void> {
  return compare(device, kernel, { tolerance });
}

async function compare(device: GPUDevice, kernel: Kernel, options: CompareOptions): Promise<void> {
  const feeds = options.feeds ?? feedsFor;
  const expected = feeds(kernel);
  const routines = options.routines ?? false;
  evaluateKernel(kernel, expected, { races: false, ...(routines ? { routines: routineFor } : {}) });
  const result = await launch(device, scheduleWgsl(kernel, limits), feeds(kernel), options.most);
  for (const { name } of kernel.buffers) {
    const wrong = difference(result.buffers.get(name) ?? [], expected.get(name)?.data ?? [], options.tolerance);
    if (wrong !== undefined) throw new Error(`${kernel.name}: ${name}: ${wrong}\n${result.source}`);
  }
}
