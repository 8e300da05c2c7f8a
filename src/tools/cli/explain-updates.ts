/**
 * What became of each state's update: in the kernel that makes its gradient, or not and why; in place, or copied and why.
 *
 *   model.w1   in k6_contract_sub, with its gradient %53, which is never stored; in place
 *   model.w2   in k9_sub, apart from its gradient %31 (k4_contract): it also needs %40 (k7_sum_sqrt), computed from it
 */
import { rolesOf } from "../../../codegen/picture/roles.ts";
import { shapeOf } from "../../../passes/fuse/access.ts";
import type { Cluster } from "../../../passes/fuse/cluster.ts";
import type { Stages } from "../../compile.ts";
import type { Node } from "../../graph/node.ts";
import { type NodeNames, nameOf } from "../../graph/node-names.ts";
import { state } from "../../graph/ops/source.ts";
import { printShape } from "../../graph/shape.ts";
import { launchesOf } from "../../program/sequence.ts";

export interface UpdateReport {
  readonly state: string;
  /** The kernel that computes the next value; null where it is only copied. */
  readonly kernel: string | null;
  /** The gradients it reads that another kernel stored, each with the reason; empty where none is stored. */
  readonly stored: readonly { readonly gradient: string; readonly kernel: string; readonly why: string }[];
  /** Why the state is copied and not changed in place; null where it is in place. */
  readonly copied: string | null;
}

export function explainUpdates(stages: Stages, names?: NodeNames): readonly UpdateReport[] {
  const { ordered } = stages;
  const { entry, homes } = ordered.fused;
  const changed = entry.next.filter(({ name, node }) => node.op !== state || node.attrs.name !== name);
  const work = new Updates(stages, names);
  return changed.map(({ name, node }) => {
    const home = homes.get(node);
    const copied =
      ordered.copied.get(name) ?? (home === undefined ? "it is the value of an input or of another state" : null);
    if (home === undefined) return { state: name, kernel: null, stored: [], copied };
    return { state: name, kernel: work.kernelOf(home), stored: work.storedGradients(home), copied };
  });
}

class Updates {
  readonly #homes: ReadonlyMap<Node, Cluster>;
  /** The kernel that computes a node; of several the last. */
  readonly #kernels = new Map<Node, string>();
  readonly #clusters: readonly Cluster[];
  readonly #roles: ReturnType<typeof rolesOf>;
  readonly #names: NodeNames | undefined;

  constructor({ ordered, sequence }: Stages, names: NodeNames | undefined) {
    this.#names = names;
    this.#homes = ordered.fused.homes;
    this.#roles = rolesOf(ordered.fused.entry);
    for (const { name, nodes } of launchesOf(sequence)) {
      for (const node of nodes) this.#kernels.set(node, name);
    }
    this.#clusters = ordered.fused.groups.flat();
  }

  kernelOf(cluster: Cluster | undefined): string {
    const last = cluster?.nodes.at(-1);
    return (last === undefined ? undefined : this.#kernels.get(last)) ?? "no kernel";
  }

  /** Gradients that the update reads from memory. */
  storedGradients(update: Cluster): UpdateReport["stored"] {
    const reads = [...update.reads];
    return reads
      .filter((node) => this.#roles.get(node) === "backward" && !update.nodes.some((own) => this.#reduces(own, node)))
      .map((gradient) => {
        const maker = this.#homes.get(gradient);
        return {
          gradient: nameOf(gradient, this.#names),
          kernel: this.kernelOf(maker),
          why: this.#why(gradient, maker, update),
        };
      });
  }

  /** Whether a node still belongs to the backward pass: it makes the gradient out of what it reads. */
  #reduces(own: Node, read: Node): boolean {
    return this.#roles.get(own) === "backward" && own !== read;
  }

  #why(gradient: Node, maker: Cluster | undefined, update: Cluster): string {
    for (const read of update.reads) {
      const home = this.#homes.get(read);
      if (read === gradient || home === undefined || home === maker || maker === undefined) continue;
      if (this.#dependsOn(home, maker)) {
        return `the update also needs ${nameOf(read, this.#names)} (${this.kernelOf(home)}), which is computed from the whole gradient`;
      }
    }
    const loops = (cluster: Cluster): string => printShape(cluster.domain);
    if (maker !== undefined && loops(maker) !== loops(update)) {
      return `their loops differ: ${loops(maker)} for the gradient, ${loops(update)} for the update`;
    }
    const others = this.#clusters.filter((cluster) => cluster !== update && cluster.reads.has(gradient));
    if (others.length > 0) {
      return `${[...new Set(others.map((cluster) => this.kernelOf(cluster)))].join(", ")} read${others.length === 1 ? "s" : ""} it too`;
    }
    return `one kernel for both would not fit the loops or the buffers that the target allows (${printShape(shapeOf(gradient))})`;
  }

  #dependsOn(from: Cluster, to: Cluster): boolean {
    const seen = new Set<Cluster>();
    const pending = [from];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (next === to) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      for (const node of next.reads) {
        const home = this.#homes.get(node);
        if (home !== undefined) pending.push(home);
      }
    }
    return false;
  }
}
