/**
 * Lowering: clusters become kernels, nodes become loops.
 *
 *   cluster [128, 512]                 nest  parallel i < 128, j < 512
 *     %8 = contract %2 %0                    fold acc = sum over k < 784 of x[i*784 + k] * w1[k*512 + j]
 *     %11 = max(%8 + b1, 0)                  let v = max(acc + b1[j], 0);  store h[i*512 + j] = v
 *
 * There is one mechanism for all clusters: a value is asked for at an index, its op says how to compute it from operands at
 * other indexes, and each value is placed in the outermost scope where its loops are known. So sums that rows share are
 * computed once a row, and scalars that no loop changes once a launch.
 */
import { isShort } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import { isRun, isSpread } from "../../src/graph/define.ts";
import { flopsOf as flopsOfNode } from "../../src/graph/flops.ts";
import type { Node } from "../../src/graph/node.ts";
import type { NodeNames } from "../../src/graph/node-names.ts";
import { cast } from "../../src/graph/ops/map.ts";
import { parallelLoops, store } from "../../src/kernel/build.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type {
  BufferParam,
  Expr,
  ExprPool,
  Index,
  Kernel,
  LoopVar,
  Nest,
  SharedArray,
  Stmt,
} from "../../src/kernel/kernel.ts";
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { type TargetTraits, trafficOf } from "../../src/kernel/target.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import type { Binding, Launch, Row, Sequence, Step } from "../../src/program/sequence.ts";
import { shapeOf } from "../fuse/access.ts";
import type { Cluster } from "../fuse/cluster.ts";
import { joinsParts } from "../fuse/joined.ts";
import type { Ordered, OrderedStep } from "../plan/ordered.ts";
import { inWords, kernelName } from "./kernel-name.ts";
import { lowerCopy } from "./lower-copy.ts";
import { flatIndex, NestBuilder, type Start } from "./lower-nest.ts";
import { ownIndex, type Part, partsOf, placesOfParts } from "./lower-parts.ts";
import { lowerRun } from "./lower-run.ts";
import { lowerSpread } from "./lower-spread.ts";
import { Names } from "./names.ts";

/** The sequence of one call of the entry: unscheduled kernels, bound to named buffers. */
export function lower(ordered: Ordered, target: TargetTraits, kernels: KernelPool, names?: NodeNames): Sequence {
  const kernelNames = new Names();
  const setting: Setting = { kernels, pool: kernels.exprs, target, names };
  const inside = (body: Ordered): Sequence =>
    body.steps.map((step): Step => {
      switch (step.kind) {
        case "group":
          return lowerGroup(kernelNames.fresh(kernelName(step.id, step.clusters, names)), step, body, setting);
        case "copy":
          return lowerCopy(step, target, kernels);
        case "loop":
          return { ...step, body: inside(step.body) };
        case "while":
          return { ...step, test: inside(step.test), body: inside(step.body) };
        case "if":
          return { ...step, yes: inside(step.yes), no: inside(step.no) };
        default:
          return unreachable(step);
      }
    });
  return inside(ordered);
}

/** What all kernels of a compilation have in common. */
interface Setting {
  readonly kernels: KernelPool;
  readonly pool: ExprPool;
  readonly target: TargetTraits;
  readonly names: NodeNames | undefined;
}

function lowerGroup(
  name: string,
  { id, clusters }: OrderedStep & { readonly kind: "group" },
  ordered: Ordered,
  setting: Setting,
): Launch {
  const { target, kernels } = setting;
  const names = new Names();
  const buffers = new KernelBuffers(ordered, names, setting);
  const nests: Nest[] = [];
  let flops = 0;
  buffers.separate(clusters);
  for (const cluster of clusters) {
    buffers.compute(cluster.nodes);
    for (const part of partsOf(cluster)) nests.push(lowerCluster(part, cluster, buffers, names, setting));
    flops += flopsOf(cluster);
  }
  const params = buffers.params();
  let bytes = 0;
  for (const param of params) bytes += trafficOf({ ...param, count: buffers.touched(param.name) }, target);
  const kernel = kernels.intern({
    name,
    buffers: params,
    shared: buffers.shared,
    iterations: buffers.iterations,
    nests,
    flops,
    bytes,
    schedule: [],
  });
  const bindings = buffers.boundTo(kernel);
  return { kind: "launch", id, name, kernel, bindings, iterations: buffers.loops, nodes: buffers.nodes };
}

/** Arithmetic of a cluster; several results of an op are one computation. */
function flopsOf({ nodes }: Cluster): number {
  let flops = 0;
  for (const node of nodes) {
    if (node.result > 0 && node.results.some((other) => other.result < node.result && nodes.includes(other))) continue;
    flops += flopsOfNode(node);
  }
  return flops;
}

/** How a kernel uses a buffer. */
interface Used {
  readonly name: string;
  readonly buffer: Buffer;
  reads: boolean;
  writes: boolean;
  /** How many of its elements at most: those of a row, or all. */
  touched: number;
}

