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
  shortFloats: `
import { add, bf16, cast, compile, evaluate, f16, matmul, mean, param, program, slot, type Tensor, zeros } from "tensorloom";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}
const made = program({
  inputs: { x: bf16(2, 3), h: f16() },
  state: { w: param(zeros(3, 4), { dtype: "bf16" }), s: slot(zeros(), { dtype: "bf16" }) },
  step({ x, h }, { w, s }) {
    same<typeof x, Tensor<[2, 3], "bf16">>(true);
    const y = mean(add(matmul(x, w), s), { axis: 1 });
    same<typeof y, Tensor<[2], "bf16">>(true);
    return { outputs: { y, wide: cast(y, "f32"), h }, next: { s: mean(y) } };
  },
});
const run = await compile(made);
const found = await run.run({ entry: "step", feeds: { x: new Uint16Array(6), h: 1.5 } });
same<typeof found, { readonly y: Uint16Array; readonly wide: Float32Array; readonly h: number }>(true);
run.step({ x: [[1, 2, 3], [4, 5, 6]], h: 2 });
export const brain = await evaluate(({ x }) => { same<(typeof x)["dtype"], "bf16">(true); return cast(x, "f32"); }, { x: Uint16Array.of(0x3f80) }, { dtype: "bf16" });
export const half = await evaluate(({ x }) => { same<(typeof x)["dtype"], "f16">(true); return cast(x, "f32"); }, { x: Uint16Array.of(0x3c00) });
`,
  convolutions: `
import { avgPool, conv, convTranspose, depthwiseConv, f32, flatten, glorotUniform, globalPool, maxPool, param, program, relu, reshape, type Shape, type Tensor, window } from "tensorloom";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function shape<const S extends Shape>(_x: Tensor<S>, _proof: (s: S) => void): void {}
function is<S extends Shape>() { return <T extends Shape>(_x: Tensor<T>, _proof: Same<S, T>): void => {}; }
declare const x: Tensor<["batch", 28, 27, 3]>;
declare const w: Tensor<[3, 3, 3, 32]>;
is<["batch", 26, 25, 32]>()(conv(x, w), true);
is<["batch", 28, 27, 32]>()(conv(x, w, { padding: "same" }), true);
is<["batch", 14, 14, 32]>()(conv(x, w, { padding: "same", stride: 2 }), true);
is<["batch", 13, 9, 32]>()(conv(x, w, { stride: [2, 3] }), true);
is<["batch", 24, 21, 32]>()(conv(x, w, { dilation: [2, 3] }), true);
is<["batch", 29, 25, 32]>()(conv(x, w, { padding: [[1, 2], [0, 0]] }), true);
declare const c: Tensor<["batch", 4, 28, 27]>;
declare const g: Tensor<[5, 5, 2, 6]>;
is<["batch", 6, 24, 23]>()(conv(c, g, { groups: 2, dataFormat: "channelsFirst" }), true);
declare const d: Tensor<[3, 3, 3, 2]>;
is<["batch", 26, 25, 6]>()(depthwiseConv(x, d), true);
declare const t: Tensor<[3, 3, 8, 3]>;
is<["batch", 57, 55, 8]>()(convTranspose(x, t, { stride: 2 }), true);
is<["batch", 56, 54, 8]>()(convTranspose(x, t, { stride: 2, padding: "same" }), true);
is<["batch", 14, 13, 3]>()(maxPool(x, { size: 2 }), true);
is<["batch", 14, 9, 3]>()(avgPool(x, { size: [2, 3], padding: "same" }), true);
is<["batch", 13, 13, 3]>()(maxPool(x, { size: 3, stride: 2 }), true);
is<["batch", 3]>()(globalPool(x, "average"), true);
is<["batch", 1, 1, 3]>()(globalPool(x, "max", { keepDims: true }), true);
declare const s: Tensor<["time", 60000]>;
is<["time", 59996, 5]>()(window(s, { axes: [-1], size: 5 }), true);
is<["time", 8571, 5]>()(window(s, { axes: [1], size: 5, stride: 7, padding: "same" }), false);
is<["time", 60000, 2, 3]>()(window(s, { axes: [0, 1], size: [2, 3], padding: "same" }), true);
declare const any: Tensor;
const open: Tensor = conv(any, w, { stride: 2 });
const wide: Tensor<[number, number, number, 32]> = conv(x as unknown as Tensor<[number, number, number, 3]>, w);
shape(open, (_s: Shape) => {});
shape(wide, (_s) => {});
export const net = program({
  inputs: { x: f32("batch", 28, 28, 1) },
  state: { w: param(glorotUniform(9, 32)) },
  step: ({ x }, { w }) => ({ outputs: { y: flatten(maxPool(relu(conv(x, reshape(w, [3, 3, 1, 32]))), { size: 2 })) } }),
});
`,
  optimizers: `
import { add, dense, div, type Optimizer, optimizer, mul, pow, sequential, sqrt, sub, sign, trainer, type Trainer } from "tensorloom";
export const lion = (beta: number): Optimizer<"m"> =>
  optimizer({
    name: "lion",
    learningRate: 1e-4,
    moments: ["m"],
    update({ w, g, lr }, { m }) {
      const next = add(mul(m, beta), mul(g, 1 - beta));
      return { w: sub(w, mul(lr, sign(next))), m: next };
    },
  });
const plain = optimizer({ name: "plain", learningRate: 1, counts: true, update: ({ w, g, lr, t }) => ({ w: sub(w, div(mul(lr, g), t)) }) });
export const net: Trainer = trainer(sequential([dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: plain });
export const other: Trainer = trainer(sequential([dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: lion(0.9) });
`,
  wrappers: `
import { add, type Broadcast, type BinaryResult, type DTypeOf, f32, type GradientsOf, grad, mul, ones, type Operand, type OperandsFit, param, program, type ShapeOf, type StateSpec, sum, type Tensor, type TensorsOf } from "tensorloom";
// a function around one of ours keeps its checks and its result
export function twice<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"add", A, B>): BinaryResult<A, B> {
  return add(a, b);
}
export type Joint = Broadcast<ShapeOf<Tensor<[2, 1]>>, [3]>;
export type Kind = DTypeOf<Tensor<[], "u8">>;
export interface Model {
  readonly w: StateSpec<[4], "f32">;
}
export function step({ w }: TensorsOf<Model>, x: Tensor<[4], "f32">): { loss: Tensor; gradients: GradientsOf<TensorsOf<Model>> } {
  const loss = sum(mul(w, x));
  return { loss, gradients: grad(loss, { w }) };
}
export const model: Model = { w: param(ones(4)) };
export const made = program({ inputs: { x: f32(4) }, state: model, step: ({ x }, state) => ({ outputs: step(state, x) }) });
`,
  reductions: `
import { sum, mean, full, max, type Tensor, type ReduceOptions, argmax, argsort, cast, maxWithIndex, moments, sort, topK } from "tensorloom";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}
type F<S extends readonly (number | string)[]> = Tensor<S, "f32">;
const x = full([2, 3, 4, 5], 0);
const a = sum(x, { axis: [0, 2] }); same<typeof a, F<[3, 5]>>(true);
const b = mean(x, { axis: [1, -1], keepDims: true }); same<typeof b, F<[2, 1, 4, 1]>>(true);
const c = max(x, { axis: -2, keepDims: true }); same<typeof c, F<[2, 3, 1, 5]>>(true);
const d = max(x, { axis: 1 }); same<typeof d, F<[2, 4, 5]>>(true);
const e = argmax(x); same<typeof e, Tensor<[2, 3, 4], "i32">>(true);
const f = argmax(x, { axis: 0 }); same<typeof f, Tensor<[3, 4, 5], "i32">>(true);
const best = maxWithIndex(x, { axis: -2 }); same<typeof best.values, Tensor<[2, 3, 5], "f32">>(true); same<typeof best.indexes, Tensor<[2, 3, 5], "i32">>(true);
const about = moments(x, { axis: [1, -1], keepDims: true }); same<typeof about.mean, F<[2, 1, 4, 1]>>(true); same<typeof about.variance, F<[2, 1, 4, 1]>>(true);
const ofWhole = moments(cast(x, "i32")); same<typeof ofWhole.mean, F<[]>>(true);
const sorted = sort(x, { axis: 1, descending: true }); same<typeof sorted, typeof x>(true);
const order = argsort(x); same<typeof order, Tensor<[2, 3, 4, 5], "i32">>(true);
const top = topK(x, 2); same<typeof top.values, Tensor<[2, 3, 4, 2], "f32">>(true); same<typeof top.indexes, Tensor<[2, 3, 4, 2], "i32">>(true);
const topOfRows = topK(x, 2, { axis: 0, largest: false }); same<typeof topOfRows.values, Tensor<[2, 3, 4, 5], "f32">>(true);
declare const o: ReduceOptions; declare const k: boolean; declare const n: number; declare const l: number[]; declare const y: Tensor;
const g = sum(x, o); same<typeof g, Tensor<readonly (string|number)[], "f32">>(true);
const h = sum(x, { axis: 1, keepDims: k }); same<typeof h, Tensor<readonly (string|number)[], "f32">>(true);
const i = sum(x, { axis: n }); const j = sum(x, { axis: l }); const m = sum(y, { axis: [0, 1] }); const p = sum(x, { axis: [] }); same<typeof p, F<[2, 3, 4, 5]>>(true);
const q = sum(x, {}); same<typeof q, F<[]>>(true);
const r = sum(x, { keepDims: false }); same<typeof r, F<[]>>(true);
export { g, h, i, j, m };
`,
  parts: `
import { add, batchMatmul, concat, dot, f32, flip, full, gather, huber, i32, matmul, meanSquaredError, mul, pad, program, reshape, scatterAdd, slice, softmaxCrossEntropy, sum, type Tensor } from "tensorloom";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}
type F<S extends readonly (number | string)[]> = Tensor<S, "f32">;
const table = full([60000, 784], 0);

const head = slice(table, [0, 128]);
same<typeof head, F<[128, 784]>>(true);
const ends = slice(table, [-60000, -1], [100, 784]);
same<typeof ends, F<[59999, 684]>>(true);
const middle = slice(table, null, [-784, 300, 1]);
same<typeof middle, F<[60000, 300]>>(true);
const second = slice(table, [0, 60000, 2]);
same<typeof second, F<[number, 784]>>(true);
const none = slice(table, [5, 5], [99999, 100000]);
same<typeof none, F<[0, 1]>>(true);

const bordered = pad(table, [[1, 2], [0, 216]], 7);
same<typeof bordered, F<[60003, 1000]>>(true);
const joined = concat([table, full([9999999, 784], 1), head]);
same<typeof joined, F<[10060127, 784]>>(true);
const wide = concat([table, full([60000, 16], 0)], -1);
same<typeof wide, F<[60000, 800]>>(true);
declare const many: readonly F<[5, 2]>[];
const unknown = concat(many);
same<typeof unknown, F<[number | string, 2]>>(true);

const rows = gather(table, full(["batch", 4], 0, "i32"));
same<typeof rows, F<["batch", 4, 784]>>(true);
const columns = gather(table, full([3], 0, "i32"), { axis: -1 });
same<typeof columns, F<[60000, 3]>>(true);
const sums = scatterAdd(full([8], 0, "i32"), full([8, 5], 0), 3);
same<typeof sums, F<[3, 5]>>(true);

const product = dot(full([4, 5, 6], 0), full([6, "n"], 0));
same<typeof product, F<[4, 5, "n"]>>(true);
const scalar = dot(full([6], 0), full([6], 0));
same<typeof scalar, F<[]>>(true);
const products = batchMatmul(full(["b", 2, 4, 5], 0), full(["b", 2, 5, 6], 0));
same<typeof products, F<["b", 2, 4, 6]>>(true);
const rest = reshape(table, [-1, 28, 28]);
same<typeof rest, F<[number | string, 28, 28]>>(true);
export const fits = add(rest, full([60000, 28, 28], 0));

// what is not known is no error
export const errors = [meanSquaredError(full([2], 0, "i32"), full([2], 0)), huber(full([2], 0), full([2], 0, "u8"))];
const rowLoss = softmaxCrossEntropy(full(["n", 7, 3], 0), full(["n", 7], 0, "i32"));
same<typeof rowLoss, F<["n", 7]>>(true);
export const losses = [softmaxCrossEntropy(full([2, 3], 0), full([2, 3], 0)), softmaxCrossEntropy(full([2, 3], 0), full([2], 0, "u8"))];
export function anything(x: Tensor, n: number, ranges: readonly (readonly [number, number])[], axis: number): Tensor[] {
  const loose = full([n, 3], 0);
  return [
    slice(x, [0, n]), slice(loose, ...ranges), pad(x, ranges), concat([x, x], axis), concat([loose, full([2, 3], 0)]),
    gather(x, x, { axis }), dot(x, loose), batchMatmul(x, x), flip(x, [0]), add(x, loose), mul(x, x), matmul(loose, full([3, n], 0)),
    softmaxCrossEntropy(x, x), softmaxCrossEntropy(loose, x), softmaxCrossEntropy(x, loose),
  ];
}
export function generic<N extends number>(x: Tensor<[N, 3], "f32">): Tensor[] {
  return [slice(x, [0, 2]), concat([x, x]), add(x, x), sum(slice(x, null, [0, 1]))];
}
export const symbolic = program({
  inputs: { x: f32("batch", 8), at: i32("batch") },
  step({ x, at }) {
    const last = slice(x, null, [-1, 8]);
    same<typeof last, F<["batch", 1]>>(true);
    const but = slice(x, [0, -1]);
    same<typeof but, F<[number | string, 8]>>(true);
    const picked = gather(x, at);
    same<typeof picked, F<["batch", 8]>>(true);
    return { outputs: { last, but, picked } };
  },
});
`,
  derivatives: `
import { dot, exp, f32, full, grad, hessian, hvp, i32, jacobian, jvp, mul, ones, param, program, pullback, softmaxCrossEntropy, sum, type Tensor, valueAndGrad, vjp, vmap } from "tensorloom";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}
type F<S extends readonly (number | string)[]> = Tensor<S, "f32">;
const x = full([2, 3], 1);
const w = full([3, 4], 1);
const j = jacobian(dot(x, w), x); same<typeof j, F<[2, 4, 2, 3]>>(true);
const h = hessian(sum(exp(x)), x); same<typeof h, F<[2, 3, 2, 3]>>(true);
const v = hvp(sum(exp(x)), { x }, { x }); same<typeof v, { readonly x: F<[2, 3]> }>(true);
const p = pullback({ y: dot(x, w) }, { y: full([2, 4], 1) }, [x, w] as const); same<typeof p, readonly [F<[2, 3]>, F<[3, 4]>]>(true);
const back = vjp(({ a, b }) => dot(a, b), { a: x, b: w }); same<typeof back.value, F<[2, 4]>>(true);
const slopes = back.pullback(full([2, 4], 1)); same<typeof slopes.b, F<[3, 4]>>(true);
const forward = jvp((at) => ({ y: dot(at, w), z: sum(at) }), x, x); same<typeof forward.tangent.y, F<[2, 4]>>(true); same<typeof forward.tangent.z, F<[]>>(true);
const both = valueAndGrad((at) => sum(mul(at.x, at.x)), { x }); same<typeof both.gradient, { readonly x: F<[2, 3]> }>(true);
const rows = vmap((row) => { same<typeof row, F<[3]>>(true); return dot(row, w); }, x); same<typeof rows, F<[2, 4]>>(true);
const columns = vmap((column) => { same<typeof column, F<[2]>>(true); return { c: exp(column), s: sum(column) }; }, x, { axis: 1, outAxis: -1 });
same<typeof columns.c, F<[2, 3]>>(true); same<typeof columns.s, F<[3]>>(true);
const mixed = vmap(({ a, b, c }) => { same<typeof a, F<[2]>>(true); same<typeof b, F<[3, 4]>>(true); same<typeof c, F<[]>>(true); return dot(dot(b, full([4, 2], 0)), a); }, { a: full([7, 2], 1), b: w, c: full([7], 1) }, { axis: { b: null } });
same<typeof mixed, F<[7, 3]>>(true);
const pairs = vmap((a) => vmap((b) => sum(mul(a, b)), full([5, 3], 1)), x); same<typeof pairs, F<[2, 5]>>(true);
export const perExample = program({
  inputs: { x: f32("batch", 3), y: i32("batch") },
  state: { w: param(ones(3, 4)) },
  step({ x, y }, net) {
    const each = vmap((e) => grad(softmaxCrossEntropy(dot(e.x, net.w), e.y), net), { x, y });
    same<typeof each.w, F<["batch", 3, 4]>>(true);
    return { outputs: each };
  },
});
export function anything(x: Tensor, n: number): Tensor[] {
  const loose = full([n, 3], 0);
  return [vmap((row) => exp(row), x), vmap((row) => dot(row, w), loose), vmap((row) => exp(row), x, { axis: n }), vmap(({ x, loose }) => mul(sum(x), loose), { x, loose })];
}
`,
  loops: `
import { add, cond, f32, full, grad, greater, matmul, mul, param, program, reshape, scan, sum, tanh, type Tensor, whileLoop, zeros } from "tensorloom";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}
type F<S extends readonly (number | string)[]> = Tensor<S, "f32">;
export const recurrent = program({
  inputs: { x: f32("time", 8, 3) },
  state: { w: param(zeros(3, 4)), u: param(zeros(4, 4)) },
  step({ x }, { w, u }) {
    const { carry, outputs } = scan((h, row) => {
      same<typeof row, F<[8, 3]>>(true);
      const next = tanh(add(matmul(row, w), matmul(h, u)));
      return { carry: next, output: { next, total: sum(next, { axis: 1 }) } };
    }, full([8, 4], 0), x);
    same<typeof carry, F<[8, 4]>>(true);
    same<typeof outputs.next, F<["time", 8, 4]>>(true);
    same<typeof outputs.total, F<["time", 8]>>(true);
    return { outputs: { slope: grad(sum(carry), u) } };
  },
});
const counted = scan(({ a, b }) => ({ carry: { a: b, b: add(a, b) }, output: a }), { a: full([2], 1), b: full([2], 1) }, {}, { length: 10 });
same<typeof counted.outputs, F<[10, 2]>>(true); same<typeof counted.carry.b, F<[2]>>(true);
const trees = scan((_, { p, q }) => { same<typeof q, F<[]>>(true); return { carry: {}, output: mul(p, q) }; }, {}, { p: full([5, 2], 1), q: full([5], 1) }, { reverse: true });
same<typeof trees.outputs, F<[5, 2]>>(true);
const grown = whileLoop((c) => greater(sum(c), 1), (c) => mul(c, 0.5), full([3], 1), { most: 9 }); same<typeof grown, F<[3]>>(true);
const one = cond(greater(sum(grown), 0), ({ z }) => ({ y: mul(z, 2) }), ({ z }) => ({ y: z }), { z: grown }); same<typeof one.y, F<[3]>>(true);
export function anything(x: Tensor, h: Tensor): Tensor {
  return scan((c: Tensor, row) => ({ carry: add(c, row) as Tensor, output: reshape(row, [2]) }), h, x).outputs;
}
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
  layers: `
