/**
 * Rows for every layer, loss, metric, optimizer, regularizer and initializer that has a name: calls of it, and what it computes, written
 * anew in float64 from the papers' formulas. `tsc` names one without a row, and `schemas.test.ts` an option that no row sets.
 */
import type { ActivationName, InputSpec, Layer } from "../src/index.ts";
import { activation, constraints, dense, dropout, f32, flatten, glorotUniform, gru, gruCell, heNormal, l1, l1l2, l2, lstm, lstmCell, ones, simpleRnnCell, initializers as starts } from "../src/index.ts"; // biome-ignore format: names
import type { initializers } from "../src/nn/initializers.ts";
import type * as layers from "../src/nn/layers/all.ts";
import type * as losses from "../src/nn/losses/all.ts";
import type * as metrics from "../src/nn/metrics/all.ts";
import type * as optimizers from "../src/nn/optimizers/all.ts";

// ---- layers --------------------------------------------------------------------------------------------------------

/** A call: what is given by position, then by name. */
export interface LayerRow {
  readonly given: readonly unknown[];
  readonly options?: Readonly<Record<string, unknown>>;
  /** A sample that it takes; [6] by default. */
  readonly sample?: readonly number[];
  /** For a layer of several tensors alone: one of each. */
  readonly samples?: readonly (readonly number[])[];
}

const inner: readonly Layer[] = [dense(4, { activation: "relu" }), dropout(0.25), dense(2), activation("tanh")];

/** Options of all recurrent cells. */
const cellOptions = {
  name: "cell",
  activation: "relu",
  useBias: true,
  kernelInitializer: heNormal,
  recurrentInitializer: glorotUniform,
  biasInitializer: ones,
  kernelRegularizer: l2(0.1),
  recurrentRegularizer: l1(0.2),
  biasRegularizer: l2(0.3),
  kernelConstraint: constraints.nonNeg(),
  recurrentConstraint: constraints.maxNorm(),
  biasConstraint: constraints.nonNeg(),
  dropout: 0.2,
  recurrentDropout: 0.3,
};
/** And of the layers that carry them. */
const courseOptions = { returnSequences: true, returnState: true, goBackwards: true, zeroOutputForMask: true, activityRegularizer: l2(0.1) }; // biome-ignore format: short
const steps = [4, 3];
/** Options of a kernel and a bias, each at another value than its default. */
const weightOptions = {
  kernelInitializer: heNormal,
  kernelRegularizer: l2(0.1),
  kernelConstraint: constraints.nonNeg(),
  biasInitializer: ones,
  biasRegularizer: l1(0.2),
  biasConstraint: constraints.nonNeg(),
};
const depthwiseWeights = {
  depthwiseInitializer: heNormal,
  depthwiseRegularizer: l2(0.1),
  depthwiseConstraint: constraints.nonNeg(),
  biasInitializer: ones,
  biasRegularizer: l1(0.2),
  biasConstraint: constraints.nonNeg(),
};
const pointwiseWeights = {
  pointwiseInitializer: heNormal,
  pointwiseRegularizer: l2(0.1),
  pointwiseConstraint: constraints.nonNeg(),
};

/** Samples of one, two and three sizes, with two channels last. */
const imageSamples = { 1: [6, 2], 2: [5, 4, 2], 3: [4, 3, 2, 2] } as const;
type Axes = 1 | 2 | 3;

const convRows = (axes: Axes, given: readonly unknown[], weights: object, more: object): readonly LayerRow[] => [
  {
    given,
    options: {
      name: "look",
      padding: "same",
      strides: 2,
      activation: "relu",
      activityRegularizer: l2(0.1),
      ...weights,
    },
    sample: imageSamples[axes],
  },
  {
    given,
    options: {
      padding: "same",
      dilationRate: 2,
      dataFormat: "channelsFirst",
      useBias: false,
      trainable: false,
      ...more,
    },
    sample: imageSamples[axes].toReversed(),
  },
];
const poolRows = (axes: Axes, more: object = {}): readonly LayerRow[] => [
  { given: [], options: { name: "pool" }, sample: imageSamples[axes] },
  { given: [], options: { dataFormat: "channelsFirst", ...more }, sample: imageSamples[axes].toReversed() },
];
const sizeRows = (axes: Axes, first: unknown, more: object = {}): readonly LayerRow[] => [
  { given: [first], options: { name: "size" }, sample: imageSamples[axes] },
  { given: [first], options: { dataFormat: "channelsFirst", ...more }, sample: imageSamples[axes].toReversed() },
];
const windows = { poolSize: 3, strides: 1, padding: "same" };
/** Random changes of places and of colors. */
const placeRows = (
  first: readonly unknown[],
  second: readonly unknown[],
  more: object | null = {},
): readonly LayerRow[] => [
  { given: first, options: { name: "move" }, sample: imageSamples[2] },
  {
    given: second,
    options: {
      dataFormat: "channelsFirst",
      ...(more === null ? {} : { fillMode: "constant", fillValue: 1, interpolation: "nearest", ...more }),
    },
    sample: imageSamples[2].toReversed(),
  },
];
const colorRows = (first: unknown, second: unknown): readonly LayerRow[] => [
  { given: [first], options: { name: "color" }, sample: imageSamples[2] },
  {
    given: [second],
    options: { dataFormat: "channelsFirst", valueRange: [-1, 1] },
    sample: imageSamples[2].toReversed(),
  },
];
const joinRows: readonly LayerRow[] = [{ given: [], options: { name: "both" }, samples: [[3, 2], [1, 2]] }]; // biome-ignore format: short

const scaled = {
  center: false,
  betaInitializer: "ones",
  gammaInitializer: "heNormal",
  betaRegularizer: l2(0.1),
  gammaRegularizer: l1(0.1),
  betaConstraint: constraints.nonNeg(),
  gammaConstraint: constraints.nonNeg(),
};

