/**
 * Wrong calls of the DSL, as plain JavaScript makes them: every function, with every wrong value in every place, either takes
 * it or says in words what is wrong with which argument of which call, and where. Options with a name that is misspelt are
 * refused by every function that takes options.
 *
 * The table has a right call of every function that is exported; the first test finds what is missing from it, the second
 * whether a function takes options and its row does not say so.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import * as tensorloom from "../../src/index.ts";
import * as node from "../../src/node.ts";
import { type LayerRow, layerRows, optimizerRows } from "../nn-rows.ts";

const { bool, f32, i32, program, zeros } = tensorloom;

interface Given {
  readonly a: Tensor;
  readonly square: Tensor;
  readonly ids: Tensor;
  readonly yes: Tensor;
  readonly s: Tensor;
}

/** Arguments of a right call. `options`: the last takes options, and these are some. */
interface Row {
  readonly args: (given: Given) => readonly unknown[];
  readonly options?: Readonly<Record<string, unknown>>;
}

const one = ({ a }: Given): readonly unknown[] => [a];
const two = ({ a }: Given): readonly unknown[] => [a, a];
const axis = { axis: 0, keepDims: true };

const rows: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(
    [
      ..."neg abs sign exp expm1 log log1p sqrt rsqrt sin cos tanh erf floor ceil round stopGradient".split(" "),
      ..."relu selu silu sigmoid softplus square transpose".split(" "),
    ].map((name) => [name, { args: one }]),
  ),
  ...Object.fromEntries(
    [
      ..."add sub mul div pow maximum minimum mod equal notEqual less lessEqual greater greaterEqual".split(" "),
      ..."meanSquaredError meanAbsoluteError sigmoidCrossEntropy".split(" "),
    ].map((name) => [name, { args: two }]),
  ),
  ...Object.fromEntries(
    "sum prod max min mean variance moments standardDeviation l1Norm l2Norm logSumExp"
      .split(" ")
      .map((name) => [name, { args: one, options: axis }]),
  ),
  ...Object.fromEntries(
    "argmax argmin maxWithIndex minWithIndex softmax logSoftmax normalize cumulativeSum cumulativeProduct cumulativeMax cumulativeMin cumulativeLogSumExp"
      .split(" ")
      .map((name) => [name, { args: one, options: { axis: 0 } }]),
  ),
  sort: { args: one, options: { axis: 0, descending: true } },
  argsort: { args: one, options: { axis: 0, descending: true } },
  topK: { args: ({ a }) => [a, 2], options: { axis: 0, largest: false } },
  and: { args: ({ yes }) => [yes, yes] },
  or: { args: ({ yes }) => [yes, yes] },
  not: { args: ({ yes }) => [yes] },
  where: { args: ({ yes, a }) => [yes, a, a] },
  cast: { args: ({ a }) => [a, "i32"] },
  reshape: { args: ({ a }) => [a, [3, 2]] },
  permute: { args: ({ a }) => [a, [1, 0]] },
  broadcastTo: { args: ({ a }) => [a, [4, 2, 3]] },
  slice: { args: ({ a }) => [a, [0, 1], [0, 2, 1]] },
  pad: { args: ({ a }) => [a, [[1, 1], [0, 0]], 1] }, // biome-ignore format: short
  concat: { args: ({ a }) => [[a, a], 0] },
  flip: { args: ({ a }) => [a, [0]] },
  matmul: { args: ({ a, square }) => [a, square] },
  batchMatmul: { args: ({ a, square }) => [a, square] },
  dot: { args: ({ a, square }) => [a, square] },
  einsum: { args: ({ a, square }) => ["ij,jk->ik", a, square] },
  window: { args: one, options: { axes: [1], size: 2, stride: 1, dilation: 1, padding: "same", value: 1 } },
  conv: {
    args: () => [tensorloom.full([2, 5, 4], 1), tensorloom.full([3, 2, 6], 1)],
    options: { stride: 2, padding: "same", dilation: [1], groups: 2, dataFormat: "channelsLast" },
  },
  depthwiseConv: {
    args: () => [tensorloom.full([2, 5, 4], 1), tensorloom.full([3, 4, 2], 1)],
    options: { stride: 2, padding: [[1, 0]], dilation: 1, dataFormat: "channelsLast" },
  },
  convTranspose: {
    args: () => [tensorloom.full([2, 5, 4], 1), tensorloom.full([3, 6, 4], 1)],
    options: { stride: 2, padding: "same", outputPadding: 1, dilation: 1, dataFormat: "channelsLast" },
  },
  maxPool: {
    args: () => [tensorloom.full([2, 5, 4], 1)],
    options: { size: 2, stride: 1, padding: "same", dataFormat: "channelsFirst" },
  },
  avgPool: {
    args: () => [tensorloom.full([2, 5, 4], 1)],
    options: { size: [2], stride: [1], padding: [[1, 1]], dataFormat: "channelsLast" },
  },
  globalPool: {
    args: () => [tensorloom.full([2, 5, 4], 1), "max"],
    options: { keepDims: true, dataFormat: "channelsFirst" },
  },
  full: { args: () => [[2, 3], 1, "f32"] },
  arange: { args: () => [3, "i32"] },
  scalar: { args: () => [3, "i32"] },
  size: { args: ({ a }) => [a, 0, "i32"] },
  oneHot: { args: ({ ids }) => [ids, 3, "f32"] },
  randomUniform: { args: () => [[2, 3]] },
  randomBits: { args: () => [[2, 3]] },
  randomNormal: { args: () => [[2, 3]], options: { mean: 1, deviation: 1 } },
  randomBernoulli: { args: () => [[2, 3], 0.5] },
  leakyRelu: { args: ({ a }) => [a, 0.1] },
  elu: { args: ({ a }) => [a, 0.1] },
  gelu: { args: one, options: { approximate: true } },
  huber: { args: two, options: { delta: 2 } },
  globalNorm: { args: ({ a }) => [[a, a]] },
  softmaxCrossEntropy: { args: ({ a, ids }) => [a, ids], options: { probabilities: true } },
  accuracy: { args: ({ a, ids }) => [a, ids] },
  clip: { args: ({ a }) => [a, 0, 1] },
  dropout: { args: ({ a }) => [a, 0.5] },
  flatten: { args: one },
  gather: { args: ({ a, ids }) => [a, ids], options: { axis: 0 } },
  cholesky: { args: ({ square }) => [square] },
  det: { args: ({ square }) => [square] },
  inverse: { args: ({ square }) => [square] },
  powerIteration: { args: ({ square }) => [square], options: { steps: 3 } },
  solve: { args: ({ square }) => [square, square] },
  solveTriangular: {
    args: ({ square }) => [square, square],
    options: { lower: false, transposed: true, unitDiagonal: true },
  },
  scatterAdd: { args: ({ a, ids }) => [ids, a, 4] },
  segmentSum: { args: ({ a, ids }) => [a, ids, 4] },
  dynamicSlice: { args: ({ a }) => [a, [0, 1], [1, 1]] },
  dynamicUpdate: { args: ({ a }) => [a, a, [0, 0]] },
  grad: { args: ({ a, s }) => [s, { a }] },
  jacobian: { args: ({ a, square }) => [square, a] },
  hessian: { args: ({ a, s }) => [s, a] },
  checkpoint: { args: ({ a }) => [() => a, a] },
  customGradient: { args: ({ a }) => [() => a, () => a, a] },
  vmap: { args: ({ a }) => [() => a, { a }], options: { axis: 0, outAxis: 0 } },
  scan: { args: ({ a }) => [(c: Tensor) => ({ carry: c }), { a }, { a }], options: { length: 2, reverse: true } },
  whileLoop: {
    args: ({ a }) => [(c: { a: Tensor }) => tensorloom.less(tensorloom.sum(c.a), 0), (c: unknown) => c, { a }],
    options: { most: 3 },
  },
  cond: { args: ({ a, s }) => [tensorloom.less(s, 0), (c: unknown) => c, (c: unknown) => c, { a }] },
  pullback: { args: ({ a }) => [a, a, { a }] },
  vjp: { args: ({ a }) => [() => a, { a }] },
  jvp: { args: ({ a }) => [() => a, { a }, { a }] },
  hvp: { args: ({ a, s }) => [s, { a }, { a }] },
  valueAndGrad: { args: ({ a, s }) => [() => s, { a }] },
  checkGradient: { args: ({ square }) => [(x: Tensor) => tensorloom.sum(x), square, 0.1] },
  ...Object.fromEntries(
    "f32 f64 f16 bf16 i32 u32 u8 bool".split(" ").map((name) => [name, { args: () => [2, "batch"] }]),
  ),
  ...Object.fromEntries(
    "zeros ones glorotUniform glorotNormal heUniform heNormal lecunUniform lecunNormal orthogonal"
      .split(" ")
      .map((name) => [name, { args: () => [2, 3] }]),
  ),
  filled: { args: () => [1, 2, 3] },
  values: { args: () => [[1, 2], 2] },
  uniform: { args: () => [0, 1, 2, 3] },
  normal: { args: () => [0, 1, 2, 3] },
  param: { args: () => [zeros(2)], options: { dtype: "f32" } },
  slot: { args: () => [zeros(2)], options: { dtype: "u32" } },
};

