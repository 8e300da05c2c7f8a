/**
 * customGradient: the gradient is what its author says, at every order, in both directions, in loops and under vmap; and what is
 * not said is an error.
 */
import { describe, expect, test } from "vitest";
import { scan } from "../../src/dsl/loops.ts";
import * as ops from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { evaluate } from "../../src/tools/evaluate.ts";

type Given = Readonly<Record<string, Tensor>>;

/** x², which says that its slope is 10x. */
const square = (x: Tensor): Tensor =>
  ops.customGradient(
    (at: Tensor) => ops.mul(at, at) as Tensor,
    ({ inputs, slope }) => ops.mul(ops.mul(inputs, 10), slope) as Tensor,
    x,
  );

async function at(f: (given: Given) => Tensor, values: Readonly<Record<string, unknown>>): Promise<number[]> {
  const found = await evaluate(f as never, values as never, { dtype: "f64" });
  return Array.from(typeof found === "number" ? [found] : (found as Float64Array));
}

const sum = (x: Tensor): Tensor => ops.sum(x) as Tensor;
const grad = (y: Tensor, x: Tensor): Tensor => ops.grad(y as never, x);

describe("the gradient is the author's", () => {
  test("and the value is that of the function", async () => {
    expect(await at(({ x }) => square(x as Tensor), { x: [1, 2, -3] })).toEqual([1, 4, 9]);
    expect(await at(({ x }) => grad(sum(square(x as Tensor)), x as Tensor), { x: [1, 2, -3] })).toEqual([10, 20, -30]);
  });

  test("of second order it is that of what was said", async () => {
    expect(await at(({ x }) => ops.hessian(sum(square(x as Tensor)) as never, x as Tensor), { x: [1, 2] })).toEqual([
      10, 0, 0, 10,
    ]);
  });

  test("in a direction, and for many slopes at once", async () => {
    const jvp = (x: Tensor): Tensor => ops.jvp(square, x, ops.exp(ops.mul(x, 0)) as Tensor).tangent;
    expect(await at(({ x }) => jvp(x as Tensor), { x: [1, 2] })).toEqual([10, 20]);
    expect(await at(({ x }) => ops.jacobian(square(x as Tensor), x as Tensor), { x: [1, 2] })).toEqual([10, 0, 0, 20]);
  });

  test("may read the value, what is around it, and numbers drawn for it", async () => {
    const root = (x: Tensor, w: Tensor): Tensor =>
      ops.customGradient(
        (x: Tensor) => ops.sqrt(x),
        ({ value, slope }) =>
          ops.mul(ops.div(slope, value), ops.add(w, ops.mul(ops.cast(ops.randomUniform([2]), "f64"), 0))) as Tensor,
        x,
      );
    expect(
      await at(({ x, w }) => grad(sum(root(x as Tensor, w as Tensor)), x as Tensor), { x: [4, 16], w: [1, 8] }),
    ).toEqual([0.5, 2]);
  });

  test("of a tree, in which whole numbers have none", async () => {
    const pick = (x: Tensor, i: Tensor): Tensor =>
      ops.customGradient(
        ({ x, i }) => ops.gather(x, i) as Tensor,
        ({ inputs, slope }) => ({ x: ops.add(ops.mul(inputs.x, 0), sum(slope)) as Tensor, i: inputs.i }),
        { x, i },
      );
    const f = ({ x }: Given): Tensor => grad(sum(pick(x as Tensor, ops.arange(2) as never)), x as Tensor);
    expect(await at(f, { x: [4, 16, 3] })).toEqual([2, 2, 2]);
  });
});

describe("it holds", () => {
  test("for each example under vmap, where weights are the same for all", async () => {
    const scaled = (x: Tensor, w: Tensor): Tensor =>
      ops.customGradient(
        ({ x, w }) => ops.mul(x, w) as Tensor,
        ({ inputs, slope }) => ({ x: slope, w: ops.mul(ops.mul(inputs.x, 100), slope) as Tensor }),
        { x, w },
      );
    const rows = ({ x, w }: Given): Tensor =>
      ops.vmap((row: Tensor) => grad(sum(ops.mul(scaled(row, w as Tensor), row) as Tensor), w as Tensor), x as Tensor);
    expect(await at(rows, { x: [[1, 2], [3, 4]], w: [5, 6] })).toEqual([100, 400, 900, 1600]); // biome-ignore format: rows
    const byRows = ({ x, w }: Given): Tensor =>
      ops.vmap((row: Tensor) => grad(sum(scaled(row, w as Tensor)), row), x as Tensor);
    expect(await at(byRows, { x: [[1, 2], [3, 4]], w: [5, 6] })).toEqual([1, 1, 1, 1]); // biome-ignore format: rows
  });

  test("in the body of a loop", async () => {
    const power = (x: Tensor): Tensor =>
      scan((c: Tensor, _: unknown) => ({ carry: square(c) }), x, {}, { length: 2 }).carry as Tensor;
    // x⁴, and 10x² · 10x
    expect(await at(({ x }) => power(x as Tensor), { x: [2] })).toEqual([16]);
    expect(await at(({ x }) => grad(sum(power(x as Tensor)), x as Tensor), { x: [2] })).toEqual([800]);
  });
});

describe("what is not said is an error, at the user's line", () => {
  const make = (f: (x: Tensor, w: Tensor) => Tensor) => () =>
    program({ inputs: { x: f32(2), w: f32(2) }, step: ({ x, w }) => ({ outputs: { y: f(x, w) } }) });
  const slope = ({ slope }: { slope: Tensor }): Tensor => slope;

  test("a function that reads more than it is given", () => {
    const around = make((x, w) => ops.customGradient((at: Tensor) => ops.mul(at, w) as Tensor, slope, x));
    expect(around).toThrow(
      /f reads a tensor from around it \(f32\[2\] w\).*give it in x, or stopGradient of it.*custom-gradient\.test/s,
    );
    make((x, w) => ops.customGradient((at: Tensor) => ops.mul(at, ops.stopGradient(w)) as Tensor, slope, x))();
    make((x, w) =>
      ops.customGradient((at: Tensor) => ops.mul(at, ops.cast(ops.greater(w, 0), "f32")) as Tensor, slope, x),
    )();
  });

  test("slopes of another form or type", () => {
    const given = (slopes: (x: Tensor) => unknown) =>
      make((x) =>
        ops.customGradient(
          ({ a }) => ops.exp(a) as Tensor,
          () => slopes(x) as never,
          { a: x },
        ),
      );
    expect(given(() => ({}))).toThrow(/customGradient: the slope "a" is missing/);
    expect(given((x) => ({ a: sum(x) }))).toThrow(/the slope "a" must be f32\[2\], not f32\[\]/);
    expect(given((x) => ({ a: ops.exp(x), b: x }))).toThrow(/customGradient/);
    expect(given(async () => ({}))).toThrow(/backward gave a promise/);
  });

  test("a value that has no slope", () => {
    expect(make((x) => ops.customGradient((at: Tensor) => ops.cast(at, "i32") as Tensor, slope, x))).toThrow(
      /f gives i32, which has no slope/,
    );
  });
});
