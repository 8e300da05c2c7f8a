/** Losses of a trainer: by name or a function of the user's, ready to be put into a program. */
import { UserError } from "../../core/errors.ts";
import { callable, didYouMean, type Kind, keyOf, show } from "../../core/options.ts";
import type { Spelled } from "../../core/spelling.ts";
import { f32, type InputSpec, i32 } from "../../dsl/spec.ts";
import type { ActivationName } from "../layers/activations.ts";
import type { SampleShape } from "../layers/layer.ts";
import * as losses from "./all.ts";
import { alignLabels, type LossSchema, type Measure } from "./loss.ts";

/**
 * softmaxCrossEntropy is Keras's sparse categorical cross-entropy: labels are class numbers. With `target: f32("batch", 10)` they
 * are one-hot rows or probabilities of 10 classes. Each of the others compares with a target shaped like the output.
 */
export type LossName = Spelled<keyof typeof losses>;

const schemas: Readonly<Record<LossName, LossSchema>> = losses;

export const lossKind = keyOf(schemas);

/** A loss, ready to be put into a program. */
export interface Loss extends Pick<LossSchema, "onLogits" | "accuracy" | "measure"> {
  /** Null for a function of the user's. */
  readonly name: LossName | null;
  /** What is compared with: an input with the batch in front. */
  readonly target: InputSpec;
  /** Null where only a function of the user's knows. */
  readonly range: LossSchema["range"] | null;
}

/** By name, or a function of the model's output and the target; `target` says what the function is given. */
export function resolveLoss(
  loss: LossName | Measure,
  output: SampleShape,
  ending: ActivationName,
  target: InputSpec | undefined,
): Loss {
  const like = f32("batch", ...output);
  checkSoftmax(ending, output);
  if (typeof loss === "function") {
    return { name: null, measure: loss, onLogits: null, accuracy: null, target: target ?? like, range: null };
  }
  const schema = schemas[loss];
  const { onLogits, labels, accuracy, range } = schema;
  if (onLogits !== null && ending !== onLogits && ending !== "linear") {
    throw new UserError(`${loss} is for a model that ends in ${onLogits} or in no activation, not in ${ending}`);
  }
  const problem = schema.check?.(output) ?? null;
  if (problem !== null) throw new UserError(`trainer: ${problem}`);
  return {
    name: loss,
    onLogits,
    accuracy,
    range,
    measure: (values, labelled) => schema.measure(values, alignLabels(loss, values, labelled, labels)),
    target: target ?? (labels === "classes" ? i32("batch", ...output.slice(0, -1)) : like),
  };
}

/** The schema of a loss that has a name. */
export function lossSchema(name: LossName): LossSchema {
  return schemas[name];
}

/** The softmax of a row of one is 1, whatever the number, and its gradient 0: training would change nothing. */
function checkSoftmax(ending: ActivationName, output: SampleShape): void {
  if (ending !== "softmax" || (output.at(-1) ?? 1) > 1) return;
  throw new UserError(
    "trainer: the softmax of a row of one is always 1. For one probability end in sigmoid, with sigmoidCrossEntropy; " +
      "for classes have an output for each: dense(2), say",
  );
}

/** A loss as a user gives it. */
export function lossFrom(given: unknown): LossName | Measure {
  if (measureKind.accepts(given) || lossKind.accepts(given)) return given;
  throw unknownName("loss", given, lossKind);
}

/** A function of the user's; what it gives is looked at where it is called. */
export const measureKind: Kind<Measure> = callable();

/** Where neither a name nor a function is given. */
export function unknownName(what: string, given: unknown, { words = [] }: Pick<Kind<unknown>, "words">): UserError {
  const hint = typeof given === "string" ? didYouMean(given, words) : "";
  return new UserError(
    `there is no ${what} ${show(given)}${hint} (there are: ${words.join(", ")}); a function works too`,
  );
}
