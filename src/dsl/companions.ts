/**
 * What an entry must not forget to return as `next`.
 *
 * Companions are next values that mean nothing without others: the weights that an optimizer gives are returned together with its
 * moments, as weights alone train to other numbers, each step with moments of zero. Updates are what layers make of their slots.
 */
import { UserError } from "../core/errors.ts";
import { atLine, type Origin } from "../core/origin.ts";
import { Tensor } from "./tensor.ts";

const key = Symbol("companions");
const updatesKey = Symbol("updates");

class Companions {
  /** What gave them: "adam". */
  readonly name: string;
  /** By what they are called: "m.w1". */
  readonly tensors: ReadonlyMap<string, Tensor>;

  constructor(name: string, tensors: ReadonlyMap<string, Tensor>) {
    this.name = name;
    this.tensors = tensors;
  }
}

const nobody = new Companions("", new Map());

class Updates {
  /** By paths in the tree. */
  readonly tensors: ReadonlyMap<string, Tensor>;

  constructor(tensors: ReadonlyMap<string, Tensor>) {
    this.tensors = tensors;
  }
}

/** Marks a tree: whoever returns it as next returns these tensors too. */
export function withCompanions<T>(tree: T, name: string, tensors: ReadonlyMap<string, Tensor>): T {
  const value = new Companions(name, tensors);
  if (typeof tree === "object" && tree !== null) Object.defineProperty(tree, key, { value });
  return tree;
}

/** Throws where a marked tree is in `next` and one of its companions is not. `returned` are all leaves of it. */
export function checkCompanions(entry: string, next: unknown, returned: ReadonlySet<Tensor>, origin: Origin): void {
  if (typeof next !== "object" || next === null || next instanceof Tensor) return;
  const { name, tensors } = key in next && next[key] instanceof Companions ? next[key] : nobody;
  const lost = namesOutside(tensors, returned);
  if (lost.length > 0) {
    const some = lost.length > 3 ? `${lost.slice(0, 3).join(", ")} and ${lost.length - 3} more` : lost.join(", ");
    throw new UserError(
      `entry "${entry}": next has the weights that ${name} gives, and not its ${some}: they would stay as they are. ` +
        `Return all that update gives, { model, opt }, or opt: updated.opt beside the weights${atLine(origin)}`,
    );
  }
  for (const part of Object.values(next)) checkCompanions(entry, part, returned, origin);
}

/** Marks a tree of states: whoever is given it returns these as next, which are there when the entry ends. */
export function withUpdates(tree: unknown, updates: ReadonlyMap<string, Tensor>): void {
  if (typeof tree === "object" && tree !== null)
    Object.defineProperty(tree, updatesKey, { value: new Updates(updates), writable: true });
}

/** Paths of updates that are not returned. Their values may be in what is, so they are for a warning. */
export function lostUpdates(states: unknown, returned: ReadonlySet<Tensor>): readonly string[] {
  if (typeof states !== "object" || states === null || states instanceof Tensor) return [];
  const updates = updatesKey in states ? states[updatesKey] : undefined;
  const lost = updates instanceof Updates ? namesOutside(updates.tensors, returned) : [];
  return [...lost, ...Object.values(states).flatMap((part) => lostUpdates(part, returned))];
}

function namesOutside(tensors: ReadonlyMap<string, Tensor>, returned: ReadonlySet<Tensor>): readonly string[] {
  return [...tensors].filter(([, tensor]) => !returned.has(tensor)).map(([name]) => name);
}
