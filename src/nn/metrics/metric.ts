/**
 * What a metric is: slots on the device, how a batch changes them, and what is made of them when scores are read.
 *
 *   metrics.auc({ numThresholds: 50 })                    of a trainer, and in its file
 *   const state = metric.state({ output: [1] })           slots of a program of your own
 *   metric.update(state, { output, target, weight })      their next values, inside an entry
 *   metric.result(state)                                  one number, or a table
 *
 * A mean over samples (an accuracy, an error) needs no slots of its own where no weights are given: it is one of the trainer's totals.
 */
import { ShapeError } from "../../core/errors.ts";
import { checkArguments, text } from "../../core/options.ts";
import { withLine } from "../../core/origin.ts";
import { filled } from "../../dsl/initializers.ts";
import { cast, div, equal, mean, mul, reshape, where } from "../../dsl/ops.ts";
import { type StateSpec, slot } from "../../dsl/spec.ts";
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import { printShape, sameShape } from "../../graph/shape.ts";
import type { ConfigReader, ConfigRecord } from "../config.ts";
import type { SampleShape } from "../layers/layer.ts";
import { alignTarget, refuseTensor } from "../losses/loss.ts";
import type { OutputLoss } from "../losses/losses.ts";
import type { Head } from "../model-contract.ts";
import { checkFields, type Fields, type Nested, type OptionsOf, option, readFields, type ValuesOf, valuesOf, writeFields } from "../schema.ts"; // biome-ignore format: names

/** Tensors of a metric's slots, by name. */
export type MetricState = Readonly<Record<string, Tensor>>;

/** One batch, as a metric sees it. */
export interface MetricBatch {
  readonly output: Tensor;
  readonly target: Tensor;
  /** A number for each sample, or step. */
  readonly weight?: Tensor | undefined;
  /** Which steps count. */
  readonly mask?: Mask | undefined;
}

/** What an output is like, without the batch. */
export interface MetricPlace {
  readonly output: SampleShape;
}

/** A slot: its shape, and the number that is everywhere in it at first. */
export interface MetricSlot {
  readonly shape: SampleShape;
  /** 0 by default. */
  readonly start?: number;
}

/** How a metric goes about it, its options inside. */
export interface MetricParts {
  /**
   * What of the model's output: "output", as it comes out; "probabilities", which of a model without a last activation are what its
   * loss makes of the logits; "scores", any numbers in the order of the probabilities.
   */
  readonly of: "output" | "probabilities" | "scores";
  /** What a target is: numbers like the output, or anything, which the metric understands. */
  readonly labels: "values" | "any";
  /** What is wrong with such outputs, in words. */
  check?(output: SampleShape): string | null;
  /** Of a mean over samples: a number a sample, or a finer tensor. */
  measure?(output: Tensor, target: Tensor): Tensor;
  slots(place: MetricPlace): Readonly<Record<string, MetricSlot>>;
  /** The target is aligned to the output already, where labels are values. */
  update(state: MetricState, seen: MetricBatch): MetricState;
  result(state: MetricState): Tensor;
  /** It stands for another one: that one's name. Throws a UserError where there is none. */
  standsFor?(loss: OutputLoss, head: Head): "categoricalAccuracy" | "binaryAccuracy";
}

/** A metric with its options. `Name` is what its score is called, `Gives` what that is: a number, or a table. */
export class Metric<Name extends string = string, Gives extends "number" | "table" = "number" | "table"> {
  /** "auc", or the option `name`. */
  readonly name: Name;
  /** From which a saved trainer makes it again. */
  readonly config: ConfigRecord;
  /** For trainers. */
  readonly parts: MetricParts;
  /** For types: never there. */
  declare readonly gives?: Gives;

  constructor(name: Name, config: ConfigRecord, parts: MetricParts) {
    this.name = name;
    this.config = config;
    this.parts = parts;
  }

  /** Its slots for such outputs: a part of a program's state. */
  state(place: MetricPlace): Readonly<Record<string, StateSpec>> {
    return statesOf(this.parts.slots(place));
  }

  /** The next values of its slots, inside an entry. */
  update(state: MetricState, seen: MetricBatch): MetricState {
    checkArguments(`${this.name}.update`, arguments, 2);
    const { labels } = this.parts;
    try {
      const target = labels === "any" ? seen.target : alignTarget(this.name, seen.output, seen.target, "");
      return this.parts.update(state, { ...seen, target });
    } catch (error) {
      throw withLine(error, this.name);
    }
  }

  /** What the slots amount to, inside an entry. */
  result(state: MetricState): Tensor {
    try {
      return this.parts.result(state);
    } catch (error) {
      throw withLine(error, this.name);
    }
  }
}

