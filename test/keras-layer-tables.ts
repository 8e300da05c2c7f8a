/**
 * Our layer for each class of Keras's fixtures, file by file, and the cases that come out otherwise on purpose, each with why
 * (docs/from-keras.md says it to users). The unit tests run all of them, the GPU's cases a part.
 */
import { adaptiveAveragePooling1d, adaptiveAveragePooling2d, adaptiveMaxPooling2d, additiveAttention, attention, averagePooling1d, averagePooling2d, averagePooling3d, bidirectional, centerCrop, conv1d, conv1dTranspose, conv2d, conv2dTranspose, conv3d, conv3dTranspose, convLstm1d, convLstm2d, cropping1d, cropping2d, cropping3d, dense, depthwiseConv1d, depthwiseConv2d, einsumDense, flatten, type GruOptions, globalAveragePooling1d, globalAveragePooling2d, globalAveragePooling3d, globalMaxPooling1d, globalMaxPooling2d, globalMaxPooling3d, groupQueryAttention, gru, gruCell, type Layer, type LstmOptions, layers, lstm, lstmCell, maxPooling1d, maxPooling2d, maxPooling3d, multiHeadAttention, rescaling, resizing, rnn, type SimpleRnnOptions, separableConv1d, separableConv2d, simpleRnn, timeDistributed, upSampling1d, upSampling2d, upSampling3d, zeroPadding1d, zeroPadding2d, zeroPadding3d } from "../src/index.ts"; // biome-ignore format: names
import type { RecurrentLayer } from "../src/nn/layers/recurrent/recurrent.ts";
import type { KerasOptions, LayerCase, LayerTable, Otherwise } from "./keras-layer-program.ts";

const named = (make: (options: object) => Layer) => (given: KerasOptions) => make(given.others());
const sized = (make: (height: number, width: number, options: object) => Layer) => (given: KerasOptions) =>
  make(given.get("height"), given.get("width"), given.others(["height", "width"]));

const all = (options: KerasOptions): never => options.others<never>();
const modeOf = (options: KerasOptions): never =>
  ({ outputMode: options.get<string>("output_mode").replace(/_(.)/g, (_, it: string) => it.toUpperCase()) }) as never;

const core: LayerTable = {
  Dense: (given) => dense(given.get("units"), given.others(["units"])),
  EinsumDense: (given) =>
    einsumDense(given.get("equation"), given.get("output_shape"), given.others(["equation", "output_shape"])),
  Flatten: () => flatten(),
  Reshape: (given) => layers.reshape(given.get("target_shape")),
  Permute: (given) => layers.permute(given.get("dims")),
  RepeatVector: (given) => layers.repeatVector(given.get("n")),
  Add: named(layers.add),
  Subtract: named(layers.subtract),
  Multiply: named(layers.multiply),
  Average: named(layers.average),
  Maximum: named(layers.maximum),
  Minimum: named(layers.minimum),
  Concatenate: named(layers.concatenate),
  Dot: (given) => layers.dot(given.get("axes"), given.others(["axes"])),
  Rescaling: (given) => rescaling(given.get("scale"), given.others(["scale"])),
  Resizing: sized(resizing),
  CenterCrop: sized(centerCrop),
  Embedding: (options) =>
    layers.embedding(options.get("input_dim"), options.get("output_dim"), options.others(["input_dim", "output_dim"])),
  Masking: (options) => layers.masking(all(options)),
  ReLU: (options) => layers.relu(all(options)),
  LeakyReLU: (options) => layers.leakyRelu(all(options)),
  ELU: (options) => layers.elu(all(options)),
  PReLU: (options) => layers.prelu(all(options)),
  Softmax: (options) => layers.softmax(all(options)),
  ActivityRegularization: (options) => layers.activityRegularization(all(options)),
  Dropout: (options) => layers.dropout(options.get("rate")),
  GaussianNoise: (options) => layers.gaussianNoise(options.get("stddev")),
  CategoryEncoding: (options) => layers.categoryEncoding(options.get("num_tokens"), modeOf(options)),
  Discretization: (options) => layers.discretization(options.get("bin_boundaries")),
  IntegerLookup: (options) => layers.integerLookup(options.get("vocabulary")),
};

