/**
 * What a loss is: an object that says what it compares and how, made from a schema, or a function of the user's.
 *
 *   losses.huber({ delta: 2 })                            of a trainer, and in its file
 *   losses.huber({ delta: 2 }).measure(output, target)    on tensors: one number a row
 *   losses.huber({ delta: 2 }).value(output, target)      reduced to one
 *
 * Cross-entropies are stable only on logits: what comes straight out of softmax or sigmoid is taken without that last step.
 */
import { isFloat } from "../../core/dtype.ts";
import { ShapeError, UserError } from "../../core/errors.ts";
import { checkArguments, type Kind, oneOf } from "../../core/options.ts";
import { atLine, here, withLine } from "../../core/origin.ts";
import { and, cast, mean, reshape } from "../../dsl/ops.ts";
import type { InputSpec } from "../../dsl/spec.ts";
import { type Mask, Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape, sameShape } from "../../graph/shape.ts";
import type { ConfigReader, ConfigRecord } from "../config.ts";
import type { ActivationName } from "../layers/activations.ts";
import type { SampleShape } from "../layers/layer.ts";
import { checkFields, type Fields, type Nested, type OptionsOf, option, readFields, type ValuesOf, valuesOf, writeFields } from "../schema.ts"; // biome-ignore format: names
import { type Reduction, reduced } from "./per-sample.ts";

/** Compares a model's output with the target: one number a sample, or the mean over the batch. */
export type Measure = (output: Tensor<Shape, "f32">, target: Tensor) => Tensor;

/** What every loss has; the rest is in its options. */
interface LossNature {
  /**
   * What a target is: a class number for each row, or with floats a number for each class; class numbers only; numbers like the
   * output; or class numbers [batch, letters], as many as the user says.
   */
  readonly labels: "classes" | "numbers" | "values" | "texts";
  /** What numbers a target may have, besides what its dtype and classes demand. */
  readonly range: TargetRange;
  /** The metric that "accuracy" stands for; null where only the model's last activation tells. */
  readonly accuracy: "categoricalAccuracy" | "binaryAccuracy" | null;
  /** What `compute` gives a number for: each element, whose mean along the last axis is the row's; each row; or the batch. */
  readonly each: "element" | "row" | "batch";
  /** The classes that targets tell apart, which weights may be given for; null where they tell none. */
  classes?(output: SampleShape, target: InputSpec): Classes | null;
}

/** How a loss is computed from its options. */
export interface LossSchema<F extends Fields> extends LossNature {
  readonly name: string;
  readonly options: F;
  /** For those that can be computed on logits. */
  readonly logits?: LogitsRule<ValuesOf<F>>;
  /** What is wrong with such outputs, in words. */
  check?(output: SampleShape, options: ValuesOf<F>): string | null;
  /** Which of the targets count; undefined where all do. */
  counts?(target: Tensor, options: ValuesOf<F>): Mask | undefined;
  /** The target has the output's dtype and shape, or is a class number for each row. */
  compute(output: Tensor, target: Tensor, options: ValuesOf<F>, isLogits: boolean): Tensor;
}

/** When outputs are logits. */
interface LogitsRule<V> {
  /** The activation that makes probabilities of them. It is left out where a model ends in it. */
  readonly activation: ActivationName;
  /** Whether what a model gives without it are logits, and not probabilities. */
  fromLogits(options: V): boolean;
  /** A model must end in the activation or in none. */
  readonly isStrict?: boolean;
}

/** A loss as trainers see it, its options inside. */
export interface LossParts extends LossNature {
  readonly reduction: Reduction;
  readonly logits: {
    readonly activation: ActivationName;
    readonly fromLogits: boolean;
    readonly isStrict: boolean;
  } | null;
  check(output: SampleShape): string | null;
  counts(target: Tensor): Mask | undefined;
  compute(output: Tensor, target: Tensor, isLogits: boolean): Tensor;
}

/** What `value` is given besides output and target. */
export interface LossWeights {
  /** A number for each sample, or for each row. */
  readonly sampleWeight?: Tensor;
  /** Which rows count. */
  readonly mask?: Mask;
}

/** A loss with its options, as `losses.huber({ delta: 2 })` makes one. */
export class Loss {
  /** "huber"... */
  readonly name: string;
  /** From which a saved trainer makes it again. */
  readonly config: ConfigRecord;
  /** For trainers. */
  readonly parts: LossParts;

  constructor(name: string, config: ConfigRecord, parts: LossParts) {
    this.name = name;
    this.config = config;
    this.parts = parts;
  }

  /** One number a row of the output (a number for the batch, where the loss has no rows), inside an entry. */
  measure(output: Tensor, target: Tensor): Tensor {
    checkArguments(`${this.name}.measure`, arguments, 2);
    try {
      return this.#rows(output, this.#labels(output, target));
    } catch (error) {
      throw withLine(error, this.name);
    }
  }

  /** The rows reduced to one number, as the option `reduction` says, inside an entry. */
  value(output: Tensor, target: Tensor, { sampleWeight, mask }: LossWeights = {}): Tensor {
    checkArguments(`${this.name}.value`, arguments, 3);
    const { parts, name } = this;
    try {
      const labels = this.#labels(output, target);
      const counted = bothMasks(mask, parts.counts(labels));
      return reduced(this.#rows(output, labels), parts.reduction, name, sampleWeight, counted);
    } catch (error) {
      throw withLine(error, name);
    }
  }

  #labels(output: Tensor, target: Tensor): Tensor {
    return alignLabels(this.name, output, target, this.parts.labels, "");
  }

