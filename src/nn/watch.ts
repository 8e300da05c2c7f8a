/**
 * Watch: more outputs of a training step, beside its scores: gradients, activations, whatever can be computed from them.
 *
 *   watch: {
 *     gradientNorm: ({ gradients }) => globalNorm(gradients),
 *     hidden: ({ layer }) => layer("dense1"),
 *   },
 *   onBatchEnd(record, { watched }) { console.log(watched("gradientNorm")); }
 *
 * They are part of the one program, so a gradient is kept only where somebody watches it. Outside of
 * callbacks `net.executable.read("watch.gradientNorm")` gives that of the last step, if a step was the last thing that ran.
 */

import { UserError } from "../core/errors.ts";
import { tensorFrom } from "../dsl/check.ts";
import type { Tensor } from "../dsl/tensor.ts";
import type { Shape } from "../graph/shape.ts";
import { activate } from "./layers/activations.ts";
import type { OutputTensor } from "./model-contract.ts";
import type { Ports } from "./ports.ts";

/** What a training step has. Names of weights and layers are those of the model: "dense1.kernel", "dense1". */
export interface WatchContext {
  /** The loss of the batch, penalties and all. */
  readonly loss: Tensor<[], "f32">;
  /** A weight before the step. */
  weight(name: string): Tensor;
  /** The loss's gradient by a weight that is trained. */
  gradient(name: string): Tensor;
  /** The gradients by all weights that are trained. */
  readonly gradients: readonly Tensor[];
  /** A layer's output, with its activation; that of the last call, where a model calls the layer more than once. */
  layer(name: string): Tensor<Shape, "f32">;
  /** The model's output, with its activation; by name where there are several. */
  output(name?: string): Tensor<Shape, "f32">;
  /** What was fed: a tensor, or an object of tensors by name. */
  readonly inputs: unknown;
  /** What the outputs are compared with. */
  readonly targets: unknown;
}

/** Something to be put out by each training step: a scalar, or a tensor that is copied to the host where it is asked for. */
export type Watch = (context: WatchContext) => Tensor;

interface Step {
  readonly loss: Tensor<[], "f32">;
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly gradients: ReadonlyMap<string, Tensor>;
  readonly layers: ReadonlyMap<string, Tensor<Shape, "f32">>;
  readonly outputs: Ports<OutputTensor>;
  readonly inputs: unknown;
  readonly targets: unknown;
}

/** The outputs to add to a step: none where nothing is watched. */
export function watched(watch: ReadonlyMap<string, Watch>, step: Step): { readonly watch?: unknown } {
  if (watch.size === 0) return {};
  const shown = new Map(
    step.outputs.entries().map(([name, { logits, activation }]) => [name, activate(activation, logits)]),
  );
  const context: WatchContext = {
    loss: step.loss,
    weight: (name) => find(step.weights, name, "weight"),
    gradient: (name) => find(step.gradients, name, "trained weight"),
    gradients: [...step.gradients.values()],
    layer: (name) => find(step.layers, name, "layer"),
    output: (name = "") => find(shown, name, "output"),
    inputs: step.inputs,
    targets: step.targets,
  };
  const found = [...watch].map(
    ([name, make]) => [name, tensorFrom(`trainer: watch "${name}"`, make(context))] as const,
  );
  return { watch: Object.fromEntries(found) };
}

function find<T>(known: ReadonlyMap<string, T>, name: string, what: string): T {
  const found = known.get(name);
  if (found !== undefined) return found;
  const names = [...known.keys()].filter((key) => key !== "");
  throw new UserError(
    `watch: the model has no ${what} "${name}" (${names.length === 0 ? "it has none by name" : `it has: ${names.join(", ")}`})`,
  );
}
