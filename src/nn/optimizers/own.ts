/**
 * optimizer(): one of your own, made of what it does to one parameter. The ones by name have a schema (schema.ts) in its place.
 */
import { UserError } from "../../core/errors.ts";
import {
  callable,
  checkArguments,
  checkByName,
  flag,
  list,
  number,
  type OptionTable,
  show,
  text,
} from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { isPlainObject } from "../../core/records.ts";
import { refusePromise, tensorFrom } from "../../dsl/check.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Optimizer, Parameter } from "./optimizer.ts";
import { optimizerBy, takenNames } from "./update.ts";

/** What an optimizer keeps for one parameter, by name: tensors of its shape. */
export type ParameterMoments<Moment extends string> = { readonly [M in Moment]: Tensor };

/** An optimizer of your own, by what it does to one parameter. */
export interface OptimizerDefinition<Moment extends string = string> {
  /** What it is called in files and messages. */
  readonly name: string;
  /** What it starts with: `setLearningRate` changes it. */
  readonly learningRate: number;
  /** What is kept from update to update for each parameter: names of tensors like it, which start as zeros. */
  readonly moments?: readonly Moment[];
  /** Whether updates are counted. False by default. */
  readonly counts?: boolean;
  /** The next value of one parameter, and of each of its moments. All have the shape and dtype of w, as it comes here. */
  update(parameter: Parameter, moments: ParameterMoments<Moment>): { readonly w: Tensor } & ParameterMoments<Moment>;
}

const definitionTable: OptionTable<OptimizerDefinition> = {
  name: text,
  learningRate: number({ from: 0 }),
  moments: list(text),
  counts: flag,
  update: callable(),
};

/**
 * An optimizer of your own. It is in no file: a trainer that has one is made first, and its file loaded into it.
 *
 *   const sign = optimizer({
 *     name: "signMomentum", learningRate: 1e-3, moments: ["m"],
 *     update({ w, g, lr }, { m }) {
 *       const next = add(mul(m, 0.9), mul(g, 0.1));
 *       return { w: sub(w, mul(lr, sign(next))), m: next };
 *     },
 *   });
 */
export function optimizer<const Moment extends string = never>(
  definition: OptimizerDefinition<Moment>,
): Optimizer<Moment> {
  checkArguments("optimizer", arguments, 1);
  checkByName("optimizer", definition, definitionTable);
  const { name, learningRate, moments = [], counts = false, update } = definition ?? {};
  if (name === undefined || learningRate === undefined || update === undefined) {
    const wanted = "a name, a learningRate and a function update({ w, g, lr, t }, moments)";
    throw new UserError(`optimizer: needs ${wanted}${atLine(here("optimizer"))}`);
  }
  const taken = moments.find((moment) => takenNames.includes(moment));
  if (taken !== undefined)
    throw new UserError(`optimizer: a moment cannot be called "${taken}"${atLine(here("optimizer"))}`);
  return optimizerBy<ParameterMoments<Moment>>({
    name,
    learningRate,
    moments: moments.map((moment) => ({ name: moment, start: 0, shape: (sizes) => sizes })),
    counts,
    update({ w, g, lr, t, path }, kept) {
      const parameter: Parameter = {
        w,
        g,
        lr,
        path,
        get t() {
          if (counts) return t;
          throw new UserError(`optimizer "${name}": updates are not counted: for t give it counts: true`);
        },
      };
      return checkNext(name, moments, definition.update(parameter, kept));
    },
  });
}

/** What a user's update gave: `w` and the moments that were declared. */
function checkNext(name: string, moments: readonly string[], next: unknown): object {
  const what = `optimizer "${name}": update`;
  refusePromise(what, next);
  if (!isPlainObject(next))
    throw new UserError(`${what} must give an object with w and its moments, not ${show(next)}`);
  const odd = Object.keys(next).find((key) => key !== "w" && !moments.includes(key));
  if (odd !== undefined) {
    const declared = JSON.stringify([...moments, odd]);
    throw new UserError(
      `${what} gives "${odd}", which is not kept: declare it by moments: ${declared}, or leave it out`,
    );
  }
  return Object.fromEntries(["w", ...moments].map((key) => [key, tensorFrom(`${what}: ${key}`, next[key])]));
}
