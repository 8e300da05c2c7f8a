/**
 * A part of Keras's fixtures on the GPU, with each pattern that layers, losses, metrics and optimizers are made of; against the numbers
 * that Keras gave. And what layers draw, against `js`.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  compile,
  f32,
  i32,
  type Layer,
  layers,
  program,
  type Shape,
  schedules,
  type Tensor,
  vmap,
} from "../../../src/index.ts";
import { differenceFrom, type Found, feedsOf, layerCases, programOf, wantedOf } from "../../keras-layer-program.ts";
import { type LayerFile, layerParts } from "../../keras-layer-tables.ts";
import { lossCases, lossFeeds, lossProgram, wrongLosses } from "../../keras-loss-program.ts";
import { metricCases, metricResults, wrongMetrics } from "../../keras-metric-program.ts";
import { optimizerCases, trainedByKeras, wrongWeights } from "../../keras-optimizer-program.ts";
import { sameAsJs } from "../against-js.ts";
import type { Gpu, GpuCase } from "../case.ts";

const parts: Readonly<Record<LayerFile, string>> = {
  "layers-conv": "conv1d-causal-dilated conv2d-same-stride2-6x6 conv2d-groups depthwise2d-multiplier2 separable2d-same-stride2 transpose2d-same",
  "layers-pool":
    "max2d-ties max2d-overlapping-same average2d-same global-average1d-masked global-max2d-ties adaptive-average2d adaptive-max2d upsampling2d-bilinear zeropadding2d cropping2d",
  "layers-norm": "batchnorm-images-training batchnorm-masked-training batchnorm-renorm-training layernorm-axes groupnorm rmsnorm unitnorm-axes",
  "layers-core":
    "einsum-dense-contract-two embedding-mask-zero embedding-negative-index-wraps prelu-shared softmax-masked softmax-two-axes maximum-ties dot-normalized resizing-bilinear-up resizing-antialias category-count discretization integer-lookup",
  "layers-attention": "mha-causal-and-mask mha-gate gqa additive",
  "layers-recurrent": "gru-masked lstm-initial-state bidirectional-masked convlstm1d",
}; // biome-ignore format: names
const lossNames =
  "mask-weighted kld-extremes cosine-zero-prediction scce-probabilities-ignore-zero-weighted bce-logits-extremes categorical-focal-logits-options cce-axis1 dice-axis circle ctc activation-softmax-scce";
const metricNames =
  "r2 pearson sparse-top-k-ties auc-pr auc-multi-label-weights precision-at-recall precision-class-id-top-k f1-ties mean-iou-weights";
const optimizerNames =
  "sgd-accumulate-2-ema adam-accumulate-2-decay-clip sgd-ema-overwrite-2 loss-scale-dynamic sgd-not-finite-global-clipnorm adamw-exclude-by-path adam-schedule-cosine-warmup sgd-constraint-maxnorm ftrl-l1-l2 lamb-weight-decay muon adafactor";

/** Which cases run here, by fixture; the report of all targets has them. */
export const casesHere: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({ ...parts, losses: lossNames, metrics: metricNames, optimizers: optimizerNames }).map(
    ([file, names]) => [file, names.split(" ")],
  ),
);

/** Half as much again as the other targets: a GPU may fuse a product with its sum, and divides less exactly. */
export const tolerance = 2e-5;

export const cases: readonly GpuCase[] = [
  ...Object.entries(layerParts).map(([file, { table }]) => ({
    name: file,
    run: ({ device }: Gpu) => agreeLayers(file as LayerFile, table, device),
  })),
  {
    name: "losses",
    async run({ device }) {
      const chosen = named(lossCases, lossNames);
      const executable = await compile(lossProgram(chosen), { target: "wgsl", device, onWarning: () => {} });
      const found: Readonly<Record<string, never>> = (await executable.run({
        entry: "step",
        feeds: lossFeeds(chosen) as never,
      })) as never;
      executable.dispose();
      agreed(chosen.flatMap((one, n) => wrongLosses(one, found[`c${n}`], tolerance)));
    },
  },
  {
    name: "metrics",
    async run({ device }) {
      const chosen = named(metricCases, metricNames);
      const found = await metricResults(chosen, { target: "wgsl", device });
      const of = (n: number) => found.map((results) => results[`c${n}`]);
      agreed(chosen.flatMap((one, n) => wrongMetrics(one, of(n), tolerance)));
    },
  },
  {
    name: "optimizers",
    async run({ device }) {
      const chosen = named(optimizerCases, optimizerNames);
      const found = await trainedByKeras(chosen, { target: "wgsl", device });
      agreed(chosen.flatMap((one, n) => wrongWeights(one, found[n] ?? [], 2)));
    },
  },
  { name: "a cosine that begins again", run: ({ device }) => restarts(device) },
  { name: "layers that draw", run: ({ device }) => drawAlike(device) },
  { name: "an embedding of a number that has no row is NaN", run: ({ device }) => withoutRow(device) },
];