/** Functions outside the DSL that take no options. */
const others = new Set(
  [
    ..."activate groups profileTrace interruptSignal loadCheckpoint readEvents saveCheckpoint saveTrainer summaryWriter".split(
      " ",
    ),
    ..."decodeCheckpoint encodeCheckpoint epochLine fingerprintOf formatDuration formatRate formatScores formula".split(
      " ",
    ),
    ..."learningRateScheduler terminateOnNaN lambdaCallback".split(" "),
    ..."dataset rows toCategorical gradientDistance l1 l2 layerFrom lossFrom metricFrom numericGradient optimizerFrom freeze slotUpdates saveNpy saveSafetensors writeNpy writeSafetensors".split(
      " ",
    ),
  ].slice(1),
);

const empty = program({ inputs: { x: f32(2) }, step: ({ x }) => ({ outputs: { x } }) });

const line = (): tensorloom.Trainer =>
  tensorloom.trainer(tensorloom.dense(1), { input: [1], loss: "meanSquaredError", optimizer: tensorloom.sgd() });

/** Methods that take options. */
const methods: Readonly<Record<string, (options: unknown) => unknown>> = {
  fit: (options) => line().fit(options as never),
  "fit: validation": (options) => line().fit({ x: [1], y: [1], validation: options as never }),
  compile: (options) => line().compile(options as never),
  evaluate: (options) => line().evaluate(options as never),
  predict: (options) => line().predict(options as never),
  weights: (options) => line().weights(options as never),
  loadWeights: (options) => line().loadWeights(new Uint8Array(0), options as never),
  restore: (options) => line().restore(new Uint8Array(0), options as never),
  map: (options) => tensorloom.dataset([1]).map((n) => n, options as never),
  shuffle: (options) => tensorloom.dataset([1]).shuffle(2, options as never),
  batch: (options) => tensorloom.dataset([1]).batch(2, options as never),
  padBatch: (options) => tensorloom.dataset([1]).padBatch(2, options as never),
  interleave: (options) => tensorloom.dataset([1]).interleave(() => tensorloom.dataset([1]), options as never),
  run: async (options) => (await tensorloom.compile(empty, { target: "js" })).run(options as never),
};

