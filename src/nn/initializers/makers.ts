/**
 * Keras's initializers that take options: each gives a function of a shape, with what it is saved as.
 *
 *   dense(64, { kernelInitializer: initializers.orthogonal({ gain: 2 }) })
 *   param(initializers.truncatedNormal({ stddev: 0.02 })(784, 10))
 */
import { ShapeError } from "../../core/errors.ts";
import { checkArguments, checkValue, number, oneOf, seed as seedKind } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { filled, normal, uniform } from "../../dsl/initializers.ts";
import {
  type Fans,
  fansOf,
  fillTruncated,
  orthogonalRows,
  type Scaling,
  scaled,
} from "../../dsl/scaled-initializers.ts";
import { drawnBy, type Initializer } from "../../dsl/starts.ts";
import { printShape } from "../../graph/shape.ts";
import type { Config, ConfigReader } from "../config.ts";
import {
  checkFields,
  type Fields,
  type Nested,
  type OptionsOf,
  option,
  readFields,
  type ValuesOf,
  valuesOf,
  writeFields,
} from "../schema.ts";

/** Starting values for a shape. */
export interface StartingValues {
  (...shape: number[]): Initializer;
  /** What it is saved as; a function of your own has none, and is code. */
  readonly config?: Config;
  /** For a weight whose shape does not tell how many inputs and outputs a unit has. */
  readonly withFans?: (shape: readonly number[], fans: Fans) => Initializer;
}

/** An initializer with options, as a file names it. */
export interface InitializerSchema {
  readonly name: string;
  readonly options: Fields;
  from(config: ConfigReader, nested: Nested): StartingValues;
}

const seeded = {
  /** A seed of its own in place of the program's. Weights of different names still differ. */
  seed: option(seedKind),
};

function schema<F extends Fields>(
  name: string,
  options: F,
  make: (options: OptionsOf<F>) => StartingValues,
): InitializerSchema & { readonly options: F } {
  return { name, options, from: (config, nested) => make(readFields(options, config, nested, "kind")) };
}

function made<F extends Fields>(
  { name, options }: { readonly name: string; readonly options: F },
  given: OptionsOf<F>,
  call: ArrayLike<unknown>,
  start: (values: ValuesOf<F>, shape: readonly number[], fans: Fans) => Initializer,
): StartingValues {
  checkArguments(name, call, 1);
  checkFields(name, given, options);
  const values = valuesOf(options, given);
  const own = (values as { readonly seed?: number }).seed;
  const withFans = (shape: readonly number[], fans: Fans): Initializer => {
    const found = start(values, shape, fans);
    return own === undefined ? found : { ...found, fill: (into, _, state) => found.fill(into, own, state) };
  };
  return Object.assign((...shape: number[]) => withFans(shape, fansOf(shape)), {
    withFans,
    config: { kind: name, ...writeFields(options, values) },
  });
}

const normalFields = {
  /** 0 by default. */
  mean: option(number(), 0),
  /** The standard deviation. 0.05 by default. */
  stddev: option(number({ from: 0 }), 0.05),
  ...seeded,
};
const uniformFields = {
  /** The least value. -0.05 by default. */
  minval: option(number(), -0.05),
  /** Values are below it. 0.05 by default. */
  maxval: option(number(), 0.05),
  ...seeded,
};
const scalingFields = {
  /** The variance times the fan. 1 by default. */
  scale: option(number({ above: 0 }), 1),
  /** The fan: the inputs of a unit, its outputs, or their mean. "fanIn" by default. */
  mode: option(oneOf("fanIn", "fanOut", "fanAvg"), "fanIn"),
  /** "truncatedNormal" by default. */
  distribution: option(oneOf("uniform", "truncatedNormal", "untruncatedNormal"), "truncatedNormal"),
  ...seeded,
};
const gainFields = {
  /** What all is multiplied by. 1 by default. */
  gain: option(number(), 1),
};
const orthogonalFields = { ...gainFields, ...seeded };
const constantFields = { value: option(number(), 0) };

