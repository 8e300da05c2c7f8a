/**
 * Layers of several tensors that are numbers of one place each: sums, products and the like, and tensors side by side. Names that
 * are functions of tensors too are layers in the namespace alone: `layers.add()`.
 *
 *   model({ ..., layers: { sum: layers.add() }, call: (x, { a, b, sum }) => sum(a(x), b(x)) })
 *
 * Axes of one element repeat, and a sample with fewer axes has them in front. A step counts where it counts in all tensors.
 */
import { ShapeError, UserError } from "../../core/errors.ts";
import { whole } from "../../core/options.ts";
import { atLine, here, type Origin } from "../../core/origin.ts";
import { add as addOf, and, concat, div, maximum as maximumOf, minimum as minimumOf, mul, notEqual, reshape, sub } from "../../dsl/ops.ts"; // biome-ignore format: names
import { full } from "../../dsl/sources.ts";
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape } from "../../graph/shape.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { Layer, Mode, SampleShape } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

type Values = Tensor<Shape, "f32">;

/** Of two, one after the other. */
type Pairwise = (a: Values, b: Values) => Values;

const pairwiseSchema = (name: string, make: (options: LayerOptions) => Layer) =>
  layerSchema({ name, given: {}, options: {}, make: (_, options) => make(options) });

export const addSchema = pairwiseSchema("add", (options) => add(options));
export const subtractSchema = pairwiseSchema("subtract", (options) => subtract(options));
export const multiplySchema = pairwiseSchema("multiply", (options) => multiply(options));
export const averageSchema = pairwiseSchema("average", (options) => average(options));
export const maximumSchema = pairwiseSchema("maximum", (options) => maximum(options));
export const minimumSchema = pairwiseSchema("minimum", (options) => minimum(options));

/** The sum of its tensors. */
export function add(options: LayerOptions = {}): Layer {
  return merged(addSchema, options, arguments, here("add"), (xs) => reduced(xs, (a, b) => addOf(a, b)));
}

/** The first of two tensors without the second. */
export function subtract(options: LayerOptions = {}): Layer {
  const origin = here("subtract");
  const made = merged(subtractSchema, options, arguments, origin, (xs) => reduced(xs, (a, b) => sub(a, b)));
  return ofTwo("subtract", made, origin);
}

/** The product of its tensors, element by element. */
export function multiply(options: LayerOptions = {}): Layer {
  return merged(multiplySchema, options, arguments, here("multiply"), (xs) => reduced(xs, (a, b) => mul(a, b)));
}

/** The mean of its tensors, element by element. */
export function average(options: LayerOptions = {}): Layer {
  return merged(averageSchema, options, arguments, here("average"), (xs) =>
    div(
      reduced(xs, (a, b) => addOf(a, b)),
      xs.length,
    ),
  );
}

/** The largest of its tensors, element by element. Where they tie the gradient goes to the first. */
export function maximum(options: LayerOptions = {}): Layer {
  return merged(maximumSchema, options, arguments, here("maximum"), (xs) => reduced(xs, (a, b) => maximumOf(b, a)));
}

/** The smallest of its tensors, element by element. Where they tie the gradient goes to the first. */
export function minimum(options: LayerOptions = {}): Layer {
  return merged(minimumSchema, options, arguments, here("minimum"), (xs) => reduced(xs, (a, b) => minimumOf(b, a)));
}

function reduced(xs: readonly Values[], pair: Pairwise): Values {
  const [first, ...others] = lined(xs);
  if (first === undefined) throw new UserError(`a layer of several tensors was given none${atLine(here("apply"))}`);
  return others.reduce(pair, first);
}

/** All with as many axes as the one with most: the others have axes of one behind the batch. */
function lined(xs: readonly Values[]): readonly Values[] {
  const most = Math.max(...xs.map(({ rank }) => rank));
  return xs.map((x) => {
    const [batch = 1, ...sizes] = x.shape;
    const missing = Array.from({ length: most - x.rank }, () => 1);
    return missing.length === 0 ? x : reshape(x, [batch, ...missing, ...sizes]);
  });
}

function merged(
  schema: ReturnType<typeof pairwiseSchema>,
  options: LayerOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
  merge: (xs: readonly Values[]) => Values,
): Layer {
  const values = checkLayer(schema, {}, options, call);
  return built(schema, values, {
    rule: "any",
    masking: "own",
    apply: (_, x, { masks }) => {
      const y = merge([x]);
      masks?.copy(x, y);
      return y;
    },
    several: {
      outputShape: (samples) => broadcast(schema.name, samples, origin),
      apply(_, xs, mode) {
        const y = merge(xs);
        giveAll(xs, y, mode);
        return [y];
      },
    },
  });
}