const attentionOptions = {
  name: "attend",
  dropout: 0.2,
  causal: true,
  slidingWindow: 2,
  useGate: true,
  kernelInitializer: "heNormal",
  kernelRegularizer: l2(0.1),
  kernelConstraint: constraints.nonNeg(),
  biasInitializer: "ones",
  biasRegularizer: l1(0.1),
  biasConstraint: constraints.nonNeg(),
  activityRegularizer: l2(0.1),
};

const convLstmRows = (sample: readonly number[]): readonly LayerRow[] => [
  {
    given: [2, 2],
    options: {
      ...cellOptions,
      ...courseOptions,
      padding: "same",
      strides: 2,
      recurrentActivation: "tanh",
      unitForgetBias: false,
    },
    sample,
  },
  { given: [2, 2], options: { dilationRate: 2, useBias: false, trainable: false }, sample },
];

export const layerRows = {
  convLstm1d: convLstmRows([2, 5, 1]),
  convLstm2d: convLstmRows([2, 4, 3, 1]),
  convLstm3d: convLstmRows([2, 3, 3, 3, 1]),
  additiveAttention: [
    {
      given: [],
      options: { name: "sum", dropout: 0.2, causal: true, useScale: false, activityRegularizer: l2(0.1) },
      sample: steps,
    },
    { given: [], sample: steps },
  ],
  attention: [
    {
      given: [],
      options: {
        name: "product",
        dropout: 0.2,
        causal: true,
        useScale: true,
        scoreMode: "concat",
        activityRegularizer: l2(0.1),
      },
      sample: steps,
    },
    { given: [], sample: steps },
  ],
  groupQueryAttention: [
    { given: [2, 4, 2], options: attentionOptions, sample: steps },
    { given: [2, 2, 1], options: { useBias: false, trainable: false }, sample: steps },
  ],
  multiHeadAttention: [
    { given: [2, 3], options: { ...attentionOptions, valueDim: 4, outputShape: [2, 3] }, sample: steps },
    { given: [2, 3], options: { useBias: false, trainable: false, outputShape: 5 }, sample: steps },
  ],
  activation: [{ given: ["gelu"], options: { name: "end" } }],
  bidirectional: [
    { given: [lstm(3)], sample: steps },
    {
      given: [gru(3, { returnSequences: true })],
      options: { name: "both", mergeMode: "ave", backwardLayer: lstm(3, { returnSequences: true, goBackwards: true }) },
      sample: steps,
    },
  ],
  dense: [
    { given: [3] },
    {
      given: [4],
      options: {
        name: "hidden",
        activation: "selu",
        initializer: "heNormal",
        kernelRegularizer: l2(0.1),
        biasRegularizer: l1(0.2),
        kernelConstraint: constraints.maxNorm({ maxValue: 4 }),
        biasConstraint: constraints.nonNeg(),
        activityRegularizer: l1(0.1),
      },
      sample: [2, 5],
    },
    { given: [2], options: { useBias: false, kernelInitializer: "lecunNormal" } },
    { given: [2], options: { trainable: false, biasInitializer: "ones" } },
  ],
  dropout: [
    { given: [0.5], options: { name: "noise" } },
    { given: [0.5], options: { noiseShape: [null, 1] } },
    { given: [1] },
  ],
  flatten: [{ given: [], sample: [2, 3] }],
  gru: [
    { given: [4], sample: steps },
    {
      given: [3],
      options: { ...cellOptions, ...courseOptions, recurrentActivation: "tanh", resetAfter: false },
      sample: steps,
    },
    { given: [2], options: { useBias: false, trainable: false }, sample: steps },
  ],
  gruCell: [
    { given: [4] },
    { given: [3], options: { ...cellOptions, recurrentActivation: "tanh", resetAfter: false } },
    { given: [2], options: { useBias: false, trainable: false } },
  ],
  lstm: [
    { given: [4], sample: steps },
    {
      given: [3],
      options: { ...cellOptions, ...courseOptions, recurrentActivation: "tanh", unitForgetBias: false },
      sample: steps,
    },
    { given: [2], options: { useBias: false, trainable: false }, sample: steps },
  ],
  lstmCell: [
    { given: [4] },
    { given: [3], options: { ...cellOptions, recurrentActivation: "tanh", unitForgetBias: false } },
    { given: [2], options: { useBias: false, trainable: false } },
  ],
  batchNormalization: [
    { given: [] },
    {
      given: [],
      options: {
        name: "norm",
        axis: 1,
        momentum: 0.5,
        epsilon: 0.01,
        center: false,
        betaInitializer: "ones",
        gammaInitializer: "heNormal",
        betaRegularizer: l2(0.1),
        gammaRegularizer: l1(0.1),
        betaConstraint: constraints.nonNeg(),
        gammaConstraint: constraints.nonNeg(),
        movingMeanInitializer: "ones",
        movingVarianceInitializer: starts.constant(2),
        renorm: true,
        renormClipping: { rmax: 3, dmax: 5 },
        renormMomentum: 0.9,
      },
      sample: [3, 2],
    },
    { given: [], options: { scale: false, trainable: false } },
  ],
  groupNormalization: [
    { given: [], options: { groups: 3 } },
    { given: [], options: { ...scaled, groups: -1, axis: 1, epsilon: 0.01 }, sample: [4, 2] },
    { given: [], options: { groups: 1, scale: false, trainable: false } },
  ],
  layerNormalization: [
    { given: [], options: { ...scaled, axis: [1, 2], epsilon: 0.01 }, sample: [2, 3] },
    { given: [], options: { scale: false, trainable: false } },
  ],
  normalization: [
    { given: [], options: { mean: [1, 2, 3, 4, 5, 6], variance: 2, asState: true } },
    { given: [], options: { axis: [], mean: 1, variance: 4, invert: true }, sample: [2, 2] },
    { given: [] },
  ],
  rmsNormalization: [{ given: [], options: { axis: [1, 2], epsilon: 0.1 }, sample: [2, 3] }],
  spectralNormalization: [{ given: [dense(3)], options: { powerIterations: 2 } }],
  unitNormalization: [{ given: [], options: { axis: [1, 2] }, sample: [2, 3] }],
  rnn: [
    { given: [lstmCell(3)], sample: steps },
    { given: [[gruCell(3), simpleRnnCell(2)]], options: { ...courseOptions, name: "stack" }, sample: steps },
  ],
  activityRegularization: [{ given: [], options: { name: "cost", l1: 0.1, l2: 0.2 } }],
  alphaDropout: [{ given: [0.3], options: { noiseShape: [null, 1] } }, { given: [0] }, { given: [1] }],
  categoryEncoding: [
    { given: [5], options: { outputMode: "count" } },
    { given: [5], options: { outputMode: "oneHot" }, sample: [2, 3] },
    { given: [5], options: { outputMode: "oneHot" }, sample: [1] },
    { given: [5] },
  ],
  discretization: [{ given: [[-0.5, 0, 0.5]] }, { given: [[0, 1]], options: { outputMode: "multiHot" } }],
  elu: [{ given: [], options: { alpha: 0.5 } }],
  embedding: [
    {
      given: [3, 2],
      options: {
        embeddingsInitializer: "ones",
        embeddingsRegularizer: l2(0.1),
        embeddingsConstraint: constraints.nonNeg(),
        maskZero: true,
        activityRegularizer: l2(0.1),
      },
      sample: [3],
    },
    { given: [3, 2], options: { name: "words", trainable: false }, sample: [2, 2] },
  ],
  gaussianDropout: [{ given: [0.3] }, { given: [0] }],
  gaussianNoise: [{ given: [0.3] }],
  integerLookup: [
    { given: [[0, 1]], options: { numOovIndices: 0, maskToken: -1 } },
    { given: [[1, 2]], options: { outputMode: "count" } },
  ],
  leakyRelu: [{ given: [], options: { negativeSlope: 0.1 } }],
  masking: [{ given: [], options: { maskValue: 1 }, sample: [3, 2] }],
  prelu: [
    {
      given: [],
      options: {
        alphaInitializer: starts.constant(0.1),
        alphaRegularizer: l1(0.1),
        alphaConstraint: constraints.nonNeg(),
        sharedAxes: [1],
      },
      sample: [2, 3],
    },
    { given: [] },
  ],
  relu: [
    { given: [], options: { maxValue: 0.5, negativeSlope: 0.1, threshold: 0.1 } },
    { given: [], options: { threshold: 0.2 } },
  ],
  softmax: [{ given: [], options: { axis: [1, 2] }, sample: [2, 3] }, { given: [] }],
  spatialDropout1d: [{ given: [0.5], sample: [3, 4] }],
  spatialDropout2d: [{ given: [0.5], sample: [2, 2, 4] }],
  spatialDropout3d: [{ given: [0.5], sample: [2, 2, 2, 4] }],
  sequential: [
    { given: [inner], options: { name: "block" } },
    { given: [[flatten(), dense(1)]], sample: [2, 3] },
  ],
  simpleRnn: [
    { given: [4], sample: steps },
    { given: [3], options: { ...cellOptions, ...courseOptions }, sample: steps },
    { given: [2], options: { useBias: false, trainable: false }, sample: steps },
  ],
  simpleRnnCell: [
    { given: [4] },
    { given: [3], options: cellOptions },
    { given: [2], options: { useBias: false, trainable: false } },
  ],
  conv1d: convRows(1, [4, 2], weightOptions, { groups: 2 }),
  conv2d: convRows(2, [4, 2], weightOptions, { groups: 2 }),
  conv3d: convRows(3, [4, 2], weightOptions, { groups: 2 }),
  conv1dTranspose: convRows(1, [4, 2], weightOptions, { outputPadding: 0 }),
  conv2dTranspose: convRows(2, [4, 2], weightOptions, { outputPadding: 0 }),
  conv3dTranspose: convRows(3, [4, 2], weightOptions, { outputPadding: 0 }),
  depthwiseConv1d: convRows(1, [2], depthwiseWeights, { depthMultiplier: 2 }),
  depthwiseConv2d: convRows(2, [2], depthwiseWeights, { depthMultiplier: 2 }),
  separableConv1d: convRows(1, [3, 2], { ...depthwiseWeights, ...pointwiseWeights }, { depthMultiplier: 2 }),
  separableConv2d: convRows(2, [3, 2], { ...depthwiseWeights, ...pointwiseWeights }, { depthMultiplier: 2 }),
  maxPooling1d: poolRows(1, windows),
  maxPooling2d: poolRows(2, windows),
  maxPooling3d: poolRows(3, windows),
  averagePooling1d: poolRows(1, windows),
  averagePooling2d: poolRows(2, windows),
  averagePooling3d: poolRows(3, windows),
  globalMaxPooling1d: poolRows(1, { keepDims: true }),
  globalMaxPooling2d: poolRows(2, { keepDims: true }),
  globalMaxPooling3d: poolRows(3, { keepDims: true }),
  globalAveragePooling1d: poolRows(1, { keepDims: true }),
  globalAveragePooling2d: poolRows(2, { keepDims: true }),
  globalAveragePooling3d: poolRows(3, { keepDims: true }),
  adaptiveMaxPooling1d: sizeRows(1, 2),
  adaptiveMaxPooling2d: sizeRows(2, 2),
  adaptiveMaxPooling3d: sizeRows(3, 2),
  adaptiveAveragePooling1d: sizeRows(1, 2),
  adaptiveAveragePooling2d: sizeRows(2, 2),
  adaptiveAveragePooling3d: sizeRows(3, 2),
  upSampling1d: [
    { given: [], options: { name: "pool" }, sample: imageSamples[1] },
    { given: [], options: { size: 3 }, sample: imageSamples[1] },
  ],
  upSampling2d: poolRows(2, { size: [1, 3], interpolation: "bilinear" }),
  upSampling3d: poolRows(3, { size: [1, 3, 2] }),
  zeroPadding1d: sizeRows(1, [1, 2]),
  zeroPadding2d: sizeRows(2, [
    [1, 0],
    [0, 2],
  ]),
  zeroPadding3d: sizeRows(3, [
    [1, 0],
    [0, 1],
    [0, 0],
  ]),
  cropping1d: sizeRows(1, [1, 2]),
  cropping2d: sizeRows(2, [
    [1, 0],
    [0, 2],
  ]),
  cropping3d: sizeRows(3, [
    [1, 0],
    [0, 1],
    [0, 0],
  ]),
  stackedRnnCells: [{ given: [[lstmCell(3), gruCell(2, { name: "top" })]], options: { name: "stack" } }],
  timeDistributed: [
    { given: [dense(3, { activation: "relu", kernelRegularizer: l2(0.1) })], options: { name: "each" }, sample: steps },
    { given: [flatten()], sample: [3, 2, 2] },
  ],
  reshape: [{ given: [[2, -1]], options: { name: "form" } }],
  permute: [{ given: [[2, 1]], options: { name: "turn" }, sample: [2, 3] }],
  repeatVector: [{ given: [3], options: { name: "again" } }],
  add: joinRows,
  subtract: joinRows,
  multiply: joinRows,
  average: joinRows,
  maximum: joinRows,
  minimum: joinRows,
  concatenate: [
    {
      given: [],
      options: { name: "both" },
      samples: [
        [3, 2],
        [3, 4],
      ],
    },
    {
      given: [],
      options: { axis: 1 },
      samples: [
        [3, 2],
        [1, 2],
      ],
    },
  ],
  dot: [
    { given: [1], options: { name: "both" }, samples: [[3], [3]] },
    {
      given: [[2, 1]],
      options: { normalize: true },
      samples: [
        [3, 2],
        [2, 4],
      ],
    },
  ],
  einsumDense: [
    {
      given: ["abc,cde->abde", [null, 2, 3]],
      options: { name: "heads", activation: "relu", biasAxes: "de", ...weightOptions, activityRegularizer: l2(0.1) },
      sample: [2, 4],
    },
    { given: ["...x,xy->...y", 5], options: { trainable: false }, sample: [2, 3] },
  ],
  rescaling: [
    { given: [0.5], options: { name: "scale", offset: -1 } },
    { given: [[0.5, 2]], options: { offset: [1, 2] }, sample: [3, 2] },
  ],
  resizing: [
    {
      given: [3, 2],
      options: { name: "small", interpolation: "bicubic", antialias: true, cropToAspectRatio: true },
      sample: imageSamples[2],
    },
    {
      given: [6, 5],
      options: { padToAspectRatio: true, fillValue: 1, dataFormat: "channelsFirst" },
      sample: imageSamples[2].toReversed(),
    },
  ],
  centerCrop: [
    { given: [3, 2], options: { name: "middle" }, sample: imageSamples[2] },
    { given: [3, 2], options: { dataFormat: "channelsFirst" }, sample: imageSamples[2].toReversed() },
  ],
  randomRotation: placeRows([0.1], [[-0.1, 0.3]]),
  randomTranslation: placeRows([0.1, 0.2], [[-0.1, 0.3], 0]),
  randomZoom: placeRows([0.1], [[-0.2, 0]], { widthFactor: 0.3 }),
  randomFlip: [
    { given: [], options: { name: "turn" }, sample: imageSamples[2] },
    { given: [], options: { mode: "vertical", dataFormat: "channelsFirst" }, sample: imageSamples[2].toReversed() },
  ],
  randomCrop: placeRows([3, 2], [3, 2], null),
  randomContrast: colorRows(0.3, [0.1, 0.2]),
  randomBrightness: colorRows(0.3, [-0.1, 0.2]),
} satisfies Readonly<Record<keyof typeof layers, readonly LayerRow[]>>;

