/**
 * Shapes in the type system: what `tsc` says in the editor, in which words, and what it lets pass; and what is said at run
 * time, with the user's line, when the types knew less.
 *
 * The functions called `checked` never run: `tsc -p tsconfig.json` reads them. The words are read from a run of the compiler
 * on snippets, one file each line of which is wrong.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mean, relu, softmax, softmaxCrossEntropy } from "../../src/dsl/composites.ts";
import { type GradientsOf, grad } from "../../src/dsl/grad.ts";
import { glorotUniform, zeros } from "../../src/dsl/initializers.ts";
import {
  add, argmax, cast, equal, full, matmul, max, mul, not, oneHot, permute, reshape, size, sum, transpose, where,
} from "../../src/dsl/ops.ts"; // biome-ignore format: names
import { program } from "../../src/dsl/program.ts";
import { f32, i32, param, type StateSpec, u8 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { ShapeError, UserError } from "../../src/errors.ts";
import type { Shape } from "../../src/graph/shape.ts";

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
  const whole = sum(hidden, { axis: [0, 1] });
  same<typeof whole, Tensor<Shape, "f32">>(true);
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

// ---- the compiler's words ------------------------------------------------------------------------------------------

/** A wrong line, and the sentence that the first line of the compiler's complaint must hold. */
const wrong: readonly (readonly [code: string, sentence: string])[] = [
  ["matmul(full([2, 784], 0), full([256, 10], 0))", "matmul: inner dimensions 784 and 256 differ"],
  ['matmul(full([2, "a"], 0), full(["b", 10], 0))', "matmul: inner dimensions a and b differ"],
  ['matmul(full([2, "a"], 0), full([3, 10], 0))', "matmul: inner dimensions a and 3 differ"],
  ["matmul(full([2, 3], 0), full([3], 0))", "matmul: the right operand has rank 1, wanted 2"],
  ["matmul(full([2, 2, 3], 0), full([3, 4], 0))", "matmul: the left operand has rank 3, wanted 2"],
  ["add(full([2, 3], 0), full([4], 0))", "add: dimensions 3 and 4 do not broadcast"],
  ['mul(full(["batch", 3], 0), full([2, 3], 0))', "mul: dimensions batch and 2 do not broadcast"],
  ["maximum(full([5, 1, 3], 0), full([4, 2, 3], 0))", "maximum: dimensions 5 and 4 do not broadcast"],
  ["less(full([2], 0), full([3], 0))", "less: dimensions 2 and 3 do not broadcast"],
  ["sum(full([2, 3], 0), { axis: 2 })", "sum: there is no axis 2 in rank 2"],
  ["max(full([2, 3], 0), { axis: -3, keepDims: true })", "max: there is no axis -3 in rank 2"],
  ["mean(full([2, 3], 0), { axis: 7 })", "mean: there is no axis 7 in rank 2"],
  ["argmax(full([2, 3], 0), { axis: 2 })", "argmax: there is no axis 2 in rank 2"],
  ["argmax(full([], 0))", "argmax: there is no axis -1 in rank 0"],
  ["sum(full([2, 3], 0), { axis: 1, keepdims: true })", "sum: keepdims (there are: axis"],
  ["mean(full([2, 3], 0), { axes: 1, keepDims: true })", "mean: axes (there are: axis"],
  ["argmax(full([2, 3], 0), { axis: 1, keepDims: true })", "argmax: keepDims (there are: axis)"],
  ["permute(full([2, 3], 0), [0, 1, 2])", "permute: an order of 3 axes for rank 2"],
  ["permute(full([2, 3], 0), [0, 2])", "permute: there is no axis 2 in rank 2"],
];

describe("the compiler's words", () => {
  const folder = mkdtempSync(join(tmpdir(), "tensorloom-types-"));
  const root = fileURLToPath(new URL("../../", import.meta.url));
  let complaints: ReadonlyMap<number, string> = new Map();

  beforeAll(() => {
    const imports = [
      `import { add, argmax, full, less, matmul, max, maximum, mul, permute, sum } from "${root}src/dsl/ops.ts";`,
      `import { mean } from "${root}src/dsl/composites.ts";`,
    ];
    writeFileSync(join(folder, "wrong.ts"), [...imports, ...wrong.map(([code]) => `${code};`)].join("\n"));
    const config = {
      extends: `${root}tsconfig.json`,
      compilerOptions: {
        rewriteRelativeImportExtensions: false,
        types: ["node"],
        typeRoots: [`${root}node_modules/@types`],
      },
      include: ["wrong.ts"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    complaints = complaintsOf(root, folder, imports.length);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(wrong.map(([code, sentence], i) => [sentence, code, i] as const))("%s", (sentence, _, i) => {
    expect(complaints.get(i)).toContain(sentence);
  });

  test("nothing else is wrong", () => {
    expect([...complaints.keys()].toSorted((a, b) => a - b)).toEqual(wrong.map((_, i) => i));
  });
});

/** First line of the first complaint about each snippet. */
function complaintsOf(root: string, folder: string, imports: number): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  let said = "";
  try {
    execFileSync(process.execPath, [compiler, "--noEmit", "--pretty", "false", "-p", folder], { encoding: "utf8" });
  } catch (error) {
    said = String((error as { readonly stdout: unknown }).stdout);
  }
  for (const line of said.split("\n")) {
    const place = /^(.*)\((\d+),\d+\): error TS\d+: /.exec(line);
    if (place === null) continue;
    const snippet = place[1]?.endsWith("wrong.ts") === true ? Number(place[2]) - imports - 1 : -1;
    if (!found.has(snippet)) found.set(snippet, line);
  }
  return found;
}

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
    ["an order", (x) => permute(x, [0, 0]), String.raw`^permute\(f32\[2,3\]\): \[0,0\] is no order of 2 axes`],
    [
      "a reshape",
      (x) => reshape(x, [4]),
      String.raw`^reshape\(f32\[2,3\]\): cannot become \[4\]: 6 elements are not 4`,
    ],
    ["an open reshape", (x) => reshape(x, [4, -1]), String.raw`^reshape\(f32\[2,3\]\): cannot find the -1 in \[4,-1\]`],
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
