/**
 * What a user writes, as source text, for `declarations.test.ts`: modules that must type-check, and lines that must not, with
 * the words that the compiler's complaint must hold.
 */

/** Modules by name. They use nothing but the language and tensorloom: neither Node nor a page. */
export const right = {
  metrics: `
import { abs, concat, dense, mean, model, rmsprop, sequential, sub, trainer, type Trainer, type Metrics } from "tensorloom";
const two = model({ inputs: { a: [2], b: [1] }, layers: { d: dense(3), e: dense(1) }, call: ({ a, b }, { d, e }) => { const h = concat([a, b], 1); return { digit: d(h), odd: e(h) }; } });
const one = model({ inputs: { a: [2], b: [1] }, layers: { d: dense(3) }, call: ({ a, b }, { d }) => d(concat([a, b], 1)) });
const layer = sequential([dense(1)]);
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}
const common = { input: [1], loss: "meanSquaredError", optimizer: rmsprop() } as const;
const t1 = trainer(layer, { ...common });
same<typeof t1, Trainer<never>>(true);
const t2 = trainer(layer, { input: [1], loss: "meanSquaredError", optimizer: rmsprop(), metrics: ["accuracy"] });
same<typeof t2, Trainer<"accuracy">>(true);
const t3 = trainer(layer, { input: [1], loss: "meanSquaredError", optimizer: rmsprop(), metrics: { mae: (output, target) => mean(abs(sub(output, target))) } });
same<typeof t3, Trainer<"mae">>(true);
const t4 = trainer(layer, { input: [1], loss: (output, target) => abs(sub(output, target)), optimizer: rmsprop(), metrics: { mae: (output, target) => mean(abs(sub(output, target))), acc: "accuracy" } });
same<typeof t4, Trainer<"mae" | "acc">>(true);
declare const some: Metrics;
const t5 = trainer(layer, { ...common, metrics: some });
same<typeof t5, Trainer<string>>(true);
const u1 = trainer(one, { loss: "meanSquaredError", optimizer: rmsprop(), metrics: { mae: (output, target) => mean(abs(sub(output, target))) } });
same<typeof u1, Trainer<"mae", "a" | "b", never>>(true);
const u2 = trainer(one, { loss: "meanSquaredError", optimizer: rmsprop() });
same<typeof u2, Trainer<never, "a" | "b", never>>(true);
const v1 = trainer(two, { loss: { digit: "meanSquaredError", odd: (output, target) => abs(sub(output, target)) }, optimizer: rmsprop(), metrics: { digit: ["accuracy"] } });
same<typeof v1, Trainer<"digit_loss" | "odd_loss" | "digit_accuracy", "a" | "b", "digit" | "odd">>(true);
const v2 = trainer(two, { loss: { digit: "meanSquaredError", odd: "meanSquaredError" }, optimizer: rmsprop() });
same<typeof v2, Trainer<"digit_loss" | "odd_loss", "a" | "b", "digit" | "odd">>(true);
const v3 = trainer(two, { loss: { digit: "meanSquaredError", odd: "meanSquaredError" }, optimizer: rmsprop(), metrics: { digit: ["accuracy"], odd: { mae: (output, target) => mean(abs(sub(output, target))) } } });
same<typeof v3, Trainer<"digit_loss" | "odd_loss" | "digit_accuracy" | "odd_mae", "a" | "b", "digit" | "odd">>(true);
`,
  trains: `
import { dense, type History, sequential, sgd, trainer } from "tensorloom";
import { interruptSignal, nodeTarget, saveTrainer, terminalProgress } from "tensorloom/node";
const net = trainer(sequential([dense(2)]), { input: [1], loss: "softmaxCrossEntropy", optimizer: sgd(), metrics: ["accuracy"] });
await net.compile(await nodeTarget("auto"));
const history: History<"accuracy"> = await net.fit({ x: [1], y: [0], signal: interruptSignal(), progress: terminalProgress() });
const accuracy: number | undefined = history.epochs[0]?.accuracy;
await saveTrainer("x", net);
// @ts-expect-error there is no such metric
export const wrong = [accuracy, history.epochs[0]?.precision];
`,
};

export interface Wrong {
  /** One statement; what it names from the package stands in \`tl\`. */
  readonly code: string;
  readonly words: readonly string[];
}

