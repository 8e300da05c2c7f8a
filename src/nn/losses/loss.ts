/**
 * What a loss is: by its name an object that says what it compares and how, or a function of the user's.
 *
 *   export const meanSquaredError: LossSchema = {
 *     onLogits: null, labels: "values", range: finite, accuracy: null,
 *     measure: (output, wanted) => square(sub(output, wanted)),
 *   };
 *
 * Losses that are stable only on logits ask for logits, and a model that ends in softmax or sigmoid is then taken without that
 * last step.
 */
import { isFloat } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import { cast, reshape } from "../../dsl/ops.ts";
import type { InputSpec } from "../../dsl/spec.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape, sameShape } from "../../graph/shape.ts";
import type { ActivationName } from "../layers/activations.ts";
import type { SampleShape } from "../layers/layer.ts";

/** Compares a model's output with the target: one number a sample, or the mean over the batch. */
export type Measure = (output: Tensor<Shape, "f32">, target: Tensor) => Tensor;

/** A loss by name. */
export interface LossSchema {
  /** It takes logits: the model's last activation, which must be this one or none, is left out. */
  readonly onLogits: ActivationName | null;
  /** What a target is: a class number for each row of the output, or with floats a number for each class; or numbers like the output. */
  readonly labels: "classes" | "values";
  /** What numbers a target may have, besides what its dtype and classes demand. */
  readonly range: TargetRange;
  /** The metric that "accuracy" stands for; null where only the model's last activation tells. */
  readonly accuracy: "categoricalAccuracy" | "binaryAccuracy" | null;
  /** What is wrong with such outputs, in words. */
  check?(output: SampleShape): string | null;
  /** The classes that targets tell apart, which weights may be given for; null where they tell none. */
  classes?(output: SampleShape, target: InputSpec): Classes | null;
  /** One number a sample, or a finer tensor; the target has the output's dtype and shape, or is a class number for each row. */
  readonly measure: Measure;
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

/**
 * The target in the form that `like` has: its dtype, and its shape but for a last axis of one: labels [batch] stand beside
 * outputs [batch,1], and the other way about. Anything else would be broadcast, to as many comparisons as there are pairs.
 */
export function alignTarget(what: string, like: Pick<Tensor, "shape" | "dtype">, target: Tensor): Tensor {
  const wanted = like.shape;
  const isAlike = sameShape(squeezed(target.shape), squeezed(wanted));
  if (!isAlike) {
    throw new ShapeError(
      `trainer: ${what} compares ${printShape(wanted)} with a target of that shape; the target is ${target.dtype}${printShape(target.shape)}`,
    );
  }
  const shaped = sameShape(target.shape, wanted) ? target : reshape(target, wanted);
  return shaped.dtype === like.dtype ? shaped : cast(shaped, like.dtype);
}

/** The target as a measure wants it: numbers like the output, or class numbers for its rows. */
export function alignLabels(what: string, output: Tensor, target: Tensor, labels: LossSchema["labels"]): Tensor {
  const isValues = labels === "values" || isFloat(target.dtype);
  return alignTarget(what, isValues ? output : { shape: output.shape.slice(0, -1), dtype: "i32" }, target);
}

/** Without a last axis of one, behind the batch. */
function squeezed(shape: Shape): Shape {
  return shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
}
