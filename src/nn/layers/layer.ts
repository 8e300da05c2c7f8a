/**
 * What a layer is: the contract between layers, models and trainers.
 *
 * A layer is a description. It tells which parameters it needs for a given input, and applies them inside an entry; nothing
 * is stored in it. A layer of your own is made by `layer()` (own.ts), or is an object with the members of `Layer`.
 */

import { ShapeError } from "../../core/errors.ts";
import { tensorFrom } from "../../dsl/check.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import { holds, type Mask, Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape, sameShape } from "../../graph/shape.ts";
import type { Config } from "../config.ts";
import type { Constraint } from "../constraints/constraint.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import type { ActivationName } from "./activations.ts";
import type { Masks } from "./masks.ts";
import { type OutputShape, type ShapeRule, shapeBy } from "./shape-rule.ts";
import type { SlotUpdates } from "./slot-updates.ts";

/** Parameters by name: state of a program. */
export interface ParamTree {
  readonly [name: string]: StateSpec | ParamTree;
}

/** The same inside an entry. */
export interface ParamTensors {
  readonly [name: string]: Tensor | ParamTensors;
}

/** The output has the input's mask; or `apply` says by `masks.give` what it has. */
export type MaskRule = "pass" | "own";

/** What a layer may be given: numbers, or with "i32" whole numbers, such as the places of words in a table. */
export type SampleType = "f32" | "i32";

/** How a layer is applied. All may be left out. */
export interface Mode {
  /** Dropout and the like work only while training. False by default. */
  readonly training?: boolean;
  /** Leave the last activation out: logits in place of probabilities. False by default. */
  readonly logits?: boolean;
  /** Takes the next values of the slots that layers update while they train: `slotUpdates(model)`. */
  readonly slots?: SlotUpdates;
  /** Which steps of the tensors of this pass count: `new Masks()`. Without it a layer that makes masks makes none. */
  readonly masks?: Masks;
  /** Given by a call in place of the mask that its tensor has: `attend(query, value, { mask })`. */
  readonly mask?: Mask;
  /** Takes a number that is added to the loss, by `addLoss` of a layer; without it such numbers are let go. */
  readonly onLoss?: (value: Tensor<Shape, "f32">) => void;
  /** Told of the output of every layer inside a model, by its path ("dense1", "sequential1.dense2"); and which it is. */
  readonly onOutput?: (path: string, output: Tensor<Shape, "f32">, layer: Pick<Layer, "name">) => void;
  /** Where in a model the layer stands, for messages: "encoder.dense1". */
  readonly path?: string;
}

/** The shape of one sample, without the batch: `[784]`. */
export type SampleShape = readonly number[];

export function isSampleShape(value: unknown): value is SampleShape {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 1);
}

/** A layer, as a description: it stores nothing. `sequential`, `model` and a program of your own put layers together. */
export interface Layer<R extends ShapeRule = ShapeRule, M extends number = number> {
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
  /** What parameters become after each update, by path. */
  readonly constraints?: ReadonlyMap<string, Constraint>;
  /** What `layerFrom` makes the same layer from. A layer of your own without it is code, and is saved as that. */
  readonly config?: Config;
  /** The shape of a sample behind it, without the batch. A ShapeError where the layer does not take such samples. */
  outputShape(sample: SampleShape): SampleShape;
  /** The parameters that it needs for such samples, by name: a part of a program's state. */
  params(sample: SampleShape): ParamTree;
  /** "f32" where it is left out. An "i32" layer takes floats too, and cuts them to whole numbers. */
  readonly takes?: SampleType;
  /** What becomes of a mask of its input. The output has none where this is left out. */
  readonly masking?: MaskRule;
  /** For a layer of several tensors: what it does with them. */
  readonly several?: Several;
  /** How many tensors `several` gives besides its output. */
  readonly more?: M;
  /** Its output for a batch, inside an entry, with its parameters as tensors. */
  apply<const S extends Shape>(
    params: ParamTensors,
    x: Tensor<S, SampleType>,
    mode?: Mode,
  ): Tensor<OutputShape<R, S>, "f32">;
}