import { add, dense, div, freeze, type Layer, layer, mean, mul, param, program, sequential, sgd, slot, slotUpdates, sqrt, sub, f32, ones, trainer, variance, zeros } from "tensorloom";
import { loadSafetensors, loadWeights, saveWeights } from "tensorloom/node";
const norm = (momentum: number) => layer({
  name: "norm",
  rule: "same",
  params: ([width = 1]) => ({ gamma: param(ones(width)), beta: param(zeros(width)), mean: slot(zeros(width)), variance: slot(ones(width)), seen: slot(zeros(), { dtype: "u32" }) }),
  apply({ gamma, beta, ...kept }, x, { training, frozen, update }) {
    if (!training || frozen) return add(mul(div(sub(x, kept.mean), sqrt(add(kept.variance, 1e-3))), gamma), beta);
    const [now, spread] = [mean(x, { axis: 0 }), variance(x, { axis: 0 })];
    update(kept.mean, add(mul(kept.mean, momentum), mul(now, 1 - momentum)));
    update(kept.variance, add(mul(kept.variance, momentum), mul(spread, 1 - momentum)));
    update(kept.seen, add(kept.seen, 1));
    return add(mul(div(sub(x, now), sqrt(add(spread, 1e-3))), gamma), beta);
  },
});
const [inner, last] = [norm(0.9), dense(2)];
const block: Layer = layer({
  name: "block",
  params: (sample) => ({ inner: inner.params(sample), last: last.params(sample), table: freeze(slot(zeros(2))) }),
  outputShape: () => [2],
  apply: (params, x, mode) => add(last.apply(params.last, inner.apply(params.inner, x, mode), mode), params.table),
});
const net = trainer(sequential([block, norm(0.5), dense(1)]), { input: [3], loss: "meanSquaredError", optimizer: sgd() });
await saveWeights("x", net);
const { loaded, unfit } = await loadWeights("x", net, { strict: false, by: "order" });
const file = await loadSafetensors("x", { only: loaded });
await net.loadWeights(file.tensors);
export const names: readonly string[] = unfit.map(({ name, why }) => name + why);
const model = { net: norm(0.9).params([3]) };
export const own = program({
  inputs: { x: f32("n", 3) },
  state: { model },
  step({ x }, { model }) {
    const slots = slotUpdates(model);
    const y = norm(0.9).apply(model.net, x, { training: true, slots });
    return { outputs: { y }, next: { model: slots.next(model) } };
  },
});
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
  ["tl.vmap(({ a }) => a, { a: tl.full([2, 3], 0), b: tl.full([5], 0) })", "vmap: 2 examples do not fit together"],
  [
    "tl.scan((c) => ({ carry: tl.reshape(c, [3, 1]) }), tl.full([3], 0), tl.full([2], 0))",
    "Type '[3, 1]' is not assignable to type '[3]'",
  ],
  ["tl.add(tl.full([2, 3], 0), tl.full([4], 0))", "add: dimensions 3 and 4 do not broadcast"],
  ['tl.mul(tl.full(["batch", 3], 0), tl.full([2, 3], 0))', "mul: dimensions batch and 2 do not broadcast"],
  ["tl.maximum(tl.full([5, 1, 3], 0), tl.full([4, 2, 3], 0))", "maximum: dimensions 5 and 4 do not broadcast"],
  ["tl.less(tl.full([2], 0), tl.full([3], 0))", "less: dimensions 2 and 3 do not broadcast"],
  ["tl.sum(tl.full([2, 3], 0), { axis: 2 })", "sum: there is no axis 2 in rank 2"],
  ["tl.max(tl.full([2, 3], 0), { axis: -3, keepDims: true })", "max: there is no axis -3 in rank 2"],
  ["tl.mean(tl.full([2, 3], 0), { axis: 7 })", "mean: there is no axis 7 in rank 2"],
  ["tl.sum(tl.full([2, 3], 0), { axis: [0, 2] })", "sum: there is no axis 2 in rank 2"],
  ["tl.sum(tl.full([2, 3], 0), { axis: [-3] })", "sum: there is no axis -3 in rank 2"],
  ["tl.argmax(tl.full([2, 3], 0), { axis: 2 })", "argmax: there is no axis 2 in rank 2"],
  ["tl.topK(tl.full([2, 3], 0), 1, { axis: 2 })", "topK: there is no axis 2 in rank 2"],
  ["tl.sort(tl.full([], 0))", "sort: there is no axis -1 in rank 0"],
  ["tl.sort(tl.full([2, 3], 0), { axis: 1, order: 1 })", "sort: order (there are: axis)"],
  ["tl.argmax(tl.full([], 0))", "argmax: there is no axis -1 in rank 0"],
  ["tl.sum(tl.full([2, 3], 0), { axis: 1, keepdims: true })", "sum: keepdims (there are: axis"],
  ["tl.mean(tl.full([2, 3], 0), { axes: 1, keepDims: true })", "mean: axes (there are: axis"],
  ["tl.argmax(tl.full([2, 3], 0), { axis: 1, keepDims: true })", "argmax: keepDims (there are: axis)"],
  ["tl.conv(tl.full([2, 8, 8, 3], 0), tl.full([3, 3, 1, 4], 0))", "conv: x has 3 channels, and the filter takes 1"],
  [
    "tl.conv(tl.full([2, 8, 8, 3], 0), tl.full([3, 3, 1, 4], 0), { groups: 2 })",
    "conv: x has 3 channels, and the filter takes 2",
  ],
  [
    "tl.conv(tl.full([2, 8, 3], 0), tl.full([3, 3, 3, 4], 0))",
    "conv: x has rank 3 and the filter 4: they must be equal",
  ],
  [
    "tl.conv(tl.full([2, 3, 8, 8], 0), tl.full([3, 3, 8, 4], 0), { dataFormat: 'channelsFirst' })",
    "conv: x has 3 channels, and the filter takes 8",
  ],
  [
    "tl.conv(tl.full([2, 8, 8, 3], 0), tl.full([3, 3, 3, 4], 0), { strides: 2 })",
    "'strides' does not exist in type 'ConvOptions'",
  ],
  ["tl.conv(tl.full([2, 8, 3], 0), tl.full([3, 3, 4], 0, 'f64'))", "conv: dtypes f32 and f64 differ: cast one"],
  ["tl.add(tl.full([2], 0, 'f16'), tl.full([2], 0, 'bf16'))", "add: dtypes f16 and bf16 differ: cast one"],
  ["tl.cast(tl.full([2], 0), 'bfloat16')", '"bfloat16"'],
  [
    "tl.depthwiseConv(tl.full([2, 8, 3], 0), tl.full([3, 2, 1], 0))",
    "depthwiseConv: x has 3 channels, and the filter takes 2",
  ],
  [
    "tl.convTranspose(tl.full([2, 8, 3], 0), tl.full([3, 2, 4], 0))",
    "convTranspose: x has 3 channels, and the filter takes 4",
  ],
  ["tl.maxPool(tl.full([2, 8], 0), { size: 2 })", "maxPool: x has rank 2, wanted [batch, sizes, channels]"],
  [
    "tl.matmul(tl.reshape(tl.full([2], 0), [2, 1]), tl.globalPool(tl.full([2, 8, 3], 0), 'max'))",
    "matmul: inner dimensions 1 and 2 differ",
  ],
  [
    "tl.add(tl.conv(tl.full([2, 28, 3], 0), tl.full([5, 3, 4], 0)), tl.full([2, 28, 4], 0))",
    "add: dimensions 24 and 28 do not broadcast",
  ],
  ["tl.permute(tl.full([2, 3], 0), [0, 1, 2])", "permute: an order of 3 axes for rank 2"],
  ["tl.permute(tl.full([2, 3], 0), [0, 2])", "permute: there is no axis 2 in rank 2"],
];

