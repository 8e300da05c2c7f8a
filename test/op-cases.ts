/**
 * A case for every op of the op tables: inputs, and what is made of them. The tests of all targets are generated from this
 * table, to which composite-cases.ts adds the composites; op-report.ts says what they leave out.
 *
 * Shapes have axes of 1, of primes, of sizes that divide no tile, and empty ones. Numbers are drawn away from kinks and
 * jumps.
 */

import { type DType, isFloat, type ShortFloat } from "../src/core/dtype.ts";
import { here } from "../src/core/origin.ts";
import { applyOp, applyWithIndexes } from "../src/dsl/build.ts";
import * as ops from "../src/dsl/ops.ts";
import type { Tensor } from "../src/dsl/tensor.ts";
import type { ContractAttrs, OpDef } from "../src/graph/node.ts";
import type { MapName, ReduceName } from "../src/graph/op-names.ts";
import { barrier } from "../src/graph/ops/barrier.ts";
import { contract } from "../src/graph/ops/contract.ts";
import { mapOps } from "../src/graph/ops/map.ts";
import { mergeRuns } from "../src/graph/ops/merge.ts";
import { maxWithIndex, minWithIndex, reduceOps } from "../src/graph/ops/reduce.ts";
import { runBlock, running } from "../src/graph/ops/running.ts";
import { searchSorted } from "../src/graph/ops/search.ts";
import { putAlong, takeAlong } from "../src/graph/ops/sort.ts";
import * as sources from "../src/graph/ops/source.ts";
import { sizeOf } from "../src/graph/shape.ts";
import { compositeCases } from "./composite-cases.ts";
import { loopOpCases } from "./loop-cases.ts";
import { input, type Make, type OpCase, one, type Range, shortOf, whole, wide } from "./op-case.ts";
import { windowCases } from "./window-cases.ts";

// ---- element-wise --------------------------------------------------------------------------------------------------

const mapShapes = [[], [1], [7], [0], [3, 1, 5], [17, 13]] as const;
const positive: Range = [0.3, 3];
const floats = (...ranges: readonly Range[]) => ({ ranges, dtype: "f32" as DType });
const flat = (dtype: DType, ...ranges: readonly Range[]) => ({ ranges, dtype, gradient: false });

const maps: Readonly<Record<MapName, { ranges: readonly Range[]; dtype: DType; gradient?: boolean }>> = {
  add: floats(wide, wide),
  sub: floats(wide, wide),
  mul: floats(wide, wide),
  div: floats(wide, positive),
  pow: floats(positive, wide),
  max: floats(wide, wide),
  min: floats(wide, wide),
  mod: floats([4.2, 4.9], [1.1, 1.35]),
  neg: floats(wide),
  abs: floats(wide),
  sign: flat("f32", wide),
  exp: floats(wide),
  log: floats(positive),
  log1p: floats([-0.6, 2]),
  expm1: floats(wide),
  sqrt: floats(positive),
  rsqrt: floats(positive),
  sin: floats(wide),
  cos: floats(wide),
  tanh: floats(wide),
  erf: floats(wide),
  floor: flat("f32", [3.1, 3.4]),
  ceil: flat("f32", [3.1, 3.4]),
  round: flat("f32", [3.1, 3.4]),
  eq: flat("i32", wide, wide),
  ne: flat("i32", wide, wide),
  lt: flat("f32", wide, wide),
  le: flat("i32", wide, wide),
  gt: flat("f32", wide, wide),
  ge: flat("i32", wide, wide),
  and: flat("bool", wide, wide),
  or: flat("bool", wide, wide),
  not: flat("bool", wide),
  select: floats(wide, wide, wide),
  stopGradient: flat("f32", wide),
};

function mapCases(): OpCase[] {
  return (Object.keys(maps) as MapName[]).flatMap((name) => {
    const { ranges, dtype, gradient = true } = maps[name];
    return mapShapes.map((shape) => {
      const inputs = ranges.map((range, i) => input(shape, range, name === "select" && i === 0 ? "bool" : dtype));
      const make = (args: readonly Tensor[]): Tensor => applyOp(mapOps[name], args, {}, here(name));
      return { op: `map ${name}`, inputs, make, gradient };
    });
  });
}