/** A function by its name. */
const callOf = (name: string): AnyFunction => functions.get(name) ?? (() => undefined);

/** A layer's, where a function of a tensor has the same name. */
const layerCallOf = (name: string): AnyFunction =>
  (tensorloom.layers as Readonly<Record<string, AnyFunction | undefined>>)[name] ?? callOf(name);

/** A profile of nothing. */
const noProfile: tensorloom.Profile = {
  target: "js",
  device: "js",
  threads: 1,
  clock: "",
  ceiling: null,
  startedAt: 0,
  ms: 0,
  entries: [],
  transfers: [],
  timeline: [],
  notes: [],
};

/** Calls with these options in the place of options, of functions outside the DSL. */
const optionCalls: Readonly<Record<string, (options: unknown) => unknown>> = {
  ...Object.fromEntries(Object.keys(optimizerRows).map((name) => [name, (options) => callOf(name)(options)])),
  ...Object.fromEntries(
    Object.entries<readonly LayerRow[]>(layerRows).map(([name, [row]]) => [
      name,
      (options) => layerCallOf(name)(...(row?.given ?? []), options),
    ]),
  ),
  l1l2: (options) => tensorloom.l1l2(options as never),
  asLayer: (options) => tensorloom.asLayer(tensorloom.model({ inputs: [2], layers: { d: tensorloom.dense(1) }, call: (x, { d }) => d(x) }), options as never), // biome-ignore format: short
  lossScale: (options) => tensorloom.lossScale(tensorloom.sgd(), options as never),
  layer: (options) => tensorloom.layer(options as never),
  normalizationOf: (options) => tensorloom.normalizationOf([[1, 2]], options as never),
  optimizer: (options) => tensorloom.optimizer(options as never),
  program: (options) => tensorloom.program(options as never),
  compile: (options) => tensorloom.compile(empty, options as never),
  compileOn: (options) => tensorloom.compileOn(empty, tensorloom.jsTarget, options as never),
  inspect: (options) => tensorloom.inspect(empty, options as never),
  printProfile: (options) => tensorloom.printProfile(noProfile, options as never),
  profiler: (options) => node.profiler("/nowhere/trace.json", options as never),
  evaluate: (options) => tensorloom.evaluate(({ x }) => x, { x: 1 }, options as never),
  examineTargets: (options) => tensorloom.examineTargets(options as never),
  model: (options) => tensorloom.model(options as never),
  trainer: (options) => tensorloom.trainer(tensorloom.dense(2), options as never),
  trainerFrom: (options) => tensorloom.trainerFrom(new Uint8Array(0), options as never),
  loadTrainer: (options) => node.loadTrainer("nothing.safetensors", options as never),
  loadWeights: (options) => node.loadWeights("nothing.safetensors", line(), options as never),
  saveWeights: (options) => node.saveWeights("nothing.safetensors", line(), options as never),
  readSafetensors: (options) => tensorloom.readSafetensors(new Uint8Array(0), "nothing", options as never),
  loadSafetensors: (options) => node.loadSafetensors("nothing.safetensors", options as never),
  readNpy: (options) => tensorloom.readNpy(new Uint8Array(0), "nothing", options as never),
  loadNpy: (options) => node.loadNpy("nothing.npy", options as never),
  readNpz: (options) => tensorloom.readNpz(new Uint8Array(0), "nothing", options as never),
  loadNpz: (options) => node.loadNpz("nothing.npz", options as never),
  writeNpz: (options) => tensorloom.writeNpz(new Map(), options as never),
  saveNpz: (options) => node.saveNpz("/nowhere/nothing.npz", new Map(), options as never),
  syntheticDigits: (options) => tensorloom.syntheticDigits(options as never),
  mnistFrom: (options) => tensorloom.mnistFrom(options as never),
  timeseries: (options) => tensorloom.timeseries(new Float32Array(9), options as never),
  trainTestSplit: (options) => tensorloom.trainTestSplit({ x: [1, 2] }, options as never),
  vocabulary: (options) => tensorloom.vocabulary(["a"], options as never),
  textVectorizer: (options) => tensorloom.textVectorizer(["a"], options as never),
  nodeGpu: (options) => node.nodeGpu(options as never),
  nodeTarget: (options) => node.nodeTarget("js", options as never),
  loadMnist: (options) => node.loadMnist(options as never),
  terminalProgress: (options) => node.terminalProgress(options as never),
  tensorBoard: (options) => node.tensorBoard(options as never),
  htmlReport: (options) => node.htmlReport("report.html", options as never),
  saveReport: (options) => node.saveReport("/nowhere/at/all", {}, options as never),
  summary: (options) => tensorloom.summary(tensorloom.dense(2), options as never),
  earlyStopping: (options) => node.earlyStopping(options as never),
  reduceLROnPlateau: (options) => node.reduceLROnPlateau(options as never),
  modelCheckpoint: (options) => node.modelCheckpoint("run.safetensors", options as never),
  csvLogger: (options) => node.csvLogger("log.csv", options as never),
  jsonLogger: (options) => node.jsonLogger("log.jsonl", options as never),
  script: (options) => node.script(options as never, () => {}),
  parseFlags: (options) => node.parseFlags(options as never, []),
};

