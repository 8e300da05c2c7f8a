/**
 * groups(): an optimizer for each group of weights.
 *
 *   groups([{ weights: "bias", optimizer: sgd() }, { weights: /^head\./, optimizer: adam({ learningRate: 1e-2 }) }], adam())
 *
 * The first group that a weight's path belongs to has it; the last argument is for the rest. `setLearningRate` sets the rest's rate: the
 * groups' are states of their own, "opt.groups.0.learningRate".
 */
import { UserError } from "../../core/errors.ts";
import { checkArguments, show } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { type AnyRecord, isRecord } from "../../core/records.ts";
import { withCompanions } from "../../dsl/companions.ts";
import { freeze, type StateSpec, stateLeaf } from "../../dsl/spec.ts";
import { type Tensor, tensorLeaf } from "../../dsl/tensor.ts";
import { leavesOf, mapTree, replaceTensors } from "../../dsl/tree.ts";
import type { ConfigReader } from "../config.ts";
import { required } from "../config.ts";
import { type Average, facedOptimizer, type LooseOptimizer, type LooseRequest, type Optimizer, type OptimizerConfig } from "./optimizer.ts"; // biome-ignore format: names
import { isMeant, isWeightPattern, readPattern, type WeightPattern, writePattern } from "./weight-pattern.ts";

/** Weights, and what trains them. */
export interface OptimizerGroup {
  /** Those whose path ("dense1.kernel") has this text in it, or matches. */
  readonly weights: WeightPattern;
  readonly optimizer: Optimizer;
}

/** An optimizer for each group of weights, and one for the rest. */
export function groups(list: readonly OptimizerGroup[], rest: Optimizer): Optimizer {
  checkArguments("groups", arguments, 2);
  const origin = here("groups");
  if (!Array.isArray(list) || !list.every(isGroup)) {
    const wanted = "a list of { weights, optimizer }, weights being a text or a regular expression";
    throw new UserError(`groups: the first argument must be ${wanted}, not ${show(list)}${atLine(origin)}`);
  }
  if (!isOptimizer(rest)) {
    throw new UserError(`groups: the second argument must be the optimizer of all other weights${atLine(origin)}`);
  }
  if (rest.name === "groups") {
    throw new UserError(
      `groups: the second argument is groups too: put its groups behind those of the first${atLine(origin)}`,
    );
  }
  const members: readonly OptimizerGroup[] = list;
  const all = [...members.map(({ optimizer }) => optimizer), rest];
  const groupOf = (path: string): number => {
    const found = members.findIndex(({ weights }) => isMeant(weights, path));
    return found < 0 ? members.length : found;
  };
  const config = configOf(members, rest);
  const scaled = all.find(({ scaleLoss }) => scaleLoss !== undefined);
  if (scaled !== undefined) {
    throw new UserError(`groups: the loss is one for all groups: scale it by lossScale(groups(...))${atLine(origin)}`);
  }
  return facedOptimizer({
    name: "groups",
    ...(config === null ? {} : { config }),
    ...(rest.isScheduled === true ? { isScheduled: true } : {}),
    averages: averagesOf(members, rest),
    slots: (model) => slotsOf(model, members, rest, groupOf),
    update: (request) => updateAll(request, members, rest, groupOf),
  });
}

function averagesOf(members: readonly OptimizerGroup[], rest: Optimizer): readonly Average[] {
  const inner = members.flatMap(({ optimizer: { averages = [] } }, i) =>
    averages.map(({ path, counter }) => ({ path: `groups.${i}.${path}`, counter: `groups.${i}.${counter}` })),
  );
  return [...inner, ...(rest.averages ?? [])];
}

function isGroup(value: unknown): value is OptimizerGroup {
  return isRecord(value) && isWeightPattern(value.weights) && isOptimizer(value.optimizer);
}

function isOptimizer(value: unknown): value is Optimizer {
  return typeof value === "object" && value !== null && "slots" in value && "update" in value;
}

