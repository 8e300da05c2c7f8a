/** Special values (signed zeros, infinities, NaN, the ends of whole numbers) on another engine, beside `js`. */
import { expect, test } from "vitest";
import { compile, specializedEntry } from "../../src/compile.ts";
import { type DType, dtypes, isFloat } from "../../src/core/dtype.ts";
import { here } from "../../src/core/origin.ts";
import { applyOp } from "../../src/dsl/build.ts";
import * as ops from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { InputSpec } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import type { MapName } from "../../src/graph/op-names.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { tensorType } from "../../src/graph/type.ts";
import type { RunEntry } from "./told.ts";

const { NaN: none, POSITIVE_INFINITY: endless } = Number;
const floats = [0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3, -7, 300.5, 2 ** 31, -(2 ** 31), 2 ** 32, 3e38, -3e38, 1e-30];
const special: Readonly<Partial<Record<DType, readonly number[]>>> = {
  f32: [...floats, none, endless, -endless],
  i32: [0, 1, -1, 2, -2, 3, -7, 300, 2 ** 31 - 1, -(2 ** 31)],
  u32: [0, 1, 2, 3, 7, 300, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
  bool: [0, 1],
};

type Given = { readonly [Name in "x" | "y" | "i" | "n"]: Tensor };
type Run = (given: Given) => Record<string, Tensor>;

type Inputs = Readonly<Record<string, { readonly dtype: DType; readonly data: readonly number[] }>>;

/** What `js` and the other engine make of the same numbers. */
async function both(run: RunEntry, inputs: Inputs, step: Run) {
  const specs = Object.entries(inputs).map(
    ([name, { dtype, data }]) => [name, new InputSpec([data.length], dtype)] as const,
  );
  const made = program({
    inputs: Object.fromEntries(specs),
    step: ((given: never) => ({ outputs: step(given) })) as never,
  });
  const typed = Object.entries(inputs).map(([name, { dtype, data }]) => {
    const array = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array, u8: Uint8Array }[
      dtype as "f32"
    ];
    return [name, Reflect.construct(array, [data]) as Float32Array] as const;
  });
  const executable = await compile(made, { target: "js" });
  const own = (await executable.run({ entry: "step" as never, feeds: Object.fromEntries(typed) as never })) as Record<
    string,
    ArrayLike<number> | number
  >;
  executable.dispose();
  const entry = made.entries.get("step") ?? expect.fail("no entry");
  const found = await run(specializedEntry(entry, {}), new Map(typed));
  return Object.entries(own).map(([name, numbers]) => {
    const wanted = typeof numbers === "number" ? [numbers] : Array.from(numbers);
    return { name, wanted, found: Array.from(found.get(name) ?? []) };
  });
}

/** -0 counts as 0. */
export function isNear(a: number, b: number, relative: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= relative * Math.abs(b) + 2 ** -126;
}

async function expectSame(
  run: RunEntry,
  inputs: Inputs,
  step: Run,
  relative = 0,
  told: (name: string, i: number) => string = String,
) {
  const wrong = (await both(run, inputs, step)).flatMap(({ name, wanted, found }) => {
    expect(found).toHaveLength(wanted.length);
    return wanted.flatMap((should, i) => {
      const is = found[i] ?? none;
      return isNear(is, should, relative) ? [] : [`${name} ${told(name, i)}: ${is}, not ${should}`];
    });
  });
  expect(wrong).toEqual([]);
}

/** The tests: every element-wise op on every pair of special values, casts, folds, sorting, and what points outside. */
export function testSpecialValues(run: RunEntry): void {
  const numbers: readonly DType[] = ["f32", "i32", "u32"];

  test.each(["f32", "i32", "u32", "bool"] as const)("of %s, element by element", async (dtype) => {
    const all = special[dtype] ?? [];
    const x = { dtype, data: all.flatMap((a) => all.map(() => a)) };
    const y = { dtype, data: all.flatMap(() => all) };
    const wants = (name: MapName): boolean => {
      if (name === "select") return false;
      try {
        mapOps[name].infer(Array.from({ length: mapOps[name].arity }, () => tensorType(dtype, [])) as never, {});
        return true;
      } catch {
        return false;
      }
    };
    const names = (Object.keys(mapOps) as MapName[]).filter(wants);
    expect(names.length).toBeGreaterThan(dtype === "bool" ? 4 : 12);
    const step: Run = ({ x: a, y: b }) => {
      const made = names.map((name) => {
        const args = [a, b].slice(0, mapOps[name].arity) as Tensor[];
        return [name, applyOp(mapOps[name], args, {}, here(name))] as const;
      });
      return Object.fromEntries(made);
    };
    await expectSame(run, { x, y }, step, isFloat(dtype) ? 1e-6 : 0, (_, i) => `${x.data[i]}, ${y.data[i]}`);
  });

  test.each(numbers)("cast from %s", async (from) => {
    const data = special[from] ?? [];
    const to = dtypes.filter((dtype) => dtype !== "f64" && dtype !== "f16" && dtype !== "bf16");
    const step: Run = ({ x }) => Object.fromEntries(to.map((dtype) => [dtype, ops.cast(x as Tensor, dtype)]));
    await expectSame(run, { x: { dtype: from, data } }, step, 0, (_, i) => String(data[i]));
  });

  test("in folds, in sorting and beyond the ends", async () => {
    const data = [1, -endless, 3, none, -0, 0, endless, 3, -2, none, 5, 5];
    const rows = (x: Tensor | undefined): Tensor => ops.reshape(x as Tensor, [4, 3]);
    const step: Run = ({ x, i }) => {
      const table = rows(x);
      const { values, indexes } = ops.maxWithIndex(table, { axis: 1 });
      const least = ops.minWithIndex(table, { axis: 0 });
      return {
        max: ops.max(table, { axis: 1 }),
        min: ops.min(table, { axis: 0 }),
        values,
        indexes,
        least: least.values,
        leastAt: least.indexes,
        up: ops.sort(x as Tensor),
        down: ops.sort(x as Tensor, { descending: true }),
        upAt: ops.argsort(x as Tensor),
        downAt: ops.argsort(x as Tensor, { descending: true }),
        taken: ops.gather(x as Tensor, i as Tensor),
        hot: ops.oneHot(ops.neg(i as Tensor), 4),
        running: ops.cumulativeMax(x as Tensor),
      };
    };
    const indexes = [0, 11, 12, -1, 2 ** 31 - 1, -(2 ** 31), 5];
    await expectSame(run, { x: { dtype: "f32", data }, i: { dtype: "i32", data: indexes } }, step);
  });

  test("where there is nothing, in loops inside loops, and of bytes", async () => {
    const x = { dtype: "f32", data: [1, -2, 3, 0.5, -0.25, 4, 300, -7, 2, 9, 0, 5] } as const;
    const n = { dtype: "i32", data: [3, 7, -1] } as const;
    await expectSame(run, { x, n }, (given) => ({ ...ofNothing(given), ...inLoops(given), ...ofBytes(given) }), 1e-6);
  });
}

