/**
 * Convolutions of images of one, two and three sizes, and their transposes: activation(conv(x, kernel) + bias). Names and
 * defaults are Keras's; what is computed is `conv` and `convTranspose` of src/dsl, which say what padding and strides do.
 */
import { UserError } from "../../core/errors.ts";
import { count } from "../../core/options.ts";
import { atLine, here, type Origin } from "../../core/origin.ts";
import { conv, convTranspose } from "../../dsl/ops.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import {
  filledBy,
  outputPaddingKind,
  paddingKind,
  paddingOf,
  perAxis,
  perAxisKind,
  placed,
  type WindowAxis,
  windowPaddingKind,
} from "../../dsl/window-axes.ts";
import type { DataFormat, Padding, PerAxis } from "../../dsl/window-types.ts";
import type { Shape } from "../../graph/shape.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { activate, activationKind } from "./activations.ts";
import { addToChannels, dataFormatOption, type ImageAxes, type ImageRule, imageOf, sampleOfImage } from "./images.ts";
import type { Layer, SampleShape } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";
import { activityOption, biasOptions, kernelAndBias, kernelOptions, trainableOption } from "./weights.ts";

/** What every convolution of images takes. */
export const windowOptions = {
  /** From one window to the next, along all axes or each. 1 by default. */
  strides: option(perAxisKind, 1),
  /** From one element of a window to the next. 1 by default. */
  dilationRate: option(perAxisKind, 1),
  ...dataFormatOption,
  /** "linear" by default: none. */
  activation: option(activationKind, "linear"),
};

const options = {
  /** Zeros around the images: "valid", none, by default; "same"; along one axis "causal"; or [before, after] of each axis. */
  padding: option(paddingKind, "valid"),
  ...windowOptions,
  /** Channels and features in so many groups, each convolved by itself. 1 by default. */
  groups: option(count, 1),
  ...kernelOptions,
  ...biasOptions,
  ...trainableOption,
  ...activityOption,
};

const transposedOptions = {
  /** What is cut off the borders: "valid", nothing, by default; "same" leaves size times stride. */
  padding: option(windowPaddingKind, "valid"),
  /** Elements more behind each axis, below its stride; where given, "same" cuts off half a window on each side. */
  outputPadding: option(outputPaddingKind),
  ...windowOptions,
  ...kernelOptions,
  ...biasOptions,
  ...trainableOption,
  ...activityOption,
};

/** Options of `conv1d`, `conv2d` and `conv3d`. */
export interface ConvLayerOptions<F extends DataFormat = DataFormat> extends LayerOptions, OptionsOf<typeof options> {
  readonly dataFormat?: F;
}

/** Options of `conv1dTranspose`, `conv2dTranspose` and `conv3dTranspose`. */
export interface ConvTransposeLayerOptions<F extends DataFormat = DataFormat>
  extends LayerOptions,
    OptionsOf<typeof transposedOptions> {
  readonly dataFormat?: F;
}

const given = { filters: required(count), kernelSize: required(perAxisKind) };

/** What stands for a layer's function in its schema. */
type Made<O> = (filters: number, kernelSize: PerAxis, options: O) => Layer;

const convSchema = (name: string, make: Made<OptionsOf<typeof options> & LayerOptions>) =>
  layerSchema({
    name,
    given,
    options,
    example: "32, 3",
    make: ({ filters, kernelSize }, named) => make(filters, kernelSize, named),
  });

const transposedSchema = (name: string, make: Made<OptionsOf<typeof transposedOptions> & LayerOptions>) =>
  layerSchema({
    name,
    given,
    options: transposedOptions,
    example: "32, 3",
    make: ({ filters, kernelSize }, named) => make(filters, kernelSize, named),
  });

export const conv1dSchema = convSchema("conv1d", (filters, size, named) => conv1d(filters, size, named));
export const conv2dSchema = convSchema("conv2d", (filters, size, named) => conv2d(filters, size, named));
export const conv3dSchema = convSchema("conv3d", (filters, size, named) => conv3d(filters, size, named));
export const conv1dTransposeSchema = transposedSchema("conv1dTranspose", (filters, size, named) =>
  conv1dTranspose(filters, size, named),
);
export const conv2dTransposeSchema = transposedSchema("conv2dTranspose", (filters, size, named) =>
  conv2dTranspose(filters, size, named),
);
export const conv3dTransposeSchema = transposedSchema("conv3dTranspose", (filters, size, named) =>
  conv3dTranspose(filters, size, named),
);

