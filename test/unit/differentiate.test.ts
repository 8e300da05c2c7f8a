/**
 * Derivatives as a user asks for them, evaluated by the oracle: the examples of the course notebooks (B1 to B7 of the
 * workloads), composites against central differences, derivatives of derivatives, and what is said when there is no path.
 */
import { describe, expect, test } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { simplify } from "../../passes/graph/simplify.ts";
import { CompilerBug, ShapeError, UserError } from "../../src/core/errors.ts";
import { zeros } from "../../src/dsl/initializers.ts";
import {
  accuracy,
  add,
  argmax,
  cast,
  exp,
  globalNorm,
  grad,
  logSoftmax,
  matmul,
  mean,
  meanSquaredError,
  mul,
  oneHot,
  pow,
  relu,
  scalar,
  sigmoid,
  sigmoidCrossEntropy,
  sin,
  slice,
  softmax,
  softmaxCrossEntropy,
  softplus,
  square,
  stopGradient,
  sub,
  sum,
  variance,
} from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, f64, i32, param } from "../../src/dsl/spec.ts";
import { Tensor } from "../../src/dsl/tensor.ts";
import { builder } from "../../src/graph/build.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { printFormula } from "../../src/graph/formula.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Node } from "../../src/graph/node.ts";
import { gradient } from "../../src/graph/ops/transform.ts";
import {
  checkGradient,
  entryOf,
  evaluateEntry,
  expand,
  expectClose,
  type Feeds,
  inputNode,
  randomArray,
  runPasses,
} from "./oracle.ts";

interface Made {
  readonly entries: ReadonlyMap<string, Entry>;
}

function stepOf(made: Made): Entry {
  return made.entries.get("step") as Entry;
}

/** Results of the only entry, simplified and not, which must agree. */
function results(made: Made, feeds: Feeds, warnings: string[] = []): Record<string, number[]> {
  const plain = runPasses(stepOf(made), expand, {}, warnings);
  const values = evaluateEntry(plain, feeds);
  for (const [name, value] of evaluateEntry(runPasses(plain, [simplify]), feeds)) {
    expectClose(value, values.get(name) as NdArray, 1e-6);
  }
  return Object.fromEntries([...values].map(([name, value]) => [name, [...value.data]]));
}

const number = (value: number): NdArray => ndarray("f32", [], [value]);

