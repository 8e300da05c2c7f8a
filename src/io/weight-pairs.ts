/**
 * Which tensor is which weight's: by name, where the user's names come first and the file's own rules after them, or by order.
 */
import { DataError, UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import type { StateType } from "./checkpoint.ts";
import { quoted } from "./safetensors-header.ts";
import { matchNames } from "./torch-names.ts";
import type { WeightFile } from "./weight-file.ts";
import type { WeightNames } from "./weight-options.ts";

/** A model's weights by name. */
export type Weights = ReadonlyMap<string, StateType>;

/** Why a tensor without a weight is no fault; an empty list where it is one. */
export function reasonToIgnore(
  name: string,
  names: WeightNames | undefined,
  what: string,
): readonly (readonly [string, string])[] {
  if (renamed(names, name, what) === null) return [[name, "left out by names"]];
  return /(?:^|\.)num_batches_tracked$/.test(name) ? [[name, "a count of PyTorch's that is no weight"]] : [];
}

/** What a tensor is to be called; undefined where the user does not say. */
function renamed(names: WeightNames | undefined, name: string, what: string): string | null | undefined {
  if (names === undefined) return undefined;
  if (typeof names !== "function") return Object.hasOwn(names, name) ? names[name] : undefined;
  const given: unknown = names(name);
  if (given === undefined || given === null || typeof given === "string") return given;
  throw new UserError(`${what}: names(${quoted(name)}) must give a name, null or undefined, not ${show(given)}`);
}

/** Weights -> what their tensors are called in the file. */
export function byName(
  weights: Weights,
  file: WeightFile,
  names: WeightNames | undefined,
  what: string,
): ReadonlyMap<string, string> {
  const own = new Map(file.names.map((name) => [name, renamed(names, name, what)]));
  const pairs = new Map<string, string>();
  const pair = (name: string, weight: string): void => {
    const other = pairs.get(weight);
    if (other !== undefined) {
      throw new UserError(`${what}: both ${quoted(other)} and ${quoted(name)} are to be the weight ${quoted(weight)}`);
    }
    pairs.set(weight, name);
  };
  const all = [...weights.keys()];
  for (const [name, given] of own) {
    if (typeof given !== "string") continue;
    const weight = matchNames([given], all).get(given);
    if (weight !== undefined) pair(name, weight);
    else if (typeof names === "object") {
      throw new UserError(
        `${what}: names gives ${quoted(given)} for ${quoted(name)}, and there is no weight of that name`,
      );
    }
  }
  const free = (name: string): boolean => own.get(name) === undefined;
  const found = file.match(
    [...weights.keys()].filter((name) => !pairs.has(name)),
    free,
  );
  for (const [name, weight] of found) if (free(name)) pair(name, weight);
  return new Map(
    [...weights.keys()].flatMap((weight) => {
      const name = pairs.get(weight);
      return name === undefined ? [] : [[weight, name] as const];
    }),
  );
}

/** By order, as `byName`. */
export function byOrder(
  weights: Weights,
  file: WeightFile,
  what: string,
  strict: boolean,
): ReadonlyMap<string, string> {
  const names = file.ordered();
  if (strict && weights.size !== names.length) {
    throw new DataError(
      `${what}: there are ${names.length} tensors for ${weights.size} weights: by order they must be as many`,
    );
  }
  const pairs = [...weights.keys()].map((weight, i) => [weight, names[i]] as const);
  return new Map(pairs.flatMap(([weight, name]) => (name === undefined ? [] : [[weight, name] as const])));
}
