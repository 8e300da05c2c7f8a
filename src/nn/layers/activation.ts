/** An activation as a layer. */

import { required } from "../schema.ts";
import { type ActivationName, activate, activationKind } from "./activations.ts";
import type { Layer } from "./layer.ts";
import type { LayerOptions } from "./schema.ts";
import { built, checkLayer, layerSchema } from "./schema.ts";

export const activationSchema = layerSchema({
  name: "activation",
  given: { activation: required(activationKind) },
  options: {},
  example: '"relu"',
  make: (given, options) => activation(given.activation, options),
});

/** An activation by itself. */
export function activation(name: ActivationName, options: LayerOptions = {}): Layer<"same"> {
  const values = checkLayer(activationSchema, { activation: name }, options, arguments);
  return built(activationSchema, values, {
    name,
    rule: "same",
    masking: "pass",
    activation: name,
    apply: (_, x, { logits }) => activate(logits ? "linear" : name, x),
  });
}
