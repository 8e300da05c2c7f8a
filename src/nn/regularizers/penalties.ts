/**
 * Regularizers: what large weights cost. The penalty is added to the loss, in training and in evaluation, as in Keras.
 *
 *   dense(512, { kernelRegularizer: l2(1e-4) })
 *   dense(512, { kernelRegularizer: (kernel) => mul(sum(square(kernel)), 1e-4) })       the same, as code
 */
import { checkArguments, checkValue, type Kind, number } from "../../core/options.ts";
import { abs, add, mul, square, sum } from "../../dsl/ops.ts";
import { checkFields, option, readFields, type ValuesOf, valuesOf, writeFields } from "../schema.ts";
import type { Regularizer } from "./regularizer.ts";
import type { RegularizerSchema } from "./schema.ts";

const factor: Kind<number> = number({ from: 0 });

const factors = {
  l1: option(factor, 0.01),
  l2: option(factor, 0.01),
};

export interface PenaltyFactors extends ValuesOf<typeof factors> {}

/** All three: what a file says is what both factors are, and a factor that it leaves out is none. */
export const l1l2Schema: RegularizerSchema = {
  name: "l1l2",
  options: factors,
  from: (config, nested) => penalty({ l1: 0, l2: 0, ...readFields(factors, config, nested, "kind") }),
};

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
  checkFields("l1l2", options, factors);
  return penalty(valuesOf(factors, options));
}

function checkFactor(call: string, given: number): number {
  return checkValue(call, "the factor", given, factor);
}

function penalty(values: PenaltyFactors): Regularizer {
  const measure: Regularizer = (weights) => {
    const straight = mul(sum(abs(weights)), values.l1);
    const squared = mul(sum(square(weights)), values.l2);
    if (values.l1 === 0) return squared;
    return values.l2 === 0 ? straight : add(straight, squared);
  };
  return Object.assign(measure, { config: { kind: "l1l2", ...writeFields(factors, values) } });
}