type AnyFunction = (...args: unknown[]) => unknown;

const functions = new Map(
  Object.entries({ ...tensorloom, ...node } as Readonly<Record<string, unknown>>).filter(
    (entry): entry is [string, AnyFunction] =>
      typeof entry[1] === "function" && !/^class /.test(Function.prototype.toString.call(entry[1])),
  ),
);

test("every function that is exported is in one of the tables, and nothing else", () => {
  const known = new Set([...Object.keys(rows), ...Object.keys(optionCalls), ...others]);
  expect(
    [...functions.keys()].filter((name) => !known.has(name)),
    "exported, but in no table above",
  ).toEqual([]);
  expect(
    [...known].filter((name) => !functions.has(name)),
    "in a table, but not exported",
  ).toEqual([]);
});

test("a function whose parameters are called options has a row that says so", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^nn.(losses|metrics).[^/]*$/.test(file)) // namespaces: below
    .map((file) => readFileSync(`src/${file}`, "utf8"))
    .join("\n");
  const declared = [...sources.matchAll(/^export (?:async )?function (\w+)([\s\S]*?)(?:\{\n|;\n)/gm)]
    .filter(
      ([, , signature = ""]) =>
        /\b(?:\w*[oO]ptions|definition)\b\??:/.test(signature) || /\}: \w*Options/.test(signature),
    )
    .map(([, name = ""]) => name)
    .filter((name) => functions.has(name));
  expect(declared.length).toBeGreaterThan(40);
  const checked = (name: string): boolean => rows[name]?.options !== undefined || Object.hasOwn(optionCalls, name);
  expect(declared.filter((name) => !checked(name))).toEqual([]);
});