function castCases(): OpCase[] {
  const pairs = [
    ["i32", "f32"],
    ["bool", "f32"],
    ["f32", "i32"],
    ["u8", "f32"],
    ["f32", "bool"],
    ["i32", "u32"],
  ] as const;
  const cast = pairs.map(([from, to]) =>
    one("map cast", [input([5, 3], [0, 9], from)], (x) => ops.cast(x, to), { gradient: false }),
  );
  return [...cast, one("map cast", [input([5, 3])], (x) => ops.mul(ops.cast(ops.cast(x, "i32"), "f32") as Tensor, x))];
}

// ---- reductions, views, contractions -------------------------------------------------------------------------------

const reduced: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[7], [0]],
  [[1], [0]],
  [[3, 1, 5], [1]],
  [
    [2, 3, 5],
    [0, 2],
  ],
  [[2, 37, 5], [1]],
  [[3, 67], [1]],
  [
    [2, 3, 5],
    [0, 1, 2],
  ],
  [[0], [0]],
  [[3, 0], [1]],
  [[0, 3], [1]],
];

function reduceCases(): OpCase[] {
  return (Object.keys(reduceOps) as ReduceName[]).flatMap((name) => {
    return reduced.map(([shape, axes]) => {
      const make: Make = (x) => applyOp(reduceOps[name], [x], { axes }, here(name));
      return one(`reduce ${name}`, [input(shape)], make);
    });
  });
}

/** A value that tells of both results. */
function both({ values, indexes }: { readonly values: Tensor; readonly indexes: Tensor }): Tensor {
  return ops.add(values, ops.cast(indexes, values.dtype));
}

function bestCases(): OpCase[] {
  return reduced.flatMap(([shape, [axis, ...others]]) => {
    if (axis === undefined || others.length > 0) {
      const axes = axis === undefined ? [] : [axis, ...others];
      const result = (op: OpDef, x: Tensor): Tensor => both(applyWithIndexes(op, x, { axes }, here(op.name)));
      return [
        one("reduce maxWithIndex", [input(shape)], (x) => result(maxWithIndex, x)),
        one("reduce minWithIndex", [input(shape)], (x) => result(minWithIndex, x)),
      ];
    }
    return [
      one("reduce maxWithIndex", [input(shape)], (x) => both(ops.maxWithIndex(x, { axis }))),
      one("reduce maxWithIndex", [input(shape)], (x) => ops.maxWithIndex(x, { axis }).values),
      one("reduce minWithIndex", [input(shape)], (x) => both(ops.minWithIndex(x, { axis }))),
      one("composite argmax", [input(shape)], (x) => ops.argmax(x, { axis }), { gradient: false }),
      one("composite argmin", [input(shape)], (x) => ops.argmin(x, { axis }), { gradient: false }),
    ];
  });
}

function momentsCases(): OpCase[] {
  return reduced
    .filter(([shape, axes]) => shape.every((extent, axis) => extent > 1 || !axes.includes(axis)))
    .flatMap(([shape, axis]) => [
      one("reduce moments", [input(shape)], (x) => ops.concat(Object.values(ops.moments(x, { axis, keepDims: true })))),
      one("reduce moments", [input(shape, [0, 4])], (x) => ops.moments(x, { axis }).variance),
      one("reduce moments", [input(shape, [0, 4])], (x) => ops.moments(x, { axis }).mean),
    ]);
}

