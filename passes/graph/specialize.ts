/**
 * specialize: symbolic dimensions become numbers.
 *
 *   %0: f32[batch,784] = input name=image          %0: f32[128,784] = input name=image
 *   %1: f32[] = size dim=batch               ->    %1: f32[] = constant value=128
 *
 * Where attributes hold dimensions, ops' schemas say; types follow when the nodes are made again.
 */
import { ShapeError } from "../../src/core/errors.ts";
import { atLine } from "../../src/core/origin.ts";
import { mapDims } from "../../src/graph/attrs.ts";
import { Bodies } from "../../src/graph/body.ts";
import { copyOf } from "../../src/graph/copies.ts";
import { isOp } from "../../src/graph/define.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import { resultOf } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { size } from "../../src/graph/ops/source.ts";
import { bindDim, type Dim, type Dims } from "../../src/graph/shape.ts";
import type { GraphPass } from "./pass.ts";

export const specialize: GraphPass = { name: "specialize", run: (entry, { dims }) => specialized(entry, dims) };

function specialized(entry: Entry, dims: Dims): Entry {
  const bodies = new Bodies((body) => specialized(body, dims));
  return rebuild(entry, (node, args, build) => {
    if (isOp(node, size)) return build.constant(node.attrs.dtype, bind(node, node.attrs.dim, dims));
    const attrs = bodies.within(
      node,
      mapDims(node.op.schema, node.attrs, (dim) => bind(node, dim, dims)),
    );
    if (attrs === node.attrs) return copyOf(node, args, build.graph, false);
    return resultOf(build.graph.node(node.op, args, attrs, node.origins), node.result);
  });
}

function bind(node: Node, dim: Dim, dims: Dims): number {
  try {
    const extent = bindDim(dim, dims);
    if (Number.isSafeInteger(extent) && extent >= 0) return extent;
    throw new ShapeError(`the dimension "${dim}" becomes ${extent}, which is no size`);
  } catch (error) {
    if (error instanceof ShapeError) throw new ShapeError(error.message + atLine(node.origins[0]));
    throw error;
  }
}
