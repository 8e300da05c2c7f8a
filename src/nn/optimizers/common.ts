/**
 * What every optimizer can do around its own formula, by options that all of them take, in Keras's order:
 *
 *   divide by the loss scale, mean of accumulated gradients, clip, decay, the formula, constraints, the moving average
 *
 * Constraints come before the average (in Keras behind it, so that its averages break them), and steps of a schedule count updates
 * (in Keras batches, so that with accumulation it runs ahead).
 */
import { count, flag, number } from "../../core/options.ts";
import { add, div, maximum, minimum, mul, sqrt, square, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { OptionsOf, ValuesOf } from "../schema.ts";
import { option } from "../schema.ts";
import { isMeant, patternsKind } from "./weight-pattern.ts";

const limit = number({ from: 0 });

export const commonFields = {
  /** The share of each weight that an update takes away before its formula, times the learning rate. None by default. */
  weightDecay: option(limit),
  /** Weights that do not decay: those whose path ("dense1.bias") has such a text in it, or matches. */
  excludeFromWeightDecay: option(patternsKind),
  /** The largest norm of each weight's gradient: a longer one is shortened. Of these three at most one may be given; 0 is none. */
  clipnorm: option(limit),
  /** The largest norm of all gradients together. */
  globalClipnorm: option(limit),
  /** The largest size of each number of a gradient. */
  clipvalue: option(limit),
  /** Keep a moving average of the weights, which the model has when `fit` ends. False by default. */
  useEma: option(flag),
  /** How much of the average is kept at each step. 0.99 by default. */
  emaMomentum: option(number({ from: 0, to: 1 })),
  /** After how many steps, again and again, the weights become the average. By default only when `fit` ends. */
  emaOverwriteFrequency: option(count),
  /** How many batches make one update, from the mean of their gradients. 1 by default. */
  gradientAccumulationSteps: option(count),
  /** What the loss is multiplied by before gradients are taken, and they are divided by after it: for f16. 1 by default. */
  lossScaleFactor: option(number({ above: 0 })),
};

/** What every optimizer may be given. */
export interface CommonOptimizerOptions extends OptionsOf<typeof commonFields> {}

export type CommonValues = ValuesOf<typeof commonFields>;

/** What is wrong with them together, in words. */
export function commonProblem(values: Partial<CommonValues>): string | null {
  const clips = (["clipnorm", "globalClipnorm", "clipvalue"] as const).filter((name) => (values[name] ?? 0) > 0);
  if (clips.length > 1)
    return `only one of clipnorm, globalClipnorm and clipvalue can hold, not ${clips.join(" and ")}`;
  if (values.useEma !== true && (values.emaMomentum ?? values.emaOverwriteFrequency) !== undefined) {
    return "emaMomentum and emaOverwriteFrequency are for useEma: true";
  }
  return null;
}

/** Whether a weight decays. */
export function decays(path: string, { excludeFromWeightDecay = [] }: Partial<CommonValues>): boolean {
  return !excludeFromWeightDecay.some((pattern) => isMeant(pattern, path));
}

/** Gradients, shortened as the options say. */
export function clipped(
  gradients: ReadonlyMap<string, Tensor>,
  values: Partial<CommonValues>,
): ReadonlyMap<string, Tensor> {
  const { clipnorm = 0, globalClipnorm = 0, clipvalue = 0 } = values;
  const each = (change: (g: Tensor) => Tensor) => new Map([...gradients].map(([path, g]) => [path, change(g)]));
  if (clipvalue > 0) return each((g) => minimum(maximum(g, -clipvalue), clipvalue));
  if (clipnorm > 0) return each((g) => div(mul(g, clipnorm), maximum(sqrt(sum(square(g))), clipnorm)));
  if (globalClipnorm === 0 || gradients.size === 0) return gradients;
  const squares = [...gradients.values()].map((g): Tensor => sum(square(g)));
  const norm: Tensor = sqrt(squares.reduce((a, b) => add(a, b)));
  const none: Tensor = mul(norm, 0); // NaN where a gradient is infinite: all become it, and no step is taken for one that is none
  const factor: Tensor = add(div(globalClipnorm, maximum(norm, globalClipnorm)), none);
  return each((g) => mul(g, factor));
}
