/**
 * Kernels as `lower` writes them, with numbers to run them on: for the tests of the WGSL schedule (test/unit) and of what
 * it computes on a GPU (test/gpu/cases).
 */

import { wgslMoves } from "../../codegen/wgsl/moves/all.ts";
import { wgslPolicy } from "../../codegen/wgsl/policy/policy.ts";
import { type WgslLimits, type WgslTuning, wgslTuning } from "../../codegen/wgsl/policy/tuning.ts";
import { scheduleKernel } from "../../passes/schedule/schedule.ts";
import { isShort } from "../../src/core/dtype.ts";
import type { Memory } from "../../src/kernel/evaluate-memory.ts";
import type { BufferParam, Expr, Index, Kernel, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { rewriting } from "../../src/kernel/rewrite.ts";
import {
  apply,
  constant,
  convert,
  floorDivIndex,
  fold,
  forLoop,
  letValue,
  load,
  loopIndex,
  modIndex,
  name,
  rangedIndex,
  store,
  sumIndex,
} from "../kernel-pool.ts";

export interface Sample {
  readonly title: string;
  readonly kernel: Kernel;
  /** Of a written element: absolute plus relative. 0 means the same bits. */
  readonly tolerance: number;
}

/** As the target does it. */
export function scheduleWgsl(kernel: Kernel, limits: WgslLimits, tuning: Partial<WgslTuning> = {}): Kernel {
  const policy = wgslPolicy(limits, { ...wgslTuning, ...tuning });
  return scheduleKernel(kernel, { policy, ownMoves: wgslMoves, findsCommon: true });
}

// ---- building ------------------------------------------------------------------------------------------------------

export const loop = (name: string, extent: number): LoopVar => ({ name, extent });

export function at(...terms: readonly (readonly [number, LoopVar])[]): Index {
  return sumIndex(terms.map(([factor, variable]) => ({ factor, index: loopIndex(variable) })));
}

export function buffer(
  role: BufferParam["role"],
  name: string,
  count: number,
  element: BufferParam["element"] = "f32",
) {
  return { name, element, count, role } as const satisfies BufferParam;
}

export function nest(loops: readonly LoopVar[], body: readonly Stmt[], prelude: readonly Stmt[] = []): Nest {
  return { loops: loops.map((loop) => ({ loop, mark: "parallel" as const })), prelude, body };
}

export function kernelOf(name: string, buffers: readonly BufferParam[], nests: readonly Nest[]): Kernel {
  return { name, buffers, shared: [], iterations: [], nests, flops: 0, bytes: 0, schedule: [] };
}

const f32 = (value: number): Expr => constant("f32", value);
const acc = name("f32", "acc");

// ---- kernels -------------------------------------------------------------------------------------------------------

/** y = relu(x w + b), and w updated in place where it has the shape of y: m x k times k x n. */
export function matmul(m: number, n: number, k: number, transposed = false): Kernel {
  const [i, j, c] = [loop("i", m), loop("j", n), loop("k", k)];
  const a = load("f32", "x", transposed ? at([m, c], [1, i]) : at([k, i], [1, c]));
  const product = apply("mul", apply("abs", a), load("f32", "w", at([n, c], [1, j])));
  const here = at([n, i], [1, j]);
  const body = [
    fold("sum", ["acc"], [c], [product]),
    letValue("z", apply("add", acc, load("f32", "b", at([1, j])))),
    store("y", here, apply("max", name("f32", "z"), f32(0))),
    letValue("old", load("f32", "s", here)),
    store("s", here, apply("sub", name("f32", "old"), apply("mul", f32(0.25), name("f32", "z")))),
  ];
  const buffers = [
    buffer("read", "x", m * k),
    buffer("read", "w", k * n),
    buffer("read", "b", n),
    buffer("write", "y", m * n),
    buffer("update", "s", m * n),
  ];
  return kernelOf("matmul", buffers, [nest([i, j], body)]);
}

/**
 * Batches, the operands the other way round, an operand that is infinite where nothing was loaded, and `let`s before and in
 * the fold, one of which is read after it too.
 */
export function batched(batch: number, m: number, n: number, k: number): Kernel {
  const [b, i, j, c] = [loop("batch", batch), loop("i", m), loop("j", n), loop("c", k)];
  const left = apply("div", name("f32", "gain"), load("f32", "x", at([m * k, b], [k, i], [1, c])));
  const product = apply("mul", load("f32", "w", at([n * k, b], [k, j], [1, c])), name("f32", "left"));
  const here = at([m * n, b], [n, i], [1, j]);
  const body = [
    letValue("gain", load("f32", "gains", at([m, b], [1, i]))),
    fold("sum", ["acc"], [c], [product], { body: [letValue("left", left)] }),
    letValue("biased", apply("add", acc, load("f32", "bias", at([1, j])))),
    store("y", here, apply("sub", name("f32", "biased"), name("f32", "gain"))),
  ];
  const buffers = [
    buffer("read", "gains", batch * m),
    buffer("read", "bias", n),
    buffer("read", "x", batch * m * k),
    buffer("read", "w", batch * n * k),
    buffer("write", "y", batch * m * n),
  ];
  return kernelOf("batched", buffers, [nest([b, i, j], body)]);
}

/** Reverses each row in place, column by column: only right when the columns stay in order. */
export function reverseInPlace(rows: number, columns: number): Kernel {
  const [r, c, c2] = [loop("r", rows), loop("c", columns), loop("c2", columns)];
  const mirrored = sumIndex(
    [
      { factor: columns, index: loopIndex(r) },
      { factor: -1, index: loopIndex(c) },
    ],
    columns - 1,
  );
  const body = [
    fold("sum", ["acc"], [c2], [load("f32", "x", at([columns, r], [1, c2]))]),
    forLoop(c, [store("x", at([columns, r], [1, c]), apply("add", load("f32", "x", mirrored), acc))]),
  ];
  return kernelOf("reverse", [buffer("update", "x", rows * columns)], [nest([r], body)]);
}

/** Images [b, h, w, c] with filters [3, 3, c, f], as a contraction over windows; a padded border of one. */
export function convolution(b: number, h: number, w: number, c: number, f: number): Kernel {
  const loops = [loop("image", b), loop("row", h), loop("column", w), loop("f", f)] as const;
  const [image, row, column, filter] = loops;
  const [kh, kw, kc] = [loop("kh", 3), loop("kw", 3), loop("kc", c)];
  const y = sumIndex(
    [
      { factor: 1, index: loopIndex(row) },
      { factor: 1, index: loopIndex(kh) },
    ],
    -1,
  );
  const x = sumIndex(
    [
      { factor: 1, index: loopIndex(column) },
      { factor: 1, index: loopIndex(kw) },
    ],
    -1,
  );
  const pixel = sumIndex([
    { factor: h * w * c, index: loopIndex(image) },
    { factor: w * c, index: y },
    { factor: c, index: x },
    { factor: 1, index: loopIndex(kc) },
  ]);
  const bounds = [
    { index: y, extent: h },
    { index: x, extent: w },
  ];
  const value = letValue("pixel", load("f32", "x", pixel, { bounds, otherwise: f32(0) }));
  const weight = load("f32", "w", at([3 * c * f, kh], [c * f, kw], [f, kc], [1, filter]));
  const product = apply("mul", name("f32", "pixel"), weight);
  const body = [
    fold("sum", ["acc"], [kh, kw, kc], [product], { body: [value] }),
    store("y", at([h * w * f, image], [w * f, row], [f, column], [1, filter]), acc),
  ];
  const buffers = [
    buffer("read", "x", b * h * w * c),
    buffer("read", "w", 9 * c * f),
    buffer("write", "y", b * h * w * f),
  ];
  return kernelOf("convolution", buffers, [nest(loops, body)]);
}

/** b -= rate * sum over rows of d, d of m x n. */
export function columnSum(m: number, n: number): Kernel {
  const [i, j] = [loop("i", m), loop("j", n)];
  const body = [
    fold("sum", ["acc"], [i], [load("f32", "d", at([n, i], [1, j]))]),
    letValue("old", load("f32", "b", at([1, j]))),
    store("b", at([1, j]), apply("sub", name("f32", "old"), apply("mul", f32(0.5), acc))),
  ];
  return kernelOf("column_sum", [buffer("read", "d", m * n), buffer("update", "b", n)], [nest([j], body)]);
}

/** Sum, largest and how many are above 0, of all elements. */
export function reduction(count: number): Kernel {
  const [c, c1, c2] = [loop("c", count), loop("c1", count), loop("c2", count)];
  const x = (from: LoopVar): Expr => load("f32", "x", at([1, from]));
  const top = name("f32", "top");
  const above = name("i32", "above");
  const positive = apply("select", apply("gt", name("f32", "v"), f32(0)), constant("i32", 1), constant("i32", 0));
  const body = [
    fold("sum", ["acc"], [c], [x(c)]),
    fold("max", ["top"], [c1], [x(c1)]),
    fold("sum", ["above"], [c2], [positive], { body: [letValue("v", x(c2))] }),
    store("mean", at(), apply("div", acc, f32(count))),
    store("most", at(), top),
    store("number", at(), above),
  ];
  const outputs = [buffer("write", "mean", 1), buffer("write", "most", 1), buffer("write", "number", 1, "i32")];
  return kernelOf("reduction", [buffer("read", "x", count), ...outputs], [nest([], body)]);
}

/** Softmax of each row in place, and the row's loss. */
export function softmax(rows: number, columns: number): Kernel {
  const r = loop("r", rows);
  const [c1, c2, c3] = [loop("c1", columns), loop("c2", columns), loop("c3", columns)];
  const x = (c: LoopVar): Expr => load("f32", "x", at([columns, r], [1, c]));
  const [m, s] = [name("f32", "m"), name("f32", "s")];
  const e = (c: LoopVar): Expr => apply("exp", apply("sub", x(c), m));
  const body = [
    fold("max", ["m"], [c1], [x(c1)]),
    fold("sum", ["s"], [c2], [name("f32", "e")], { body: [letValue("e", e(c2))] }),
    letValue("loss_of_row", apply("add", apply("log", s), m)),
    store("loss", at([1, r]), name("f32", "loss_of_row")),
    forLoop(
      c3,
      [letValue("p", apply("div", e(c3), s)), store("x", at([columns, r], [1, c3]), name("f32", "p"))],
      "parallel",
    ),
  ];
  return kernelOf("softmax", [buffer("update", "x", rows * columns), buffer("write", "loss", rows)], [nest([r], body)]);
}

/** Where the largest element of each row is: two results that only make sense together. */
export function argMax(rows: number, columns: number): Kernel {
  const [r, c] = [loop("r", rows), loop("c", columns)];
  const body = [
    fold("argMax", ["best", "where"], [c], [load("f32", "x", at([columns, r], [1, c])), loopIndex(c)]),
    store("y", at([1, r]), name("i32", "where")),
  ];
  const buffers = [buffer("read", "x", rows * columns), buffer("write", "y", rows, "i32")];
  return kernelOf("arg_max", buffers, [nest([r], body)]);
}

/** Bytes scaled to f32 and transposed, a mask, and wrapped integers; sizes that are no multiple of anything. */
export function bytesAndMasks(rows: number, columns: number): Kernel {
  const [i, j] = [loop("i", rows), loop("j", columns)];
  const here = at([columns, i], [1, j]);
  const byte = name("u32", "byte");
  const body = [
    letValue("byte", load("u32", "u", here)),
    letValue("even", apply("eq", apply("mod", byte, constant("u32", 2)), constant("u32", 0))),
    store("y", at([1, i], [rows, j]), apply("div", convert("f32", byte), f32(255))),
    store("even_out", here, apply("and", name("bool", "even"), load("bool", "mask", here))),
    store("hash", here, apply("rotateLeft", apply("mul", byte, constant("u32", 2654435761)), constant("u32", 13))),
    store("inverted", here, apply("sub", constant("u32", 255), byte)),
    store("half", here, apply("mul", load("f32", "h", here), f32(3))),
  ];
  const n = rows * columns;
  const buffers = [
    buffer("read", "u", n, "u8"),
    buffer("read", "mask", n, "bool"),
    buffer("read", "h", n, "f16"),
    buffer("write", "y", n),
    buffer("write", "even_out", n, "bool"),
    buffer("write", "hash", n, "u32"),
    buffer("write", "inverted", n, "u8"),
    buffer("write", "half", n, "f16"),
  ];
  return kernelOf("bytes", buffers, [nest([i, j], body)]);
}

/** Three nests of different kinds in one launch, one of them with a long sum before its loops. */
export function horizontal(): Kernel {
  const parts = [softmax(5, 97), columnSum(130, 33), matmul(33, 29, 47)];
  const [j, k] = [loop("e", 300), loop("long", 1000)];
  const norm = [fold("sum", ["norm"], [k], [load("f32", "g", at([1, k]))])];
  const scaled = [store("scaled", at([1, j]), apply("mul", load("f32", "g", at([1, j])), name("f32", "norm")))];
  const renamed = parts.map((kernel, n) => rename(kernel, `_${n}`));
  return kernelOf(
    "horizontal",
    [...renamed.flatMap((kernel) => kernel.buffers), buffer("read", "g", 1000), buffer("write", "scaled", 300)],
    [...renamed.flatMap((kernel) => kernel.nests), nest([j], scaled, norm)],
  );
}

/** One iteration, which overwrites a number that is read before it, in a sum of so many terms and behind that. */
export function ownState(terms: number, loops: readonly LoopVar[] = []): Kernel {
  const k = loop("k", terms);
  const old = load("f32", "s", at());
  const before = [
    fold("sum", ["dot"], [k], [apply("mul", load("f32", "g", at([1, k])), terms < 100 ? old : f32(0.5))]),
    letValue("old", old),
  ];
  const body = [store("s", at(), apply("sub", name("f32", "old"), name("f32", "dot")))];
  return kernelOf("own", [buffer("read", "g", terms), buffer("update", "s", 1)], [nest(loops, body, before)]);
}

/** Everything under another name, so that two kernels can be one. */
function rename(kernel: Kernel, suffix: string): Kernel {
  const named = new Set(["name", "buffer"]);
  const exprs = rewriting((expr) => {
    if (expr.kind === "loop") return loopIndex({ ...expr.loop, name: expr.loop.name + suffix });
    if (expr.kind === "name") return name(expr.type, expr.name + suffix, expr.at);
    return expr.kind === "load" ? load(expr.type, expr.buffer + suffix, expr.at, expr.guard) : expr;
  });
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (value === null || typeof value !== "object") return value;
    if ("pool" in value) return exprs.expr(value as Expr);
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, named.has(key) && typeof item === "string" ? item + suffix : visit(item)]),
    );
  };
  return visit(kernel) as Kernel;
}

