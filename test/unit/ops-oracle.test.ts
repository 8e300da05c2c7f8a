/**
 * The float64 meaning of element-wise ops and of those that depend on values: values against small references of another
 * kind, and every gradient rule against central differences along a random direction, on shapes with 1, with primes, and
 * empty.
 *
 * The table of samples is typed by the names of the ops: an op without its sample does not compile.
 */

import { describe, expect, test } from "vitest";
import { type DType, dtypes } from "../../src/core/dtype.ts";
import { builder } from "../../src/graph/build.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Node } from "../../src/graph/node.ts";
import type { MapName } from "../../src/graph/op-names.ts";
import { oneHot } from "../../src/graph/ops/gather.ts";
import { cast, mapOps } from "../../src/graph/ops/map.ts";
import { random, randomState, state } from "../../src/graph/ops/source.ts";
import {
  checkGradient,
  type Described,
  evaluateWith,
  expectClose,
  forward,
  type Operand,
  randomArray,
} from "./oracle.ts";

const shapes: readonly (readonly number[])[] = [[], [1], [7], [0], [3, 1, 5], [2, 3, 5]];

// ---- element-wise --------------------------------------------------------------------------------------------------

interface MapSample {
  /** The same function by another way. */
  readonly reference: (x: number, y: number, z: number) => number;
  /** Where its operands are drawn from: away from kinks, jumps and poles. */
  readonly ranges: readonly (readonly [low: number, high: number])[];
  readonly dtype?: DType;
  readonly tolerance?: number;
}

const wide = [-2, 2] as const;
const positive = [0.3, 3] as const;
const one = [wide] as const;
const both = [wide, wide] as const;
/** Of both signs, never near a whole number or a half. */
const between = [[3.1, 3.4]] as const;

/** Integral of f from 0 to x, by Simpson's rule. */
function integral(f: (t: number) => number, x: number): number {
  const steps = 400;
  const h = x / steps;
  let sum = f(0) + f(x);
  for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * f(i * h);
  return (sum * h) / 3;
}

/** Sum of a power series by its terms' ratio. */
function series(first: number, ratio: (n: number) => number): number {
  let [sum, term] = [0, first];
  for (let n = 1; n < 60; n++) {
    sum += term;
    term *= ratio(n);
  }
  return sum;
}

const maps = {
  add: { reference: (x, y) => x - -y, ranges: both },
  sub: { reference: (x, y) => -(y - x), ranges: both },
  mul: { reference: (x, y) => ((x + y) ** 2 - (x - y) ** 2) / 4, ranges: both },
  div: { reference: (x, y) => x * y ** -1, ranges: [wide, positive] },
  pow: { reference: (x, y) => Math.exp(y * Math.log(x)), ranges: [positive, wide] },
  max: { reference: (x, y) => (x + y + Math.abs(x - y)) / 2, ranges: both },
  min: { reference: (x, y) => (x + y - Math.abs(x - y)) / 2, ranges: both },
  mod: {
    reference: (x, y) => x - y * Math.floor(x / y),
    ranges: [
      [4.2, 4.9],
      [1.1, 1.35],
    ],
  },
  neg: { reference: (x) => 0 - x, ranges: one },
  abs: { reference: (x) => Math.sqrt(x * x), ranges: one },
  sign: { reference: (x) => x / Math.abs(x), ranges: one },
  exp: { reference: (x) => series(1, (n) => x / n), ranges: one },
  log: { reference: (x) => integral((t) => 1 / (1 + t), x - 1), ranges: [positive], tolerance: 1e-8 },
  log1p: { reference: (x) => integral((t) => 1 / (1 + t), x), ranges: [[-0.6, 2]], tolerance: 1e-8 },
  expm1: { reference: (x) => series(x, (n) => x / (n + 1)), ranges: one },
  sqrt: { reference: (x) => x ** 0.5, ranges: [positive] },
  rsqrt: { reference: (x) => x ** -0.5, ranges: [positive] },
  sin: { reference: (x) => series(x, (n) => (-x * x) / (2 * n * (2 * n + 1))), ranges: one },
  cos: { reference: (x) => series(1, (n) => (-x * x) / (2 * n * (2 * n - 1))), ranges: one },
  tanh: { reference: (x) => (Math.exp(x) - Math.exp(-x)) / (Math.exp(x) + Math.exp(-x)), ranges: one },
  erf: {
    reference: (x) => (2 / Math.sqrt(Math.PI)) * integral((t) => Math.exp(-t * t), x),
    ranges: one,
    tolerance: 1e-9,
  },
  floor: { reference: (x) => x - (((x % 1) + 1) % 1), ranges: between },
  ceil: { reference: (x) => -Math.floor(-x), ranges: between },
  round: { reference: (x) => Math.floor(x + 0.5), ranges: between },
  eq: {
    reference: (x, y) => Number(x <= y && y <= x),
    ranges: [
      [-2, 2],
      [-2, 2],
    ],
    dtype: "i32",
  },
  ne: {
    reference: (x, y) => Number(x < y || y < x),
    ranges: [
      [-2, 2],
      [-2, 2],
    ],
    dtype: "i32",
  },
  lt: { reference: (x, y) => Number(y - x > 0), ranges: both },
  le: { reference: (x, y) => Number(!(x - y > 0)), ranges: both },
  gt: { reference: (x, y) => Number(x - y > 0), ranges: both },
  ge: { reference: (x, y) => Number(!(y - x > 0)), ranges: both },
  and: { reference: (x, y) => x * y, ranges: both, dtype: "bool" },
  or: { reference: (x, y) => Math.sign(x + y), ranges: both, dtype: "bool" },
  not: { reference: (x) => 1 - x, ranges: one, dtype: "bool" },
  select: { reference: (x, y, z) => x * y + (1 - x) * z, ranges: [wide, wide, wide] },
  stopGradient: { reference: (x) => x, ranges: one },
} satisfies Record<MapName, MapSample>;