type Params = { readonly kernel: StateSpec<Shape, "f32">; readonly bias?: StateSpec<Shape, "f32"> };

/** Sequences [steps, channels]: `filters` features of `kernelSize` steps each. The kernel is [kernelSize, channels / groups, filters]. */
export function conv1d<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: ConvLayerOptions<F>,
): Layer<ImageRule<1, F, N>>;
export function conv1d(filters: number, kernelSize: PerAxis, named: ConvLayerOptions = {}): Layer {
  return convolution(conv1dSchema, 1, { filters, kernelSize }, named, arguments, here("conv1d"));
}

/** Images [height, width, channels]: `filters` features of `kernelSize` places each. The kernel is [height, width, channels / groups, filters]. */
export function conv2d<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: ConvLayerOptions<F>,
): Layer<ImageRule<2, F, N>>;
export function conv2d(filters: number, kernelSize: PerAxis, named: ConvLayerOptions = {}): Layer {
  return convolution(conv2dSchema, 2, { filters, kernelSize }, named, arguments, here("conv2d"));
}

/** Images [depth, height, width, channels]. The kernel is [depth, height, width, channels / groups, filters]. */
export function conv3d<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: ConvLayerOptions<F>,
): Layer<ImageRule<3, F, N>>;
export function conv3d(filters: number, kernelSize: PerAxis, named: ConvLayerOptions = {}): Layer {
  return convolution(conv3dSchema, 3, { filters, kernelSize }, named, arguments, here("conv3d"));
}

/** The transpose of `conv1d`: each step adds its filter to what lies under its window. The kernel is [kernelSize, filters, channels]. */
export function conv1dTranspose<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: ConvTransposeLayerOptions<F>,
): Layer<ImageRule<1, F, N>>;
export function conv1dTranspose(filters: number, kernelSize: PerAxis, named: ConvTransposeLayerOptions = {}): Layer {
  return transposed(conv1dTransposeSchema, 1, { filters, kernelSize }, named, arguments, here("conv1dTranspose"));
}

/** The transpose of `conv2d`, which makes images larger by its strides. The kernel is [height, width, filters, channels]. */
export function conv2dTranspose<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: ConvTransposeLayerOptions<F>,
): Layer<ImageRule<2, F, N>>;
export function conv2dTranspose(filters: number, kernelSize: PerAxis, named: ConvTransposeLayerOptions = {}): Layer {
  return transposed(conv2dTransposeSchema, 2, { filters, kernelSize }, named, arguments, here("conv2dTranspose"));
}

/** The transpose of `conv3d`. The kernel is [depth, height, width, filters, channels]. */
export function conv3dTranspose<const N extends number, F extends DataFormat = "channelsLast">(
  filters: N,
  kernelSize: PerAxis,
  options?: ConvTransposeLayerOptions<F>,
): Layer<ImageRule<3, F, N>>;
export function conv3dTranspose(filters: number, kernelSize: PerAxis, named: ConvTransposeLayerOptions = {}): Layer {
  return transposed(conv3dTransposeSchema, 3, { filters, kernelSize }, named, arguments, here("conv3dTranspose"));
}

interface Given {
  readonly filters: number;
  readonly kernelSize: PerAxis;
}

