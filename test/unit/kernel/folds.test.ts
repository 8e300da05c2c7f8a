/**
 * The table of folds against its laws and closed forms; and folds, as the evaluator runs them, against the loops that
 * expandFolds makes of them.
 */
import { describe, expect, test } from "vitest";
import { expandFolds } from "../../../passes/kernel/expand-folds.ts";
import type { FoldFn, KernelFold } from "../../../src/core/fold.ts";
import { checkKernel } from "../../../src/kernel/check.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { evaluateKernel } from "../../../src/kernel/evaluate.ts";
import { evaluateRoutine } from "../../../src/kernel/evaluate-expr.ts";
import { folds } from "../../../src/kernel/folds.ts";
import type { BlockLoop, Kernel, LoopMark, Stmt, ValueType } from "../../../src/kernel/kernel.ts";
import { freshNames } from "../../../src/kernel/names.ts";
import { printKernel } from "../../../src/kernel/print.ts";
import * as b from "../../kernel-pool.ts";
import { addIndex, scaleIndex } from "../../kernel-pool.ts";
import { runJs } from "../js-case.ts";
import { at, buffer, flat, kernel, loopVar, nest } from "./notation.ts";

type Partial = readonly number[];

/** `join` on numbers. */
function joiner(fn: KernelFold, type: ValueType, isMixed = false): (a: Partial, c: Partial) => Partial {
  const types = folds[fn].types(type);
  const params = ["a", "b"].flatMap((side) => types.map((one, i) => ({ name: `${side}${i}`, type: one })));
  const body: Stmt[] = [];
  const operands = (side: string) => types.map((one, i) => b.name(one, `${side}${i}`));
  const joined = folds[fn].join(
    operands("a"),
    operands("b"),
    (hint, value) => {
      body.push(b.letValue(hint, value));
      return b.name(value.type, hint);
    },
    isMixed,
  );
  const runs = joined.map((result) => evaluateRoutine({ name: "join", params, body, result }));
  return (a, c) => runs.map((run) => run(...a, ...c));
}

/** An element as a partial result. */
function element(fn: FoldFn, x: number, position: number): Partial {
  if (fn === "moments") return [1, x, 0];
  if (fn === "logSumExp") return [x, 1];
  return fn === "argMax" || fn === "argMin" ? [x, position] : [x];
}

const noise = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => Math.sin(7 * i + 1) + 1.25);
const plain = {
  sum: sumOf,
  prod: productOf,
  max: (x: readonly number[]) => Math.max(...x),
  min: (x: readonly number[]) => Math.min(...x),
};

function sumOf(x: readonly number[]): number {
  return x.reduce((total, value) => total + value, 0);
}
function productOf(x: readonly number[]): number {
  return x.reduce((total, value) => total * value, 1);
}

/** What the fold of some numbers is, by its definition. */
function closedForm(fn: FoldFn, x: readonly number[]): Partial {
  if (fn === "argMax") return [Math.max(...x), x.indexOf(Math.max(...x))];
  if (fn === "argMin") return [Math.min(...x), x.indexOf(Math.min(...x))];
  if (fn === "logSumExp") return [Math.max(...x), sumOf(x.map((value) => Math.exp(value - Math.max(...x))))];
  if (fn !== "moments") return [plain[fn](x)];
  const mean = sumOf(x) / x.length;
  return [x.length, mean, sumOf(x.map((value) => (value - mean) ** 2))];
}

const fns = [
  "sum",
  "prod",
  "max",
  "min",
  "argMax",
  "argMin",
  "moments",
  "logSumExp",
] as const satisfies readonly FoldFn[];
test("every fold is tested", () => {
  expect(Object.keys(folds).sort()).toEqual([...fns, "maxBits", "minBits"].sort());
});

