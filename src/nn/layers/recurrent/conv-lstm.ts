/** Convolutional LSTMs (Shi et al. 2015): samples are sequences of images, and the products with kernels are convolutions. */
import { count, flag } from "../../../core/options.ts";
import { here, type Origin } from "../../../core/origin.ts";
import { add, conv, mul, reshape } from "../../../dsl/ops.ts";
import { perAxisKind, windowPaddingKind } from "../../../dsl/window-axes.ts";
import type { PerAxis } from "../../../dsl/window-types.ts";
import { type OptionsOf, option, required, type ValuesOf } from "../../schema.ts";
import { activate, activationKind } from "../activations.ts";
import { placesOf, windowOf } from "../conv.ts";
import { type ImageAxes, imageOf } from "../images.ts";
import type { SampleShape } from "../layer.ts";
import { checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import type { CellParts } from "./cell.ts";
import { type RecurrentLayer, recurrentLayer, recurrentOptions, refuseStateful } from "./recurrent.ts";
import { cellTensors, cellWeights, dropoutOptions, gate, sameDropout, stateAt, weightOptions } from "./weights.ts";

const given = { filters: required(count), kernelSize: required(perAxisKind) };
const options = {
  /** From one window of the input to the next. 1 by default. */
  strides: option(perAxisKind, 1),
  /** Zeros around the input: "valid", none, by default; "same". States are convolved with "same" always. */
  padding: option(windowPaddingKind, "valid"),
  /** From one element of an input's window to the next. 1 by default. */
  dilationRate: option(perAxisKind, 1),
  /** Of the candidate and of the memory that is let out. "tanh" by default. */
  activation: option(activationKind, "tanh"),
  /** Of the three gates. "sigmoid" by default. */
  recurrentActivation: option(activationKind, "sigmoid"),
  ...weightOptions,
  /** Whether the forget gate's bias starts at 1. True by default. */
  unitForgetBias: option(flag, true),
  ...dropoutOptions,
  ...recurrentOptions,
};

/** Options of `convLstm1d`, `convLstm2d` and `convLstm3d`. */
export interface ConvLstmOptions extends LayerOptions, OptionsOf<typeof options> {}

type Make = (filters: number, kernelSize: PerAxis, options: ConvLstmOptions) => RecurrentLayer;

const schemaOf = (name: string, make: Make) =>
  layerSchema({
    name,
    given,
    options,
    example: "32, 3",
    make: ({ filters, kernelSize }, named) => make(filters, kernelSize, named),
  });

export const convLstm1dSchema = schemaOf("convLstm1d", (filters, size, named) => convLstm1d(filters, size, named));
export const convLstm2dSchema = schemaOf("convLstm2d", (filters, size, named) => convLstm2d(filters, size, named));
export const convLstm3dSchema = schemaOf("convLstm3d", (filters, size, named) => convLstm3d(filters, size, named));

/** Samples [steps, width, channels]. The kernel is [size, channels, 4 * filters], the recurrent one [size, filters, 4 * filters]. */
export function convLstm1d(filters: number, kernelSize: PerAxis, options: ConvLstmOptions = {}): RecurrentLayer<"any"> {
  return convLstm(convLstm1dSchema, 1, { filters, kernelSize }, options, arguments, here("convLstm1d"));
}

/** Samples [steps, height, width, channels]. */
export function convLstm2d(filters: number, kernelSize: PerAxis, options: ConvLstmOptions = {}): RecurrentLayer<"any"> {
  return convLstm(convLstm2dSchema, 2, { filters, kernelSize }, options, arguments, here("convLstm2d"));
}

/** Samples [steps, depth, height, width, channels]. */
export function convLstm3d(filters: number, kernelSize: PerAxis, options: ConvLstmOptions = {}): RecurrentLayer<"any"> {
  return convLstm(convLstm3dSchema, 3, { filters, kernelSize }, options, arguments, here("convLstm3d"));
}

function convLstm(
  schema: typeof convLstm2dSchema,
  axes: ImageAxes,
  position: { readonly filters: number; readonly kernelSize: PerAxis },
  named: ConvLstmOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): RecurrentLayer<"any"> {
  refuseStateful(schema.name, named);
  const values = checkLayer(schema, position, named, call);
  return recurrentLayer(schema, values, partsOf(schema.name, axes, values, origin), origin);
}

type Chosen = ValuesOf<typeof given> & ValuesOf<typeof options>;

function partsOf(call: string, axes: ImageAxes, values: Chosen, origin: Origin): CellParts<"any", 2> {
  const { filters, padding, activation, recurrentActivation, unitForgetBias, dropout, recurrentDropout } = values;
  const window = windowOf(values, axes, origin);
  const steps = { stride: window.strides, dilation: window.dilations, padding };
  const shapes = (channels: number) => ({
    kernel: [...window.sizes, channels, 4 * filters],
    recurrentKernel: [...window.sizes, filters, 4 * filters],
    bias: [4 * filters],
  });
  const stateOf = (step: SampleShape): SampleShape => {
    const { sizes } = imageOf(call, step, axes, "channelsLast", origin);
    return [...placesOf(sizes, window, padding, origin), filters];
  };
  return {
    axes: axes + 1,
    count: 2,
    rule: "any",
    ...cellWeights(call, values, shapes, origin, unitForgetBias ? { from: filters, to: 2 * filters } : undefined),
    outputShape: stateOf,
    states: (step) => [stateOf(step), stateOf(step)],
    start(params, batch, step, { training }) {
      const { kernel, recurrentKernel, bias } = cellTensors(call, params);
      const state = stateOf(step);
      const dropX = sameDropout(dropout, training, [batch, ...step]);
      const dropH = sameDropout(recurrentDropout, training, [batch, ...state]);
      return {
        project(x) {
          // A convolution has one axis of samples: all steps together are more of them.
          const flat = reshape(dropX(x), [-1, ...step]);
          const product = conv(flat, kernel, steps);
          const sum = bias === undefined ? product : add(product, bias);
          return reshape(sum, [...x.shape.slice(0, x.shape.length - step.length), ...sum.shape.slice(1)]);
        },
        step(projected, states) {
          const z = add(projected, conv(dropH(stateAt(states, 0)), recurrentKernel, { padding: "same" }));
          const opened = (i: number) => activate(recurrentActivation, gate(z, i, filters));
          const candidate = mul(opened(0), activate(activation, gate(z, 2, filters)));
          const memory = add(mul(opened(1), stateAt(states, 1)), candidate);
          const next = mul(opened(3), activate(activation, memory));
          return [next, next, memory];
        },
      };
    },
  };
}
