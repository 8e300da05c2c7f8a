/**
 * Trees: plain objects and arrays with something at their leaves (specs, tensors, numbers).
 *
 * A leaf is named by its path ("model.layers.0.w"). Walks keep paths in arrays and Maps, so `__proto__` is a name like any
 * other, and trees are rebuilt without running anybody's setters.
 */

import { ShapeError, UserError } from "../core/errors.ts";
import { isInitializer, type Kind, show } from "../core/options.ts";
import { atLine, here, inCall } from "../core/origin.ts";
import { isPlainObject } from "../core/records.ts";
import { sameShape } from "../graph/shape.ts";
import { printType } from "../graph/type.ts";
import { type Tensor, tensorLeaf } from "./tensor.ts";

export type Tree<Leaf> = Leaf | { readonly [name: string]: Tree<Leaf> } | readonly Tree<Leaf>[];

export interface NamedLeaf<Leaf> {
  readonly path: string;
  readonly leaf: Leaf;
}

/** A path with one more name. Dots and backslashes in names are escaped, and no name at all too: paths stay unique. */
export function joinPath(path: string, name: string | number): string {
  const part = name === "" ? "\\e" : escaped(String(name));
  return path === "" ? part : `${path}.${part}`;
}

/** Most names have nothing to escape, and asking is cheaper than replacing nothing. */
function escaped(name: string): string {
  return name.includes(".") || name.includes("\\") ? name.replace(/[\\.]/g, "\\$&") : name;
}

/** The names that `joinPath` put together. */
export function splitPath(path: string): string[] {
  const parts = [""];
  for (let i = 0; i < path.length; i++) {
    const letter = path.charAt(i);
    if (letter === ".") parts.push("");
    else if (letter !== "\\") parts[parts.length - 1] += letter;
    else {
      i += 1;
      if (path[i] !== "e") parts[parts.length - 1] += path[i] ?? ""; // "\\e" stands for no name
    }
  }
  return parts;
}

/** All leaves in order, with their paths. `what` is for the message when something else is found. */
export function leavesOf<Leaf>(tree: unknown, kind: Kind<Leaf>, what: string): NamedLeaf<Leaf>[] {
  const found: NamedLeaf<Leaf>[] = [];
  collect(tree, kind, what, "", found);
  return found;
}

function collect<Leaf>(tree: unknown, kind: Kind<Leaf>, what: string, path: string, found: NamedLeaf<Leaf>[]): void {
  if (kind.accepts(tree)) found.push({ path, leaf: tree });
  else if (Array.isArray(tree)) {
    tree.forEach((part, i) => {
      collect(part, kind, what, joinPath(path, i), found);
    });
  } else if (isBranch(tree)) {
    for (const name of Object.keys(tree)) collect(tree[name], kind, what, joinPath(path, name), found);
  } else refuse(tree, kind.wanted, what, path);
}

/** A tree that is no leaf itself. */
interface Branch<Leaf> {
  readonly [name: string]: Leaf | Branch<Leaf>;
}

/** The same tree with each leaf replaced. */
export function mapTree<Leaf, Out>(
  tree: Branch<Leaf>,
  kind: Kind<Leaf>,
  what: string,
  change: (leaf: Leaf, path: string) => Out,
): Branch<Out>;
export function mapTree<Leaf, Out>(
  tree: unknown,
  kind: Kind<Leaf>,
  what: string,
  change: (leaf: Leaf, path: string) => Out,
  path?: string,
): Tree<Out>;
export function mapTree<Leaf, Out>(
  tree: unknown,
  kind: Kind<Leaf>,
  what: string,
  change: (leaf: Leaf, path: string) => Out,
  path = "",
): Tree<Out> {
  if (kind.accepts(tree)) return change(tree, path);
  if (Array.isArray(tree)) return tree.map((part, i) => mapTree(part, kind, what, change, joinPath(path, i)));
  if (!isBranch(tree)) return refuse(tree, kind.wanted, what, path);
  const parts: [string, Tree<Out>][] = [];
  for (const name of Object.keys(tree))
    parts.push([name, mapTree(tree[name], kind, what, change, joinPath(path, name))]);
  return Object.fromEntries(parts); // which defines properties, and so makes `__proto__` an ordinary one
}

/** The same tree of tensors with others in their places, each of the type of the one that it replaces. */
export function replaceTensors<T>(tree: T, what: string, change: (leaf: Tensor, path: string) => Tensor): T;
export function replaceTensors(
  tree: unknown,
  what: string,
  change: (leaf: Tensor, path: string) => Tensor,
): Tree<Tensor> {
  return mapTree(tree, tensorLeaf, what, (leaf, path) => {
    const made = change(leaf, path);
    if (made === leaf || (made.dtype === leaf.dtype && sameShape(made.shape, leaf.shape))) return made;
    const words = `"${path}" is ${printType(leaf.value.type)}, and cannot become ${printType(made.value.type)}`;
    throw new ShapeError(`${what}: ${words}${atLine(here(what))}`);
  });
}

function isBranch(tree: unknown): tree is Readonly<Record<string, unknown>> {
  return isPlainObject(tree) && !isInitializer(tree);
}

function refuse(tree: unknown, wanted: string, what: string, path: string): never {
  const place = path === "" ? "the tree" : `"${path}"`;
  const found = `${place} holds ${show(tree)}, where only ${wanted} may stand, and objects and lists of them`;
  const origin = here(what);
  throw new UserError(`${inCall(origin)}: ${found}${atLine(origin)}`);
}
