/** Steps that only fill up a batch, told by what stands in them. */
import { number } from "../../core/options.ts";
import { cast, greater, max, notEqual, reshape, where } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const options = {
  /** What all features of a step are where it does not count. 0 by default. */
  maskValue: option(number(), 0),
};

/** Options of `masking`. */
export interface MaskingOptions extends LayerOptions, OptionsOf<typeof options> {}

export const maskingSchema = layerSchema({
  name: "masking",
  given: {},
  options,
  make: (_, options) => masking(options),
});

/** A mask of the steps whose features are not all `maskValue`; the others become zeros. */
export function masking(options: MaskingOptions = {}): Layer<"same"> {
  const values = checkLayer(maskingSchema, {}, options, arguments);
  return built(maskingSchema, values, {
    rule: "same",
    masking: "own",
    apply(_, x, { masks }) {
      const mask = greater(max(cast(notEqual(x, values.maskValue), "i32"), { axis: -1 }), 0);
      const output = where(reshape(mask, [...mask.shape, 1]), x, 0);
      masks?.give(output, mask);
      return output;
    },
  });
}
