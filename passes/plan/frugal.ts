/**
 * What `order` does besides where a program asks for less memory than it would have: where something is checkpointed.
 *
 *   values    a kernel writes over what it is the last to read, where each element is read by the iteration that overwrites it:
 *             relu's mask of a slope that comes from above
 *   states    w is updated before its old value has been read for the last time, through scratch and a copy, where what its update
 *             reads need then not wait: of a dense layer, x of w' = w - xᵀ·dz, and not both x and dx = dz·wᵀ
 *
 * Elsewhere neither is done: the first takes a schedule's freedom, and the second moves a state twice.
 */
import { byteWidth } from "../../src/core/dtype.ts";
import type { Node } from "../../src/graph/node.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { ExprPool, Index, Term } from "../../src/kernel/kernel.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import { bodiesOf } from "../../src/program/sequence.ts";
import { type Access, bytesOf, shapeOf } from "../fuse/access.ts";
import type { Cluster, Fused } from "../fuse/cluster.ts";
import { joinsParts } from "../fuse/joined.ts";
import type { Ordered, OrderedStep } from "./ordered.ts";

/** Whether something is computed again to be kept for a shorter time. */
export function asksForMemory({ groups }: Fused): boolean {
  return groups.some((clusters) => clusters.some(({ waits }) => waits.size > 0));
}

/** How often another state may be tried, which orders everything anew. */
const mostTries = 12;
/** Less than this is not worth moving a state for. */
const leastGain = 0.02;

/** `orderApart`: the order where these states are not updated in place. */
export function frugal(orderApart: (names: ReadonlySet<string>) => Ordered): Ordered {
  let best = overwriting(orderApart(new Set()));
  let apart: ReadonlySet<string> = new Set();
  let lives = livesOf(best);
  const tried = new Set<string>();
  while (tried.size < mostTries) {
    const name = waitingAt(best, lives).find((one) => !tried.has(one));
    if (name === undefined) break;
    tried.add(name);
    const names = new Set([...apart, name]);
    const other = overwriting(orderApart(names));
    const otherLives = livesOf(other);
    if (peakOf(otherLives).bytes > (1 - leastGain) * peakOf(lives).bytes) continue;
    [best, apart, lives] = [other, names, otherLives];
  }
  return best;
}

// ---- lives ---------------------------------------------------------------------------------------------------------

interface Life {
  readonly first: number;
  last: number;
  readonly bytes: number;
}

type Lives = ReadonlyMap<Buffer, Life>;

/** Scratch of the outermost steps, by their places. A loop is one step. */
function livesOf(ordered: Ordered): Lives {
  const lives = new Map<Buffer, Life>();
  ordered.steps.forEach((step, at) => {
    for (const [buffer, bytes] of touchedBy(step, ordered)) {
      const life = lives.get(buffer);
      if (life === undefined) lives.set(buffer, { first: at, last: at, bytes });
      else life.last = at;
    }
  });
  return lives;
}

function touchedBy(step: OrderedStep, { bufferOf }: Ordered): Iterable<readonly [Buffer, number]> {
  const touched = new Map<Buffer, number>();
  const add = (buffer: Buffer | undefined): void => {
    if (buffer?.segment === "arena") touched.set(buffer, buffer.count * byteWidth(buffer.dtype));
  };
  switch (step.kind) {
    case "group":
      for (const { reads, outputs } of step.clusters)
        for (const node of [...reads, ...outputs]) add(bufferOf.get(node));
      break;
    case "copy":
      add(step.from);
      add(step.to);
      break;
    default:
      if (step.kind !== "loop") add(step.flag);
      for (const body of bodiesOf(step)) {
        for (const inner of body.steps) for (const [buffer] of touchedBy(inner, body)) add(buffer);
      }
  }
  return touched;
}

function peakOf(lives: Lives): { readonly at: number; readonly bytes: number } {
  const growth = new Map<number, number>();
  const grow = (at: number, bytes: number): void => void growth.set(at, (growth.get(at) ?? 0) + bytes);
  for (const { first, last, bytes } of lives.values()) {
    grow(first, bytes);
    grow(last + 1, -bytes);
  }
  let live = 0;
  let peak = { at: 0, bytes: 0 };
  for (const [at, bytes] of [...growth].sort(([a], [b]) => a - b)) {
    live += bytes;
    if (live > peak.bytes) peak = { at, bytes: live };
  }
  return peak;
}