describe.each(fns)("%s", (fn) => {
  const { identity, names, types, splits } = folds[fn];
  const exact = splits("f64") === "exactly";
  const close = (found: Partial, wanted: Partial): void => {
    expect(found).toHaveLength(wanted.length);
    for (const [i, value] of found.entries()) {
      if (exact) expect(value).toBe(wanted[i]);
      else expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, 10);
    }
  };
  const join = joiner(fn, "f64");
  const parts = noise(24).map((x, i) => element(fn, x, i));
  const foldOf = (given: readonly Partial[]): Partial => given.reduce(join, identity("f64"));

  test("has a name, a type and a start for each accumulator", () => {
    expect(types("f32")).toHaveLength(names.length);
    expect(identity("f32")).toHaveLength(names.length);
  });

  test("its identity is neutral on both sides", () => {
    for (const part of parts) {
      expect(join(identity("f64"), part)).toEqual(part);
      expect(join(part, identity("f64"))).toEqual(part);
    }
    expect(join(identity("f64"), identity("f64"))).toEqual(identity("f64"));
  });

  test("is what it is by definition", () => {
    close(foldOf(parts), closedForm(fn, noise(24)));
  });

  test("joins parts to the same: in two, in a tree, in any cut", () => {
    for (const cut of [1, 5, 12, 23]) close(join(foldOf(parts.slice(0, cut)), foldOf(parts.slice(cut))), foldOf(parts));
    let level = parts;
    while (level.length > 1) {
      level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => {
        const [a, c] = [level[2 * i], level[2 * i + 1]];
        return a === undefined || c === undefined ? (a ?? identity("f64")) : join(a, c);
      });
    }
    close(level[0] ?? [], foldOf(parts));
  });

  test("joins what lanes that take turns have found, mixed", () => {
    const mixed = joiner(fn, "f64", true);
    const lanes = [0, 1, 2, 3].map((lane) => foldOf(parts.filter((_, i) => i % 4 === lane)));
    close(lanes.toReversed().reduce(mixed, identity("f64")), foldOf(parts));
  });
});

describe("arg-max and arg-min", () => {
  const nan = Number.NaN;
  test.each<[FoldFn, readonly number[], number]>([
    ["argMax", [1, 3, 3, 2], 1],
    ["argMin", [2, 1, 1, 3], 1],
    ["argMax", [1, nan, 5, nan], 1],
    ["argMin", [1, nan, -5, nan], 1],
    ["argMax", [nan, 1], 0],
    ["argMax", [-Infinity, -Infinity], 0],
    ["argMin", [Infinity, Infinity], 0],
    ["argMax", [0, -0, 0], 0],
  ])("%s of %j is at %i, whole, in parts and mixed", (fn, x, place) => {
    const [join, mixed] = [joiner(fn, "f32"), joiner(fn, "f32", true)];
    const start = folds[fn].identity("f32");
    const of = (keep: (i: number) => boolean): Partial =>
      x
        .map((value, i) => element(fn, value, i))
        .filter((_, i) => keep(i))
        .reduce(join, start);
    expect(of(() => true)[1]).toBe(place);
    for (let cut = 1; cut < x.length; cut++)
      expect(
        join(
          of((i) => i < cut),
          of((i) => i >= cut),
        )[1],
      ).toBe(place);
    expect(
      mixed(
        of((i) => i % 2 === 1),
        of((i) => i % 2 === 0),
      )[1],
    ).toBe(place);
  });
});

describe.each(["max", "min"] as const)("%sBits", (fn) => {
  const { identity, result, types } = folds[`${fn}Bits`];
  const join = joiner(`${fn}Bits`, "f32");
  const ofBits = (bits: number): Partial => types("f32").map((type) => (type === "i32" ? bits | 0 : bits));
  const partOf = (x: number): Partial => ofBits(new Uint32Array(Float32Array.of(x).buffer)[0] ?? 0);
  const params = types("f32").map((type, i) => ({ name: `p${i}`, type }));
  const found = result?.(params.map(({ name, type }) => b.name(type, name)));
  if (found === undefined) throw new Error("it has no result");
  const numberOf = evaluateRoutine({ name: "result", params, body: [], result: found });
  const of = (x: readonly number[]): number => numberOf(...x.map(partOf).reduce(join, identity("f32")));
  const values = [0, -0, 1, -1, 2 ** -149, -(2 ** -149), 1.5, -1.5, 2 ** 127, -(2 ** 127), Infinity, -Infinity, NaN];

  test("is what JavaScript says of any two and three of all kinds of numbers, in any order", () => {
    for (const x of values) {
      for (const y of values) {
        expect(of([x, y])).toBe(Math[fn](x, y));
        for (const z of values) expect(of([x, y, z])).toBe(Math[fn](x, y, z));
      }
    }
  });

  test("finds a NaN with a sign, whatever else there is", () => {
    const nan = ofBits(0xffc00000);
    for (const x of values) {
      expect(numberOf(...join(nan, partOf(x)))).toBe(NaN);
      expect(numberOf(...join(partOf(x), nan))).toBe(NaN);
    }
  });

  test("of nothing is what changes nothing", () => {
    expect(of([])).toBe(fn === "max" ? -Infinity : Infinity);
  });
});

