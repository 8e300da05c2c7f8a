/** Losses of numbers: how far each is from the one that was wanted. */
import { abs, square, sub } from "../../dsl/ops.ts";
import { finite, type LossSchema } from "./loss.ts";

const ofNumbers = { onLogits: null, labels: "values", range: finite, accuracy: null } as const;

/** (output - target)². */
export const meanSquaredError: LossSchema = {
  ...ofNumbers,
  measure: (output, wanted) => square(sub(output, wanted)),
};

/** |output - target|. */
export const meanAbsoluteError: LossSchema = {
  ...ofNumbers,
  measure: (output, wanted) => abs(sub(output, wanted)),
};
