/**
 * What a layer is: the contract between layers, models and trainers, and the activations by name.
 *
 * A layer is a description. It tells which parameters it needs for a given input, and applies them inside an entry; nothing
 * is stored in it. A layer of your own is made by `layer()` (custom-layer.ts), or is an object with the members of `Layer`.
 */

import { ShapeError } from "../core/errors.ts";
import type { Spelled } from "../core/spelling.ts";
import { elu, gelu, leakyRelu, selu, silu } from "../dsl/activations.ts";
import { tensorFrom } from "../dsl/check.ts";
import { relu, sigmoid, softmax, softplus } from "../dsl/composites.ts";
import { tanh } from "../dsl/ops.ts";
import type { StateSpec } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { type Dim, printShape, type Shape, sameShape } from "../graph/shape.ts";
import type { Config } from "./config.ts";
import type { Regularizer } from "./regularizers.ts";
import type { SlotUpdates } from "./slot-updates.ts";

/** Parameters by name: state of a program. */
export interface ParamTree {
  readonly [name: string]: StateSpec | ParamTree;
}

/** The same inside an entry. */
export interface ParamTensors {
  readonly [name: string]: Tensor | ParamTensors;
}

/** What a layer does to a shape, for the editor: a number is the new last axis, a list is one after the other. */
export type ShapeRule = "same" | "flatten" | "any" | number | readonly ShapeRule[];

export type OutputShape<R, S extends Shape> = R extends "same"
  ? S
  : R extends "flatten"
    ? S extends readonly [infer Batch extends Dim, ...Shape]
      ? [Batch, number]
      : Shape
    : R extends number
      ? S extends readonly [...infer Head extends Shape, Dim]
        ? [...Head, R]
        : Shape
      : R extends readonly []
        ? S
        : R extends readonly [infer First, ...infer Rest]
          ? OutputShape<Rest, OutputShape<First, S>>
          : Shape;

/** How a layer is applied. All may be left out. */
export interface Mode {
  /** Dropout and the like work only while training. False by default. */
  readonly training?: boolean;
  /** Leave the last activation out: logits in place of probabilities. False by default. */
  readonly logits?: boolean;
  /** Takes the next values of the slots that layers update while they train: `slotUpdates(model)`. */
  readonly slots?: SlotUpdates;
  /** Told of the output of every layer inside a model, by its path ("dense1", "sequential1.dense2"). */
  readonly onOutput?: (path: string, output: Tensor<Shape, "f32">) => void;
}

/** The shape of one sample, without the batch: `[784]`. */
export type SampleShape = readonly number[];

export function isSampleShape(value: unknown): value is SampleShape {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 1);
}

/** A layer, as a description: it stores nothing. `sequential`, `model` and a program of your own put layers together. */
export interface Layer<R extends ShapeRule = ShapeRule> {
  /** "dense", "dropout"... Where it has no name of its own, a model calls it after this, and counts: dense1, dense2. */
  readonly name: string;
  /** The name it was given: what its parameters stand under in a model. */
  readonly givenName?: string | undefined;
  /** What it does to shapes, for the editor. */
  readonly rule: R;
  /** The activation that `apply` ends with: what `logits: true` leaves out. */
  readonly activation: ActivationName;
  /** Penalties on parameters, by path: "kernel", "dense1.kernel". */
  readonly regularizers?: ReadonlyMap<string, Regularizer>;
  /** What `layerFrom` makes the same layer from. A layer of your own without it is code, and is saved as that. */
  readonly config?: Config;
  /** The shape of a sample behind it, without the batch. A ShapeError where the layer does not take such samples. */
  outputShape(sample: SampleShape): SampleShape;
  /** The parameters that it needs for such samples, by name: a part of a program's state. */
  params(sample: SampleShape): ParamTree;
  /** Its output for a batch, inside an entry, with its parameters as tensors. */
  apply<const S extends Shape>(
    params: ParamTensors,
    x: Tensor<S, "f32">,
    mode?: Mode,
  ): Tensor<OutputShape<R, S>, "f32">;
}

/** Functions of this library by name, with their default options; "linear" is none. */
export type ActivationName = Spelled<
  ("relu" | "leakyRelu" | "elu" | "selu" | "gelu" | "silu") | ("sigmoid" | "softplus" | "tanh" | "softmax" | "linear")
>;

const activations: Readonly<Record<ActivationName, (x: Tensor<Shape, "f32">) => Tensor<Shape, "f32">>> = {
  relu,
  leakyRelu: (x) => leakyRelu(x),
  elu: (x) => elu(x),
  selu,
  gelu: (x) => gelu(x),
  silu,
  sigmoid,
  softplus,
  tanh,
  softmax: (x) => softmax(x),
  linear: (x) => x,
};

export const activationNames = Object.keys(activations) as readonly ActivationName[];

export function activate(name: ActivationName, x: Tensor<Shape, "f32">): Tensor<Shape, "f32"> {
  return activations[name](x);
}

/** The layers behind it, and the trainer, have been made for what `outputShape` says. */
function checkSample(what: string, layer: Layer, x: Tensor<Shape, "f32">, output: Tensor): void {
  const [from, to] = [x.shape.slice(1), output.shape.slice(1)];
  // in a program of one's own x may be one sample, a vector without a batch
  if (from.length === 0 || from.some((dim) => typeof dim !== "number")) return;
  const said = layer.outputShape(from as number[]);
  if (sameShape(said, to)) return;
  throw new ShapeError(
    `${what} gives ${printShape(output.shape)} of ${printShape(x.shape)}, so a sample of ${printShape(to)}; its outputShape ` +
      `says ${printShape(said)}: give it outputShape: (sample) => ${JSON.stringify(to)}, in terms of sample`,
  );
}

/** What a layer makes of x inside an entry, which must be a tensor: `apply` may be anybody's. */
export function applyLayer(
  layer: Layer,
  params: ParamTensors,
  x: Tensor<Shape, "f32">,
  mode: Mode,
): Tensor<Shape, "f32"> {
  const what = `the layer "${layer.givenName ?? layer.name}"`;
  const output = tensorFrom(what, layer.apply(params, x, mode));
  checkSample(what, layer, x, output);
  return output as Tensor<Shape, "f32">;
}
