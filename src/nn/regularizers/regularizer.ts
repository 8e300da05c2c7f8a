/** What a regularizer is. */
import type { Tensor } from "../../dsl/tensor.ts";
import type { Config } from "../config.ts";

/** A function of a weight tensor, of any shape, to its penalty, a scalar of the same dtype. */
export interface Regularizer {
  (weights: Tensor): Tensor;
  /** What it is saved as; one of your own has none, and is code. */
  readonly config?: Config;
}
