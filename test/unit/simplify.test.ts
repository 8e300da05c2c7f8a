/**
 * Every law of `simplify`, instantiated from its own pattern wherever its operands have a dtype that fits: the left side and
 * the right side have the same value under the oracle, bit for bit (with NaN, infinities and -0 among the operands) where the
 * rule says `exact`. Laws whose ops carry attributes have their left sides in the table below.
 */
import { describe, expect, test } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { applyRule, type Pattern, type Rule } from "../../passes/graph/pattern.ts";
import { simplifier, simplify } from "../../passes/graph/simplify.ts";
import { rules } from "../../passes/graph/simplify-rules.ts";
import type { DType } from "../../src/core/dtype.ts";
import { isFloat } from "../../src/core/dtype.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { zeros } from "../../src/dsl/initializers.ts";
import { add, exp, grad, log, matmul, mean, mul, pow, softmaxCrossEntropy, sub, sum, tanh } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, i32, param } from "../../src/dsl/spec.ts";
import { builder } from "../../src/graph/build.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { printFormula } from "../../src/graph/formula.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Build, ContractAttrs, Node } from "../../src/graph/node.ts";
import { barrier } from "../../src/graph/ops/barrier.ts";
import { input } from "../../src/graph/ops/source.ts";
import { printEntry } from "../../src/graph/print.ts";
import { fixedShape, sizeOf } from "../../src/graph/shape.ts";
import { countedWindows } from "../window-cases.ts";
import {
  entryOf,
  evaluateEntry,
  expand,
  expectClose,
  expectSameBits,
  inputNode,
  randomArray,
  runPasses,
} from "./oracle.ts";

// ---- left sides ----------------------------------------------------------------------------------------------------

const shape = [5, 12];
const dtypes: readonly DType[] = ["f64", "f32", "i32", "u32", "bool"];
const factors = [0.25, -3, 1e-3];

/** What may stand for a hole: an input of each dtype, and constants. */
function candidates(build: Build, name: string): Node[] {
  const fill = (value: number): Node => build.broadcast(build.constant("f64", value), shape, []);
  return [...dtypes.map((dtype) => inputNode(build, `${name} ${dtype}`, dtype, shape)), ...factors.map(fill)];
}

/** A literal as a constant of each dtype, repeated. */
function literals(build: Build, value: number): Node[] {
  return dtypes.map((dtype) => build.broadcast(build.constant(dtype, value), shape, []));
}

type Chosen = ReadonlyMap<string, Node>;

/** All nodes that a pattern may stand for; those that have no type are left out. */
function* instances(pattern: Pattern, build: Build, chosen: Chosen): Generator<readonly [Node, Chosen]> {
  if (pattern.form === "literal") for (const node of literals(build, pattern.value)) yield [node, chosen];
  if (pattern.form === "hole") {
    const known = chosen.get(pattern.name);
    const nodes = known === undefined ? candidates(build, pattern.name).filter(pattern.accepts) : [known];
    for (const node of nodes) yield [node, new Map(chosen).set(pattern.name, node)];
  }
  if (pattern.form !== "op") return;
  for (const [args, all] of operandInstances(pattern.args, build, chosen)) {
    try {
      yield [build.graph.node(pattern.op, args), all];
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
    }
  }
}

function* operandInstances(
  [first, ...others]: readonly Pattern[],
  build: Build,
  chosen: Chosen,
): Generator<readonly [readonly Node[], Chosen]> {
  if (first === undefined) {
    yield [[], chosen];
    return;
  }
  for (const [node, all] of instances(first, build, chosen)) {
    for (const [rest, last] of operandInstances(others, build, all)) yield [[node, ...rest], last];
  }
}

type Make = (build: Build, x: Node, y: Node) => Node;

const batched = (
  batchLeft: readonly number[],
  batchRight: readonly number[],
  sumLeft: readonly number[],
  sumRight: readonly number[],
): ContractAttrs => ({ batchLeft, batchRight, sumLeft, sumRight });

