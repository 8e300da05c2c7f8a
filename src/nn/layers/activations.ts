/** Activations by name, with the default options of their functions; "linear" is none. A new one is a line of the table. */
import { keyOf } from "../../core/options.ts";
import type { Spelled } from "../../core/spelling.ts";
import {
  elu,
  exp,
  gelu,
  leakyRelu,
  logSoftmax,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import * as keras from "../keras-activations.ts";

type Values = Tensor<Shape, "f32">;

const activations = {
  relu: (x: Values): Values => relu(x),
  leakyRelu: (x: Values): Values => leakyRelu(x),
  elu: (x: Values): Values => elu(x),
  selu: (x: Values): Values => selu(x),
  gelu: (x: Values): Values => gelu(x),
  silu: (x: Values): Values => silu(x),
  sigmoid: (x: Values): Values => sigmoid(x),
  softplus: (x: Values): Values => softplus(x),
  tanh: (x: Values): Values => tanh(x),
  softmax: (x: Values): Values => softmax(x),
  linear: (x: Values): Values => x,
  celu: (x: Values): Values => keras.celu(x),
  exponential: (x: Values): Values => exp(x),
  hardShrink: (x: Values): Values => keras.hardShrink(x),
  hardSigmoid: (x: Values): Values => keras.hardSigmoid(x),
  hardSilu: (x: Values): Values => keras.hardSilu(x),
  hardSwish: (x: Values): Values => keras.hardSilu(x),
  hardTanh: (x: Values): Values => keras.hardTanh(x),
  logSigmoid: (x: Values): Values => keras.logSigmoid(x),
  logSoftmax: (x: Values): Values => logSoftmax(x),
  mish: (x: Values): Values => keras.mish(x),
  relu6: (x: Values): Values => keras.relu6(x),
  softShrink: (x: Values): Values => keras.softShrink(x),
  softsign: (x: Values): Values => keras.softsign(x),
  sparsemax: (x: Values): Values => keras.sparsemax(x),
  sparsePlus: (x: Values): Values => keras.sparsePlus(x),
  sparseSigmoid: (x: Values): Values => keras.sparseSigmoid(x),
  squareplus: (x: Values): Values => keras.squareplus(x),
  swish: (x: Values): Values => silu(x),
  tanhShrink: (x: Values): Values => keras.tanhShrink(x),
};

/** Functions of this library by name, with their default options; "linear" is none. */
export type ActivationName = Spelled<keyof typeof activations>;

export const activationKind = keyOf(activations);

export function activate(name: ActivationName, x: Values): Values {
  return activations[name](x);
}
