/**
 * Depthwise convolutions, each channel with filters of its own, and separable ones: a depthwise convolution, and behind it one
 * of a single place that mixes the channels. What is computed is `depthwiseConv` and `conv` of src/dsl.
 */
import { count } from "../../core/options.ts";
import { here, type Origin } from "../../core/origin.ts";
import { glorotUniform } from "../../dsl/initializers.ts";
import { conv, depthwiseConv } from "../../dsl/ops.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import { paddingKind, perAxisKind } from "../../dsl/window-axes.ts";
import type { DataFormat, PerAxis } from "../../dsl/window-types.ts";
import type { Shape } from "../../graph/shape.ts";
import { constraintKind } from "../constraints/limits.ts";
import { initializerKind } from "../initializers.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { activate } from "./activations.ts";
import { placesOf, windowOf, windowOptions } from "./conv.ts";
import { addToChannels, type ImageAxes, type ImageRule, imageOf, sampleOfImage } from "./images.ts";
import type { Layer, SampleShape } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";
import { activityOption, biasOptions, biasPlan, trainableOption, type WeightPlan, Weights } from "./weights.ts";

const depthwiseOptions = {
  /** Zeros around the images: "valid", none, by default; "same"; along one axis "causal"; or [before, after] of each axis. */
  padding: option(paddingKind, "valid"),
  /** How many features each channel gives. 1 by default. */
  depthMultiplier: option(count, 1),
  ...windowOptions,
  /** What the depthwise kernel starts with: a name, a function of the shape, or values; `glorotUniform` by default. */
  depthwiseInitializer: option(initializerKind, glorotUniform),
  /** A penalty on the depthwise kernel. */
  depthwiseRegularizer: option(regularizerKind),
  /** What the depthwise kernel becomes after each update. */
  depthwiseConstraint: option(constraintKind),
  ...biasOptions,
  ...trainableOption,
  ...activityOption,
};

const separableOptions = {
  ...depthwiseOptions,
  /** The same for the pointwise kernel; `glorotUniform` by default. */
  pointwiseInitializer: option(initializerKind, glorotUniform),
  /** A penalty on the pointwise kernel. */
  pointwiseRegularizer: option(regularizerKind),
  /** What the pointwise kernel becomes after each update. */
  pointwiseConstraint: option(constraintKind),
};

/** Options of `depthwiseConv1d` and `depthwiseConv2d`. */
export interface DepthwiseConvLayerOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof depthwiseOptions> {
  readonly dataFormat?: F;
}

/** Options of `separableConv1d` and `separableConv2d`. */
export interface SeparableConvLayerOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof separableOptions> {
  readonly dataFormat?: F;
}

const depthwiseSchema = (
  name: string,
  make: (kernelSize: PerAxis, options: OptionsOf<typeof depthwiseOptions> & LayerOptions) => Layer,
) =>
  layerSchema({
    name,
    given: { kernelSize: required(perAxisKind) },
    options: depthwiseOptions,
    example: "3",
    make: ({ kernelSize }, named) => make(kernelSize, named),
  });

const separableSchema = (
  name: string,
  make: (filters: number, kernelSize: PerAxis, options: OptionsOf<typeof separableOptions> & LayerOptions) => Layer,
) =>
  layerSchema({
    name,
    given: { filters: required(count), kernelSize: required(perAxisKind) },
    options: separableOptions,
    example: "32, 3",
    make: ({ filters, kernelSize }, named) => make(filters, kernelSize, named),
  });

export const depthwiseConv1dSchema = depthwiseSchema("depthwiseConv1d", (size, named) => depthwiseConv1d(size, named));
export const depthwiseConv2dSchema = depthwiseSchema("depthwiseConv2d", (size, named) => depthwiseConv2d(size, named));
export const separableConv1dSchema = separableSchema("separableConv1d", (filters, size, named) =>
  separableConv1d(filters, size, named),
);
export const separableConv2dSchema = separableSchema("separableConv2d", (filters, size, named) =>
  separableConv2d(filters, size, named),
);

/** Each channel of sequences [steps, channels] with filters of its own. The kernel is [kernelSize, channels, depthMultiplier]. */
export function depthwiseConv1d<F extends DataFormat = "channelsLast">(
  kernelSize: PerAxis,
  options?: DepthwiseConvLayerOptions<F>,
): Layer<ImageRule<1, F, number>>;
export function depthwiseConv1d(kernelSize: PerAxis, named: DepthwiseConvLayerOptions = {}): Layer {
  return depthwise(depthwiseConv1dSchema, 1, kernelSize, named, arguments, here("depthwiseConv1d"));
}

/** Each channel of images [height, width, channels] with filters of its own. The kernel is [height, width, channels, depthMultiplier]. */
export function depthwiseConv2d<F extends DataFormat = "channelsLast">(
  kernelSize: PerAxis,
  options?: DepthwiseConvLayerOptions<F>,
): Layer<ImageRule<2, F, number>>;
export function depthwiseConv2d(kernelSize: PerAxis, named: DepthwiseConvLayerOptions = {}): Layer {
  return depthwise(depthwiseConv2dSchema, 2, kernelSize, named, arguments, here("depthwiseConv2d"));
}

