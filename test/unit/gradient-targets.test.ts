/**
 * What a gradient is taken by is a tensor and not an expression: only uses of that very tensor count, whatever equals it.
 * Each row on `js` and by the float64 oracle; the wanted numbers are worked out by hand.
 */
import { describe, expect, test } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { foldTransposes } from "../../passes/graph/fold-transposes.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import { add, broadcastTo, cast, compile, concat, exp, f32, flip, full, gather, grad, hessian, l2Norm, matmul, mul, program, reshape, scalar, slice, sum, type Tensor, transpose } from "../../src/index.ts"; // biome-ignore format: names
import { evaluateEntry, runPasses } from "./oracle.ts";

type Loose = (...operands: readonly unknown[]) => Tensor;
const loose = (f: unknown): Loose => f as Loose;
const [plus, times, total, by, norm] = [add, mul, sum, grad, l2Norm].map(loose) as [Loose, Loose, Loose, Loose, Loose];

interface Row {
  readonly says: string;
  /** x is [1, 2, 3, 4], w is [[1, 2], [3, 4]]. */
  readonly make: (x: Tensor, w: Tensor) => Readonly<Record<string, Tensor>>;
  readonly wanted: Readonly<Record<string, readonly number[]>>;
  readonly warns?: RegExp;
}

const rows: readonly Row[] = [
  {
    says: "two zero tensors that are added in two places",
    make(x) {
      const [a, b] = [full([4], 0), full([4], 0)];
      const y = total(plus(times(plus(x, a), 3), b));
      return { a: by(y, a), b: by(y, b), x: by(y, x) };
    },
    wanted: { a: [3, 3, 3, 3], b: [1, 1, 1, 1], x: [3, 3, 3, 3] },
  },
  {
    says: "scalars, and a constant that the expression has as a number too",
    make(x) {
      const [a, b] = [scalar(2), scalar(2)];
      const y = total(plus(times(times(x, a), 2), b));
      return { a: by(y, a), b: by(y, b) };
    },
    wanted: { a: [20], b: [4] },
  },
  {
    says: "x·x, which the norm has inside",
    make(x) {
      const h = times(x, x);
      return { h: by(plus(total(h), norm(x)), h), x: by(total(h), x) };
    },
    wanted: { h: [1, 1, 1, 1], x: [2, 4, 6, 8] },
  },
  {
    says: "views of one tensor: reshape, flip, broadcast, concat, slice, gather, cast",
    make(x) {
      const views: readonly (() => Tensor)[] = [
        () => loose(reshape)(x, [2, 2]),
        () => loose(flip)(x, [0]),
        () => loose(broadcastTo)(x, [2, 4]),
        () => loose(concat)([x, x]),
        () => loose(slice)(x, [1, 3]),
        () => loose(gather)(x, loose(cast)(loose(slice)(x, [0, 1]), "i32")),
        () => loose(cast)(x, "f64"),
      ];
      const pairs = views.map((view) => {
        const [first, second] = [view(), view()];
        const y = total(plus(times(first, 5), second));
        const slope = loose(cast)(by(y, second), "f32");
        return total(slope);
      });
      return { slopes: loose(concat)(pairs.map((pair) => loose(reshape)(pair, [1]))) };
    },
    wanted: { slopes: [4, 4, 8, 8, 2, 1, 4] },
  },
  {
    says: "a transposed weight, which a contraction looks through",
    make(_, w) {
      const h = loose(transpose)(w);
      const y = total(loose(matmul)(w, h));
      return { h: by(y, h), w: by(y, w) };
    },
    wanted: { h: [4, 4, 6, 6], w: [8, 12, 8, 12] },
  },
  {
    says: "a contraction, whose operand is transposed",
    make(_, w) {
      const product = (): Tensor => loose(matmul)(w, loose(transpose)(w));
      const h = product();
      return { h: by(total(plus(times(h, h), product())), h) };
    },
    wanted: { h: [10, 22, 22, 50] },
  },
  {
    says: "a gradient, whose value another expression has",
    make(x) {
      const g = by(total(times(x, x)), x);
      return { g: by(total(plus(times(g, g), times(x, 2))), g) };
    },
    wanted: { g: [4, 8, 12, 16] },
  },
  {
    says: "two gradients that are one number",
    make(x, w) {
      const y = plus(total(x), total(times(w, 2)));
      const [a, b] = [by(y, x), by(plus(total(x), 1), x)];
      return { a: by(total(plus(times(a, 3), b)), a), b: by(total(plus(times(a, 3), b)), b) };
    },
    wanted: { a: [3, 3, 3, 3], b: [1, 1, 1, 1] },
  },
  {
    says: "second derivatives, by a value in between and through it",
    make(x) {
      const h = times(x, x);
      const y = total(times(times(h, h), h));
      return { h: by(total(by(y, h)), h), x: by(total(by(y, h)), x), twice: loose(hessian)(y, h) };
    },
    wanted: {
      h: [6, 24, 54, 96],
      x: [12, 96, 324, 768],
      twice: [6, 0, 0, 0, 0, 24, 0, 0, 0, 0, 54, 0, 0, 0, 0, 96],
    },
  },
  {
    says: "a weight that is used twice still adds up, also by way of one value in between",
    make(_, w) {
      const h = times(w, 1);
      return { w: by(plus(total(times(w, w)), total(w)), w), h: by(plus(total(times(h, h)), total(h)), h) };
    },
    wanted: { w: [3, 5, 7, 9], h: [3, 5, 7, 9] },
  },
  {
    says: "an expression written a second time is not the tensor that the loss uses",
    make: (x) => ({ none: by(total(loose(exp)(x)), loose(exp)(x)) }),
    wanted: { none: [0, 0, 0, 0] },
    warns: /does not depend on a value of exp f32\[4\]: its gradient is zero \(an expression that equals it is another/,
  },
];

function programOf({ make }: Row): ReturnType<typeof program> {
  return program({
    inputs: { x: f32(4), w: f32(2, 2) },
    step: ({ x, w }) => ({ outputs: make(x as Tensor, w as Tensor) }),
  }) as never;
}

const feeds = { x: [1, 2, 3, 4], w: [[1, 2], [3, 4]] }; // biome-ignore format: a matrix

describe.each(rows.map((row) => [row.says, row] as const))("%s", (_, row) => {
  const numbers = (value: unknown): number[] =>
    typeof value === "number" ? [value] : Array.from(value as Float32Array);

  test("on js", async () => {
    const warnings: string[] = [];
    const options = { target: "js", onWarning: (message: string) => void warnings.push(message) } as const;
    const executable = await compile(programOf(row), options);
    const found = (await executable.run({ entry: "step", feeds } as never)) as Readonly<Record<string, unknown>>;
    expect(Object.fromEntries(Object.entries(found).map(([name, value]) => [name, numbers(value)]))).toEqual(
      row.wanted,
    );
    if (row.warns === undefined) expect(warnings).toEqual([]);
    else expect(warnings.join()).toMatch(row.warns);
    executable.dispose();
  });

  test("by the oracle", () => {
    const entry = programOf(row).entries.get("step") as Entry;
    const expanded = runPasses(entry, [foldTransposes, differentiate]);
    expect(expanded.graph.nodes.some(({ own }) => own)).toBe(false);
    const given = { x: ndarray("f32", [4], feeds.x), w: ndarray("f32", [2, 2], feeds.w.flat()) };
    const found = evaluateEntry(expanded, given);
    expect(Object.fromEntries([...found].map(([name, { data }]) => [name, [...data]]))).toEqual(row.wanted);
  });
});
