/**
 * Derivatives in both directions: `jvp` and `vjp` agree by inner products and with finite differences, for every op and composite
 * of the tables; second derivatives are symmetric; nothing is left of the slopes that a forward derivative is taken by.
 */
import { describe, expect, test } from "vitest";
import { simplify } from "../../passes/graph/simplify.ts";
import { isFloat, isShort, shortFloats } from "../../src/core/dtype.ts";
import { RandomStream } from "../../src/core/random.ts";
import * as ops from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, InputSpec } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { evaluate } from "../../src/tools/evaluate.ts";
import type { OpCase } from "../op-case.ts";
import { opCases } from "../op-cases.ts";
import { expand, runPasses } from "./oracle.ts";

/** Numbers for an input, the same for the same name. */
function drawn(name: string, shape: readonly number[], low: number, high: number, dtype: NdArray["dtype"]): NdArray {
  const stream = new RandomStream(9, name);
  const numbers = Array.from({ length: sizeOf(shape) }, () => {
    const value = stream.uniform(low, high);
    if (isFloat(dtype)) return Math.fround(value);
    return dtype === "bool" ? Number(value > (low + high) / 2) : Math.floor(value);
  });
  return ndarray(dtype, shape, numbers);
}

/** What a case gives, its change in a direction, and the slopes that random weights of it have. */
function entryOf(c: OpCase): Entry {
  const names = c.inputs.map((_, i) => `x${i}`);
  const specs = c.inputs.map(({ shape, dtype }, i) => [`x${i}`, new InputSpec(shape, dtype)] as const);
  const directions = c.inputs.flatMap(({ shape, dtype }, i) =>
    isFloat(dtype) ? [[`v${i}`, new InputSpec(shape, dtype)] as const] : [],
  );
  const floats = names.filter((_, i) => isFloat(c.inputs[i]?.dtype ?? "bool"));
  return program({
    inputs: Object.fromEntries([...specs, ...directions]),
    step(given: Readonly<Record<string, Tensor>>) {
      const all = (of: Readonly<Record<string, Tensor>>) =>
        c.make(names.map((name) => of[name] ?? (given[name] as Tensor)));
      const at = Object.fromEntries(floats.map((name) => [name, given[name] as Tensor]));
      const direction = Object.fromEntries(floats.map((name) => [name, given[`v${name.slice(1)}`] as Tensor]));
      const { value, tangent } = ops.jvp(all, at, direction);
      const weights = ops.reshape(ops.sin(ops.arange(sizeOf(value.shape as number[]), "f32")), value.shape) as Tensor;
      const slopes = ops.pullback(value, weights, at);
      return { outputs: { value, tangent, weights, slopes } };
    },
  }).entries.get("step") as Entry;
}

/** Results by name, in float64. */
function evaluated(entry: Entry, feeds: ReadonlyMap<string, NdArray>): ReadonlyMap<string, NdArray> {
  const found = evaluateGraph(
    entry.outputs.map(({ node }) => node),
    feeds,
  );
  return new Map(entry.outputs.map(({ name }, i) => [name, found[i] as NdArray]));
}

function dot(a: NdArray | undefined, b: NdArray | undefined): number {
  return a?.data.reduce((total, value, i) => total + value * (b?.data[i] ?? 0), 0) ?? 0;
}

/** The largest number in it, for tolerances. */
const scale = (a: NdArray | undefined): number => a?.data.reduce((most, v) => Math.max(most, Math.abs(v)), 1) ?? 1;

