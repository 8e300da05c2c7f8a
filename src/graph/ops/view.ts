/**
 * Views: the elements of operands in other places. Each is an index map, written once for the oracle and once for kernels.
 * Here are those that keep every element: reshape, permute, broadcast and flip. Slices and their like are in parts.ts.
 */
import { CompilerBug, ShapeError } from "../../core/errors.ts";
import type { Index } from "../../kernel/kernel.ts";
import { viewOp } from "../define.ts";
import { generate, ndarray, reader } from "../ndarray.ts";
import type { Batched, Build, Node } from "../node.ts";
import { type Dim, dimOf, elementCount, fixedShape, printShape, type Shape, stridesOf } from "../shape.ts";
import { tensorType } from "../type.ts";

/** The index along one axis of the result. */
export function position(at: readonly Index[], axis: number): Index {
  const index = at[axis];
  if (index === undefined) throw new CompilerBug(`no axis ${axis} in an index of rank ${at.length}`);
  return index;
}

/** The shape with another size of one axis. */
export function withAxis(shape: Shape, axis: number, dim: Dim): Shape {
  return shape.map((extent, i) => (i === axis ? dim : extent));
}

/** The axis as the first one, the others in their order. */
export function toFront(x: Node, axis: number, b: Build): Node {
  const others = x.type.shape.map((_, i) => i).filter((i) => i !== axis);
  return b.permute(x, [axis, ...others]);
}

/** With an axis of examples in front; what has none is the same for each of them. */
export function spreadBatch({ node, batched }: Batched, size: Dim, b: Build): Node {
  if (batched) return node;
  const { shape } = node.type;
  return b.broadcast(
    node,
    [size, ...shape],
    shape.map((_, axis) => axis + 1),
  );
}

/** Elements of two shapes. Equal symbolic dimensions cancel, so that [batch,time] may become [batch,time,1]. */
function countBoth(a: Shape, b: Shape): readonly [Dim, Dim] {
  const left = [...b];
  const alone = a.filter((dim) => {
    const same = typeof dim === "string" ? left.indexOf(dim) : -1;
    if (same >= 0) left.splice(same, 1);
    return same < 0;
  });
  return [elementCount(alone), elementCount(left)];
}

/** The same elements in row-major order under another shape. */
export const reshape = viewOp({
  name: "reshape",
  arity: 1,
  schema: { shape: "shape" },
  infer([from], { shape }) {
    const [have, want] = countBoth(from.shape, shape);
    if (have !== want) throw new ShapeError(`cannot become ${printShape(shape)}: ${have} elements are not ${want}`);
    return tensorType(from.dtype, shape);
  },
  vjp: ({ args: [x] }, g, b) => [b.reshape(g, x.type.shape)],
  evaluate: ([x], { shape }, type) => ndarray(type.dtype, fixedShape(shape), x.data),
  formula: ([x]) => x,
  element(at, { shape }, type, reads) {
    // nothing to read, and an index that no loop moves would be read before the loops that never run
    if (fixedShape(shape).includes(0)) return reads.pool.constant(reads.valueTypeOf(type.dtype), 0);
    const [own, [target]] = [fixedShape(shape), reads.shapes];
    const parts = target.map(() => reads.pool.integer(0) as Index);
    for (const { from, to } of sameAxes(own, target)) {
      const [only, ...others] = from;
      const [one] = to;
      if (only !== undefined && one !== undefined && others.length === 0 && to.length === 1) {
        parts[one] = position(at, only); // also where it is beyond the end, behind a guard
        continue;
      }
      const strides = stridesOf(from.map((axis) => own[axis] ?? 1));
      const terms = from.map((axis, i) => ({ factor: strides[i] ?? 0, index: position(at, axis) }));
      const flat = reads.sumIndex(terms, 0, reads.pool);
      const steps = stridesOf(to.map((axis) => target[axis] ?? 1));
      to.forEach((axis, i) => {
        parts[axis] = reads.modIndex(
          reads.floorDivIndex(flat, Math.max(1, steps[i] ?? 1)),
          Math.max(1, target[axis] ?? 1),
        );
      });
    }
    return reads.read(0, parts);
  },
});

