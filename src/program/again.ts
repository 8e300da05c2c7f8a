/**
 * What the launches of a sequence compute a second time, because something is checkpointed. Found when somebody asks.
 */
import { userLine } from "../core/origin.ts";
import { type Again, madeAgain } from "../graph/again.ts";
import { flopsOf } from "../graph/flops.ts";
import type { Graph, Node } from "../graph/node.ts";
import type { AgainReport } from "./report.ts";
import { bodiesOf, type Launch, type Sequence } from "./sequence.ts";

export class ComputedAgain {
  readonly #sequence: Sequence;
  readonly #known = new Map<Graph, Again>();
  #launches: ReadonlyMap<Launch, readonly Node[]> | undefined;
  #flops = 0;

  constructor(sequence: Sequence) {
    this.#sequence = sequence;
  }

  /** The nodes of a launch that are computed again. */
  in(launch: Launch): readonly Node[] {
    return this.#found().get(launch) ?? [];
  }

  report(): AgainReport {
    this.#found();
    const origins = [...this.#known.values()].flatMap((again) => [...again.origins]);
    const asked = new Set(origins.flatMap((origin) => userLine(origin) ?? []));
    return { flops: this.#flops, asked: [...asked] };
  }

  #found(): ReadonlyMap<Launch, readonly Node[]> {
    if (this.#launches !== undefined) return this.#launches;
    const launches = new Map<Launch, readonly Node[]>();
    this.#walk(this.#sequence, { times: 1, isAll: false }, launches);
    this.#launches = launches;
    return launches;
  }

  /** `isAll`: in a loop that runs again as a whole. */
  #walk(
    sequence: Sequence,
    { times, isAll }: { readonly times: number; readonly isAll: boolean },
    launches: Map<Launch, readonly Node[]>,
  ): void {
    for (const step of sequence) {
      if (step.kind === "copy") continue;
      if (step.kind === "launch") {
        const nodes = step.nodes.filter((node) => isAll || this.#isAgain(node));
        if (nodes.length > 0) launches.set(step, nodes);
        for (const node of nodes) if (isFirst(node, nodes)) this.#flops += times * flopsOf(node);
        continue;
      }
      const inside = {
        times: step.kind === "loop" ? times * step.loop.extent : times,
        isAll: isAll || (step.node !== undefined && this.#isAgain(step.node)),
      };
      for (const body of bodiesOf(step)) this.#walk(body, inside, launches);
    }
  }

  #isAgain(node: Node): boolean {
    const known = this.#known.get(node.graph) ?? madeAgain(node.graph.nodes);
    this.#known.set(node.graph, known);
    return known.nodes.has(node);
  }
}

/** Several results of an op are one computation. */
function isFirst({ result, results }: Node, nodes: readonly Node[]): boolean {
  return result === 0 || !results.some((other) => other.result < result && nodes.includes(other));
}
