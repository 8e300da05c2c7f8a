/**
 * The float64 meaning of reductions, views and contractions: values against small references of another kind, every
 * gradient rule against central differences along a random direction, with axes of 1, of primes, and empty ones.
 */

import { describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { builder } from "../../src/graph/build.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Build, ContractAttrs, Node } from "../../src/graph/node.ts";
import type { ReduceName } from "../../src/graph/op-names.ts";
import { freeAxes } from "../../src/graph/ops/contract.ts";
import { maxWithIndex, minWithIndex, moments, reduceOps } from "../../src/graph/ops/reduce.ts";
import { state } from "../../src/graph/ops/source.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { checkGradient, type Described, evaluateWith, expectClose, forward, type Operand } from "./oracle.ts";

// ---- reductions ----------------------------------------------------------------------------------------------------

const folds = {
  sum: (group) => group.reduce((a, b) => a + b, 0),
  prod: (group) => group.reduce((a, b) => a * b, 1),
  max: (group) => Math.max(...group),
  min: (group) => Math.min(...group),
} satisfies Record<ReduceName, (group: readonly number[]) => number>;

const reduced: readonly (readonly [shape: readonly number[], axes: readonly number[]])[] = [
  [[7], [0]],
  [[1], [0]],
  [[3, 1, 5], [1]],
  [
    [2, 3, 5],
    [0, 2],
  ],
  [[2, 3, 5], [1]],
  [
    [2, 3, 5],
    [0, 1, 2],
  ],
  [[0], [0]],
  [[3, 0], [1]],
  [[0, 3], [1]],
];

/** The elements that fold into each result element, by walking the operand once. */
function groupsOf(x: NdArray, axes: readonly number[]): number[][] {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const groups = Array.from({ length: sizeOf(kept.map((axis) => x.shape[axis] ?? 0)) }, (): number[] => []);
  x.data.forEach((value, flat) => {
    let rest = flat;
    const at = [...x.shape].reverse().map((extent) => {
      const place = rest % extent;
      rest = (rest - place) / extent;
      return place;
    });
    at.reverse();
    const group = kept.reduce((index, axis) => index * (x.shape[axis] ?? 0) + (at[axis] ?? 0), 0);
    groups[group]?.push(value);
  });
  return groups;
}

describe("reductions", () => {
  test.each(Object.keys(reduceOps) as ReduceName[])("%s: value and gradient", (name) => {
    for (const [shape, axes] of reduced) {
      const described: Described = {
        operands: [{ dtype: "f64", shape }],
        make: (build, [x]) => build.reduce(name, x as Node, axes),
      };
      const { args, value } = forward(described, name);
      const wanted = groupsOf(args[0] as NdArray, axes).map(folds[name]);
      expectClose(value, ndarray(value.dtype, value.shape, wanted), 1e-12);
      expect(value.dtype).toBe("f64");
      checkGradient(described, `${name} ${shape} ${axes}`);
    }
  });

  test.each([maxWithIndex, minWithIndex])("$name: both results, and the gradient of the first", (op) => {
    const best = op === maxWithIndex ? folds.max : folds.min;
    for (const [shape, axes] of reduced.filter((row) =>
      row[1].every((axis, i) => i === 0 || axis > (row[1][i - 1] ?? 0)),
    )) {
      const operands = [{ dtype: "f64", shape }] as const;
      const result = (i: number): Described => ({
        operands,
        make: (build, [x]) => build.node(op, [x as Node], { axes }).results[i] as Node,
      });
      const [values, indexes] = [forward(result(0), op.name), forward(result(1), op.name)];
      const groups = groupsOf(values.args[0] as NdArray, axes);
      expectClose(values.value, ndarray("f64", values.value.shape, groups.map(best)), 0);
      const places = groups.map((group) => Math.max(0, group.indexOf(best(group))));
      expect([indexes.value.dtype, [...indexes.value.data]]).toEqual(["i32", places]);
      checkGradient(result(0), `${op.name} ${shape} ${axes}`);
    }
  });

  test("moments: all results, and the gradients of mean and squares", () => {
    for (const [shape, axes] of reduced) {
      const result = (i: number): Described => ({
        operands: [{ dtype: "f64", shape }],
        make: (build, [x]) => build.node(moments, [x as Node], { axes }).results[i] as Node,
      });
      const [count, mean, squares] = [0, 1, 2].map((i) => forward(result(i), "moments"));
      const groups = groupsOf(mean?.args[0] as NdArray, axes);
      const middle = (group: readonly number[]): number => folds.sum(group) / Math.max(1, group.length);
      const about = (group: readonly number[]): number =>
        folds.sum(group.map((x) => x * x)) - group.length * middle(group) ** 2;
      const check = (found: NdArray | undefined, wanted: readonly number[]): void =>
        expectClose(found as NdArray, ndarray("f64", (found as NdArray).shape, wanted), 1e-12);
      check(count?.value, groups.map((group) => group.length)); // biome-ignore format: short
      check(mean?.value, groups.map(middle));
      check(squares?.value, groups.map(about));
      for (const i of [1, 2]) checkGradient(result(i), `moments ${i} ${shape} ${axes}`);
    }
  });

  const on = (name: ReduceName, dtype: DType, numbers: readonly number[]): number | undefined =>
    evaluateWith({ operands: [{ dtype, shape: [numbers.length] }], make: (b, [x]) => b.reduce(name, x as Node, [0]) }, [
      ndarray(dtype, [numbers.length], numbers),
    ]).data[0];

  test("first index at ties, NaN wins, integers wrap, what is empty", () => {
    const place = (op: typeof maxWithIndex, numbers: readonly number[]): number | undefined =>
      evaluateWith(
        {
          operands: [{ dtype: "f64", shape: [numbers.length] }],
          make: (b, [x]) => b.node(op, [x as Node], { axes: [0] }).results[1] as Node,
        },
        [ndarray("f64", [numbers.length], numbers)],
      ).data[0];
    expect(place(maxWithIndex, [1, 3, 3, 2])).toBe(1);
    expect(place(minWithIndex, [1, 3, 1])).toBe(0);
    expect(place(maxWithIndex, [1, Number.NaN, 5, Number.NaN])).toBe(1);
    expect(place(maxWithIndex, [])).toBe(0);
    expect(on("max", "f64", [1, Number.NaN, 5])).toBeNaN();
    expect(on("sum", "i32", [2147483647, 1])).toBe(-2147483648);
    expect(on("prod", "i32", [65537, 65537])).toBe(131073);
    expect(on("prod", "u32", [4294967295, 4294967295])).toBe(1);
    const empty: readonly (readonly [ReduceName, DType, number])[] = [
      ["sum", "f64", 0],
      ["prod", "f64", 1],
      ["max", "f64", Number.NEGATIVE_INFINITY],
      ["min", "f64", Number.POSITIVE_INFINITY],
      ["max", "i32", -2147483648],
      ["max", "u32", 0],
      ["min", "u32", 4294967295],
    ];
    for (const [name, dtype, value] of empty) expect(on(name, dtype, []), `${name} ${dtype}`).toBe(value);
  });

  test("the gradient of a product is right with no, one and two zeros; ties share that of a maximum", () => {
    const gradientAt = (name: "prod" | "max", numbers: readonly number[]): number[] => {
      const build = builder(createGraph());
      const x = build.graph.node(state, [], { name: "x", dtype: "f64", shape: [numbers.length] });
      const y = build.reduce(name, x, [0]);
      const [flow] = y.op.vjp?.(y, [build.constant("f64", 1)], build) ?? [];
      const [value] = evaluateGraph([flow as Node], new Map([["x", ndarray("f64", [numbers.length], numbers)]]));
      return [...(value?.data ?? [])];
    };
    expect(gradientAt("prod", [2, 3, 4])).toEqual([12, 8, 6]);
    expect(gradientAt("prod", [2, 0, 4])).toEqual([0, 8, 0]);
    expect(gradientAt("prod", [2, 0, 0])).toEqual([0, 0, 0]);
    expect(gradientAt("max", [1, 5, 5, 2])).toEqual([0, 0.5, 0.5, 0]);
  });
});

// ---- views ---------------------------------------------------------------------------------------------------------

interface ViewSample {
  readonly from: readonly (readonly number[])[];
  readonly make: (build: Build, operands: readonly Node[]) => Node;
  /** The result for operands that count 1, 2, 3... on through all of them. */
  readonly wanted: readonly number[];
  readonly shape: readonly number[];
}

const x0 = (nodes: readonly Node[]): Node => nodes[0] as Node;

const views: Readonly<Record<string, ViewSample>> = {
  reshape: {
    from: [[2, 3]],
    make: (b, n) => b.reshape(x0(n), [3, 1, 2]),
    wanted: [1, 2, 3, 4, 5, 6],
    shape: [3, 1, 2],
  },
  "reshape to a scalar": { from: [[1, 1]], make: (b, n) => b.reshape(x0(n), []), wanted: [1], shape: [] },
  "reshape of nothing": { from: [[0, 3]], make: (b, n) => b.reshape(x0(n), [5, 0]), wanted: [], shape: [5, 0] },
  "permute a matrix": {
    from: [[2, 3]],
    make: (b, n) => b.permute(x0(n), [1, 0]),
    wanted: [1, 4, 2, 5, 3, 6],
    shape: [3, 2],
  },
  "permute three axes": {
    from: [[1, 2, 3]],
    make: (b, n) => b.permute(x0(n), [2, 0, 1]),
    wanted: [1, 4, 2, 5, 3, 6],
    shape: [3, 1, 2],
  },
  "broadcast a scalar": {
    from: [[]],
    make: (b, n) => b.broadcast(x0(n), [2, 2], []),
    wanted: [1, 1, 1, 1],
    shape: [2, 2],
  },
  "broadcast rows": {
    from: [[2]],
    make: (b, n) => b.broadcast(x0(n), [3, 2], [1]),
    wanted: [1, 2, 1, 2, 1, 2],
    shape: [3, 2],
  },
  "broadcast columns": {
    from: [[2]],
    make: (b, n) => b.broadcast(x0(n), [2, 3], [0]),
    wanted: [1, 1, 1, 2, 2, 2],
    shape: [2, 3],
  },
  "broadcast an axis of 1": {
    from: [[2, 1]],
    make: (b, n) => b.broadcast(x0(n), [2, 3, 2], [0, 1]),
    wanted: [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2],
    shape: [2, 3, 2],
  },
  "broadcast to nothing": { from: [[2]], make: (b, n) => b.broadcast(x0(n), [0, 2], [1]), wanted: [], shape: [0, 2] },
  slice: {
    from: [[3, 3]],
    make: (b, n) => b.slice(x0(n), [1, 0], [3, 2], [1, 1]),
    wanted: [4, 5, 7, 8],
    shape: [2, 2],
  },
  "slice with steps": { from: [[7]], make: (b, n) => b.slice(x0(n), [1], [7], [3]), wanted: [2, 5], shape: [2] },
  "slice with steps that do not end at the edge": {
    from: [[2, 8]],
    make: (b, n) => b.slice(x0(n), [0, 0], [2, 6], [1, 5]),
    wanted: [1, 6, 9, 14],
    shape: [2, 2],
  },
  "slice of nothing": { from: [[5]], make: (b, n) => b.slice(x0(n), [2], [2], [2]), wanted: [], shape: [0] },
  pad: {
    from: [[2, 1]],
    make: (b, n) => b.pad(x0(n), [0, 1], [1, 0], [0, 0], 9),
    wanted: [9, 1, 9, 2, 9, 9],
    shape: [3, 2],
  },
  "pad between": {
    from: [[3]],
    make: (b, n) => b.pad(x0(n), [1], [0], [2], 0),
    wanted: [0, 1, 0, 0, 2, 0, 0, 3],
    shape: [8],
  },
  "pad nothing": { from: [[0]], make: (b, n) => b.pad(x0(n), [1], [2], [1], 5), wanted: [5, 5, 5], shape: [3] },
  "concat rows": {
    from: [
      [1, 2],
      [2, 2],
    ],
    make: (b, n) => b.concat(n, 0),
    wanted: [1, 2, 3, 4, 5, 6],
    shape: [3, 2],
  },
  "concat columns": {
    from: [
      [2, 1],
      [2, 2],
      [2, 0],
    ],
    make: (b, n) => b.concat(n, 1),
    wanted: [1, 3, 4, 2, 5, 6],
    shape: [2, 3],
  },
  flip: { from: [[2, 3]], make: (b, n) => b.flip(x0(n), [1]), wanted: [3, 2, 1, 6, 5, 4], shape: [2, 3] },
  "flip both": { from: [[2, 3]], make: (b, n) => b.flip(x0(n), [0, 1]), wanted: [6, 5, 4, 3, 2, 1], shape: [2, 3] },
};

describe("views", () => {
  test.each(Object.entries(views))("%s: value and gradient", (name, { from, make, wanted, shape }) => {
    const described: Described = { operands: from.map((operand): Operand => ({ dtype: "f64", shape: operand })), make };
    let count = 0;
    const counting = from.map((operand) =>
      ndarray(
        "f64",
        operand,
        Array.from({ length: sizeOf(operand) }, () => ++count),
      ),
    );
    const value = evaluateWith(described, counting);
    expect([...value.data]).toEqual(wanted);
    expect(value.shape).toEqual(shape);
    checkGradient(described, name);
  });

  test("what does not fit is refused", () => {
    const build = builder(createGraph());
    const x = build.graph.node(state, [], { name: "x", dtype: "f32", shape: [2, 3] });
    const square = build.graph.node(state, [], { name: "y", dtype: "f32", shape: [3, 3] });
    expect(() => build.reshape(x, [4])).toThrow(/cannot become \[4\]: 6 elements are not 4/);
    expect(() => build.permute(x, [1, 1])).toThrow(/no order of 2 axes/);
    expect(() => build.permute(x, [1])).toThrow(/no order of 2 axes/);
    expect(() => build.broadcast(x, [2, 4], [0, 1])).toThrow(/cannot be broadcast/);
    expect(() => build.broadcast(square, [3, 3, 3], [1, 0])).toThrow(/cannot be broadcast/);
    expect(() => build.broadcast(square, [3, 3, 3], [1, 1])).toThrow(/cannot be broadcast/);
    expect(() => build.slice(x, [0, 1], [2, 4], [1, 1])).toThrow(/1:4 does not lie in an axis of 3/);
    expect(() => build.slice(x, [0, 1], [2, 2], [0, 1])).toThrow(/step must be at least 1/);
    expect(() => build.pad(x, [1], [1], [0], 0)).toThrow(/padding of 1 axes for 2/);
    expect(() => build.pad(x, [-1, 0], [0, 0], [0, 0], 0)).toThrow(/whole numbers from 0/);
    expect(() => build.concat([x, square], 1)).toThrow(/differ beside axis 1/);
    expect(() => build.flip(x, [2])).toThrow(/no axes/);
    expect(() => build.reduce("sum", x, [0, 0])).toThrow(/no axes \[0,0\]/);
  });
});

// ---- contractions --------------------------------------------------------------------------------------------------

const attrs = (change: Partial<ContractAttrs>): ContractAttrs => ({
  batchLeft: [],
  batchRight: [],
  sumLeft: [],
  sumRight: [],
  ...change,
});

const contractions: Readonly<Record<string, readonly [readonly number[], readonly number[], ContractAttrs]>> = {
  matrices: [[2, 3], [3, 5], attrs({ sumLeft: [1], sumRight: [0] })],
  transposed: [[3, 2], [5, 3], attrs({ sumLeft: [0], sumRight: [1] })],
  vectors: [[7], [7], attrs({ sumLeft: [0], sumRight: [0] })],
  "outer product": [[2], [3], attrs({})],
  batches: [[4, 2, 3], [4, 3, 5], attrs({ batchLeft: [0], batchRight: [0], sumLeft: [2], sumRight: [1] })],
  "batch axes in the middle, of 1": [
    [2, 1, 3],
    [3, 5, 1],
    attrs({ batchLeft: [1], batchRight: [2], sumLeft: [2], sumRight: [0] }),
  ],
  "several sums, crossed": [[2, 3, 5], [5, 2, 3], attrs({ sumLeft: [2, 0], sumRight: [0, 1] })],
  "two batches, crossed": [[2, 3, 5], [3, 7, 2], attrs({ batchLeft: [0, 1], batchRight: [2, 0] })],
  "over nothing": [[2, 0], [0, 3], attrs({ sumLeft: [1], sumRight: [0] })],
  "of nothing": [[0, 2], [2, 3], attrs({ sumLeft: [1], sumRight: [0] })],
};

/** The sum written out: every axis of both operands is a letter, and all letters are walked. */
function einsum(left: NdArray, right: NdArray, { batchLeft, batchRight, sumLeft, sumRight }: ContractAttrs): number[] {
  const freeLeft = freeAxes(left.shape.length, batchLeft, sumLeft);
  const freeRight = freeAxes(right.shape.length, batchRight, sumRight);
  const letters = [
    ...batchLeft.map(String),
    ...freeLeft.map(String),
    ...freeRight.map((axis) => `r${axis}`),
    ...sumLeft.map(String),
  ];
  const nameOfRight = (axis: number): string => {
    const [b, s] = [batchRight.indexOf(axis), sumRight.indexOf(axis)];
    return b >= 0 ? String(batchLeft[b]) : s >= 0 ? String(sumLeft[s]) : `r${axis}`;
  };
  const extent = (letter: string): number =>
    (letter.startsWith("r") ? right.shape[Number(letter.slice(1))] : left.shape[Number(letter)]) ?? 0;
  const total = sizeOf(letters.map(extent));
  const group = sizeOf(sumLeft.map((axis) => left.shape[axis] ?? 0));
  const out = Array.from({ length: sizeOf(letters.slice(0, letters.length - sumLeft.length).map(extent)) }, () => 0);
  for (let flat = 0; flat < total; flat++) {
    const at = new Map<string, number>();
    let rest = flat;
    for (const letter of letters.toReversed()) {
      at.set(letter, rest % extent(letter));
      rest = Math.floor(rest / extent(letter));
    }
    const read = (x: NdArray, nameOf: (axis: number) => string): number =>
      x.data[x.shape.reduce((index, dim, axis) => index * dim + (at.get(nameOf(axis)) ?? 0), 0)] ?? 0;
    const place = Math.floor(flat / group);
    out[place] = (out[place] ?? 0) + read(left, String) * read(right, nameOfRight);
  }
  return out;
}

describe("contract", () => {
  test.each(Object.entries(contractions))("%s: value and gradient", (name, [left, right, axes]) => {
    const described: Described = {
      operands: [
        { dtype: "f64", shape: left },
        { dtype: "f64", shape: right },
      ],
      make: (build, [a, b]) => build.contract(a as Node, b as Node, axes),
    };
    const { args, value } = forward(described, name);
    const wanted = einsum(args[0] as NdArray, args[1] as NdArray, axes);
    expectClose(value, ndarray("f64", value.shape, wanted), 1e-12);
    checkGradient(described, name);
  });

  test("whole numbers wrap exactly, however large the products", () => {
    const on = (dtype: DType, a: readonly number[], b: readonly number[]): number | undefined =>
      evaluateWith(
        {
          operands: [a, b].map((numbers): Operand => ({ dtype, shape: [numbers.length] })),
          make: (build, [x, y]) => build.contract(x as Node, y as Node, attrs({ sumLeft: [0], sumRight: [0] })),
        },
        [ndarray(dtype, [a.length], a), ndarray(dtype, [b.length], b)],
      ).data[0];
    expect(on("i32", [2147483647, 1], [2147483647, 1])).toBe(2);
    expect(on("u32", [4294967295, 4294967295], [4294967295, 1])).toBe(0);
  });

  test("what does not fit is refused", () => {
    const build = builder(createGraph());
    const node = (name: string, dtype: DType): Node => build.graph.node(state, [], { name, dtype, shape: [2, 3] });
    const axes = attrs({ sumLeft: [1], sumRight: [0] });
    expect(() => build.contract(node("x", "f32"), node("y", "f32"), axes)).toThrow(/inner dimensions 3 and 2 differ/);
    expect(() => build.contract(node("x", "f32"), node("z", "f64"), attrs({}))).toThrow(/dtypes f32 and f64 differ/);
    expect(() => build.contract(node("u", "u8"), node("u", "u8"), attrs({}))).toThrow(/not defined for u8/);
    expect(() => build.contract(node("x", "f32"), node("y", "f32"), attrs({ sumLeft: [0] }))).toThrow(/in pairs/);
  });
});
