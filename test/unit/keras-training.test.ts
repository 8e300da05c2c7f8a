/**
 * Whole fits against Keras's (test/fixtures/README.md): the history, the weights after it and an evaluation, within 1e-4. Cases of
 * callbacks have a test of their own; `otherwise` lists the scores that are other ones.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as tensorloom from "../../src/index.ts";
import { dataset, dense, type Layer, type Loss, layers, losses, type Metric, metrics, model, type Optimizer, rows, sequential, trainer } from "../../src/index.ts"; // biome-ignore format: names
import { errorOf } from "../keras-error.ts";
import { note } from "../keras-record.ts";

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Made {
  readonly class: string;
  readonly config: Readonly<Record<string, unknown>>;
}
interface LayerOf {
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
}
interface TrainingCase {
  readonly name: string;
  readonly model: {
    readonly kind: string;
    readonly input_shape?: readonly number[];
    readonly layers?: readonly LayerOf[];
    readonly outputs?: readonly LayerOf[];
  };
  readonly weights: readonly (Numbers & { readonly name: string })[];
  readonly compile: Readonly<Record<string, unknown>>;
  readonly fit: Readonly<Record<string, unknown>>;
  readonly history: Readonly<Record<string, readonly (number | readonly number[])[]>>;
  readonly epochs: readonly number[];
  readonly weights_after: readonly (readonly number[])[];
  readonly evaluate?: Readonly<Record<string, readonly (number | readonly number[])[]>>;
}

const text = readFileSync(new URL("../fixtures/keras/training.json", import.meta.url), "utf8");
const { data, cases } = JSON.parse(text) as {
  readonly data: Readonly<Record<string, Numbers>>;
  readonly cases: readonly TrainingCase[];
};

const callbacks = "callbacks have a test of their own";
const reasonOf = ({ name }: TrainingCase): string | undefined =>
  /^(early-stopping|plateau|learning-rate)/.test(name) ? callbacks : undefined;

/** Scores that are other ones here, and why: docs/from-keras.md. */
const otherwise: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "accuracy-on-logits": {
    accuracy: "of the probability, and not of the logit",
    above_zero: "a threshold is one of probabilities, where a logit's 0 is one half",
  },
  "masked-sequences": {
    mae: "a batch's mean over its steps that count, by its samples, as for the loss; Keras counts steps",
  },
  "two-outputs": {
    a_loss: "a mean over samples; Keras's is one over batches",
    b_loss: "a mean over samples; Keras's is one over batches",
    ...Object.fromEntries(
      ["loss", "a_loss", "b_loss", "a_mae", "b_accuracy"].map((name) => [
        `val_${name}`,
        "labels of 1.74 are no answers: refused",
      ]),
    ),
  },
};

/**
 * What numbers do not determine, and how far it is seen to go. Where all pixels of a filter are above 0, the batch norm takes its bias
 * out again: the gradient is 0 but for rounding (1e-7), and Adam makes whole steps of that. The evaluation has Keras's.
 */
const undetermined: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  convolution: { "model.conv2d1.bias": 2e-3 },
};

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const small = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const inOurs = (config: Readonly<Record<string, unknown>>, ...without: readonly string[]) =>
  Object.fromEntries(
    Object.entries(config)
      .filter(([key, value]) => value !== null && !["name", "dtype", ...without].includes(key))
      .map(([key, value]) => [camel(key), typeof value === "string" ? camel(value) : value]),
  );
type Makers = Readonly<Record<string, (options: object) => never>>;
const all = tensorloom as unknown as Makers;

const parts: Readonly<Record<string, (config: Readonly<Record<string, unknown>>) => unknown>> = {
  l1: ({ l1 }) => tensorloom.l1(Number(l1)),
  l2: ({ l2 }) => tensorloom.l2(Number(l2)),
  maxNorm: (config) => tensorloom.constraints.maxNorm(config),
  nonNeg: () => tensorloom.constraints.nonNeg(),
};

/** What stands by position in our layers. */
const positions: Readonly<Record<string, readonly string[]>> = {
  Dense: ["units"],
  LSTM: ["units"],
  Conv2D: ["filters", "kernel_size"],
};
const layerNames: Readonly<Record<string, string>> = { LSTM: "lstm" };

