/** A dense layer: every input to each output. */
import { ShapeError, UserError } from "../../core/errors.ts";
import { count, flag } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { glorotUniform, type Initializer, zeros } from "../../dsl/initializers.ts";
import { add, dot } from "../../dsl/ops.ts";
import { freeze, param, type StateSpec } from "../../dsl/spec.ts";
import type { Shape } from "../../graph/shape.ts";
import { constraintKind } from "../constraints/limits.ts";
import { initializerKind, startOf } from "../initializers.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { activate, activationKind } from "./activations.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

const options = {
  /** "linear" by default: none. */
  activation: option(activationKind, "linear"),
  /** Whether a bias is added. True by default. */
  useBias: option(flag, true),
  /** Starting weights: a name, a function of the shape, or values; `glorotUniform` by default, as in Keras. The bias starts at zero. */
  initializer: option(initializerKind, glorotUniform),
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
  const {
    activation,
    useBias,
    initializer,
    trainable,
    kernelRegularizer,
    biasRegularizer,
    kernelConstraint,
    biasConstraint,
  } = values;
  if (!useBias && biasRegularizer !== undefined) {
    throw new UserError(`dense: a biasRegularizer needs a bias: leave useBias: false out${atLine(origin)}`);
  }
  const state = (start: Initializer) => (trainable ? param(start) : freeze(param(start)));
  const place = { call: `dense(${units})`, weight: "kernel", origin };
  return built(denseSchema, values, {
    rule: units,
    masking: "pass",
    activation,
    constraints: new Map(
      Object.entries({ kernel: kernelConstraint, bias: biasConstraint }).flatMap(([name, it]) =>
        it ? [[name, it]] : [],
      ),
    ),
    regularizers: new Map<string, Regularizer>([
      ...(kernelRegularizer === undefined ? [] : [["kernel", kernelRegularizer] as const]),
      ...(biasRegularizer === undefined ? [] : [["bias", biasRegularizer] as const]),
    ]),
    params(sample): Params {
      const inputs = sample.at(-1);
      if (inputs === undefined) throw new ShapeError(`dense(${units}): a sample must have an axis${atLine(origin)}`);
      const kernel = state(startOf(initializer, [inputs, units], place));
      return useBias ? { kernel, bias: state(zeros(units)) } : { kernel };
    },
    apply({ kernel, bias }, x, { logits }) {
      const product = dot(x, kernel);
      const sum = bias === undefined ? product : add(product, bias);
      return activate(logits ? "linear" : activation, sum);
    },
  });
}
