/**
 * Composites that choose with `where` have finite gradients at zeros, ties and ends: the branch that is not taken never has an
 * infinite slope, which 0 times would make NaN (docs/semantics.md).
 */
import { expect, test } from "vitest";
import { compileOn } from "../../src/compile.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import * as api from "../../src/index.ts";
import { f32, grad, moments, program, reshape, sum, type Tensor } from "../../src/index.ts";

type Loose = (...operands: readonly unknown[]) => Tensor;
type Functions = { readonly [Name in keyof typeof api]: Loose };
const f = api as unknown as Functions;
const [slope, total] = [grad, sum] as unknown as [Loose, Loose];

/** Numbers at which sums of squares stay finite, and the ends of f32. */
const mild = [0, -0, 1e-38, -1e-38, 1e-20, 1, 1, -1, 88, -104, 1000, -1000];
const ends = [...mild, 3e38, -3e38];
const allZero = [0, 0, 0, 0];
const allEqual = [2, 2, 2, 2];
const masked = [Number.NEGATIVE_INFINITY, 0, 1, Number.NEGATIVE_INFINITY];
const lost = masked.map(() => Number.NEGATIVE_INFINITY);

const rows: readonly (readonly [name: string, f: (x: Tensor) => Tensor, points: readonly (readonly number[])[]])[] = [
  ["relu", f.relu, [ends]],
  ["leakyRelu", f.leakyRelu, [ends]],
  ["elu", f.elu, [ends]],
  ["selu", f.selu, [ends]],
  ["gelu", f.gelu, [ends]],
  ["gelu, approximate", (x) => f.gelu(x, { approximate: true }), [mild]],
  ["silu", f.silu, [ends]],
  ["sigmoid", f.sigmoid, [ends]],
  ["softplus", f.softplus, [ends]],
  ["tanh", f.tanh, [ends]],
  ["softmax", f.softmax, [mild, allZero, masked]],
  ["logSoftmax", f.logSoftmax, [mild, allZero]],
  ["logSumExp", f.logSumExp, [mild, ends, allZero, masked, lost]],
  ["l1Norm", f.l1Norm, [mild, allZero]],
  ["l2Norm", f.l2Norm, [mild, allZero]],
  ["globalNorm", (x) => f.globalNorm([x]), [mild, allZero]],
  ["standardDeviation", f.standardDeviation, [mild, allZero, allEqual]],
  ["variance", f.variance, [mild, allEqual]],
  ["moments", (x) => moments(x).variance, [mild, allEqual]],
  ["normalize", f.normalize, [mild, allZero]],
  ["huber", (x) => f.huber(x, f.mul(x, 0.5)), [mild, allZero]],
  ["max", f.max, [mild, allEqual]],
  ["prod", f.prod, [mild, allZero]],
  ["cumulativeProduct", f.cumulativeProduct, [[1, 0, 2, 0], allZero]],
  ["cumulativeSum", f.cumulativeSum, [mild]],
  ["clip", (x) => f.clip(x, -1, 1), [ends]],
  ["pow(x, 2)", (x) => f.pow(x, 2), [mild]],
  ["pow(x, x·0)", (x) => f.pow(x, f.mul(x, 0)), [mild, allZero]],
  ["sigmoidCrossEntropy", (x) => f.sigmoidCrossEntropy(x, f.mul(x, 0)), [ends]],
  ["softmaxCrossEntropy by class", (x) => f.softmaxCrossEntropy(x, f.scalar(1, "i32")), [mild, allZero, masked]],
  [
    "softmaxCrossEntropy by weights",
    (x) => f.softmaxCrossEntropy(x, f.cast(f.equal(x, 1), "f32")),
    [mild, allZero, masked],
  ],
  [
    "softmaxCrossEntropy by probabilities",
    (x) => f.softmaxCrossEntropy(x, f.cast(f.equal(x, 1), "f32"), { probabilities: true }),
    [mild, allZero],
  ],
];

test.each([
  ["js", jsTarget],
  ["wasm", wasmTarget({ threads: 1 })],
] as const)("on %s", async (_, target) => {
  const made = rows.flatMap(([name, make, points]) => points.map((at, i) => ({ name: `${name} at ${i}`, make, at })));
  const inputs = Object.fromEntries(made.map(({ at }, i) => [`x${i}`, f32(at.length)]));
  const held = program({
    inputs,
    step: (given) => ({
      outputs: Object.fromEntries(
        made.map(({ make }, i) => {
          const x = given[`x${i}`] as unknown as Tensor;
          return [`g${i}`, reshape(slope(total(make(x)), x), x.shape)];
        }),
      ),
    }),
  });
  const executable = await compileOn(held, target, { onWarning: () => {} });
  const feeds = Object.fromEntries(made.map(({ at }, i) => [`x${i}`, [...at]]));
  const found = (await executable.run({ entry: "step", feeds } as never)) as Readonly<Record<string, Float32Array>>;
  executable.dispose();
  const broken = made.flatMap(({ name, at }, i) =>
    [...(found[`g${i}`] ?? [])].flatMap((value, k) =>
      Number.isFinite(value) ? [] : [`${name}: the slope at ${at[k]} is ${value}`],
    ),
  );
  expect(broken).toEqual([]);
});
