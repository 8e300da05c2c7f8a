/** Attention without projections: by products (Luong et al. 2015), and by a sum (Bahdanau et al. 2015). */
import { ShapeError } from "../../../core/errors.ts";
import { flag, number, oneOf } from "../../../core/options.ts";
import { atLine, here, type Origin } from "../../../core/origin.ts";
import { glorotUniform, ones } from "../../../dsl/initializers.ts";
import { add, dropout as dropElements, einsum, mul, reshape, sum, tanh, where } from "../../../dsl/ops.ts";
import { param } from "../../../dsl/spec.ts";
import { printShape } from "../../../graph/shape.ts";
import { penalize } from "../../regularizers/activity.ts";
import { type OptionsOf, option, type ValuesOf } from "../../schema.ts";
import { floatsFrom, type Layer, type ParamTensors, type ParamTree, type SampleShape } from "../layer.ts";
import type { LayerMode } from "../own.ts";
import { type AnyLayerSchema, built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import { activityOption } from "../weights.ts";
import { type Operands, operandsOf, pairsOf, type Values, visibleSoftmax } from "./masked.ts";

const sharedOptions = {
  /** While training, the part of the scores that is left out. 0 by default. */
  dropout: option(number({ from: 0, below: 1 }), 0),
  /** Whether query i sees keys 0 to i alone. False by default. */
  causal: option(flag, false),
  ...activityOption,
};

const dotOptions = {
  /** Whether scores are multiplied by a weight. False by default. */
  useScale: option(flag, false),
  /** "dot", the default: the product of query and key. "concat": the sum of tanh(query + key), times a weight. */
  scoreMode: option(oneOf("dot", "concat"), "dot"),
  ...sharedOptions,
};

const additiveOptions = {
  /** Whether the features are weighed before they are summed. True by default. */
  useScale: option(flag, true),
  ...sharedOptions,
};

/** Options of `attention`. */
export interface AttentionOptions extends LayerOptions, OptionsOf<typeof dotOptions> {}

/** Options of `additiveAttention`. */
export interface AdditiveAttentionOptions extends LayerOptions, OptionsOf<typeof additiveOptions> {}

export const attentionSchema = layerSchema({
  name: "attention",
  given: {},
  options: dotOptions,
  make: (_, options) => attention(options),
});

export const additiveAttentionSchema = layerSchema({
  name: "additiveAttention",
  given: {},
  options: additiveOptions,
  make: (_, options) => additiveAttention(options),
});

/**
 * softmax(query · keyᵀ) · value, of samples [steps, features]: `attend(query, value, key)`. No square root divides the scores, as in Keras. Gives
 * the output, and for `all` the scores [batch, queries, keys].
 */
export function attention(options: AttentionOptions = {}): Layer<"any", 1> {
  const values = checkLayer(attentionSchema, {}, options, arguments);
  const { useScale, scoreMode } = values;
  const params = (): ParamTree => ({
    ...(useScale ? { scale: param(ones()) } : {}),
    ...(scoreMode === "concat" ? { concatScoreWeight: param(ones()) } : {}),
  });
  const score: Score = ({ scale, concatScoreWeight }, { query, key }) => {
    const scaled = (x: Values): Values => (useScale ? mul(x, floatsFrom("attention: the scale", scale)) : x);
    if (scoreMode === "dot") return scaled(einsum("btd,bsd->bts", query, key));
    const all = sum(tanh(scaled(pairSums(query, key))), { axis: -1 });
    return mul(all, floatsFrom("attention: the weight of scores", concatScoreWeight));
  };
  return scored(attentionSchema, values, params, score, here("attention"));
}

/** softmax of the sum of scale * tanh(query + key) over the features, times value: `attend(query, value, key)`. */
export function additiveAttention(options: AdditiveAttentionOptions = {}): Layer<"any", 1> {
  const values = checkLayer(additiveAttentionSchema, {}, options, arguments);
  const { useScale } = values;
  const params = (features: number): ParamTree => (useScale ? { scale: param(glorotUniform(features)) } : {});
  const score: Score = ({ scale }, { query, key }) => {
    const all = tanh(pairSums(query, key));
    return sum(useScale ? mul(all, floatsFrom("additiveAttention: the scale", scale)) : all, { axis: -1 });
  };
  return scored(additiveAttentionSchema, values, params, score, here("additiveAttention"));
}

/** query + key of all pairs: [batch, t, s, features]. */
function pairSums(query: Values, key: Values): Values {
  const [batch = 1, t = 1, features = 1] = query.shape;
  return add(reshape(query, [batch, t, 1, features]), reshape(key, [batch, 1, key.shape[1] ?? 1, features]));
}

/** How well each key matches each query. */
type Score = (params: ParamTensors, operands: Operands) => Values;

function scored(
  schema: Omit<AnyLayerSchema, "from">,
  values: ValuesOf<typeof sharedOptions> & { readonly name: string | undefined },
  params: (features: number) => ParamTree,
  score: Score,
  origin: Origin,
): Layer<"any", 1> {
  const { name } = schema;
  const { dropout, causal, activityRegularizer } = values;
  const check = (samples: readonly SampleShape[]): readonly SampleShape[] => {
    const [query = [], value = query, key = value] = samples;
    if (query.length === 2 && value.length === 2 && query[1] === key[1]) return [query, value];
    const found = samples.map(printShape).join(", ");
    throw new ShapeError(
      `${name}: samples must be [steps, features], with as many features in keys as in queries, not ${found}${atLine(origin)}`,
    );
  };
  const shapeOf = (samples: readonly SampleShape[]): SampleShape => {
    const [query = [], value = []] = check(samples);
    return [query[0] ?? 1, value[1] ?? 1];
  };
  const paramsOf = (samples: readonly SampleShape[]): ParamTree => params(check(samples)[0]?.[1] ?? 1);
  const run = (given: ParamTensors, xs: readonly Values[], mode: LayerMode): readonly [Values, Values] => {
    const operands = operandsOf(name, xs, origin);
    const { query, value } = operands;
    const match = score(given, operands);
    const { masks } = mode;
    const counts = masks?.of(query);
    const pairs = pairsOf(name, operands, match.shape, mode, { causal, hidesQueries: false }, origin);
    const scores = visibleSoftmax(match, pairs);
    const kept = mode.training && dropout > 0 ? dropElements(scores, dropout) : scores;
    const seen = einsum("bts,bsd->btd", kept, value);
    const output = counts === undefined ? seen : where(reshape(counts, [...counts.shape, 1]), seen, 0);
    if (counts !== undefined) masks?.give(output, counts);
    penalize(activityRegularizer, [output], mode.addLoss);
    return [output, scores];
  };
  return built(schema, values, {
    rule: "any",
    more: 1,
    masking: "own",
    penalizes: true,
    outputShape: (sample) => shapeOf([sample]),
    params: (sample) => paramsOf([sample]),
    several: { outputShape: shapeOf, params: paramsOf, apply: run },
    apply: (given: ParamTensors, x, mode) => run(given, [x], mode)[0],
  });
}