function sortCases(): OpCase[] {
  const order = (y: Tensor): Tensor => ops.argsort(y, { axis: 0 });
  const put = (x: Tensor, y: Tensor, size: number): Tensor => applyOp(putAlong, [x, order(y)], { axis: 0, size }, here("put")); // biome-ignore format: short
  const taken = (y: Tensor): Tensor => ops.slice(order(y), [0, 4]);
  return [
    ...[[1], [7], [0], [2, 37, 3], [5, 70]].map((shape) => one("composed sort", [input(shape)], (x) => ops.sort(x))),
    one("composed sort", [input([3, 10, 2])], (x) => ops.sort(x, { axis: 1, descending: true })),
    one("composed sort", [input([9], [0, 9], "u8")], (x) => ops.sort(x)),
    one("composed sort", [input([2, 1, 3])], (x) => ops.sort(x, { axis: 1 })),
    one("composed sort", [input([0, 3])], (x) => ops.sort(x, { axis: 1 })),
    one("composite argsort", [input([4, 11])], (x) => ops.argsort(x, { axis: 0 }), { gradient: false }),
    one("composite argsort", [whole([50], 0, 5)], (x) => ops.argsort(x, { descending: true })),
    one("composite topK", [input([3, 10])], (x) => both(ops.topK(x, 4))),
    one("composite topK", [input([10, 3])], (x) => both(ops.topK(x, 3, { axis: 0, largest: false }))),
    one("composite topK", [input([2, 100])], (x) => ops.topK(x, 70).values),
    one("composite topK", [input([2, 5])], (x) => ops.topK(x, 0).values),
    one("composite topK", [input([4])], (x) => ops.topK(x, 4).values),
    one("composed putAlong", [input([5, 2]), input([5, 2])], (x, y) => put(x, y, 9)),
    one("composed putAlong", [input([70, 2]), input([70, 2])], (x, y) => put(x, y, 80)),
    one("composed putAlong", [input([70]), input([70])], (x, y) => put(x, y, 70)),
    one("gather takeAlong", [input([6, 2]), input([6, 2])], (x, y) =>
      applyOp(takeAlong, [x, taken(y)], { axis: 0 }, here("take")),
    ),
    one(
      "gather mergeRuns",
      [input([1, 7, 2])],
      (x) =>
        applyOp(
          mergeRuns,
          [x, ops.arange(14, "f32")].map((v) => ops.reshape(v, [1, 7, 2])),
          { axis: 1, run: 1, keep: 7, descending: false },
          here("merge"),
        ),
      { gradient: false },
    ),
    one("gather searchSorted", [whole([9], 0, 20)], (x) =>
      applyOp(searchSorted, [ops.sort(x)], { axis: 0, size: 23 }, here("search")),
    ),
  ];
}

/** What is computed of short floats, one op of each kind, on numbers that were rounded to them; then chains, each op of which rounds. */
function shortCases(dtype: ShortFloat): OpCase[] {
  const short = (x: Tensor): Tensor => ops.cast(x, dtype);
  const of = (op: string, shapes: readonly (readonly number[])[], make: Make): OpCase =>
    one(
      `${op} of ${dtype}`,
      shapes.map((shape) => input(shape)),
      (x, y) => ops.cast(make(short(x), y === undefined ? short(x) : short(y), short(x)) as Tensor, "f32"),
    );
  return [
    of(
      "map add",
      [
        [7, 3],
        [7, 3],
      ],
      (x, y) => ops.add(x, y),
    ),
    of("map mul", [[7, 3], [3]], (x, y) => ops.mul(x, y)),
    of("map tanh", [[5]], (x) => ops.tanh(x)),
    of("map max", [[7], [7]], (x, y) => ops.maximum(x, y)),
    of("map select", [[7], [7]], (x, y) => ops.where(ops.less(x, y) as never, ops.mul(x, 0.3), y)),
    of("reduce sum", [[3, 67]], (x) => ops.sum(x, { axis: 1 })),
    of("reduce max", [[3, 67]], (x) => ops.max(x, { axis: 0 })),
    of(
      "contract contract",
      [
        [5, 9],
        [9, 6],
      ],
      (x, y) => ops.matmul(x, y),
    ),
    of("composed running", [[2, 70]], (x) => ops.cumulativeSum(ops.mul(x, x))),
    of("composed sort", [[3, 20]], (x) => ops.sort(x)),
    of("composite softmax", [[4, 9]], (x) => ops.softmax(x)),
    of("composite gelu", [[4, 9]], (x) => ops.gelu(x)),
  ];
}