  #rows(output: Tensor, labels: Tensor): Tensor {
    const { parts } = this;
    return rowsOf(parts, parts.compute(output, labels, parts.logits?.fromLogits ?? false));
  }
}

/** What is computed, as a number for each row. */
export function rowsOf({ each }: LossParts, computed: Tensor): Tensor {
  return each === "element" && computed.shape.length > 1 ? mean(computed, { axis: -1 }) : computed;
}

export function bothMasks(a: Mask | undefined, b: Mask | undefined): Mask | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return and(a, b);
}

const reductionKind: Kind<Reduction> = oneOf("sumOverBatchSize", "mean", "sum", "meanWithSampleWeight", "none");

/** Options of every loss. */
const common = {
  /**
   * How the numbers of a batch become one: their mean over its samples ("sumOverBatchSize", the default, and "mean"), their sum, or
   * with "meanWithSampleWeight" their mean over the sum of the weights. "none" is for `value` alone: it leaves them as they are.
   */
  reduction: option(reductionKind, "sumOverBatchSize"),
};

/** Options of a loss that has none of its own. */
export interface LossOptions extends OptionsOf<typeof common> {}

/** The options of a loss: its own, and those of all. */
export function lossOptions<F extends Fields>(own: F): F & typeof common {
  return { ...own, ...common };
}

/** A schema as those see it who want a loss by its name. */
export interface AnyLossSchema {
  readonly name: string;
  readonly options: Fields;
  from(config: ConfigReader, nested: Nested): Loss;
  /** With its default options. */
  standard(): Loss;
}

export function lossSchema<F extends typeof common>(schema: LossSchema<F>): LossSchema<F> & AnyLossSchema {
  return {
    ...schema,
    from: (config, nested) => built(schema, readFields(schema.options, config, nested, "kind")),
    standard: () => built(schema, {}),
  };
}

/** What `huber({ ... })` makes; `call` are that call's arguments. */
export function lossOf<F extends typeof common>(
  schema: LossSchema<F>,
  given: OptionsOf<F>,
  call: ArrayLike<unknown>,
): Loss {
  refuseTensor(schema.name, "loss", given);
  checkFields(schema.name, given, schema.options);
  checkArguments(schema.name, call, 1);
  return built(schema, given);
}

/** A trainer that is given `losses.huber` itself takes it for a measure, and calls it with an output. */
export function refuseTensor(name: string, what: "loss" | "metric", given: unknown): void {
  if (!(given instanceof Tensor)) return;
  throw new UserError(`${name} makes a ${what} of its options: give ${name}(), and not ${name}${atLine(here(name))}`);
}

function built<F extends typeof common>(schema: LossSchema<F>, given: OptionsOf<F>): Loss {
  const { name, options: fields, logits, ...nature } = schema;
  const options = valuesOf(fields, given);
  const { reduction }: ValuesOf<typeof common> = options;
  return new Loss(
    name,
    { kind: name, ...writeFields(fields, options) },
    {
      ...nature,
      reduction,
      logits:
        logits === undefined
          ? null
          : {
              activation: logits.activation,
              fromLogits: logits.fromLogits(options),
              isStrict: logits.isStrict ?? false,
            },
      check: (output) => schema.check?.(output, options) ?? null,
      counts: (target) => schema.counts?.(target, options),
      compute: (output, target, isLogits) => schema.compute(output, target, options, isLogits),
    },
  );
}

/** What the numbers of a target may be. Checked before the first step. */
export interface TargetRange {
  readonly least: number;
  readonly most: number;
  /** For messages: "it must be ...". */
  readonly wanted: string;
}

export interface Classes {
  /** How many; null where nobody knows. */
  readonly classes: number | null;
  /** A number for each class, the largest of which is the sample's. */
  readonly isOneHot: boolean;
}

const largestF32 = (2 - 2 ** -23) * 2 ** 127;
export const finite: TargetRange = { least: -largestF32, most: largestF32, wanted: "it must be a finite f32" };

/** Numbers below this count as this where a logarithm is taken of them, or something divided by them. Keras's. */
export const epsilon = 1e-7;

/**
 * The target in the form that `like` has: its dtype, and its shape but for a last axis of one: labels [batch] stand beside
 * outputs [batch,1], and the other way about. Anything else would be broadcast, to as many comparisons as there are pairs.
 */
export function alignTarget(
  what: string,
  like: Pick<Tensor, "shape" | "dtype">,
  target: Tensor,
  before = "trainer: ",
): Tensor {
  const wanted = like.shape;
  const isAlike = sameShape(squeezed(target.shape), squeezed(wanted));
  if (!isAlike) {
    throw new ShapeError(
      `${before}${what} compares ${printShape(wanted)} with a target of that shape; the target is ${target.dtype}${printShape(target.shape)}`,
    );
  }
  const shaped = sameShape(target.shape, wanted) ? target : reshape(target, wanted);
  return shaped.dtype === like.dtype ? shaped : cast(shaped, like.dtype);
}

/** The target as a measure wants it: numbers like the output, or class numbers for its rows. */
export function alignLabels(
  what: string,
  output: Tensor,
  target: Tensor,
  labels: LossParts["labels"],
  before?: string,
): Tensor {
  if (labels === "texts") return target;
  const isValues = labels === "values" || (labels === "classes" && isFloat(target.dtype));
  return alignTarget(what, isValues ? output : { shape: output.shape.slice(0, -1), dtype: "i32" }, target, before);
}

/** Without a last axis of one, behind the batch. */
function squeezed(shape: Shape): Shape {
  return shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
}
