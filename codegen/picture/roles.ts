/**
 * Forward, backward or update: which part of a training step a node belongs to.
 *
 *   backward   `differentiate` made it: all of its origins are marked derived. Before that pass: the gradient nodes
 *   update     computed from gradients, or for next states alone (a moment's decay, a schedule's step)
 *   again      what the backward pass makes a second time, as something is checkpointed
 *   forward    everything else: what outputs need, and what the backward pass reads
 *
 * Later passes keep origins, so the parts are still known when the graph has been simplified and fused. A value that both
 * passes compute is one node with origins of both, and counts as forward. Inputs, states and constants belong to no part.
 */
import { isDerived, madeAgain } from "../../src/graph/again.ts";
import { type Entry, neededNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { isRequest } from "../../src/graph/ops/transform.ts";

export type Role = "source" | "forward" | "again" | "backward" | "update";

export function rolesOf(entry: Entry): ReadonlyMap<Node, Role> {
  const nodes = neededNodes(entry);
  const again = madeAgain(nodes).nodes;
  const backward = new Set(nodes.filter((node) => isBackward(node) && !again.has(node)));
  const afterGradients = new Set<Node>();
  for (const node of nodes) {
    if (node.args.some((arg) => backward.has(arg) || afterGradients.has(arg))) afterGradients.add(node);
  }
  const forward = neededForward(entry, nodes, backward, afterGradients);
  const roleOf = (node: Node): Role => {
    if (isSource(node)) return "source";
    if (again.has(node)) return "again";
    if (backward.has(node)) return "backward";
    return forward.has(node) ? "forward" : "update";
  };
  return new Map(nodes.map((node) => [node, roleOf(node)]));
}

function isBackward(node: Node): boolean {
  if (isRequest(node)) return true;
  return !isSource(node) && isDerived(node);
}

/** Nodes without operands: they are computed from nothing. */
function isSource(node: Node): boolean {
  return node.op.kind === "source";
}

/** What outputs and the backward pass are computed from, without gradients. */
function neededForward(
  entry: Entry,
  nodes: readonly Node[],
  backward: ReadonlySet<Node>,
  afterGradients: ReadonlySet<Node>,
): ReadonlySet<Node> {
  const needed = new Set<Node>(entry.outputs.map(({ node }) => node));
  for (const node of nodes.toReversed()) {
    if (needed.has(node) || backward.has(node)) for (const arg of node.args) needed.add(arg);
  }
  const isForward = (node: Node): boolean => needed.has(node) && !backward.has(node) && !afterGradients.has(node);
  return new Set(nodes.filter(isForward));
}
