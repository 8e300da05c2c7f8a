/** Activations by name, with the default options of their functions; "linear" is none. A new one is a line of the table. */
import { keyOf } from "../../core/options.ts";
import type { Spelled } from "../../core/spelling.ts";
import {
  abs,
  add,
  clip,
  elu,
  gelu,
  leakyRelu,
  less,
  mul,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
  where,
} from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";

type Values = Tensor<Shape, "f32">;

const activations = {
  relu: (x: Values): Values => relu(x),
  leakyRelu: (x: Values): Values => leakyRelu(x),
  elu: (x: Values): Values => elu(x),
  selu: (x: Values): Values => selu(x),
  gelu: (x: Values): Values => gelu(x),
  silu: (x: Values): Values => silu(x),
  sigmoid: (x: Values): Values => sigmoid(x),
  hardSigmoid: (x: Values): Values => where(less(abs(x), 3), add(mul(x, 1 / 6), 0.5), clip(x, 0, 1)),
  softplus: (x: Values): Values => softplus(x),
  tanh: (x: Values): Values => tanh(x),
  softmax: (x: Values): Values => softmax(x),
  linear: (x: Values): Values => x,
};

/** Functions of this library by name, with their default options; "linear" is none. */
export type ActivationName = Spelled<keyof typeof activations>;

export const activationKind = keyOf(activations);

export function activate(name: ActivationName, x: Values): Values {
  return activations[name](x);
}
