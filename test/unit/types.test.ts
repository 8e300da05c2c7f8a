/**
 * Shapes in the type system: what `tsc` says in the editor, and what it lets pass; and what is said at run time, with the
 * user's line, when the types knew less.
 *
 * The functions called `checked` never run: `tsc -p tsconfig.json` reads them. `declarations.test.ts` has the compiler's words.
 */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ShapeError, UserError } from "../../src/core/errors.ts";
import type { GradientsOf } from "../../src/dsl/grad.ts";
import { glorotUniform, zeros } from "../../src/dsl/initializers.ts";
import {
  add,
  argmax,
  cast,
  equal,
  full,
  grad,
  matmul,
  max,
  mean,
  mul,
  neg,
  not,
  oneHot,
  permute,
  relu,
  reshape,
  size,
  softmax,
  softmaxCrossEntropy,
  sum,
  transpose,
  where,
} from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, i32, param, type StateSpec, u8 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import type { Shape } from "../../src/graph/shape.ts";
import * as tensorloom from "../../src/index.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails to compile unless the types are the same. */
function same<A, B>(_proof: Same<A, B>): void {}

// ---- what is inferred ----------------------------------------------------------------------------------------------

type Image = Tensor<["batch", 784], "f32">;
type Weights = Tensor<[784, 512], "f32">;

function checkedResults(image: Image, w: Weights, row: Tensor<[512], "f32">, labels: Tensor<["batch"], "i32">): void {
  const hidden = relu(add(matmul(image, w), row));
  same<typeof hidden, Tensor<["batch", 512], "f32">>(true);
  const loss = mean(softmaxCrossEntropy(hidden, labels));
  same<typeof loss, Tensor<[], "f32">>(true);
  const kept = max(hidden, { axis: -1, keepDims: true });
  same<typeof kept, Tensor<["batch", 1], "f32">>(true);
  const average = mean(labels, { axis: 0 });
  same<typeof average, Tensor<[], "f32">>(true);
  const best = argmax(hidden);
  same<typeof best, Tensor<["batch"], "i32">>(true);
  const turned = permute(hidden, [1, 0]);
  same<typeof turned, Tensor<[512, "batch"], "f32">>(true);
  same<ReturnType<typeof transpose<["batch", 512], "f32">>, Tensor<[512, "batch"], "f32">>(true);
  const mask = where(equal(labels, 1), 1, 0);
  same<typeof mask, Tensor<["batch"], "f32">>(true);
  const hot = oneHot(labels, 10);
  same<typeof hot, Tensor<["batch", 10], "f32">>(true);
  const filled = full([2, "batch"], 1);
  same<typeof filled, Tensor<[2, "batch"], "f32">>(true);
  const whole = sum(hidden, { axis: [0, -1] });
  same<typeof whole, Tensor<[], "f32">>(true);
  const gradients = grad(loss, { w, rows: [row] });
  same<typeof gradients, GradientsOf<{ w: Weights; rows: Tensor<[512], "f32">[] }>>(true);
  same<(typeof gradients)["w"], Weights>(true);
  const halved = mul(0.5, row);
  same<typeof halved, Tensor<[512], "f32">>(true);
  const counted = size(image, 0);
  same<typeof counted, Tensor<[], "i32">>(true);
}

function checkedSpecs(): void {
  const spec = param(glorotUniform(784, 512));
  same<typeof spec, StateSpec<[784, 512], "f32">>(true);
  const made = program({
    inputs: { image: f32("batch", 784), bytes: u8(3) },
    state: { w: spec, layers: [param(zeros(10))] },
    entries: {
      predict({ image, bytes }, { w, layers }) {
        same<typeof image, Image>(true);
        same<typeof w, Weights>(true);
        same<typeof bytes, Tensor<[3], "u8">>(true);
        return { outputs: { probabilities: softmax(matmul(image, w)), first: layers[0] } };
      },
    },
  });
  type Outputs = NonNullable<typeof made.types>["outputs"];
  same<Outputs["predict"]["probabilities"], Tensor<["batch", 512], "f32">>(true);
}

function checkedDegrading(n: number, name: string, some: Shape): void {
  const loose = full([n, 4], 0);
  const named = full([name, 4], 0);
  const either = full([2 as 2 | 3, 4], 0);
  const ranked = full(some, 0);
  matmul(loose, full([4, n], 0));
  matmul(full([2, 5], 0), loose); // its inner dimension is n
  matmul(full([2, 5], 0), named);
  matmul(full([2, 5], 0), either);
  matmul(full([2, 5], 0), ranked);
  matmul(ranked, full([2, 5], 0));
  add(loose, full([7, 4], 0));
  add(named, full(["batch", 4], 0));
  add(either, full([5, 4], 0));
  add(ranked, full([5, 4], 0));
  add(full([1, 4], 0), full(["batch", 4], 0));
  sum(ranked, { axis: 5 });
  sum(loose, { axis: n });
  permute(ranked, [0, 1, 2]);
  permute(loose, [n, 0]);
}

function checkedErrors(image: Image, w: Weights, labels: Tensor<["batch"], "i32">): void {
  // @ts-expect-error inner dimensions
  matmul(image, transpose(w));
  // @ts-expect-error rank
  matmul(image, labels);
  // @ts-expect-error broadcasting
  add(image, full([783], 0));
  // @ts-expect-error names differ
  add(image, full(["time", 784], 0));
  // @ts-expect-error no axis
  sum(image, { axis: 2 });
  // @ts-expect-error order
  permute(image, [0, 1, 2]);
  // @ts-expect-error bool wanted
  not(image);
  // @ts-expect-error another rank
  softmaxCrossEntropy(image, full(["batch", 1], 0, "i32"));
  // @ts-expect-error an entry gives other dtypes
  cast(image, "f33");
}

