/**
 * Derivatives, as requests in the graph: nothing is differentiated until the program is compiled.
 */

import { ShapeError, UserError } from "../core/errors.ts";
import { checkArguments } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import type { Graph } from "../graph/node.ts";
import { gradient as gradientOp, pullback as pullbackOp } from "../graph/ops/transform.ts";
import { broadcast } from "../graph/ops/view.ts";
import type { Shape } from "../graph/shape.ts";
import { printType, sameType } from "../graph/type.ts";
import { applyOp, toTensor } from "./build.ts";
import { checkTensor } from "./check.ts";
import { graphOf, nodeIn, Tensor, tensorLeaf } from "./tensor.ts";
import { leavesOf, mapTree, type NamedLeaf, type Tree } from "./tree.ts";

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
  graphOfAll("grad", "the loss", [loss, ...tensorsOf(by, "grad")], origin);
  return mapTree(by, tensorLeaf, "grad", (leaf) => applyOp(gradientOp, [loss, leaf], {}, origin));
}

/** The derivatives of a tree of values, each weighted by a slope of its type, by every tensor of another tree. */
export function pullback<Y, T>(y: Y, slope: GradientsOf<Y>, by: T): GradientsOf<T>;
export function pullback(y: unknown, slope: unknown, by: unknown): Tree<Tensor> {
  checkArguments("pullback", arguments, 3);
  const origin = here("pullback");
  const values = leavesOf(y, tensorLeaf, "pullback");
  const slopes = leavesLike("pullback", "the slope", slope, values, origin);
  const tensors = values.map(({ leaf }) => leaf);
  graphOfAll("pullback", "the values", [...tensors, ...tensorsOf(by, "pullback")], origin);
  return mapTree(by, tensorLeaf, "pullback", (leaf) => pullbackOf(tensors, slopes, leaf, origin));
}

/** The derivative by one tensor. `silent`: it may be that no value depends on it. */
export function pullbackOf(
  values: readonly Tensor[],
  slopes: readonly Tensor[],
  by: Tensor,
  origin: Origin,
  silent = false,
): Tensor {
  return applyOp(pullbackOp, [...values, ...slopes, by], { silent }, origin);
}

export function tensorsOf(tree: unknown, call: string): readonly Tensor[] {
  return leavesOf(tree, tensorLeaf, call).map(({ leaf }) => leaf);
}

/** The graph of tensors that a derivative is about. */
export function graphOfAll(call: string, values: string, tensors: readonly Tensor[], origin: Origin): Graph {
  const graph = graphOf(tensors);
  if (graph !== undefined) return graph;
  throw new UserError(`${call}: neither ${values} nor the parameters depend on a state or input${atLine(origin)}`);
}

/** The tensors of a tree that must be like another: the same names, and a tensor of the same type at each. What is `unread` may be there. */
export function leavesLike(
  call: string,
  what: string,
  tree: unknown,
  like: readonly NamedLeaf<Tensor>[],
  origin: Origin,
  unread: ReadonlySet<string> = new Set(),
): readonly Tensor[] {
  const given = new Map(leavesOf(tree, tensorLeaf, call).map(({ path, leaf }) => [path, leaf]));
  const found = like.map(({ path, leaf }) => {
    const name = path === "" ? what : `${what} "${path}"`;
    const one = given.get(path);
    if (one === undefined) throw new UserError(`${call}: ${name} is missing${atLine(origin)}`);
    const [type, wanted] = [one.value.type, leaf.value.type];
    if (!sameType(type, wanted)) {
      throw new ShapeError(`${call}: ${name} must be ${printType(wanted)}, not ${printType(type)}${atLine(origin)}`);
    }
    given.delete(path);
    return one;
  });
  const more = [...given.keys()].find((path) => !unread.has(path));
  if (more !== undefined)
    throw new UserError(`${call}: ${what} has "${more}", and nothing else has it${atLine(origin)}`);
  return found;
}

/** A tensor like another that nothing else is, to differentiate by; its numbers are never read where rules are linear in it. */
export function unknownLike(x: Tensor, graph: Graph, origin: Origin): Tensor {
  const { dtype, shape } = x.value.type;
  const zero = toTensor(0, dtype, origin);
  return new Tensor(graph.node(broadcast, [nodeIn(graph, zero)], { shape, axes: [] }, [origin]));
}