/** What a weight tensor costs. */
export const regularizerRows = {
  l1: { made: l1(0.3), penalty: (weights: readonly number[]) => 0.3 * sumOf(weights.map(Math.abs)) },
  l2: { made: l2(0.7), penalty: (weights: readonly number[]) => 0.7 * sumOf(weights.map((w) => w * w)) },
  l1l2: {
    made: l1l2({ l1: 0.2, l2: 0.4 }),
    penalty: (weights: readonly number[]) => sumOf(weights.map((w) => 0.2 * Math.abs(w) + 0.4 * w * w)),
  },
};

/** The mean and deviation of what it draws for a kernel of `fanIn` to `fanOut`, and whether there is a bound. */
export const initializerRows = {
  zeros: { deviation: () => 0, mean: 0 },
  ones: { deviation: () => 0, mean: 1 },
  glorotUniform: { deviation: (fanIn, fanOut) => Math.sqrt(2 / (fanIn + fanOut)), mean: 0, bound: Math.sqrt(3) },
  glorotNormal: { deviation: (fanIn, fanOut) => Math.sqrt(2 / (fanIn + fanOut)), mean: 0, bound: 2.2737 },
  heUniform: { deviation: (fanIn) => Math.sqrt(2 / fanIn), mean: 0, bound: Math.sqrt(3) },
  heNormal: { deviation: (fanIn) => Math.sqrt(2 / fanIn), mean: 0, bound: 2.2737 },
  lecunUniform: { deviation: (fanIn) => Math.sqrt(1 / fanIn), mean: 0, bound: Math.sqrt(3) },
  lecunNormal: { deviation: (fanIn) => Math.sqrt(1 / fanIn), mean: 0, bound: 2.2737 },
  orthogonal: { deviation: (fanIn, fanOut) => 1 / Math.sqrt(Math.max(fanIn, fanOut)), mean: 0 },
} satisfies Readonly<Record<keyof typeof initializers, InitializerRow>>;