function convolution(
  schema: typeof conv2dSchema,
  axes: ImageAxes,
  position: Given,
  named: ConvLayerOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, position, named, call);
  const { name } = schema;
  const { filters, padding, groups, useBias, activation, dataFormat } = values;
  const window = windowOf(values, axes, origin);
  const weights = kernelAndBias(name, values, origin);
  if (filters % groups !== 0) {
    throw new UserError(`${name}: ${filters} filters are no multiple of ${groups} groups${atLine(origin)}`);
  }
  const steps = { stride: window.strides, dilation: window.dilations, padding, groups, dataFormat };
  const image = (sample: SampleShape) => imageOf(name, sample, axes, dataFormat, origin);
  return built(schema, values, {
    rule: "any",
    activation,
    ...weights.rules,
    outputShape: (sample) =>
      sampleOfImage({ sizes: placesOf(image(sample).sizes, window, padding, origin), channels: filters }, dataFormat),
    params(sample): Params {
      const { channels } = image(sample);
      if (channels % groups !== 0) {
        throw new UserError(`${name}: ${channels} channels are no multiple of ${groups} groups${atLine(origin)}`);
      }
      const kernel = weights.state("kernel", [...window.sizes, channels / groups, filters]);
      return useBias ? { kernel, bias: weights.state("bias", [filters]) } : { kernel };
    },
    apply: ({ kernel, bias }, x, { logits }) =>
      activate(logits ? "linear" : activation, addToChannels(conv(x, kernel, steps), bias, dataFormat)),
  });
}

function transposed(
  schema: typeof conv2dTransposeSchema,
  axes: ImageAxes,
  position: Given,
  named: ConvTransposeLayerOptions,
  call: ArrayLike<unknown>,
  origin: Origin,
): Layer {
  const values = checkLayer(schema, position, named, call);
  const { name } = schema;
  const { filters, padding, outputPadding, useBias, activation, dataFormat } = values;
  const window = windowOf(values, axes, origin);
  const weights = kernelAndBias(name, values, origin);
  const more = outputPadding === undefined ? undefined : perAxis(outputPadding, axes, "outputPadding", origin);
  const steps = { stride: window.strides, dilation: window.dilations, padding, dataFormat };
  const grown = more === undefined ? steps : { ...steps, outputPadding: more };
  const image = (sample: SampleShape) => imageOf(name, sample, axes, dataFormat, origin);
  return built(schema, values, {
    rule: "any",
    activation,
    ...weights.rules,
    outputShape(sample) {
      const along = axesOf(image(sample).sizes, window, padding, origin);
      const sizes = along.map((axis, i) => Number(filledBy(axis, more?.[i], origin).extent));
      return sampleOfImage({ sizes, channels: filters }, dataFormat);
    },
    params(sample): Params {
      const kernel = weights.state("kernel", [...window.sizes, filters, image(sample).channels]);
      return useBias ? { kernel, bias: weights.state("bias", [filters]) } : { kernel };
    },
    apply: ({ kernel, bias }, x, { logits }) =>
      activate(logits ? "linear" : activation, addToChannels(convTranspose(x, kernel, grown), bias, dataFormat)),
  });
}

// ---- what they share, with depthwise and separable ones ----------------------------------------------------------------

/** A window by numbers for each axis. */
export interface KernelWindow {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

export function windowOf(
  values: {
    readonly kernelSize: PerAxis;
    readonly strides: PerAxis;
    readonly dilationRate: PerAxis;
    readonly padding: Padding;
  },
  axes: ImageAxes,
  origin: Origin,
): KernelWindow {
  paddingOf(values.padding, axes, origin); // refuses what is wrong where the layer is made
  return {
    sizes: perAxis(values.kernelSize, axes, "kernelSize", origin),
    strides: perAxis(values.strides, axes, "strides", origin),
    dilations: perAxis(values.dilationRate, axes, "dilationRate", origin),
  };
}

function axesOf(
  extents: readonly number[],
  window: KernelWindow,
  padding: Padding,
  origin: Origin,
): readonly WindowAxis[] {
  const paddings = paddingOf(padding, extents.length, origin);
  return extents.map((extent, i) => ({
    extent,
    size: window.sizes[i] ?? 1,
    stride: window.strides[i] ?? 1,
    dilation: window.dilations[i] ?? 1,
    padding: paddings[i] ?? "valid",
  }));
}

/** How many places a window has along each axis. */
export function placesOf(
  extents: readonly number[],
  window: KernelWindow,
  padding: Padding,
  origin: Origin,
): readonly number[] {
  return axesOf(extents, window, padding, origin).map((axis) => Number(placed(axis, origin).count));
}