function layerOf({ class: kind, options }: LayerOf): Layer {
  if (options.layer === "Dense(1)") return tensorloom.timeDistributed(dense(1));
  const first = positions[kind] ?? [];
  const given = Object.entries(inOurs(options, ...first)).map(([key, value]) => {
    const part = value as Made;
    return [key, typeof value === "object" && value !== null ? parts[small(part.class)]?.(inOurs(part.config)) : value];
  });
  const make = (layers as unknown as Record<string, (...given: unknown[]) => Layer>)[
    layerNames[kind] ?? small(kind).replace(/D$/, "d")
  ];
  if (make === undefined) throw new Error(`there is no layer ${kind}`);
  const named = given.length === 0 ? [] : [Object.fromEntries(given)];
  return make(...first.map((name) => options[name]), ...named);
}

function optimizerOf({ class: kind, config }: Made): Optimizer {
  const rate = config.learning_rate as number | { readonly class_name: string; readonly config: object };
  const learningRate = typeof rate === "number" ? rate : (tensorloom.schedules as unknown as Makers)[small(rate.class_name)]?.(inOurs({ ...rate.config }, "staircase")); // biome-ignore format: short
  const name = { SGD: "sgd", RMSprop: "rmsprop", AdamW: "adamw" }[kind] ?? small(kind);
  const rest = Object.entries(inOurs(config, "learning_rate", "ema_momentum")).filter(([, value]) => value !== false);
  const momentum = config.use_ema === true ? { emaMomentum: config.ema_momentum } : {};
  return all[name]?.({ ...Object.fromEntries(rest), ...momentum, learningRate }) as unknown as Optimizer;
}

const lossOf = (given: unknown): string | Loss => {
  if (typeof given === "string") return camel(given);
  const { class: kind, config } = given as Made;
  return (losses as unknown as Makers)[small(kind)]?.(inOurs(config, ...(kind === "BinaryCrossentropy" ? ["axis"] : []))) as unknown as Loss; // biome-ignore format: short
};

function metricOf(given: unknown): readonly [string, string | Metric] {
  if (typeof given === "string") return [given, camel(given)];
  const { class: kind, config } = given as Made;
  const make = (metrics as unknown as Makers)[kind === "AUC" ? "auc" : small(kind)];
  return [String(config.name), make?.(inOurs(config, "num_labels")) as unknown as Metric];
}
const metricsOf = (given: unknown) =>
  Object.fromEntries(((given ?? []) as readonly unknown[]).map((it) => metricOf(it))) as never;

const numbers = (name: unknown): readonly number[] => data[String(name)]?.data ?? [];
/** Of one output, or of `a` and `b`. */
const forOutputs = <T>(given: unknown, make: (it: unknown) => T): T | { readonly a: T; readonly b: T } =>
  Array.isArray(given) ? { a: make(given[0]), b: make(given[1]) } : make(given);

function trainerOf({ model: net, compile: given }: TrainingCase) {
  const { outputs, layers: inside = [], input_shape: input = [3] } = net;
  const optimizer = optimizerOf(given.optimizer as Made);
  if (outputs === undefined) {
    const options = { loss: lossOf(given.loss) as never, metrics: metricsOf(given.metrics), weightedMetrics: metricsOf(given.weighted_metrics) }; // biome-ignore format: short
    return trainer(sequential(inside.map(layerOf)), { input, optimizer, ...options });
  }
  const [a, b] = outputs.map(({ class: kind, options: { name: _, ...options } }) => layerOf({ class: kind, options }));
  if (a === undefined || b === undefined) throw new Error("two outputs are wanted");
  const [weightOfA, weightOfB] = given.loss_weights as readonly number[];
  return trainer(model({ inputs: [3], layers: { a, b }, call: (x, { a, b }) => ({ a: a(x), b: b(x) }) }), {
    optimizer,
    loss: forOutputs(given.loss, lossOf) as never,
    metrics: forOutputs(given.metrics, metricsOf) as never,
    lossWeights: { a: weightOfA ?? 1, b: weightOfB ?? 1 },
  });
}