test("moments of numbers far from 0 keep their variance, where the sum of squares loses it", () => {
  const join = joiner("moments", "f64");
  const x = noise(1000).map((value) => value + 1e8);
  const parts = x.map((value) => element("moments", value, 0));
  const halves = [parts.slice(0, 300), parts.slice(300)].map((half) => half.reduce(join, [0, 0, 0]));
  const [count = 0, mean = 0, m2 = 0] = join(halves[0] ?? [], halves[1] ?? []);
  const [, wantedMean = 0, wantedM2 = 0] = closedForm("moments", x);
  expect(count).toBe(1000);
  expect(Math.abs(mean / wantedMean - 1)).toBeLessThan(1e-14);
  expect(Math.abs(m2 / wantedM2 - 1)).toBeLessThan(1e-6);
});

test("moments of one number whose square is none are it and 0", () => {
  expect(joiner("moments", "f32")([0, 0, 0], element("moments", 2 ** 100, 0))).toEqual([1, 2 ** 100, 0]);
});

test("whole numbers wrap, and then sums split exactly", () => {
  const join = joiner("sum", "i32");
  expect(join([2147483647], [1])).toEqual([-2147483648]);
  expect(folds.sum.splits("i32")).toBe("exactly");
  expect(folds.sum.splits("f32")).toBe("rounding");
  expect(folds.max.splits("f32")).toBe("exactly");
});

// ---- as statements -------------------------------------------------------------------------------------------------

/** y[i, l, m] = fold over p, q of x[i, p, q] + z[l, m], then of a fold of it: with `let`s that belong to each of the loops. */
function blocked(fn: FoldFn, marks: readonly LoopMark[]): Kernel {
  const [i, p, q, r] = [loopVar("i", 3), loopVar("p", 4), loopVar("q", 5), loopVar("r", 2)];
  const block = marks.map((mark, n): BlockLoop => ({ loop: loopVar(`l${n}`, n + 2), mark }));
  const loops = block.map(({ loop }) => loop);
  const sizes = loops.map(({ extent }) => extent);
  const count = sizes.reduce((product, size) => product * size, 1);
  const outer = flat([i, p], [3, 4]);
  const body: readonly Stmt[] = [
    b.letValue("row", b.load("f32", "x", scaleIndex(outer, 5))),
    b.fold("sum", ["inner"], [r], [b.load("f32", "z", addIndex(flat(loops, sizes), at(r)))], { from: [7] }),
    b.letValue("one", b.apply("mul", b.name("f32", "row"), b.name("f32", "inner"))),
  ];
  const value = b.apply("add", b.load("f32", "x", addIndex(scaleIndex(outer, 5), at(q))), b.name("f32", "one"));
  const { names, types } = folds[fn];
  const main = fn === "argMax" || fn === "argMin" ? 1 : 0;
  const values = folds[fn].element(value, [at(p), at(q)], [p, q]);
  const stores = names.map((held, n) => {
    const type = types("f32")[n] ?? "f32";
    const [first, ...rest] = loops.map((loop) => loopVar(`${loop.name}_${n}`, loop.extent));
    const after = first === undefined ? [] : [first, ...rest];
    const target = b.store(
      n === main ? "y" : `y${n}`,
      addIndex(scaleIndex(at(i), count), flat(after, sizes)),
      b.convert("f32", b.name(type, held, after.map(at))),
    );
    return after.reduceRight<Stmt>((inside, loop) => b.forLoop(loop, [inside]), target);
  });
  const outs = names.map((_, n) => buffer("write", n === main ? "y" : `y${n}`, 3 * count));
  return kernel(
    "blocked",
    [buffer("read", "x", 60), buffer("read", "z", count + 2), ...outs],
    [nest([["parallel", i]], [b.fold(fn, names, [p, q], values, { body, block, from: [3] }), ...stores])],
  );
}

describe("a fold and its loops have the same bits", () => {
  const shapes: readonly (readonly LoopMark[])[] = [
    [],
    ["serial"],
    ["unrolled"],
    ["interleaved", "unrolled"],
    ["serial", "lane"],
  ];
  test.each(fns.flatMap((fn) => shapes.map((marks) => [fn, marks] as const)))("%s in a block of %j", (fn, marks) => {
    const folded = blocked(fn, marks);
    const loops = expandFolds(folded);
    expect(checkKernel(folded)).toBeNull();
    expect(checkKernel(loops)).toBeNull();
    expect(printKernel(loops)).not.toContain("fold");
    const data = new Map(
      folded.buffers.map(({ name, count }) => [
        name,
        Float32Array.from({ length: count }, (_, i) => (name.startsWith("y") ? 0 : Math.sin(3 * i + count))),
      ]),
    );
    const run = (target: Kernel): readonly (readonly number[])[] => {
      const memory = new Map([...data].map(([name, held]) => [name, { element: "f32" as const, data: held.slice() }]));
      evaluateKernel(target, memory);
      return [...memory.values()].map((held) => Array.from(held.data));
    };
    const expected = run(folded);
    expect(new Set(expected.flat()).size).toBeGreaterThan(62);
    expect(run(loops)).toEqual(expected);
    if (marks.includes("lane")) return;
    const found = [...runJs(loops, data).values()].map((held) => Array.from(held));
    // js computes the functions of the maths library in doubles
    if (fn !== "logSumExp") expect(found).toEqual(expected);
    else
      for (const [i, value] of found.flat().entries()) expect(value).toBeCloseTo(expected.flat()[i] ?? Number.NaN, 5);
  });
});

