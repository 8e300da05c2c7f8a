/**
 * Which weight of a model each variable of Keras's belongs to.
 *
 *     layers/batch_normalization/vars/2     third variable of the first BatchNormalization      batchNormalization1.movingMean
 *     layers/lstm/cell/vars/1               cells and wrapped layers have no name of their own    lstm1.recurrentKernel
 *     layers/conv2d/vars/0, name "look"     a layer that was given a name                        look.kernel
 *
 * Where a file numbers a layer's variables, the order of the weights that a layer has here decides: it is Keras's. Layers are found by
 * their own names or, all of them, by kind and number: whichever finds more.
 */
import type { KerasVariable } from "./keras-tree.ts";
import { plain } from "./keras-words.ts";

/** Paths of variables -> names of weights. */
export function matchKeras(
  variables: readonly KerasVariable[],
  weights: readonly string[],
): ReadonlyMap<string, string> {
  const [named, counted] = [match(variables, weights, "named"), match(variables, weights, "counted")];
  return counted.size > named.size ? counted : named;
}

/** A weight as its name is compared. */
interface Target {
  readonly name: string;
  /** The layers and parts it lies in. */
  readonly place: readonly string[];
  readonly leaf: string;
}

function match(
  variables: readonly KerasVariable[],
  weights: readonly string[],
  key: "named" | "counted",
): ReadonlyMap<string, string> {
  const targets = weights.map(targetOf);
  const groups = new Map<string, KerasVariable[]>();
  for (const variable of variables) {
    const place = placeOf(variable[key]).join("/");
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [variable]);
    else group.push(variable);
  }
  const pairs = new Map<string, string>();
  for (const [place, group] of groups) {
    const parts = place === "" ? [] : place.split("/");
    for (const [path, name] of matchGroup(group, targets, parts)) pairs.set(path, name);
  }
  return pairs;
}

function matchGroup(
  group: readonly KerasVariable[],
  targets: readonly Target[],
  place: readonly string[],
): readonly (readonly [path: string, name: string])[] {
  const inside = candidates(targets, place);
  const byName = group.map(({ path, name }) => {
    const found = name === null ? undefined : byLeaf(inside, plain(name));
    return found === undefined ? null : ([path, found.name] as const);
  });
  const named = byName.filter((pair) => pair !== null);
  if (named.length === group.length) return named;
  if (inside.length !== group.length) return []; // of numbered ones nobody can say which is too many: beta would be a mean
  return group.flatMap(({ path }, i) => {
    const target = inside[i];
    return target === undefined ? [] : [[path, target.name] as const];
  });
}

function byLeaf(targets: readonly Target[], name: string): Target | undefined {
  const same = targets.find(({ leaf }) => leaf === name);
  const alike = targets.filter(({ leaf }) => leaf.endsWith(name));
  return same ?? (alike.length === 1 ? alike[0] : undefined);
}

/** The weights of a layer, or of a part of it, in their order here. */
function candidates(targets: readonly Target[], place: readonly string[]): readonly Target[] {
  const right = targets.filter((target) => startsWith(target.place, place) && target.place.length === place.length);
  if (right.length > 0) return right;
  const [last = "", outer] = [place.at(-1), place.slice(0, -1)];
  const joined = targets.filter((target) => {
    const isBeside = target.place.length === outer.length && startsWith(target.place, outer);
    return isBeside && outer.length > 0 && target.leaf.startsWith(last);
  });
  if (joined.length > 0) return joined; // "queryKernel" for query/kernel
  return targets.filter((target) => place.length > 0 && startsWith(target.place, place));
}

function startsWith(place: readonly string[], beginning: readonly string[]): boolean {
  return beginning.every((part, i) => place[i] === part);
}

function targetOf(name: string): Target {
  const parts = name.split(".");
  return { name, place: placeOf(parts.slice(0, -1)), leaf: plain(parts.at(-1) ?? "") };
}

function placeOf(parts: readonly string[]): readonly string[] {
  return parts.map(partOf).filter((part) => part !== "");
}

/** Names that parts of layers have in the one and not in the other. */
function partOf(part: string): string {
  const words = plain(part)
    .replace(/^functional(?=\d*$)/, "model")
    .replace(/^attentionoutput$/, "output")
    .replace(/^(forward|backward)(?:gru|lstm|simplernn|rnn)$/, "$1");
  if (/^(?:gru|lstm|simplernn)?cell$|^layer$/.test(words)) return "";
  return words.replace(/(?<=.)(?:layer|dense)$/, "");
}