test("types are checked by tsc -p tsconfig.json", () => {
  for (const checked of [checkedResults, checkedSpecs, checkedDegrading, checkedErrors])
    expect(checked).toBeTypeOf("function");
});

// ---- at run time ---------------------------------------------------------------------------------------------------

describe("what only the run time knows", () => {
  /** Runs `make` on tensors whose shapes the types do not know. */
  function complaint(make: (x: Tensor, y: Tensor) => unknown): Error {
    const [a, b]: [number, number] = [2, 4];
    try {
      program({
        inputs: { x: f32(a, 3), y: f32(b, 5), n: i32(3) },
        step: ({ x, y }) => ({ outputs: { z: make(x, y) } }),
      });
    } catch (error) {
      return error as Error;
    }
    throw new Error("no complaint");
  }

  const at = String.raw`\n    at \S*types\.test\.ts:\d+:\d+$`;
  const cases: readonly (readonly [string, (x: Tensor, y: Tensor) => unknown, string])[] = [
    ["matmul", (x, y) => matmul(x, y), String.raw`^matmul\(f32\[2,3\], f32\[4,5\]\): inner dimensions 3 and 4 differ`],
    [
      "rank",
      (x) => matmul(x, sum(x, { axis: 0 }) as Tensor),
      "^matmul: the right operand has rank 1, wanted 2: dot takes vectors",
    ],
    ["broadcasting", (x, y) => add(x, y), String.raw`^add\(f32\[2,3\], f32\[4,5\]\): the shapes do not broadcast`],
    ["an axis", (x) => sum(x, { axis: 2 }), String.raw`^sum\(f32\[2,3\]\): there is no axis 2`],
    [
      "an order",
      (x) => permute(x, [0, 0]),
      String.raw`^permute\(f32\[2,3\]\): \[0,0\] is no order of 2 axes: each of 0 to 1, once`,
    ],
    [
      "a reshape",
      (x) => reshape(x, [4]),
      String.raw`^reshape\(f32\[2,3\]\): cannot become \[4\]: 6 elements are not 4`,
    ],
    [
      "a reshape with two open axes",
      (x) => reshape(x, [-1, -1]),
      String.raw`^reshape: one dimension at most may be -1, what is left of the others; \[-1,-1\] has more`,
    ],
    [
      "a matmul of stacks",
      (x) => matmul(reshape(x, [1, 2, 3]) as Tensor, x),
      "^matmul: the left operand has rank 3, wanted 2: batchMatmul multiplies stacks of matrices",
    ],
    [
      "inside a composite",
      (x) => softmax(cast(x, "i32")),
      String.raw`^softmax: exp\(i32\[2,3\]\): is not defined for i32\[2,3\]: cast it first`,
    ],
    [
      "inside a composite, called through a namespace",
      (x) => tensorloom.softmax(x, { axis: 2 }),
      String.raw`^softmax: max\(f32\[2,3\]\): there is no axis 2`,
    ],
    [
      "a list of sizes",
      () => zeros([2, 3] as never),
      String.raw`^zeros takes its dimensions one by one: zeros\(2, 3\), not as a list`,
    ],
    [
      "a list of dimensions",
      () => f32(["batch", 3] as never),
      String.raw`^f32 takes its dimensions one by one: f32\("batch", 3\), not as a list`,
    ],
    [
      "an open reshape",
      (x) => reshape(x, [4, -1]),
      String.raw`^reshape\(f32\[2,3\]\): no size in place of the -1 in \[4,-1\] holds as many elements`,
    ],
    [
      "dtypes",
      (x) => add(x, cast(x, "i32")),
      String.raw`^add\(f32\[2,3\], i32\[2,3\]\): dtypes f32 and i32 differ: cast one`,
    ],
    [
      "truth values",
      (x) => not(x as Tensor<Shape, "bool">),
      String.raw`^not\(f32\[2,3\]\): is not defined for f32\[2,3\]: cast it first`,
    ],
  ];

  test.each(cases)("%s", (_, make, sentence) => {
    const error = complaint(make);
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toMatch(new RegExp(sentence + at));
  });

  test("a tensor is no number, but can be printed", () => {
    const wrong: readonly ((x: Tensor) => unknown)[] = [
      (x) => mul(x, (x as unknown as number) * 2),
      (x) => ((x as unknown as number) > 0 ? x : neg(x)),
      (x) => (x as unknown as number) + 1,
      (x) => +(x as unknown as number),
    ];
    for (const make of wrong) {
      const { message } = complaint(make);
      expect(message).toMatch(
        new RegExp(String.raw`^Tensor f32\[2,3\] is no number: .*mul\(b, 2\).*where\(c, x, y\).*${at}`),
      );
    }
    let deep = full([2, 3], 1) as Tensor;
    for (let i = 0; i < 100; i++) deep = add(deep, deep) as Tensor;
    expect(`${deep} ${String(deep)} ${JSON.stringify({ deep })}`).toBe(
      'Tensor f32[2,3] Tensor f32[2,3] {"deep":"Tensor f32[2,3]"}',
    );
    expect(inspect(deep)).toContain("f32");
  });

  test("a number that the other operand's dtype cannot hold", () => {
    const error = complaint((x) => mul(cast(x, "i32"), 0.5));
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toMatch(new RegExp(`^mul: 0.5 is no i32: cast the tensor it meets${at}`));
    expect(complaint((x) => mul(cast(x, "u32"), -1)).message).toContain("-1 is no u32");
    expect(complaint((x) => add(x, "3" as unknown as Tensor)).message).toMatch(
      /^add: b must be a tensor or a number, not "3"/,
    );
  });
});