function compare(c: OpCase): void {
  const written = runPasses(entryOf(c), expand);
  const feeds = new Map<string, NdArray>([["$random", ndarray("u32", [2], [3, 4])]]);
  const moved = new Map(feeds);
  const back = new Map(feeds);
  const h = 1e-6;
  c.inputs.forEach(({ shape, dtype, low, high }, i) => {
    const x = drawn(`${c.op} x${i}`, shape, low, high, dtype);
    const v = drawn(`${c.op} v${i}`, shape, -1, 1, dtype);
    const step = (by: number): NdArray => ({ ...x, data: x.data.map((value, k) => value + by * (v.data[k] ?? 0)) });
    feeds.set(`x${i}`, x).set(`v${i}`, v);
    moved.set(`x${i}`, isFloat(dtype) ? step(h) : x).set(`v${i}`, v);
    back.set(`x${i}`, isFloat(dtype) ? step(-h) : x).set(`v${i}`, v);
  });
  const found = evaluated(written, feeds);
  const slopes = c.inputs.reduce(
    (total, { dtype }, i) => total + (isFloat(dtype) ? dot(found.get(`slopes.x${i}`), feeds.get(`v${i}`)) : 0),
    0,
  );
  const forward = dot(found.get("tangent"), found.get("weights"));
  const size = scale(found.get("tangent")) * Math.max(1, found.get("tangent")?.data.length ?? 1);
  // short floats are rounded at every op, and a step of a difference is lost in them
  const short = written.graph.nodes.map(({ type: { dtype } }) => dtype).find(isShort);
  const near = short !== undefined ? 2 ** (1 - shortFloats[short].fraction) : 1e-6;
  expect(Math.abs(forward - slopes), `inner products: ${forward} and ${slopes}`).toBeLessThanOrEqual(near * size);
  if (short !== undefined) return;
  const [high, low] = [evaluated(written, moved).get("value"), evaluated(written, back).get("value")];
  // what is infinite stays what it is
  const change = (a: number, b: number): number => (a === b ? 0 : (a - b) / (2 * h));
  const numeric = { ...(high as NdArray), data: (high as NdArray).data.map((v, i) => change(v, low?.data[i] ?? 0)) };
  const wanted = dot(numeric, found.get("weights"));
  expect(Math.abs(forward - wanted), `differences: ${forward} and ${wanted}`).toBeLessThanOrEqual(1e-3 * size);
}

describe("jvp and vjp agree by inner products, and with differences in a random direction", () => {
  const flowing = opCases.filter((c) => c.gradient);
  for (const op of new Set(flowing.map((c) => c.op))) {
    test(op, () => {
      for (const c of flowing) if (c.op === op) compare(c);
    });
  }
});

describe("second derivatives", () => {
  const cases: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
    ["products", (x) => ops.sum(ops.mul(ops.mul(x, x), ops.sum(ops.sin(x)))) as Tensor],
    ["prod", (x) => ops.prod(x) as Tensor],
    ["logSumExp", (x) => ops.logSumExp(ops.mul(x, x) as Tensor) as Tensor],
    ["l2Norm", (x) => ops.l2Norm(ops.exp(x)) as Tensor],
    ["softmax", (x) => ops.sum(ops.mul(ops.softmax(x), ops.cos(x))) as Tensor],
    ["matmul", (x) => ops.sum(ops.tanh(ops.matmul(ops.reshape(x, [2, 2]), ops.reshape(x, [2, 2]) as never))) as Tensor],
    ["sort", (x) => ops.sum(ops.mul(ops.sort(x), ops.mul(x, x))) as Tensor],
    ["variance", (x) => ops.mul(ops.variance(x), ops.sum(x)) as Tensor],
  ];
  for (const [name, f] of cases) {
    test(`of ${name}: symmetric, the same as gradients of gradients, and hvp is their product with a vector`, async () => {
      const at = [0.3, -0.7, 1.2, 0.9];
      const v = [0.5, -1, 2, 0.25];
      const found = (await evaluate(
        ({ x, v: direction }) => {
          const y = f(x);
          const first = ops.grad(y, x);
          const row = (i: number): Tensor => ops.reshape(ops.grad(ops.sum(ops.slice(first, [i, i + 1])), x), [1, 4]);
          return {
            whole: ops.hessian(y, x),
            rows: ops.concat([0, 1, 2, 3].map(row)),
            product: ops.hvp(y, x, direction),
            forward: ops.jvp((p: Tensor) => ops.grad(f(p), p), x, direction).tangent,
          };
        },
        { x: at, v },
        { dtype: "f64" },
      )) as Record<"whole" | "rows" | "product" | "forward", Float64Array>;
      const element = (i: number, k: number): number => found.whole[4 * i + k] ?? 0;
      for (let i = 0; i < 4; i++) {
        for (let k = 0; k < 4; k++) expect(element(i, k)).toBeCloseTo(element(k, i), 9);
        const product = v.reduce((total, vk, k) => total + element(i, k) * vk, 0);
        expect(found.product[i]).toBeCloseTo(product, 9);
        expect(found.forward[i]).toBeCloseTo(product, 9);
      }
      found.rows.forEach((value, i) => {
        expect(found.whole[i]).toBeCloseTo(value, 9);
      });
    });
  }
});

