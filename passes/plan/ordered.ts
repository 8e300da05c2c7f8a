/**
 * A sequence before its kernels are written: groups of clusters in the order in which they run, copies, loops, and where the value
 * of each node lies.
 */
import { unreachable } from "../../src/core/errors.ts";
import type { Node } from "../../src/graph/node.ts";
import type { NodeNames } from "../../src/graph/node-names.ts";
import { type Buffer, type Buffers, printBuffer } from "../../src/program/buffer.ts";
import { printCopy } from "../../src/program/print.ts";
import type { BranchStep, Copy, LoopStep, Row, WhileStep } from "../../src/program/sequence.ts";
import { type Cluster, type Fused, printGroup } from "../fuse/cluster.ts";
import type { Count } from "./place.ts";

export type OrderedStep =
  | { readonly kind: "group"; readonly id: number; readonly clusters: readonly Cluster[] }
  | Copy
  | OuterStep;

/** A loop or a branch of the sequence, and what it runs. */
export type OuterStep =
  | (Omit<LoopStep, "body"> & { readonly body: Ordered })
  | (Omit<WhileStep, "test" | "body"> & { readonly test: Ordered; readonly body: Ordered })
  | (Omit<BranchStep, "yes" | "no"> & { readonly yes: Ordered; readonly no: Ordered });

export interface Ordered {
  readonly fused: Fused;
  readonly steps: readonly OrderedStep[];
  /** Where the value of a stored node lies. */
  readonly bufferOf: ReadonlyMap<Node, Buffer>;
  /** In a loop: the row of its buffer, of a node that is not all of it. */
  readonly rowOf: ReadonlyMap<Node, Row>;
  /** In a loop: the nodes that are the number of an iteration. */
  readonly countOf: ReadonlyMap<Node, Count>;
  /** Where every buffer of the entry comes from. */
  readonly buffers: Buffers;
  /** States whose next value goes through scratch and a copy, with the reason. */
  readonly copied: ReadonlyMap<string, string>;
}

/** The steps as text; copies with the buffers' names. */
export function printOrdered({ steps }: Ordered, names?: NodeNames): string {
  return steps.map((step) => printStep(step, names)).join("\n");
}

function printStep(step: OrderedStep, names: NodeNames | undefined): string {
  const inside = (body: Ordered): string => printOrdered(body, names).replace(/^/gm, "  ");
  switch (step.kind) {
    case "group":
      return printGroup(step.clusters, names);
    case "copy":
      return printCopy(step);
    case "loop":
      return `loop ${step.loop.name} < ${step.loop.extent}\n${inside(step.body)}`;
    case "while":
      return `test\n${inside(step.test)}\nwhile ${printBuffer(step.flag)}\n${inside(step.body)}`;
    case "if":
      return `if ${printBuffer(step.flag)}\n${inside(step.yes)}\nelse\n${inside(step.no)}`;
    default:
      return unreachable(step);
  }
}