/** Ops whose derivative is zero or undefined on purpose: nothing flows through them. */
const flat: ReadonlySet<MapName> = new Set<MapName>([
  ...(["sign", "floor", "ceil", "round", "stopGradient"] as const),
  ...(["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"] as const),
]);

function mapOf(name: MapName, shape: readonly number[]): Described {
  const sample: MapSample = maps[name];
  const operands = sample.ranges.map(([low, high], i): Operand => {
    const dtype = name === "select" && i === 0 ? "bool" : (sample.dtype ?? "f64");
    return { dtype, shape, low, high };
  });
  return { operands, make: (build, args) => build.map(name, ...args) };
}

describe("element-wise ops", () => {
  test.each(Object.keys(mapOps) as MapName[])("%s: value and gradient", (name) => {
    const sample: MapSample = maps[name];
    for (const shape of shapes) {
      const described = mapOf(name, shape);
      const { args, value } = forward(described, name);
      const [x, y, z] = args;
      const wanted = Array.from(value.data, (_, i) =>
        sample.reference(x?.data[i] ?? 0, y?.data[i] ?? 0, z?.data[i] ?? 0),
      );
      expectClose(value, ndarray(value.dtype, shape, wanted), sample.tolerance ?? 1e-12);
      if (!flat.has(name)) checkGradient(described, name);
      else expect(mapOps[name].vjp).toBeUndefined();
    }
  });

  function valuesOf(name: MapName, dtype: DType, ...operands: readonly (readonly number[])[]): number[] {
    const args = operands.map((numbers) => ndarray(dtype, [numbers.length], numbers));
    const shape = [operands[0]?.length ?? 0];
    const described = { operands: args.map((): Operand => ({ dtype, shape })), make: mapOf(name, shape).make };
    return [...evaluateWith(described, args).data];
  }

  test("NaN and signed zeros", () => {
    const { NaN: none, POSITIVE_INFINITY: inf } = Number;
    expect(valuesOf("max", "f64", [none, 1, -0, -inf], [1, none, 0, 2])).toEqual([none, none, 0, 2]);
    expect(valuesOf("min", "f64", [none, 1, -0, -inf], [1, none, 0, 2])).toEqual([none, none, -0, -inf]);
    expect(valuesOf("round", "f64", [0.5, 1.5, 2.5, -0.5, -1.5, -0.2, inf, none])).toEqual([
      0,
      2,
      2,
      -0,
      -2,
      -0,
      inf,
      none,
    ]);
    expect(valuesOf("mod", "f64", [5.5, -5.5, 5.5, -5.5, 3], [3, 3, -3, -3, inf])).toEqual([2.5, 0.5, -0.5, -2.5, 3]);
    expect(valuesOf("sign", "f64", [-0, none, -inf])).toEqual([-0, none, -1]);
    expect(valuesOf("eq", "f64", [none, 0], [none, -0])).toEqual([0, 1]);
    expect(valuesOf("pow", "f64", [none, 0, -8], [0, 0, 1 / 3])).toEqual([1, 1, none]);
  });

  test("integers wrap, and divide by zero to 0", () => {
    const [low, high] = [-2147483648, 2147483647];
    expect(valuesOf("add", "i32", [high], [1])).toEqual([low]);
    expect(valuesOf("mul", "i32", [65537, high], [65537, high])).toEqual([131073, 1]);
    expect(valuesOf("mul", "u32", [4294967295], [4294967295])).toEqual([1]);
    expect(valuesOf("sub", "u32", [0], [1])).toEqual([4294967295]);
    expect(valuesOf("neg", "u32", [1])).toEqual([4294967295]);
    expect(valuesOf("neg", "i32", [low])).toEqual([low]);
    expect(valuesOf("abs", "i32", [low])).toEqual([low]);
    expect(valuesOf("div", "i32", [7, -7, 7, low], [2, 2, 0, -1])).toEqual([3, -3, 0, low]);
    expect(valuesOf("div", "u32", [4294967295], [2])).toEqual([2147483647]);
    expect(valuesOf("mod", "i32", [7, -7, 7, -7, 7], [3, 3, -3, -3, 0])).toEqual([1, 2, -2, -1, 0]);
  });

  test("dtypes that an op is not for are refused", () => {
    const refuse = (name: MapName, dtype: DType): void => {
      expect(() => valuesOf(name, dtype, ...maps[name].ranges.map(() => [1])), `${name} ${dtype}`).toThrow(
        /is not defined/,
      );
    };
    for (const name of ["exp", "pow", "floor"] as const)
      for (const dtype of ["i32", "bool", "u8"] as const) refuse(name, dtype);
    for (const dtype of ["bool", "u8"] as const) refuse("add", dtype);
    for (const dtype of ["f32", "f16", "bf16"] as const) refuse("and", dtype);
  });

  test("slopes at kinks and ties", () => {
    const slopes = (make: Described["make"], ...at: number[]): number[] =>
      at.map((x) => slopeAt((build, [node]) => make(build, [node as Node]), x));
    const relu: Described["make"] = (b, [x]) => b.map("max", x as Node, b.fill(x as Node, 0));
    expect(slopes(relu, -1, 0, 1)).toEqual([0, 0, 1]);
    expect(slopes((b, [x]) => b.map("abs", x as Node), -1, 0, 1)).toEqual([-1, 0, 1]);
    expect(slopes((b, [x]) => b.map("pow", x as Node, b.fill(x as Node, 0)), 0, 2)).toEqual([0, 0]);
    expect(slopes((b, [x]) => b.map("pow", x as Node, b.fill(x as Node, 1)), 0, 2)).toEqual([1, 1]);
    expect(slopes((b, [x]) => b.map("pow", x as Node, b.fill(x as Node, 2)), 0, -3)).toEqual([0, -6]);
  });
});