/** Rows at once, along another axis, in blocks that fill and that do not, and in blocks of blocks; then each with restarts. */
const runs: readonly (readonly [shape: readonly number[], axis: number])[] = [
  [[7], 0],
  [[0], 0],
  [[3, 1], 1],
  [[5, 3, 2], 1],
  [[4, 64], 1],
  [[128], 0],
  [[70, 3], 0],
  [[64, 40], 0],
  [[67, 21], 0],
  [[2, 131], 1],
];

const runningFns = {
  sum: ops.cumulativeSum,
  prod: ops.cumulativeProduct,
  max: ops.cumulativeMax,
  min: ops.cumulativeMin,
  logSumExp: ops.cumulativeLogSumExp,
} as const;

/** Slopes of long ones cancel, and are running folds of the same kind. */
const isShort = (shape: readonly number[]): Partial<OpCase> => ({ gradient: sizeOf(shape) < 40 });

function runningCases(): OpCase[] {
  const anew = (x: Tensor): Tensor => ops.greater(ops.stopGradient(x), 1);
  const since = (x: Tensor, axis: number): Tensor =>
    applyOp(running, [x, anew(x)], { axis, fold: "sum" }, here("running"));
  const once = { axis: 0, fold: "sum", starts: true, restarts: false } as const;
  return [
    ...(Object.keys(runningFns) as (keyof typeof runningFns)[]).flatMap((fold) =>
      runs.map(([shape, axis]) => {
        const range: Range = fold === "prod" ? [0.7, 1.3] : fold === "sum" ? [-0.3, 1] : wide;
        return one(
          `composed running ${fold}`,
          [input(shape, range)],
          (x) => runningFns[fold](x, { axis }),
          isShort(shape),
        );
      }),
    ),
    ...runs.map(([shape, axis]) => one("composed running anew", [input(shape)], (x) => since(x, axis), isShort(shape))),
    one("composed running i32", [whole([9, 80], -3, 9)], (x) => ops.cumulativeSum(x)),
    one("composed running i32", [whole([70], -9, 9)], (x) => ops.cumulativeMax(x, { reverse: true, exclusive: true })),
    one(
      "composed running sum",
      [input([5000], [0, 1])],
      (x) => ops.cumulativeSum(x, { reverse: true, exclusive: true }),
      {
        gradient: false,
      },
    ),
    one("composed running logSumExp", [input([90], [-90, 90])], (x) => ops.cumulativeLogSumExp(x), {
      gradient: false,
    }),
    one("run runBlock", [input([5, 3]), input([3])], (x, s) => applyOp(runBlock, [x, s], once, here("run")), {
      gradient: false,
    }),
  ];
}