/** A gathered embedding: row `ids[i]` of a table; and a read at an offset, in reverse. */
export function gather(rows: number, width: number, tableRows: number): Kernel {
  const [i, j] = [loop("i", rows), loop("j", width)];
  const id = load("i32", "ids", at([1, i]));
  const value = rangedIndex(id, 0, tableRows - 1);
  const where = sumIndex([
    { factor: width, index: value },
    { factor: 1, index: loopIndex(j) },
  ]);
  const flat = sumIndex([
    { factor: width, index: loopIndex(i) },
    { factor: 1, index: loopIndex(j) },
  ]);
  const shifted = sumIndex([{ factor: -1, index: flat }], rows * width + 2);
  const bounds = [{ index: shifted, extent: rows * width }];
  const body = [
    store("y", flat, load("f32", "table", where)),
    store("z", flat, load("f32", "v", shifted, { bounds, otherwise: f32(-1) })),
    store(
      "blocks",
      flat,
      sumIndex([
        { factor: 1, index: floorDivIndex(shifted, 3) },
        { factor: 100, index: modIndex(sumIndex([{ factor: 1, index: shifted }], -5), 7) },
      ]),
    ),
  ];
  const n = rows * width;
  const buffers = [
    buffer("read", "ids", rows, "i32"),
    buffer("read", "table", tableRows * width),
    buffer("read", "v", n),
    buffer("write", "y", n),
    buffer("write", "z", n),
    buffer("write", "blocks", n, "i32"),
  ];
  return kernelOf("gather", buffers, [nest([i, j], body)]);
}

