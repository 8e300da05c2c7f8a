/** Errors of numbers as metrics: the losses of the same names, of the output as it comes out. */

import { meanAbsoluteErrorSchema, meanSquaredErrorSchema } from "../losses/errors.ts";
import type { AnyLossSchema } from "../losses/loss.ts";
import type { Measuring } from "./metric.ts";

const errorOf = (schema: AnyLossSchema): Measuring => {
  const { parts } = schema.standard();
  return { of: "output", labels: "values", measure: (output, target) => parts.compute(output, target, false) };
};

export const meanSquaredError: Measuring = errorOf(meanSquaredErrorSchema);
export const meanAbsoluteError: Measuring = errorOf(meanAbsoluteErrorSchema);
