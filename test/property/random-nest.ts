/**
 * Random nests of `let`s, `var`s and serial loops, as no `lower` writes them: what blocks, unrolling and the naming of common
 * values must all leave alone. Numbers come from a list that shrinks; where it ends, every choice is the first one.
 */

import type { Expr, Index, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import {
  apply,
  assign,
  constant,
  forLoop,
  letValue,
  load,
  loopIndex,
  name,
  store,
  variable,
  when,
} from "../kernel-pool.ts";
import { at, buffer, kernelOf, loop, nestOf, noise } from "../unit/js-case.ts";

const [rows, columns, depth] = [5, 4, 3];

/** What a random body can read, and how many names it has made. */
interface Scope {
  readonly loops: readonly LoopVar[];
  readonly names: readonly Expr[];
  readonly vars: readonly string[];
}

/** A kernel over the parallel loops i and j that reads x, updates w in place and writes y. */
export function randomNest(numbers: readonly number[]): Kernel {
  let drawn = 0;
  const below = (n: number): number => (numbers[drawn++] ?? 0) % n;
  const [i, j] = [loop("i", rows), loop("j", columns)];
  const here = at([i, columns], [j, 1]);
  let made = 0;
  const index = (loops: readonly LoopVar[]): Index => {
    const used = loops.filter(() => below(2) === 0);
    return at(...used.map((of) => [of, 1 + below(3)] as const), below(4));
  };
  const expr = (scope: Scope, size: number): Expr => {
    const leaf = below(4);
    if (size > 0 && leaf > 0) {
      const fn = (["add", "mul", "sub", "max"] as const)[below(4)] ?? "add";
      return apply(fn, expr(scope, size - 1), expr(scope, size - 1));
    }
    if (leaf === 0) return load("f32", "w", here);
    return scope.names[below(scope.names.length * 2)] ?? load("f32", "x", index(scope.loops));
  };
  const block = (outer: Scope, length: number, nesting: number): readonly Stmt[] => {
    const stmts: Stmt[] = [];
    let scope = outer;
    for (let n = 0; n < length; n++) {
      const label = `v${made++}`;
      const kind = below(nesting > 0 ? 7 : 5);
      const target = scope.vars[below(scope.vars.length)];
      const known = { ...scope, names: [...scope.names, name("f32", label)] };
      if (kind === 0) {
        stmts.push(variable(label, expr(scope, 1)));
        scope = { ...known, vars: [...scope.vars, label] };
      } else if (kind <= 2) {
        stmts.push(letValue(label, expr(scope, 2)));
        scope = known;
      } else if (kind === 3 && nesting === 2) stmts.push(store("w", here, expr(scope, 2)));
      else if (kind <= 4 && target !== undefined) stmts.push(assign(target, expr(scope, 2)));
      else if (kind === 5) {
        stmts.push(when(apply("lt", expr(scope, 1), constant("f32", 0.5)), block(scope, 2, 0)));
      } else if (kind === 6) {
        const serial = loop(label, depth);
        stmts.push(forLoop(serial, block({ ...scope, loops: [...scope.loops, serial] }, 3, nesting - 1)));
      }
    }
    return stmts;
  };
  const seedScope: Scope = { loops: [i, j], names: [], vars: [] };
  const body = block(seedScope, 8, 2);
  const last = body.findLast((stmt) => stmt.kind === "let" || stmt.kind === "var");
  const result = last === undefined ? load("f32", "x", loopIndex(i)) : name("f32", "name" in last ? last.name : "");
  return kernelOf(
    "k0_random",
    [buffer("x", "f32", 64), buffer("w", "f32", rows * columns, "update"), buffer("y", "f32", rows * columns, "write")],
    [nestOf([i, j], [...body, store("y", here, result)])],
  );
}

/** Numbers for the kernel's buffers. */
export const nestData = (seed: number): ReadonlyMap<string, Float32Array> =>
  new Map([
    ["x", noise(64, seed)],
    ["w", noise(rows * columns, seed + 1)],
  ]);