const halves: Make = (b, x) => b.broadcast(b.constant(x.type.dtype, 0.5), [2, 3], []);
/** For laws whose ops carry attributes: x and y are f64[5,12]. */
const written: Readonly<Record<string, readonly Make[]>> = {
  "f(c, d) ≈ its value": [
    (b, x) => b.map("add", b.fill(x, 2), b.fill(x, 0.1)),
    (b) => b.map("exp", b.constant("f32", 0.3)),
    (b, x) => b.map("lt", b.fill(x, 2), b.fill(x, 3)),
    (b) => b.map("mul", b.constant("i32", 65537), b.constant("i32", 65537)),
    (b) => b.map("log", b.constant("f64", 0)),
    (b) => b.cast(b.constant("f64", -2.5), "i32"),
    (b, x) => b.map("select", b.constant("bool", 1), b.constant("f64", 1), b.constant("f64", x.type.shape.length)),
  ],
  "contract(x, w) along a batch, which sums nothing ≈ x · w": [
    (b, x, y) => b.contract(x, y, batched([0], [0], [], [])),
    (b, x, y) => b.contract(b.reshape(x, [5, 1, 12]), b.reshape(y, [5, 12, 1]), batched([0], [0], [1], [2])),
    (b, x, y) => b.contract(b.reshape(x, [5, 3, 4]), b.reshape(y, [4, 5, 3]), batched([2, 0], [0, 1], [], [])),
  ],
  "contract(x, w), one repeated along a batch axis = contract(x, w)": [
    (b, x, y) => b.contract(x, b.broadcast(y, [5, 5, 12], [1, 2]), batched([0], [0], [1], [2])),
    (b, x, y) => {
      const left = b.reshape(x, [5, 3, 4]);
      return b.contract(
        left,
        b.broadcast(b.reshape(y, [4, 15]), [3, 4, 15, 5], [1, 2]),
        batched([1, 0], [0, 3], [2], [1]),
      );
    },
    (b, x, y) => b.contract(b.reshape(x, [4, 3, 5]), b.broadcast(y, [3, 5, 12], [1, 2]), batched([1], [0], [2], [1])),
    (b, x, y) => b.contract(b.broadcast(x, [3, 5, 12], [1, 2]), b.reshape(y, [4, 3, 5]), batched([0], [1], [1], [2])),
    (b, x, y) =>
      b.contract(b.broadcast(x, [5, 12, 2], [0, 1]), b.reshape(y, [2, 6, 5]), batched([2, 0], [0, 2], [], [])),
  ],
  "contract(x, w), one repeated along a free axis = contract(x, w) repeated": [
    (b, x, y) => b.contract(x, b.broadcast(y, [7, 5, 12], [1, 2]), batched([], [], [1], [2])),
    (b, x, y) =>
      b.contract(x, b.broadcast(b.reshape(y, [5, 4, 3]), [5, 4, 6, 3, 2], [0, 1, 3]), batched([0], [0], [], [])),
    (b, x) =>
      b.contract(x, b.broadcast(b.slice(x, [0, 0], [1, 12], [1, 1]), [5, 12], [0, 1]), batched([], [], [1], [1])),
    (b, x, y) => b.contract(b.broadcast(x, [5, 7, 12], [0, 2]), y, batched([], [], [2], [1])),
    (b, x, y) =>
      b.contract(
        b.broadcast(b.reshape(x, [3, 4, 5]), [3, 2, 4, 5, 6], [0, 2, 3]),
        b.reshape(y, [4, 3, 5]),
        batched([2], [0], [3], [2]),
      ),
  ],
  "contract(x, w), one repeated along a summed axis ≈ contract(x, w), the other summed": [
    (b, x, y) =>
      b.contract(b.reshape(x, [5, 4, 3]), b.broadcast(y, [4, 5, 12], [1, 2]), batched([], [], [1, 0], [0, 1])),
    (b, x, y) => b.contract(b.reshape(x, [5, 4, 3]), b.broadcast(y, [5, 12, 3], [0, 1]), batched([0], [0], [2], [2])),
    (b, x, y) => b.contract(b.broadcast(x, [4, 5, 12], [1, 2]), b.reshape(y, [5, 3, 4]), batched([], [], [0], [2])),
    (b, x, y) =>
      b.contract(b.broadcast(b.slice(x, [0, 0], [1, 12], [1, 1]), [5, 12], [0, 1]), y, batched([], [], [0], [0])),
  ],
  "select(m, reshape(contract), c) = reshape(select(reshape(m), contract, c))": [
    (b, x, y) => {
      const flat = b.reshape(b.contract(x, y, batched([], [], [0], [0])), [4, 36]);
      return b.map("select", b.map("gt", flat, b.fill(flat, 0.25)), flat, b.fill(flat, -1));
    },
  ],
  "window(x) of single elements = reshape(x)": [
    (b, x) => b.window(x, { ...countedWindows({ axis: 1, size: 1, count: 12, dilation: 3 }), value: 1 }),
    (b, x) =>
      b.window(x, { ...countedWindows({ axis: 1, size: 1, count: 12 }, { axis: 0, size: 1, count: 5 }), value: 0 }),
  ],
  "window(c repeated) = c repeated": [
    (b, x) => b.window(b.fill(x, 0.5), { ...countedWindows({ axis: 1, size: 3, count: 5, stride: 2 }), value: 7 }),
    (b, x) => b.window(b.fill(x, 0.5), { ...countedWindows({ axis: 1, size: 3, count: 12, before: 1 }), value: 0.5 }),
  ],
  "window(pad(x)) = window(x) with the border of both": [
    (b, x) => b.window(b.pad(x, [0, 2], [0, 3], [0, 0], 0), { ...countedWindows({ axis: 1, size: 3, count: 9, stride: 2, before: 1 }), value: 0 }), // biome-ignore format: a row
    (b, x) => b.window(b.pad(x, [1, 2], [2, 0], [2, 1], 4), { ...countedWindows({ axis: 0, size: 2, count: 8, dilation: 3 }, { axis: 1, size: 2, count: 6, stride: 3 }), value: 4 }), // biome-ignore format: a row
    (b, x) => b.window(b.pad(x, [0, 2], [0, 3], [0, 0], 4), { ...countedWindows({ axis: 1, size: 3, count: 15 }), value: 0 }), // biome-ignore format: a row
  ],
  "window(broadcast(x)) = broadcast(x) along the axes that repeat x": [
    (b, x) => b.window(b.broadcast(x, [5, 9, 12], [0, 2]), { ...countedWindows({ axis: 1, size: 3, count: 4, stride: 2 }), value: 0 }), // biome-ignore format: a row
    (b, x) => b.window(b.broadcast(b.reshape(x, [60, 1]), [60, 7], [0, 1]), { ...countedWindows({ axis: 1, size: 2, count: 6 }), value: 0 }), // biome-ignore format: a row
  ],
  "cast(x) to its own dtype = x": [(b, x) => b.graph.node(b.cast(x, "f32").op, [x], { dtype: "f64" })],
  "cast(cast(x)) = cast(x) where the first loses nothing": [
    (b, x) => b.cast(b.cast(b.map("gt", x, b.fill(x, 0)), "i32"), "f32"),
    (b, x) => b.cast(b.cast(b.map("gt", x, b.fill(x, 0)), "u8"), "bool"),
    (b, x) => b.cast(b.cast(b.cast(x, "i32"), "f64"), "u32"),
    (b, x) => b.cast(b.cast(b.cast(x, "f32"), "f64"), "f32"),
  ],
  "reshape(x) to its own shape = x": [(b, x) => b.graph.node(b.reshape(x, [60]).op, [x], { shape })],
  "broadcast(x) to its own shape = x": [(b, x) => b.graph.node(b.fill(x, 1).op, [x], { shape, axes: [0, 1] })],
  "permute(x) by 0, 1, 2... = x": [(b, x) => b.graph.node(b.permute(x, [1, 0]).op, [x], { order: [0, 1] })],
  "reshape(reshape(x)) = reshape(x)": [
    (b, x) => b.reshape(b.reshape(x, [60]), [3, 20]),
    (b, x) => b.reshape(b.reshape(x, [60]), shape),
  ],
  "permute(permute(x)) = permute(x)": [
    (b, x) => b.permute(b.permute(b.reshape(x, [5, 3, 4]), [2, 0, 1]), [2, 0, 1]),
    (b, x) => b.permute(b.permute(b.reshape(x, [5, 3, 4]), [1, 2, 0]), [2, 0, 1]),
  ],
  "broadcast(broadcast(x)) = broadcast(x)": [
    (b, x) => b.broadcast(b.broadcast(x, [5, 2, 12], [0, 2]), [5, 3, 2, 12], [0, 2, 3]),
    (b, x) => b.broadcast(b.broadcast(b.reshape(x, [60, 1]), [60, 1, 1], [0, 2]), [60, 2, 3], [0, 1, 2]),
  ],
  "broadcast(reshape(x)) = broadcast(x) where the reshape only adds axes of size 1": [
    (b, x) => b.broadcast(b.reshape(x, [5, 1, 12]), [5, 3, 12], [0, 1, 2]),
    (b, x) => b.broadcast(b.reshape(b.reshape(x, [60, 1]), [1, 60, 1, 1]), [2, 60, 3, 4], [0, 1, 2, 3]),
  ],
  "pad(x) + pad(y) ≈ concat(x, y) where they lie beside each other": [
    (b, x, y) => b.map("add", b.pad(x, [0, 3], [0, 12], [0, 0], 0), b.pad(y, [0, 15], [0, 0], [0, 0], 0)),
    (b, x, y) => {
      const [last, first] = [b.pad(x, [10, 0], [0, 0], [0, 0], 0), b.pad(y, [0, 0], [10, 0], [0, 0], 0)];
      return b.map("add", b.pad(b.concat([x], 0), [5, 0], [5, 0], [0, 0], 0), b.map("add", last, first));
    },
  ],
  "reshape(c repeated) = c repeated": [(b, x, y) => b.reshape(halves(b, x, y), [6])],
  "permute(c repeated) = c repeated": [(b, x, y) => b.permute(halves(b, x, y), [1, 0])],
  "slice(c repeated) = c repeated": [(b, x, y) => b.slice(halves(b, x, y), [0, 1], [1, 3], [1, 1])],
  "flip(c repeated) = c repeated": [(b, x, y) => b.flip(halves(b, x, y), [1])],
  "f(broadcast(x), broadcast(y)) = broadcast(f(x, y))": [
    (b, x) => b.map("exp", b.broadcast(x, [5, 3, 12], [0, 2])),
    (b, x, y) => b.map("add", b.broadcast(x, [2, 5, 12], [1, 2]), b.broadcast(y, [2, 5, 12], [1, 2])),
    (b, x) => b.map("max", b.broadcast(x, [2, 5, 12], [1, 2]), b.broadcast(b.constant("f64", 0), [2, 5, 12], [])),
    (b, x) => b.cast(b.broadcast(x, [2, 5, 12], [1, 2]), "i32"),
    (b, x) =>
      b.map("mul", b.broadcast(b.reduce("prod", x, [0, 1]), [2, 5, 12], []), b.broadcast(x, [2, 5, 12], [1, 2])),
    (b, x) => b.map("neg", b.broadcast(b.reshape(x, [60, 1]), [60, 7], [0, 1])),
  ],
  "sum(x repeated n times) ≈ n · x": [
    (b, x) => b.reduce("sum", b.broadcast(x, [5, 3, 12, 2], [0, 2]), [1, 3]),
    (b, x) => b.reduce("sum", b.broadcast(x, [5, 3, 12, 2], [0, 2]), [3]),
  ],
  ...Object.fromEntries(
    (["sum", "prod", "max", "min"] as const).map((name) => [
      `${name} over axes of size 1 ${name === "sum" ? "≈" : "="} reshape`,
      [
        (b: Build, x: Node) => b.reduce(name, b.reshape(x, [5, 1, 12]), [1]),
        (b: Build, x: Node) => b.reduce(name, b.reshape(x, [5, 1, 12, 1]), [1, 2]),
      ],
    ]),
  ),
};

