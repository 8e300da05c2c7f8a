/**
 * Constraints: what weights become after each update, inside the compiled step. Names, options and the 1e-7 in divisors are Keras's.
 *
 *   dense(64, { kernelConstraint: maxNorm({ maxValue: 3 }) })
 *   dense(64, { kernelConstraint: (kernel) => maximum(kernel, 0) })       as code
 */
import { checkArguments, either, type Kind, list, number, whole } from "../../core/options.ts";
import { add, clip, div, maximum, minimum, mul, sqrt, square, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { ConfigReader } from "../config.ts";
import { codeConfig } from "../config.ts";
import { checkFields, type Fields, type Nested, type OptionsOf, option, readFields, type Stored, schemaOf, type ValuesOf, valuesOf, writeFields } from "../schema.ts"; // biome-ignore format: names
import type { Constraint } from "./constraint.ts";

const limit = number({ from: 0 });
const axisKind: Kind<number | readonly number[]> = either(whole(), list(whole()));

const axis = {
  /** The axes along which a norm is taken. 0 by default: for a kernel of `dense`, the inputs of each unit. */
  axis: option(axisKind, 0),
};

interface ConstraintSchema<F extends Fields> {
  readonly name: string;
  readonly options: F;
  apply(weight: Tensor, options: ValuesOf<F>): Tensor;
}

interface AnyConstraintSchema {
  readonly name: string;
  readonly options: Fields;
  from(config: ConfigReader, nested: Nested): Constraint;
}

function schema<F extends Fields>(given: ConstraintSchema<F>): ConstraintSchema<F> & AnyConstraintSchema {
  return { ...given, from: (config, nested) => built(given, readFields(given.options, config, nested, "kind")) };
}

function built<F extends Fields>(given: ConstraintSchema<F>, options: OptionsOf<F>): Constraint {
  const values = valuesOf(given.options, options);
  const config = { kind: given.name, ...writeFields(given.options, values) };
  return Object.assign((weight: Tensor): Tensor => given.apply(weight, values), { config });
}

function made<F extends Fields>(
  given: ConstraintSchema<F>,
  options: OptionsOf<F>,
  call: ArrayLike<unknown>,
): Constraint {
  checkArguments(given.name, call, 1);
  checkFields(given.name, options, given.options);
  return built(given, options);
}

/** Of the numbers along some axes, which stay as axes of one. */
function norms(weight: Tensor, along: number | readonly number[]): Tensor {
  const axes = typeof along === "number" ? [along] : along;
  return sqrt(sum(square(weight), { axis: axes, keepDims: true }));
}

const epsilon = 1e-7;

export const nonNegSchema = schema({ name: "nonNeg", options: {}, apply: (weight) => maximum(weight, 0) });

/** Numbers below 0 become 0. */
export function nonNeg(options: Readonly<Record<never, never>> = {}): Constraint {
  return made(nonNegSchema, options, arguments);
}

const maxNormOptions = {
  /** 2 by default. */
  maxValue: option(limit, 2),
  ...axis,
};

/** Options of `maxNorm`. */
export interface MaxNormOptions extends OptionsOf<typeof maxNormOptions> {}

export const maxNormSchema = schema({
  name: "maxNorm",
  options: maxNormOptions,
  apply(weight, { maxValue, axis: along }) {
    const found = norms(weight, along);
    return mul(weight, div(clip(found, 0, maxValue), add(found, epsilon)));
  },
});

/** Longer ones are shortened to a norm of maxValue. */
export function maxNorm(options: MaxNormOptions = {}): Constraint {
  return made(maxNormSchema, options, arguments);
}

const unitNormOptions = { ...axis };

/** Options of `unitNorm`. */
export interface UnitNormOptions extends OptionsOf<typeof unitNormOptions> {}

export const unitNormSchema = schema({
  name: "unitNorm",
  options: unitNormOptions,
  apply: (weight, { axis: along }) => div(weight, add(norms(weight, along), epsilon)),
});

/** All have a norm of 1. */
export function unitNorm(options: UnitNormOptions = {}): Constraint {
  return made(unitNormSchema, options, arguments);
}

const minMaxNormOptions = {
  /** 0 by default. */
  minValue: option(limit, 0),
  /** 1 by default. */
  maxValue: option(limit, 1),
  /** How much of the way to the bound is gone at each update. 1 by default: all of it. */
  rate: option(number({ from: 0, to: 1 }), 1),
  ...axis,
};

/** Options of `minMaxNorm`. */
export interface MinMaxNormOptions extends OptionsOf<typeof minMaxNormOptions> {}

export const minMaxNormSchema = schema({
  name: "minMaxNorm",
  options: minMaxNormOptions,
  apply(weight, { minValue, maxValue, rate, axis: along }) {
    const found = norms(weight, along);
    const wanted = add(mul(minimum(maximum(found, minValue), maxValue), rate), mul(found, 1 - rate));
    return mul(weight, div(wanted, add(found, epsilon)));
  },
});

/** All have a norm from minValue to maxValue. */
export function minMaxNorm(options: MinMaxNormOptions = {}): Constraint {
  return made(minMaxNormSchema, options, arguments);
}

const known: Readonly<Record<string, AnyConstraintSchema>> = {
  nonNeg: nonNegSchema,
  maxNorm: maxNormSchema,
  unitNorm: unitNormSchema,
  minMaxNorm: minMaxNormSchema,
};

/** As an option of a layer. */
export const constraintKind: Stored<Constraint> = {
  wanted: "a constraint: maxNorm(), say, or a function of the weight",
  accepts: (value): value is Constraint => typeof value === "function",
  write: ({ config, name }) => config ?? codeConfig(name),
  read: (from, nested) => schemaOf(known, from, "constraint").from(from, nested),
};
