/**
 * Slots that move: how a layer changes a state of its own while it trains, such as a batch norm's moving averages.
 *
 *   apply({ mean }, x, { training, update }) {                              in a layer (layer.ts, own.ts)
 *     update(mean, add(mul(mean, 0.99), mul(batchMean, 0.01)));
 *
 *   const slots = slotUpdates(model);                                       in a program of one's own
 *   const y = net.apply(model, x, { training: true, slots });
 *   const updated = opt.update({ model, slots: ..., gradients });
 *   return { outputs, next: { ...updated, model: slots.next(updated.model) } };
 *
 * A layer that is called twice in one step updates twice, in the order of its calls, as Keras's assignments do: the second call is
 * given the slot as the first left it, as a constant, through which no gradient flows. Nothing moves where `training` is false, nor
 * in a layer that a trainer holds fixed.
 */

import { ShapeError, UserError } from "../../core/errors.ts";
import { checkArguments } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { withUpdates } from "../../dsl/companions.ts";
import { stopGradient } from "../../dsl/ops.ts";
import { isTensor, Tensor, tensorLeaf } from "../../dsl/tensor.ts";
import { leavesOf, replaceTensors } from "../../dsl/tree.ts";
import { sameShape } from "../../graph/shape.ts";
import { printType } from "../../graph/type.ts";

/** What one pass through a model does to its slots. Made by `slotUpdates`; layers get it as `slots` of their mode. */
export class SlotUpdates {
  /** Every tensor that stands for a state: the state itself, and what updates made of it. */
  readonly #paths = new Map<Tensor, string>();
  readonly #now = new Map<string, Tensor>();
  readonly #next = new Map<string, Tensor>();
  readonly #mayMove: ((path: string) => boolean) | undefined;

  /** `mayMove` says which states may change at all, trained weights among them; all by default. */
  constructor(model: unknown, mayMove?: (path: string) => boolean) {
    this.#mayMove = mayMove;
    for (const { path, leaf } of leavesOf(model, tensorLeaf, "slotUpdates")) {
      this.#paths.set(leaf, path);
      this.#now.set(path, leaf);
    }
  }

  /** Parameters as they are now: slots that were updated in this pass have their new values. */
  current<P>(params: P): P {
    return replaceTensors(params, "layer", (leaf) => {
      const path = this.#paths.get(leaf);
      return path === undefined ? leaf : (this.#now.get(path) ?? leaf);
    });
  }

  /** Whether none of these parameters may change. A layer without parameters is not held. */
  isFrozen(params: unknown): boolean {
    const mayMove = this.#mayMove;
    const paths = leavesOf(params, tensorLeaf, "layer").map(({ leaf }) => this.#paths.get(leaf));
    return mayMove !== undefined && paths.length > 0 && !paths.some((path) => path === undefined || mayMove(path));
  }

  /** Notes a slot's next value. */
  update(slot: Tensor, value: Tensor): void {
    const fail = (text: string) => `update: ${text}${atLine(here("update"))}`;
    const path = this.#paths.get(slot);
    if (path === undefined) {
      throw new UserError(fail("the first argument is no slot of this model: give the tensor that apply got for it"));
    }
    if (this.#now.get(path) !== slot) {
      throw new UserError(
        fail(
          `"${path}" was updated in this step already, and this value is computed from the one before: update it once in an apply; ` +
            "where a layer calls another one twice, make it by layer(), which reads what the first call left",
        ),
      );
    }
    if (!isTensor(value) || value.dtype !== slot.dtype || !sameShape(value.shape, slot.shape)) {
      const found = isTensor(value) ? printType(value.value.type) : String(value);
      throw new ShapeError(fail(`the slot "${path}" is ${printType(slot.value.type)}, the value ${found}`));
    }
    if (this.#mayMove?.(path) === false) return;
    const now = new Tensor(stopGradient(value).value); // one for each update, so that it stands for this slot alone
    this.#paths.set(now, path);
    this.#now.set(path, now);
    this.#next.set(path, value);
  }

  /** The slots that were updated, by path, and their next values. */
  get values(): ReadonlyMap<string, Tensor> {
    return this.#next;
  }

  /** The model's next values: those given, from an optimizer say, with the slots that were updated. */
  next<T>(model: T): T {
    return replaceTensors(model, "slots.next", (leaf, path) => {
      const next = this.#next.get(path);
      if (next === undefined) return leaf;
      if (this.#paths.get(leaf) === path) return next;
      throw new UserError(
        `update: "${path}" is changed by an optimizer too: declare it as a slot${atLine(here("next"))}`,
      );
    });
  }
}

/** For one pass through layers in an entry of one's own; `model` is the tree of the entry's tensors that they are applied to. */
export function slotUpdates(model: unknown): SlotUpdates {
  checkArguments("slotUpdates", arguments, 1);
  const updates = new SlotUpdates(model);
  withUpdates(model, updates.values);
  return updates;
}
