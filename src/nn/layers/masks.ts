/**
 * Masks: which steps of a sequence count, and which only fill up a batch. They go beside tensors through one pass of a model.
 *
 *   embedding(100, 8, { maskZero: true })    gives its output one: where the token is not 0
 *   lstm, multiHeadAttention, ...            read it
 *   dense, dropout, layerNormalization       pass it on; convolutions, flatten and reshape have none for their outputs, as in Keras
 *   a loss                                   is the mean over the steps that count
 *
 * A mask is a bool tensor [batch, steps]. Nothing is computed for a tensor whose mask nobody asks for.
 */
import { ShapeError } from "../../core/errors.ts";
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import { printShape, sameShape } from "../../graph/shape.ts";

/** The masks of the tensors of one pass through a model. */
export class Masks {
  readonly #masks = new WeakMap<Tensor, Mask>();

  /** Which steps of `x` count: bool, with the leading axes of x; undefined where all do. */
  of(x: Tensor): Mask | undefined {
    return this.#masks.get(x);
  }

  /** `mask` must be bool, with the leading axes of x. */
  give(x: Tensor, mask: Mask): void {
    if (mask.dtype !== "bool" || !sameShape(x.shape.slice(0, mask.shape.length), mask.shape)) {
      throw new ShapeError(
        `a mask of ${x} must be bool with its leading axes, [batch, steps] say, not ${mask.dtype}${printShape(mask.shape)}`,
      );
    }
    this.#masks.set(x, mask);
  }

  /** `to` stands for what `from` is. */
  copy(from: Tensor, to: Tensor): void {
    const mask = this.#masks.get(from);
    if (mask !== undefined) this.#masks.set(to, mask);
  }
}
