/**
 * Kernels with neighbours in one invocation, and how wide each array is to be: for what is printed (test/unit) and what a GPU computes
 * (test/gpu/cases). Maps as `lower` writes them, and kernels already scheduled, which say what no policy would.
 */
import type { DType } from "../../src/core/dtype.ts";
import type { BufferParam, Expr, Index, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { valueTypeOf } from "../../src/kernel/kernel.ts";
import {
  apply,
  barrier,
  constant,
  constIndex,
  convert,
  forLoop,
  letValue,
  load,
  loopIndex,
  name,
  store,
  sumIndex,
  when,
} from "../kernel-pool.ts";
import { at, buffer, kernelOf, loop, nest, scheduleWgsl, softmax } from "./wgsl-samples.ts";

export interface WideSample {
  readonly title: string;
  /** Scheduled. */
  readonly kernel: Kernel;
  /** The same as each element by itself, for the numbers. */
  readonly plain: Kernel;
  /** The arrays as they are declared. */
  readonly types: Readonly<Record<string, string>>;
  /** Absolute plus relative, of functions that a GPU rounds otherwise; the same bits where there is none. */
  readonly tolerance?: number;
}

const limits = { maxInvocations: 256, maxWorkgroupStorage: 16384 };

function map(title: string, plain: Kernel, types: WideSample["types"]): WideSample {
  return { title, plain, kernel: scheduleWgsl(plain, limits, { wideLeast: 32 }), types };
}

/** Short rows, each in the registers of an invocation. */
function held(rows: number, columns: number, types: WideSample["types"]): WideSample {
  const plain = softmax(rows, columns);
  const kernel = scheduleWgsl(plain, limits, { wideLeast: 32 });
  return { title: `rows in registers, ${rows}x${columns}`, plain, kernel, types, tolerance: 1e-5 };
}

/** Through tiles of workgroup memory. */
function turned(title: string, plain: Kernel, types: WideSample["types"], maxInvocations = 256): WideSample {
  const kernel = scheduleWgsl(plain, { ...limits, maxInvocations }, { turnLeast: 64, turnLeastSide: 4 });
  return { title, plain, kernel, types };
}

/** One workgroup of so many invocations, each with the statements in their order. */
function scheduled(title: string, kernel: Kernel, types: WideSample["types"]): WideSample {
  return { title, plain: kernel, kernel, types };
}

function inGroups(body: (lane: LoopVar) => readonly Stmt[], lanes = 8): Kernel["nests"] {
  const lane = loop("lane", lanes);
  return [{ loops: [{ loop: lane, mark: "invocation" }], prelude: [], body: body(lane) }];
}

const place = (lane: LoopVar, offset: number, factor = 4): Index =>
  sumIndex([{ factor, index: loopIndex(lane) }], offset);
const four = [0, 1, 2, 3] as const;

// ---- maps ------------------------------------------------------------------------------------------------------------

/** y = y + x + b of each row; bytes beside. */
function addRows(rows: number, columns: number): Kernel {
  const [i, j] = [loop("i", rows), loop("j", columns)];
  const here = at([columns, i], [1, j]);
  const sum = apply("add", load("f32", "x", here), load("f32", "b", at([1, j])));
  const buffers = [
    buffer("read", "x", rows * columns),
    buffer("read", "b", columns),
    buffer("update", "y", rows * columns),
    buffer("read", "u", rows * columns, "u8"),
    buffer("write", "v", rows * columns, "u8"),
  ];
  const body = [
    store("y", here, apply("add", sum, load("f32", "y", here))),
    store("v", here, apply("add", load("u32", "u", here), 7)),
  ];
  return kernelOf("add_rows", buffers, [nest([i, j], body)]);
}

/** y = x, of one element type from another. */
function cast(from: DType, to: DType, count: number): Kernel {
  const i = loop("i", count);
  const here = loopIndex(i);
  const value = convert(valueTypeOf(to), load(valueTypeOf(from), "x", here));
  const buffers = [buffer("read", "x", count, from), buffer("write", "y", count, to)];
  return kernelOf(`cast_${from}_${to}`, buffers, [nest([i], [store("y", here, value)])]);
}

/** y[i, j] = x[i, j + by], 0.5 before and behind the row. */
function shifted(rows: number, columns: number, by: number): Kernel {
  const [i, j] = [loop("i", rows), loop("j", columns)];
  const from = sumIndex([{ factor: 1, index: loopIndex(j) }], by);
  const source = sumIndex(
    [
      { factor: columns, index: loopIndex(i) },
      { factor: 1, index: loopIndex(j) },
    ],
    by,
  );
  const guard = { bounds: [{ index: from, extent: columns }], otherwise: constant("f32", 0.5) };
  const buffers = [buffer("read", "x", rows * columns), buffer("write", "y", rows * columns)];
  const body = [store("y", at([columns, i], [1, j]), load("f32", "x", source, guard))];
  return kernelOf("shifted", buffers, [nest([i, j], body)]);
}

/** y[i, j] = x[j, i]: neighbours read across. */
function transposed(rows: number, columns: number): Kernel {
  const [i, j] = [loop("i", rows), loop("j", columns)];
  const buffers = [buffer("read", "x", rows * columns), buffer("write", "y", rows * columns)];
  const body = [store("y", at([columns, i], [1, j]), load("f32", "x", at([rows, j], [1, i])))];
  return kernelOf("transposed", buffers, [nest([i, j], body)]);
}

/** y[b, c, h] = 2*x[b, h, c] + z[b, c, h] + x[b, h, c - 1], 0.5 before the first; bytes are turned too. */
function channelsFirst(batch: number, channels: number, height: number): Kernel {
  const [b, c, h] = [loop("b", batch), loop("c", channels), loop("h", height)];
  const plane = channels * height;
  const here = at([plane, b], [height, c], [1, h]);
  const across = (offset: number): Index =>
    sumIndex(
      [
        { factor: plane, index: loopIndex(b) },
        { factor: channels, index: loopIndex(h) },
        { factor: 1, index: loopIndex(c) },
      ],
      offset,
    );
  const before = { bounds: [{ index: sumIndex([{ factor: 1, index: loopIndex(c) }], -1), extent: channels }], otherwise: constant("f32", 0.5) }; // biome-ignore format: a row
  const twice = apply("mul", load("f32", "x", across(0)), 2);
  const sum = apply("add", apply("add", twice, load("f32", "z", here)), load("f32", "x", across(-1), before));
  const count = batch * plane;
  const buffers = [
    buffer("read", "x", count),
    buffer("read", "z", count),
    buffer("write", "y", count),
    buffer("read", "u", count, "u8"),
    buffer("write", "v", count, "u8"),
  ];
  const body = [
    letValue("sum", sum),
    store("y", here, name("f32", "sum")),
    store("v", here, load("u32", "u", across(0))),
  ];
  return kernelOf("channels_first", buffers, [nest([b, c, h], body)]);
}

/** Rows that a loaded number chooses. */
function rowsOf(rows: number, columns: number): Kernel {
  const [i, j] = [loop("i", rows), loop("j", columns)];
  const row = { factor: columns, index: ranged(load("u32", "ids", at([1, i])), 3) };
  const buffers = [
    buffer("read", "ids", rows, "u32"),
    buffer("read", "table", 4 * columns),
    buffer("write", "y", rows * columns),
  ];
  const source = sumIndex([row, { factor: 1, index: loopIndex(j) }]);
  return kernelOf("rows_of", buffers, [
    nest([i, j], [store("y", at([columns, i], [1, j]), load("f32", "table", source))]),
  ]);
}

function ranged(value: Expr, most: number): Index {
  return value.pool.nodes.ranged(value, 0, most);
}

const all: readonly DType[] = ["f32", "i32", "u32", "bool", "u8", "f16", "bf16"];
const typesOf: Readonly<Record<string, string>> = {
  f32: "array<vec4<f32>, 32>",
  i32: "array<vec4<i32>, 32>",
  u32: "array<vec4<u32>, 32>",
  bool: "array<vec4<u32>, 32>",
};
const narrow: Readonly<Record<string, string>> = {
  f16: "array<vec2<u32>, 32>",
  bf16: "array<vec2<u32>, 32>",
  u8: "array<u32, 32>",
};
const alike: Readonly<Record<string, string>> = {
  f16: "array<vec4<u32>, 16>",
  bf16: "array<vec4<u32>, 16>",
  u8: "array<vec4<u32>, 8>",
};
const isShortType = (type: DType): boolean => type === "f16" || type === "bf16";

function castTypes(from: DType, to: DType): WideSample["types"] {
  const own = (type: DType, other: DType): string => {
    if (typesOf[type] !== undefined) return typesOf[type];
    if (type === other || (isShortType(type) && isShortType(other))) return alike[type] ?? "";
    // Half as wide as the other: bytes beside halves.
    if (type === "u8" && isShortType(other)) return "array<vec2<u32>, 16>";
    return isShortType(type) && other === "u8" ? "array<vec4<u32>, 16>" : (narrow[type] ?? "");
  };
  return { x: own(from, to), y: own(to, from) };
}

// ---- already scheduled -----------------------------------------------------------------------------------------------

const x = (lane: LoopVar, n: number): Expr => load("f32", "x", place(lane, n));
const io = (count: number): readonly BufferParam[] => [buffer("read", "x", count), buffer("write", "y", count)];
const storeAll = (
  lane: LoopVar,
  value: (n: number) => Expr,
  guard?: (n: number) => readonly { index: Index; extent: number }[],
): readonly Stmt[] => four.map((n) => store("y", place(lane, n), value(n), guard?.(n)));

/** In workgroup memory: filled by fours, read by fours of another invocation. */
function exchange(): Kernel {
  const other = (lane: LoopVar, n: number): Index => sumIndex([{ factor: -4, index: loopIndex(lane) }], 28 + n);
  return {
    ...kernelOf("exchange", io(32), []),
    shared: [{ name: "panel", type: "f32", count: 32 }],
    nests: inGroups((lane) => [
      ...four.map((n) => store("panel", place(lane, n), x(lane, n))),
      barrier,
      ...storeAll(lane, (n) => load("f32", "panel", other(lane, n))),
    ]),
  };
}

/** In workgroup memory, stored to across: no store of four, so no vectors. */
function across(): Kernel {
  const down = (lane: LoopVar, n: number): Index => sumIndex([{ factor: 1, index: loopIndex(lane) }], 8 * n);
  return {
    ...kernelOf("across", io(32), []),
    shared: [{ name: "panel", type: "f32", count: 32 }],
    nests: inGroups((lane) => [
      ...four.map((n) => store("panel", down(lane, n), x(lane, n))),
      barrier,
      ...storeAll(lane, (n) => load("f32", "panel", place(lane, n))),
    ]),
  };
}

function one(title: string, buffers: readonly BufferParam[], body: (lane: LoopVar) => readonly Stmt[]): Kernel {
  return { ...kernelOf(title, buffers, []), nests: inGroups(body) };
}

const somewhere = (lane: LoopVar) => ({ factor: 1, index: ranged(load("u32", "ids", loopIndex(lane)), 3) });
const double = (value: Expr): Expr => apply("mul", value, 2);
const state = (lane: LoopVar, n: number): Expr => load("f32", "y", place(lane, n));
const update = [buffer("read", "x", 32), buffer("update", "y", 32)];
const bare = { x: "array<f32, 32>", y: "array<f32, 32>" };
const vectors = { x: "array<vec4<f32>, 8>", y: "array<vec4<f32>, 8>" };

export const wideSamples: readonly WideSample[] = [
  map("rows and a bias, in place, bytes beside", addRows(6, 12), {
    x: "array<vec4<f32>, 18>",
    b: "array<vec4<f32>, 3>",
    y: "array<vec4<f32>, 18>",
    u: "array<u32, 18>",
    v: "array<u32, 18>",
  }),
  map("rows of 30: whole in all", addRows(8, 30), {
    x: "array<vec4<f32>, 60>",
    b: "array<vec2<f32>, 15>",
    y: "array<vec4<f32>, 60>",
    u: "array<u32, 60>",
    v: "array<u32, 60>",
  }),
  map("rows of 31, 7 of them: nothing is whole", addRows(7, 31), {
    x: "array<f32, 217>",
    b: "array<f32, 31>",
    y: "array<f32, 217>",
    u: "array<u32, 55>",
    v: "array<atomic<u32>, 55>",
  }),
  ...all.flatMap((from) => all.map((to) => map(`${from} to ${to}`, cast(from, to, 128), castTypes(from, to)))),
  map("shifted by 4: bounds of neighbours are one", shifted(5, 16, 4), {
    x: "array<vec4<f32>, 20>",
    y: "array<vec4<f32>, 20>",
  }),
  map("shifted back by 8", shifted(5, 16, -8), { x: "array<vec4<f32>, 20>", y: "array<vec4<f32>, 20>" }),
  map("shifted by 1: two of four lie in one vector", shifted(5, 16, 1), {
    x: "array<vec2<f32>, 40>",
    y: "array<vec4<f32>, 20>",
  }),
  map("read across", transposed(12, 16), { x: "array<f32, 192>", y: "array<vec4<f32>, 48>" }),
  ...[256, 64, 32].map(
    (size) =>
    turned(`read across through tiles, by ${size}`, transposed(45, 70), { x: "array<f32, 3150>", y: "array<f32, 3150>", turned: "array<f32, 1056>" }, size), // biome-ignore format: a row
  ),
  turned("whole tiles", transposed(64, 32), { x: "array<f32, 2048>", y: "array<f32, 2048>", turned: "array<f32, 1056>" }), // biome-ignore format: a row
  turned("three of three dimensions, with bounds", channelsFirst(3, 17, 40), {
    x: "array<f32, 2040>",
    z: "array<f32, 2040>",
    y: "array<f32, 2040>",
    u: "array<u32, 510>",
    v: "array<atomic<u32>, 510>",
    turned: "array<f32, 1056>",
    turned_1: "array<f32, 1056>",
    turned_2: "array<u32, 1056>",
  }),
  held(70, 8, { x: "array<vec4<f32>, 140>", loss: "array<f32, 70>" }),
  held(64, 10, { x: "array<vec2<f32>, 320>", loss: "array<f32, 64>" }),
  held(65, 7, { x: "array<f32, 455>", loss: "array<f32, 65>" }),
  map("rows that numbers choose", rowsOf(9, 16), {
    ids: "array<u32, 9>",
    table: "array<vec4<f32>, 16>",
    y: "array<vec4<f32>, 36>",
  }),
  scheduled("workgroup memory by fours", exchange(), { ...vectors, panel: "array<vec4<f32>, 8>" }),
  scheduled("workgroup memory stored to across", across(), { ...vectors, panel: "array<f32, 32>" }),
  scheduled(
    "one after the other, in place",
    one("turns", update, (lane) => four.flatMap((n) => [letValue(`v${n}`, apply("add", state(lane, n), x(lane, n))), store("y", place(lane, n), name("f32", `v${n}`))])), // biome-ignore format: a row
    vectors,
  ),
  scheduled(
    "what was stored is read again before the last store",
    one("again", update, (lane) => [
      ...storeAll(lane, (n) => x(lane, n)).slice(0, 3),
      store("y", place(lane, 3), double(state(lane, 0))),
    ]),
    { x: "array<vec2<f32>, 16>", y: "array<vec2<f32>, 16>" },
  ),
  scheduled(
    "what was loaded is stored, and loaded again",
    one("stale", [buffer("read", "x", 32), buffer("update", "y", 32), buffer("write", "z", 32)], (lane) => [
      ...four.map((n) => letValue(`v${n}`, state(lane, n))),
      ...storeAll(lane, (n) => apply("add", double(name("f32", `v${n}`)), x(lane, n))),
      ...four.map((n) => store("z", place(lane, n), apply("sub", state(lane, n), name("f32", `v${n}`)))),
    ]),
    { ...vectors, z: "array<vec4<f32>, 8>" },
  ),
  scheduled(
    "a store between, at a place that is not known",
    one("unknown", [buffer("read", "ids", 8, "u32"), buffer("read", "x", 32), buffer("update", "y", 32)], (lane) => [
      letValue("v0", state(lane, 0)),
      letValue("v1", state(lane, 1)),
      store("y", sumIndex([{ factor: 4, index: loopIndex(lane) }, somewhere(lane)]), constant("f32", 9)),
      letValue("v2", state(lane, 2)),
      letValue("v3", state(lane, 3)),
      ...storeAll(lane, (n) => apply("add", name("f32", `v${n}`), x(lane, n))),
    ]),
    { ids: "array<u32, 8>", x: "array<vec4<f32>, 8>", y: "array<f32, 32>" },
  ),
  scheduled(
    "an if for each: one condition",
    one("ifs", io(32), (lane) =>
      four.map((n) => when(apply("lt", place(lane, n), 28), [store("y", place(lane, n), double(x(lane, n)))])),
    ),
    vectors,
  ),
  scheduled(
    "an if for each: four conditions",
    one("edges", io(32), (lane) =>
      four.map((n) => when(apply("lt", place(lane, n), 27), [store("y", place(lane, n), double(x(lane, n)))])),
    ),
    bare,
  ),
  scheduled(
    "stores with one bound",
    one("bounds", io(32), (lane) =>
      storeAll(
        lane,
        (n) => double(x(lane, n)),
        (n) => [{ index: place(lane, n), extent: 20 }],
      ),
    ),
    vectors,
  ),
  scheduled(
    "three of four are stored",
    one("three", io(32), (lane) => storeAll(lane, (n) => double(x(lane, n))).slice(0, 3)),
    { x: "array<vec2<f32>, 16>", y: "array<f32, 32>" },
  ),
  scheduled(
    "every second of an array of ten",
    one("ten", [buffer("read", "x", 10), buffer("write", "y", 32)], (lane) =>
      storeAll(lane, (n) => load("f32", "x", constIndex(2 * n))),
    ),
    { x: "array<f32, 10>", y: "array<vec4<f32>, 8>" },
  ),
  scheduled(
    "in a loop, with a single load of the same array",
    one("looped", [buffer("read", "x", 32), buffer("write", "y", 32)], (lane) => {
      const turn = loop("turn", 2);
      return [
        letValue("single", load("f32", "x", loopIndex(lane))),
        forLoop(
          turn,
          four.map((n) => store("y", place(lane, n), apply("add", name("f32", "single"), x(lane, n)))),
        ),
      ];
    }),
    vectors,
  ),
];
