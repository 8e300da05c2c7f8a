/**
 * What is drawn of a graph: nodes as boxes, or many of them as one. Constants and what only repeats something are left out unless asked
 * for, and lines go through them.
 */
import type { GraphView, NodeView } from "../../src/tools/explorer/exploration.ts";

export type Grouping = "nothing" | "layer" | "kernel";

export interface Folding {
  readonly by: Grouping;
  /** Groups that are not drawn as one box, by their paths. */
  readonly open: ReadonlySet<string>;
  readonly small: boolean;
}

export interface Box {
  readonly id: string;
  readonly label: string;
  readonly about: string;
  readonly role: NodeView["role"];
  readonly nodes: readonly NodeView[];
  /** The path of the group that it is, or null for a node. */
  readonly group: string | null;
}

export interface Line {
  readonly from: string;
  readonly to: string;
}

export interface Boxes {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly boxOf: ReadonlyMap<string, string>;
}

/** Boxes that a person can find their way among. */
export const manyBoxes = 160;

export function startFolding(graph: GraphView): Folding {
  const shown = graph.nodes.filter(({ isSmall }) => !isSmall).length;
  return { by: shown > manyBoxes ? "layer" : "nothing", open: new Set(), small: false };
}

export function makeBoxes({ nodes }: GraphView, folding: Folding, kernelName: (kernel: number) => string): Boxes {
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const shown = nodes.filter(({ isSmall }) => folding.small || !isSmall);
  const paths = new Map(shown.map((node) => [node, pathsOf(node, folding.by, kernelName)]));
  const sizes = new Map<string, number>();
  for (const list of paths.values()) for (const path of list) sizes.set(path, (sizes.get(path) ?? 0) + 1);
  const closed = (node: NodeView): string | undefined =>
    paths.get(node)?.find((path) => isFoldable(path, folding) && !folding.open.has(path) && (sizes.get(path) ?? 0) > 1);
  const groups = new Map<string, NodeView[]>();
  const boxOf = new Map<string, string>();
  for (const node of shown) {
    const group = closed(node);
    const id = group === undefined ? `n ${node.key}` : `g ${group}`;
    boxOf.set(node.key, id);
    groups.set(id, [...(groups.get(id) ?? []), node]);
  }
  const boxes = [...groups].map(([id, members]) => boxFor(id, members));
  const lines = new Map<string, Line>();
  for (const node of shown) {
    const to = boxOf.get(node.key) ?? "";
    for (const source of sourcesOf(node, byKey, boxOf)) {
      if (source !== to) lines.set(`${source}\n${to}`, { from: source, to });
    }
  }
  return { boxes, lines: [...lines.values()], boxOf };
}

/** A whole pass is no group that helps: the first level is always open. */
function isFoldable(path: string, { by }: Folding): boolean {
  return by === "kernel" || path.includes("\n");
}

function boxFor(id: string, nodes: readonly NodeView[]): Box {
  const [first] = nodes;
  if (first === undefined) throw new Error("an empty box");
  if (id.startsWith("n ")) {
    const label = first.name !== null && first.name !== first.label ? `${first.name} = ${first.label}` : first.label;
    return { id, label, about: first.type, role: first.role, nodes, group: null };
  }
  const group = id.slice(2);
  const name = group.split("\n").at(-1) ?? group;
  const roles = new Set(nodes.map(({ role }) => role));
  const role = [...roles].find((one) => one !== "source") ?? "source";
  return { id, label: name, about: `${nodes.length} nodes`, role, nodes, group };
}

/** From outside in. */
function pathsOf(node: NodeView, by: Grouping, kernelName: (kernel: number) => string): readonly string[] {
  if (by === "nothing") return [];
  if (by === "kernel") return node.kernels?.[0] === undefined ? [] : [kernelName(node.kernels[0])];
  return node.group.map((_, i) => node.group.slice(0, i + 1).join("\n"));
}

/** The boxes that a node reads, through those that are left out. */
function sourcesOf(
  node: NodeView,
  byKey: ReadonlyMap<string, NodeView>,
  boxOf: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = [...node.args];
  const seen = new Set<string>();
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (seen.has(key)) continue;
    seen.add(key);
    const box = boxOf.get(key);
    if (box !== undefined) found.add(box);
    else waiting.push(...(byKey.get(key)?.args ?? []));
  }
  return found;
}