/** States whose update, behind the peak, is the last to read what lives at the peak: those that free the most before the others. */
function waitingAt(ordered: Ordered, lives: Lives): readonly string[] {
  const { at: peak } = peakOf(lives);
  const found: { readonly name: string; readonly bytes: number }[] = [];
  ordered.steps.forEach((step, at) => {
    if (at < peak || step.kind !== "group") return;
    for (const { outputs, reads } of step.clusters) {
      const freed = new Set<Buffer>();
      for (const node of reads) {
        const buffer = ordered.bufferOf.get(node);
        const life = buffer === undefined ? undefined : lives.get(buffer);
        if (buffer !== undefined && life !== undefined && life.first <= peak && life.last === at) freed.add(buffer);
      }
      const bytes = [...freed].reduce((sum, buffer) => sum + (lives.get(buffer)?.bytes ?? 0), 0);
      for (const node of outputs) {
        const buffer = ordered.bufferOf.get(node);
        if (buffer?.segment === "state" && bytes > bytesOf(node)) found.push({ name: buffer.name, bytes });
      }
    }
  });
  return found.sort((a, b) => b.bytes - a.bytes).map(({ name }) => name);
}

// ---- values --------------------------------------------------------------------------------------------------------

/** Results lie where what they are made of has lain, where nobody reads that any more. */
function overwriting(ordered: Ordered): Ordered {
  const bufferOf = new Map(ordered.bufferOf);
  const lives = livesOf(ordered);
  const named = namedIn(ordered);
  ordered.steps.forEach((step, at) => {
    if (step.kind !== "group") return;
    for (const cluster of step.clusters) {
      for (const output of cluster.outputs) {
        const own = scratchOf(output, { ...ordered, bufferOf });
        const life = own === undefined ? undefined : lives.get(own);
        if (own === undefined || life?.first !== at || named.has(own)) continue;
        for (const read of cluster.reads) {
          const buffer = scratchOf(read, { ...ordered, bufferOf });
          const before = buffer === undefined ? undefined : lives.get(buffer);
          if (buffer === undefined || before?.last !== at || before.first === at) continue;
          if (!sameType(buffer, own) || !isReadInPlace(read, output, cluster, step.clusters, ordered.fused)) continue;
          bufferOf.set(output, buffer);
          before.last = life.last;
          break;
        }
      }
    }
  });
  return { ...ordered, bufferOf };
}

/** Buffers that copies and loops name themselves: what lies there stays there. */
function namedIn(ordered: Ordered): ReadonlySet<Buffer> {
  const named = new Set<Buffer>();
  for (const step of ordered.steps) {
    if (step.kind !== "group") for (const [buffer] of touchedBy(step, ordered)) named.add(buffer);
  }
  return named;
}

/** The buffer in the arena that a node has for itself. */
function scratchOf(node: Node, { bufferOf, rowOf, countOf }: Ordered): Buffer | undefined {
  const buffer = bufferOf.get(node);
  return buffer?.segment === "arena" && !rowOf.has(node) && !countOf.has(node) ? buffer : undefined;
}

function sameType(a: Buffer, b: Buffer): boolean {
  return a.dtype === b.dtype && a.count === b.count;
}

/** Whether all that a launch reads of a value is read by the iteration that writes the element of `output` at the same place. */
function isReadInPlace(
  value: Node,
  output: Node,
  cluster: Cluster,
  launched: readonly Cluster[],
  { accesses }: Fused,
): boolean {
  if (launched.some((other) => other !== cluster && other.reads.has(value))) return false;
  if (shapeOf(output).length > cluster.domain.length || joinsParts(output, cluster.domain)) return false;
  for (const node of cluster.nodes) {
    for (const access of accesses.of(node)) if (access.node === value && !isAtPlaceOf(access, output)) return false;
  }
  return true;
}

/** Whether the element read lies as far from the begin as that of `output` which the same iteration writes. */
function isAtPlaceOf({ node, at, guarded }: Access, output: Node): boolean {
  const pool = at[0]?.pool;
  if (guarded || pool === undefined) return false;
  const own = shapeOf(output).map((extent, axis) => pool.loop({ name: `o${axis}`, extent }));
  return flat(at, shapeOf(node), pool) === flat(own, shapeOf(output), pool);
}

function flat(at: readonly Index[], shape: readonly number[], pool: ExprPool): Index {
  let factor = 1;
  const terms = shape.map((_, i): Term => {
    const axis = shape.length - 1 - i;
    const term = { factor, index: at[axis] ?? pool.integer(0) };
    factor *= shape[axis] ?? 1;
    return term;
  });
  return sumIndex(terms, 0, pool);
}
