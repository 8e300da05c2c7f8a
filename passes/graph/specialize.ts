/**
 * specialize: symbolic dimensions become numbers.
 *
 *   %0: f32[batch,784] = input name=image          %0: f32[128,784] = input name=image
 *   %1: f32[] = size shape=[batch]           ->    %1: f32[] = constant value=128
 *
 * Attributes called `shape`, `start` and `stop` hold dimensions; types follow when the nodes are made again.
 */
import { ShapeError } from "../../src/core/errors.ts";
import { atLine } from "../../src/core/origin.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import type { Attrs, AttrValue, Node } from "../../src/graph/node.ts";
import { size } from "../../src/graph/ops/source.ts";
import { bindDim, type Dims } from "../../src/graph/shape.ts";
import type { GraphPass, PassContext } from "./pass.ts";

export const specialize: GraphPass = {
  name: "specialize",
  run: (entry: Entry, { dims }: PassContext): Entry =>
    rebuild(entry, (node, args, build) => {
      const attrs = bindAttrs(node, dims);
      if (node.op !== size) return build.graph.node(node.op, args, attrs, node.origins, node.regions);
      const [extent] = attrs.shape as readonly number[];
      return build.constant(attrs.dtype as Parameters<typeof build.constant>[0], extent ?? 0);
    }),
};

const holdDimensions: ReadonlySet<string> = new Set(["shape", "start", "stop"]);

function bindAttrs(node: Node, dims: Dims): Attrs {
  const bound = Object.entries(node.attrs).map(([name, value]): [string, AttrValue] => {
    const holds = holdDimensions.has(name) && Array.isArray(value);
    return [name, holds ? (value as readonly (number | string)[]).map((dim) => bind(node, dim, dims)) : value];
  });
  return Object.fromEntries(bound);
}

function bind(node: Node, dim: number | string, dims: Dims): number {
  try {
    const extent = bindDim(dim, dims);
    if (Number.isSafeInteger(extent) && extent >= 0) return extent;
    throw new ShapeError(`the dimension "${dim}" becomes ${extent}, which is no size`);
  } catch (error) {
    if (error instanceof ShapeError) throw new ShapeError(error.message + atLine(node.origins[0]));
    throw error;
  }
}
