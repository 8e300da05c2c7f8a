/** What large activities cost, as a layer. */
import { number } from "../../core/options.ts";
import { penalize } from "../regularizers/activity.ts";
import { l1l2 } from "../regularizers/penalties.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const factor = number({ from: 0 });

const options = {
  /** Times the sum of |x|. 0 by default. */
  l1: option(factor, 0),
  /** Times the sum of x². 0 by default. */
  l2: option(factor, 0),
};

/** Options of `activityRegularization`. */
export interface ActivityRegularizationOptions extends LayerOptions, OptionsOf<typeof options> {}

export const activityRegularizationSchema = layerSchema({
  name: "activityRegularization",
  given: {},
  options,
  make: (_, options) => activityRegularization(options),
});

/** x as it is; l1 * sum(|x|) + l2 * sum(x²), divided by the samples of the batch as in Keras, is added to the loss. */
export function activityRegularization(options: ActivityRegularizationOptions = {}): Layer<"same"> {
  const values = checkLayer(activityRegularizationSchema, {}, options, arguments);
  const { l1, l2 } = values;
  return built(activityRegularizationSchema, values, {
    rule: "same",
    masking: "pass",
    apply(_, x, { addLoss }) {
      if (l1 > 0 || l2 > 0) penalize(l1l2({ l1, l2 }), [x], addLoss);
      return x;
    },
  });
}
