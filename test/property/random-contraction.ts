/**
 * Random contractions deep enough for register blocks, with epilogues that no `lower` writes: values from before the sum,
 * guarded loads and stores, states updated in place, gathers by the sum itself, several outputs. Numbers come from a list that
 * shrinks; where it ends, every choice is the first one.
 */

import type { Expr, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { apply, constant, convert, fold, letValue, load, loopIndex, name, rangedIndex, store } from "../kernel-pool.ts";
import { at, buffer, type Data, kernelOf, loop, nestOf, noise } from "../unit/js-case.ts";

const states = ["s0", "s1"] as const;

/** A kernel that multiplies a and b (either transposed), reads what belongs to rows and columns, and updates states. */
export function randomContraction(numbers: readonly number[]): Kernel {
  let drawn = 0;
  const below = (n: number): number => (numbers[drawn++] ?? 0) % n;
  const pick = <T>(first: T, ...others: readonly T[]): T => [first, ...others][below(others.length + 1)] ?? first;
  const m = pick(8, 4, 5, 6, 7, 9, 13, 17);
  const n = pick(16, 1, 3, 4, 7, 10, 13, 65, 70);
  const depth = pick(64, 65, 70, 66, 20);
  const [i, j, k] = [loop("i", m), loop("j", n), loop("k", depth)];
  // summed over one loop, or over two
  const inner: readonly (readonly [LoopVar, number])[] =
    below(4) === 3
      ? [
          [loop("k", depth), 2],
          [loop("q", 2), 1],
        ]
      : [[k, 1]];
  const total = inner.reduce((product, [{ extent }]) => product * extent, 1);
  const along = (factor: number) => inner.map(([one, own]) => [one, own * factor] as const);
  const left = load("f32", "a", below(2) === 0 ? at([i, total], ...along(1)) : at([i, 1], ...along(m)));
  const right = load("f32", "b", below(2) === 0 ? at([j, 1], ...along(n)) : at([j, total], ...along(1)));
  const here = at([i, n], [j, 1]);
  const sum = name("f32", "acc");

  const names: Expr[] = [sum];
  const gathered = (): Expr => {
    const place = convert("i32", apply("max", constant("f32", 0), apply("min", constant("f32", m - 1), sum)));
    return load("f32", "row", rangedIndex(place, 0, m - 1));
  };
  const leaf = (): Expr => {
    switch (below(8)) {
      case 0:
        return sum;
      case 1:
        return load("f32", "column", loopIndex(j));
      case 2:
        return load("f32", "row", loopIndex(i));
      case 3:
        return load("f32", pick(...states), here);
      case 4:
        return gathered();
      case 5: {
        const before = at([j, 1], -2);
        return load("f32", "column", before, { bounds: [{ index: before, extent: n }], otherwise: constant("f32", 3) });
      }
      case 6:
        return constant("f32", below(5) - 2);
      default:
        return names[below(names.length)] ?? sum;
    }
  };
  const expr = (size: number): Expr => {
    if (size === 0) return leaf();
    const fn = pick("add", "sub", "max", "min", "select" as const);
    if (fn !== "select") return apply(fn, expr(size - 1), expr(size - 1));
    return apply("select", apply("lt", expr(size - 1), leaf()), expr(size - 1), leaf());
  };

  const before: Stmt[] = [];
  if (below(2) === 1)
    before.push(letValue("early", apply("add", load("f32", "row", loopIndex(i)), constant("f32", 1))));
  const readsEarly = before.length > 0 && below(3) === 2;
  const factor = before.length > 0 && below(2) === 1 ? apply("add", left, name("f32", "early")) : left;
  if (readsEarly) names.push(name("f32", "early"));
  const prelude = below(3) === 2 ? [letValue("shared_value", load("f32", "column", at(0)))] : [];
  if (prelude.length > 0) names.push(name("f32", "shared_value"));
  const axes = inner.map(([one]) => one);
  const contraction = fold("sum", ["acc"], axes, [apply("mul", factor, right)]);

  const after: Stmt[] = [];
  const length = below(9);
  for (let at = 0; at < length; at++) {
    if (below(4) === 3) {
      const edge = below(3) === 2 ? [{ index: loopIndex(j), extent: Math.max(1, n - 1) }] : [];
      after.push(store(pick(...states), here, expr(1), edge));
      continue;
    }
    after.push(letValue(`u${at}`, expr(2)));
    names.push(name("f32", `u${at}`));
  }
  after.push(store("y", here, expr(2)));
  return kernelOf(
    "k0_contraction",
    [
      buffer("a", "f32", m * total),
      buffer("b", "f32", n * total),
      buffer("row", "f32", m),
      buffer("column", "f32", n),
      ...states.map((state) => buffer(state, "f32", m * n, "update")),
      buffer("y", "f32", m * n, "write"),
    ],
    [nestOf([i, j], [...before, contraction, ...after], prelude)],
  );
}

/** Small whole numbers for the kernel's buffers: sums of them are exact in any order. */
export function contractionData({ buffers }: Kernel): Data {
  return new Map(buffers.map(({ name, count }, i) => [name, noise(count, i + 1).map(Math.round)]));
}