test("loops compute what an element needs in the outermost loop that it depends on", () => {
  expect(printKernel(blocked("sum", ["unrolled"]))).toMatchInlineSnapshot(`
    "kernel blocked(read x: f32[60], read z: f32[4], write y: f32[6])
      parallel i < 3
        fold acc[2]: f32 = sum over p < 4, q < 5 by l0 < 2 unrolled
          let row: f32 = x[20*i + 5*p]
          fold inner: f32 = sum over r < 2 of z[l0 + r]
          let one: f32 = row * inner
          of x[20*i + 5*p + q] + one
        for l0_0 < 2
          y[2*i + l0_0] = acc[l0_0]"
  `);
  expect(printKernel(expandFolds(blocked("sum", ["unrolled"])))).toMatchInlineSnapshot(`
    "kernel blocked(read x: f32[60], read z: f32[4], write y: f32[6])
      parallel i < 3
        var acc[2]: f32 = 0f
        for p < 4
          let row: f32 = x[20*i + 5*p]
          for q < 5
            for l0 < 2 unrolled
              var inner: f32 = 0f
              for r < 2
                inner = inner + z[l0 + r]
              let one: f32 = row * inner
              acc[l0] = acc[l0] + (x[20*i + 5*p + q] + one)
        for l0_0 < 2
          y[2*i + l0_0] = acc[l0_0]"
  `);
  expect(printKernel(expandFolds(blocked("argMax", [])))).toMatchInlineSnapshot(`
    "kernel blocked(read x: f32[60], read z: f32[3], write y0: f32[3], write y: f32[3])
      parallel i < 3
        var best: f32 = -Infinityf
        var place: i32 = 0
        var inner: f32 = 0f
        for r < 2
          inner = inner + z[r]
        for p < 4
          let row: f32 = x[20*i + 5*p]
          let one: f32 = row * inner
          for q < 5
            let take: bool = ((x[20*i + 5*p + q] + one) > best) | (((x[20*i + 5*p + q] + one) != (x[20*i + 5*p + q] + one)) & (best == best))
            place = select(take, 5*p + q, place)
            best = select(take, x[20*i + 5*p + q] + one, best)
        y0[i] = best
        y[i] = f32(place)"
  `);
});

test("a copy has names of its own, and the same numbers", () => {
  const one = blocked("argMin", ["serial"]);
  const [only] = one.nests;
  if (only === undefined) throw new Error("no nest");
  const fresh = freshNames(one);
  const twice = { ...one, nests: [{ ...only, body: [...only.body, ...copyStmts(only.body, {}, fresh)] }] };
  expect(checkKernel(twice)).toBeNull();
  const copied = { ...one, nests: [{ ...only, body: copyStmts(only.body, { suffix: "_copy" }, fresh) }] };
  expect(checkKernel(copied)).toBeNull();
  const numbers = [one, copied].map((target) => {
    const memory = new Map(
      one.buffers.map(({ name, count }) => [
        name,
        { element: "f32" as const, data: Array.from({ length: count }, (_, i) => Math.fround(Math.sin(i + count))) },
      ]),
    );
    evaluateKernel(target, memory);
    return memory;
  });
  expect(numbers[1]).toEqual(numbers[0]);
});

test("a race in what is folded is found", () => {
  const [i, k] = [loopVar("i", 4), loopVar("k", 4)];
  const body = [b.fold("sum", ["acc"], [k], [b.load("f32", "y", at(k))]), b.store("y", at(i), b.name("f32", "acc"))];
  const target = kernel("k", [buffer("update", "y", 4)], [nest([["parallel", i]], body)]);
  const memory = new Map([["y", { element: "f32" as const, data: [1, 2, 3, 4] }]]);
  expect(() => evaluateKernel(target, memory)).toThrow("race: y[");
});
