/** Axes of losses: one is brought to the end, where everything is computed. */

import { ShapeError } from "../../core/errors.ts";
import { type Kind, whole } from "../../core/options.ts";
import { permute } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { printShape } from "../../graph/shape.ts";

export const axisKind: Kind<number> = whole();

/** With this axis last. */
export function axisLast(x: Tensor, axis: number): Tensor {
  const place = axisOf(x, axis);
  const others = x.shape.map((_, i) => i).filter((i) => i !== place);
  return place === others.length ? x : permute(x, [...others, place]);
}

/** From 0; negative ones count from the end. */
export function axisOf({ shape }: Tensor, axis: number): number {
  const place = axis < 0 ? axis + shape.length : axis;
  if (place >= 0 && place < shape.length) return place;
  throw new ShapeError(`a loss along axis ${axis}: the output has the shape ${printShape(shape)}`);
}
