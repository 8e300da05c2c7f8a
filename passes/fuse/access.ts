/**
 * Which elements a node reads, as index maps.
 *
 * An element of `node` at the loops `out` is computed from elements of stored nodes; what lies between (views, cheap maps
 * that nobody stores) only moves indexes. `fuse` and `order` ask whether an access is aligned with the loops of a cluster:
 *
 *   add(z, broadcast(b))   at [i, j]   ->   z at [i, j], b at [j]
 */
import { byteWidth } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import { isContract, isReduce, isRun, operand } from "../../src/graph/define.ts";
import { innerExtents } from "../../src/graph/flops.ts";
import type { Guard, Node, NodeOf, Reads, RunSchema } from "../../src/graph/node.ts";
import { runOperands } from "../../src/graph/ops/running.ts";
import { fixedShape, sizeOf } from "../../src/graph/shape.ts";
import { exprBuilder } from "../../src/kernel/expr-builder.ts";
import { rangedIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, ExprPool, Index } from "../../src/kernel/kernel.ts";
import { valueTypeOf } from "../../src/kernel/kernel.ts";
import { newPool } from "../../src/kernel/pool.ts";

export interface Access {
  readonly node: Node;
  readonly at: readonly Index[];
  /** Behind a guard, so some iterations read nothing. */
  readonly guarded: boolean;
}

export function shapeOf(node: Node): readonly number[] {
  return fixedShape(node.type.shape);
}

/** Bytes on a CPU: for comparing values with one another. */
export function bytesOf(node: Node): number {
  return sizeOf(shapeOf(node)) * byteWidth(node.type.dtype);
}

const none: readonly never[] = [];
const noNodes: ReadonlySet<Node> = new Set();

/** Where a node at `out` reads an operand: a reduction or contraction with its own loops `inner` besides. */
export function placeOf(node: Node, arg: number, out: readonly Index[], inner: readonly Index[]): readonly Index[] {
  if (isReduce(node)) return alongAxes(node.args[0], [], node.attrs.axes, out, 0, inner);
  if (!isContract(node)) return out;
  const { batchLeft, batchRight, sumLeft, sumRight } = node.attrs;
  const [left, right] = node.args;
  if (arg === 0) return alongAxes(left, batchLeft, sumLeft, out, batchLeft.length, inner);
  return alongAxes(right, batchRight, sumRight, out, left.type.shape.length - sumLeft.length, inner);
}

/** An index for each axis of an operand: batch axes have the first of `out`, free axes those from `free` on. */
function alongAxes(
  { type: { shape } }: Node,
  batch: readonly number[],
  summed: readonly number[],
  out: readonly Index[],
  free: number,
  inner: readonly Index[],
): readonly Index[] {
  const at: Index[] = [];
  let next = free;
  for (let axis = 0; axis < shape.length; axis += 1) {
    const pair = batch.indexOf(axis);
    const fold = summed.indexOf(axis);
    const index = fold >= 0 ? inner[fold] : out[pair >= 0 ? pair : next++];
    if (index === undefined) throw new CompilerBug("an operand has an axis that no loop serves");
    at.push(index);
  }
  return at;
}

/** What the nodes of an entry read, each found when it is first asked for. */
export class Accesses {
  /** Tells where to stop: a node that lies in a buffer or is computed by a cluster; everything else is looked through. */
  readonly #isStored: (node: Node) => boolean;
  readonly #known = new Map<Node, readonly Access[]>();
  readonly #pool = newPool();
  readonly #elements: Elements;
  /** The contractions that a node computes for itself. */
  readonly #inner = new Map<Node, Set<Node>>();
  readonly #waits = new Map<Node, Set<Node>>();
  #found: Access[] = [];
  #of: Node | null = null;
  /** Whether what is read now stands behind a guard. */
  #guarded = false;
  #isWaiting = false;

