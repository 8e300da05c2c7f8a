/**
 * Wrong calls whose first message misled: it named an inner word ("leaf", "leaves"), another call, or a value that was right. Each
 * row is a mistake that people make, and words that must be in what they are told.
 */
import { expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import * as tl from "../../src/index.ts";

const { dense, f32, layer, ones, param, program, sequential, sgd, sum, trainer, zeros } = tl;

const [x, y] = [Float32Array.of(0, 1, 2, 3, 4, 5), Float32Array.of(0, 1)];

/** Whatever a row gives where the types would refuse it. */
const any = (value: unknown): never => value as never;

const net = (options: object = {}, ...layers: tl.Layer[]): tl.Trainer<string> =>
  trainer(sequential(layers.length > 0 ? layers : [dense(1)]), {
    input: [3],
    loss: "meanSquaredError",
    optimizer: sgd(),
    ...options,
  }) as unknown as tl.Trainer<string>;

const entry = (go: (x: tl.Tensor, w: tl.Tensor) => unknown): unknown =>
  program({
    inputs: { x: f32(2, 3) },
    state: { w: param(ones(3)) },
    entries: { go: any(({ x, w }: Record<"x" | "w", tl.Tensor>, state: { w: tl.Tensor }) => go(any(x), w ?? state.w)) },
  });

const mine = (definition: object): tl.Layer => layer(any({ name: "mine", ...definition }));

async function running(request: object): Promise<unknown> {
  const steps = program({ inputs: { x: f32(2) }, entries: { go: ({ x }) => ({ outputs: { r: sum(x) } }) } });
  return (await tl.compile(steps, { target: "js" })).run(any(request));
}

type Row = readonly [title: string, call: () => unknown, ...words: string[]];

const rows: readonly Row[] = [
  ["a shape where an input stands", () => program({ inputs: any({ x: [2] }), step: any(() => ({})) }), '"x.0" holds 2', 'f32("batch", 784)'],
  ["an initializer where a state stands", () => program({ state: any({ w: zeros(2) }), step: any(() => ({})) }), '"w" holds an initializer', "param(zeros(2, 3))"],
  ["an initializer in a layer of one's own", () => net({}, mine({ params: () => ({ w: zeros(1) }), apply: (_: object, x: tl.Tensor) => x })), 'trainer: model: "mine1.w" holds an initializer'],
  ["an initializer where a tensor stands", () => entry((x) => ({ outputs: { r: tl.add(x, any(zeros(3))) } })), "add: b must be a tensor or a number, not an initializer"],
  ["a function where its result stands, as in JAX", () => entry((x) => ({ outputs: { r: tl.hessian(any((y: typeof x) => tl.sum(y)), x) } })), "hessian: y must be a tensor, not a function (call it, and give what it returns)"],
  ["a number among the outputs", () => entry(() => ({ outputs: { r: 3 } })), '"r" holds 3, where only tensors may stand'],
  ["an entry that returns a tensor", () => entry((x) => x), 'entry "go" must return { outputs, next }, not a Tensor\n    at '],
  ["an entry that returns its outputs bare", () => entry((x) => ({ loss: sum(x) })), 'entry "go" must return { outputs, next }: write outputs: { loss } where it returns loss\n    at '],
  ["run without entry", () => running({ feeds: { x: [1, 2] } }), 'run: entry is missing: run({ entry: "go", feeds })'],
  ["run with bare inputs", () => running({ entry: "go", x: [1, 2] }), 'run: "x" is an input, and inputs go into feeds: run({ entry, feeds: { x: ... } })\n    at '],
  ["feeds by an async function", () => running({ entry: "go", steps: 2, feeds: async () => ({ x: [1, 2] }) }), "run: the function of feeds gave a promise"],
  ["feeds of a later step that are a promise", () => running({ entry: "go", steps: 2, feeds: (step: number) => (step === 0 ? { x: [1, 2] } : Promise.resolve({ x: [1, 2] })) }), "run: the function of feeds gave a promise"],
  ["an axis twice", () => entry((x) => ({ outputs: { r: sum(x, { axis: [0, -2] }) } })), "sum(f32[2,3]): axis 0 is given twice\n    at "],
  ["an order with axes from the end", () => entry((x) => ({ outputs: { r: tl.permute(x, any([-1, -2])) } })), "[-1,-2] is no order of 2 axes: each of 0 to 1, once"],
  ["a range that is a number", () => entry((x) => ({ outputs: { r: tl.slice(x, any(0)) } })), "or null, all whole numbers, not 0"],
  ["an activation in place of options", () => dense(1, any("relu")), 'dense takes options: dense(10, { activation: "relu" }), not "relu"'],
  ["webgpu", () => net().compile(any({ target: "webgpu" })), 'not "webgpu"; did you mean "wgsl"?'],
  ["a controller in place of its signal", () => net().fit({ x, y, signal: any(new AbortController()) }), "fit: signal must be an AbortSignal (of an AbortController its signal)"],
  ["a scale that is a text", () => net().fit({ x, y, scale: any("1/255") }), 'the scale of x must be a number other than 0, not "1/255"'],
  ["a scale of 0, by which nothing is learnt", () => net().fit({ x, y, scale: 0 }), "the scale of x must be a number other than 0, not 0"],
  ["one-hot rows for class numbers", () => net({ loss: "softmaxCrossEntropy" }, dense(3)).fit({ x, y: [1, 0, 0, 0, 1, 0] }), 'wanted 1 each, as i32[batch] needs: class numbers. For rows of 3, one-hot say, give the trainer target: f32("batch", 3)'],
  ["a loss that was not called", () => net({ loss: tl.losses.huber }), "huber makes a loss of its options: give huber(), and not huber\n    at "],
  ["a metric that was not called", () => net({ metrics: [tl.metrics.auc] }), "a list of names, and of what metrics.auc() and its like give"],
  ["a metric in a table that was not called", () => net({ metrics: { hinge: tl.metrics.hinge } }), "hinge makes a metric of its options: give hinge(), and not hinge\n    at "],
  ["a metric without an option that it needs", () => tl.metrics.iou(any({ numClasses: 3 })), "iou: targetClassIds is missing: it must be a list, each of it a whole number from 0\n    at "],
  ["a metric without any option that it needs", () => tl.metrics.precisionAtRecall(any(undefined)), "precisionAtRecall: recall is missing: it must be a number from 0 to 1\n    at "],
  ["a schedule by position, as in Keras", () => (tl.schedules.exponentialDecay as (...given: unknown[]) => unknown)(0.1, 100, 0.9), "exponentialDecay takes options: exponentialDecay({ initialLearningRate: 0.1 }), not 0.1"],
  ["a schedule without an option that it needs", () => tl.schedules.exponentialDecay(any({ initialLearningRate: 0.1, decayRate: 0.9 })), "exponentialDecay: decaySteps is missing: it must be a number above 0\n    at "],
  ["both directions of a layer in sequential", () => net({}, tl.layers.reshape([3, 1]), tl.bidirectional(tl.gru(2), { mergeMode: "none" }), dense(1)), 'bidirectional: mergeMode "none" gives two tensors, of which one would be lost here', "\n    at "],
  ["tensors in a list, as in Keras", () => tl.model({ inputs: { a: [1], b: [1] }, layers: { both: tl.layers.add() }, call: ({ a, b }, { both }) => both(any([a, b])) }), 'the layer "both" takes tensors with the batch in front, one after the other and in no list: both(a, b)\n    at '],
  ["two metrics of one name, of which one would be lost", () => net({ metrics: [tl.metrics.auc({ curve: "PR" }), tl.metrics.auc()] }), 'trainer: two metrics are called "auc": give one of them the option name, another one\n    at '],
  ["classes by one output", () => net({ loss: "categoricalCrossentropy" }), "categoricalCrossentropy needs an output for each class, so at least two; of one the loss is always 0", "\n    at "],
  ["classes by one output, focal", () => net({ loss: "categoricalFocalCrossentropy" }), "use binaryFocalCrossentropy, and dense(1"],
  ["rows for class numbers in an overlap", async () => { const it = net({ metrics: [tl.metrics.meanIoU({ numClasses: 2 })], loss: "softmaxCrossEntropy" }, dense(2)); await it.compile({ target: "js", batch: 2 }); await it.evaluate({ x, y }); }, "meanIoU takes targets for 1 class numbers a sample and outputs for 2: rows with a number for each class need sparseYTrue: false as targets, sparseYPred: false as outputs"],
  ["an optimizer by name", () => net({ optimizer: "adam" }), "trainer: optimizer must be made by", "\n    at "],
  ["a loss by Keras's name", () => net({ loss: "mean_squared_error" }), 'did you mean "meanSquaredError"?', "\n    at "],
  ["metrics without a name", () => net({ metrics: [(output: tl.Tensor) => output] }), "trainer: metrics must be a list of names", "a function needs a name, in a table"],
  ["a layer that says another shape than it gives", () => net({}, mine({ apply: (_: object, x: tl.Tensor) => tl.concat([x, x], 1) }), dense(1)), 'the layer "mine" gives [batch,6] of [batch,3], so a sample of [6]; its outputShape says [3]: give it outputShape'],
  ["a layer whose rule says another shape than it gives", () => net({}, mine({ rule: 7, apply: (_: object, x: tl.Tensor) => x }), dense(1)), "so a sample of [3]; its rule says [7]: give it another, or outputShape: (sample) => [3]"],
  ["a layer with a rule that is none", () => mine({ rule: "sam", apply: (_: object, x: tl.Tensor) => x }), 'layer: rule must be "same", "flatten", "any", the size of the last axis', 'not "sam"; did you mean "same"?\n    at '],
  ...[-1, 1.5, {}, { axes: "same" }, { axes: [{ siz: 3 }] }, { axes: [{ size: 3, padding: "full" }] }, ["same", "flat"], () => 1].map((rule): Row => [`a layer with a rule that is ${JSON.stringify(rule) ?? "a function"}`, () => mine({ rule, apply: (_: object, x: tl.Tensor) => x }), "layer: rule must be", "\n    at "]),
  ["a layer whose regularizers are an object", () => mine({ regularizers: { w: tl.l2() }, apply: (_: object, x: tl.Tensor) => x }), 'layer: regularizers must be a Map of functions by the names of parameters, new Map([["w", l2(0.01)]]) say, not an object\n    at '],
  ["a layer whose constraints are numbers", () => mine({ constraints: new Map([["w", 3]]), apply: (_: object, x: tl.Tensor) => x }), "layer: constraints must be a Map of functions"],
  ["a layer with a constraint for a weight that it has not", () => net({}, mine({ params: () => ({ w: param(ones(3)) }), constraints: new Map([["v", (w: tl.Tensor) => w]]), apply: ({ w }: { w: tl.Tensor }, x: tl.Tensor) => tl.mul(x, w) })), 'trainer: a layer has a constraint for "mine1.v", which it has not'],
  ["a layer of several without its functions", () => mine({ several: {}, apply: (_: object, x: tl.Tensor) => x }), "layer: several needs the functions outputShape(samples) and apply(params, xs, mode)\n    at "],
  ["a layer of several with a name of its own", () => mine({ several: { outputShap: () => [1] }, apply: (_: object, x: tl.Tensor) => x }), 'layer: several: there is no option "outputShap"; did you mean "outputShape"?'],
  ["a layer with code as its config", () => mine({ config: () => 1, apply: (_: object, x: tl.Tensor) => x }), "layer: config must be JSON"],
  ["a row of losses that a layer adds", () => net({}, mine({ apply: (_: object, x: tl.Tensor, { addLoss }: { addLoss: (it: unknown) => void }) => { addLoss(tl.square(x)); return x; } }), dense(1)), 'the layer "mine": addLoss takes one f32 number for the batch, the mean or the sum of something say, not f32[batch,3]\n    at '],
  ["a truth value that a layer adds to the loss", () => net({}, mine({ apply: (_: object, x: tl.Tensor, { addLoss }: { addLoss: (it: unknown) => void }) => { addLoss(tl.greater(sum(x), 0)); return x; } }), dense(1)), 'the layer "mine": addLoss takes one f32 number for the batch, the mean or the sum of something say, not bool[]\n    at '],
  ["a number that a layer adds to the loss", () => net({}, mine({ apply: (_: object, x: tl.Tensor, { addLoss }: { addLoss: (it: unknown) => void }) => { addLoss(0.5); return x; } }), dense(1)), "addLoss takes one f32 number for the batch, the mean or the sum of something say, not 0.5\n    at "],
  ["a row of losses of an object that is a layer", () => net({}, { name: "bare", rule: "same", activation: "linear", outputShape: (s: never) => s, params: () => ({}), apply: (_: object, x: tl.Tensor, mode: { onLoss?: (it: unknown) => void }) => { mode.onLoss?.(x); return x; } } as never, dense(1)), "what a layer adds to the loss, by onLoss, must give one f32 number; it gave f32[batch,3]"],
  ["numbers of a weight that are a list", () => net().loadWeights(new Map([["dense1.bias", any({ dtype: "f32", shape: [1], data: [1] })]])), '"dense1.bias" must be a tensor, { dtype, shape, data }; its data must be a typed array, not [1]'],
  ["a dtype as safetensors writes it", () => tl.writeSafetensors(new Map([["a", any({ dtype: "F32", shape: [1], data: y })]])), '{ dtype, shape, data }; its dtype must be one of f32', 'not "F32"'],
  ["a layer whose params are a number", () => net({}, mine({ params: () => 5, apply: (_: object, x: tl.Tensor) => x })), 'the layer "mine": params must give an object, { w: param(zeros(10)) } say, not 5\n    at '],
  ["a layer whose params are async", () => net({}, mine({ params: async () => ({}), apply: (_: object, x: tl.Tensor) => x })), 'the layer "mine": params gave a promise'],
  ["a layer whose outputShape is a text", () => net({}, mine({ outputShape: () => "4", apply: (_: object, x: tl.Tensor) => x }), dense(1)), 'the layer "mine": outputShape must give the sizes of a sample, [10] say, not "4"\n    at '],
  ["a layer whose outputShape gives nothing", () => net({}, mine({ outputShape: () => undefined, apply: (_: object, x: tl.Tensor) => x })), "outputShape must give the sizes of a sample, [10] say, not undefined\n    at "],
  ["starting weights of another shape", () => net({}, dense(2, { initializer: () => zeros(3) as never })), "dense(2): the initializer gives [3], the kernel is [3,2]\n    at "],
  ["more memory than there is, for feeds", () => tl.compile(program({ inputs: { x: f32("n") }, step: ({ x }) => ({ outputs: { y: tl.sum(x) } }) }), { target: "js", dims: { n: 2 ** 40 } }), "the js target asked for 4398046511104 bytes for inputs of the entry step, and the engine did not give them: "],
  ["more memory than there is, for states", () => tl.compile(program({ state: { s: tl.slot(zeros(2 ** 40)) }, inputs: {}, step: (_, { s }) => ({ outputs: { y: tl.sum(s) } }) }), { target: "js" }), "the js target asked for 4398046511104 bytes for states"],
  ["a layer of two tensors", () => tl.model({ inputs: { a: [1], b: [1] }, layers: { p: dense(1) }, call: ({ a, b }, { p }) => any((p as (...x: unknown[]) => unknown)(a, b)) }), 'the layer "p" takes one argument, and a Tensor is one more\n    at '],
  ["an async predicate, which would train everything", () => net({ trainable: async () => false }), "trainer: trainable gave a promise"],
  ["weights of an optimizer returned without its moments", () => { const [model, opt] = [{ w: param(ones(3)) }, tl.adam()]; return program({ inputs: { x: f32(3) }, state: { model, opt: opt.slots(model) }, step({ x }, { model, opt: slots }) { const loss = sum(tl.mul(x, model.w)); return { outputs: { loss }, next: { model: opt.update({ model, slots, gradients: tl.grad(loss, model) }).model } }; } }); }, 'entry "step": next has the weights that adam gives, and not its t, m.w, v.w: they would stay as they are. Return all that update gives', "\n    at "],
  ["an update by position", () => entry((_, w) => tl.adam().update(any({ w }))), 'adam: update: there is no option "w" (there are: model, slots, gradients, constraints)\n    at '],
  ["an update of grads", () => entry((_, w) => tl.adam().update(any({ model: { w }, slots: {}, grads: { w } }))), 'adam: update: there is no option "grads"; did you mean "gradients"?'],
  ["nesterov without momentum", () => sgd({ nesterov: true }), "sgd: nesterov changes nothing without momentum: add momentum: 0.9, say\n    at "],
  ["bounds the wrong way round", () => entry((x) => ({ outputs: { r: tl.clip(x, 1, 0) } })), "clip: low is 1, above high, 0\n    at "],
  ["a moment that is not declared", () => net({ optimizer: tl.optimizer({ name: "own", learningRate: 0.1, update: ({ w, g }) => any({ w, m: g }) }) }), 'optimizer "own": update gives "m", which is not kept: declare it by moments: ["m"], or leave it out'],
  ["a file that was read, in place of its tensors", () => net().loadWeights(any({ tensors: new Map(), metadata: new Map() })), "or a Map of tensors by name: the tensors of what was given, say"],
  ["a fit of what was never compiled for reading", () => net().predict({ x }), "predict: call await trainer.compile() first"],
  ["a fit without targets", () => net().fit(any({ x })), "fit: y is missing"],
  ["a fit of too few targets", () => net().fit({ x, y: Float32Array.of(1) }), "fit: y has 1 numbers for the 2 samples of x"],
  ["a fit of samples that are no multiple", () => net().fit({ x: x.subarray(1), y }), "fit: x has 5 numbers, no multiple of 3"],
  ["a fit of texts", () => net().fit(any({ x: ["a"], y })), "fit: x has a (string) at position 0"],
  ["a fit with data and x", () => net().fit(any({ x, y, data: [] })), "fit: x does not go with data"],
  ["a fit of data without elements", () => net().fit({ data: tl.dataset({ x: tl.rows(x, 3), y }).take(0) }), "fit: the data has no elements"],
  ["a fit of data without end", () => net().fit({ data: tl.dataset({ x: tl.rows(x, 3), y }).repeat() }), "fit: the data has no end: give stepsPerEpoch"],
  ["a fit of batches without y", () => net().fit({ data: any([{ x }]) }), "fit: batch 0 has no y"],
  ["a fit of a generator that fails in words of ours", () => net().fit({ data: () => [{ x: x.subarray(1), y }] }), "fit: batch 0: x has 5 numbers"],
  ["a fit of a split of everything", () => net().fit({ x, y, validationSplit: 1 }), "fit: validationSplit must lie between 0 and 1"],
  ["a fit that monitors what is not there", () => net().fit({ x, y, callbacks: [tl.earlyStopping({ monitor: "loss2" as never })] }), 'there is no score "loss2"'],
  ["a column that is not there", async () => (await net().fit({ x, y })).column("accuracy"), 'column: the history has no "accuracy"'],
  ["a rate of a schedule set by hand", async () => { const it = net({ optimizer: sgd({ learningRate: tl.schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 1, decayRate: 0.5 }) }) }); await it.compile({ target: "js" }); it.setLearningRate(1); }, "setLearningRate: the learning rate of sgd follows a schedule"],
  ["one batch without targets", () => net().trainOnBatch(any({ x })), "trainOnBatch: y is missing"],
  ["a checkpoint that is none", () => net().restore(Uint8Array.of(1, 2, 3)), "restore: "],
  ["a config of nothing", () => tl.layerFrom({ kind: "dens" }), "layerFrom: config"],
  ["a dataset without end as a list", () => tl.dataset({ y }).repeat().toArray(), "toArray: the dataset has no end: take(n) of it"],
  ["batches of batches", () => tl.dataset({ y }).batch(2).batch(2), "batch: the elements are batches of 2 already"],
  ["elements that are not alike", () => tl.dataset([1, "a"]).batch(2).toArray(), "batch: element 1 (the first is 0) is "],
  ["a word that nobody knows", () => tl.vocabulary(["a"], { oov: false }).encode("b"), 'vocabulary: "b" is none of its 1 words'],
  ["losses of tensors of two shapes", () => entry((a) => tl.losses.huber().value(a, zeros(4) as never)), "huber compares [2,3] with a target of that shape"],
  ["a loss that is weighed by too few", () => entry((a) => tl.losses.huber().value(a, a, { sampleWeight: zeros(4) as never })), "sampleWeight must have a number for each of [2], or for each sample"],
  ["layers that are no list", () => (sequential as (...given: unknown[]) => unknown)(dense(3), dense(1)), "sequential takes its layers as one list: sequential([dense(64), dense(10)])"],
  ["the input of the first layer, as in Keras", () => dense(3, any({ inputShape: [3] })), 'dense: there is no option "inputShape", the shape of a sample: it is the trainer\'s: trainer(net, { input: [784], ... })'],
  ["an initializer as Keras writes it", () => dense(3, { kernelInitializer: any("he_normal") }), 'did you mean "heNormal"?'],
  ["a recurrent layer behind one that gives its last step", () => net({ input: [4, 2] }, tl.lstm(3), tl.lstm(2)), "lstm: a sample must be [steps, features], not [3]: a recurrent layer before it gives all steps with returnSequences: true"],
  ["compile as in Keras", () => net().compile(any({ optimizer: "adam" })), "compile: optimizer is the trainer's: trainer(model, { input, optimizer, loss, metrics })"],
  ["an optimizer by name", () => net({ optimizer: "adam" }), 'or be one of your own, not "adam"'],
  ["a metric by name that needs options", () => net({ metrics: ["meanIoU"] }), 'the metric "meanIoU" needs options: metrics.meanIoU({ ... })'],
  ["class numbers for rows", () => net({ loss: "categoricalCrossentropy" }, dense(3, { activation: "softmax" })).fit({ x, y }), "as f32[batch,3] needs: rows of a number for each class. Class numbers go with sparseCategoricalCrossentropy; toCategorical(y) makes rows of them"],
  ["parameters that are not the layer's", () => entry((a) => dense(2).apply({}, a as never)), 'dense: the parameters have no tensor "kernel"'],
]; // biome-ignore format: a table

test.each(rows.map(([title, call, ...words]) => ({ title, call, words })))("$title", async ({ call, words }) => {
  const error: unknown = await Promise.resolve()
    .then(call)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  for (const word of words) expect((error as UserError).message).toContain(word);
  expect((error as UserError).message).not.toMatch(/\bleaves\b|trainer: trainer/);
  expect((error as UserError).message, "no line").toMatch(/\n {4}at .*messages\.test\.ts:\d+/);
});
