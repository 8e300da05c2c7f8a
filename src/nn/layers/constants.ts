/** Numbers of an option as a tensor. */
import { concat, full, reshape } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";

/** Few numbers: each is a part of the program. */
export function constantOf(numbers: readonly number[], shape: Shape): Tensor<Shape, "f32"> {
  const parts = numbers.map((value) => full([1], value));
  const [only] = parts;
  return reshape(parts.length === 1 && only !== undefined ? only : concat(parts), shape);
}