/** The buffer parameters of one kernel, found as they are used, and the places of its nodes. */
class KernelBuffers {
  readonly #ordered: Ordered;
  readonly #known: Used[] = [];
  /** Those of which the kernel reads a row and writes another: two parameters. */
  readonly #separate = new Set<Buffer>();
  readonly #names: Names;
  /** The nodes that it computes. */
  readonly nodes: Node[] = [];
  /** The loops around whose iteration it is told, and what it calls them. */
  readonly loops: LoopVar[] = [];
  readonly iterations: LoopVar[] = [];
  readonly shared: SharedArray[] = [];
  readonly #places = new Map<Node, number>();
  readonly #pool: ExprPool;
  readonly #nodeNames: NodeNames | undefined;

  constructor(ordered: Ordered, names: Names, { pool, names: nodeNames }: Setting) {
    this.#ordered = ordered;
    this.#names = names;
    this.#pool = pool;
    this.#nodeNames = nodeNames;
  }

  /** These, too, are the kernel's to compute. */
  compute(nodes: readonly Node[]): void {
    for (const node of nodes) {
      this.#places.set(node, this.nodes.length);
      this.nodes.push(node);
    }
  }

  /** Looks for buffers of which these read one row and write another. */
  separate(clusters: readonly Cluster[]): void {
    const { bufferOf, rowOf } = this.#ordered;
    if (rowOf.size === 0) return;
    for (const output of clusters.flatMap(({ outputs }) => outputs)) {
      const [buffer, row] = [bufferOf.get(output), rowOf.get(output)];
      if (buffer === undefined || row === undefined) continue;
      for (const { reads } of clusters) {
        for (const read of reads) {
          const other = rowOf.get(read);
          if (bufferOf.get(read) === buffer && other !== undefined && !isSameRow(row, other))
            this.#separate.add(buffer);
        }
      }
    }
  }

  /** How many elements of a parameter are used. */
  touched(name: string): number {
    return this.#known.find((used) => used.name === name)?.touched ?? 0;
  }

  placeOf(node: Node): number {
    const place = this.#places.get(node);
    if (place === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} is not the kernel's to compute`);
    return place;
  }

  /** The name under which the kernel reads a stored node. */
  read(node: Node): string {
    const used = this.#use(node, false);
    used.reads = true;
    return used.name;
  }

