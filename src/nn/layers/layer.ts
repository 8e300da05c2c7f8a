/**
 * What a layer is: the contract between layers, models and trainers.
 *
 * A layer is a description. It tells which parameters it needs for a given input, and applies them inside an entry; nothing
 * is stored in it. A layer of your own is made by `layer()` (own.ts), or is an object with the members of `Layer`.
 */

import { ShapeError } from "../../core/errors.ts";
import { tensorFrom } from "../../dsl/check.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape, sameShape } from "../../graph/shape.ts";
import type { Config } from "../config.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import type { ActivationName } from "./activations.ts";
import type { OutputShape, ShapeRule } from "./shape-rule.ts";
import type { SlotUpdates } from "./slot-updates.ts";

/** Parameters by name: state of a program. */
export interface ParamTree {
  readonly [name: string]: StateSpec | ParamTree;
}

/** The same inside an entry. */
export interface ParamTensors {
  readonly [name: string]: Tensor | ParamTensors;
}

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

/** It has what a layer must have. */
export function isLayer(given: unknown): given is Layer {
  return typeof given === "object" && given !== null && "apply" in given && "params" in given;
}

/** The shape of the samples of a batch, where all of it is known; null for a vector, which may be one sample without a batch. */
export function sampleOf({ shape }: Tensor): SampleShape | null {
  const dims = shape.slice(1);
  const sizes = dims.filter((dim) => typeof dim === "number");
  return sizes.length === dims.length && dims.length > 0 ? sizes : null;
}

/** The layers behind it, and the trainer, have been made for what `outputShape` says. */
function checkSample(what: string, layer: Layer, x: Tensor, output: Tensor): void {
  const from = sampleOf(x);
  if (from === null) return;
  const said = layer.outputShape(from);
  const to = output.shape.slice(1);
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
  return floatsFrom(what, output);
}

/** The tensor that `what` gave, which must be of f32. */
export function floatsFrom(what: string, value: unknown): Tensor<Shape, "f32"> {
  const found = tensorFrom(what, value);
  if (isF32(found)) return found;
  throw new ShapeError(`${what} must give f32, not ${found.dtype}${printShape(found.shape)}`);
}

function isF32(x: Tensor): x is Tensor<Shape, "f32"> {
  return x.dtype === "f32";
}
