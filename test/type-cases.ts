/**
 * What a user writes, as source text, for `declarations.test.ts`: modules that must type-check, and lines that must not, with
 * the words that the compiler's complaint must hold.
 */

/** Modules by name. They use nothing but the language and tensorloom: neither Node nor a page. */
export const right = {
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

export const wrong: readonly Wrong[] = shapes.map(([code, sentence]) => ({ code, words: [sentence] }));