  constructor(isStored: (node: Node) => boolean) {
    this.#isStored = isStored;
    this.#elements = elementsIn(this.#pool, {
      read: (node, at, guard) => this.#read(node, at, guard),
      wait: (node) => this.#wait(node),
    });
  }

  /** The stored elements that a node reads at its own loops `o0`, `o1`, ... */
  of(node: Node): readonly Access[] {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const found: Access[] = [];
    this.#found = found;
    this.#of = node;
    const out = this.#loops("o", shapeOf(node));
    const { args, op } = node;
    if (op.kind === "map" || op.kind === "reduce" || op.kind === "contract") {
      const inner = this.#loops("r", innerExtents(node));
      for (let i = 0; i < args.length; i += 1) this.#look(operand(node, i), placeOf(node, i, out, inner));
    } else if (op.kind === "loop") {
      // all of it, and from memory: bodies say in which order
      for (const arg of args) found.push({ node: arg, at: none, guarded: false });
    } else if (isRun(node)) this.#lookAlong(node, out);
    else if (op.kind === "spread") for (const arg of args) this.#look(arg, this.#loops("r", shapeOf(arg)));
    else this.#elements(node, out);
    this.#known.set(node, found);
    return found;
  }

  /** Contractions that a node reads and nobody stores: it computes them inside of its own fold. */
  innerOf(node: Node): ReadonlySet<Node> {
    return this.#inner.get(node) ?? noNodes;
  }

  /** What has to be there before the node is computed, though it reads nothing of it. `of` has been asked before. */
  waitsOf(node: Node): ReadonlySet<Node> {
    return this.#waits.get(node) ?? noNodes;
  }

  /** Something that others wait for is stored no longer. */
  forgetWaits(): void {
    for (const node of [...this.#waits.keys()]) this.forget(node);
  }

  /** Something that the node reads is stored no longer. */
  forget(node: Node): void {
    this.#known.delete(node);
    this.#inner.delete(node);
    this.#waits.delete(node);
  }

  #loops(letter: string, extents: readonly number[]): readonly Index[] {
    const loops: Index[] = [];
    for (let axis = 0; axis < extents.length; axis += 1) {
      loops.push(this.#pool.loop({ name: letter + axis, extent: extents[axis] ?? 0 }));
    }
    return loops;
  }

  /** A run reads along its whole axis. */
  #lookAlong(node: NodeOf<RunSchema, "many">, out: readonly Index[]): void {
    const { axis } = node.attrs;
    const { x, starts, restarts } = runOperands(node.args, node.attrs);
    const [along] = this.#loops("r", [shapeOf(node)[axis] ?? 0]);
    const at = out.map((index, i) => (i === axis && along !== undefined ? along : index));
    for (const whole of [x, restarts]) if (whole !== undefined) this.#look(whole, at);
    if (starts !== undefined) this.#look(starts, out.toSpliced(axis, 1));
  }

  /** Adds what reading `node` at `at` touches. Depth is bounded: long chains of maps are stored by `fuse`. */
  #look(node: Node, at: readonly Index[]): void {
    if (this.#isStored(node)) this.#stop(node, at);
    else if (node.op.kind === "map") for (const arg of node.args) this.#look(arg, at);
    else if (node.op.kind === "contract") this.#lookInside(node, at);
    else this.#elements(node, at);
  }

  #stop(node: Node, at: readonly Index[]): void {
    if (this.#isWaiting) this.#note(this.#waits, node);
    else this.#found.push({ node, at, guarded: this.#guarded });
  }

  #wait(node: Node): void {
    const outer = this.#isWaiting;
    this.#isWaiting = true;
    const first = shapeOf(node).map(() => this.#pool.integer(0));
    this.#look(node, first);
    this.#isWaiting = outer;
  }

  /** Adds to what is known of the node whose accesses are looked for. */
  #note(known: Map<Node, Set<Node>>, node: Node): void {
    if (this.#of === null) return;
    const found = known.get(this.#of);
    if (found === undefined) known.set(this.#of, new Set([node]));
    else found.add(node);
  }

  /** A contraction that is computed where it is read has loops of its own. */
  #lookInside(node: Node, at: readonly Index[]): void {
    if (!this.#isWaiting) this.#note(this.#inner, node);
    const inner = this.#loops(`q${node.id}_`, innerExtents(node));
    for (let i = 0; i < node.args.length; i += 1) this.#look(operand(node, i), placeOf(node, i, at, inner));
  }

  #read(node: Node, at: readonly Index[], guard: Guard | undefined): Expr {
    const outer = this.#guarded;
    this.#guarded ||= guard !== undefined && guard.bounds.length > 0;
    this.#look(node, at);
    this.#guarded = outer;
    return this.#pool.name(valueTypeOf(node.type.dtype), `%${node.id}`); // something that only a run knows
  }
}

/** What is read, each once. */
export function nodesOf(accesses: readonly Access[]): Set<Node> {
  const nodes = new Set<Node>();
  for (const { node } of accesses) nodes.add(node);
  return nodes;
}

/** An element of each result of a node whose op moves elements about, or makes them of nothing. */
export type Elements = (node: Node, at: readonly Index[]) => readonly Expr[];

/** What an op is handed: `read` says what an element of an operand is, `wait` hears of one that has to be there. */
interface Reading {
  readonly read: (node: Node, at: readonly Index[], guard: Guard | undefined) => Expr;
  readonly wait: (node: Node) => void;
  readonly once?: (value: Expr) => Expr;
}

/** One for many nodes, as ops are handed the same things for each. */
export function elementsIn(pool: ExprPool, { read, wait, once = (value) => value }: Reading): Elements {
  let current: Node | undefined;
  const argOf = (arg: number): Node => {
    if (current === undefined) throw new CompilerBug("an element is read for no node");
    return operand(current, arg);
  };
  const reads: Reads & { shapes: Reads["shapes"] } = {
    ...exprBuilder,
    shapes: [],
    read: (arg, at, guard) => read(argOf(arg), at, guard),
    wait: (arg) => wait(argOf(arg)),
    once,
    index: (value, extent) => rangedIndex(value, 0, Math.max(0, extent - 1)),
    pool,
  };
  return (node, at) => {
    const outer = current; // ops ask for elements that others make
    const { shapes } = reads;
    current = node;
    reads.shapes = node.args.map(shapeOf);
    const made = elementsOf(node, at, reads);
    current = outer;
    reads.shapes = shapes;
    return made;
  };
}

function elementsOf({ id, op, attrs, type, results }: Node, at: readonly Index[], reads: Reads): readonly Expr[] {
  if (op.kind === "gather") {
    const types = results.map((result) => result.type);
    return op.elements(at, attrs, types, reads);
  }
  if ((op.kind !== "view" && op.kind !== "source") || op.element === undefined) {
    throw new CompilerBug(`%${id} ${op.name} must be stored or computed by a cluster`);
  }
  return [op.element(at, attrs, type, reads)];
}

/** The index `o2` of the result's axis 2; of an axis with one element, 0. */
export function isOutLoop(index: Index | undefined, axis: number): boolean {
  return index?.kind === "loop" && index.loop.name === `o${axis}`;
}

/** Whether the access reads, at the first `rank` axes, exactly the iteration's own position. */
export function isAligned({ node, at }: Access, domain: readonly number[]): boolean {
  const own = shapeOf(node);
  for (let axis = 0; axis < domain.length; axis += 1) {
    const extent = domain[axis];
    const index = at[axis];
    if (own[axis] !== extent) return false;
    const isOwn = extent === 1 ? index?.kind === "const" && index.value === 0 : isOutLoop(index, axis);
    if (!isOwn) return false;
  }
  return true;
}