function broadcast(call: string, samples: readonly SampleShape[], origin: Origin): SampleShape {
  const most = Math.max(...samples.map(({ length }) => length));
  return Array.from({ length: most }, (_, i) => {
    const sizes = samples.map((sample) => sample[sample.length - most + i] ?? 1);
    const largest = Math.max(...sizes);
    if (sizes.every((size) => size === largest || size === 1)) return largest;
    throw new ShapeError(
      `${call}: samples of ${samples.map(printShape).join(" and ")} do not fit each other${atLine(origin)}`,
    );
  });
}

/** The output's mask: what counts in all that have one. */
function giveAll(xs: readonly Values[], y: Values, { masks }: Mode): void {
  const [first, ...others] = xs.flatMap((x) => masks?.of(x) ?? []);
  if (first === undefined) return;
  masks?.give(
    y,
    others.reduce((all, mask): Mask => and(all, mask), first),
  );
}

/** A layer that needs exactly two. */
function ofTwo(call: string, made: Layer, origin: Origin): Layer {
  const { several } = made;
  if (several === undefined) return made;
  const refuse = (found: number): never => {
    throw new UserError(`${call} takes two tensors, not ${found}: call it in model({ call })${atLine(origin)}`);
  };
  return {
    ...made,
    outputShape: () => refuse(1),
    apply: () => refuse(1),
    several: {
      ...several,
      outputShape: (samples) => (samples.length === 2 ? several.outputShape(samples) : refuse(samples.length)),
      apply: (params, xs, mode) => (xs.length === 2 ? several.apply(params, xs, mode) : refuse(xs.length)),
    },
  };
}

// ---- side by side ------------------------------------------------------------------------------------------------------

const concatenateOptions = {
  /** Along which axis, where the batch is axis 0. -1 by default: the last. */
  axis: option(whole(), -1),
};

/** Options of `layers.concatenate`. */
export interface ConcatenateOptions extends LayerOptions, OptionsOf<typeof concatenateOptions> {}

export const concatenateSchema = layerSchema({
  name: "concatenate",
  given: {},
  options: concatenateOptions,
  make: (_, options) => concatenate(options),
});

/** Its tensors one behind the other along an axis, the last by default. */
export function concatenate(options: ConcatenateOptions = {}): Layer {
  const origin = here("concatenate");
  const values = checkLayer(concatenateSchema, {}, options, arguments);
  const place = (rank: number): number => {
    const at = values.axis < 0 ? values.axis + rank : values.axis;
    if (at >= 1 && at < rank) return at;
    throw new ShapeError(
      `concatenate: there is no axis ${values.axis} behind the batch, of ${rank} with it${atLine(origin)}`,
    );
  };
  return built(concatenateSchema, values, {
    rule: "any",
    masking: "pass",
    apply: (_, x) => x,
    several: {
      outputShape(samples) {
        const [first = []] = samples;
        const axis = place(first.length + 1) - 1;
        const differs = samples.some(
          (sample) => sample.length !== first.length || sample.some((size, i) => i !== axis && size !== first[i]),
        );
        if (!differs)
          return first.map((size, i) => (i === axis ? samples.reduce((sum, it) => sum + (it[i] ?? 0), 0) : size));
        throw new ShapeError(
          `concatenate: samples of ${samples.map(printShape).join(" and ")} differ beside axis ${axis + 1}${atLine(origin)}`,
        );
      },
      apply(_, xs, mode) {
        const axis = place(xs[0]?.rank ?? 0);
        const y = concat(xs, axis);
        if (axis === 1) joinMasks(xs, y, mode);
        else giveAll(xs, y, mode);
        return [y];
      },
    },
  });
}

/** Of sequences one behind the other: where there is no mask all steps count. */
function joinMasks(xs: readonly Values[], y: Values, { masks }: Mode): void {
  const all = xs.map((x) => masks?.of(x));
  if (all.every((mask) => mask === undefined)) return;
  const parts = xs.map(({ shape }, i) => all[i] ?? notEqual(full(shape.slice(0, 2), 1), 0));
  masks?.give(y, concat(parts, 1));
}
