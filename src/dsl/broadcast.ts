/**
 * Broadcasting: tensors brought to one shape, as in NumPy, with trailing axes aligned.
 */
import { ShapeError } from "../core/errors.ts";
import { atLine, inCall, type Origin } from "../core/origin.ts";
import { broadcast } from "../graph/ops/view.ts";
import { broadcastShapes, printShape, type Shape, sameShape } from "../graph/shape.ts";
import { applyOp, type Tensor } from "./tensor.ts";

export function broadcastAt(x: Tensor, shape: Shape, origin: Origin): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const axes = x.shape.map((_, axis) => axis + shape.length - x.shape.length);
  return applyOp(broadcast, [x], { shape, axes }, origin);
}

export function broadcastAll(tensors: readonly Tensor[], origin: Origin): Tensor[] {
  let shape: Shape = [];
  for (const tensor of tensors) {
    const joint = broadcastShapes(shape, tensor.shape);
    if (joint === null) {
      const shapes = tensors.map((t) => t.dtype + printShape(t.shape)).join(", ");
      throw new ShapeError(`${inCall(origin)}(${shapes}): the shapes do not broadcast${atLine(origin)}`);
    }
    shape = joint;
  }
  return tensors.map((tensor) => broadcastAt(tensor, shape, origin));
}