const coreOtherwise: Otherwise = {
  "resizing-bicubic": "TensorFlow takes places to 1/1024 of an element; here they are exact (image-layers.test.ts)",
  "resizing-uint8": "layers take f32: bytes are cast, and are not rounded to bytes again",
};

type Conv = (filters: number, kernelSize: number | readonly number[], options: object) => Layer;
type Depthwise = (kernelSize: number | readonly number[], options: object) => Layer;

const filtersOf = (make: Conv) => (given: KerasOptions) =>
  make(given.get("filters"), given.get("kernel_size"), given.others(["filters", "kernel_size"]));
const kernelOf = (make: Depthwise) => (given: KerasOptions) =>
  make(given.get("kernel_size"), given.others(["kernel_size"]));

const conv: LayerTable = {
  Conv1D: filtersOf(conv1d),
  Conv2D: filtersOf(conv2d),
  Conv3D: filtersOf(conv3d),
  Conv1DTranspose: filtersOf(conv1dTranspose),
  Conv2DTranspose: filtersOf(conv2dTranspose),
  Conv3DTranspose: filtersOf(conv3dTranspose),
  DepthwiseConv1D: kernelOf(depthwiseConv1d),
  DepthwiseConv2D: kernelOf(depthwiseConv2d),
  SeparableConv1D: filtersOf(separableConv1d),
  SeparableConv2D: filtersOf(separableConv2d),
};

const byName = (make: (options: object) => Layer) => (given: KerasOptions) =>
  make(given.others([], { keepdims: "keepDims" }));
const byFirst = (name: string, make: (first: never, options: object) => Layer) => (given: KerasOptions) =>
  make(given.get(name), given.others([name]));

const pool: LayerTable = {
  MaxPooling1D: byName(maxPooling1d),
  MaxPooling2D: byName(maxPooling2d),
  MaxPooling3D: byName(maxPooling3d),
  AveragePooling1D: byName(averagePooling1d),
  AveragePooling2D: byName(averagePooling2d),
  AveragePooling3D: byName(averagePooling3d),
  GlobalAveragePooling1D: byName(globalAveragePooling1d),
  GlobalAveragePooling2D: byName(globalAveragePooling2d),
  GlobalAveragePooling3D: byName(globalAveragePooling3d),
  GlobalMaxPooling1D: byName(globalMaxPooling1d),
  GlobalMaxPooling2D: byName(globalMaxPooling2d),
  GlobalMaxPooling3D: byName(globalMaxPooling3d),
  AdaptiveAveragePooling1D: byFirst("output_size", adaptiveAveragePooling1d),
  AdaptiveAveragePooling2D: byFirst("output_size", adaptiveAveragePooling2d),
  AdaptiveMaxPooling2D: byFirst("output_size", adaptiveMaxPooling2d),
  UpSampling1D: byName(upSampling1d),
  UpSampling2D: byName(upSampling2d),
  UpSampling3D: byName(upSampling3d),
  ZeroPadding1D: byFirst("padding", zeroPadding1d),
  ZeroPadding2D: byFirst("padding", zeroPadding2d),
  ZeroPadding3D: byFirst("padding", zeroPadding3d),
  Cropping1D: byFirst("cropping", cropping1d),
  Cropping2D: byFirst("cropping", cropping2d),
  Cropping3D: byFirst("cropping", cropping3d),
};

const norm: LayerTable = {
  BatchNormalization: (options) => layers.batchNormalization(all(options)),
  LayerNormalization: (options) => layers.layerNormalization(all(options)),
  GroupNormalization: (options) => layers.groupNormalization(all(options)),
  RMSNormalization: (options) => layers.rmsNormalization(all(options)),
  UnitNormalization: (options) => layers.unitNormalization(all(options)),
  Normalization: (options) => layers.normalization(all(options)),
};

const normOtherwise: Otherwise = {
  "unitnorm-zero-row": "Keras's gradient of a vector of zeros is 1e12 times the output's; here it is the output's",
  "spectral-dense-training": "the kernel is not overwritten, and gradients flow through the division: see below",
  "spectral-dense-inference": "evaluation divides too: see below",
};

