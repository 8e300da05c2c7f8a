/** Numbers on another scale, such as bytes from 0 to 1: x * scale + offset. */
import { either, list, number } from "../../core/options.ts";
import { add, concat, mul, reshape } from "../../dsl/ops.ts";
import { scalar } from "../../dsl/sources.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const scaleKind = either(number(), list(number()));

const options = {
  /** What is added. 0 by default. */
  offset: option(scaleKind, 0),
};

/** Options of a rescaling layer. */
export interface RescalingOptions extends LayerOptions, OptionsOf<typeof options> {}

export const rescalingSchema = layerSchema({
  name: "rescaling",
  given: { scale: required(scaleKind) },
  options,
  example: "1 / 255",
  make: ({ scale }, named) => rescaling(scale, named),
});

/** x * scale + offset: `rescaling(1 / 127.5, { offset: -1 })`. A list has a number for each place of the last axis. */
export function rescaling(scale: number | readonly number[], named: RescalingOptions = {}): Layer<"same"> {
  const values = checkLayer(rescalingSchema, { scale }, named, arguments);
  return built(rescalingSchema, values, {
    rule: "same",
    masking: "pass",
    apply: (_, x) => add(mul(x, operand(scale)), operand(values.offset)),
  });
}

function operand(given: number | readonly number[]): number | Tensor<[number], "f32"> {
  if (typeof given === "number") return given;
  return concat(given.map((value) => reshape(scalar(value), [1]))) as Tensor<[number], "f32">;
}