function named<T extends { readonly name: string }>(all: readonly T[], names: string): readonly T[] {
  const wanted = new Set(names.split(" "));
  const chosen = all.filter(({ name }) => wanted.has(name));
  strictEqual(chosen.length, wanted.size);
  return chosen;
}

const agreed = (wrong: readonly string[]): void => deepStrictEqual(wrong, []);

/** At the very step where a period ends: a division that is a little off would give the rate of its end, which is 0. */
async function restarts(device: GPUDevice): Promise<void> {
  const [first, periods] = [49, 12];
  const begins = (tMul: number) => Array.from({ length: periods }, (_, i) => first * (tMul === 1 ? i : (tMul ** i - 1) / (tMul - 1))); // biome-ignore format: short
  const rates = program({
    inputs: { one: f32(periods), two: f32(periods), three: f32(periods) },
    step: ({ one, two, three }) => {
      const rate = (steps: Tensor<[typeof periods], "f32">, tMul: number) =>
        vmap(
          (step) => schedules.cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: first, tMul }).at(step),
          steps,
        );
      return { outputs: { one: rate(one, 1), two: rate(two, 2), three: rate(three, 3) } };
    },
  });
  const executable = await compile(rates, { target: "wgsl", device });
  const feeds = { one: begins(1), two: begins(2), three: begins(3) };
  const found = await executable.run({ entry: "step", feeds });
  executable.dispose();
  const ones = Array.from({ length: periods }, () => 1);
  deepStrictEqual(
    Object.values(found).map((rate) => [...Float32Array.from(rate as never)]),
    [ones, ones, ones],
  );
}

async function withoutRow(device: GPUDevice): Promise<void> {
  const made = program({
    inputs: { x: i32(3), table: f32(2, 1) },
    step: ({ x, table }) => ({ outputs: { y: layers.embedding(2, 1).apply({ embeddings: table }, x) } }),
  });
  const executable = await compile(made, { target: "wgsl", device });
  const { y } = await executable.run({ entry: "step", feeds: { x: [1, 2, -1], table: [3, 4] } });
  executable.dispose();
  deepStrictEqual([...Float32Array.from(y as never)], [4, Number.NaN, 4]);
}

async function agreeLayers(
  file: LayerFile,
  table: (typeof layerParts)[LayerFile]["table"],
  device: GPUDevice,
): Promise<void> {
  const chosen = named(layerCases(file), parts[file]);
  const executable = await compile(programOf(chosen, table), { target: "wgsl", device });
  const found: Readonly<Record<string, Found>> = (await executable.run({
    entry: "step",
    feeds: feedsOf(chosen) as never,
  })) as never;
  executable.dispose();
  const wrong = chosen.flatMap((one, n) =>
    wantedOf(one).flatMap(([name, wanted]) => {
      const difference = differenceFrom(found[`c${n}`]?.[name] ?? [], wanted, tolerance);
      return difference === null ? [] : [`${one.name}: ${name} ${difference}`];
    }),
  );
  agreed(wrong);
}

/** Each gets its draws from the place of its call, so all in one program have draws of their own. */
const drawing: Readonly<Record<string, Layer>> = {
  dropout: layers.dropout(0.4),
  shared: layers.dropout(0.4, { noiseShape: [null, 1, 4, 1] }),
  alpha: layers.alphaDropout(0.3),
  spatial: layers.spatialDropout2d(0.5),
  gaussianDropout: layers.gaussianDropout(0.3),
  gaussianNoise: layers.gaussianNoise(0.5),
  flip: layers.randomFlip(),
  rotation: layers.randomRotation(0.3),
  translation: layers.randomTranslation(0.4, [-0.3, 0.2], { fillMode: "wrap" }),
  zoom: layers.randomZoom(0.4, { widthFactor: 0.2, interpolation: "nearest" }),
  crop: layers.randomCrop(2, 2),
  contrast: layers.randomContrast(0.5, { valueRange: [-500, 500] }),
  brightness: layers.randomBrightness(0.5, { valueRange: [-500, 500] }),
};

async function drawAlike(device: GPUDevice): Promise<void> {
  const x = Float32Array.from({ length: 5 * 3 * 4 * 2 }, (_, i) => Math.round(100 * Math.sin(5 * i)));
  const made = program({
    inputs: { x: f32(5, 3, 4, 2) },
    step: ({ x }) => ({
      outputs: Object.fromEntries(
        Object.entries(drawing).map(([name, layer]) => [name, layer.apply({}, x, { training: true }) as Tensor<Shape>]),
      ),
    }),
  });
  await sameAsJs(device, made, [{ feeds: { x } }, { feeds: { x } }], { options: { seed: 3 }, tolerance: 1e-3 });
}