const dtypes: readonly (readonly [code: string, sentence: string])[] = [
  ['tl.add(tl.full([2], 0), tl.full([2], 0, "i32"))', "add: dtypes f32 and i32 differ: cast one"],
  [
    'tl.where(tl.full([2], 0, "bool"), tl.full([2], 0, "u8"), tl.full([2], 0))',
    "where: dtypes u8 and f32 differ: cast one",
  ],
  ['tl.less(tl.full([2], 0, "f64"), tl.full([], 0))', "less: dtypes f64 and f32 differ: cast one"],
  ['tl.matmul(tl.full([2, 3], 0), tl.full([3, 2], 0, "i32"))', "matmul: dtypes f32 and i32 differ: cast one"],
  [
    "tl.concat([tl.full([2], 0), tl.full([2], 0), tl.full([2], 0, 'i32')])",
    "concat: dtypes f32 and i32 differ: cast one",
  ],
  ["tl.einsum('i,i->', tl.full([2], 0), tl.full([2], 0, 'f64'))", "einsum: dtypes f32 and f64 differ: cast one"],
  [
    "tl.meanSquaredError(tl.full([2], 0), tl.full([2], 0, 'f64'))",
    "meanSquaredError: dtypes f32 and f64 differ: cast one",
  ],
  ["tl.dot(tl.full([2], 0), tl.full([2], 0, 'f64'))", "dot: dtypes f32 and f64 differ: cast one"],
  ["tl.dot(tl.full([2, 3], 0), tl.full([4, 2], 0))", "dot: inner dimensions 3 and 4 differ"],
  ["tl.batchMatmul(tl.full([7, 2, 3], 0), tl.full([7, 4, 2], 0))", "batchMatmul: inner dimensions 3 and 4 differ"],
  ["tl.batchMatmul(tl.full([7, 2, 3], 0), tl.full([3, 2], 0))", "batchMatmul: ranks 3 and 2 differ"],
  [
    "tl.add(tl.slice(tl.full([60000], 0), [0, -1]), tl.full([60000], 0))",
    "add: dimensions 59999 and 60000 do not broadcast",
  ],
  ["tl.gather(tl.full([2, 3], 0), tl.full([1], 0, 'i32'), { axes: 1 })", "'axes' does not exist"],
];

