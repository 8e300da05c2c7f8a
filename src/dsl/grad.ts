/**
 * Derivatives, as requests in the graph: nothing is differentiated until the program is compiled.
 */

import { UserError } from "../core/errors.ts";
import { checkArguments } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { gradient as gradientOp } from "../graph/ops/transform.ts";
import type { Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkTensor } from "./check.ts";
import { graphOf, type Tensor, tensorLeaf } from "./tensor.ts";
import { leavesOf, mapTree, type Tree } from "./tree.ts";

/** The same tree, a gradient for each tensor. */
export type GradientsOf<T> =
  T extends Tensor<infer S, infer D> ? Tensor<S, D> : { readonly [K in keyof T]: GradientsOf<T[K]> };

/**
 * The derivatives of a scalar by every tensor of a tree (states, inputs, or values in between). A tensor that the loss does
 * not depend on gets zeros, and compiling warns about it.
 */
export function grad<T>(loss: Tensor<readonly []> | Tensor<Shape>, by: T): GradientsOf<T>;
export function grad(loss: Tensor, by: unknown): Tree<Tensor> {
  checkArguments("grad", arguments, 2);
  const origin = here("grad");
  checkTensor("grad", loss, "the loss");
  const leaves = leavesOf(by, tensorLeaf, "grad");
  if (graphOf([loss, ...leaves.map(({ leaf }) => leaf)]) === undefined) {
    throw new UserError(`grad: neither the loss nor the parameters depend on a state or input${atLine(origin)}`);
  }
  return mapTree(by, tensorLeaf, "grad", (leaf) => applyOp(gradientOp, [loss, leaf], {}, origin));
}
