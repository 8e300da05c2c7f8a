/**
 * Attention with several heads (Vaswani et al. 2017), and with fewer heads of keys and values than of queries (Ainslie et al. 2023):
 *
 *   sequential([embedding(1000, 64), multiHeadAttention(4, 16), ...])     a sequence attends to itself
 *   attend(query, value, key, { mask })                                   in a model; the key is the value where it is left out
 *   const [output, scores] = attend.all(query, value)
 */
import { ShapeError, UserError } from "../../../core/errors.ts";
import { count, either, flag, list, number } from "../../../core/options.ts";
import { atLine, here, type Origin } from "../../../core/origin.ts";
import { add, dropout as dropElements, einsum, mul, reshape, sigmoid } from "../../../dsl/ops.ts";
import type { StateSpec } from "../../../dsl/spec.ts";
import { printShape, type Shape, sizeOf } from "../../../graph/shape.ts";
import { penalize } from "../../regularizers/activity.ts";
import { type OptionsOf, option, required, type ValuesOf } from "../../schema.ts";
import { floatsFrom, type Layer, type ParamTensors, type ParamTree, type SampleShape } from "../layer.ts";
import { subtree } from "../members.ts";
import type { LayerMode } from "../own.ts";
import { type AnyLayerSchema, built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import {
  activityOption,
  biasOptions,
  kernelAndBias,
  kernelOptions,
  trainableOption,
  type Weights,
} from "../weights.ts";
import { operandsOf, pairsOf, type Values, visibleSoftmax } from "./masked.ts";

const sharedOptions = {
  /** While training, the part of the scores that is left out. 0 by default. */
  dropout: option(number({ from: 0, below: 1 }), 0),
  /** Whether query i sees keys 0 to i alone. False by default. */
  causal: option(flag, false),
  /** Query i sees keys j with |i - j| below it. All by default. */
  slidingWindow: option(count),
  /** Whether what the heads saw is multiplied by the sigmoid of another projection of the query. False by default. */
  useGate: option(flag, false),
  ...kernelOptions,
  ...biasOptions,
  ...trainableOption,
  /** What large projections cost, of queries, keys, values and the output: `l2(1e-4)`, or a function. Over the samples of the batch. */
  ...activityOption,
};

const multiHeadOptions = {
  /** Features of a head's values. `keyDim` by default. */
  valueDim: option(count),
  /** Features that come out, or the shape of a step. Those of the query by default. */
  outputShape: option(either(count, list(count))),
  ...sharedOptions,
};

/** Options of `multiHeadAttention`. */
export interface MultiHeadAttentionOptions extends LayerOptions, OptionsOf<typeof multiHeadOptions> {}

/** Options of `groupQueryAttention`. */
export interface GroupQueryAttentionOptions extends LayerOptions, OptionsOf<typeof sharedOptions> {}

export const multiHeadAttentionSchema = layerSchema({
  name: "multiHeadAttention",
  given: { numHeads: required(count), keyDim: required(count) },
  options: multiHeadOptions,
  example: "4, 16",
  make: ({ numHeads, keyDim }, options) => multiHeadAttention(numHeads, keyDim, options),
});

export const groupQueryAttentionSchema = layerSchema({
  name: "groupQueryAttention",
  given: { headDim: required(count), numQueryHeads: required(count), numKeyValueHeads: required(count) },
  options: sharedOptions,
  example: "16, 8, 2",
  make: ({ headDim, numQueryHeads, numKeyValueHeads }, options) =>
    groupQueryAttention(headDim, numQueryHeads, numKeyValueHeads, options),
});

/**
 * Attention of `numHeads` heads with `keyDim` features each. Samples are [steps, features]. Its parameters are `query`, `key`, `value` and
 * `output`, each a kernel and a bias, kernels with heads and features apart: [features, heads, keyDim]. Gives the output, and for
 * `all` the scores [batch, heads, queries, keys].
 */
export function multiHeadAttention(
  numHeads: number,
  keyDim: number,
  options: MultiHeadAttentionOptions = {},
): Layer<"any", 1> {
  const values = checkLayer(multiHeadAttentionSchema, { numHeads, keyDim }, options, arguments);
  const { valueDim = keyDim, outputShape } = values;
  const heads = { query: numHeads, key: numHeads, keyDim, valueDim };
  return attentionLayer(multiHeadAttentionSchema, values, heads, outputShape, here("multiHeadAttention"));
}

/**
 * Attention of `numQueryHeads` heads of queries that share `numKeyValueHeads` of keys and values: head i looks at number
 * floor(i * numKeyValueHeads / numQueryHeads). Otherwise as `multiHeadAttention(numQueryHeads, headDim)`.
 */
export function groupQueryAttention(
  headDim: number,
  numQueryHeads: number,
  numKeyValueHeads: number,
  options: GroupQueryAttentionOptions = {},
): Layer<"any", 1> {
  const given = { headDim, numQueryHeads, numKeyValueHeads };
  const values = checkLayer(groupQueryAttentionSchema, given, options, arguments);
  const origin = here("groupQueryAttention");
  if (numQueryHeads % numKeyValueHeads !== 0) {
    const text = `${numQueryHeads} heads of queries cannot share ${numKeyValueHeads} of keys evenly`;
    throw new UserError(`groupQueryAttention: ${text}${atLine(origin)}`);
  }
  const heads = { query: numQueryHeads, key: numKeyValueHeads, keyDim: headDim, valueDim: headDim };
  return attentionLayer(groupQueryAttentionSchema, values, heads, undefined, origin);
}

interface Heads {
  readonly query: number;
  readonly key: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

type Options = ValuesOf<typeof sharedOptions> & { readonly name: string | undefined };
type Part = "query" | "key" | "gate" | "value" | "output";

function attentionLayer(
  schema: Omit<AnyLayerSchema, "from">,
  values: Options,
  heads: Heads,
  outputShape: number | readonly number[] | undefined,
  origin: Origin,
): Layer<"any", 1> {
  const { name } = schema;
  const weights = kernelAndBias(name, values, origin);
  const after = typeof outputShape === "number" ? [outputShape] : outputShape;
  const shapeOf = ([sample = []]: readonly SampleShape[]): SampleShape => {
    const [steps = 1, features = 1] = checkSample(name, sample, origin);
    return [steps, ...(after ?? [features])];
  };
  const paramsOf = ([query = [], value = query, key = value]: readonly SampleShape[]): ParamTree => {
    const parts = partsOf(
      heads,
      [query, key, value].map((sample) => checkSample(name, sample, origin)[1] ?? 1),
      shapeOf([query]).slice(1),
    );
    const wanted = Object.entries(parts).filter(([part]) => part !== "gate" || values.useGate);
    return Object.fromEntries(wanted.map(([part, shapes]) => [part, stateOf(weights, shapes, values.useBias)]));
  };
  const run = (params: ParamTensors, xs: readonly Values[], mode: LayerMode): readonly [Values, Values] =>
    attend(name, values, heads, params, xs, mode, origin);
  const rules = [...(values.useGate ? (["gate"] as const) : []), "query", "key", "value", "output"];
  const spread = <T>(found: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map(rules.flatMap((part) => [...found].map(([leaf, it]) => [`${part}.${leaf}`, it] as const)));
  return built(schema, values, {
    rule: "any",
    more: 1,
    masking: "own",
    penalizes: true,
    regularizers: spread(weights.rules.regularizers),
    constraints: spread(weights.rules.constraints),
    outputShape: (sample) => shapeOf([sample]),
    params: (sample) => paramsOf([sample]),
    several: { outputShape: shapeOf, params: paramsOf, apply: run },
    apply: (params: ParamTensors, x, mode) => run(params, [x], mode)[0],
  });
}

/** A kernel, its bias, and how many features it has before and behind. */
interface Projection {
  readonly kernel: readonly number[];
  readonly bias: readonly number[];
  readonly fanIn: number;
  readonly fanOut: number;
}

/** What is projected, in Keras's order. */
function partsOf(
  { query, key, keyDim, valueDim }: Heads,
  [queryWidth = 1, keyWidth = 1, valueWidth = 1]: readonly number[],
  after: readonly number[],
): Readonly<Record<Part, Projection>> {
  const into = (width: number, heads: number, size: number): Projection => ({
    kernel: [width, heads, size],
    bias: [heads, size],
    fanIn: width,
    fanOut: heads * size,
  });
  return {
    query: into(queryWidth, query, keyDim),
    key: into(keyWidth, key, keyDim),
    gate: into(queryWidth, query, valueDim),
    value: into(valueWidth, key, valueDim),
    output: { kernel: [query, valueDim, ...after], bias: after, fanIn: query * valueDim, fanOut: sizeOf(after) },
  };
}

function stateOf(
  weights: Weights<"kernel" | "bias">,
  { kernel, bias, fanIn, fanOut }: Projection,
  useBias: boolean,
): Readonly<Record<string, StateSpec<Shape, "f32">>> {
  // The shape does not say which axes are inputs: Keras tells the initializer, and a head starts as part of a dense layer would.
  const state = weights.state("kernel", kernel, { fanIn, fanOut });
  return useBias ? { kernel: state, bias: weights.state("bias", bias) } : { kernel: state };
}

function checkSample(call: string, sample: SampleShape, origin: Origin): SampleShape {
  if (sample.length === 2) return sample;
  throw new ShapeError(`${call}: a sample must be [steps, features], not ${printShape(sample)}${atLine(origin)}`);
}

/** The output, and the scores before dropout. */
function attend(
  call: string,
  { dropout, causal, slidingWindow, useGate, activityRegularizer }: Options,
  heads: Heads,
  params: ParamTensors,
  xs: readonly Values[],
  mode: LayerMode,
  origin: Origin,
): readonly [Values, Values] {
  const operands = operandsOf(call, xs, origin);
  const { query, value, key } = operands;
  const [batch = 1, t = 1] = query.shape;
  const s = value.shape[1] ?? 1;
  const headsOf = (x: Values, part: Part): Values => {
    const { kernel, bias } = projection(call, params, part);
    const made = einsum("btc,chd->bhtd", x, kernel);
    const whole = bias === undefined ? made : add(made, reshape(bias, [bias.shape[0] ?? 1, 1, bias.shape[1] ?? 1]));
    penalize(activityRegularizer, [whole], mode.addLoss);
    return whole;
  };
  // Heads of queries that share keys stand one under the other, as if they were more queries.
  const grouped = (x: Values): Values =>
    heads.query === heads.key ? x : reshape(x, [batch, heads.key, -1, x.shape[3] ?? 1]);
  const apart = (x: Values): Values =>
    heads.query === heads.key ? x : reshape(x, [batch, heads.query, t, x.shape[3] ?? 1]);
  const [q, k, v] = [headsOf(query, "query"), headsOf(key, "key"), headsOf(value, "value")];
  const match = apart(einsum("bhtd,bhsd->bhts", grouped(mul(q, heads.keyDim ** -0.5)), k));
  const sight = { causal, slidingWindow, hidesQueries: true };
  const pairs = pairsOf(call, operands, [batch, heads.query, t, s], mode, sight, origin);
  const scores = visibleSoftmax(match, pairs);
  const kept = mode.training && dropout > 0 ? dropElements(scores, dropout) : scores;
  const seen = apart(einsum("bhts,bhsd->bhtd", grouped(kept), v));
  const open = useGate ? mul(seen, sigmoid(headsOf(query, "gate"))) : seen;
  const output = joined(call, params, open);
  penalize(activityRegularizer, [output], mode.addLoss);
  const mask = mode.masks?.of(query);
  if (mask !== undefined) mode.masks?.give(output, mask);
  return [output, scores];
}

/** All heads together: [batch, heads, t, d] -> [batch, t, ...]. */
function joined(call: string, params: ParamTensors, seen: Values): Values {
  const { kernel, bias } = projection(call, params, "output");
  const [heads = 1, size = 1, ...after] = kernel.shape;
  const flat = after.length === 1 ? kernel : reshape(kernel, [heads, size, -1]);
  const made = einsum("bhtd,hdc->btc", seen, flat);
  const shaped = after.length === 1 ? made : reshape(made, [...made.shape.slice(0, 2), ...after]);
  return bias === undefined ? shaped : add(shaped, bias);
}

function projection(
  call: string,
  params: ParamTensors,
  part: Part,
): { readonly kernel: Values; readonly bias?: Values } {
  const { kernel, bias } = subtree(params, part);
  return {
    kernel: floatsFrom(`${call}: ${part}.kernel`, kernel),
    ...(bias === undefined ? {} : { bias: floatsFrom(`${call}: ${part}.bias`, bias) }),
  };
}
