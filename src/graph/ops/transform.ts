/**
 * Requests that a pass expands. The DSL's `grad` makes one `gradient` node per parameter, so the forward graph can be
 * shown as it was written and gradients of gradients come for free.
 */
import { CompilerBug, ShapeError } from "../../errors.ts";
import { isFloat } from "../dtype.ts";
import type { TransformOp } from "../node.ts";
import { type NodeType, printType, typeOf } from "../type.ts";

/** gradient(y, x): the derivative of the scalar y by x; has the type of x. */
export const gradient: TransformOp = {
  name: "gradient",
  kind: "transform",
  infer([y, x]) {
    const [loss, parameter] = [typeOf({ type: y as NodeType }), typeOf({ type: x as NodeType })];
    if (loss.shape.length > 0) throw new ShapeError("the loss must be a scalar: take its sum or mean first");
    if (!isFloat(loss.dtype)) throw new ShapeError(`the loss must be a float, not ${printType(loss)}`);
    if (!isFloat(parameter.dtype)) throw new ShapeError(`only floats have gradients, not ${printType(parameter)}`);
    return parameter;
  },
  evaluate() {
    throw new CompilerBug("gradient nodes are expanded by `differentiate` before anything is evaluated");
  },
};
