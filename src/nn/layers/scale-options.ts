/** What the normalizing layers share: a scale and an offset that are learnt, with what each may be given. */
import { flag } from "../../core/options.ts";
import type { Origin } from "../../core/origin.ts";
import { freeze, param, type StateSpec } from "../../dsl/spec.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Constraint } from "../constraints/constraint.ts";
import { constraintKind } from "../constraints/limits.ts";
import { initializerKind, startOf } from "../initializers.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import { option, type ValuesOf } from "../schema.ts";

export const scaleOptions = {
  /** Whether beta is added. True by default. */
  center: option(flag, true),
  /** Whether gamma multiplies. True by default. */
  scale: option(flag, true),
  /** What beta starts with: "zeros" by default. */
  betaInitializer: option(initializerKind, "zeros"),
  /** What gamma starts with: "ones" by default. */
  gammaInitializer: option(initializerKind, "ones"),
  /** A penalty on beta that is added to the loss. */
  betaRegularizer: option(regularizerKind),
  /** A penalty on gamma that is added to the loss. */
  gammaRegularizer: option(regularizerKind),
  /** What beta becomes after each update. */
  betaConstraint: option(constraintKind),
  /** What gamma becomes after each update. */
  gammaConstraint: option(constraintKind),
  /** Whether training changes the weights. True by default. */
  trainable: option(flag, true),
};

export type ScaleValues = ValuesOf<typeof scaleOptions>;

export type ScaleParams = { readonly gamma?: StateSpec<Shape, "f32">; readonly beta?: StateSpec<Shape, "f32"> };

/** Those that are there, by name. */
export function present<T>(named: Readonly<Record<string, T | undefined>>): ReadonlyMap<string, T> {
  const found = Object.entries(named).filter((entry): entry is [string, T] => entry[1] !== undefined);
  return new Map(found);
}

/** gamma and beta of this shape, where the options have them. */
export function scaleParams(call: string, values: ScaleValues, shape: readonly number[], origin: Origin): ScaleParams {
  const { center, scale, gammaInitializer, betaInitializer, trainable } = values;
  const state = (weight: string, given: typeof gammaInitializer) => {
    const made = param(startOf(given, shape, { call, weight, origin }));
    return trainable ? made : freeze(made);
  };
  return {
    ...(scale ? { gamma: state("gamma", gammaInitializer) } : {}),
    ...(center ? { beta: state("beta", betaInitializer) } : {}),
  };
}

/** Penalties and constraints of gamma and beta, for those that there are. */
export function scaleLimits(values: ScaleValues): {
  readonly regularizers: ReadonlyMap<string, Regularizer>;
  readonly constraints: ReadonlyMap<string, Constraint>;
} {
  const { center, scale } = values;
  return {
    regularizers: present({
      gamma: scale ? values.gammaRegularizer : undefined,
      beta: center ? values.betaRegularizer : undefined,
    }),
    constraints: present({
      gamma: scale ? values.gammaConstraint : undefined,
      beta: center ? values.betaConstraint : undefined,
    }),
  };
}