function ofNothing({ x, n }: Given) {
  const none = ops.slice(x, [0, 0]);
  const rows = ops.reshape(none, [0, 3]);
  return {
    none,
    sums: ops.sum(rows, { axis: 0 }),
    products: ops.prod(rows, { axis: 0 }),
    greatest: ops.max(rows, { axis: 0 }),
    product: ops.matmul(ops.transpose(rows), rows),
    joined: ops.concat([none, x, none]),
    padded: ops.pad(none, [[2, 1]], 7),
    gathered: ops.gather(none, n),
    added: ops.scatterAdd(ops.slice(n, [0, 0]), none, 3),
    kept: ops.dynamicUpdate(x, none, [5]),
    part: ops.dynamicSlice(x, [5], [0]),
    sorted: ops.sort(none),
    running: ops.cumulativeSum(none),
    looped: ops.scan((carry, row) => ({ carry: ops.add(carry, ops.sum(row)), output: row }), x, rows).carry,
    one: ops.sum(ops.cumulativeSum(ops.sort(ops.slice(x, [3, 4])))),
  };
}

/** What a body reads from around it, two loops deep; from the last row on; never. */
function inLoops({ x, n }: Given) {
  const table = ops.reshape(x, [4, 3]);
  const outer = ops.scan(
    (carry, row) => {
      const inner = ops.scan(
        (sum, [place, factor]) => ({
          carry: ops.add(sum, ops.mul(ops.gather(x, place), ops.sum(carry))),
          output: ops.add(factor, ops.gather(row, place)),
        }),
        ops.sum(row) as Tensor,
        [n, ops.slice(x, [0, 3])] as const,
        { reverse: true },
      );
      const grown = ops.whileLoop(
        (value) => ops.less(ops.sum(value), ops.sum(row)),
        (value) => ops.add(value, ops.abs(row)),
        carry,
        { most: 3 },
      );
      const isLate = ops.greater(ops.sum(inner.carry), ops.sum(x));
      const next = ops.cond(
        isLate,
        (y) => ops.sub(y, row),
        (y) => ops.add(y, ops.slice(x, [9, 12])),
        grown,
      );
      return { carry: ops.mul(next, 0.125), output: { next, inner: inner.outputs, sum: inner.carry } };
    },
    ops.slice(x, [0, 3]),
    table,
    { reverse: true },
  );
  const never = ops.whileLoop(
    (value) => ops.less(value, 100),
    (value) => ops.add(value, 1),
    ops.sum(n),
    { most: 0 },
  );
  const { next, inner, sum } = outer.outputs;
  return { last: outer.carry, next, inner: inner as Tensor, sum, never };
}

function ofBytes({ x, n }: Given) {
  const bytes = ops.cast(x, "u8");
  const flags = ops.cast(x, "bool");
  const turned = ops.flip(flags, [0]);
  const each = Object.fromEntries(
    [bytes, flags].flatMap((given) => {
      const of = given.dtype;
      const table = ops.reshape(given, [4, 3]);
      return [
        [`${of} turned`, ops.flip(ops.transpose(table), [0])],
        [
          `${of} padded`,
          ops.pad(
            table,
            [
              [1, 0],
              [0, 2],
            ],
            1,
          ),
        ],
        [`${of} joined`, ops.concat([table, table], 1)],
        [`${of} gathered`, ops.gather(table, n)],
        [`${of} part`, ops.dynamicSlice(given, [9], [5])],
        [`${of} updated`, ops.dynamicUpdate(given, ops.slice(given, [0, 4]), [-3])],
      ] as const;
    }),
  ) as Record<string, Tensor>;
  return { ...each, chosen: ops.where(turned, flags, ops.not(flags)), equal: ops.equal(flags, turned) };
}
