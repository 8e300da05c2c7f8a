/** Trees of inputs and outputs, from their leaves by path: lists where all names of a level are counted, as executables give them. */

export interface Leaf<T> {
  readonly path: readonly string[];
  readonly value: T;
}

export type LeafTree<T> =
  | { readonly kind: "leaf"; readonly value: T }
  | { readonly kind: "list" | "object"; readonly members: readonly (readonly [name: string, tree: LeafTree<T>])[] };

export function treeOf<T>(leaves: readonly Leaf<T>[]): LeafTree<T> {
  const [first] = leaves;
  if (first !== undefined && first.path.length === 0) return { kind: "leaf", value: first.value };
  const groups = new Map<string, Leaf<T>[]>();
  for (const { path, value } of leaves) {
    const [name = "", ...rest] = path;
    const group = groups.get(name) ?? [];
    group.push({ path: rest, value });
    groups.set(name, group);
  }
  const members = [...groups].map(([name, group]) => [name, treeOf(group)] as const);
  const isList = members.length > 0 && members.every(([name], i) => name === String(i));
  return { kind: isList ? "list" : "object", members };
}
