/**
 * Views: the elements of operands in other places. Each is an index map, written once for the oracle and once for kernels.
 * Here are those that keep every element: reshape, permute, broadcast and flip. Slices and their like are in parts.ts.
 */
import { CompilerBug, ShapeError } from "../../core/errors.ts";
import { constant } from "../../kernel/build.ts";
import { constIndex, floorDivIndex, modIndex, scaleIndex, sumIndex } from "../../kernel/index-expr.ts";
import { type Index, valueTypeOf } from "../../kernel/kernel.ts";
import { generate, ndarray, reader } from "../ndarray.ts";
import type { Node, ViewOp } from "../node.ts";
import { type Dim, elementCount, fixedShape, printShape, type Shape, stridesOf } from "../shape.ts";
import { type NodeType, tensorType, typeOf } from "../type.ts";

/** Shape and type of the only operand, or of the first. */
export function operand(args: readonly NodeType[]): {
  readonly shape: Shape;
  readonly type: ReturnType<typeof typeOf>;
} {
  const type = typeOf({ type: args[0] as NodeType });
  return { shape: type.shape, type };
}

/** The only operand of a rule. */
export function only(node: Node): Node {
  return node.args[0] as Node;
}

/** The index along one axis of the result. */
export function position(at: readonly Index[], axis: number): Index {
  const index = at[axis];
  if (index === undefined) throw new CompilerBug(`no axis ${axis} in an index of rank ${at.length}`);
  return index;
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
export const reshape: ViewOp<{ readonly shape: Shape }> = {
  name: "reshape",
  kind: "view",
  infer(args, { shape }) {
    const from = operand(args);
    const [have, want] = countBoth(from.shape, shape);
    if (have !== want) throw new ShapeError(`cannot become ${printShape(shape)}: ${have} elements are not ${want}`);
    return tensorType(from.type.dtype, shape);
  },
  vjp: (node, g, b) => [b.reshape(g, typeOf(only(node)).shape)],
  evaluate: ([x], { shape }, type) => ndarray(type.dtype, fixedShape(shape), x?.data ?? []),
  element(at, { shape }, type, reads) {
    // nothing to read, and an index that no loop moves would be read before the loops that never run
    if (fixedShape(shape).includes(0)) return constant(valueTypeOf(type.dtype), 0);
    const strides = stridesOf(fixedShape(shape));
    const flat = sumIndex(at.map((index, axis) => ({ factor: strides[axis] ?? 0, index })));
    const target = fixedShape(reads.types[0]?.shape ?? []);
    const steps = stridesOf(target);
    const parts = target.map((extent, axis) =>
      modIndex(floorDivIndex(flat, Math.max(1, steps[axis] ?? 1)), Math.max(1, extent)),
    );
    return reads.read(0, parts);
  },
};

/** Axes in another order: result axis i is operand axis order[i]. */
export const permute: ViewOp<{ readonly order: readonly number[] }> = {
  name: "permute",
  kind: "view",
  infer(args, { order }) {
    const { shape, type } = operand(args);
    if (
      order.length !== shape.length ||
      new Set(order).size !== shape.length ||
      order.some((a) => shape[a] === undefined)
    ) {
      throw new ShapeError(`[${order}] is no order of ${shape.length} axes: each of 0 to ${shape.length - 1}, once`);
    }
    return tensorType(
      type.dtype,
      order.map((axis) => shape[axis] as Dim),
    );
  },
  vjp(node, g, b) {
    const order = (node.attrs as { order: readonly number[] }).order;
    return [
      b.permute(
        g,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ];
  },
  evaluate([x], { order }, type) {
    const read = reader(x ?? ndarray(type.dtype, [0], []));
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
};

/** Repeats the operand: its axis i is result axis axes[i], where the sizes are equal, or 1 in the operand. Axes ascend. */
export const broadcast: ViewOp<{ readonly shape: Shape; readonly axes: readonly number[] }> = {
  name: "broadcast",
  kind: "view",
  infer(args, { shape, axes }) {
    const from = operand(args);
    const fits =
      axes.length === from.shape.length &&
      axes.every((axis, i) => shape[axis] !== undefined && axis > (axes[i - 1] ?? -1)) &&
      from.shape.every((dim, i) => dim === 1 || dim === shape[axes[i] ?? -1]);
    if (!fits) throw new ShapeError(`cannot be broadcast to ${printShape(shape)}`);
    return tensorType(from.type.dtype, shape);
  },
  vjp(node, g, b) {
    const { shape, axes } = node.attrs as { shape: Shape; axes: readonly number[] };
    const from = typeOf(only(node)).shape;
    const repeated = shape
      .map((_, axis) => axis)
      .filter((axis) => {
        const i = axes.indexOf(axis);
        return i < 0 || (from[i] === 1 && shape[axis] !== 1);
      });
    return [b.reshape(repeated.length === 0 ? g : b.reduce("sum", g, repeated), from)];
  },
  evaluate([x], { shape, axes }, type) {
    const source = x ?? ndarray(type.dtype, [0], []);
    const read = reader(source);
    const from = source.shape.map(() => 0);
    return generate(type.dtype, fixedShape(shape), (at) => {
      for (let i = 0; i < axes.length; i++) from[i] = source.shape[i] === 1 ? 0 : (at[axes[i] ?? 0] ?? 0);
      return read(from);
    });
  },
  element(at, { axes }, _type, reads) {
    const from = fixedShape(reads.types[0]?.shape ?? []);
    return reads.read(
      0,
      axes.map((axis, i) => (from[i] === 1 ? constIndex(0) : position(at, axis))),
    );
  },
};

/** The other way round along the given axes. */
export const flip: ViewOp<{ readonly axes: readonly number[] }> = {
  name: "flip",
  kind: "view",
  infer(args, { axes }) {
    const { shape, type } = operand(args);
    if (axes.some((axis) => shape[axis] === undefined)) throw new ShapeError(`has no axes [${axes}]`);
    return type;
  },
  vjp: (node, g, b) => [b.flip(g, (node.attrs as { axes: readonly number[] }).axes)],
  evaluate([x], { axes }, type) {
    const source = x ?? ndarray(type.dtype, [0], []);
    const read = reader(source);
    return generate(type.dtype, source.shape, (at) =>
      read(at.map((p, axis) => (axes.includes(axis) ? (source.shape[axis] ?? 0) - 1 - p : p))),
    );
  },
  element(at, { axes }, _type, reads) {
    const extents = fixedShape(reads.types[0]?.shape ?? []);
    return reads.read(
      0,
      at.map((index, axis) => (axes.includes(axis) ? scaleIndex(index, -1, (extents[axis] ?? 0) - 1) : index)),
    );
  },
};