describe("a forward derivative", () => {
  test("has nothing left of the slope it is taken by, and does no more than the function", () => {
    const { entries } = program({
      inputs: { x: f32(8, 16), v: f32(8, 16), w: f32(16, 4) },
      step({ x, v, w }) {
        const { value, tangent } = ops.jvp(
          (at: Tensor) => ops.tanh(ops.matmul(at, w as never)) as Tensor,
          x as Tensor,
          v as Tensor,
        );
        return { outputs: { value, tangent } };
      },
    });
    const simple = runPasses(entries.get("step") as Entry, [...expand, simplify]);
    const names = simple.graph.nodes.map(({ op }) => op.name);
    expect(names.filter((name) => name === "contract")).toHaveLength(2);
    expect(names).not.toContain("permute");
    expect(
      simple.graph.nodes.filter(({ op, type }) => op.name === "broadcast" && type.shape.length > 0).length,
    ).toBeLessThanOrEqual(1);
  });

  test("of what does not depend on a place is zero, and a warning says so", () => {
    const warnings: string[] = [];
    const { entries } = program({
      inputs: { x: f32(2), y: f32(2), v: f32(2) },
      step: ({ x, y, v }) => ({ outputs: ops.jvp((at) => ops.exp(at.x), { x, y }, { x: v, y: v }) }),
    });
    runPasses(entries.get("step") as Entry, expand, {}, warnings);
    expect(warnings).toEqual([expect.stringContaining('does not depend on input "y"')]);
  });

  test("at one tensor in two places, each of which is changed, or has a slope, for itself", async () => {
    const f = ([p, q]: readonly Tensor[]): Tensor =>
      ops.add(ops.sin(p as never), ops.mul(q as never, q as never)) as Tensor;
    const given = { x: 0.4, one: 1 };
    const make = ({ x, one }: { x: Tensor; one: Tensor }) => ({
      tangent: ops.jvp(f, [x, x], [one, one] as never).tangent,
      slopes: ops.vjp(f, [x, x]).pullback(one as never),
      gradient: ops.valueAndGrad(f as never, [x, x]).gradient,
    });
    const found = await evaluate(make as never, given, { dtype: "f64" });
    const { tangent, slopes, gradient } = found as { tangent: number; slopes: number[]; gradient: number[] };
    expect(tangent).toBeCloseTo(Math.cos(0.4) + 0.8, 12);
    for (const [p, q] of [slopes, gradient]) {
      expect(p).toBeCloseTo(Math.cos(0.4), 12);
      expect(q).toBeCloseTo(0.8, 12);
    }
  });

  test("wants a tangent of the same form, and says what is missing, where", () => {
    const make = (tangent: (v: Tensor) => unknown) => () =>
      program({
        inputs: { x: f32(2), v: f32(2), u: f32(3) },
        step: ({ x, v }) => ({ outputs: ops.jvp((at) => ops.exp(at.x), { x }, tangent(v) as never) }),
      });
    expect(make(() => ({}))).toThrow(/jvp: the tangent "x" is missing.*directions\.test/s);
    expect(make((v) => ({ x: v, y: v }))).toThrow(/jvp: the tangent has "y", and nothing else has it/);
    expect(make((v) => ({ x: ops.concat([v, v]) }))).toThrow(
      /jvp: the tangent "x" must be f32\[2\], not f32\[4\].*directions\.test/s,
    );
    expect(() =>
      program({ step: () => ({ outputs: { y: ops.hvp(ops.scalar(1), ops.scalar(2), ops.scalar(3)) } }) }),
    ).toThrow("hvp: neither y nor the parameters depend on a state or input");
  });
});

test("a Jacobian is one program, whatever its size, backwards or forwards", () => {
  const nodes = (rows: number, columns: number): number => {
    const { entries } = program({
      inputs: { x: f32(columns), w: f32(columns, rows) },
      step: ({ x, w }) => ({ outputs: { j: ops.jacobian(ops.tanh(ops.dot(x, w as never)), x) } }),
    });
    return runPasses(entries.get("step") as Entry, expand).graph.nodes.length;
  };
  expect(nodes(300, 400)).toBe(nodes(3, 4));
  expect(nodes(400, 300)).toBe(nodes(4, 3));
});
