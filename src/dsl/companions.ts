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

interface Companions {
  /** What gave them: "adam". */
  readonly name: string;
  /** By what they are called: "m.w1". */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Marks a tree: whoever returns it as next returns these tensors too. */
export function withCompanions<T>(tree: T, companions: Companions): T {
  if (typeof tree === "object" && tree !== null) Object.defineProperty(tree, key, { value: companions });
  return tree;
}

/** Throws where a marked tree is in `next` and one of its companions is not. `returned` are all leaves of it. */
export function checkCompanions(entry: string, next: unknown, returned: ReadonlySet<Tensor>, origin: Origin): void {
  if (typeof next !== "object" || next === null || next instanceof Tensor) return;
  const { [key]: companions } = next as { readonly [key]?: Companions };
  const lost = [...(companions?.tensors ?? [])].filter(([, tensor]) => !returned.has(tensor)).map(([name]) => name);
  if (companions !== undefined && lost.length > 0) {
    const some = lost.length > 3 ? `${lost.slice(0, 3).join(", ")} and ${lost.length - 3} more` : lost.join(", ");
    throw new UserError(
      `entry "${entry}": next has the weights that ${companions.name} gives, and not its ${some}: they would stay as they are. ` +
        `Return all that update gives, { model, opt }, or opt: updated.opt beside the weights${atLine(origin)}`,
    );
  }
  for (const part of Object.values(next)) checkCompanions(entry, part, returned, origin);
}

/** Marks a tree of states: whoever is given it returns these as next, which are there when the entry ends. By paths in the tree. */
export function withUpdates(tree: unknown, updates: ReadonlyMap<string, Tensor>): void {
  if (typeof tree === "object" && tree !== null)
    Object.defineProperty(tree, updatesKey, { value: updates, writable: true });
}

/** Paths of updates that are not returned. Their values may be in what is, so they are for a warning. */
export function lostUpdates(states: unknown, returned: ReadonlySet<Tensor>): readonly string[] {
  if (typeof states !== "object" || states === null || states instanceof Tensor) return [];
  const { [updatesKey]: updates } = states as { readonly [updatesKey]?: ReadonlyMap<string, Tensor> };
  const lost = [...(updates ?? [])].filter(([, tensor]) => !returned.has(tensor)).map(([path]) => path);
  return [...lost, ...Object.values(states).flatMap((part) => lostUpdates(part, returned))];
}