/** What the schedule and the GPU are tested on: sizes 1, primes, powers of two, and such as divide no tile. */
export const samples: readonly Sample[] = [
  ...(
    [
      [33, 47, 29],
      [64, 64, 32],
      [1, 70, 90],
      [37, 1, 100],
      [5, 5, 200],
      [128, 10, 17],
      [67, 131, 18],
    ] as const
  ).flatMap(([m, n, k]) => [
    { title: `matmul ${m}x${n}x${k}`, kernel: matmul(m, n, k), tolerance: 1e-4 },
    { title: `matmul ${m}x${n}x${k} transposed`, kernel: matmul(m, n, k, true), tolerance: 1e-4 },
  ]),
  { title: "batched 3x18x20x19", kernel: batched(3, 18, 20, 19), tolerance: 1e-2 },
  { title: "reversed rows 3x70", kernel: reverseInPlace(3, 70), tolerance: 1e-4 },
  { title: "convolution", kernel: convolution(2, 7, 5, 3, 8), tolerance: 1e-4 },
  { title: "convolution of 1", kernel: convolution(1, 1, 1, 1, 1), tolerance: 1e-4 },
  { title: "column sum 128x50", kernel: columnSum(128, 50), tolerance: 1e-4 },
  { title: "column sum 131x1", kernel: columnSum(131, 1), tolerance: 1e-4 },
  { title: "column sum 40x10", kernel: columnSum(40, 10), tolerance: 1e-4 },
  { title: "column sum 1x7", kernel: columnSum(1, 7), tolerance: 1e-4 },
  { title: "reduction of 6007", kernel: reduction(6007), tolerance: 1e-4 },
  { title: "reduction of 1", kernel: reduction(1), tolerance: 0 },
  { title: "softmax 5x1000", kernel: softmax(5, 1000), tolerance: 1e-5 },
  { title: "softmax 131x37", kernel: softmax(131, 37), tolerance: 1e-5 },
  { title: "softmax 5x2048, in registers", kernel: softmax(5, 2048), tolerance: 1e-5 },
  { title: "softmax 7x10", kernel: softmax(7, 10), tolerance: 1e-5 },
  { title: "arg-max 3x200", kernel: argMax(3, 200), tolerance: 0 },
  { title: "bytes and masks 7x11", kernel: bytesAndMasks(7, 11), tolerance: 1e-6 },
  { title: "gather 9x5 of 4", kernel: gather(9, 5, 4), tolerance: 0 },
  { title: "a state of one number, 7 terms", kernel: ownState(7), tolerance: 1e-4 },
  { title: "a state of one number, a loop", kernel: ownState(7, [loop("i", 1)]), tolerance: 1e-4 },
  { title: "a state of one number, 1000 terms", kernel: ownState(1000), tolerance: 1e-4 },
  { title: "four nests", kernel: horizontal(), tolerance: 1e-4 },
];

// ---- numbers -------------------------------------------------------------------------------------------------------

/** Seeded memory for every buffer; indexes stay below 4, bytes below 256. */
export function feedsFor(kernel: Kernel): ReadonlyMap<string, Memory> {
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const make = ({ element, count }: BufferParam): number[] =>
    Array.from({ length: count }, () => {
      const value = random();
      if (element === "bool") return Number(value > 0.5);
      if (element === "u8") return Math.floor(256 * value);
      if (element === "i32" || element === "u32") return Math.floor(4 * value);
      return isShort(element) ? Math.round((value - 0.5) * 512) / 64 : Math.fround(2 * value - 1);
    });
  return new Map(kernel.buffers.map((b) => [b.name, { element: b.element, data: make(b) }]));
}

/** The largest violation of the tolerance, in words, or undefined. */
export function difference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): string | undefined {
  for (let n = 0; n < expected.length; n += 1) {
    const [a, e] = [actual[n] ?? Number.NaN, expected[n] ?? Number.NaN];
    if (Object.is(a, e) || (a === 0 && e === 0)) continue;
    if (Math.abs(a - e) <= tolerance * (1 + Math.abs(e))) continue;
    return `element ${n} is ${a}, expected ${e}`;
  }
  return undefined;
}