test.each(Object.entries(tensorloom.losses))(
  "losses.%s refuses options that it has not, and more arguments",
  (name, make) => {
    const call = make as (...args: readonly unknown[]) => unknown;
    expect(() => call({ nonsense: 1 })).toThrow(`${name}: there is no option "nonsense"`);
    expect(() => call({ reduction: "average" })).toThrow(`${name}: reduction must be one of`);
    expect(() => call({}, 1)).toThrow(`${name} takes one argument`);
  },
);

test.each(Object.entries(tensorloom.metrics).filter(([name]) => !["own", "mean", "total"].includes(name)))(
  "metrics.%s refuses options that it has not, and more arguments",
  (name, make) => {
    const call = make as (...args: readonly unknown[]) => unknown;
    expect(() => call({ nonsense: 1 })).toThrow(`${name}: there is no option "nonsense"`);
    expect(() => call({ name: 1 })).toThrow(`${name}: name must be a text`);
    expect(() => call({}, 1)).toThrow(new RegExp(`^${name}(?: takes one argument|: \\w+ is missing)`));
  },
);

function inEntry(make: (given: Given) => unknown): unknown {
  let found: unknown;
  program({
    inputs: { a: f32(2, 3), square: f32(3, 3), ids: i32(2), yes: bool(2, 3) },
    step({ a, square, ids, yes }) {
      found = make({ a, square, ids, yes, s: tensorloom.sum(a) } as unknown as Given);
      return { outputs: {} };
    },
  });
  return found;
}

/** Null when the call is taken; otherwise the message. Anything but a UserError with the user's line is thrown on. */
function refusal(name: string, make: () => unknown): string | null {
  try {
    make();
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(`${name}: ${String(error)}`, { cause: error });
    return error.message;
  }
  return null;
}

const wrongValues: readonly unknown[] = [
  ...[undefined, null, "text", true, Number.NaN, -1, 1.5, 10n, Symbol("s"), new Date(0)],
  ...[[], [[1, 2]], ["x"], [null], {}, { a: 1 }, () => 1, new Float32Array(2), Promise.resolve(1)],
];

test.each(Object.entries(rows))("%s with wrong values", (name, { args, options }) => {
  const call = functions.get(name) as AnyFunction;
  const last = options === undefined ? [] : [options];
  inEntry((given) => {
    call(...args(given), ...last);
    const places = [...args(given), ...last].length;
    let refused = 0;
    for (let place = 0; place < places; place++) {
      for (const value of wrongValues) {
        const wrong = [...args(given), ...last].with(place, value);
        const message = refusal(`${name}, argument ${place}: ${String(value)}`, () => call(...wrong));
        if (message === null) continue;
        refused += 1;
        expect(message).toMatch(new RegExp(`^${name}\\b`));
        expect(message).toMatch(/\n {4}at .*wrong-calls\.test\.ts:\d+:\d+$/);
      }
    }
    expect(refused).toBeGreaterThan(wrongValues.length / 2);
    const nothing = refusal(name, () => call());
    if (args(given).length > 0 && places > 0 && !takesNothing.has(name))
      expect(nothing).toMatch(new RegExp(`^${name}\\b`));
  });
});

/** A scalar has no dimensions, and without a tensor flatten is a layer. */
const takesNothing = new Set(
  "flatten f32 f64 f16 bf16 i32 u32 u8 bool zeros ones glorotUniform glorotNormal heUniform heNormal lecunUniform lecunNormal orthogonal".split(
    " ",
  ),
);