/** The model as one group sees it: the others' weights are fixed. */
function onlyOf(model: unknown, group: number, groupOf: (path: string) => number): unknown {
  return mapTree(model, stateLeaf, "groups: slots", (leaf: StateSpec, path) => (groupOf(path) === group ? leaf : freeze(leaf))); // biome-ignore format: short
}

function slotsOf(
  model: unknown,
  members: readonly OptimizerGroup[],
  rest: Optimizer,
  groupOf: (path: string) => number,
): object {
  const trainable = leavesOf(model, stateLeaf, "groups: slots").filter(({ leaf }) => leaf.trainable);
  for (const [i, { weights }] of members.entries()) {
    if (trainable.some(({ path }) => groupOf(path) === i)) continue;
    const paths = trainable.map(({ path }) => path).join(", ");
    throw new UserError(`groups: no weight belongs to ${String(weights)} (there are: ${paths})`);
  }
  const inner = members.map(({ optimizer }, i) => [String(i), optimizer.slots(onlyOf(model, i, groupOf))] as const);
  return { ...rest.slots(onlyOf(model, members.length, groupOf)), groups: Object.fromEntries(inner) };
}

function updateAll(
  request: LooseRequest,
  members: readonly { readonly optimizer: LooseOptimizer }[],
  rest: LooseOptimizer,
  groupOf: (path: string) => number,
): ReturnType<LooseOptimizer["update"]> {
  const { model } = request;
  const { groups: inner, ...own } = recordIn(request.slots, "slots");
  const kept = recordIn(inner, "slots.groups");
  const turns = [...members.map(({ optimizer }, i) => [optimizer, recordIn(kept[String(i)], `slots.groups.${i}`)] as const), [rest, own] as const]; // biome-ignore format: short
  const updated = turns.map(([optimizer, slots]) => optimizer.update({ ...request, slots }));
  const byGroup = updated.map(
    (it) => new Map(leavesOf(it.model, tensorLeaf, "groups").map(({ path, leaf }) => [path, leaf])),
  );
  const next = replaceTensors(model, "groups", (w, path) => byGroup[groupOf(path)]?.get(path) ?? w);
  const opt = {
    ...updated.at(-1)?.opt,
    groups: Object.fromEntries(members.map((_, i) => [String(i), updated[i]?.opt ?? {}])),
  };
  const companions = leavesOf(opt, tensorLeaf, "groups").map(({ path, leaf }): [string, Tensor] => [path, leaf]);
  return { model: withCompanions(next, "groups", new Map(companions)), opt };
}

/** A tree of an update that is no tensor. */
function recordIn(value: unknown, path: string): AnyRecord {
  if (isRecord(value)) return value;
  throw new UserError(`groups: update: ${path} must be what slots(model) declared, not ${show(value)}`);
}

function configOf(members: readonly OptimizerGroup[], rest: Optimizer): OptimizerConfig | null {
  const written = members.flatMap(({ weights, optimizer: { config } }) =>
    config === undefined ? [] : [{ weights: writePattern(weights), optimizer: { ...config } }],
  );
  if (rest.config === undefined || written.length < members.length) return null;
  return {
    kind: "groups",
    learningRate: rest.config.learningRate,
    constants: { groups: written, rest: { ...rest.config } },
  };
}

/** From a config; `read` reads the optimizers inside. */
export function groupsFrom(config: ConfigReader, read: (from: ConfigReader) => Optimizer): Optimizer {
  const { constants } = config.fields("kind", "learningRate", "constants");
  const { groups: list, rest } = required(constants, config, "constants").fields("groups", "rest");
  const members = required(list, config, "groups")
    .list(1000)
    .map((from): OptimizerGroup => {
      const { weights, optimizer } = from.fields("weights", "optimizer");
      return {
        weights: readPattern(required(weights, from, "weights")),
        optimizer: read(required(optimizer, from, "optimizer")),
      };
    });
  return groups(members, read(required(rest, config, "rest")));
}
