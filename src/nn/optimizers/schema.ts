/**
 * An optimizer by name: one object with its options, what it keeps and its formula. Checks, slots, config and reader follow.
 *
 *   export const lionSchema = optimizerSchema({
 *     name: "lion",
 *     options: { learningRate: option(notNegative, 1e-4), beta1: option(share, 0.9), beta2: option(share, 0.99) },
 *     moments: { m: {} },
 *     update({ w, g, lr }, { m }, { beta1, beta2 }) { ... return { w: ..., m: ... }; },
 *   });
 */
import { UserError } from "../../core/errors.ts";
import { checkArguments, type Kind, number } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { ConfigReader } from "../config.ts";
import * as schedules from "../schedules/all.ts";
import type { AnyScheduleSchema, Schedule } from "../schedules/schedule.ts";
import {
  checkFields,
  type Field,
  type Fields,
  type Nested,
  type OptionsOf,
  readParts,
  type Stored,
  schemaOf,
  type ValuesOf,
  valuesOf,
  writeFields,
} from "../schema.ts";
import { type CommonOptimizerOptions, commonFields, commonProblem } from "./common.ts";
import type { Optimizer, Parameter } from "./optimizer.ts";
import { optimizerBy } from "./update.ts";

/** Of a moving average: how much of the old value is kept. */
export const share: Kind<number> = number({ from: 0, below: 1 });
export const notNegative: Kind<number> = number({ from: 0 });

const knownSchedules: Readonly<Record<string, AnyScheduleSchema>> = schedules;

/** A number, or a schedule by its config. */
export const rateKind: Stored<number | Schedule> = {
  wanted: "a number from 0, or one of `schedules`",
  accepts: (value): value is number | Schedule => notNegative.accepts(value) || isSchedule(value),
  write: (value) => (typeof value === "number" ? value : value.config),
  read: (from, nested) =>
    from.isRecord ? schemaOf(knownSchedules, from, "schedule").from(from, nested) : from.value(notNegative),
};

function isSchedule(value: unknown): value is Schedule {
  return typeof value === "object" && value !== null && "at" in value && "config" in value;
}

/** Each has a learning rate, which is state and so is no constant. */
type OptimizerFields = Fields & { readonly learningRate: Field<number | Schedule> };

/** A tensor like the parameter that is kept from update to update, from zeros. */
export interface Moment<Values> {
  /** Options that need it; without this it is always there. */
  when?(options: Values): boolean;
  /** What its numbers start with. 0 by default. */
  readonly start?: number | ((options: Values) => number);
  /** Its shape for a parameter of this one, which has none of it where this is null. By default that shape. */
  shape?(parameter: readonly number[], options: Values, path: string): readonly number[] | null;
}

/** Moments by name: undefined where options do without. */
export type MomentTensors<M> = {
  readonly [K in keyof M]: M[K] extends { readonly when: unknown } | { readonly shape: unknown }
    ? Tensor | undefined
    : Tensor;
};

export interface OptimizerSchema<F extends OptimizerFields, M> {
  readonly name: string;
  readonly options: F;
  readonly moments: M;
  /** Whether its formula needs `t`. */
  readonly counts?: boolean;
  /** The share of a parameter that decays, where that is not the same for all: `weightDecay`. */
  decay?(options: ValuesOf<F>, sizes: readonly number[], path: string): number;
  /** What is wrong with options each of which is right, in words. */
  check?(options: ValuesOf<F>): string | null;
  /** The next value of one parameter and of its moments. */
  update(
    parameter: Parameter,
    moments: MomentTensors<M>,
    options: ValuesOf<F>,
  ): { readonly w: Tensor } & MomentTensors<M>;
}

/** A schema as those see it who want an optimizer by its name. */
export interface AnyOptimizerSchema {
  readonly name: string;
  readonly options: Fields;
  from(config: ConfigReader, nested: Nested): Optimizer;
}

type Moments<F extends OptimizerFields> = Readonly<Record<string, Moment<ValuesOf<F>>>>;

export function optimizerSchema<F extends OptimizerFields, const M extends Moments<F>>(
  schema: OptimizerSchema<F, M>,
): OptimizerSchema<F, M> & Pick<AnyOptimizerSchema, "from"> {
  const fields = { ...schema.options, ...commonFields };
  return { ...schema, from: (config, nested) => built(schema, readOptions(fields, config, nested)) };
}

/** What `sgd({ momentum: 0.9 })` makes; `call` are that call's arguments. */
export function optimizerOf<F extends OptimizerFields, M extends Moments<F>>(
  schema: OptimizerSchema<F, M>,
  given: OptionsOf<F> & CommonOptimizerOptions,
  call: ArrayLike<unknown>,
): Optimizer<keyof M & string> {
  checkArguments(schema.name, call, 1);
  checkFields(schema.name, given, { ...commonFields, ...schema.options });
  return built(schema, given);
}

function built<F extends OptimizerFields, M extends Moments<F>>(
  schema: OptimizerSchema<F, M>,
  given: OptionsOf<F> & CommonOptimizerOptions,
): Optimizer<keyof M & string> {
  const { name, counts = false, decay } = schema;
  const options = valuesOf(schema.options, given);
  const { learningRate: rate } = options as { readonly learningRate: number | Schedule };
  const common = valuesOf(commonFields, { ...options, ...given });
  const problem = schema.check?.(options) ?? commonProblem(common);
  if (problem !== null) throw new UserError(`${name}: ${problem}${atLine(here(name))}`);
  const kept = Object.entries(schema.moments).filter(([, { when }]) => when === undefined || when(options));
  const written = writeFields({ ...schema.options, ...commonFields, ...schema.options }, { ...common, ...options });
  const { learningRate = null, ...constants } = written;
  return optimizerBy<MomentTensors<M>>({
    name,
    learningRate: rate,
    config: { kind: name, learningRate, constants },
    moments: kept.map(([moment, { start = 0, shape }]) => ({
      name: moment,
      start: typeof start === "number" ? start : start(options),
      shape: (sizes, path) => (shape === undefined ? sizes : shape(sizes, options, path)),
    })),
    counts,
    common,
    ...(decay === undefined ? {} : { decay: (sizes, path) => decay(options, sizes, path) }),
    update: (parameter, moments) => schema.update(parameter, moments, options),
  });
}

/** From `{ kind, learningRate, constants }`. */
function readOptions<F extends OptimizerFields>(fields: F, config: ConfigReader, nested: Nested): OptionsOf<F> {
  const { learningRate, constants } = config.fields("kind", "learningRate", "constants");
  const names = Object.keys(fields).filter((name) => name !== "learningRate");
  return readParts(fields, config, { ...constants?.fields(...names), learningRate }, nested);
}