/** Axes of one shape, in order, and those of another that hold the same elements, as few together as can be. Ones are left out. */
function sameAxes(a: readonly number[], b: readonly number[]) {
  const long = (shape: readonly number[]): number[] => shape.flatMap((extent, axis) => (extent === 1 ? [] : [axis]));
  const [left, right] = [long(a), long(b)];
  const found: { readonly from: number[]; readonly to: number[] }[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const [from, to] = [[left[i] ?? 0], [right[j] ?? 0]];
    let [have, want] = [a[left[i++] ?? 0] ?? 1, b[right[j++] ?? 0] ?? 1];
    while (have !== want) {
      const isBehind = have < want;
      const axis = (isBehind ? left[i++] : right[j++]) ?? 0;
      if (isBehind) have *= a[axis] ?? 1;
      else want *= b[axis] ?? 1;
      (isBehind ? from : to).push(axis);
    }
    found.push({ from, to });
  }
  return found;
}

/** Axes in another order: result axis i is operand axis order[i]. */
export const permute = viewOp({
  name: "permute",
  arity: 1,
  schema: { order: "axes" },
  infer([{ dtype, shape }], { order }) {
    if (
      order.length !== shape.length ||
      new Set(order).size !== shape.length ||
      order.some((a) => shape[a] === undefined)
    ) {
      throw new ShapeError(`[${order}] is no order of ${shape.length} axes: each of 0 to ${shape.length - 1}, once`);
    }
    return tensorType(
      dtype,
      order.map((axis) => dimOf(shape, axis)),
    );
  },
  shift: ({ order }) => ({ order: [0, ...order.map((axis) => axis + 1)] }),
  vjp({ attrs: { order } }, g, b) {
    return [
      b.permute(
        g,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ];
  },
  evaluate([x], { order }, type) {
    const read = reader(x);
    const from: number[] = [];
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      order.forEach((axis, i) => {
        from[axis] = at[i] ?? 0;
      });
      return read(from);
    });
  },
  element: (at, { order }, _type, reads) =>
    reads.read(
      0,
      order.map((_, axis) => position(at, order.indexOf(axis))),
    ),
});

/** Repeats the operand: its axis i is result axis axes[i], where the sizes are equal, or 1 in the operand. Axes ascend. */
export const broadcast = viewOp({
  name: "broadcast",
  arity: 1,
  schema: { shape: "shape", axes: "resultAxes" },
  infer([from], { shape, axes }) {
    const fits =
      axes.length === from.shape.length &&
      axes.every((axis, i) => shape[axis] !== undefined && axis > (axes[i - 1] ?? -1)) &&
      from.shape.every((dim, i) => dim === 1 || dim === shape[axes[i] ?? -1]);
    if (!fits) throw new ShapeError(`cannot be broadcast to ${printShape(shape)}`);
    return tensorType(from.dtype, shape);
  },
  formula: ([x]) => x,
  shift: ({ shape, axes }, size) => ({ shape: [size, ...shape], axes: [0, ...axes.map((axis) => axis + 1)] }),
  vjp({ attrs: { shape, axes }, args: [x] }, g, b) {
    const from = x.type.shape;
    const repeated = shape
      .map((_, axis) => axis)
      .filter((axis) => {
        const i = axes.indexOf(axis);
        return i < 0 || (from[i] === 1 && shape[axis] !== 1);
      });
    return [b.reshape(repeated.length === 0 ? g : b.reduce("sum", g, repeated), from)];
  },
  evaluate([source], { shape, axes }, type) {
    const read = reader(source);
    const from = source.shape.map(() => 0);
    return generate(type.dtype, fixedShape(shape), (at) => {
      for (let i = 0; i < axes.length; i++) from[i] = source.shape[i] === 1 ? 0 : (at[axes[i] ?? 0] ?? 0);
      return read(from);
    });
  },
  element(at, { axes }, _type, reads) {
    const [from] = reads.shapes;
    return reads.read(
      0,
      axes.map((axis, i) => (from[i] === 1 ? reads.pool.integer(0) : position(at, axis))),
    );
  },
});

/** The other way round along the given axes. */
export const flip = viewOp({
  name: "flip",
  arity: 1,
  schema: { axes: "axes" },
  infer([type], { axes }) {
    if (axes.some((axis) => type.shape[axis] === undefined)) throw new ShapeError(`has no axes [${axes}]`);
    return type;
  },
  vjp: ({ attrs: { axes } }, g, b) => [b.flip(g, axes)],
  evaluate([source], { axes }, type) {
    const read = reader(source);
    return generate(type.dtype, source.shape, (at) =>
      read(at.map((p, axis) => (axes.includes(axis) ? (source.shape[axis] ?? 0) - 1 - p : p))),
    );
  },
  element(at, { axes }, _type, reads) {
    const [extents] = reads.shapes;
    return reads.read(
      0,
      at.map((index, axis) => (axes.includes(axis) ? reads.scaleIndex(index, -1, (extents[axis] ?? 0) - 1) : index)),
    );
  },
});
