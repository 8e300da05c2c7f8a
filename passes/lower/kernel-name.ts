/**
 * What kernels are called.
 *
 *   k0_hidden         by what it stores, where nodes have names
 *   k0_contract_max   else by what it does: the anchors and the last few maps, enough to recognise it by
 */
import type { NodeNames } from "../../src/graph/node-names.ts";
import type { Cluster } from "../fuse/cluster.ts";

/** A name ends here (names.ts), and a second one that does not fit tells nothing. */
const longest = 36;

export function kernelName(id: number, clusters: readonly Cluster[], names: NodeNames | undefined): string {
  return `k${id}_${storedBy(clusters, names) ?? workOf(clusters)}`;
}

/** A scratch buffer's name in a kernel. Those are lower case: hiddenState is hidden_state. */
export function inWords(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2");
}

/** What each cluster stores last; of the first two, if both fit. */
function storedBy(clusters: readonly Cluster[], names: NodeNames | undefined): string | undefined {
  if (names === undefined) return undefined;
  const known = clusters.flatMap(({ outputs }) => {
    const name = outputs.map((node) => names.get(node)).findLast((one) => one !== undefined);
    return name === undefined ? [] : [inWords(name)];
  });
  const both = known.slice(0, 2).join("_");
  return known.length > 1 && both.length <= longest ? both : known[0];
}

function workOf(clusters: readonly Cluster[]): string {
  const words = new Set<string>();
  for (const { nodes } of clusters) {
    for (const { op } of nodes) if (op.kind !== "map") words.add(op.name.toLowerCase());
    words.add(nodes[nodes.length - 1]?.op.name.toLowerCase() ?? "");
  }
  return [...words].slice(0, 4).join("_");
}
