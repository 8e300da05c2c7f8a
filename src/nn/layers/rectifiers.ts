/** Activations with options as layers: those of the relu family, and softmax along axes of one's own. */
import { number } from "../../core/options.ts";
import { here } from "../../core/origin.ts";
import { div, exp, leakyRelu as leakyReluOf, less, max, mul, reshape, stopGradient, sub, sum, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import { constraintKind } from "../constraints/limits.ts";
import { initializerKind } from "../initializers.ts";
import { bentRelu, elu as eluOf } from "../keras-activations.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import { type OptionsOf, option } from "../schema.ts";
import { axesIn, axesKind } from "./axes.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";
import { Weights } from "./weights.ts";

type Values = Tensor<Shape, "f32">;

const slope = number({ from: 0 });

const reluOptions = {
  /** The most that comes out. No bound by default. */
  maxValue: option(number({ from: 0 })),
  /** Times what lies below the threshold. 0 by default. */
  negativeSlope: option(slope, 0),
  /** Where x begins to count. 0 by default. */
  threshold: option(number({ from: 0 }), 0),
};

/** Options of `layers.relu`. */
export interface ReluOptions extends LayerOptions, OptionsOf<typeof reluOptions> {}

export const reluSchema = layerSchema({
  name: "relu",
  given: {},
  options: reluOptions,
  make: (_, options) => relu(options),
});

/** x above the threshold, at most maxValue; negativeSlope * (x - threshold) below. */
export function relu(options: ReluOptions = {}): Layer<"same"> {
  const values = checkLayer(reluSchema, {}, options, arguments);
  const { maxValue, negativeSlope, threshold } = values;
  return built(reluSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x) => bentRelu(x, { maxValue, negativeSlope, threshold }),
  });
}

const leakyReluOptions = {
  /** Times what lies below 0. 0.3 by default, as in Keras's layer; the function and the activation by name have 0.2. */
  negativeSlope: option(slope, 0.3),
};

/** Options of `layers.leakyRelu`. */
export interface LeakyReluOptions extends LayerOptions, OptionsOf<typeof leakyReluOptions> {}

export const leakyReluSchema = layerSchema({
  name: "leakyRelu",
  given: {},
  options: leakyReluOptions,
  make: (_, options) => leakyRelu(options),
});

/** x above 0, negativeSlope * x below. */
export function leakyRelu(options: LeakyReluOptions = {}): Layer<"same"> {
  const values = checkLayer(leakyReluSchema, {}, options, arguments);
  return built(leakyReluSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x) => leakyReluOf(x, values.negativeSlope),
  });
}

const eluOptions = {
  /** What it tends to on the left, negated. 1 by default. */
  alpha: option(number(), 1),
};

/** Options of `layers.elu`. */
export interface EluOptions extends LayerOptions, OptionsOf<typeof eluOptions> {}

export const eluSchema = layerSchema({
  name: "elu",
  given: {},
  options: eluOptions,
  make: (_, options) => elu(options),
});

/** x above 0, alpha * (exp(x) - 1) below. */
export function elu(options: EluOptions = {}): Layer<"same"> {
  const values = checkLayer(eluSchema, {}, options, arguments);
  return built(eluSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x) => eluOf(x, values.alpha),
  });
}

const preluOptions = {
  /** What the slopes start with: "zeros" by default, a plain relu. */
  alphaInitializer: option(initializerKind, "zeros"),
  /** A penalty on the slopes that is added to the loss. */
  alphaRegularizer: option(regularizerKind),
  /** What the slopes become after each update. */
  alphaConstraint: option(constraintKind),
  /** Axes along which one slope holds for all, with the batch as axis 0: [1, 2] of images. None by default. */
  sharedAxes: option(axesKind),
};

/** Options of `prelu`. */
export interface PreluOptions extends LayerOptions, OptionsOf<typeof preluOptions> {}

export const preluSchema = layerSchema({
  name: "prelu",
  given: {},
  options: preluOptions,
  make: (_, options) => prelu(options),
});

/** x above 0, alpha * x below, alpha learnt for each place of a sample (He et al. 2015). */
export function prelu(options: PreluOptions = {}): Layer<"same"> {
  const origin = here("prelu");
  const values = checkLayer(preluSchema, {}, options, arguments);
  const { alphaInitializer: initializer, alphaRegularizer: regularizer, alphaConstraint: constraint, sharedAxes } = values; // biome-ignore format: names
  const weights = new Weights("prelu", { alpha: { initializer, regularizer, constraint } }, true, origin);
  return built(preluSchema, values, {
    rule: "same",
    masking: "pass",
    ...weights.rules,
    params(sample) {
      const shared = sharedAxes === undefined ? [] : axesIn("prelu", sharedAxes, sample.length + 1, origin);
      const shape = sample.map((size, i) => (shared.includes(i + 1) ? 1 : size));
      return { alpha: weights.state("alpha", shape) };
    },
    apply: ({ alpha }, x) => where(less(x, 0), mul(x, alpha), x),
  });
}

const softmaxOptions = {
  /** The axis, or axes, whose elements sum to 1, with the batch as axis 0: -1, the last, by default. */
  axis: option(axesKind, -1),
};

/** Options of `layers.softmax`. */
export interface SoftmaxOptions extends LayerOptions, OptionsOf<typeof softmaxOptions> {}

export const softmaxSchema = layerSchema({
  name: "softmax",
  given: {},
  options: softmaxOptions,
  make: (_, options) => softmax(options),
});

/** Probabilities along its axes. What a mask hides has none; where it hides all of them all are 0. */
export function softmax(options: SoftmaxOptions = {}): Layer<"same"> {
  const origin = here("softmax");
  const values = checkLayer(softmaxSchema, {}, options, arguments);
  return built(softmaxSchema, values, {
    rule: "same",
    masking: "pass",
    activation: values.axis === -1 ? "softmax" : "linear",
    apply(_, x, { mask: given, masks, logits }) {
      const axis = axesIn("softmax", values.axis, x.shape.length, origin);
      const mask = given ?? masks?.of(x);
      if (mask === undefined) return logits ? x : shares(x, axis);
      const shown = reshape(mask, [...mask.shape, ...x.shape.slice(mask.shape.length).map(() => 1)]);
      return logits ? where(shown, x, hidden) : shares(x, axis, shown);
    },
  });
}

/** A logit whose probability is 0 beside any other. */
const hidden = -1e30;

function shares(x: Values, axis: readonly number[], shown?: Mask): Values {
  const kept = { axis, keepDims: true } as const;
  const seen = shown === undefined ? x : where(shown, x, hidden);
  const weights = exp(sub(seen, stopGradient(max(seen, kept))));
  if (shown === undefined) return div(weights, sum(weights, kept));
  const left = where(shown, weights, 0);
  const total = sum(left, kept);
  return div(left, where(less(total, 1e-30), 1, total));
}
