/**
 * What a metric is: by its name an object that says what it compares and how, or a function of the user's.
 */
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Head } from "../built-model.ts";
import type { SampleShape } from "../layers/layer.ts";
import type { OutputLoss } from "../losses/losses.ts";

/** A metric by name: one that measures, or one that stands for another. */
export type MetricSchema = Measuring | Standing;

export interface Measuring {
  /**
   * What of the model's output: "output", as it comes out; "probabilities", which of a model without a last activation are what its
   * loss makes of the logits; "scores", any numbers in the order of the probabilities.
   */
  readonly of: "output" | "probabilities" | "scores";
  /** What a target is: numbers like the output, or anything, which `measure` understands. */
  readonly labels: "values" | "any";
  /** What is wrong with such outputs, in words. */
  check?(output: SampleShape): string | null;
  /** One number a sample, or a finer tensor. */
  measure(output: Tensor<Shape, "f32">, target: Tensor): Tensor;
}

export interface Standing {
  /** The other one's name. Throws a UserError where there is none. */
  standsFor(loss: OutputLoss, head: Head): "categoricalAccuracy" | "binaryAccuracy";
}
