/**
 * Batch normalization (Ioffe and Szegedy 2015), and batch renormalization (Ioffe 2017): each channel is brought to mean 0 and variance 1
 * over the batch while it trains, and by the running statistics otherwise.
 *
 *   training                     statistics of the batch, which move the running ones: moving * momentum + batch * (1 - momentum)
 *   evaluation, trainable false  the running ones, which stay
 *   a mask                       statistics of the steps that count; the others are transformed all the same, as in Keras
 *
 * The variance is the biased one, in the running statistics too.
 */
import { flag, number, object, whole } from "../../../core/options.ts";
import { here, type Origin } from "../../../core/origin.ts";
import { add, broadcastTo, cast, div, greater, maximum, mean, minimum, mul, reshape, rsqrt, sqrt, square, stopGradient, sub, sum, variance, where } from "../../../dsl/ops.ts"; // biome-ignore format: names
import { freeze, type StateSpec, slot } from "../../../dsl/spec.ts";
import type { Mask } from "../../../dsl/tensor.ts";
import type { Shape } from "../../../graph/shape.ts";
import { compactConfig } from "../../config.ts";
import { type InitializerOption, initializerKind, startOf } from "../../initializers.ts";
import { type OptionsOf, option, type Stored } from "../../schema.ts";
import { axesBut, axesIn } from "../axes.ts";
import type { Layer } from "../layer.ts";
import type { LayerMode } from "../own.ts";
import { type ScaleParams, type ScaleValues, scaleOptions, scaleParams, scaleWeights } from "../scale-options.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import { alongAxes, type Values, withScale } from "./scaled.ts";

/** Bounds of what renormalization corrects by. */
export interface RenormClipping {
  /** The least ratio of deviations. No bound by default. */
  readonly rmin?: number;
  /** The largest ratio of deviations. */
  readonly rmax?: number;
  /** The largest distance of means, in deviations. */
  readonly dmax?: number;
}

const bound = number({ from: 0 });
const clippingKind: Stored<RenormClipping> = {
  wanted: "an object of numbers: { rmin: 0.5, rmax: 2, dmax: 1 }, say",
  accepts: (value): value is RenormClipping =>
    object<Record<string, unknown>>().accepts(value) &&
    Object.entries(value).every(([name, it]) => ["rmin", "rmax", "dmax"].includes(name) && bound.accepts(it)),
  write: ({ rmin, rmax, dmax }) => compactConfig({ rmin, rmax, dmax }),
  read(config) {
    const parts = Object.entries(config.fields("rmin", "rmax", "dmax"));
    return Object.fromEntries(parts.flatMap(([name, part]) => (part === undefined ? [] : [[name, part.value(bound)]])));
  },
};

const options = {
  /** The axis of the channels, with the batch as axis 0: -1, the last, by default. */
  axis: option(whole(), -1),
  /** How much of the running statistics stays at each step. 0.99 by default. */
  momentum: option(number({ from: 0, to: 1 }), 0.99),
  /** Added to the variance. 0.001 by default. */
  epsilon: option(number({ from: 0 }), 1e-3),
  ...scaleOptions,
  /** What the running mean starts with: "zeros" by default. */
  movingMeanInitializer: option(initializerKind, "zeros"),
  /** What the running variance starts with: "ones" by default. */
  movingVarianceInitializer: option(initializerKind, "ones"),
  /** Corrects training by slower statistics of its own, so that it computes what evaluation does. False by default. */
  renorm: option(flag, false),
  /** Bounds of the correction. None by default. */
  renormClipping: option(clippingKind),
  /** How much of those statistics stays. 0.99 by default. */
  renormMomentum: option(number({ from: 0, to: 1 }), 0.99),
};

/** Options of `batchNormalization`. */
export interface BatchNormalizationOptions extends LayerOptions, OptionsOf<typeof options> {}

export const batchNormalizationSchema = layerSchema({
  name: "batchNormalization",
  given: {},
  options,
  make: (_, options) => batchNormalization(options),
});

type Statistic = StateSpec<Shape, "f32">;

type Params = ScaleParams & {
  readonly movingMean: Statistic;
  readonly movingVariance: Statistic;
  readonly movingStddev?: Statistic;
  readonly renormMean?: Statistic;
  readonly renormStddev?: Statistic;
};

