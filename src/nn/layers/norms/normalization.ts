/**
 * Features at mean 0 and variance 1 by statistics that are known before training.
 *
 *   normalizationOf(x, { sample: [4] })        those of the data: frozen states, in checkpoints and files of weights
 *   normalization({ mean: 3, variance: 4 })    given ones: constants
 *   normalization()                            states at mean 0 and variance 1, for weights that are loaded
 */
import { UserError } from "../../../core/errors.ts";
import {
  checkOptions,
  count,
  either,
  flag,
  list,
  number,
  type OptionTable,
  show,
  text,
} from "../../../core/options.ts";
import { atLine, here } from "../../../core/origin.ts";
import type { NumberArray } from "../../../data/pipeline/layout.ts";
import { Rows } from "../../../data/pipeline/types.ts";
import { values as listed } from "../../../dsl/initializers.ts";
import { add, div, maximum, mul, sqrt, sub } from "../../../dsl/ops.ts";
import { freeze, type StateSpec, slot } from "../../../dsl/spec.ts";
import { type Shape, sizeOf } from "../../../graph/shape.ts";
import { type OptionsOf, option } from "../../schema.ts";
import { type Axes, axesIn, axesKind, sizesAlong } from "../axes.ts";
import { constantOf } from "../constants.ts";
import type { Layer } from "../layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import { alongAxes, type Values } from "./scaled.ts";

const numbers = either(number(), list(number()));

const options = {
  /** The axes that have statistics of their own, with the batch as axis 0: -1, the last, by default; [] is one mean for all. */
  axis: option(axesKind, -1),
  /** The mean: a number, or one for each place along the axes, row-major. With a variance. */
  mean: option(numbers),
  /** The variance, not the deviation. With a mean. */
  variance: option(either(number({ from: 0 }), list(number({ from: 0 })))),
  /** The way back: x * deviation + mean. False by default. */
  invert: option(flag, false),
  /** Whether mean and variance are frozen states that start with what is given, as `normalizationOf` makes them. False by default. */
  asState: option(flag, false),
};

/** Options of `normalization`. */
export interface NormalizationOptions extends LayerOptions, OptionsOf<typeof options> {}

export const normalizationSchema = layerSchema({
  name: "normalization",
  given: {},
  options,
  make: (_, options) => normalization(options),
});

type Statistic = StateSpec<Shape, "f32">;
type Params = { readonly mean?: Statistic; readonly variance?: Statistic };

/** The least deviation that is divided by: a feature that never varies is no infinity. */
const least = 1e-7;

/** (x - mean) / max(sqrt(variance), 1e-7). Statistics are given, loaded, or found by `normalizationOf`. */
export function normalization(options: NormalizationOptions = {}): Layer<"same"> {
  const call = "normalization";
  const origin = here(call);
  const values = checkLayer(normalizationSchema, {}, options, arguments);
  const { mean, variance, invert } = values;
  if ((mean === undefined) !== (variance === undefined)) {
    throw new UserError(`${call}: give both mean and variance, or neither${atLine(origin)}`);
  }
  const hasStates = values.asState || mean === undefined;
  const startsAt = (given: Axes | undefined, otherwise: number, shape: readonly number[], what: string) => {
    const found = typeof given === "object" ? given : Array<number>(sizeOf(shape)).fill(given ?? otherwise);
    if (found.length === sizeOf(shape)) return found;
    const wanted = `${sizeOf(shape)}, one for each place along its axes`;
    throw new UserError(`${call}: ${what} has ${found.length} numbers, not ${wanted}${atLine(origin)}`);
  };
  const shapeOf = (sample: readonly number[]) =>
    sizesAlong(sample, axesIn(call, values.axis, sample.length + 1, origin));
  return built(normalizationSchema, values, {
    rule: "same",
    masking: "pass",
    params(sample): Params {
      const shape = shapeOf(sample);
      const start = { mean: startsAt(mean, 0, shape, "mean"), variance: startsAt(variance, 1, shape, "variance") };
      if (!hasStates) return {};
      const state = (found: readonly number[]) => freeze(slot(listed(found, ...shape)));
      return { mean: state(start.mean), variance: state(start.variance) };
    },
    apply(params, x) {
      const axes = axesIn(call, values.axis, x.shape.length, origin);
      const shape = axes.map((axis) => Number(x.shape[axis] ?? 1));
      const along = (state: Values | undefined, given: Axes | undefined, otherwise: number, what: string): Values => {
        if (state === undefined && typeof given === "number") return constantOf([given], []);
        return alongAxes(state ?? constantOf(startsAt(given, otherwise, shape, what), shape), x, axes);
      };
      const middle = along(params.mean, mean, 0, "mean");
      const deviation = maximum(sqrt(along(params.variance, variance, 1, "variance")), least);
      return invert ? add(mul(x, deviation), middle) : div(sub(x, middle), deviation);
    },
  });
}