export interface InitializerRow {
  deviation(fanIn: number, fanOut: number): number;
  readonly mean: number;
  /** In deviations. */
  readonly bound?: number;
}

// ---- losses and metrics --------------------------------------------------------------------------------------------

/** What a loss or metric gives for one sample, from the model's logits and the sample's labels. */
export interface MeasureRow {
  /** How the model ends. */
  readonly ending: ActivationName;
  /** Metrics are measured beside a loss. */
  readonly loss?: keyof typeof losses;
  /** Of the loss, or of the metric. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly width: number;
  readonly target?: InputSpec;
  /** Labels of sample i. */
  labels(i: number): readonly number[];
  value(logits: readonly number[], labels: readonly number[]): number;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const meanOf = (numbers: readonly number[]): number => sumOf(numbers) / numbers.length;
const largestAt = (numbers: readonly number[]): number => numbers.indexOf(Math.max(...numbers));
const sigmoidOf = (z: number): number => 1 / (1 + Math.exp(-z));
const softmaxOf = (z: readonly number[]): readonly number[] => {
  const all = sumOf(z.map(Math.exp));
  return z.map((it) => Math.exp(it) / all);
};
const at = (numbers: readonly number[], i: number): number => numbers[i] ?? Number.NaN;
const wave = (i: number, j: number): number => Math.sin(3 * i + 5 * j);

const byNumber = (ending: ActivationName): Omit<MeasureRow, "value"> => ({
  ending,
  width: 3,
  labels: (i) => [0, 1, 2].map((j) => wave(i, j)),
});
const squared = (y: readonly number[], wanted: readonly number[]) =>
  meanOf(y.map((it, j) => (it - at(wanted, j)) ** 2));
const straight = (y: readonly number[], wanted: readonly number[]) =>
  meanOf(y.map((it, j) => Math.abs(it - at(wanted, j))));
const thirds = (i: number): readonly number[] => [i % 3];
const bits = (i: number): readonly number[] => [i & 1, (i >> 1) & 1];

const huberOf = (delta: number) => (z: readonly number[], wanted: readonly number[]) =>
  meanOf(
    z.map((it, j) => {
      const far = Math.abs(it - at(wanted, j));
      return far <= delta ? far ** 2 / 2 : delta * (far - delta / 2);
    }),
  );
const yesOrNo = (ending: ActivationName): Omit<MeasureRow, "value"> => ({
  ending,
  width: 2,
  labels: (i) => [i & 1 || 0.2, 1 - (i & 1)],
});
const entropy = (p: number, label: number): number => -label * Math.log(p) - (1 - label) * Math.log(1 - p);
const binaryOf = (smoothing: number) => (z: readonly number[], labels: readonly number[]) =>
  meanOf(z.map((it, j) => entropy(sigmoidOf(it), at(labels, j) * (1 - smoothing) + smoothing / 2)));
const binaryFocalOf = (gamma: number, alpha: number | null) => (z: readonly number[], labels: readonly number[]) =>
  meanOf(
    z.map((it, j) => {
      const [p, label] = [sigmoidOf(it), at(labels, j)];
      const right = label * p + (1 - label) * (1 - p);
      return (
        (1 - right) ** gamma * entropy(p, label) * (alpha === null ? 1 : label * alpha + (1 - label) * (1 - alpha))
      );
    }),
  );
const oneHotRows = (ending: ActivationName): Omit<MeasureRow, "value"> => ({
  ending,
  width: 3,
  labels: (i) => [0, 1, 2].map((j) => (j === i % 3 ? 1 : 0)),
});
const focalOf = (gamma: number, smoothing: number) => (z: readonly number[], row: readonly number[]) =>
  sumOf(softmaxOf(z).map((p, j) => -((1 - p) ** gamma) * (at(row, j) * (1 - smoothing) + smoothing / 3) * Math.log(p)));
const categoricalOf = (smoothing: number) => focalOf(0, smoothing);
const sides: Omit<MeasureRow, "value"> = { ending: "tanh", width: 2, labels: (i) => [i & 1, (i & 2) - 1] };
const hinges = (z: readonly number[], labels: readonly number[]) =>
  z.map((it, j) => Math.max(1 - (at(labels, j) || -1) * Math.tanh(it), 0));

export const lossRows = {
  softmaxCrossEntropy: [
    { ending: "softmax", width: 3, labels: thirds, value: (z, [label = 0]) => -Math.log(at(softmaxOf(z), label)) },
    { ending: "linear", width: 3, labels: thirds, value: (z, [label = 0]) => -Math.log(at(softmaxOf(z), label)) },
    {
      ending: "softmax",
      width: 3,
      target: f32("batch", 3),
      labels: (i) => softmaxOf([0, 1, 2].map((j) => wave(i, j))),
      value: (z, p) => -sumOf(softmaxOf(z).map((it, j) => at(p, j) * Math.log(it))),
    },
  ],
  sigmoidCrossEntropy: (["sigmoid", "linear"] as const).map((ending) => ({
    ending,
    width: 2,
    labels: (i) => bits(i).map((bit) => (bit === 1 ? 0.9 : 0)),
    value: (z, p) =>
      meanOf(z.map((it, j) => -at(p, j) * Math.log(sigmoidOf(it)) - (1 - at(p, j)) * Math.log(1 - sigmoidOf(it)))),
  })),
  meanSquaredError: [
    { ...byNumber("linear"), value: squared },
    { ...byNumber("tanh"), value: (z, wanted) => squared(z.map(Math.tanh), wanted) },
  ],
  meanAbsoluteError: [
    { ...byNumber("linear"), value: straight },
    { ...byNumber("tanh"), value: (z, wanted) => straight(z.map(Math.tanh), wanted) },
  ],
  meanAbsolutePercentageError: [
    {
      ...byNumber("tanh"),
      value: (z, wanted) =>
        meanOf(
          z.map((it, j) => (100 * Math.abs(Math.tanh(it) - at(wanted, j))) / Math.max(Math.abs(at(wanted, j)), 1e-7)),
        ),
    },
  ],
  meanSquaredLogarithmicError: [
    {
      ...byNumber("linear"),
      value: (z, wanted) =>
        meanOf(z.map((it, j) => (Math.log1p(Math.max(it, 1e-7)) - Math.log1p(Math.max(at(wanted, j), 1e-7))) ** 2)),
    },
  ],
  huber: [
    { ...byNumber("linear"), value: huberOf(1) },
    { ...byNumber("linear"), options: { delta: 0.5 }, value: huberOf(0.5) },
  ],
  logCosh: [
    { ...byNumber("linear"), value: (z, wanted) => meanOf(z.map((it, j) => Math.log(Math.cosh(it - at(wanted, j))))) },
  ],
  poisson: [
    {
      ...byNumber("softplus"),
      labels: (i) => [0, 1, 2].map((j) => (i + j) % 4),
      value(z, counts) {
        const rates = z.map((it) => Math.log1p(Math.exp(it)));
        return meanOf(rates.map((rate, j) => rate - at(counts, j) * Math.log(rate + 1e-7)));
      },
    },
  ],
  cosineSimilarity: [
    {
      ...byNumber("linear"),
      labels: (i) => [3 * Math.cos(2 * i + 0.5) + 5, 3 * Math.cos(2 * i + 7.5) + 4, 3 * Math.cos(2 * i + 14.5) + 2],
      options: { axis: 1 },
      value: (z, wanted) =>
        -sumOf(z.map((it, j) => it * at(wanted, j))) /
        Math.sqrt(sumOf(z.map((it) => it ** 2)) * sumOf(wanted.map((it) => it ** 2))),
    },
  ],
  binaryCrossentropy: [
    { ...yesOrNo("sigmoid"), value: binaryOf(0) },
    {
      ...yesOrNo("linear"),
      options: { fromLogits: true, labelSmoothing: 0.2, reduction: "mean" },
      value: binaryOf(0.2),
    },
  ],
  binaryFocalCrossentropy: [
    { ...yesOrNo("sigmoid"), value: binaryFocalOf(2, null) },
    {
      ...yesOrNo("linear"),
      options: { fromLogits: true, gamma: 1.5, applyClassBalancing: true, alpha: 0.4, labelSmoothing: 0.1 },
      value: (z, labels) =>
        binaryFocalOf(1.5, 0.4)(
          z,
          labels.map((it) => 0.9 * it + 0.05),
        ),
    },
  ],
  categoricalCrossentropy: [
    { ...oneHotRows("softmax"), value: categoricalOf(0) },
    { ...oneHotRows("linear"), options: { fromLogits: true, labelSmoothing: 0.1, axis: 1 }, value: categoricalOf(0.1) },
  ],
  categoricalFocalCrossentropy: [
    { ...oneHotRows("softmax"), value: (z, row) => 0.25 * focalOf(2, 0)(z, row) },
    {
      ...oneHotRows("linear"),
      options: { fromLogits: true, gamma: 1, alpha: [0.5, 0.5, 0.5], labelSmoothing: 0.1, axis: 1 },
      value: (z, row) => 0.5 * focalOf(1, 0.1)(z, row),
    },
  ],
  sparseCategoricalCrossentropy: [
    { ending: "softmax", width: 3, labels: thirds, value: (z, [label = 0]) => -Math.log(at(softmaxOf(z), label)) },
    {
      ending: "linear",
      width: 3,
      labels: thirds,
      options: { fromLogits: true, ignoreClass: 7 },
      value: (z, [label = 0]) => -Math.log(at(softmaxOf(z), label)),
    },
  ],
  categoricalGeneralizedCrossEntropy: [
    {
      ending: "softmax",
      width: 3,
      labels: thirds,
      options: { q: 0.7 },
      value: (z, [label = 0]) => (1 - at(softmaxOf(z), label) ** 0.7) / 0.7,
    },
  ],
  klDivergence: [
    {
      ending: "softmax",
      width: 3,
      labels: (i) => softmaxOf([0, 1, 2].map((j) => wave(i, j))),
      value: (z, p) => sumOf(softmaxOf(z).map((it, j) => at(p, j) * Math.log(at(p, j) / it))),
    },
  ],
  hinge: [{ ...sides, value: (z, labels) => meanOf(hinges(z, labels)) }],
  squaredHinge: [{ ...sides, value: (z, labels) => meanOf(hinges(z, labels).map((it) => it ** 2)) }],
  categoricalHinge: [
    {
      ...oneHotRows("linear"),
      value: (z, row) =>
        Math.max(
          Math.max(...z.map((it, j) => it * (1 - at(row, j)))) - sumOf(z.map((it, j) => it * at(row, j))) + 1,
          0,
        ),
    },
  ],
  dice: [
    {
      ...yesOrNo("sigmoid"),
      options: { axis: [1] },
      value: (z, p) =>
        1 - (2 * sumOf(z.map((it, j) => sigmoidOf(it) * at(p, j)))) / (sumOf(z.map(sigmoidOf)) + sumOf(p) + 1e-7),
    },
  ],
  tversky: [
    {
      ...yesOrNo("sigmoid"),
      options: { axis: -1, alpha: 0.3, beta: 0.7 },
      value(z, p) {
        const shared = sumOf(z.map((it, j) => sigmoidOf(it) * at(p, j)));
        const extra = sumOf(z.map((it, j) => sigmoidOf(it) * (1 - at(p, j))));
        const missed = sumOf(z.map((it, j) => (1 - sigmoidOf(it)) * at(p, j)));
        return 1 - shared / (shared + 0.3 * extra + 0.7 * missed + 1e-7);
      },
    },
  ],
} satisfies Readonly<Record<Exclude<keyof typeof losses, "circle" | "ctc">, readonly MeasureRow[]>>; // of samples among others, and of sequences: keras-losses.test.ts

const hit = (z: readonly number[], [label]: readonly number[]): number => (largestAt(z) === label ? 1 : 0);
const hits = (z: readonly number[], wanted: readonly number[]): number =>
  meanOf(z.map((it, j) => (it > 0 === at(wanted, j) > 0.5 ? 1 : 0)));

const classes = { loss: "softmaxCrossEntropy", width: 3, labels: thirds, value: hit } as const;
const answers = { loss: "sigmoidCrossEntropy", width: 2, labels: bits, value: hits } as const;

export const metricRows = {
  accuracy: [
    { ...classes, ending: "softmax" },
    { ...answers, ending: "sigmoid" },
    { ...answers, ending: "linear" },
  ],
  categoricalAccuracy: [
    { ...classes, ending: "softmax" },
    { ...classes, ending: "linear" },
    {
      ...classes,
      ending: "softmax",
      target: f32("batch", 3),
      labels: (i) => [0, 1, 2].map((j) => (j === i % 3 ? 1 : 0)),
      value: (z, row) => (largestAt(z) === largestAt(row) ? 1 : 0),
    },
  ],
  binaryAccuracy: [
    { ...answers, ending: "sigmoid" },
    { ...answers, ending: "linear" },
  ],
  meanSquaredError: [
    { ...byNumber("tanh"), loss: "meanAbsoluteError", value: (z, wanted) => squared(z.map(Math.tanh), wanted) },
  ],
  meanAbsoluteError: [
    { ...byNumber("tanh"), loss: "meanSquaredError", value: (z, wanted) => straight(z.map(Math.tanh), wanted) },
  ],
} satisfies Readonly<
  Partial<Record<keyof typeof metrics, readonly (MeasureRow & { readonly loss: keyof typeof losses })[]>>
>; // those with slots are in keras-metrics.test.ts

// ---- optimizers ----------------------------------------------------------------------------------------------------

/** One number that is trained: its value after an update by gradient g, the t-th. `kept` is its own from update to update. */
type Update = (w: number, g: number, t: number, kept: Record<string, number>) => number;

export interface OptimizerRow {
  /** Sets of options. Each option is in one of them. */
  readonly options: readonly Readonly<Record<string, unknown>>[];
  /**
   * The formula of one number, by all of its options: those that are not given have the defaults of Keras 3. Without it numbers of one weight
   * depend on each other, and Keras's own steps hold the formula (keras-optimizers.test.ts).
   */
  readonly update?: (options: Readonly<Record<string, never>>) => Update;
}

const adamReference = (given: Readonly<Record<string, number | boolean>>): Update => {
  const o = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, amsgrad: false, weightDecay: 0, ...given };
  return (w, g, t, kept) => {
    kept.m = o.beta1 * (kept.m ?? 0) + (1 - o.beta1) * g;
    kept.v = o.beta2 * (kept.v ?? 0) + (1 - o.beta2) * g * g;
    kept.largest = Math.max(kept.largest ?? 0, kept.v);
    const rate = (o.learningRate * Math.sqrt(1 - o.beta2 ** t)) / (1 - o.beta1 ** t);
    const step = (rate * kept.m) / (Math.sqrt(o.amsgrad ? kept.largest : kept.v) + o.epsilon);
    return w - o.learningRate * o.weightDecay * w - step;
  };
};

