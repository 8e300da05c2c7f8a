/**
 * What is too large to compile: tensors that no memory holds, and kernels that would count further than their target can.
 *
 * A tensor may be larger than any index where it is never stored (all pairs of 50,000 points, summed along rows): only what a
 * kernel really counts matters.
 */
import { UserError } from "../core/errors.ts";
import { atLine, type Origin } from "../core/origin.ts";
import { withBodies } from "../graph/body.ts";
import { type Entry, neededNodes } from "../graph/entry.ts";
import type { Node } from "../graph/node.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import { isIndex } from "../kernel/index-expr.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { someStmt } from "../kernel/rewrite.ts";
import type { TargetTraits } from "../kernel/target.ts";
import { kernelsOf, type Sequence } from "./sequence.ts";

/** More elements than any memory holds; below it, places in a buffer are exact numbers. */
const mostElements = 2 ** 45;

/** A dimension that a user gives may make tensors that nothing can hold. */
export function checkSizes(entry: Entry): void {
  for (const each of withBodies(entry)) {
    for (const node of neededNodes(each)) {
      if (sizeOf(node) > mostElements) checkSize(inWords(node), node.type.shape, node.origins[0]);
    }
  }
}

export function checkSize(what: string, shape: Shape, origin?: Origin): void {
  if (countOf(shape) <= mostElements) return;
  throw new UserError(`${what}: more elements than any memory holds; make the dimensions smaller${atLine(origin)}`);
}

/** Kernels count in whole numbers up to `mostIndex`; `sequence` is what became of the entry. */
export function checkIndexes(sequence: Sequence, entry: Entry, { name, mostIndex }: TargetTraits): void {
  const largest = largestIn(entry);
  // Kernels round sizes up to whole tiles and vectors, by less than this.
  if (largest === null || sizeOf(largest) <= mostIndex / 2) return;
  if (!kernelsOf(sequence).some((kernel) => countsBeyond(kernel, mostIndex))) return;
  throw new UserError(
    `${inWords(largest)}: a kernel of the ${name} target counts up to ${mostIndex}, and this takes ` +
      `more; make the dimensions smaller, or use the js target${atLine(largest.origins[0])}`,
  );
}

function countsBeyond({ nests }: Kernel, most: number): boolean {
  return nests.some(
    ({ loops, prelude, body }) =>
      loops.some(({ loop }) => loop.extent > most) ||
      someStmt([...prelude, ...body], {
        stmt: (stmt) => stmt.kind === "for" && stmt.loop.extent > most,
        expr: (expr) => isIndex(expr) && (expr.max > most || (expr.kind !== "const" && expr.min < -most)),
      }),
  );
}

/** The first of the largest nodes. */
function largestIn(entry: Entry): Node | null {
  let largest: Node | null = null;
  let most = -1;
  for (const each of withBodies(entry)) {
    for (const node of neededNodes(each)) {
      const size = sizeOf(node);
      if (size <= most) continue;
      largest = node;
      most = size;
    }
  }
  return largest;
}

function inWords({ op, type }: Node): string {
  return `${op.name} is ${type.dtype}${printShape(type.shape)}`;
}

const sizeOf = ({ type }: Node): number => countOf(type.shape);

function countOf(shape: Shape): number {
  let count = 1;
  for (let i = 0; i < shape.length; i += 1) count *= Number(shape[i]);
  return count;
}