/** What a layer does with several tensors: `sum(a, b)`, `attend(query, value)`; and all that it gives. */
export interface Several {
  /** The shape of a sample behind it, of samples of these shapes. */
  outputShape(samples: readonly SampleShape[]): SampleShape;
  /** The parameters that it needs for such samples. */
  params(samples: readonly SampleShape[]): ParamTree;
  /** Its output first, then whatever else it gives: the last states of a recurrent layer, the scores of attention. */
  apply(params: ParamTensors, xs: readonly Tensor<Shape, SampleType>[], mode?: Mode): LayerResults;
}

/** What a layer gives: its output, and whatever else. */
export type LayerResults = readonly [Tensor<Shape, "f32">, ...Tensor<Shape, "f32">[]];

/** It has what a layer must have. */
export function isLayer(given: unknown): given is Layer {
  return (
    typeof given === "object" &&
    given !== null &&
    "apply" in given &&
    "params" in given &&
    typeof given.params === "function"
  );
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
  const isRule = layer.rule !== "any" && sameShape(shapeBy(layer.rule, from, what), said);
  throw new ShapeError(
    `${what} gives ${printShape(output.shape)} of ${printShape(x.shape)}, so a sample of ${printShape(to)}; its ` +
      `${isRule ? "rule" : "outputShape"} says ${printShape(said)}: give it ${isRule ? "another, or " : ""}outputShape: (sample) => ${JSON.stringify(to)}, in terms of sample`,
  );
}

/** What a layer makes of x inside an entry, which must be a tensor: `apply` may be anybody's. */
export function applyLayer(
  layer: Layer,
  params: ParamTensors,
  x: Tensor<Shape, SampleType>,
  mode: Mode,
): Tensor<Shape, "f32"> {
  const what = whatOf(layer);
  const output = tensorFrom(what, layer.apply(params, x, mode));
  checkSample(what, layer, x, output);
  return withMask(layer, x, floatsFrom(what, output), mode);
}

/** What a layer makes of several tensors: its output, and whatever else it gives. */
export function applyToSeveral(
  layer: Layer & { readonly several: Several },
  params: ParamTensors,
  xs: readonly [Tensor<Shape, SampleType>, ...Tensor<Shape, SampleType>[]],
  mode: Mode,
): LayerResults {
  const what = whatOf(layer);
  const [output, ...others] = layer.several.apply(params, xs, mode);
  const given = withMask(layer, xs[0], floatsFrom(what, output), mode);
  return [given, ...others.map((it) => floatsFrom(what, it))];
}

/** "the layer "dense1"" */
export function whatOf({ givenName, name }: Pick<Layer, "givenName" | "name">): string {
  return `the layer "${givenName ?? name}"`;
}

/** The output with the mask of the input, where the layer passes masks on. */
function withMask(layer: Layer, x: Tensor, output: Tensor<Shape, "f32">, { masks }: Mode): Tensor<Shape, "f32"> {
  const mask = masks?.of(x);
  if (masks === undefined || mask === undefined || layer.masking === "own") return output;
  const isSame: boolean = output === x; // a layer that does nothing gives what it got, mask and all
  if (layer.masking === undefined) return isSame ? new Tensor(output.value) : output;
  masks.give(output, mask);
  return output;
}

/** The tensor that `what` gave, which must be of f32. */
export function floatsFrom(what: string, value: unknown): Tensor<Shape, "f32"> {
  const found = tensorFrom(what, value);
  if (holds(found, "f32")) return found;
  throw new ShapeError(`${what} must give f32, not ${found.dtype}${printShape(found.shape)}`);
}

/** The tensor that `what` gave, which must be of numbers that a layer may take. */
export function sampleFrom(what: string, value: unknown): Tensor<Shape, SampleType> {
  const found = tensorFrom(what, value);
  return holds(found, "i32") ? found : floatsFrom(what, found);
}
