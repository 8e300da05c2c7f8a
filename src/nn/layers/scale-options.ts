/** What the normalizing layers share: a scale and an offset that are learnt, with what each may be given. */
import { flag } from "../../core/options.ts";
import type { Origin } from "../../core/origin.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import type { Shape } from "../../graph/shape.ts";
import { constraintKind } from "../constraints/limits.ts";
import { initializerKind } from "../initializers.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import { option, type ValuesOf } from "../schema.ts";
import { trainableOption, Weights } from "./weights.ts";

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
  ...trainableOption,
};

export type ScaleValues = ValuesOf<typeof scaleOptions>;

export type ScaleParams = { readonly gamma?: StateSpec<Shape, "f32">; readonly beta?: StateSpec<Shape, "f32"> };

/** gamma and beta, as the options have them; of one that is not there nothing is asked. */
export function scaleWeights(call: string, values: ScaleValues, origin: Origin): Weights<"gamma" | "beta"> {
  const { center, scale, gammaInitializer, betaInitializer } = values;
  const [gammaLimits, betaLimits] = [
    scale ? { regularizer: values.gammaRegularizer, constraint: values.gammaConstraint } : {},
    center ? { regularizer: values.betaRegularizer, constraint: values.betaConstraint } : {},
  ];
  const plans = {
    gamma: { initializer: gammaInitializer, ...gammaLimits },
    beta: { initializer: betaInitializer, ...betaLimits },
  };
  return new Weights(call, plans, values.trainable, origin);
}

/** Their states, of this shape, as far as the options have them. */
export function scaleParams(
  weights: Weights<"gamma" | "beta">,
  { center, scale }: ScaleValues,
  shape: readonly number[],
): ScaleParams {
  return {
    ...(scale ? { gamma: weights.state("gamma", shape) } : {}),
    ...(center ? { beta: weights.state("beta", shape) } : {}),
  };
}