  startOf(node: Node): Start | undefined {
    const row = this.#ordered.rowOf.get(node);
    if (row === undefined) return undefined;
    const terms = row.strides.map(({ loop, by }) => ({ factor: by, index: this.#iteration(loop) }));
    return { terms, offset: row.offset };
  }

  countOf(node: Node): Index | undefined {
    const count = this.#ordered.countOf.get(node);
    if (count === undefined) return undefined;
    const { loop, isReversed } = count;
    const index = this.#iteration(loop);
    return isReversed ? sumIndex([{ factor: -1, index }], loop.extent - 1, this.#pool) : index;
  }

  /** A loop of one iteration is not told of. */
  #iteration(loop: LoopVar): Index {
    if (loop.extent === 1) return this.#pool.integer(0);
    let at = this.loops.indexOf(loop);
    if (at < 0) {
      at = this.loops.push(loop) - 1;
      // whichever loop it is: kernels of loops that are alike are one
      this.iterations.push({ name: this.#names.fresh("t"), extent: loop.extent });
    }
    return this.#pool.loop(this.iterations[at] ?? loop);
  }

  written(node: Node): Written {
    const used = this.#use(node, true);
    used.writes = true;
    return { name: used.name, node, place: this.placeOf(node), start: this.startOf(node) };
  }

  isStoredElsewhere(node: Node, cluster: Cluster): boolean {
    const { bufferOf, countOf, fused } = this.#ordered;
    return (bufferOf.has(node) || countOf.has(node)) && fused.homes.get(node) !== cluster;
  }

  params(): readonly BufferParam[] {
    const params: BufferParam[] = [];
    for (const { buffer, name, reads, writes } of this.#known) {
      const role = reads && writes ? "update" : writes ? "write" : "read";
      const isShared = this.#separate.has(buffer);
      const other = isShared ? this.#known.find((one) => one.buffer === buffer && one.name !== name) : undefined;
      const sharing = other === undefined ? {} : { sharing: other.name };
      params.push({ name, element: buffer.dtype, count: buffer.count, role, ...sharing });
    }
    return params;
  }

  /** The buffers as parameters of a kernel with as many, in the same order. */
  boundTo({ buffers }: Kernel): readonly Binding[] {
    return this.#known.map(({ buffer }, i) => ({ param: buffers[i]?.name ?? "", buffer }));
  }

  #use(node: Node, isWrite: boolean): Used {
    const buffer = this.#ordered.bufferOf.get(node);
    if (buffer === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} lies in no buffer`);
    const touched = this.#ordered.rowOf.get(node)?.count ?? buffer.count;
    const isApart = this.#separate.has(buffer);
    const known = this.#known.find((used) => used.buffer === buffer && (!isApart || used.writes === isWrite));
    if (known !== undefined) {
      known.touched = Math.max(known.touched, touched);
      return known;
    }
    const given = this.#nodeNames?.get(node);
    const scratch = given === undefined ? `t${node.id}` : inWords(given);
    const hint = buffer.segment === "arena" ? scratch : buffer.name;
    const used: Used = { name: this.#names.fresh(hint), buffer, reads: false, writes: isWrite, touched };
    this.#known.push(used);
    return used;
  }
}

function isSameRow(a: Row, b: Row): boolean {
  return (
    a.offset === b.offset &&
    a.strides.length === b.strides.length &&
    a.strides.every(({ loop, by }, i) => loop === b.strides[i]?.loop && by === b.strides[i]?.by)
  );
}

/** A node that a kernel stores, with what the kernel calls its buffer and itself. */
interface Written {
  readonly name: string;
  readonly node: Node;
  readonly place: number;
  readonly start: Start | undefined;
}

function lowerCluster(part: Part, cluster: Cluster, buffers: KernelBuffers, names: Names, setting: Setting): Nest {
  const { pool, target } = setting;
  const { domain, nodes, outputs } = cluster;
  const loops = part.extents.map((extent, axis) => ({ name: names.fresh("ijklmn"[axis] ?? "i"), extent }));
  const own = loops.map((loop, axis) => ownIndex(part, axis, loop, pool));
  const nest = new NestBuilder({ cluster, loops, buffers, names, pool, target });
  const parallel = parallelLoops(loops);
  const [run] = nodes;
  if (run !== undefined && isRun(run)) {
    const written = buffers.written(run);
    lowerRun(run, own, { nest, names, target, pool }, (at, value) => storeAt(written, at, value));
    return { loops: parallel, prelude: nest.prelude, body: nest.body };
  }
  if (run !== undefined && isSpread(run)) {
    const written = buffers.written(run);
    buffers.shared.push(lowerSpread(run, own, { nest, names, pool }, (at, value) => storeAt(written, at, value)));
    return { loops: parallel, prelude: nest.prelude, body: nest.body };
  }
  // In id order, operands first: so a value never asks for another that is deep below it.
  for (const node of nodes) {
    if (isElement(node, cluster) && !cluster.inner.has(node) && !joinsParts(node, domain))
      nest.value(stored(node, outputs), elementAt(node, own, pool));
  }
  const stores: Stmt[] = [];
  const inRows = new Map<string, Node[]>();
  for (const node of outputs) {
    if (joinsParts(node, domain)) {
      const written = buffers.written(node);
      for (const { part, at } of placesOfParts(node, own, pool))
        stores.push(storeAt(written, at, nest.value(part, own)));
      continue;
    }
    if (isElement(node, cluster)) {
      const at = elementAt(node, own, pool);
      const written = buffers.written(node);
      stores.push(storeAt(written, at, nest.value(stored(node, outputs), at)));
      continue;
    }
    const row = shapeOf(node).slice(domain.length).join(",");
    const known = inRows.get(row);
    if (known === undefined) inRows.set(row, [node]);
    else known.push(node);
  }
  for (const members of inRows.values()) storeRows(members, nest, loops, buffers, names, pool);
  nest.emit(stores);
  return { loops: parallel, prelude: nest.prelude, body: nest.body };
}

/** Whether a member has one element for each iteration of the cluster's domain: it has no axes beyond, but of size 1. */
function isElement(node: Node, { domain }: Cluster): boolean {
  const shape = shapeOf(node);
  for (let axis = domain.length; axis < shape.length; axis += 1) if (shape[axis] !== 1) return false;
  return true;
}

function elementAt(node: Node, own: readonly Index[], pool: ExprPool): readonly Index[] {
  const rank = shapeOf(node).length;
  if (rank === own.length) return own;
  const at = own.slice();
  while (at.length < rank) at.push(pool.integer(0));
  return at;
}

/** The value that is computed for a member: of one that is stored, as it is before memory rounds it. */
function stored(node: Node, outputs: readonly Node[]): Node {
  const before = beforeRounding(node);
  return before !== node && outputs.includes(node) ? before : node;
}

/** One loop nest over the inner axes for all outputs that have them; values first, so that updates in place come last. */
function storeRows(
  nodes: readonly Node[],
  nest: NestBuilder,
  loops: readonly LoopVar[],
  buffers: KernelBuffers,
  names: Names,
  pool: ExprPool,
): void {
  const rest = shapeOf(nodes[0] as Node).slice(loops.length);
  const inner = rest.map((extent) => ({ name: names.fresh("c"), extent }));
  const at = [...loops, ...inner].map((loop) => pool.loop(loop));
  nest.within(inner, () => {
    const stores: Stmt[] = [];
    for (const node of nodes) stores.push(storeAt(buffers.written(node), at, nest.value(beforeRounding(node), at)));
    return stores;
  });
}

/** Memory of short floats rounds what is stored there: for a cast to it there is nothing more to compute. Other readers round. */
function beforeRounding(node: Node): Node {
  if (node.op !== cast || !isShort(node.type.dtype)) return node;
  const operand = node.args[0];
  return operand?.type.dtype === "f32" ? operand : node;
}

function storeAt({ name, node, place, start }: Written, at: readonly Index[], value: Expr): Stmt {
  return store(name, flatIndex(shapeOf(node), at, value.pool, start), value, [], [place]);
}