function leftSides(rule: Rule): Node[] {
  const build = builder(createGraph());
  const made = written[rule.law];
  if (made !== undefined) {
    return made.map((make) => make(build, inputNode(build, "x", "f64", shape), inputNode(build, "y", "f64", shape)));
  }
  return [...instances(rule.left, build, new Map())].map(([node]) => node);
}

// ---- the laws ------------------------------------------------------------------------------------------------------

const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, -1, 5e-324, 1e308];

/** Random operands; with `odd`, floats start with the numbers that break careless laws. */
function feedsFor(graph: Build["graph"], seed: string, odd: boolean): Map<string, NdArray> {
  const leaves = graph.nodes.filter((node) => node.op === input);
  return new Map(
    leaves.map((node, i) => {
      const { dtype, shape: symbolic } = node.type;
      const fixed = fixedShape(symbolic);
      const array = randomArray(`${seed} ${i}`, dtype, fixed, dtype === "u32" ? 0 : -9, 9);
      if (!odd || !isFloat(dtype)) return [String(node.attrs.name), array];
      const data = array.data.map((value, at) =>
        at % 2 === 0 ? (special[(at / 2 + i) % special.length] ?? 0) : value,
      );
      return [String(node.attrs.name), ndarray(dtype, fixed, data)];
    }),
  );
}

