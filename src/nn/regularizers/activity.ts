/** What large outputs of a layer cost: a regularizer of activities in place of weights. */
import { div, size } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Regularizer } from "./regularizer.ts";

/** Adds the penalty on each output to the loss, over the samples of the batch: as in Keras it does not grow with the batch. */
export function penalize(
  regularizer: Regularizer | undefined,
  outputs: readonly Tensor[],
  addLoss: (value: Tensor<Shape, "f32">) => void,
): void {
  if (regularizer === undefined) return;
  for (const output of outputs) addLoss(div(regularizer(output), size(output, 0, "f32")) as Tensor<Shape, "f32">); // scoring looks at it
}
