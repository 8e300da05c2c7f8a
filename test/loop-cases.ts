/**
 * Cases of loops and branches: what is carried, stacked and captured, either way round, no rows and one, loops in loops and in
 * branches. The table of all ops (op-cases.ts) takes them in.
 */
import { cond, scan, whileLoop } from "../src/dsl/loops.ts";
import * as ops from "../src/dsl/ops.ts";
import type { Tensor } from "../src/dsl/tensor.ts";
import { input, type OpCase, one, type Range } from "./op-case.ts";

type Flag = Tensor<readonly [], "bool">;

/** So that what a loop adds up does not cancel. */
const small: Range = [0.1, 0.9];
const row = (x: unknown): Tensor => x as Tensor;
const positive = (x: Tensor): Flag => ops.greater(ops.sum(x), 0) as Flag;
const all = (...parts: readonly unknown[]): Tensor => ops.concat(parts.map((part) => ops.reshape(row(part), [-1])));

/** Of x [rows, 3] and w [3], from h [3] on. */
const smooth = (h: Tensor, x: Tensor, w: Tensor): Tensor => ops.tanh(ops.add(ops.mul(h, w), x));

function rowsCases(): OpCase[] {
  return [0, 1, 2].flatMap((rows) => {
    const given = [input([rows, 3], small), input([3], small), input([3], small)];
    return [
      one("loop scan", given, (x, h, w) => scan((c: Tensor, r) => ({ carry: smooth(c, row(r), w) }), h, x).carry),
      one("loop scan", given, (x, h, w) => {
        const step = (c: Tensor, r: unknown) => ({ carry: ops.add(c, ops.mul(row(r), w)), output: ops.mul(c, row(r)) });
        const { carry, outputs } = scan(step, h, x, { reverse: true });
        return all(carry, outputs);
      }),
    ];
  });
}

function shapedCases(): OpCase[] {
  const given = [input([3, 2], small), input([2], small), input([2, 2], small)];
  return [
    one("loop scan", given, (x, _, w) => {
      const product = (r: Tensor) => ops.reshape(ops.matmul(ops.reshape(r, [1, 2]), w), [2]);
      return scan((_c, r) => ({ carry: {}, output: product(row(r)) }), {}, x).outputs;
    }),
    one("loop scan", given, (x, h, w) => {
      const inner = (c: Tensor, r: Tensor) =>
        scan((d: Tensor, s) => ({ carry: smooth(d, row(s), r), output: ops.sum(d) }), c, w);
      const { carry, outputs } = scan(
        (c: Tensor, r) => {
          const made = inner(c, row(r));
          return { carry: made.carry, output: made.outputs };
        },
        h,
        x,
      );
      return all(carry, outputs);
    }),
    one("loop scan", given, (x, h) => {
      const step = ({ a, b }: { a: Tensor; b: Tensor }, r: unknown) => ({
        carry: { a: b, b: ops.mul(a, row(r)) },
        output: { a },
      });
      const { carry, outputs } = scan(step, { a: h, b: ops.sin(h) }, x);
      return all(carry.a, carry.b, outputs.a);
    }),
    one("loop scan", given, (x, h) => {
      const kept = (c: Tensor, r: Tensor) =>
        cond(
          positive(r),
          ({ c, r }) => ops.mul(c, r),
          ({ c, r }) => ops.sub(c, r),
          { c, r },
        );
      return scan((c: Tensor, r) => ({ carry: kept(c, row(r)) }), h, x).carry;
    }),
    // Both loops keep what they carry among the rows that they stack, and the outer one carries what the inner one keeps.
    ...[false, true].map((reverse) =>
      one("loop scan", [input([2, 2], small), ...given.slice(1)], (x, h, w) => {
        const step = (c: Tensor, r: unknown) => {
          const inner = (d: Tensor, s: unknown) => ({ carry: smooth(d, row(s), ops.mul(c, row(r))), output: d });
          const { carry, outputs } = scan(inner, c, w, { reverse });
          return { carry, output: { c, outputs } };
        };
        const { carry, outputs } = scan(step, h, x, { reverse });
        return all(carry, outputs.c, outputs.outputs);
      }),
    ),
    one("loop scan", given, (x, _, w) => {
      const step = (c: Tensor, r: unknown) => {
        const { outputs } = scan(
          (d: Tensor, s) => ({ carry: smooth(d, row(s), row(r)), output: d }),
          ops.sum(c, { axis: 0 }),
          c,
        );
        return { carry: outputs, output: c };
      };
      return all(scan(step, w, x).outputs);
    }),
    one("loop scan", [input([2])], (h) => scan((c: Tensor) => ({ carry: ops.cos(c) }), h, {}, { length: 4 }).carry),
  ];
}

function branchCases(): OpCase[] {
  const given = [input([3, 2]), input([2])];
  return [
    one("loop cond", given, (x, h) =>
      cond(
        positive(x),
        (z) => ops.mul(z, h),
        (z) => ops.neg(z),
        x,
      ),
    ),
    one("loop cond", given, (x, h) =>
      cond(
        ops.not(positive(x)) as Flag,
        (z) => ops.mul(z, h),
        (z) => ops.neg(z),
        x,
      ),
    ),
    one("loop cond", given, (x, h) => {
      const summed = (z: Tensor) => scan((c: Tensor, r) => ({ carry: ops.add(ops.mul(c, h), row(r)) }), h, z).carry;
      return cond(positive(x), summed, (z) => ops.sum(z, { axis: 0 }), x);
    }),
    one(
      "loop whileLoop",
      [input([3], [0.5, 2])],
      (x) =>
        whileLoop(
          (c: Tensor) => ops.less(ops.sum(c), 100) as Flag,
          (c) => ops.mul(c, 2),
          x,
          { most: 12 },
        ),
      { gradient: false },
    ),
    one(
      "loop whileLoop",
      [input([3], [0.5, 2])],
      (x) =>
        whileLoop(
          (c: Tensor) => ops.less(ops.sum(c), 1e9) as Flag,
          (c) => ops.mul(c, 2),
          x,
          { most: 3 },
        ),
      { gradient: false },
    ),
  ];
}

export const loopOpCases: readonly OpCase[] = [...rowsCases(), ...shapedCases(), ...branchCases()];
