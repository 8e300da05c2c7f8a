/**
 * Contractions that are computed inside of another fold: those of a convolution whose windows a pool reads.
 *
 *   contract window(x) w              [n, 26, 26, f]      never stored
 *   maxWithIndex over 2 x 2 of it     [n, 13, 13, f]      fold best, place = argMax over a < 2, b < 2
 *                                                           fold acc = sum over kh, kw, c of x[..] * w[..]
 *
 * That pays where nothing is computed twice (windows of the pool do not overlap), nobody else reads the contraction, and what is
 * left has the loops that blocks are made of: places as rows, and the last axis of the contraction, which no pool folds.
 */
import { isReduce } from "../../src/graph/define.ts";
import { innerExtents } from "../../src/graph/flops.ts";
import type { Node } from "../../src/graph/node.ts";
import { window } from "../../src/graph/ops/window.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { Accesses, shapeOf } from "./access.ts";

/** Elements that are computed twice, at the edges of windows, cost less than the way through memory. */
const mostAgain = 1.05;
/** Bytes that stay in a cache anyway. */
const leastBytes = 64 * 1024;
/** With fewer rows a panel of the other factor is not worth filling. */
const leastRows = 16;
/** Folds that read each element when it is made. An arg-max keeps the place, so nobody asks again who was the greatest. */
const folds: ReadonlySet<string> = new Set(["max", "min", "argMax", "argMin", "sum"]);

/** The contractions that one reduction of windows computes for itself. */
export function innerContractions(
  nodes: readonly Node[],
  results: ReadonlySet<Node>,
  { innerTerms, bytesOf }: Pick<TargetTraits, "innerTerms" | "bytesOf">,
): ReadonlySet<Node> {
  const found = new Set<Node>();
  if (innerTerms === 0 || !nodes.some(({ op }) => op === window)) return found;
  const readers = readersOf(nodes);
  const accesses = new Accesses((node) => node.op.kind !== "view");
  for (const node of nodes) {
    if (!isReduce(node) || !folds.has(node.op.fold)) continue;
    const source = readAlone(node.args[0], readers, results);
    if (source === null || source.own || sizeOf(innerExtents(source)) > innerTerms) continue;
    if (bytesOf(source.type.dtype, sizeOf(shapeOf(source))) <= leastBytes) continue;
    if (leavesBlocks(node, source, accesses)) found.add(source);
  }
  return found;
}

/** The contraction behind views that nobody else reads. */
function readAlone(from: Node, readers: ReadonlyMap<Node, number>, results: ReadonlySet<Node>): Node | null {
  let node: Node | undefined = from;
  let isWindow = false;
  for (; node !== undefined; node = node.args[0]) {
    if (readers.get(node) !== 1 || results.has(node)) return null;
    if (node.op.kind === "contract") return isWindow ? node : null;
    if (node.op.kind !== "view" || node.args.length !== 1) return null;
    isWindow ||= node.op === window;
  }
  return null;
}

function leavesBlocks(node: Node, source: Node, accesses: Accesses): boolean {
  const [read, ...others] = accesses.of(node);
  const columns = shapeOf(source).at(-1) ?? 1;
  const elements = sizeOf(shapeOf(node));
  if (read === undefined || others.length > 0 || read.node !== source || read.guarded) return false;
  if (elements * sizeOf(innerExtents(node)) > mostAgain * sizeOf(shapeOf(source))) return false;
  const last = read.at[read.at.length - 1];
  return last?.kind === "loop" && last.loop.name.startsWith("o") && elements / columns >= leastRows;
}

/** How many applications read each node. */
function readersOf(nodes: readonly Node[]): ReadonlyMap<Node, number> {
  const readers = new Map<Node, number>();
  const seen = new Set<Node["results"]>();
  for (const node of nodes) {
    if (seen.has(node.results)) continue;
    seen.add(node.results);
    for (const arg of new Set(node.args)) readers.set(arg, (readers.get(arg) ?? 0) + 1);
  }
  return readers;
}