const misspelt = (name: string): string => `${name.slice(0, -1)}${name.at(-1)}${name.at(-1)}`;

test.each(Object.entries(rows).filter(([, { options }]) => options !== undefined))(
  "%s with misspelt options",
  (name, { args, options = {} }) => {
    const call = functions.get(name) as AnyFunction;
    inEntry((given) => {
      for (const [option, value] of Object.entries(options)) {
        const message = refusal(name, () => call(...args(given), { [misspelt(option)]: value }));
        expect(message).toContain(`${name}: there is no option "${misspelt(option)}"; did you mean "${option}"?`);
      }
      for (const value of [1, "x", true, [0], null]) {
        const message = refusal(name, () => call(...args(given), value));
        expect(message).toContain(`${name} takes options: ${name}(`);
      }
    });
  },
);

test.each([...Object.entries(optionCalls), ...Object.entries(methods)])(
  "%s with misspelt options",
  async (name, call) => {
    const error: unknown = await Promise.resolve()
      .then(() => call({ zzzzzz: 1 }))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(new RegExp(`^${name}: there is no option "zzzzzz" \\(there are: `));
    const known = /\(there are: (.*?)\)/.exec((error as UserError).message)?.[1]?.split(", ") ?? [];
    for (const option of known) {
      const again: unknown = await Promise.resolve()
        .then(() => call({ [misspelt(option)]: 1 }))
        .catch((thrown: unknown) => thrown);
      expect((again as UserError).message).toContain(`"${misspelt(option)}"; did you mean "${option}"?`);
    }
  },
);

/** Right calls of functions outside the DSL. What a wrong value does to them is theirs, as long as it is said in words. */
const otherCalls: Readonly<Record<string, readonly unknown[]>> = {
  ...Object.fromEntries(
    Object.entries<readonly LayerRow[]>(layerRows).flatMap(([name, [row]]) =>
      row === undefined || row.given.length === 0 || Object.hasOwn(rows, name) ? [] : [[name, row.given]],
    ),
  ),
  l1: [0.1],
  l2: [0.1],
  freeze: [tensorloom.param(zeros(2))],
  layer: [{ name: "same", apply: (_: unknown, x: Tensor) => x }],
  model: [{ inputs: [2], layers: { a: tensorloom.dense(1) }, call: (x: never, { a }: { a: (x: never) => Tensor }) => a(x) }],
  trainer: [tensorloom.dense(1), { input: [1], loss: "meanSquaredError", optimizer: tensorloom.sgd() }],
  program: [{ inputs: { x: f32(2) }, step: ({ x }: { x: Tensor }) => ({ outputs: { x } }) }],
  compile: [empty, { target: "js" }],
  compileOn: [empty, tensorloom.jsTarget, {}],
  inspect: [empty, {}],
  printProfile: [noProfile],
  profileTrace: [noProfile],
  evaluate: [({ x }: { x: Tensor }) => x, { x: 1 }, {}],
  formula: [({ x }: { x: Tensor }) => x, { x: f32() }],
  gradientDistance: [[1], [2]],
  numericGradient: [([x]: number[]) => x, [1], 0.1],
  trainerFrom: [new Uint8Array(0), {}],
  saveTrainer: ["/nowhere/at/all", line()],
  loadTrainer: ["/nowhere/at/all", {}],
  saveWeights: ["/nowhere/at/all", line()],
  loadWeights: ["/nowhere/at/all", line()],
  nodeTarget: ["js"],
  dataset: [[1, 2]],
  rows: [new Float32Array(4), 2],
  toCategorical: [[1, 0], 2],
  mnistFrom: [{}],
  timeseries: [new Float32Array(9), { window: 2 }],
  trainTestSplit: [{ x: [1, 2, 3] }, {}],
  vocabulary: [["a"], {}],
  textVectorizer: [["a"], {}],
}; // biome-ignore format: a table

test.each(["meanSquaredError", "meanAbsoluteError", "huber", "sigmoidCrossEntropy", "softmaxCrossEntropy"])(
  "%s of two shapes is refused, not broadcast to as many comparisons as there are pairs",
  (name) => {
    const call = functions.get(name) as AnyFunction;
    inEntry(({ a, square }) => {
      const column = tensorloom.sum(a, { axis: 1, keepDims: true });
      expect(refusal(name, () => call(a, column))).toMatch(
        new RegExp(`^${name}: (wanted|labels) must be of shape \\[2,3\\].*, not f32\\[2,1\\]\\n`),
      );
      expect(refusal(name, () => call(a, tensorloom.sum(a, { axis: 0 })))).toMatch(/must be of shape \[2,3\]/);
      const turned = tensorloom.transpose(a);
      expect(refusal(name, () => call(a, turned))).toContain(": reshape(");
      expect(refusal(name, () => call(a, square))).toContain("not f32[3,3]\n");
    });
  },
);

