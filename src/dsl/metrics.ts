/**
 * Metrics: scores that a person reads. No gradient is taken by them.
 */
import { ShapeError } from "../core/errors.ts";
import { checkArguments } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { type Dim, printShape, type Shape } from "../graph/shape.ts";
import { checkShapes, checkTensor } from "./check.ts";
import { equal } from "./logic.ts";
import { cast } from "./math.ts";
import { argmax } from "./reduce.ts";
import { mean } from "./statistics.ts";
import type { Tensor } from "./tensor.ts";

/** Share of rows whose largest score stands at the label. A row of one has no choice: a ShapeError. */
export function accuracy<L extends Shape>(
  scores: Tensor<readonly [...L, Dim]>,
  labels: Tensor<L, "i32">,
): Tensor<[], "f32">;
export function accuracy(scores: Tensor, labels: Tensor): Tensor {
  checkArguments("accuracy", arguments, 2);
  checkTensor("accuracy", scores, "scores");
  checkTensor("accuracy", labels, "labels");
  if (scores.shape.at(-1) === 1) {
    throw new ShapeError(
      `accuracy: the rows of ${printShape(scores.shape)} have one score, which is always the largest: compare it with a bound, ` +
        `by greater(scores, 0.5), say${atLine(here("accuracy"))}`,
    );
  }
  checkShapes("accuracy", labels, "labels", scores.shape.slice(0, -1), ", a class number for each row");
  const hits = equal(argmax(scores), labels);
  return mean(cast(hits, "f32"));
}
