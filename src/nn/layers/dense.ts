/** A dense layer: every input to each output. */
import { ShapeError, UserError } from "../../core/errors.ts";
import { count, flag } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { glorotUniform, zeros } from "../../dsl/initializers.ts";
import { add, dot } from "../../dsl/ops.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import type { Shape } from "../../graph/shape.ts";
import { constraintKind } from "../constraints/limits.ts";
import { initializerKind } from "../initializers.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { activate, activationKind } from "./activations.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";
import { activityOption, kernelAndBias } from "./weights.ts";

const options = {
  /** "linear" by default: none. */
  activation: option(activationKind, "linear"),
  /** Whether a bias is added. True by default. */
  useBias: option(flag, true),
  /** Starting weights: a name, a function of the shape, or values; `glorotUniform` by default, as in Keras. */
  initializer: option(initializerKind, glorotUniform),
  /** The same, as it is called in other layers. */
  kernelInitializer: option(initializerKind),
  /** Whether training changes the weights. False makes them plain state: no gradients, no moments. True by default. */
  trainable: option(flag, true),
  /** Penalties that are added to the loss: `l2(1e-4)`, or a function of the tensor. Only weights that are trained have one. */
  kernelRegularizer: option(regularizerKind),
  /** The same for the bias. */
  biasRegularizer: option(regularizerKind),
  /** What the kernel becomes after each update: `constraints.maxNorm()`, or a function of the tensor. */
  kernelConstraint: option(constraintKind),
  /** The same for the bias. */
  biasConstraint: option(constraintKind),
  /** Starting biases; `zeros` by default. */
  biasInitializer: option(initializerKind),
  ...activityOption,
};

/** Options of a dense layer. */
export interface DenseOptions extends LayerOptions, OptionsOf<typeof options> {}

export const denseSchema = layerSchema({
  name: "dense",
  given: { units: required(count) },
  options,
  example: "10",
  make: ({ units }, options) => dense(units, options),
});

type Params = { readonly kernel: StateSpec<Shape, "f32">; readonly bias?: StateSpec<Shape, "f32"> };

/** activation(x · kernel + bias), along the last axis: every input to each of `units` outputs. */
export function dense<const N extends number>(units: N, options: DenseOptions = {}): Layer<N> {
  const origin = here("dense");
  const values = checkLayer(denseSchema, { units }, options, arguments);
  const { activation, useBias, initializer, biasInitializer = zeros } = values;
  const isDefault = initializer === glorotUniform || initializer === "glorotUniform"; // a file says it where it was not given
  if (!isDefault && values.kernelInitializer !== undefined) {
    throw new UserError(`dense: initializer and kernelInitializer are one option: give one${atLine(origin)}`);
  }
  const given = { ...values, kernelInitializer: values.kernelInitializer ?? initializer, biasInitializer };
  const weights = kernelAndBias(`dense(${units})`, given, origin);
  return built(denseSchema, values, {
    rule: units,
    masking: "pass",
    activation,
    ...weights.rules,
    params(sample): Params {
      const inputs = sample.at(-1);
      if (inputs === undefined) throw new ShapeError(`dense(${units}): a sample must have an axis${atLine(origin)}`);
      const kernel = weights.state("kernel", [inputs, units]);
      return useBias ? { kernel, bias: weights.state("bias", [units]) } : { kernel };
    },
    apply({ kernel, bias }, x, { logits }) {
      const product = dot(x, kernel);
      const sum = bias === undefined ? product : add(product, bias);
      return activate(logits ? "linear" : activation, sum);
    },
  });
}
