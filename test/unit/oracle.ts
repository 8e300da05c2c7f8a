/**
 * What the tests of the graph language share: seeded numbers, running passes with the checker behind each, the oracle's
 * values of an entry, and numeric derivatives to hold the symbolic ones to.
 */
import { expect } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import type { GraphPass } from "../../passes/graph/pass.ts";
import { specialize } from "../../passes/graph/specialize.ts";
import type { DType } from "../../src/core/dtype.ts";
import { isFloat } from "../../src/core/dtype.ts";
import { RandomStream } from "../../src/core/random.ts";
import { builder } from "../../src/graph/build.ts";
import { checkGraph } from "../../src/graph/check.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { resultNodes } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { input } from "../../src/graph/ops/source.ts";
import { gradient } from "../../src/graph/ops/transform.ts";
import { type Dims, fixedShape, type Shape, sizeOf } from "../../src/graph/shape.ts";

export type Feeds = Readonly<Record<string, NdArray>>;

/** Numbers in [low, high), the same for the same name. */
export function randomArray(name: string, dtype: DType, shape: readonly number[], low = -2, high = 2): NdArray {
  const random = new RandomStream(7, name);
  const draw = (): number => low + (high - low) * random.uniform();
  const numbers = Array.from({ length: sizeOf(shape) }, draw);
  if (isFloat(dtype)) return ndarray(dtype, shape, numbers);
  return ndarray(
    dtype,
    shape,
    numbers.map((value) => (dtype === "bool" ? Number(value > (low + high) / 2) : Math.floor(value))),
  );
}

export function inputNode(build: Build, name: string, dtype: DType, shape: Shape): Node {
  return build.graph.node(input, [], { name, dtype, shape });
}

/** Runs passes in order; the graph must be sound after each. Warnings are collected. */
export function runPasses(entry: Entry, passes: readonly GraphPass[], dims: Dims = {}, warnings: string[] = []): Entry {
  let current = entry;
  for (const pass of passes) {
    current = pass.run(current, { dims, warn: (message) => warnings.push(message) });
    expect(checkGraph(current.graph), `after ${pass.name}`).toBeNull();
  }
  return current;
}

/** The passes that the oracle needs before it can evaluate what a user wrote. */
export const expand: readonly GraphPass[] = [differentiate, specialize];

/** An entry's results by name. */
export function evaluateEntry(entry: Entry, feeds: Feeds): Map<string, NdArray> {
  const found = evaluateGraph(resultNodes(entry), new Map(Object.entries(feeds)));
  return new Map([...entry.outputs, ...entry.next].map(({ name }, i) => [name, found[i] as NdArray]));
}

/** An entry with one output for each node. */
export function entryOf(nodes: Readonly<Record<string, Node>>): Entry {
  const outputs = Object.entries(nodes).map(([name, node]) => ({ name, node }));
  return { name: "test", graph: outputs[0]?.node.graph ?? createGraph(), outputs, next: [] };
}

/** What a test describes: a node of some inputs. */
export interface Described {
  /** Operands by dtype, shape and range of their numbers. */
  readonly operands: readonly Operand[];
  readonly make: (build: Build, operands: readonly Node[]) => Node;
}

export interface Operand {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly low?: number;
  readonly high?: number;
}

function draw({ operands }: Described, seed: string): NdArray[] {
  return operands.map(({ dtype, shape, low, high }, i) => randomArray(`${seed} ${i}`, dtype, shape, low, high));
}

/** Random operands, and the node's value for them. */
export function forward(described: Described, seed: string): { readonly args: NdArray[]; readonly value: NdArray } {
  const args = draw(described, seed);
  return { args, value: evaluateWith(described, args) };
}

export function evaluateWith(described: Described, args: readonly NdArray[]): NdArray {
  const build = builder(createGraph());
  const node = described.make(build, operandNodes(build, described));
  const [value] = evaluateGraph([node], new Map(args.map((arg, i) => [`x${i}`, arg])));
  return value as NdArray;
}

