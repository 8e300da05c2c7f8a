/**
 * The sum over windows: the transpose of `window`. An element i of the result is the sum of the operand over all windows o
 * and places k that are tied to it (window-steps.ts).
 *
 * It is written out without atomics, each element gathering what it is the sum of, in a fixed order: of a contraction, as the
 * gradient of a convolution by its input is, as a contraction again (window-contract.ts); elsewhere by the windows that cover
 * the element (covering.ts).
 */
import { ShapeError } from "../../core/errors.ts";
import type { AttrsOf } from "../attrs.ts";
import { generate, ndarray, reader } from "../ndarray.ts";
import type { Build, ComposedOp, Node, WindowSumSchema } from "../node.ts";
import { dimOf, fixedShape, sizeOf, stridesOf } from "../shape.ts";
import { tensorType } from "../type.ts";
import { covering } from "./covering.ts";
import { mapOps } from "./map.ts";
import { isOfContraction, sumOfContraction } from "./window-contract.ts";
import { checkWindows, sourceOf, windowSteps, withExtents } from "./window-steps.ts";

/** The operand's last axes are the places of windows, as `window` has them; the result has `extent` in their axes. */
export const windowSum: ComposedOp<WindowSumSchema, 1> = {
  name: "windowSum",
  kind: "composed",
  arity: 1,
  schema: { ...windowSteps, extent: "dimList" },
  tolerance: "summed",
  infer([{ dtype, shape }], attrs) {
    const { axes, size, extent } = attrs;
    const rank = shape.length - axes.length;
    checkWindows(rank, attrs, extent);
    if (dtype === "bool" || dtype === "u8") {
      throw new ShapeError(`is not defined for ${dtype}: cast it first`);
    }
    if (size.some((places, i) => shape[rank + i] !== places)) {
      throw new ShapeError(`the last axes must be the places of windows of [${size}]`);
    }
    return [tensorType(dtype, withExtents(shape.slice(0, rank), axes, extent))];
  },
  vjp({ args: [windows], attrs: { extent: _extent, ...steps } }, [g], b) {
    const count = steps.axes.map((axis) => dimOf(windows.type.shape, axis));
    return [g === null || g === undefined ? null : b.window(g, { ...steps, count, value: 0 })];
  },
  evaluate([windows], attrs, [type]) {
    const shape = fixedShape(type?.shape ?? []);
    const [data, strides] = [new Float64Array(sizeOf(shape)), stridesOf(shape)];
    const [read, target] = [reader(windows), sourceOf(attrs, shape)];
    const to: number[] = [];
    generate(windows.dtype, windows.shape, (at) => {
      if (!target(at, to)) return 0;
      const offset = to.reduce((sum, place, axis) => sum + place * (strides[axis] ?? 0), 0);
      data[offset] = wrapped((data[offset] ?? 0) + read(at), windows.dtype);
      return 0;
    });
    return [ndarray(windows.dtype, shape, data)];
  },
  expand: ([windows], attrs, b) => [written(windows, attrs, b)],
};

function wrapped(sum: number, dtype: string): number {
  if (dtype === "i32") return sum | 0;
  return dtype === "u32" ? sum >>> 0 : sum;
}

/** Of a sum it is the sum: what parts of a slope come from contractions may be contractions again. */
function written(windows: Node, attrs: AttrsOf<WindowSumSchema>, b: Build): Node {
  if (isSum(windows) && hasContraction(windows)) {
    const [first, second] = windows.args.map((arg) => written(arg, attrs, b));
    if (first !== undefined && second !== undefined)
      return b.map(windows.op === mapOps.add ? "add" : "sub", first, second);
  }
  return sumOfContraction(windows, attrs, b) ?? sumOfCovering(windows, attrs, b);
}

function isSum({ op }: Node): boolean {
  return op === mapOps.add || op === mapOps.sub;
}

function hasContraction(node: Node): boolean {
  return isSum(node) ? node.args.some(hasContraction) : isOfContraction(node);
}

/** What covers an element, summed. Where no two windows meet there is one term, and nothing to add. */
function sumOfCovering(windows: Node, attrs: AttrsOf<WindowSumSchema>, b: Build): Node {
  const view = b.node(covering, [windows], attrs);
  const { shape } = view.type;
  const rank = shape.length - attrs.axes.length;
  const several = attrs.axes.map((_, i) => rank + i).filter((axis) => shape[axis] !== 1);
  return b.reshape(b.reduce("sum", view, several), shape.slice(0, rank));
}
