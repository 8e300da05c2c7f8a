/** Every sample as one row. */
import type { DType } from "../../core/dtype.ts";
import { checkArguments } from "../../core/options.ts";
import { flatten as flattenTensor } from "../../dsl/ops.ts";
import { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

export const flattenSchema = layerSchema({
  name: "flatten",
  given: {},
  options: {},
  make: (_, options) => flatten(options),
});

/** Every sample as one row: [28, 28] becomes [784]. A layer, or the function on a tensor. */
export function flatten(options?: LayerOptions): Layer<"flatten">;
export function flatten<D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D>;
export function flatten(x: Tensor | LayerOptions = {}): Layer<"flatten"> | Tensor {
  checkArguments("flatten", arguments, 1);
  if (x instanceof Tensor) return flattenTensor(x);
  return built(flattenSchema, checkLayer(flattenSchema, {}, x, arguments), {
    rule: "flatten",
    apply: (_, input) => flattenTensor(input),
  });
}