const shapes: readonly (readonly [code: string, sentence: string])[] = [
  ["tl.matmul(tl.full([2, 784], 0), tl.full([256, 10], 0))", "matmul: inner dimensions 784 and 256 differ"],
  ['tl.matmul(tl.full([2, "a"], 0), tl.full(["b", 10], 0))', "matmul: inner dimensions a and b differ"],
  ['tl.matmul(tl.full([2, "a"], 0), tl.full([3, 10], 0))', "matmul: inner dimensions a and 3 differ"],
  ["tl.matmul(tl.full([2, 3], 0), tl.full([3], 0))", "matmul: the right operand has rank 1, wanted 2"],
  ["tl.matmul(tl.full([2, 2, 3], 0), tl.full([3, 4], 0))", "matmul: the left operand has rank 3, wanted 2"],
  ["tl.add(tl.full([2, 3], 0), tl.full([4], 0))", "add: dimensions 3 and 4 do not broadcast"],
  ['tl.mul(tl.full(["batch", 3], 0), tl.full([2, 3], 0))', "mul: dimensions batch and 2 do not broadcast"],
  ["tl.maximum(tl.full([5, 1, 3], 0), tl.full([4, 2, 3], 0))", "maximum: dimensions 5 and 4 do not broadcast"],
  ["tl.less(tl.full([2], 0), tl.full([3], 0))", "less: dimensions 2 and 3 do not broadcast"],
  ["tl.sum(tl.full([2, 3], 0), { axis: 2 })", "sum: there is no axis 2 in rank 2"],
  ["tl.max(tl.full([2, 3], 0), { axis: -3, keepDims: true })", "max: there is no axis -3 in rank 2"],
  ["tl.mean(tl.full([2, 3], 0), { axis: 7 })", "mean: there is no axis 7 in rank 2"],
  ["tl.argmax(tl.full([2, 3], 0), { axis: 2 })", "argmax: there is no axis 2 in rank 2"],
  ["tl.argmax(tl.full([], 0))", "argmax: there is no axis -1 in rank 0"],
  ["tl.sum(tl.full([2, 3], 0), { axis: 1, keepdims: true })", "sum: keepdims (there are: axis"],
  ["tl.mean(tl.full([2, 3], 0), { axes: 1, keepDims: true })", "mean: axes (there are: axis"],
  ["tl.argmax(tl.full([2, 3], 0), { axis: 1, keepDims: true })", "argmax: keepDims (there are: axis)"],
  ["tl.permute(tl.full([2, 3], 0), [0, 1, 2])", "permute: an order of 3 axes for rank 2"],
  ["tl.permute(tl.full([2, 3], 0), [0, 2])", "permute: there is no axis 2 in rank 2"],
];

const losses = ["softmaxCrossEntropy", "sigmoidCrossEntropy", "meanSquaredError", "meanAbsoluteError"];
const oneOutput = "tl.sequential([tl.dense(1)]), { input: [1], optimizer: tl.sgd(), ";
const twoOutputs =
  "tl.model({ inputs: [2], layers: { a: tl.dense(3), b: tl.dense(1) }, call: (x, { a, b }) => ({ a: a(x), b: b(x) }) }), { optimizer: tl.sgd(), ";
const absolute = "(output, target) => tl.abs(tl.sub(output, target))";

const trainers: readonly Wrong[] = [
  { code: `tl.trainer(${oneOutput} loss: "mse" })`, words: ['"mse"', ...losses] },
  { code: `tl.trainer(${oneOutput} loss: "mse", metrics: ["accuracy"] })`, words: ['"mse"', ...losses] },
  {
    code: `tl.trainer(${oneOutput} loss: ${absolute}, metrics: ["acuracy"] })`,
    words: ['"acuracy"', "Did you mean '\"accuracy\"'", "binaryAccuracy"],
  },
  {
    code: `tl.trainer(${oneOutput} loss: ${absolute}, metrics: { mae: ${absolute}, b: "acuracy" } })`,
    words: ["'b'", "Did you mean '\"accuracy\"'", "binaryAccuracy"],
  },
  {
    code: `tl.trainer(${oneOutput} loss: ${absolute}, metrics: { mae: () => 3 } })`,
    words: ["'mae'", "Type 'number' is not assignable to type 'Tensor"],
  },
  {
    code: `tl.trainer(${oneOutput} loss: ${absolute}, metric: [] })`,
    words: ["'metric' does not exist", "'metrics'?"],
  },
  { code: `tl.trainer(tl.dense(1), { loss: ${absolute}, optimizer: tl.sgd() })`, words: ["'input' is missing"] },
  { code: `tl.trainer(${twoOutputs} loss: { a: "mse", b: ${absolute} } })`, words: ['"mse"', ...losses] },
  { code: `tl.trainer(${twoOutputs} loss: { a: ${absolute} } })`, words: ["'b' is missing"] },
  { code: `tl.trainer(${twoOutputs} loss: "meanSquaredError" })`, words: ["readonly a:", "readonly b:"] },
  {
    code: `tl.trainer(${twoOutputs} loss: { a: ${absolute}, b: ${absolute} }, metrics: { c: ["accuracy"] } })`,
    words: ["'c' does not exist"],
  },
];

const names: readonly Wrong[] = [
  { code: 'tl.dense(3, { activation: "rleu" })', words: ['"relu" | ', '"softmax"'] },
  { code: 'tl.activation("rleu")', words: ['"relu" | ', '"softmax"'] },
  { code: 'tl.cast(tl.full([2], 0), "f33")', words: ['"f32"', '"bool"', '"u8"'] },
  { code: 'import("tensorloom/node").then((node) => node.nodeTarget("cuda"))', words: ['"auto"', '"wgsl"', '"js"'] },
];

export const wrong: readonly Wrong[] = [
  ...shapes.map(([code, sentence]) => ({ code, words: [sentence] })),
  ...trainers,
  ...names,
];