/** Options of `normalizationOf`. */
export interface AdaptOptions extends Pick<NormalizationOptions, "axis" | "invert" | "name"> {
  /** The shape of a sample, without the batch. Of a list of rows it is the length of a row. */
  readonly sample?: readonly number[];
}

const adaptTable: OptionTable<AdaptOptions> = { axis: axesKind, invert: flag, name: text, sample: list(count) };

/**
 * A `normalization` with the mean and variance of this data: numbers of all samples, one after the other, `rows(array, width)` of them,
 * or a list of rows. What `adapt` of Keras's layer does.
 */
export function normalizationOf(
  data: ArrayLike<number> | Rows<NumberArray> | readonly (readonly number[])[],
  options: AdaptOptions = {},
): Layer<"same"> {
  const call = "normalizationOf";
  const origin = here(call);
  const { sample: given, ...others } = checkOptions(call, options, adaptTable, { before: "x, " });
  const fail = (why: string): UserError => new UserError(`${call}: ${why}${atLine(origin)}`);
  const rows: readonly (readonly number[])[] | null = isRows(data) ? data : null;
  const width = data instanceof Rows ? data.width : rows?.[0]?.length;
  const all = data instanceof Rows ? data.array : rows === null ? (data as ArrayLike<number>) : rows.flat();
  const sample = given ?? (width === undefined ? undefined : [width]);
  if (sample === undefined) throw fail("say the shape of a sample: normalizationOf(x, { sample: [4] })");
  const size = sizeOf(sample);
  if (all.length === 0 || all.length % size !== 0) {
    throw fail(`${all.length} numbers are no whole number of samples of ${size}`);
  }
  for (let i = 0; i < all.length; i++) {
    if (!Number.isFinite(all[i])) throw fail(`sample ${Math.floor(i / size)} holds ${show(all[i])}`);
  }
  const axes = axesIn(call, others.axis ?? -1, sample.length + 1, origin);
  return normalization({ ...others, ...statisticsOf(all, sample, axes), asState: true });
}

function isRows(data: unknown): data is readonly (readonly number[])[] {
  return Array.isArray(data) && data.every((row) => Array.isArray(row));
}

/** In double precision, and in two passes. */
function statisticsOf(all: ArrayLike<number>, sample: readonly number[], axes: readonly number[]) {
  const size = sizeOf(sample);
  const groups = Array.from({ length: size }, (_, place) => groupOf(place, sample, axes));
  const count = sizeOf(sizesAlong(sample, axes));
  const each = (all.length / count) | 0;
  const total = (of: (value: number, group: number) => number): number[] => {
    const sums = Array<number>(count).fill(0);
    for (let i = 0; i < all.length; i++) {
      const group = groups[i % size] ?? 0;
      sums[group] = (sums[group] ?? 0) + of(all[i] ?? 0, group);
    }
    return sums.map((sum) => sum / each);
  };
  const mean = total((value) => value);
  const variance = total((value, group) => (value - (mean[group] ?? 0)) ** 2);
  return { mean, variance };
}

/** Which of the statistics a place in a sample belongs to. */
function groupOf(place: number, sample: readonly number[], axes: readonly number[]): number {
  let rest = place;
  const at = sample.toReversed().map((size) => {
    const index = rest % size;
    rest = (rest - index) / size;
    return index;
  });
  at.reverse();
  return axes.reduce((group, axis) => group * (sample[axis - 1] ?? 1) + (at[axis - 1] ?? 0), 0);
}