describe("the notebooks' examples", () => {
  test("B1: y = 2x + 3", () => {
    const line = program({
      state: { x: param(zeros()), m: param(zeros(2, 2)) },
      step: (_, { x, m }) => ({ outputs: { a: grad(add(mul(2, x), 3), x), b: grad(sum(add(mul(m, 2), 3)), m) } }),
    });
    expect(results(line, { x: number(0), m: randomArray("m", "f32", [2, 2]) })).toEqual({ a: [2], b: [2, 2, 2, 2] });
  });

  test("B2: x²y + xy + 3y at (2, 1)", () => {
    const made = program({
      state: { x: param(zeros()), y: param(zeros()) },
      step(_, { x, y }) {
        const f = add(add(mul(mul(x, x), y), mul(x, y)), mul(3, y));
        return { outputs: { f, g: grad(f, [x, y]) } };
      },
    });
    expect(results(made, { x: number(2), y: number(1) })).toEqual({ f: [9], "g.0": [5], "g.1": [9] });
  });

  const affine = (power: number): Made =>
    program({
      inputs: { x: f32(1, 3) },
      state: { w: param(zeros(3, 2)), b: param(zeros(2)) },
      step({ x }, { w, b }) {
        const y = pow(add(matmul(x, w), b), power);
        return { outputs: { loss: sum(y), g: grad(sum(y), { w, b }) } };
      },
    });
  const x = ndarray("f32", [1, 3], [1, 4, 3]);

  test("B3: xW + b", () => {
    const feeds = { x, w: randomArray("w", "f32", [3, 2]), b: randomArray("b", "f32", [2]) };
    expect(results(affine(1), feeds)).toMatchObject({ "g.w": [1, 1, 4, 4, 3, 3], "g.b": [1, 1] });
  });

  test("B4: (xW + b)³, and B7: the relative distance to the numeric gradient", () => {
    const feeds = { x, w: randomArray("w", "f32", [3, 2]), b: randomArray("b", "f32", [2]) };
    const found = results(affine(3), feeds);
    const y = [0, 1].map((j) =>
      [0, 1, 2].reduce((sum, k) => sum + (x.data[k] ?? 0) * (feeds.w.data[2 * k + j] ?? 0), feeds.b.data[j] ?? 0),
    );
    y.forEach((value, j) => {
      expect(found["g.b"]?.[j]).toBeCloseTo(3 * value ** 2, 9);
      [1, 4, 3].forEach((factor, k) => {
        expect(found["g.w"]?.[2 * k + j]).toBeCloseTo(3 * value ** 2 * factor, 9);
      });
    });
    const numeric = Array.from(feeds.w.data, (_, i) => {
      const at = (delta: number): number => {
        const w = { ...feeds.w, data: feeds.w.data.map((v, k) => (k === i ? v + delta : v)) };
        return results(affine(3), { ...feeds, w }).loss?.[0] ?? Number.NaN;
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });
    expect(relativeDistance(numeric, found["g.w"] ?? [])).toBeLessThan(1e-8);
    expect(relativeDistance([-1, -2, 3, 4, 5], [1, 2, 3, 4, 5])).toBeCloseTo(0.30151134, 8);
  });

  test("B5: the Jacobian of 3x⊙x + 2x + 3 is diagonal", () => {
    const made = program({
      inputs: { x: f64(2, 1) },
      step({ x }) {
        const y = add(add(mul(mul(3, x), x), mul(2, x)), 3);
        const row = (i: number): unknown => grad(sum(slice(y, [i, i + 1])) as Tensor<[]>, x);
        return { outputs: { rows: [row(0), row(1)] } };
      },
    });
    expect(results(made, { x: ndarray("f64", [2, 1], [1, 3]) })).toEqual({ "rows.0": [8, 0], "rows.1": [0, 20] });
  });

  test("B6: w² and w³ as expressions, and at 2", () => {
    const made = program({
      state: { w: param(zeros()) },
      step: (_, { w }) => ({ outputs: { a: grad(pow(w, 2), w), b: grad(mul(w, w), w), c: grad(pow(w, 3), w) } }),
    });
    const entry = runPasses(stepOf(made), [differentiate, simplify]);
    expect(entry.outputs.map(({ node }) => printFormula(node))).toEqual(["2w", "2w", "3w²"]);
    expect(results(made, { w: number(2) })).toEqual({ a: [4], b: [4], c: [12] });
  });
});

function relativeDistance(a: readonly number[], b: readonly number[]): number {
  const length = (numbers: readonly number[]): number => Math.hypot(...numbers);
  return length(a.map((value, i) => value - (b[i] ?? 0))) / (length(a) + length(b));
}

describe("composites", () => {
  const composites: Readonly<Record<string, (x: Tensor<[4, 3], "f64">) => Tensor>> = {
    relu: (x) => relu(x),
    sigmoid: (x) => sigmoid(x),
    softplus: (x) => softplus(x),
    softmax: (x) => softmax(x),
    "softmax along the first axis": (x) => softmax(x, { axis: 0 }),
    logSoftmax: (x) => logSoftmax(x),
    softmaxCrossEntropy: (x) => softmaxCrossEntropy(x, cast(argmax(sin(x)), "i32")),
    sigmoidCrossEntropy: (x) => sigmoidCrossEntropy(x, stopGradient(sigmoid(x))),
    variance: (x) => variance(x, { axis: 1 }),
    "mean of squares": (x) => mean(square(x), { axis: 0 }),
    globalNorm: (x) => globalNorm([x, exp(x)]),
    meanSquaredError: (x) => meanSquaredError(x, sin(x)),
  };

  // sigmoidCrossEntropy and the labels hold x fixed in one operand: differences must not see it move, so they are written out
  const moving = Object.entries(composites).filter(([name]) => name !== "sigmoidCrossEntropy");

  test.each(moving)("the gradient of %s agrees with differences", (name, composite) => {
    checkGradient(
      {
        operands: [{ dtype: "f64", shape: [4, 3] }],
        make: (_, [node]) => composite(new Tensor(node as Node)).value as Node,
      },
      name,
    );
  });

  test("sigmoid, softplus and sigmoidCrossEntropy have their slope at 0 and far out", () => {
    const made = program({
      inputs: { x: f64(5), z: f64(5) },
      step({ x, z }) {
        const one = (y: Tensor<[5], "f64">): unknown => grad(sum(y), x);
        return {
          outputs: { a: one(sigmoid(x)), b: one(softplus(x)), c: one(sigmoidCrossEntropy(x, z)), y: sigmoid(x) },
        };
      },
    });
    const found = results(made, {
      x: ndarray("f64", [5], [0, 40, -40, 800, -800]),
      z: ndarray("f64", [5], [1, 1, 1, 0, 0]),
    });
    const s = [0.5, 1, Math.exp(-40), 1, 0];
    const close = (name: string, wanted: readonly number[]): void =>
      wanted.forEach((value, i) => {
        expect(found[name]?.[i]).toBeCloseTo(value, 12);
      });
    close("y", s);
    close("a", [0.25, 0, Math.exp(-40), 0, 0]);
    close("b", s);
    close(
      "c",
      s.map((value, i) => value - ([1, 1, 1, 0, 0][i] ?? 0)),
    );
    expect(found.y?.[2]).toBeCloseTo(Math.exp(-40), 30);
  });

  test("logits of any size give finite losses and gradients", () => {
    const made = program({
      inputs: { x: f64(2, 3), label: i32(2) },
      step({ x, label }) {
        const loss = mean(softmaxCrossEntropy(x, label));
        return { outputs: { loss, g: grad(loss, x), p: softmax(x), share: accuracy(x, label) } };
      },
    });
    const found = results(made, {
      x: ndarray("f64", [2, 3], [1e4, 0, -1e4, 0, 0, 0]),
      label: ndarray("i32", [2], [2, 0]),
    });
    expect(found.loss?.[0]).toBeCloseTo((2e4 + Math.log(3)) / 2, 9);
    [0.5, 0, -0.5, -1 / 3, 1 / 6, 1 / 6].forEach((value, i) => {
      expect(found.g?.[i]).toBeCloseTo(value, 12);
    });
    expect(found.share).toEqual([0.5]);
  });
});

describe("derivatives of derivatives", () => {
  test("of a power, a sine, and a mixed one", () => {
    const made = program({
      state: { x: param(zeros()), y: param(zeros()) },
      step(_, { x, y }) {
        const twice = (f: Tensor<[]>): unknown => grad(grad(f, x), x);
        const mixed = mul(pow(x, 3), sin(y));
        return {
          outputs: {
            power: twice(pow(x, 4)),
            sine: twice(sin(x)),
            third: grad(grad(grad(pow(x, 4), x), x), x),
            xy: grad(grad(mixed, x), y),
          },
        };
      },
    });
    const found = results(made, { x: number(1.5), y: number(0.5) });
    expect(found.power?.[0]).toBeCloseTo(12 * 1.5 ** 2, 9);
    expect(found.sine?.[0]).toBeCloseTo(-Math.sin(1.5), 9);
    expect(found.third?.[0]).toBeCloseTo(24 * 1.5, 9);
    expect(found.xy?.[0]).toBeCloseTo(3 * 1.5 ** 2 * Math.cos(0.5), 9);
  });

  test("a penalty on a gradient agrees with differences", () => {
    const build = builder(createGraph());
    const w = inputNode(build, "w", "f64", [3, 2]);
    const x = inputNode(build, "x", "f64", [4, 3]);
    const loss = (): Node => {
      const y = build.map("tanh", build.contract(x, w, { batchLeft: [], batchRight: [], sumLeft: [1], sumRight: [0] }));
      return build.reduce("sum", build.map("mul", y, y), [0, 1]);
    };
    const slope = build.graph.node(gradient, [loss(), x]);
    const penalty = build.reduce("sum", build.map("mul", slope, slope), [0, 1]);
    const entry = runPasses(entryOf({ penalty, g: build.graph.node(gradient, [penalty, w]) }), [differentiate]);
    const feeds = { w: randomArray("w", "f64", [3, 2]), x: randomArray("x", "f64", [4, 3]) };
    const g = evaluateEntry(entry, feeds).get("g");
    feeds.w.data.forEach((_, i) => {
      const at = (delta: number): number => {
        const moved = { ...feeds.w, data: feeds.w.data.map((v, k) => (k === i ? v + delta : v)) };
        return evaluateEntry(entry, { ...feeds, w: moved }).get("penalty")?.data[0] ?? Number.NaN;
      };
      expect(g?.data[i]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 5);
    });
  });

  test("by a value in between, by a gradient, and by the loss itself", () => {
    const made = program({
      state: { x: param(zeros()) },
      step(_, { x }) {
        const h = exp(x);
        const loss = mul(h, sin(h));
        const g = grad(pow(x, 3), x);
        return { outputs: { h: grad(loss, h), g: grad(mul(g, g), g), self: grad(loss, loss) } };
      },
    });
    const found = results(made, { x: number(0.5) });
    const h = Math.exp(0.5);
    expect(found.h?.[0]).toBeCloseTo(Math.sin(h) + h * Math.cos(h), 9);
    expect(found.g?.[0]).toBeCloseTo(2 * 3 * 0.5 ** 2, 9);
    expect(found.self).toEqual([1]);
  });
});

describe("no path", () => {
  test("gives zeros, and a warning with the parameter's name and the line", () => {
    const made = program({
      inputs: { x: f32(2) },
      state: { model: { used: param(zeros(2)), unused: param(zeros(3)), stopped: param(zeros(2)) } },
      step({ x }, { model }) {
        const loss = sum(mul(x, add(model.used, stopGradient(model.stopped))));
        return { outputs: { g: grad(loss, model), y: grad(loss, exp(x)) } };
      },
    });
    const warnings: string[] = [];
    const feeds = {
      x: ndarray("f32", [2], [3, 4]),
      "model.used": ndarray("f32", [2], [0, 0]),
      "model.stopped": ndarray("f32", [2], [0, 0]),
    };
    const found = results(made, { ...feeds, "model.unused": ndarray("f32", [3], [0, 0, 0]) }, warnings);
    expect(found).toEqual({ "g.used": [3, 4], "g.unused": [0, 0, 0], "g.stopped": [0, 0], y: [0, 0] });
    expect(warnings.length).toBe(3);
    expect(warnings[0]).toMatch(
      /^the loss does not depend on state "model\.unused": its gradient is zero\n +at .*differentiate\.test\.ts:\d+:\d+$/,
    );
    expect(warnings[1]).toContain('state "model.stopped"');
    expect(warnings[2]).toContain("a value of exp f32[2]");
  });

  test("through whole numbers and comparisons nothing flows", () => {
    const made = program({
      inputs: { x: f32(3) },
      step({ x }) {
        const rounded = cast(cast(x, "i32"), "f32");
        return { outputs: { g: grad(sum(mul(rounded, x)), x), h: grad(sum(oneHot(argmax(x), 3)), x) } };
      },
    });
    expect(results(made, { x: ndarray("f32", [3], [1.5, 2.5, -3.5]) })).toEqual({ g: [1, 2, -3], h: [0, 0, 0] });
  });
});

describe("mistakes", () => {
  const wrong = (make: (x: Tensor<[2], "f32">) => unknown): (() => unknown) => {
    return () => program({ inputs: { x: f32(2), n: i32() }, step: ({ x }) => ({ outputs: { y: make(x) } }) });
  };

  test("a loss that is no scalar, or no float", () => {
    expect(wrong((x) => grad(exp(x) as unknown as Tensor<[]>, x))).toThrow(ShapeError);
    expect(wrong((x) => grad(exp(x) as unknown as Tensor<[]>, x))).toThrow(
      /^grad\(f32\[2\], f32\[2\]\): the loss must be a scalar: take its sum or mean first\n +at .*differentiate\.test\.ts:\d+/,
    );
    expect(wrong((x) => grad(sum(cast(x, "i32")), x))).toThrow(/the loss must be a float, not i32\[\]/);
    expect(wrong((x) => grad(sum(x), cast(x, "i32")))).toThrow(/only floats have gradients, not i32\[2\]/);
    expect(wrong((x) => grad(sum(x), { a: 1 }))).toThrow(/grad: "a" holds 1/);
    expect(() => grad(scalar(1), scalar(2))).toThrow(UserError);
  });

  test("a wrong gradient rule is named", () => {
    const build = builder(createGraph());
    const x = inputNode(build, "x", "f32", [2]);
    const bad = { ...build.map("exp", x).op, name: "bad", vjp: () => [build.constant("f32", 1)] };
    const loss = build.reduce("sum", build.graph.node(bad as Node["op"], [x]), [0]);
    const entry = entryOf({ g: build.graph.node(gradient, [loss, x]) });
    const run = (): unknown => differentiate.run(entry, { dims: {}, warn() {} });
    expect(run).toThrow(CompilerBug);
    expect(run).toThrow(/the gradient rule of bad gives f32\[\] for an operand f32\[2\]/);
  });
});

test("derived nodes point at the line of the forward node", () => {
  const made = program({
    state: { w: param(zeros()) },
    step: (_, { w }) => ({ outputs: { g: grad(sub(exp(w), 1), w) } }),
  });
  const entry = runPasses(stepOf(made), [differentiate]);
  const [g] = entry.outputs;
  expect(g?.node.op.name).toBe("mul");
  expect(g?.node.origins.map(({ call }) => call)).toEqual(["exp"]);
  expect(evaluateGraph([g?.node as Node], new Map([["w", number(0)]]))[0]?.data[0]).toBe(1);
});

test("one reverse sweep serves all gradients of a loss", () => {
  let sweeps = 0;
  const build = builder(createGraph());
  const parts = Array.from({ length: 20 }, (_, i) => inputNode(build, `x${i}`, "f32", []));
  const base = build.map("exp", parts[0] as Node).op;
  const counting = {
    ...base,
    vjp(node: Node, slopes: readonly (Node | null)[], b: Parameters<NonNullable<typeof base.vjp>>[2]) {
      sweeps++;
      return base.vjp?.(node, slopes, b) ?? [];
    },
  } as Node["op"];
  const total = parts.reduce((sum, part) => build.map("mul", sum, part));
  const loss = build.graph.node(counting, [total]);
  const entry = entryOf(Object.fromEntries(parts.map((x, i) => [`g${i}`, build.graph.node(gradient, [loss, x])])));
  const done = runPasses(entry, [differentiate]);
  expect(sweeps).toBe(1);
  expect(done.graph.nodes.length).toBeLessThan(120);
});