describe("laws", () => {
  test("have titles of their own, and those in the table exist", () => {
    const laws = rules.map(({ law }) => law);
    expect(new Set(laws).size).toBe(laws.length);
    expect(Object.keys(written).filter((law) => !laws.includes(law))).toEqual([]);
  });

  test.each(rules.map((rule) => [rule.law, rule] as const))("%s", (law, rule) => {
    let fired = 0;
    for (const left of leftSides(rule)) {
      const right = applyRule(rule, left, builder(left.graph));
      if (right === null) continue;
      fired++;
      expect(right.type).toEqual(left.type);
      for (const odd of rule.exact ? [true, false] : [false]) {
        const [a, b] = evaluateGraph([left, right], feedsFor(left.graph, law, odd));
        if (a === undefined || b === undefined) throw new Error("no value");
        if (rule.exact) expectSameBits(b, a);
        else expectClose(b, a, 1e-6);
      }
    }
    expect(fired, "no instance of the law fires").toBeGreaterThan(0);
    if (written[law] !== undefined) expect(fired, "every written instance fires").toBe(written[law]?.length);
  });

  test("that are false are not there", () => {
    const build = builder(createGraph());
    const x = inputNode(build, "x", "f64", [3]);
    const kept: readonly Node[] = [
      build.map("mul", x, build.fill(x, 0)),
      build.map("sub", x, x),
      build.map("div", x, x),
      build.map("div", x, build.fill(x, 3)),
      build.cast(build.cast(x, "f32"), "f64"),
      build.cast(build.cast(x, "i32"), "f64"),
      build.broadcast(build.reshape(x, [3, 1]), [3, 3], [0, 1]),
      build.map("add", build.broadcast(x, [3, 3], [0]), build.broadcast(x, [3, 3], [1])),
      build.reduce("sum", build.broadcast(x, [3, 3], [0]), [0]),
      build.window(build.pad(x, [1], [1], [0], 4), { ...countedWindows({ axis: 0, size: 2, count: 6, before: 1 }), value: 0 }), // biome-ignore format: a row
      build.window(build.broadcast(x, [3, 3], [0]), { ...countedWindows({ axis: 1, size: 2, count: 3, before: 1 }), value: 0 }), // biome-ignore format: a row
    ];
    // the only one that may change is the broadcast, which loses its reshape
    const changed = kept.map((node) => simplify.run(entryOf({ node }), { dims: {}, warn() {} }));
    const names = changed.map((entry) => entry.outputs[0]?.node.op.name);
    expect(names).toEqual(["mul", "sub", "div", "div", "cast", "cast", "broadcast", "add", "sum", "window", "window"]);
    expect(changed.map((entry) => entry.outputs[0]?.node.args.length)).toEqual([2, 2, 2, 2, 1, 1, 1, 2, 1, 1, 1]);
    expect(changed[4]?.outputs[0]?.node.args[0]?.op.name).toBe("cast");
    expect(changed[8]?.outputs[0]?.node.args[0]?.op.name).toBe("broadcast");
  });

  test("a mask that is computed again once the product is known stays outside it, whatever else is", () => {
    const build = builder(createGraph());
    const [x, y, h] = ["x", "y", "h"].map((name) => inputNode(build, name, "f32", [4, 4]));
    if (x === undefined || y === undefined || h === undefined) throw new Error();
    const flat = build.reshape(build.contract(x, y, batched([], [], [1], [0])), [16]);
    const masked = (again: Node): Node =>
      build.map("select", build.map("gt", build.reshape(again, [16]), build.fill(flat, 0)), flat, build.fill(flat, 0));
    const [before, behind] = [masked(h), masked(build.node(barrier, [h, flat], {}))];
    const { outputs } = simplify.run(entryOf({ before, behind }), { dims: {}, warn() {} });
    expect(outputs.map(({ node }) => node.op.name)).toEqual(["reshape", "select"]);
  });

  test("factors that overflow or lose bits stay apart", () => {
    const build = builder(createGraph());
    const x = inputNode(build, "x", "f32", []);
    const twice = (c: number, d: number): Node =>
      build.map("mul", build.constant("f32", c), build.map("mul", build.constant("f32", d), x));
    const simplified = (node: Node): string =>
      printFormula(simplify.run(entryOf({ node }), { dims: {}, warn() {} }).outputs[0]?.node as Node);
    expect(simplified(twice(2, 3))).toBe("6x");
    expect(simplified(twice(1e30, 1e30))).toMatch(/^1\S*·1\S*·?x$/);
    expect(simplified(twice(1e-30, 1e-30))).toMatch(/^1\S*·1\S*·?x$/);
    expect(simplified(build.map("div", x, build.constant("f32", 2 ** -127)))).toMatch(/^x \//);
    expect(simplified(build.map("div", x, build.constant("f32", 8)))).toBe("0.125x");
  });
});

// ---- the whole pass ------------------------------------------------------------------------------------------------

function stepOf(made: { readonly entries: ReadonlyMap<string, Entry> }): Entry {
  return made.entries.get("step") as Entry;
}

describe("the pass", () => {
  test("writes derivatives as a person would", () => {
    const made = program({
      state: { w: param(zeros()) },
      step: (_, { w }) => ({
        outputs: {
          square: grad(mul(w, w), w),
          cube: grad(pow(w, 3), w),
          twice: grad(grad(pow(w, 3), w), w),
          line: grad(add(mul(2, w), 3), w),
          log: grad(log(w), w),
          difference: sub(w, -2),
        },
      }),
    });
    const entry = runPasses(stepOf(made), [differentiate, simplify]);
    const formulas = Object.fromEntries(entry.outputs.map(({ name, node }) => [name, printFormula(node)]));
    expect(formulas).toEqual({ square: "2w", cube: "3w²", twice: "6w", line: "2", log: "1 / w", difference: "w - -2" });
  });

  test("before and after, as text", () => {
    const build = builder(createGraph());
    const row = inputNode(build, "row", "f32", [4]);
    const wide = build.broadcast(row, [3, 4], [1]);
    const y = build.map(
      "exp",
      build.map("add", build.map("neg", build.map("neg", wide)), build.map("mul", wide, build.fill(wide, 1))),
    );
    const entry = entryOf({ y });
    expect(printEntry(simplify.run(entry, { dims: {}, warn() {} }))).toBe(
      [
        "entry test",
        "%0: f32[4] = input name=row",
        "%1: f32[] = constant value=2",
        "%2: f32[4] = broadcast %1",
        "%3: f32[4] = mul %2 %0",
        "%4: f32[4] = exp %3",
        "%5: f32[3,4] = broadcast %4 axes=[1]",
        "output y = %5",
      ].join("\n"),
    );
  });

  test("what a rule puts below its node is simplified in the next round, and what reads it is looked at again", () => {
    const build = builder(createGraph());
    const row = inputNode(build, "row", "f32", [4]);
    const wide = build.broadcast(row, [3, 4], [1]);
    const half = build.broadcast(build.map("mul", build.fill(row, 0.5), row), [3, 4], [1]);
    // first 2 * (half of the row) goes below a broadcast; then it is the row, and the choice is between two that are the same
    const whole = build.map("mul", build.fill(wide, 2), half);
    const y = build.map("select", inputNode(build, "flag", "bool", [3, 4]), wide, whole);
    expect(printEntry(simplify.run(entryOf({ y }), { dims: {}, warn() {} }))).toBe(
      ["entry test", "%0: f32[4] = input name=row", "%1: f32[3,4] = broadcast %0 axes=[1]", "output y = %1"].join("\n"),
    );
  });

  test("commutative operands match in either order, others do not", () => {
    const build = builder(createGraph());
    const x = inputNode(build, "x", "f32", []);
    const zero = build.constant("f32", 0);
    const simplified = (node: Node): Node | undefined =>
      simplify.run(entryOf({ node }), { dims: {}, warn() {} }).outputs[0]?.node;
    expect(simplified(build.map("add", zero, x))?.op).toBe(input);
    expect(simplified(build.map("sub", zero, x))?.op.name).toBe("sub");
    expect(simplified(build.map("div", build.constant("f32", 1), x))?.op.name).toBe("div");
  });

  test("leaves numbers as they were, once more makes no change, and single rules can be chosen", () => {
    const made = program({
      inputs: { x: f32("batch", 4), label: i32("batch") },
      state: { w: param(zeros(4, 3)), b: param(zeros(3)) },
      step({ x, label }, { w, b }) {
        const scores = tanh(add(matmul(x, w), b));
        const loss = add(mean(softmaxCrossEntropy(scores, label)), sum(exp(mul(w, w))));
        return { outputs: { loss, g: grad(loss, { w, b }) } };
      },
    });
    const plain = runPasses(stepOf(made), expand, { batch: 6 });
    const feeds = {
      x: randomArray("x", "f32", [6, 4]),
      label: ndarray("i32", [6], [0, 1, 2, 0, 1, 2]),
      w: randomArray("w", "f32", [4, 3], -1, 1),
      b: randomArray("b", "f32", [3], -1, 1),
    };
    const wanted = evaluateEntry(plain, feeds);
    const simple = runPasses(plain, [simplify]);
    expect(simple.graph.nodes.length).toBeLessThan(plain.graph.nodes.length);
    for (const [name, value] of evaluateEntry(simple, feeds)) expectClose(value, wanted.get(name) as NdArray, 1e-6);
    expect(printEntry(simplify.run(simple, { dims: {}, warn() {} }))).toBe(printEntry(simple));
    const exactly = simplifier(rules.filter((rule) => rule.exact))(plain);
    for (const [name, value] of evaluateEntry(exactly, feeds)) expectSameBits(value, wanted.get(name) as NdArray);
    expect(sizeOf([...(wanted.get("g.w")?.shape ?? [])])).toBe(12);
  });
});
