/**
 * An entry as JSON, for other tools: every node (those that pictures fold into their readers too), in id order.
 *
 *   { "entry": "train", "nodes": [{ "id": 13, "op": "add", "args": [11, 12], "dtype": "f32", "shape": [128, 512],
 *     "part": "forward", "kernel": "k0_contract_max", "buffer": null }], "outputs": [["loss", 32]], "next": [...] }
 *
 * `name`: of an input or a state its path, of others what `names` call them, where they do. `kernel` and `buffer` only where kernels are shown: null is no kernel (computed where it is read), or a register.
 */
import { type Entry, neededNodes, type Result } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import type { NodeNames } from "../../src/graph/node-names.ts";
import { ownAttrs } from "../../src/graph/print.ts";
import { type Buffer, printBuffer } from "../../src/program/buffer.ts";
import type { Kernels } from "./drawn.ts";
import { rolesOf } from "./roles.ts";

export function graphJson(
  entry: Entry,
  kernels: Kernels | null = null,
  names?: NodeNames,
): Readonly<Record<string, unknown>> {
  const roles = rolesOf(entry);
  const kernelOf = new Map<Node, string>();
  for (const step of kernels?.steps ?? []) {
    if (step.kind === "launch") for (const node of step.clusters.flat()) kernelOf.set(node, step.name);
  }
  const nodes = neededNodes(entry).map((node) => ({
    ...nodeJson(node, names),
    part: roles.get(node),
    ...(kernels === null ? {} : { kernel: kernelOf.get(node) ?? null, buffer: nameOf(kernels.bufferOf.get(node)) }),
  }));
  return {
    entry: entry.name,
    nodes,
    outputs: resultsJson(entry.outputs),
    next: resultsJson(entry.next),
    ...(kernels === null ? {} : { steps: kernels.steps.map(stepJson) }),
  };
}

function nameOf(buffer: Buffer | undefined): string | null {
  return buffer === undefined ? null : printBuffer(buffer);
}

function nodeJson(node: Node, names: NodeNames | undefined): Readonly<Record<string, unknown>> {
  const name = node.attrs.name ?? names?.get(node);
  const attrs = ownAttrs(node).filter(([key]) => key !== "name");
  return {
    id: node.id,
    op: node.op.name,
    ...(name === undefined ? {} : { name }),
    args: node.args.map((arg) => arg.id),
    dtype: node.type.dtype,
    shape: node.type.shape,
    ...(attrs.length === 0 ? {} : { attrs: Object.fromEntries(attrs) }),
    ...(node.results.length === 1 ? {} : { result: node.result }),
  };
}

/** Pairs, since a result may have any name, `__proto__` too. */
function resultsJson(results: readonly Result[]): readonly (readonly [string, number])[] {
  return results.map(({ name, node }) => [name, node.id]);
}

function stepJson(step: Kernels["steps"][number]): Readonly<Record<string, unknown>> {
  if (step.kind === "copy") return { copy: { from: printBuffer(step.from), to: printBuffer(step.to) } };
  return { launch: step.name, schedule: step.note, clusters: step.clusters.map((nodes) => nodes.map(({ id }) => id)) };
}
