/**
 * A schedule: the learning rate as an expression of the step, computed in the compiled step.
 *
 *   adam({ learningRate: schedules.cosineDecay({ initialLearningRate: 1e-3, decaySteps: 10_000 }) })
 *   sgd({ learningRate: schedules.of((step) => div(0.1, add(1, mul(step, 0.01)))) })
 *
 * Formulas and names of options are those of Keras 3. Steps count updates from 0: with `gradientAccumulationSteps` one update is
 * several batches.
 */
import { ShapeError } from "../../core/errors.ts";
import { callable, checkArguments, checkValue, type Kind } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { tensorFrom } from "../../dsl/check.ts";
import { full } from "../../dsl/ops.ts";
import { isScalar, type Tensor } from "../../dsl/tensor.ts";
import { printType } from "../../graph/type.ts";
import { type Config, type ConfigReader, codeConfig } from "../config.ts";
import {
  checkFields,
  type Fields,
  type Nested,
  type OptionsOf,
  readFields,
  type ValuesOf,
  valuesOf,
  writeFields,
} from "../schema.ts";

/** The number of a step, and a rate. */
export type Scalar = Tensor<[], "f32">;

/** A learning rate that follows the step. */
export interface Schedule {
  /** "cosineDecay"... */
  readonly name: string;
  /** From which a saved trainer makes it again; `of` makes code. */
  readonly config: Config;
  /** The rate at a step, from 0, inside an entry. */
  at(step: Scalar): Scalar;
}

export interface ScheduleSchema<F extends Fields> {
  readonly name: string;
  readonly options: F;
  /** What is wrong with options each of which is right, in words. */
  check?(options: ValuesOf<F>): string | null;
  at(step: Scalar, options: ValuesOf<F>): Tensor;
}

/** A schema as those see it who want a schedule by its name. */
export interface AnyScheduleSchema {
  readonly name: string;
  readonly options: Fields;
  from(config: ConfigReader, nested: Nested): Schedule;
}

export function scheduleSchema<F extends Fields>(
  schema: ScheduleSchema<F>,
): ScheduleSchema<F> & Pick<AnyScheduleSchema, "from"> {
  return {
    ...schema,
    from: (config, nested) => built(schema, readFields(schema.options, config, nested, "kind")),
  };
}

/** What `cosineDecay({ ... })` makes; `call` are that call's arguments. */
export function scheduleOf<F extends Fields>(
  schema: ScheduleSchema<F>,
  given: OptionsOf<F>,
  call: ArrayLike<unknown>,
): Schedule {
  checkFields(schema.name, given, schema.options);
  checkArguments(schema.name, call, 1);
  return built(schema, given);
}

function built<F extends Fields>(schema: ScheduleSchema<F>, given: OptionsOf<F>): Schedule {
  const { name } = schema;
  const options = valuesOf(schema.options, given);
  const problem = schema.check?.(options) ?? null;
  if (problem !== null) throw new ShapeError(`${name}: ${problem}${atLine(here(name))}`);
  return {
    name,
    config: { kind: name, ...writeFields(schema.options, options) },
    at: (step) => scalarFrom(name, schema.at(step, options)),
  };
}

const expression: Kind<(step: Scalar) => Tensor | number> = callable();

/** A schedule of your own: the rate as an expression of the step, a scalar f32 from 0. It is in no file. */
export function of(rate: (step: Scalar) => Tensor | number): Schedule {
  checkArguments("schedules.of", arguments, 1);
  checkValue("schedules.of", "the rate", rate, expression);
  return {
    name: "of",
    config: codeConfig(rate.name),
    at(step) {
      const given = rate(step);
      return scalarFrom("schedules.of", typeof given === "number" ? full([], given) : given);
    },
  };
}

function scalarFrom(what: string, given: unknown): Scalar {
  const found = tensorFrom(what, given);
  if (isScalar(found)) return found;
  throw new ShapeError(`${what} must give one number of f32 for a step, not ${printType(found.value.type)}`);
}
