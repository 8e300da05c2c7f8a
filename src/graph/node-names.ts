/**
 * What people call nodes: a printer is given names, and a node without one is its number.
 *
 *   hidden: f32[128,512] = max %15 %17        with { hidden } for %18
 *
 * A name is an identifier, [A-Za-z][A-Za-z0-9_]*, and no two nodes of an entry share one, those in the bodies of its loops included.
 * Where they come from is nobody's business here: the command line reads them from the user's source (src/tools/names).
 */

/** Names by node. A map of nodes is one. */
export interface NodeNames {
  get(node: Numbered): string | undefined;
}

interface Numbered {
  readonly id: number;
}

/** Its name; without one "%18". */
export function nameOf(node: Numbered, names: NodeNames | undefined): string {
  return names?.get(node) ?? `%${node.id}`;
}
