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
import { CompilerBug } from "../../src/core/errors.ts";
import type { Node } from "../../src/graph/node.ts";
import { cast } from "../../src/graph/ops/map.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { store } from "../../src/kernel/build.ts";
import type {
  BufferParam,
  Expr,
  ExprPool,
  Index,
  Kernel,
  LoopVar,
  Nest,
  ParallelLoop,
  Stmt,
} from "../../src/kernel/kernel.ts";
import { newPool } from "../../src/kernel/pool.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import type { Binding, Launch, Sequence, Step } from "../../src/program/sequence.ts";
import { innerExtents, shapeOf } from "../fuse/access.ts";
import type { Cluster } from "../fuse/cluster.ts";
import type { Ordered } from "../plan/order.ts";
import { flatIndex, NestBuilder } from "./lower-nest.ts";
import { Names } from "./names.ts";

/** The sequence of one call of the entry: unscheduled kernels, bound to named buffers. */
export function lower(ordered: Ordered, target: TargetTraits): Sequence {
  const kernelNames = new Names();
  const pool = newPool();
  return ordered.steps.map((step, position): Step => {
    if (step.kind === "copy") return step;
    const name = kernelNames.fresh(`k${position}_${describe(step.clusters)}`);
    return { ...lowerGroup(name, step.clusters, ordered, { pool, target }), id: step.id };
  });
}

/** "contract_add_max": the anchors and the last few maps, enough to recognise a kernel by. */
function describe(clusters: readonly Cluster[]): string {
  const words = new Set<string>();
  for (const { nodes } of clusters) {
    for (const { op } of nodes) if (op.kind !== "map") words.add(op.name.toLowerCase());
    words.add(nodes[nodes.length - 1]?.op.name.toLowerCase() ?? "");
  }
  return [...words].slice(0, 4).join("_");
}

/** What all kernels of an entry have in common. */
interface Setting {
  readonly pool: ExprPool;
  readonly target: TargetTraits;
}

function lowerGroup(
  name: string,
  clusters: readonly Cluster[],
  ordered: Ordered,
  setting: Setting,
): Omit<Launch, "id"> {
  const { target } = setting;
  const names = new Names();
  const buffers = new KernelBuffers(ordered, names);
  const nests: Nest[] = [];
  const nodes: number[] = [];
  let flops = 0;
  for (const cluster of clusters) {
    nests.push(lowerCluster(cluster, buffers, names, setting));
    for (const { id } of cluster.nodes) nodes.push(id);
    flops += flopsOf(cluster);
  }
  const { params, bindings } = buffers.bound();
  let bytes = 0;
  for (const param of params) bytes += trafficOf(param, target);
  const kernel: Kernel = { name, buffers: params, shared: [], nests, flops, bytes, schedule: [] };
  return { kind: "launch", kernel, bindings, nodes };
}

/** What is read is loaded at least once, what is written is stored once. */
function trafficOf({ element, count, role }: BufferParam, target: TargetTraits): number {
  return target.bytesOf(element, count) * (role === "update" ? 2 : 1);
}

/** Arithmetic of a cluster: 2 for each multiply-add of a contraction, 1 for each element of a reduction, a map's price. */
function flopsOf({ nodes }: Cluster): number {
  let flops = 0;
  for (const node of nodes) {
    if (node.result > 0 && node.results.some((other) => other.result < node.result && nodes.includes(other))) continue;
    const elements = sizeOf(shapeOf(node)) * sizeOf(innerExtents(node));
    const each = node.op.kind === "contract" ? 2 : node.op.kind === "map" ? node.op.cost : 1;
    flops += elements * each;
  }
  return flops;
}

/** How a kernel uses a buffer. */
interface Used {
  readonly name: string;
  reads: boolean;
  writes: boolean;
}

/** The buffer parameters of one kernel, found as they are used. */
class KernelBuffers {
  readonly #ordered: Ordered;
  readonly #known = new Map<Buffer, Used>();
  readonly #names: Names;

  constructor(ordered: Ordered, names: Names) {
    this.#ordered = ordered;
    this.#names = names;
  }

  /** The name under which the kernel reads a stored node. */
  read(node: Node): string {
    const used = this.#use(node);
    used.reads = true;
    return used.name;
  }

  write(node: Node): string {
    const used = this.#use(node);
    used.writes = true;
    return used.name;
  }

  isStoredElsewhere(node: Node, cluster: Cluster): boolean {
    return this.#ordered.bufferOf.has(node) && this.#ordered.fused.homes.get(node) !== cluster;
  }

  /** The parameters, and what each is bound to. */
  bound(): { readonly params: readonly BufferParam[]; readonly bindings: readonly Binding[] } {
    const params: BufferParam[] = [];
    const bindings: Binding[] = [];
    for (const [buffer, { name, reads, writes }] of this.#known) {
      const role = reads && writes ? "update" : writes ? "write" : "read";
      params.push({ name, element: buffer.dtype, count: buffer.count, role });
      bindings.push({ param: name, buffer });
    }
    return { params, bindings };
  }

  #use(node: Node): Used {
    const buffer = this.#ordered.bufferOf.get(node);
    if (buffer === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} lies in no buffer`);
    const known = this.#known.get(buffer);
    if (known !== undefined) return known;
    const hint = buffer.segment === "arena" ? `t${node.id}` : buffer.name;
    const used: Used = { name: this.#names.fresh(hint), reads: false, writes: false };
    this.#known.set(buffer, used);
    return used;
  }
}

function lowerCluster(cluster: Cluster, buffers: KernelBuffers, names: Names, setting: Setting): Nest {
  const { pool } = setting;
  const { domain, nodes, outputs } = cluster;
  const loops = domain.map((extent, axis) => ({ name: names.fresh("ijklmn"[axis] ?? "i"), extent }));
  const own = loops.map((loop) => pool.loop(loop));
  const nest = new NestBuilder({ cluster, loops, buffers, names, ...setting });
  // In id order, operands first: so a value never asks for another that is deep below it.
  for (const node of nodes) {
    if (isElement(node, cluster)) nest.value(stored(node, outputs), elementAt(node, own, pool));
  }
  const stores: Stmt[] = [];
  const inRows = new Map<string, Node[]>();
  for (const node of outputs) {
    if (isElement(node, cluster)) {
      const at = elementAt(node, own, pool);
      const buffer = buffers.write(node);
      stores.push(storeAt(buffer, node, at, nest.value(stored(node, outputs), at)));
      continue;
    }
    const row = shapeOf(node).slice(domain.length).join(",");
    const known = inRows.get(row);
    if (known === undefined) inRows.set(row, [node]);
    else known.push(node);
  }
  for (const members of inRows.values()) storeRows(members, nest, loops, buffers, names, pool);
  nest.emit(stores);
  const parallel: ParallelLoop[] = loops.map((loop) => ({ loop, mark: "parallel" }));
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
    for (const node of nodes) stores.push(storeAt(buffers.write(node), node, at, nest.value(beforeRounding(node), at)));
    return stores;
  });
}

/** Memory of f16 rounds what is stored there: for a cast to it there is nothing more to compute. Other readers round. */
function beforeRounding(node: Node): Node {
  if (node.op !== cast || node.attrs.dtype !== "f16") return node;
  const operand = node.args[0];
  return operand?.type.dtype === "f32" ? operand : node;
}

function storeAt(buffer: string, node: Node, at: readonly Index[], value: Expr): Stmt {
  return store(buffer, flatIndex(shapeOf(node), at, value.pool), value, [], [node.id]);
}