/** Slots as states of a program. */
export function statesOf(slots: Readonly<Record<string, MetricSlot>>): Readonly<Record<string, StateSpec>> {
  const states = Object.entries(slots).map(([name, { shape, start = 0 }]) => [name, slot(filled(start, ...shape))]);
  return Object.fromEntries(states);
}

/** How a metric is computed from its options. */
export interface MetricSchema<F extends Fields> {
  readonly name: string;
  readonly options: F;
  make(options: ValuesOf<F>): MetricParts;
}

/** A schema as those see it who want a metric by its name. */
export interface AnyMetricSchema {
  readonly name: string;
  readonly options: Fields;
  from(config: ConfigReader, nested: Nested): Metric;
  /** With its default options. */
  standard(): Metric;
}

const common = {
  /** What its score is called. The metric's own name by default. */
  name: option(text),
};

/** The option of every metric. */
export interface Named<N extends string> {
  /** What its score is called. The metric's own name by default. */
  readonly name?: N;
}

export function metricSchema<F extends Fields>(schema: MetricSchema<F>): MetricSchema<F> & AnyMetricSchema {
  return {
    ...schema,
    options: { ...common, ...schema.options },
    from: (config, nested) => built(schema, readFields({ ...common, ...schema.options }, config, nested, "kind")),
    standard: () => built(schema, {}),
  };
}

/** What `auc({ ... })` makes; `call` are that call's arguments. */
export function metricOf<N extends string, G extends "number" | "table">(
  schema: MetricSchema<Fields>,
  given: object,
  call: ArrayLike<unknown>,
): Metric<N, G> {
  refuseTensor(schema.name, "metric", given);
  checkFields(schema.name, given, { ...common, ...schema.options });
  checkArguments(schema.name, call, 1);
  return built(schema, given) as Metric<N, G>; // N and G are what the option `name` and the others say
}

function built<F extends Fields>(schema: MetricSchema<F>, given: OptionsOf<F> & { readonly name?: unknown }): Metric {
  const options = valuesOf(schema.options, given);
  const { name = schema.name } = given;
  const config = { kind: schema.name, ...writeFields({ ...common, ...schema.options }, { ...given, ...options }) };
  return new Metric(String(name), config, schema.make(options));
}

// ---- what they share -----------------------------------------------------------------------------------------------

/** Slots that only grow: what a batch adds. */
export function grown(state: MetricState, by: MetricState, add: (a: Tensor, b: Tensor) => Tensor): MetricState {
  return Object.fromEntries(Object.entries(by).map(([name, more]) => [name, add(slotOf(state, name), more)]));
}

export function slotOf(state: MetricState, name: string): Tensor {
  const found = state[name];
  if (found !== undefined) return found;
  throw new ShapeError(`a metric has no slot "${name}"`);
}

/** Weights in the form of `values`, whose leading axes they have: of samples, of steps that count, or both; null where all count alike. */
export function weightsFor(what: string, values: Tensor, { weight, mask }: MetricBatch): Tensor | null {
  const like = (x: Tensor): Tensor => {
    const shape = x.shape.length === values.shape.length + 1 && x.shape.at(-1) === 1 ? x.shape.slice(0, -1) : x.shape;
    if (!sameShape(values.shape.slice(0, shape.length), shape)) {
      throw new ShapeError(`${what}: weights of ${printShape(x.shape)} for values of ${printShape(values.shape)}`);
    }
    return reshape(x, [...shape, ...values.shape.slice(shape.length).map(() => 1)]);
  };
  const counted = mask === undefined ? null : cast(like(mask), "f32");
  if (weight === undefined) return counted;
  return counted === null ? like(weight) : mul(like(weight), counted);
}

/** Values with a number for each row of the weights: finer ones are their means. */
export function rowsFor(values: Tensor, { weight, mask }: MetricBatch): Tensor {
  const isColumn = weight !== undefined && weight.shape.length > 1 && weight.shape.at(-1) === 1;
  const rank = Math.max(1, (weight?.shape.length ?? 1) - (isColumn ? 1 : 0), mask?.shape.length ?? 1);
  const axes = values.shape.map((_, axis) => axis).filter((axis) => axis >= rank);
  return axes.length === 0 ? values : mean(values, { axis: axes });
}

/** 0 where the divisor is. */
export function share(a: Tensor, b: Tensor): Tensor {
  const none = equal(b, 0);
  return where(none, 0, div(a, where(none, 1, b)));
}

/** With one axis of one in front. */
export function behind(x: Tensor): Tensor {
  return reshape(x, [1, ...x.shape]);
}