/** Options of an initializer. */
export interface NormalStart extends OptionsOf<typeof normalFields> {}
/** Options of an initializer. */
export interface UniformStart extends OptionsOf<typeof uniformFields> {}
/** Options of an initializer. */
export interface ScalingStart extends OptionsOf<typeof scalingFields> {}
/** Options of an initializer. */
export interface OrthogonalStart extends OptionsOf<typeof orthogonalFields> {}
/** Options of an initializer. */
export interface IdentityStart extends OptionsOf<typeof gainFields> {}

export const schemas = {
  randomNormal: schema("randomNormal", normalFields, (given) => randomNormal(given)),
  truncatedNormal: schema("truncatedNormal", normalFields, (given) => truncatedNormal(given)),
  randomUniform: schema("randomUniform", uniformFields, (given) => randomUniform(given)),
  varianceScaling: schema("varianceScaling", scalingFields, (given) => varianceScaling(given)),
  orthogonal: schema("orthogonal", orthogonalFields, (given) => orthogonal(given)),
  identity: schema("identity", gainFields, (given) => identity(given)),
  constant: schema("constant", constantFields, ({ value }) => constant(value)),
};

/** Normal with `mean` (0) and deviation `stddev` (0.05). */
export function randomNormal(options: NormalStart = {}): StartingValues {
  return made(schemas.randomNormal, options, arguments, ({ mean, stddev }, shape) => normal(mean, stddev, ...shape));
}

/** Normal, drawn again beyond two of `stddev` (0.05) from `mean` (0): the deviation is 0.88 of `stddev`. */
export function truncatedNormal(options: NormalStart = {}): StartingValues {
  return made(schemas.truncatedNormal, options, arguments, ({ mean, stddev }, shape) =>
    drawnBy(shape, (random, into) => fillTruncated(random, into, mean, stddev)),
  );
}

/** Uniform from `minval` (-0.05) to below `maxval` (0.05). */
export function randomUniform(given: UniformStart = {}): StartingValues {
  const start = made(schemas.randomUniform, given, arguments, (values, shape) =>
    uniform(values.minval, values.maxval, ...shape),
  );
  const { minval = -0.05, maxval = 0.05 } = given;
  checkValue("randomUniform", "maxval", maxval, number({ from: minval }));
  return start;
}

/**
 * Variance `scale` (1) divided by the inputs of a unit ("fanIn", the default), its outputs or the mean of both, of this distribution
 * ("truncatedNormal"): what glorot, he and lecun are cases of.
 */
export function varianceScaling(options: ScalingStart = {}): StartingValues {
  return made(schemas.varianceScaling, options, arguments, (values: Scaling, shape, fans) =>
    scaled(shape, fans, values),
  );
}

/** A random matrix with orthonormal columns, or rows where it is wide, times `gain` (1) (Saxe et al. 2014). */
export function orthogonal(given: OrthogonalStart = {}): StartingValues {
  const origin = here("orthogonal");
  return made(schemas.orthogonal, given, arguments, ({ gain }, shape) => {
    if (shape.length >= 2) return orthogonalRows(shape, gain);
    throw new ShapeError(`orthogonal: a weight must have two axes or more, not ${printShape(shape)}${atLine(origin)}`);
  });
}

/** `gain` (1) along the diagonal of a matrix, 0 elsewhere. */
export function identity(options: IdentityStart = {}): StartingValues {
  const origin = here("identity");
  return made(schemas.identity, options, arguments, ({ gain }, shape) => {
    const [rows, columns, ...others] = shape;
    if (rows === undefined || columns === undefined || others.length > 0) {
      throw new ShapeError(`identity: a weight must be a matrix, not ${printShape(shape)}${atLine(origin)}`);
    }
    return drawnBy(shape, (_, into) => {
      into.fill(0);
      for (let i = 0; i < Math.min(rows, columns); i++) into[i * columns + i] = gain;
    });
  });
}

/** `value` (0) everywhere. */
export function constant(value = 0): StartingValues {
  checkArguments("constant", arguments, 1);
  checkValue("constant", "the value", value, number());
  return made(schemas.constant, { value }, [], (_, shape) => filled(value, ...shape));
}