const labels: readonly (readonly [code: string, sentence: string])[] = [
  [
    "tl.softmaxCrossEntropy(tl.full([2, 3], 0), tl.full([4], 0, 'i32'))",
    "softmaxCrossEntropy: 2 rows of logits, and 4 of labels",
  ],
  [
    "tl.softmaxCrossEntropy(tl.full([2, 3], 0), tl.full([2, 1], 0, 'u8'))",
    "softmaxCrossEntropy: class numbers must have rank 1, not 2",
  ],
  [
    "tl.softmaxCrossEntropy(tl.full([2, 3], 0), tl.full([2], 0))",
    "softmaxCrossEntropy: weights of classes must have rank 2, not 1",
  ],
  [
    "tl.softmaxCrossEntropy(tl.full([2, 3], 0), tl.full([2, 3], 0, 'f64'))",
    "softmaxCrossEntropy: dtypes f32 and f64 differ: cast one",
  ],
];

const oneOutput = "tl.sequential([tl.dense(1)]), { input: [1], optimizer: tl.sgd(), ";
const twoOutputs =
  "tl.model({ inputs: [2], layers: { a: tl.dense(3), b: tl.dense(1) }, call: (x, { a, b }) => ({ a: a(x), b: b(x) }) }), { optimizer: tl.sgd(), ";