/** Each channel at mean 0 and variance 1 over the batch, times gamma, plus beta. The running statistics are slots. */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer<"same"> {
  const origin = here("batchNormalization");
  const values = checkLayer(batchNormalizationSchema, {}, options, arguments);
  const { axis, momentum, epsilon, trainable, renormMomentum, renormClipping = {} } = values;
  const axesOf = (rank: number): readonly number[] => axesIn("batchNormalization", axis, rank, origin);
  const weights = scaleWeights("batchNormalization", values, origin);
  return built(batchNormalizationSchema, values, {
    rule: "same",
    masking: "pass",
    ...weights.rules,
    params(sample): Params {
      const [channel = 1] = axesOf(sample.length + 1);
      const width = sample[channel - 1] ?? 1;
      return { ...scaleParams(weights, values, [width]), ...runningStates(values, width, origin) };
    },
    apply(params, x, mode) {
      const { gamma, beta, movingMean, movingVariance, movingStddev, renormMean, renormStddev } = params;
      const { training, update } = mode;
      const axes = axesOf(x.shape.length);
      const along = (one: Values): Values => alongAxes(one, x, axes);
      const scale = { ...(gamma === undefined ? {} : { gamma }), ...(beta === undefined ? {} : { beta }) };
      if (!training || !trainable || mode.frozen) {
        const centred = mul(sub(x, along(movingMean)), rsqrt(add(along(movingVariance), epsilon)));
        return withScale(centred, scale, axes);
      }
      const now = statisticsOf(x, axes, mode);
      const moved = (old: Values, value: Values, share: number): Values => {
        const next = add(mul(old, share), mul(value, 1 - share));
        return now.some === undefined ? next : where(now.some, next, old);
      };
      update(movingMean, moved(movingMean, now.mean, momentum));
      const centred = sub(x, along(now.mean));
      if (movingStddev === undefined || renormMean === undefined || renormStddev === undefined) {
        update(movingVariance, moved(movingVariance, now.variance, momentum));
        return withScale(mul(centred, rsqrt(add(along(now.variance), epsilon))), scale, axes);
      }
      const deviation = sqrt(add(now.variance, epsilon));
      const next = moved(movingStddev, deviation, momentum);
      update(movingStddev, next);
      update(movingVariance, maximum(sub(square(next), epsilon), 0));
      update(renormMean, moved(renormMean, now.mean, renormMomentum));
      update(renormStddev, moved(renormStddev, deviation, renormMomentum));
      const { rmin = 0, rmax = Infinity, dmax = Infinity } = renormClipping;
      const r = within(div(deviation, renormStddev), rmin, rmax);
      const d = within(div(sub(now.mean, renormMean), renormStddev), -dmax, dmax);
      const corrected = add(mul(div(centred, along(deviation)), along(r)), along(d));
      return withScale(corrected, scale, axes);
    },
  });
}

/** A correction, which carries no gradient, within its bounds as far as there are any. */
function within(x: Values, low: number, high: number): Values {
  const value = stopGradient(x);
  const above = Number.isFinite(low) ? maximum(value, low) : value;
  return Number.isFinite(high) ? minimum(above, high) : above;
}

interface Settings extends ScaleValues {
  readonly renorm: boolean;
  readonly movingMeanInitializer: InitializerOption;
  readonly movingVarianceInitializer: InitializerOption;
}

/** The running statistics of `width` channels. */
function runningStates(values: Settings, width: number, origin: Origin): Omit<Params, keyof ScaleParams> {
  const call = "batchNormalization";
  const { trainable, renorm, movingMeanInitializer, movingVarianceInitializer } = values;
  const statistic = (weight: string, given: InitializerOption): Statistic => {
    const made = slot(startOf(given, [width], { call, weight, origin }));
    return trainable ? made : freeze(made);
  };
  return {
    movingMean: statistic("movingMean", movingMeanInitializer),
    movingVariance: statistic("movingVariance", movingVarianceInitializer),
    ...(renorm
      ? {
          movingStddev: statistic("movingStddev", "ones"),
          renormMean: statistic("renormMean", "zeros"),
          renormStddev: statistic("renormStddev", "ones"),
        }
      : {}),
  };
}

interface Statistics {
  readonly mean: Values;
  readonly variance: Values;
  /** Whether a step counts at all, where there is a mask: the running statistics stay where none does. */
  readonly some?: Mask;
}

function statisticsOf(x: Values, axes: readonly number[], { mask: given, masks }: LayerMode): Statistics {
  const axis = axesBut(x.shape.length, axes);
  const mask = given ?? masks?.of(x);
  if (mask === undefined) return { mean: mean(x, { axis }), variance: variance(x, { axis }) };
  const steps = reshape(mask, [...mask.shape, ...x.shape.slice(mask.shape.length).map(() => 1)]);
  const counts = broadcastTo(steps, x.shape);
  const count = sum(cast(counts, "f32"), { axis });
  const total = maximum(count, 1);
  const middle = div(sum(where(counts, x, 0), { axis }), total);
  const apart = square(sub(x, alongAxes(middle, x, axes)));
  return { mean: middle, variance: div(sum(where(counts, apart, 0), { axis }), total), some: greater(count, 0) };
}