function viewCases(): OpCase[] {
  const x = (...shape: number[]) => [input(shape)];
  const pads = [
    [1, 2],
    [0, 3],
  ] as const;
  return [
    one("view reshape", x(2, 3, 5), (v) => ops.reshape(v, [5, 1, 6])),
    one("view reshape", x(0, 3), (v) => ops.reshape(v, [5, 0])),
    one("view permute", x(2, 3, 5), (v) => ops.permute(v, [2, 0, 1])),
    one("view permute", x(17, 1), (v) => ops.permute(v, [1, 0])),
    one("view broadcast", x(7), (v) => ops.broadcastTo(v, [3, 7])),
    one("view broadcast", x(3, 1), (v) => ops.broadcastTo(v, [2, 3, 5])),
    one("view broadcast", x(2), (v) => ops.broadcastTo(v, [0, 2])),
    one("view slice", x(7, 5), (v) => ops.slice(v, [1, 7, 3], [-4, -1])),
    one("view slice", x(5), (v) => ops.slice(v, [2, 2])),
    one("view pad", x(5, 3), (v) => ops.pad(v, pads, 0.5)),
    one("view barrier", [input([5, 3]), input([7, 2])], (v, w) => applyOp(barrier, [v, w], {}, here("barrier"))),
    one("view barrier", [input([5, 3]), input([0])], (v, w) => applyOp(barrier, [v, w], {}, here("barrier"))),
    one("view pad", x(0, 2), (v) => ops.pad(v, pads)),
    one("view concat", [...x(3, 2), ...x(3, 5), ...x(3, 0)], (a, b, c) => ops.concat([a, b, c], 1)),
    one("view concat", [...x(19, 16), ...x(19, 14), ...x(19, 17)], (a, b, c) => ops.concat([a, ops.sin(b), c], 1)),
    one("view slice", x(19, 45), (a) =>
      [0, 30, 15].map((at) => ops.slice(a, null, [at, at + 15])).reduce((all, part) => ops.mul(all, part)),
    ),
    one("view flip", x(2, 3, 5), (v) => ops.flip(v, [0, 2])),
  ];
}

const attrs = (change: Partial<ContractAttrs>): ContractAttrs => {
  return { batchLeft: [], batchRight: [], sumLeft: [], sumRight: [], ...change };
};

function contractCases(): OpCase[] {
  const matrix = attrs({ sumLeft: [1], sumRight: [0] });
  const shapes: readonly (readonly [readonly number[], readonly number[], ContractAttrs])[] = [
    [[17, 13], [13, 37], matrix],
    [[33, 67], [67, 65], matrix],
    [[1, 7], [7, 1], matrix],
    [[3, 17], [5, 3], attrs({ sumLeft: [0], sumRight: [1] })],
    [[7], [7], attrs({ sumLeft: [0], sumRight: [0] })],
    [[2], [3], attrs({})],
    [[4, 2, 3], [4, 3, 5], attrs({ batchLeft: [0], batchRight: [0], sumLeft: [2], sumRight: [1] })],
    [[2, 3, 5], [5, 2, 3], attrs({ sumLeft: [2, 0], sumRight: [0, 1] })],
    [[2, 3, 2, 31], [31, 3, 2, 2], attrs({ sumLeft: [3], sumRight: [0] })], // six loops, tiled on wgsl
    [[2, 0], [0, 3], matrix],
    [[0, 2], [2, 3], matrix],
  ];
  return shapes.map(([left, right, given]) => {
    const make: Make = (a, b) => applyOp(contract, [a, b], given, here("contract"));
    return one("contract contract", [input(left), input(right)], make);
  });
}

// ---- indexes and sources -------------------------------------------------------------------------------------------

