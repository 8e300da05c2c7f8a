/** What a constraint is: what a weight becomes after each update, such as its share above 0. */
import type { Tensor } from "../../dsl/tensor.ts";
import type { Config } from "../config.ts";

/** The weight as it may be. One of this library has a config; a function of your own is code. */
export interface Constraint {
  (weight: Tensor): Tensor;
  readonly config?: Config;
}
