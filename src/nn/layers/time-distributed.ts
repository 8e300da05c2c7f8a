/** A layer for every step of a sequence: one set of weights, and each step as if it were a sample of its own. */
import type { DType } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import { atLine, here } from "../../core/origin.ts";
import { reshape } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape } from "../../graph/shape.ts";
import { codeConfig } from "../config.ts";
import { required, type Stored } from "../schema.ts";
import { applyLayer, isLayer, type Layer, type ParamTensors, type SampleShape, type SampleType } from "./layer.ts";
import { constraintsOf, placeInside, regularizersOf, subtree } from "./members.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";
import type { ShapeRule } from "./shape-rule.ts";

const layerKind: Stored<Layer> = {
  wanted: "a layer, dense(10) say",
  accepts: isLayer,
  write: ({ config, name }) => config ?? codeConfig(name),
  read: (config, nested) => nested.layer(config),
};

export const timeDistributedSchema = layerSchema({
  name: "timeDistributed",
  given: { layer: required(layerKind) },
  options: {},
  example: "dense(10)",
  hasMembers: true,
  make: ({ layer }, options) => timeDistributed(layer, options),
});

/** What becomes of [batch, steps, ...] where the layer makes this of [batch, ...]. */
export type StepsRule<R> = R extends number | "same" ? R : "any";

/**
 * The layer on every step of samples [steps, ...]. Its parameters stand under `layer`. What it takes together over a batch (the statistics of
 * a batch norm), it takes over the steps of all samples.
 */
export function timeDistributed<R extends ShapeRule>(layer: Layer<R>, options: LayerOptions = {}): Layer<StepsRule<R>> {
  const values = checkLayer(timeDistributedSchema, { layer }, options, arguments);
  const origin = here("timeDistributed");
  const members = [{ key: "layer", layer }];
  const stepOf = (sample: SampleShape): SampleShape => {
    if (sample.length > 1) return sample.slice(1);
    const wanted = "a sample must have steps and features, [steps, features] say";
    throw new ShapeError(`timeDistributed: ${wanted}, not ${printShape(sample)}${atLine(origin)}`);
  };
  const rule = typeof layer.rule === "number" || layer.rule === "same" ? layer.rule : "any";
  return built(timeDistributedSchema, values, {
    rule: rule as StepsRule<R>, // as its type says
    activation: layer.activation,
    ...(layer.takes === undefined ? {} : { takes: layer.takes }),
    masking: "own",
    regularizers: regularizersOf(members),
    constraints: constraintsOf(members),
    outputShape: (sample) => [...sample.slice(0, 1), ...layer.outputShape(stepOf(sample))],
    params(sample) {
      const params = layer.params(stepOf(sample));
      return Object.keys(params).length > 0 ? { layer: params } : {};
    },
    apply(params: ParamTensors, x: Tensor<Shape, SampleType>, { mask: given, ...mode }) {
      const { masks } = mode;
      const mask = given ?? masks?.of(x);
      const steps = folded(x);
      if (mask !== undefined && mask.shape.length > 2) masks?.give(steps, folded(mask));
      const inside = { ...mode, ...placeInside("layer", mode) };
      const output = applyLayer(layer, subtree(params, "layer"), steps, inside);
      const whole = unfolded(output, x);
      const inner = masks?.of(output);
      const after = inner === undefined ? mask : unfolded(inner, x);
      if (after !== undefined && (inner !== undefined || after.shape.length === 2)) masks?.give(whole, after);
      return whole;
    },
  });
}

/** Batch and steps as one axis. */
function folded<D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D> {
  return reshape(x, [-1, ...x.shape.slice(2)]);
}

/** And as the two that they are in `x`. */
function unfolded<D extends DType>(made: Tensor<Shape, D>, { shape }: Tensor): Tensor<Shape, D> {
  return reshape(made, [...shape.slice(0, 2), ...made.shape.slice(1)]);
}
