/**
 * What an optimizer is: the contract between optimizers, programs and trainers.
 *
 * What an optimizer remembers is state like any other. `learningRate` is a scalar state, so `executable.state.write` changes
 * it without recompiling; `t` counts the updates where a formula needs it; moments are trees shaped like the model
 * ("opt.v.w1"). Only trainable leaves have moments and are changed; the others pass through `update` as they are given.
 */

import { withLine } from "../../core/origin.ts";
import type { GradientsOf } from "../../dsl/grad.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Config } from "../config.ts";
import type { Constraint } from "../constraints/constraint.ts";

/** A tree shaped like the model, one moment for each trainable leaf; other leaves are empty objects. */
export type MomentsOf<Model> =
  Model extends StateSpec<infer S, infer D> ? StateSpec<S, D> : { readonly [K in keyof Model]: MomentsOf<Model[K]> };

/** What an optimizer keeps from step to step: a part of a program's state. */
export type OptimizerSlots<Model, Moment extends string> = {
  readonly learningRate: StateSpec<[], "f32">;
  /** Updates so far. */
  readonly t?: StateSpec<[], "u32">;
  /** Paths of leaves that are not trained. Holds no state. */
  readonly fixed?: Readonly<Record<string, Record<never, never>>>;
} & { readonly [K in Moment]?: MomentsOf<Model> };

/** The same inside an entry. `Model` is a tree of tensors there. */
export type SlotTensors<Model, Moment extends string> = {
  readonly learningRate: Tensor<[], "f32">;
  readonly t?: Tensor<[], "u32">;
  readonly fixed?: Readonly<Record<string, Record<never, never>>>;
} & { readonly [K in Moment]?: Model };

/** What an update needs, all of it inside an entry. */
export interface UpdateRequest<Model, Moment extends string> {
  /** The weights before the update, as tensors. */
  readonly model: Model;
  /** What `slots(model)` declared, as tensors. */
  readonly slots: SlotTensors<NoInfer<Model>, Moment>;
  /** Of the loss by each weight: `grad(loss, model)`. */
  readonly gradients: GradientsOf<NoInfer<Model>>;
  /** What weights become after the update, by path. None by default. */
  readonly constraints?: ReadonlyMap<string, Constraint>;
}

/** Next values, to be returned as `next` by an entry whose state is `{ model, opt }`. */
export interface Updated<Model, Moment extends string> {
  /** The weights after the update. */
  readonly model: Model;
  /** The next values of the slots. */
  readonly opt: SlotTensors<Model, Moment>;
}

/** Every constant of an optimizer by the name of its option, with `kind`: JSON, from which `optimizerFrom` makes it again. */
export interface OptimizerConfig {
  /** "sgd", "adam"... */
  readonly kind: string;
  /** What it starts with, or the schedule that it follows. */
  readonly learningRate: Config;
  /** The others, by the names of their options. */
  readonly constants: Readonly<Record<string, Config>>;
}

/** Where in an optimizer's slots moving averages of weights are kept, as a tree like the model, and what counts their steps. */
export interface Average {
  /** "average", "groups.0.average". */
  readonly path: string;
  /** "t", "groups.0.batches": 0 as long as there is no average. */
  readonly counter: string;
}

/** How weights follow their gradients. `slots` declares what is kept from step to step, `update` makes the next values. */
export interface Optimizer<Moment extends string = string> {
  /** "sgd", "adam"... */
  readonly name: string;
  /** An optimizer of your own may do without; it is saved as code then. */
  readonly config?: OptimizerConfig;
  /** Whether its learning rate follows a schedule, and so cannot be set. */
  readonly isScheduled?: boolean;
  /** The moving averages that weights become when a run ends. */
  readonly averages?: readonly Average[];
  /** What gradients are taken of, where they would vanish in f16 otherwise: `update` divides by it. */
  scaleLoss?(loss: Tensor<[], "f32">, slots: object): Tensor<[], "f32">;
  /** The states that updating this model needs. */
  slots<Model>(model: Model): OptimizerSlots<Model, Moment>;
  /** The next values of weights and slots, inside an entry. */
  update<Model>(request: UpdateRequest<Model, Moment>): Updated<Model, Moment>;
}

// ---- without the types that only users need -------------------------------------------------------------------------

/** Trees inside an update. */
export interface LooseRequest {
  readonly model: unknown;
  readonly slots: object;
  readonly gradients: unknown;
  readonly constraints?: ReadonlyMap<string, Constraint>;
}

/** Any optimizer, for what does not know the model's type. */
export interface LooseOptimizer extends Omit<Optimizer, "slots" | "update"> {
  slots(model: unknown): object;
  update(request: LooseRequest): { readonly model: unknown; readonly opt: object };
}

/** Its face: the trees that come back are those that were given, leaf by leaf. */
export function facedOptimizer<Moment extends string>(loose: LooseOptimizer): Optimizer<Moment> {
  function slots<Model>(model: Model): OptimizerSlots<Model, Moment>;
  function slots(model: unknown): object {
    try {
      return loose.slots(model);
    } catch (error) {
      throw withLine(error, "slots");
    }
  }
  function update<Model>(request: UpdateRequest<Model, Moment>): Updated<Model, Moment>;
  function update(request: LooseRequest): object {
    try {
      return loose.update(request);
    } catch (error) {
      throw withLine(error, "update");
    }
  }
  return { ...loose, slots, update };
}

/** One trainable tensor of a model in one update; all in f32 where it is kept as f16 or bf16, and its next value is rounded once. */
export interface Parameter {
  /** Its value before the update. */
  readonly w: Tensor;
  /** The gradient of the loss by w. */
  readonly g: Tensor;
  /** The learning rate, a scalar in the dtype of w. */
  readonly lr: Tensor;
  /** The number of this update, from 1, in the dtype of w: for an optimizer with `counts: true`. */
  readonly t: Tensor;
  /** Where it stands in the model: "dense1.kernel". */
  readonly path: string;
}
