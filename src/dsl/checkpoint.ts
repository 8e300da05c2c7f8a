/**
 * checkpoint: what a function makes on its way is not kept for the backward pass, but made again there.
 */
import { checkArguments } from "../core/options.ts";
import { here, type Origin } from "../core/origin.ts";
import type { Body } from "../graph/body.ts";
import { checkpoint as checkpointOp } from "../graph/ops/custom.ts";
import { BodyTrace, drawOnce } from "./body.ts";
import { applyAll } from "./build.ts";
import { checkFunction, refusePromise } from "./check.ts";
import { tensorsOf } from "./grad.ts";
import { Tensor, tensorLeaf } from "./tensor.ts";
import { mapTree } from "./tree.ts";

/**
 * What `f` gives for a tree of tensors. A gradient through it keeps none of the values in between: they are computed once more
 * when the slope arrives, from `x` and what f reads from around it. So a step needs less memory, and computes more: the same
 * numbers come out. It pays where f makes much of little, in segments of a deep net or the body of a scan, and not around all
 * of a net at once. Random numbers are drawn once, and are the same both times.
 *
 *   const h = checkpoint((x) => relu(dense(relu(dense(x, w1)), w2)), x);
 */
export function checkpoint<X, R>(f: (x: X) => R, x: X): R;
export function checkpoint(f: (x: unknown) => unknown, x: unknown): unknown {
  checkArguments("checkpoint", arguments, 2);
  const origin = here("checkpoint");
  checkFunction("checkpoint", f, "f");
  const given = tensorsOf(x, "checkpoint");
  const { tree, operands, body } = traced(f, x, given, origin);
  const results = applyAll(checkpointOp, operands, { body }, origin);
  let next = 0;
  return mapTree(tree, tensorLeaf, "checkpoint", (leaf) => results[next++] ?? leaf);
}

function traced(
  f: (x: unknown) => unknown,
  x: unknown,
  given: readonly Tensor[],
  origin: Origin,
): { readonly tree: unknown; readonly operands: readonly Tensor[]; readonly body: Body } {
  const trace = new BodyTrace(given, drawOnce, origin);
  try {
    const parameters = given.map(({ value }) => trace.parameter(value.type));
    let next = 0;
    const inside = mapTree(x, tensorLeaf, "checkpoint", (leaf) => {
      const parameter = parameters[next++];
      return parameter === undefined ? leaf : new Tensor(parameter);
    });
    const tree = f(inside);
    refusePromise("checkpoint: the function", tree, origin);
    const outputs = trace.settled(tensorsOf(tree, "checkpoint").map((tensor) => trace.node(tensor)));
    const outside = [...trace.drawn, ...trace.captured];
    const all = [...parameters, ...outside.map(([parameter]) => parameter)];
    const body = trace.body(new Map(all.map((parameter, i) => [parameter, i])), outputs, []);
    return { tree, operands: [...given, ...outside.map(([, tensor]) => tensor)], body };
  } finally {
    trace.close();
  }
}