/** Options by our names, and `causal`, which Keras is told in the call. */
function attending<O>(o: KerasOptions, one: LayerCase, position: readonly string[] = []): O {
  const causal = one.call?.use_causal_mask === true ? { causal: true } : {};
  return { ...o.others<O>(position), ...causal };
}

const attentions: LayerTable = {
  MultiHeadAttention: (o, one) =>
    multiHeadAttention(o.get("num_heads"), o.get("key_dim"), attending(o, one, ["num_heads", "key_dim"])),
  GroupQueryAttention: (o, one) => {
    const position = ["head_dim", "num_query_heads", "num_key_value_heads"] as const;
    const [dim, queries, keys] = position.map((name) => o.get<number>(name)) as [number, number, number];
    return groupQueryAttention(dim, queries, keys, attending(o, one, position));
  },
  Attention: (o, one) => attention(attending(o, one)),
  AdditiveAttention: (o, one) => additiveAttention(attending(o, one)),
};

/** Cases in which a query sees nothing at all: on some paths Keras gives it the mean of all values, here it gets none. */
export const blind = {
  "mha-masked-fused-path": "its second query sees nothing, and gets the mean of what is hidden",
  "mha-key-value-masks":
    "queries that do not count, and those of a sample without keys, get the mean of what is hidden",
  "gqa-masked": "its second query sees nothing, and gets the mean of what is hidden",
  "attention-masked": "its second sample has no keys, and gets the mean of what is hidden",
};

/** `unroll` says how Keras computes, and not what. */
function recurring<O>(given: KerasOptions): O {
  const found = given.others<O & { recurrentActivation?: string }>(["units", "unroll"]);
  return found.recurrentActivation === "hard_sigmoid" ? { ...found, recurrentActivation: "hardSigmoid" } : found;
}

/** Layers inside layers, as the fixture writes them. */
const recurrent: Readonly<Record<string, () => RecurrentLayer>> = {
  "SimpleRNN(2, return_sequences=True)": () => simpleRnn(2, { returnSequences: true }),
  "GRU(2)": () => gru(2),
  "LSTM(1, return_state=True)": () => lstm(1, { returnState: true }),
  "LSTM(1, return_sequences=True)": () => lstm(1, { returnSequences: true }),
};
const inner: Readonly<Record<string, () => Layer>> = {
  "Dense(2)": () => dense(2),
  "Conv1D(1, 2)": () => conv1d(1, 2),
};

function made<L extends Layer>(table: Readonly<Record<string, () => L>>, given: KerasOptions): L {
  const make = table[given.get<string>("layer")];
  if (make === undefined) throw new Error(`no layer for ${given.get<string>("layer")}`);
  return make();
}

const recurrents: LayerTable = {
  SimpleRNN: (o) => simpleRnn(o.get<number>("units"), recurring<SimpleRnnOptions>(o)),
  GRU: (o) => gru(o.get<number>("units"), recurring<GruOptions>(o)),
  LSTM: (o) => lstm(o.get<number>("units"), recurring<LstmOptions>(o)),
  Bidirectional: (o) => bidirectional(made(recurrent, o), o.others(["layer"])),
  TimeDistributed: (o) => timeDistributed(made(inner, o)),
  RNN: () => rnn([gruCell(2), lstmCell(2)]),
  ConvLSTM1D: (o) => convLstm1d(o.get("filters"), o.get("kernel_size"), o.others(["filters", "kernel_size"])),
  ConvLSTM2D: (o) => convLstm2d(o.get("filters"), o.get("kernel_size"), o.others(["filters", "kernel_size"])),
};

export interface LayerPart {
  readonly table: LayerTable;
  readonly otherwise: Otherwise;
}

/** By the fixture's name. */
export const layerParts = {
  "layers-core": { table: core, otherwise: coreOtherwise },
  "layers-conv": { table: conv, otherwise: {} },
  "layers-pool": { table: pool, otherwise: {} },
  "layers-norm": { table: norm, otherwise: normOtherwise },
  "layers-attention": { table: attentions, otherwise: blind },
  "layers-recurrent": { table: recurrents, otherwise: {} },
} as const satisfies Readonly<Record<string, LayerPart>>;

export type LayerFile = keyof typeof layerParts;
