/**
 * Regularizers: what large weights cost. The penalty is added to the loss, in training and in evaluation, as in Keras.
 *
 *   dense(512, { kernelRegularizer: l2(1e-4) })
 *   dense(512, { kernelRegularizer: (kernel) => mul(sum(square(kernel)), 1e-4) })       the same, as code
 */

import { DataError } from "../core/errors.ts";
import { checkArguments, checkOptions, checkValue, type Kind, number, type OptionTable } from "../core/options.ts";
import { square } from "../dsl/composites.ts";
import { abs, add, mul, sum } from "../dsl/ops.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { type Config, type ConfigReader, codeConfig } from "./config.ts";

/** A function of a weight tensor, of any shape, to its penalty, a scalar of the same dtype. */
export interface Regularizer {
  (weights: Tensor): Tensor;
  /** What it is saved as; one of your own has none, and is code. */
  readonly config?: Config;
}

/** For tables of options. */
export const regularizerKind: Kind<Regularizer> = {
  wanted: "a function of the weights: l2(0.01), say",
  accepts: (value): value is Regularizer => typeof value === "function",
};

const factorKind: Kind<number> = number({ from: 0 });

/** factor * sum(|w|). 0.01 by default, as in Keras. */
export function l1(factor = 0.01): Regularizer {
  checkArguments("l1", arguments, 1);
  return penalty({ l1: checkFactor("l1", factor), l2: 0 });
}

/** factor * sum(w²). 0.01 by default, as in Keras. */
export function l2(factor = 0.01): Regularizer {
  checkArguments("l2", arguments, 1);
  return penalty({ l1: 0, l2: checkFactor("l2", factor) });
}

/** l1 * sum(|w|) + l2 * sum(w²). Both 0.01 by default, as in Keras. */
export function l1l2(options: Partial<PenaltyFactors> = {}): Regularizer {
  checkArguments("l1l2", arguments, 1);
  const { l1: straight = 0.01, l2: squared = 0.01 } = checkOptions("l1l2", options, factorTable);
  return penalty({ l1: straight, l2: squared });
}

/** What a saved regularizer is called in a config. */
export function configOfRegularizer(regularizer: Regularizer | undefined): Config | undefined {
  return regularizer === undefined ? undefined : (regularizer.config ?? codeConfig(regularizer.name));
}

export function regularizerFrom(reader: ConfigReader): Regularizer {
  const kind = reader.kind();
  if (kind === "code") throw new DataError(`${reader.path}: this regularizer is code, which no file holds`);
  if (kind !== "l1l2") throw reader.error("the regularizer l1l2", JSON.stringify(kind));
  const fields = reader.fields("kind", "l1", "l2");
  return l1l2({ l1: fields.l1?.number() ?? 0, l2: fields.l2?.number() ?? 0 });
}

export interface PenaltyFactors {
  readonly l1: number;
  readonly l2: number;
}

const factorTable: OptionTable<Partial<PenaltyFactors>> = { l1: factorKind, l2: factorKind };

function checkFactor(call: string, factor: number): number {
  return checkValue(call, "the factor", factor, factorKind);
}

function penalty(factors: PenaltyFactors): Regularizer {
  const measure = (weights: Tensor): Tensor => {
    const straight = mul(sum(abs(weights) as Tensor) as Tensor, factors.l1) as Tensor;
    const squared = mul(sum(square(weights)) as Tensor, factors.l2) as Tensor;
    if (factors.l1 === 0) return squared;
    return factors.l2 === 0 ? straight : (add(straight, squared) as Tensor);
  };
  return Object.assign(measure, { config: { kind: "l1l2", ...factors } });
}
