/**
 * How much there is to do, before anything is compiled: it decides what kind of memory a machine has, and whether it starts
 * threads.
 */
import { bodiesOf } from "../graph/body.ts";
import { type Entry, neededNodes } from "../graph/entry.ts";
import type { Node } from "../graph/node.ts";
import { bindDim, type Dims, type Shape } from "../graph/shape.ts";

/** Rough count of the arithmetic operations in a call of the dearest entry, gradients not yet counted. */
export function workOf({ entries }: { readonly entries: ReadonlyMap<string, Entry> }, dims: Dims): number {
  let most = 0;
  for (const entry of entries.values()) most = Math.max(most, workIn(entry, dims));
  return most;
}

/** A body counts for each iteration, where their number is known. */
function workIn(entry: Entry, dims: Dims): number {
  let work = 0;
  const loops = new Set<readonly Node[]>();
  for (const node of neededNodes(entry)) {
    if (node.op.kind === "loop") {
      if (loops.has(node.results)) continue;
      loops.add(node.results);
      const { length } = node.attrs;
      const times = typeof length === "number" || typeof length === "string" ? bindDim(length, dims) : 1;
      for (const [, body] of bodiesOf(node)) work += times * workIn(body.entry, dims);
      continue;
    }
    const elements = countOf(node.type.shape, dims);
    work += node.op.kind === "contract" ? 2 * Math.sqrt(elements * argumentSizes(node, dims)) : elements;
  }
  return work;
}

/** [m, k] times [k, n] is m n k products: the square root of the three sizes multiplied. */
function argumentSizes({ args }: Node, dims: Dims): number {
  return args.reduce((product, arg) => product * countOf(arg.type.shape, dims), 1);
}

function countOf(shape: Shape, dims: Dims): number {
  return shape.reduce((product: number, dim) => product * bindDim(dim, dims), 1);
}