function indexCases(): OpCase[] {
  const starts = whole([2], -3, 9);
  return [
    one("gather oneHot", [whole([7], 0, 7)], (x) => ops.oneHot(ops.sub(x, 1) as Tensor, 4)),
    one("gather oneHot", [whole([0], 0, 3)], (x) => ops.oneHot(x, 3)),
    one("gather gather", [input([5, 3]), whole([7], -2, 8)], (x, i) => ops.gather(x, i)),
    one("gather gather", [input([3, 11]), whole([2, 5], 0, 11)], (x, i) => ops.gather(x, i, { axis: 1 })),
    one("gather gather", [input([2, 3, 5]), whole([1], 0, 3)], (x, i) => ops.mul(ops.gather(x, i, { axis: 1 }), 3)),
    one("gather gather", [input([0, 3]), whole([2], 0, 3)], (x, i) => ops.gather(x, i)),
    one("gather gather", [input([4, 3]), whole([0], 0, 3)], (x, i) => ops.gather(x, i)),
    one("gather gather", [input([6]), whole([], 0, 6)], (x, i) => ops.gather(x, i)),
    one("composed scatterAdd", [whole([7], -1, 6), input([7, 3])], (i, u) => ops.scatterAdd(i, u, 4)),
    one("composed scatterAdd", [whole([0], 0, 7), input([0, 3])], (i, u) => ops.scatterAdd(i, u, 4)),
    one("composed scatterAdd", [whole([2, 3], 0, 7), input([2, 3, 2])], (i, u) => ops.scatterAdd(i, u, 1)),
    one("composed scatterAdd", [whole([50, 30], -9, 1700), input([50, 30])], (i, u) => ops.scatterAdd(i, u, 1600)),
    one("composed scatterAdd", [whole([1500], 3, 40), input([1500, 2])], (i, u) => ops.scatterAdd(i, u, 2000)),
    one("gather gather", [input([2, 1700]), whole([1500], 0, 1700)], (x, i) => ops.gather(x, i, { axis: 1 })),
    one("gather dynamicSlice", [input([7, 5]), starts], (x, s) => ops.dynamicSlice(x, s, [3, 5])),
    one("gather dynamicSlice", [input([7, 5]), starts], (x, s) => ops.dynamicSlice(x, s, [1, 2])),
    one("gather dynamicSlice", [input([7, 5]), starts], (x, s) => ops.dynamicSlice(x, s, [0, 2])),
    one("gather dynamicUpdate", [input([7, 5]), input([3, 2]), starts], (x, p, s) => ops.dynamicUpdate(x, p, s)),
    one("gather dynamicUpdate", [input([7, 5]), input([7, 5]), starts], (x, p, s) => ops.dynamicUpdate(x, p, s)),
    one("gather dynamicUpdate", [input([3]), input([0]), whole([1], 0, 3)], (x, p, s) => ops.dynamicUpdate(x, p, s)),
  ];
}

function sourceCases(): OpCase[] {
  const x = [input([7, 3])];
  return [
    one("source constant", x, (v) => ops.add(v, 0.1)),
    one("source iota", x, (v) => ops.add(v, ops.arange(3, v.dtype))),
    one("source size", x, (v) => ops.add(v, applyOp(sources.size, [], { dtype: v.dtype, dim: 5 }, here("size")))),
    one("source input", x, (v) => v),
    one("source random", [], () => ops.randomUniform([7, 13])),
  ];
}

export const opCases: readonly OpCase[] = [
  ...mapCases(),
  ...castCases(),
  ...reduceCases(),
  ...bestCases(),
  ...momentsCases(),
  ...sortCases(),
  ...runningCases(),
  ...shortCases("f16"),
  ...shortCases("bf16"),
  ...viewCases(),
  ...windowCases(),
  ...contractCases(),
  ...indexCases(),
  ...sourceCases(),
  ...loopOpCases,
  ...compositeCases(),
];

/** Refused: of f32 and f64 alone. */
const notShort: ReadonlySet<string> = new Set(
  ["solveTriangular", "solve", "inverse", "det", "cholesky", "powerIteration"].map((name) => `composite ${name}`),
);

/**
 * The first case of every op and composite that floats enter, with its floats rounded to a short type: whatever is made of them.
 * Without the slopes of a pool whose function went behind it: they go to another of those that are equal once they are rounded.
 */
export function casesOf(dtype: ShortFloat): readonly OpCase[] {
  const seen = new Set<string>();
  return opCases.flatMap((of) => {
    const { op, inputs, make, gradient } = of;
    const isOfFloats = inputs.some((given) => given.dtype === "f32" && sizeOf(given.shape) > 1);
    if (seen.has(op) || notShort.has(op) || shortOf(of) !== undefined || !isOfFloats) return [];
    seen.add(op);
    const rounded = (x: Tensor): Tensor => (x.dtype === "f32" ? ops.cast(x, dtype) : x);
    const widened = (y: Tensor): Tensor => (isFloat(y.dtype) ? ops.cast(y, "f32") : y);
    const made = (args: readonly Tensor[]): Tensor => widened(make(args.map(rounded)));
    return [{ ...of, op: `${op} of ${dtype}`, make: made, gradient: gradient && op !== "composite maxPool of conv" }];
  });
}