const absolute = "(output, target) => tl.abs(tl.sub(output, target))";

const trainers: readonly Wrong[] = [
  { code: `tl.trainer(${oneOutput} loss: "mser" })`, words: ['"mser"', "Did you mean '\"mse\"'"] },
  {
    code: `tl.trainer(${oneOutput} loss: "mser", metrics: ["accuracy"] })`,
    words: ['"mser"', "Did you mean '\"mse\"'"],
  },
  {
    code: `tl.trainer(${oneOutput} loss: ${absolute}, metrics: ["acuracy"] })`,
    words: ['"acuracy"', "Did you mean '\"accuracy\"'"],
  },
  {
    code: `tl.trainer(${oneOutput} loss: ${absolute}, metrics: { mae: ${absolute}, b: "acuracy" } })`,
    words: ["'b'", "Did you mean '\"accuracy\"'"],
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
  {
    code: `tl.trainer(${twoOutputs} loss: { a: "mser", b: ${absolute} } })`,
    words: ['"mser"', "Did you mean '\"mse\"'"],
  },
  { code: `tl.trainer(${twoOutputs} loss: { a: ${absolute} } })`, words: ["'b' is missing"] },
  { code: `tl.trainer(${twoOutputs} loss: "meanSquaredError" })`, words: ["readonly a:", "readonly b:"] },
  {
    code: `tl.trainer(${twoOutputs} loss: { a: ${absolute}, b: ${absolute} }, metrics: { c: ["accuracy"] } })`,
    words: ["'c' does not exist"],
  },
];

const optimizers: readonly Wrong[] = [
  {
    code: 'tl.optimizer({ name: "o", learningRate: 1, moments: ["m"], update: ({ w }, { v }) => ({ w, m: w }) })',
    words: ["'v' does not exist"],
  },
  {
    code: 'tl.optimizer({ name: "o", learningRate: 1, moments: ["m"], update: ({ w }) => ({ w }) })',
    words: ["'m' is missing"],
  },
];

const layers: readonly Wrong[] = [
  {
    code: 'tl.layer({ name: "l", params: () => ({ scale: tl.param(tl.ones(2)) }), apply: ({ scael }, x) => tl.mul(x, scael) })',
    words: ["'scael' does not exist", "scale"],
  },
  {
    code: 'tl.layer({ name: "l", apply: (_, x, { update }) => { update(1, x); return x; } })',
    words: ["Argument of type 'number' is not assignable to parameter of type 'Tensor"],
  },
  { code: 'tl.layer({ name: "l" })', words: ["'apply' is missing"] },
];

const names: readonly Wrong[] = [
  { code: 'tl.dense(3, { activation: "rleu" })', words: ['"elu"'] },
  { code: 'tl.activation("rleu")', words: ['"elu"'] },
  { code: 'tl.cast(tl.full([2], 0), "f33")', words: ['"f32"', '"bool"', '"u8"'] },
  { code: 'import("tensorloom/node").then((node) => node.nodeTarget("cuda"))', words: ['"auto"', '"wgsl"', '"js"'] },
];

/** What an editor shows of a result: its shape and dtype, not the name of what works them out. */
const results: readonly Wrong[] = [
  ["tl.add(x, 1)", '[2, 3], "f32"'],
  ["tl.div(x, tl.full([3], 2))", '[2, 3], "f32"'],
  ["tl.less(x, x)", '[2, 3], "bool"'],
  ["tl.where(tl.less(x, x), x, 0)", '[2, 3], "f32"'],
  ["tl.sum(x, { axis: 1 })", '[2], "f32"'],
  ["tl.mean(tl.softmax(x))", '[], "f32"'],
  ["tl.exp(x)", '[2, 3], "f32"'],
  ["tl.matmul(x, tl.full([3, 4], 0))", '[2, 4], "f32"'],
].map(([made, type]) => ({
  code: `const x = tl.full([2, 3], 0); const y: null = ${made}`,
  words: [`Type 'Tensor<${type}>' is not assignable to type 'null'`],
}));

export const wrong: readonly Wrong[] = [
  ...[...shapes, ...dtypes, ...labels].map(([code, sentence]) => ({ code, words: [sentence] })),
  ...trainers,
  ...optimizers,
  ...layers,
  ...names,
  ...results,
];
