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
import { fixedShape, sizeOf } from "../../src/graph/shape.ts";
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
  const words = clusters.flatMap((cluster) => {
    const ops = cluster.nodes.map((node) => node.op.name.toLowerCase());
    const heavy = cluster.nodes.filter((node) => node.op.kind !== "map").map((node) => node.op.name.toLowerCase());
    return [...new Set([...heavy, ops[ops.length - 1] ?? ""])];
  });
  return [...new Set(words)].slice(0, 4).join("_");
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
  const nests = clusters.map((cluster) => lowerCluster(cluster, buffers, names, setting));
  const params = buffers.params();
  const kernel: Kernel = {
    name,
    buffers: params.map(({ param }) => param),
    shared: [],
    nests,
    flops: clusters.reduce((sum, cluster) => sum + flopsOf(cluster), 0),
    bytes: params.reduce((sum, { param }) => sum + trafficOf(param, target), 0),
    schedule: [],
  };
  const bindings: Binding[] = params.map(({ param, buffer }) => ({ param: param.name, buffer }));
  const nodes = clusters.flatMap((cluster) => cluster.nodes.map(({ id }) => id));
  return { kind: "launch", kernel, bindings, nodes };
}

/** What is read is loaded at least once, what is written is stored once. */
function trafficOf({ element, count, role }: BufferParam, target: TargetTraits): number {
  return target.bytesOf(element, count) * (role === "update" ? 2 : 1);
}

/** Arithmetic of a cluster: 2 for each multiply-add of a contraction, 1 for each element of a reduction, a map's price. */
function flopsOf(cluster: Cluster): number {
  return cluster.nodes.reduce((sum, node) => {
    if (node.results.some((other) => other.result < node.result && cluster.nodes.includes(other))) return sum;
    const elements = sizeOf(shapeOf(node)) * sizeOf(innerExtents(node));
    if (node.op.kind === "contract") return sum + 2 * elements;
    return sum + elements * (node.op.kind === "map" ? node.op.cost : 1);
  }, 0);
}

/** The buffer parameters of one kernel, found as they are used. */
class KernelBuffers {
  readonly #ordered: Ordered;
  readonly #known = new Map<Buffer, { name: string; node: Node; reads: boolean; writes: boolean }>();
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

  params(): { readonly param: BufferParam; readonly buffer: Buffer }[] {
    return [...this.#known].map(([buffer, { name, node, reads, writes }]) => {
      const { dtype, shape } = node.type;
      const role = reads && writes ? "update" : writes ? "write" : "read";
      return { buffer, param: { name, element: dtype, count: sizeOf(fixedShape(shape)), role } };
    });
  }

  #use(node: Node) {
    const buffer = this.#ordered.bufferOf.get(node);
    if (buffer === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} lies in no buffer`);
    const known = this.#known.get(buffer);
    if (known !== undefined) return known;
    const hint = buffer.segment === "arena" ? `t${node.id}` : buffer.name;
    const used = { name: this.#names.fresh(hint), node, reads: false, writes: false };
    this.#known.set(buffer, used);
    return used;
  }
}

function lowerCluster(cluster: Cluster, buffers: KernelBuffers, names: Names, setting: Setting): Nest {
  const { pool } = setting;
  const loops = cluster.domain.map((extent, axis) => ({ name: names.fresh("ijklmn"[axis] ?? "i"), extent }));
  const nest = new NestBuilder({ cluster, loops, buffers, names, ...setting });
  const elementAt = (node: Node): Index[] => [
    ...loops.map((loop) => pool.loop(loop)),
    ...restOf(node, cluster).map(() => pool.integer(0)),
  ];
  const isElement = (node: Node): boolean => sizeOf(restOf(node, cluster)) === 1;
  // In id order, operands first: so a value never asks for another that is deep below it.
  const stored = (node: Node): Node => {
    const before = beforeRounding(node);
    return before !== node && cluster.outputs.includes(node) ? before : node;
  };
  for (const node of cluster.nodes) if (isElement(node)) nest.value(stored(node), elementAt(node));
  const stores = cluster.outputs
    .filter(isElement)
    .map((node) => storeAt(buffers.write(node), node, elementAt(node), nest.value(stored(node), elementAt(node))));
  const inRows = new Map<string, Node[]>();
  for (const node of cluster.outputs.filter((output) => !isElement(output))) {
    const key = restOf(node, cluster).join(",");
    inRows.set(key, [...(inRows.get(key) ?? []), node]);
  }
  for (const nodes of inRows.values()) storeRows(nodes, nest, loops, buffers, names, pool);
  nest.emit(stores);
  const parallel: ParallelLoop[] = loops.map((loop) => ({ loop, mark: "parallel" }));
  return { loops: parallel, prelude: nest.prelude, body: nest.body };
}

/** The axes of a member beyond the cluster's domain. */
function restOf(node: Node, cluster: Cluster): readonly number[] {
  return shapeOf(node).slice(cluster.domain.length);
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
  nest.within(inner, () =>
    nodes.map((node) => storeAt(buffers.write(node), node, at, nest.value(beforeRounding(node), at))),
  );
}

/** Memory of f16 rounds what is stored there: for a cast to it there is nothing more to compute. Other readers round. */
function beforeRounding(node: Node): Node {
  const [operand] = node.args;
  const isRounding = node.op === cast && node.attrs.dtype === "f16" && operand !== undefined;
  return isRounding && operand.type.dtype === "f32" ? operand : node;
}

function storeAt(buffer: string, node: Node, at: readonly Index[], value: Expr): Stmt {
  return store(buffer, flatIndex(shapeOf(node), at, value.pool), value, [], [node.id]);
}