/** What fit is given, in our words. */
function fitOf({ name, fit }: TrainingCase) {
  const {
    x,
    y,
    batch_size: batch = 32,
    epochs = 1,
    sample_weight,
    class_weight,
    validation_split,
    validation_data,
    validation_freq,
    initial_epoch,
    steps_per_epoch,
  } = fit;
  const [xv, yv, wv] = (validation_data ?? []) as readonly unknown[];
  if (steps_per_epoch !== undefined) {
    const all = dataset({ x: rows(Float32Array.from(numbers(x)), 3), y: rows(Float32Array.from(numbers(y)), 2) });
    return { data: all, stepsPerEpoch: steps_per_epoch, batch, epochs };
  }
  return {
    x: numbers(x),
    y: forOutputs(y, numbers),
    batch,
    epochs,
    shuffle: false,
    ...(validation_freq === undefined ? {} : { validationFreq: validation_freq }),
    ...(initial_epoch === undefined ? {} : { initialEpoch: initial_epoch }),
    ...(sample_weight === undefined ? {} : { sampleWeight: numbers(sample_weight) }),
    ...(class_weight === undefined ? {} : { classWeight: class_weight }),
    ...(validation_split === undefined ? {} : { validationSplit: validation_split }),
    ...(xv === undefined || otherwise[name]?.val_loss !== undefined ? {} : { validation: { x: numbers(xv), y: forOutputs(yv, numbers), ...(wv === undefined ? {} : { sampleWeight: numbers(wv) }) } }), // biome-ignore format: short
  };
}

type Scored = Readonly<Record<string, unknown>> & {
  readonly tables?: Readonly<Record<string, { readonly data: ArrayLike<number> }>>;
};

/** A score by Keras's name of it; a table as its numbers. */
const scoreIn = (scores: Scored | undefined, name: string): readonly number[] =>
  typeof scores?.[name] === "number" ? [scores[name]] : Array.from(scores?.tables?.[name]?.data ?? []);

function close(what: string, found: readonly number[], wanted: number | readonly number[], within = 1e-4): number {
  const numbers = typeof wanted === "number" ? [wanted] : wanted;
  expect(found.length, what).toBe(numbers.length);
  for (const [i, value] of found.entries()) expect(Math.abs(value - (numbers[i] ?? 0)), `${what}: ${found} for ${numbers}`).toBeLessThanOrEqual(within); // biome-ignore format: short
  return errorOf(found, numbers, 1);
}

const here = cases.filter((one) => reasonOf(one) === undefined);

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  test.each(here.map((one) => [one.name, one] as const))("%s", async (name, one) => {
    const tell = (error: number): void => note("training", name, target, error);
    const net = trainerOf(one);
    const given = fitOf(one);
    await net.compile({ target, batch: Number(given.batch), onWarning: () => {} });
    const paths = net.executable.state.names.filter((path) => path.startsWith("model."));
    for (const [i, path] of paths.entries())
      net.executable.state.write(path, Float32Array.from(one.weights[i]?.data ?? []));
    const { epochs } = await net.fit(given as never);
    expect(epochs.map(({ epoch }) => epoch - 1)).toEqual(one.epochs);
    const own = otherwise[name] ?? {};
    for (const [score, series] of Object.entries(one.history)) {
      if (score in own) continue;
      const having = score.startsWith("val_") ? epochs.filter(({ validation }) => validation !== undefined) : epochs;
      expect(having).toHaveLength(series.length);
      for (const [epoch, wanted] of series.entries()) {
        const record = having[epoch] as Scored | undefined;
        const validation = record?.validation as Scored | undefined;
        const found = score.startsWith("val_") ? scoreIn(validation, score.slice(4)) : score === "learning_rate" ? [Number(record?.learningRate)] : scoreIn(record, score); // biome-ignore format: short
        tell(close(`${score} of epoch ${epoch + 1}`, found, wanted));
      }
    }
    for (const [i, path] of paths.entries()) tell(close(path, Array.from((await net.executable.state.read(path)) as Float32Array), one.weights_after[i] ?? [], undetermined[name]?.[path])); // biome-ignore format: short
    for (const path of Object.keys(undetermined[name] ?? {})) net.executable.state.write(path, Float32Array.from(one.weights_after[paths.indexOf(path)] ?? [])); // biome-ignore format: short
    const evaluated = (await net.evaluate({
      x: numbers(one.fit.x),
      y: forOutputs(one.fit.y, numbers),
      batch: 3,
    } as never)) as unknown as Scored;
    for (const [score, [wanted = 0]] of Object.entries(one.evaluate ?? {})) {
      if (!(score in own)) tell(close(`${score} of evaluate`, scoreIn(evaluated, score), wanted));
    }
    net.dispose();
  });
});

test("every case is here, or listed with a reason", () => {
  expect(here.length).toBeGreaterThan(25);
  const names = new Set(cases.map(({ name }) => name));
  expect(Object.keys(otherwise).filter((name) => !names.has(name))).toEqual([]);
});