function operandNodes(build: Build, { operands }: Described): Node[] {
  return operands.map(({ dtype, shape }, i) => inputNode(build, `x${i}`, dtype, shape));
}

/**
 * Holds the gradient to central differences along a random direction, for each float operand. The result is weighted by
 * random numbers first, so that no two elements' errors cancel.
 */
export function checkGradient(described: Described, seed: string, tolerance = 1e-6): void {
  const args = draw(described, seed);
  const weighted: Described = {
    operands: described.operands,
    make(build, operands) {
      const result = described.make(build, operands);
      const { dtype, shape } = result.type;
      const weights = inputNode(build, "weights", dtype, shape);
      return build.reduce(
        "sum",
        build.map("mul", result, weights),
        shape.map((_, axis) => axis),
      );
    },
  };
  const weights = randomArray(`${seed} weights`, "f64", evaluateWith(described, args).shape);
  const lossAt = (moved: readonly NdArray[]): number => {
    const build = builder(createGraph());
    const environment = new Map(moved.map((arg, i) => [`x${i}`, arg]));
    const [loss] = evaluateGraph(
      [weighted.make(build, operandNodes(build, weighted))],
      environment.set("weights", weights),
    );
    return loss?.data[0] ?? Number.NaN;
  };
  described.operands.forEach((operand, i) => {
    if (!isFloat(operand.dtype)) return;
    const symbolic = gradientOf(weighted, args, i, weights);
    if (symbolic.data.length === 0) return;
    const direction = randomArray(`${seed} direction ${i}`, operand.dtype, operand.shape, -1, 1);
    const step = 1e-5;
    const along = (sign: number): NdArray[] =>
      args.map((arg, j) =>
        i === j ? { ...arg, data: arg.data.map((v, k) => v + sign * step * (direction.data[k] ?? 0)) } : arg,
      );
    const numeric = (lossAt(along(1)) - lossAt(along(-1))) / (2 * step);
    const slope = symbolic.data.reduce((sum, v, k) => sum + v * (direction.data[k] ?? 0), 0);
    const scale = Math.max(1, Math.abs(numeric), Math.abs(slope));
    expect(Math.abs(numeric - slope) / scale, `operand ${i}: ${slope} is not ${numeric}`).toBeLessThan(tolerance);
  });
}

function gradientOf(weighted: Described, args: readonly NdArray[], operand: number, weights: NdArray): NdArray {
  const build = builder(createGraph());
  const operands = operandNodes(build, weighted);
  const by = operands[operand] as Node;
  const node = build.graph.node(gradient, [weighted.make(build, operands), by]);
  const entry = runPasses(entryOf({ gradient: node }), expand);
  const feeds = Object.fromEntries(args.map((arg, i) => [`x${i}`, arg]));
  const found = evaluateEntry(entry, { ...feeds, weights }).get("gradient") as NdArray;
  expect(found.shape).toEqual(fixedShape(by.type.shape));
  return found;
}

/** Same bits, but for the payload of NaN. */
export function expectSameBits(actual: NdArray, expected: NdArray): void {
  expect(actual.shape).toEqual(expected.shape);
  expect(actual.dtype).toBe(expected.dtype);
  expected.data.forEach((value, i) => {
    if (!Object.is(actual.data[i], value)) expect.fail(`element ${i}: ${actual.data[i]} is not ${value}`);
  });
}

export function expectClose(actual: NdArray, expected: NdArray, tolerance: number): void {
  expect(actual.shape).toEqual(expected.shape);
  expected.data.forEach((value, i) => {
    if (Object.is(actual.data[i], value)) return;
    const error = Math.abs((actual.data[i] ?? Number.NaN) - value);
    if (!(error <= tolerance * Math.max(1, Math.abs(value))))
      expect.fail(`element ${i}: ${actual.data[i]} is not ${value}`);
  });
}
