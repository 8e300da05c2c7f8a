/** Errors of numbers as metrics: the losses of the same names, of the output as it comes out. */
import * as losses from "../losses/errors.ts";
import type { LossSchema } from "../losses/loss.ts";
import type { Measuring } from "./metric.ts";

const errorOf = ({ measure }: LossSchema): Measuring => ({ of: "output", labels: "values", measure });

export const meanSquaredError: Measuring = errorOf(losses.meanSquaredError);
export const meanAbsoluteError: Measuring = errorOf(losses.meanAbsoluteError);