/** A depthwise convolution of sequences, and one of a single step that mixes its channels: `filters` features. */
export function separableConv1d<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: SeparableConvLayerOptions<F>,
): Layer<ImageRule<1, F, N>>;
export function separableConv1d(filters: number, kernelSize: PerAxis, named: SeparableConvLayerOptions = {}): Layer {
  return separable(separableConv1dSchema, 1, { filters, kernelSize }, named, arguments, here("separableConv1d"));
}

/** A depthwise convolution of images, and one of a single place that mixes its channels: `filters` features. */
export function separableConv2d<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: SeparableConvLayerOptions<F>,
): Layer<ImageRule<2, F, N>>;
export function separableConv2d(filters: number, kernelSize: PerAxis, named: SeparableConvLayerOptions = {}): Layer {
  return separable(separableConv2dSchema, 2, { filters, kernelSize }, named, arguments, here("separableConv2d"));
}

type DepthwiseParams = { readonly kernel: StateSpec<Shape, "f32">; readonly bias?: StateSpec<Shape, "f32"> };

function depthwise(
  schema: typeof depthwiseConv2dSchema,
  axes: ImageAxes,
  kernelSize: PerAxis,
  named: DepthwiseConvLayerOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, { kernelSize }, named, call);
  const { name } = schema;
  const { padding, depthMultiplier, useBias, activation, dataFormat } = values;
  const window = windowOf(values, axes, origin);
  const plans = { kernel: depthwisePlan(values), bias: biasPlan(name, values, origin) };
  const weights = new Weights(name, plans, values.trainable, origin);
  const steps = { stride: window.strides, dilation: window.dilations, padding, dataFormat };
  const image = (sample: SampleShape) => imageOf(name, sample, axes, dataFormat, origin);
  return built(schema, values, {
    rule: "any",
    activation,
    ...weights.rules,
    outputShape(sample) {
      const { sizes, channels } = image(sample);
      const places = placesOf(sizes, window, padding, origin);
      return sampleOfImage({ sizes: places, channels: channels * depthMultiplier }, dataFormat);
    },
    params(sample): DepthwiseParams {
      const { channels } = image(sample);
      const kernel = weights.state("kernel", [...window.sizes, channels, depthMultiplier]);
      return useBias ? { kernel, bias: weights.state("bias", [channels * depthMultiplier]) } : { kernel };
    },
    apply: ({ kernel, bias }, x, { logits }) =>
      activate(logits ? "linear" : activation, addToChannels(depthwiseConv(x, kernel, steps), bias, dataFormat)),
  });
}

type SeparableParams = {
  readonly depthwiseKernel: StateSpec<Shape, "f32">;
  readonly pointwiseKernel: StateSpec<Shape, "f32">;
  readonly bias?: StateSpec<Shape, "f32">;
};

function separable(
  schema: typeof separableConv2dSchema,
  axes: ImageAxes,
  position: { readonly filters: number; readonly kernelSize: PerAxis },
  named: SeparableConvLayerOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, position, named, call);
  const { name } = schema;
  const { filters, padding, depthMultiplier, useBias, activation, dataFormat } = values;
  const window = windowOf(values, axes, origin);
  const pointwiseKernel = {
    initializer: values.pointwiseInitializer,
    regularizer: values.pointwiseRegularizer,
    constraint: values.pointwiseConstraint,
  };
  const plans = { depthwiseKernel: depthwisePlan(values), pointwiseKernel, bias: biasPlan(name, values, origin) };
  const weights = new Weights(name, plans, values.trainable, origin);
  const steps = { stride: window.strides, dilation: window.dilations, padding, dataFormat };
  const image = (sample: SampleShape) => imageOf(name, sample, axes, dataFormat, origin);
  return built(schema, values, {
    rule: "any",
    activation,
    ...weights.rules,
    outputShape: (sample) =>
      sampleOfImage({ sizes: placesOf(image(sample).sizes, window, padding, origin), channels: filters }, dataFormat),
    params(sample): SeparableParams {
      const { channels } = image(sample);
      const kernels = {
        depthwiseKernel: weights.state("depthwiseKernel", [...window.sizes, channels, depthMultiplier]),
        pointwiseKernel: weights.state("pointwiseKernel", [
          ...window.sizes.map(() => 1),
          channels * depthMultiplier,
          filters,
        ]),
      };
      return useBias ? { ...kernels, bias: weights.state("bias", [filters]) } : kernels;
    },
    apply({ depthwiseKernel, pointwiseKernel, bias }, x, { logits }) {
      const mixed = conv(depthwiseConv(x, depthwiseKernel, steps), pointwiseKernel, { dataFormat });
      return activate(logits ? "linear" : activation, addToChannels(mixed, bias, dataFormat));
    },
  });
}

function depthwisePlan(values: {
  readonly depthwiseInitializer: WeightPlan["initializer"];
  readonly depthwiseRegularizer: WeightPlan["regularizer"];
  readonly depthwiseConstraint: WeightPlan["constraint"];
}): WeightPlan {
  const { depthwiseInitializer: initializer, depthwiseRegularizer: regularizer } = values;
  return { initializer, regularizer, constraint: values.depthwiseConstraint };
}