test.each(["softmaxCrossEntropy", "accuracy"])("%s of a column of class numbers is refused", (name) => {
  const call = functions.get(name) as AnyFunction;
  inEntry(({ a, ids }) => {
    const column = tensorloom.reshape(ids, [2, 1]);
    expect(refusal(name, () => call(a, column))).toMatch(
      new RegExp(
        `^${name}: labels must be of shape \\[2\\], a class number for each row, not i32\\[2,1\\]: reshape\\(labels, \\[2\\]\\)`,
      ),
    );
  });
});

/** Functions and constructors with a list at their end, which takes any number. */
const openEnded = new Set(
  "slice einsum f32 f64 f16 bf16 i32 u32 u8 bool zeros ones glorotUniform glorotNormal heUniform heNormal lecunUniform lecunNormal orthogonal filled values uniform normal".split(
    " ",
  ),
);

test.each(Object.entries(rows).filter(([name]) => !openEnded.has(name)))(
  "%s with an argument too many",
  (name, { args, options }) => {
    const call = functions.get(name) as AnyFunction;
    inEntry((given) => {
      const all = args(given);
      const room = call.length > all.length || options !== undefined ? [options] : [];
      const message = refusal(name, () => call(...all, ...room, { seed: 1 }));
      expect(message).toMatch(
        new RegExp(`^${name} takes .*argument.*, and an object is one more\\n {4}at .*wrong-calls`),
      );
      // as map and reduce call it
      const [x, ...rest] = [...all, ...room];
      if (room.length === 0) expect(() => [x].map((value, i, list) => call(value, ...rest, i, list))).not.toThrow();
    });
  },
);

test.each(Object.entries(otherCalls).filter(([name]) => name !== "loadTrainer"))(
  "%s with an argument too many",
  async (name, args) => {
    const call = functions.get(name) as AnyFunction;
    const filled = [...args, undefined, undefined, undefined];
    const error: unknown = await Promise.resolve()
      .then(() => call(...filled, { seed: 1 }))
      .catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(new RegExp(`: ${name} takes .*argument.*, and (undefined|an object) is one more`));
  },
);

test.each(["compile", "fit", "evaluate", "predict"] as const)(
  "%s of a trainer with an argument too many",
  async (name) => {
    const call = line()[name] as AnyFunction;
    await expect(async () => call({ x: [1], y: [1] }, { epochs: 3 })).rejects.toThrow(
      `${name} takes one argument, and an object is one more`,
    );
  },
);

test.each(Object.entries(otherCalls))("%s with wrong values says so in words", async (name, args) => {
  const call = functions.get(name) as AnyFunction;
  for (const place of args.keys()) {
    for (const value of wrongValues) {
      const error: unknown = await Promise.resolve()
        .then(() => call(...args.with(place, value)))
        .then((made) => (made as Partial<{ dispose(): void }> | undefined)?.dispose?.())
        .catch((thrown: unknown) => thrown);
      const shown = `${name}, argument ${place}: ${String(value)}`;
      if (error !== undefined && !(error instanceof UserError)) throw new Error(shown, { cause: error });
    }
  }
});

test("what stands around integers is an integer; axes of examples have the names of the tensors", () => {
  inEntry(({ a, ids }) => {
    const { pad, vmap, window } = tensorloom as unknown as Readonly<Record<string, AnyFunction>>;
    expect(refusal("pad", () => pad?.(ids, [[1, 1]], 1.5))).toContain("pad: 1.5 is no i32"); // biome-ignore format: short
    const around = { axes: [0], size: 2, padding: "same", value: Number.NaN };
    expect(refusal("window", () => window?.(ids, around))).toContain("window: NaN is no i32");
    expect(refusal("vmap", () => vmap?.(() => a, { one: { a } }, { axis: { one: { b: 1 } } }))).toContain(
      'vmap: axis has "b", and xs has no such name (a)',
    );
  });
});