const adamOptions = [{}, { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4 }, { amsgrad: true, beta2: 0.5 }];

export const optimizerRows = {
  sgd: {
    options: [{}, { learningRate: 0.1, momentum: 0.9 }, { learningRate: 0.1, momentum: 0.8, nesterov: true }],
    update(given) {
      const o = { learningRate: 0.01, momentum: 0, nesterov: false, ...given };
      return (w, g, _, kept) => {
        kept.velocity = o.momentum * (kept.velocity ?? 0) - o.learningRate * g;
        return o.nesterov ? w + o.momentum * kept.velocity - o.learningRate * g : w + kept.velocity;
      };
    },
  },
  rmsprop: {
    options: [
      {},
      { learningRate: 0.01, rho: 0.8, epsilon: 1e-3 },
      { momentum: 0.5, centered: true },
      { centered: true },
    ],
    update(given) {
      const o = { learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false, ...given };
      return (w, g, _, kept) => {
        kept.v = o.rho * (kept.v ?? 0) + (1 - o.rho) * g * g;
        kept.mean = o.rho * (kept.mean ?? 0) + (1 - o.rho) * g;
        const spread = o.centered ? kept.v - kept.mean ** 2 : kept.v;
        kept.velocity = o.momentum * (kept.velocity ?? 0) + (o.learningRate * g) / Math.sqrt(spread + o.epsilon);
        return w - kept.velocity;
      };
    },
  },
  adam: { options: adamOptions, update: adamReference },
  adamw: {
    options: [...adamOptions, { learningRate: 0.1, weightDecay: 0.3 }],
    update: (given) => adamReference({ weightDecay: 0.004, ...given }),
  },
  adagrad: {
    options: [{}, { learningRate: 0.1, initialAccumulatorValue: 0.5, epsilon: 1e-3 }],
    update(given) {
      const o = { learningRate: 0.001, initialAccumulatorValue: 0.1, epsilon: 1e-7, ...given };
      return (w, g, _, kept) => {
        kept.sum = (kept.sum ?? o.initialAccumulatorValue) + g * g;
        return w - (o.learningRate * g) / Math.sqrt(kept.sum + o.epsilon);
      };
    },
  },
  adadelta: {
    options: [{}, { learningRate: 1, rho: 0.8, epsilon: 1e-3 }],
    update(given) {
      const o = { learningRate: 0.001, rho: 0.95, epsilon: 1e-7, ...given };
      return (w, g, _, kept) => {
        kept.v = o.rho * (kept.v ?? 0) + (1 - o.rho) * g * g;
        const step = (g * Math.sqrt((kept.steps ?? 0) + o.epsilon)) / Math.sqrt(kept.v + o.epsilon);
        kept.steps = o.rho * (kept.steps ?? 0) + (1 - o.rho) * step * step;
        return w - o.learningRate * step;
      };
    },
  },
  adamax: {
    options: [{}, { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4 }],
    update(given) {
      const o = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, ...given };
      return (w, g, t, kept) => {
        kept.m = o.beta1 * (kept.m ?? 0) + (1 - o.beta1) * g;
        kept.u = Math.max(o.beta2 * (kept.u ?? 0), Math.abs(g));
        return w - (o.learningRate * kept.m) / ((1 - o.beta1 ** t) * (kept.u + o.epsilon));
      };
    },
  },
  nadam: {
    options: [{}, { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4 }],
    update(given) {
      const o = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, ...given };
      const momentum = (t: number): number => o.beta1 * (1 - 0.5 * 0.96 ** t);
      return (w, g, t, kept) => {
        const [now, next] = [momentum(t), momentum(t + 1)];
        kept.product = (kept.product ?? 1) * now;
        kept.m = o.beta1 * (kept.m ?? 0) + (1 - o.beta1) * g;
        kept.v = o.beta2 * (kept.v ?? 0) + (1 - o.beta2) * g * g;
        const ahead = (next * kept.m) / (1 - kept.product * next) + ((1 - now) * g) / (1 - kept.product);
        return w - (o.learningRate * ahead) / (Math.sqrt(kept.v / (1 - o.beta2 ** t)) + o.epsilon);
      };
    },
  },
  lion: {
    options: [{}, { learningRate: 0.05, beta1: 0.8, beta2: 0.9 }],
    update(given) {
      const o = { learningRate: 0.001, beta1: 0.9, beta2: 0.99, ...given };
      return (w, g, _, kept) => {
        const m = kept.m ?? 0;
        kept.m = o.beta2 * m + (1 - o.beta2) * g;
        return w - o.learningRate * Math.sign(o.beta1 * m + (1 - o.beta1) * g);
      };
    },
  },
  ftrl: {
    options: [
      {},
      { learningRate: 0.1, learningRatePower: -0.4, initialAccumulatorValue: 0.5 },
      {
        l1RegularizationStrength: 0.1,
        l2RegularizationStrength: 0.2,
        l2ShrinkageRegularizationStrength: 0.3,
        beta: 0.4,
      },
    ],
    update(given) {
      const o = { learningRate: 0.001, learningRatePower: -0.5, initialAccumulatorValue: 0.1, l1RegularizationStrength: 0, l2RegularizationStrength: 0, l2ShrinkageRegularizationStrength: 0, beta: 0, ...given }; // biome-ignore format: names
      return (w, g, _, kept) => {
        const before = kept.sum ?? o.initialAccumulatorValue;
        kept.sum = before + g * g;
        const power = (x: number): number => x ** -o.learningRatePower;
        const slope = g + 2 * o.l2ShrinkageRegularizationStrength * w;
        kept.linear = (kept.linear ?? 0) + slope - ((power(kept.sum) - power(before)) / o.learningRate) * w;
        const l1 = Math.min(Math.max(kept.linear, -o.l1RegularizationStrength), o.l1RegularizationStrength);
        return (l1 - kept.linear) / ((power(kept.sum) + o.beta) / o.learningRate + 2 * o.l2RegularizationStrength);
      };
    },
  },
  lamb: { options: [{}, { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4 }] },
  adafactor: {
    options: [
      {},
      { learningRate: 0.1, beta2Decay: -0.5, epsilon1: 1e-20, epsilon2: 0.01, clipThreshold: 0.5, relativeStep: false },
    ],
  },
  muon: {
    options: [
      {},
      { learningRate: 0.05, adamBeta1: 0.8, adamBeta2: 0.95, epsilon: 1e-4, adamLrRatio: 0.5, adamWeightDecay: 0.3 },
      { momentum: 0.8, nesterov: false, nsSteps: 3, muonA: 3, muonB: -4, muonC: 2, rmsRate: 0.3, weightDecay: 0.1 },
      { excludeLayers: ["dense", /^embed/i], excludeEmbeddings: false },
    ],
  },
  scheduleFreeAdamw: {
    options: [{}, { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, warmupSteps: 3 }],
    update(given) {
      const o = { learningRate: 0.0025, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmupSteps: 0, ...given };
      return (w, g, t, kept) => {
        const rate = o.learningRate * (o.warmupSteps === 0 ? 1 : Math.min(1, t / o.warmupSteps));
        kept.z ??= w;
        kept.x ??= w;
        kept.v = o.beta2 * (kept.v ?? 0) + (1 - o.beta2) * g * g;
        kept.z -= (rate * g) / (Math.sqrt(kept.v / (1 - o.beta2 ** t)) + o.epsilon);
        kept.total = (kept.total ?? 0) + rate * rate;
        kept.x += ((rate * rate) / kept.total) * (kept.z - kept.x);
        return (1 - o.beta1) * kept.z + o.beta1 * kept.x;
      };
    },
  },
} satisfies Readonly<Record<keyof typeof optimizers, OptimizerRow>>;