/** Derivative of a scalar function by the op's own rules, without differences. */
function slopeAt(make: Described["make"], x: number): number {
  const build = builder(createGraph());
  const node = build.graph.node(state, [], { name: "x", dtype: "f64", shape: [] });
  const y = make(build, [node]);
  const cotangents = new Map<Node, Node>([[y, build.constant("f64", 1)]]);
  for (const next of build.graph.nodes.slice(0, y.id + 1).toReversed()) {
    const g = cotangents.get(next);
    next.op.vjp?.(next, [g ?? build.constant("f64", 0)], build).forEach((flow, i) => {
      const operand = next.args[i] as Node;
      const sum = cotangents.get(operand);
      if (flow !== null && g !== undefined)
        cotangents.set(operand, sum === undefined ? flow : build.map("add", sum, flow));
    });
  }
  const [value] = evaluateGraph([cotangents.get(node) as Node], new Map([["x", ndarray("f64", [], [x])]]));
  return (value?.data[0] ?? Number.NaN) + 0;
}

// ---- cast, one-hot, random -----------------------------------------------------------------------------------------

describe("cast", () => {
  const from: readonly number[] = [
    0,
    1.5,
    -1.5,
    255.9,
    256,
    3e9,
    5e9,
    -5e9,
    1e10,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ];
  const wanted: Partial<Record<DType, readonly number[]>> = {
    i32: [0, 1, -1, 255, 256, 2147483647, 2147483647, -2147483648, 2147483647, 0, 2147483647],
    u32: [0, 1, 0, 255, 256, 3e9, 4294967295, 0, 4294967295, 0, 4294967295],
    u8: [0, 1, 0, 255, 255, 255, 255, 0, 255, 0, 255],
    bool: [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    f64: from,
    f32: from.map(Math.fround),
    bf16: [0, 1.5, -1.5, 256, 256, 3003121664, 4999610368, -4999610368, 9999220736, Number.NaN, Infinity],
    f16: [0, 1.5, -1.5, 255.875, 256, Infinity, Infinity, -Infinity, Infinity, Number.NaN, Infinity],
  };

  test.each(dtypes)("from f64 to %s", (dtype) => {
    const described: Described = {
      operands: [{ dtype: "f64", shape: [from.length] }],
      make: (build, [x]) => build.graph.node(cast, [x as Node], { dtype }),
    };
    const value = evaluateWith(described, [ndarray("f64", [from.length], from)]);
    expect([...value.data]).toEqual(wanted[dtype]);
    expect(value.dtype).toBe(dtype);
  });

  test("is differentiable between floats, and only there", () => {
    expect(slopeAt((b, [x]) => b.cast(b.cast(x as Node, "f32"), "f64"), 3)).toBe(1);
    for (const dtype of ["f16", "bf16"] as const) {
      expect(slopeAt((b, [x]) => b.cast(b.cast(x as Node, dtype), "f64"), 3)).toBe(1);
    }
    expect(() => slopeAt((b, [x]) => b.cast(b.cast(x as Node, "i32"), "f64"), 3)).toThrow();
  });
});

describe("one-hot", () => {
  const hot = (labels: readonly number[], depth: number, dtype: DType): number[] => {
    const described: Described = {
      operands: [{ dtype: "i32", shape: [labels.length] }],
      make: (build, [x]) => build.graph.node(oneHot, [x as Node], { depth, dtype }),
    };
    return [...evaluateWith(described, [ndarray("i32", [labels.length], labels)]).data];
  };

  test("has rows of zeros for labels out of range", () => {
    expect(hot([1, 0, 3, -1], 3, "f32")).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(hot([], 3, "f32")).toEqual([]);
    expect(hot([1], 1, "i32")).toEqual([0]);
  });

  test("wants whole labels and a known depth", () => {
    expect(() => hot([1], Number.NaN, "f32")).toThrow(/depth must be a known size/);
    const build = builder(createGraph());
    expect(() => build.graph.node(oneHot, [build.constant("f32", 1)], { depth: 2, dtype: "f32" })).toThrow(/integers/);
  });
});

test("random numbers depend on seed, stream and call, and on nothing else", () => {
  const build = builder(createGraph());
  const counter = build.graph.node(state, [], { name: randomState, dtype: "u32", shape: [2] });
  const draw = (stream: number, shape: readonly number[]): Node =>
    build.graph.node(random, [counter], { dtype: "f32", shape, stream });
  const nodes = [draw(0, [64]), draw(1, [64]), draw(0, [8, 8])];
  const at = (seed: number, calls: number): NdArray[] =>
    evaluateGraph(nodes, new Map([[randomState, ndarray("u32", [2], [seed, calls])]]));
  const [first, other, square] = at(1, 0);
  expect(square?.data).toEqual(first?.data);
  expect(other?.data).not.toEqual(first?.data);
  expect(at(1, 1)[0]?.data).not.toEqual(first?.data);
  expect(at(2, 0)[0]?.data).not.toEqual(first?.data);
  expect(first?.data.every((v) => v >= 0 && v < 1 && Number.isInteger(v * 2 ** 24))).toBe(true);
});

test("random arrays are what their names say", () => {
  expect(randomArray("a", "f64", [3])).toEqual(randomArray("a", "f64", [3]));
  expect(randomArray("a", "f64", [3])).not.toEqual(randomArray("b", "f64", [3]));
});
