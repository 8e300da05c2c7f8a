/**
 * Views: the elements of operands in other places. Each is an index map, written once for the oracle and once for kernels.
 */
import { CompilerBug, ShapeError } from "../../errors.ts";
import { constant } from "../../kernel/build.ts";
import { addIndex, constIndex, floorDivIndex, modIndex, scaleIndex, sumIndex } from "../../kernel/index-expr.ts";
import type { Expr, Index } from "../../kernel/kernel.ts";
import { valueTypeOf } from "../../kernel/kernel.ts";
import { generate, ndarray, reader } from "../ndarray.ts";
import type { Build, Node, ViewOp } from "../node.ts";
import { addDims, type Dim, elementCount, fixedShape, printShape, type Shape, stridesOf } from "../shape.ts";
import { type NodeType, tensorType, typeOf } from "../type.ts";

function operand(args: readonly NodeType[]): { readonly shape: Shape; readonly type: ReturnType<typeof typeOf> } {
  const type = typeOf({ type: args[0] as NodeType });
  return { shape: type.shape, type };
}

/** The only operand of a rule. */
function only(node: Node): Node {
  return node.args[0] as Node;
}

function position(at: readonly Index[], axis: number): Index {
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
      throw new ShapeError(`[${order}] is no order of ${shape.length} axes`);
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

type SliceAttrs = { readonly start: Shape; readonly stop: Shape; readonly step: readonly number[] };

/** Elements start, start + step, ... before stop, along each axis. */
export const slice: ViewOp<SliceAttrs> = {
  name: "slice",
  kind: "view",
  infer(args, { start, stop, step }) {
    const { shape, type } = operand(args);
    if (start.length !== shape.length || stop.length !== shape.length || step.length !== shape.length) {
      throw new ShapeError(`a slice of ${shape.length} axes needs as many starts, stops and steps`);
    }
    const out = shape.map((dim, axis) => sliceExtent(dim, start[axis] ?? 0, stop[axis] ?? 0, step[axis] ?? 1));
    return tensorType(type.dtype, out);
  },
  vjp(node, g, b) {
    const { start, stop, step } = node.attrs as SliceAttrs;
    const from = typeOf(only(node)).shape;
    const out = typeOf(node).shape;
    const after = from.map((dim, axis) => {
      const [extent, stride] = [out[axis] ?? 0, step[axis] ?? 1];
      if (stride === 1) return addDims(dim, stop[axis] ?? 0, -1); // symbolic sizes may cancel
      const covered = extent === 0 ? 0 : (Number(extent) - 1) * stride + 1;
      return Number(dim) - Number(start[axis] ?? 0) - covered;
    });
    const fixed = (dims: Shape): number[] => dims.map((dim) => (typeof dim === "number" ? dim : 0));
    const inner = step.map((stride) => stride - 1);
    return [borders(b.pad(g, fixed(start), fixed(after), inner, 0), start, after, b)];
  },
  evaluate([x], { start, step }, type) {
    const read = reader(x ?? ndarray(type.dtype, [0], []));
    const first = fixedShape(start);
    return generate(type.dtype, fixedShape(type.shape), (at) =>
      read(at.map((position, axis) => (first[axis] ?? 0) + position * (step[axis] ?? 1))),
    );
  },
  element(at, { start, step }, _type, reads) {
    const first = fixedShape(start);
    return reads.read(
      0,
      at.map((index, axis) => scaleIndex(index, step[axis] ?? 1, first[axis] ?? 0)),
    );
  },
};

/** Zeros before and after along each axis where the width is symbolic, which `pad` cannot say. */
function borders(x: Node, before: Shape, after: Shape, b: Build): Node {
  const zeros = (like: Node, axis: number, width: Dim): Node => {
    const { dtype, shape } = typeOf(like);
    return b.broadcast(
      b.constant(dtype, 0),
      shape.map((dim, i) => (i === axis ? width : dim)),
      [],
    );
  };
  let whole = x;
  before.forEach((width, axis) => {
    const behind = after[axis] ?? 0;
    if (typeof width === "string") whole = b.concat([zeros(whole, axis, width), whole], axis);
    if (typeof behind === "string") whole = b.concat([whole, zeros(whole, axis, behind)], axis);
  });
  return whole;
}

function sliceExtent(dim: Dim, start: Dim, stop: Dim, step: number): Dim {
  if (!Number.isSafeInteger(step) || step < 1) throw new ShapeError(`a slice's step must be at least 1, not ${step}`);
  if (typeof dim === "number" && typeof start === "number" && typeof stop === "number") {
    if (start < 0 || stop > dim || start > stop)
      throw new ShapeError(`${start}:${stop} does not lie in an axis of ${dim}`);
    return Math.ceil((stop - start) / step);
  }
  if (step !== 1) throw new ShapeError("a strided slice needs an axis of known size");
  return addDims(stop, start, -1);
}

type PadAttrs = {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly inner: readonly number[];
  readonly value: number;
};

/** A border of `value`, and `inner` of them between neighbours (what the gradient of a strided slice needs). */
export const pad: ViewOp<PadAttrs> = {
  name: "pad",
  kind: "view",
  infer(args, { before, after, inner }) {
    const { shape, type } = operand(args);
    for (const widths of [before, after, inner]) {
      if (widths.length !== shape.length) throw new ShapeError(`padding of ${widths.length} axes for ${shape.length}`);
      if (widths.some((n) => !Number.isSafeInteger(n) || n < 0)) {
        throw new ShapeError(`padding must be whole numbers from 0, not [${widths}]`);
      }
    }
    const out = shape.map((dim, axis) => {
      const gaps = inner[axis] ?? 0;
      const border = (before[axis] ?? 0) + (after[axis] ?? 0);
      if (gaps === 0) return addDims(dim, border);
      if (typeof dim !== "number") throw new ShapeError("padding between elements needs an axis of known size");
      return border + dim + gaps * Math.max(0, dim - 1);
    });
    return tensorType(type.dtype, out);
  },
  vjp(node, g, b) {
    const { before, after, inner } = node.attrs as PadAttrs;
    const stop = typeOf(node).shape.map((dim, axis) => addDims(dim, after[axis] ?? 0, -1));
    return [
      b.slice(
        g,
        before,
        stop,
        inner.map((n) => n + 1),
      ),
    ];
  },
  evaluate([x], { before, inner, value }, type) {
    const source = x ?? ndarray(type.dtype, [0], []);
    const read = reader(source);
    const from = source.shape.map(() => 0);
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      for (let axis = 0; axis < from.length; axis++) {
        const place = ((at[axis] ?? 0) - (before[axis] ?? 0)) / ((inner[axis] ?? 0) + 1);
        if (!Number.isInteger(place) || place < 0 || place >= (source.shape[axis] ?? 0)) return value;
        from[axis] = place;
      }
      return read(from);
    });
  },
  element(at, { before, inner, value }, type, reads) {
    const extents = fixedShape(reads.types[0]?.shape ?? []);
    const bounds: { index: Index; extent: number }[] = [];
    const from = at.map((index, axis) => {
      const shifted = addIndex(index, constIndex(-(before[axis] ?? 0)));
      const step = (inner[axis] ?? 0) + 1;
      const place = floorDivIndex(shifted, step);
      const extent = extents[axis] ?? 0;
      if (step > 1) bounds.push({ index: modIndex(shifted, step), extent: 1 });
      if (place.min < 0 || place.max >= extent) bounds.push({ index: place, extent });
      return place;
    });
    return reads.read(0, from, { bounds, otherwise: constant(valueTypeOf(type.dtype), value) });
  },
};

/** Operands one behind the other along an axis. */
export const concat: ViewOp<{ readonly axis: number }> = {
  name: "concat",
  kind: "view",
  infer(args, { axis }) {
    const { shape, type } = operand(args);
    if (shape[axis] === undefined) throw new ShapeError(`has no axis ${axis}`);
    let total: Dim = 0;
    for (const part of args.map((t) => typeOf({ type: t }))) {
      const fits = part.shape.length === shape.length && part.shape.every((dim, i) => i === axis || dim === shape[i]);
      if (!fits) throw new ShapeError(`${printShape(part.shape)} and ${printShape(shape)} differ beside axis ${axis}`);
      if (part.dtype !== type.dtype) throw new ShapeError(`dtypes ${part.dtype} and ${type.dtype} differ: cast one`);
      total = addDims(total, part.shape[axis] as Dim);
    }
    return tensorType(
      type.dtype,
      shape.map((dim, i) => (i === axis ? total : dim)),
    );
  },
  vjp(node, g, b) {
    const axis = (node.attrs as { axis: number }).axis;
    const whole = typeOf(node).shape;
    let from: Dim = 0;
    return node.args.map((part) => {
      const to = addDims(from, typeOf(part).shape[axis] as Dim);
      const start = whole.map((_, i) => (i === axis ? from : 0));
      const stop = whole.map((dim, i) => (i === axis ? to : dim));
      from = to;
      return b.slice(
        g,
        start,
        stop,
        whole.map(() => 1),
      );
    });
  },
  evaluate(parts, { axis }, type) {
    const readers = parts.map(reader);
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      let place = at[axis] ?? 0;
      for (let i = 0; i < parts.length; i++) {
        const extent = parts[i]?.shape[axis] ?? 0;
        if (place < extent) return readers[i]?.(at.map((p, d) => (d === axis ? place : p))) ?? 0;
        place -= extent;
      }
      return 0;
    });
  },
  element(at, { axis }, _type, reads) {
    const place = position(at, axis);
    const type = valueTypeOf(typeOf({ type: reads.types[0] as NodeType }).dtype);
    let offset = 0;
    const parts = reads.types.map((part, i) => {
      const extent = fixedShape(part.shape)[axis] ?? 0;
      const local = addIndex(place, constIndex(-offset));
      offset += extent;
      return { i, local, extent };
    });
    // Parts that this index never reaches are not read: under a slice often only one is left.
    const reached = parts.filter(({ local, extent }) => local.max >= 0 && local.min < extent);
    return reached.reduceRight<Expr>(
      (otherwise, { i, local, extent }) => {
        const from = at.map((index, d) => (d === axis ? local : index));
        if (local.min >= 0 && local.max < extent) return reads.read(i, from);
        return reads.read(i, from, { bounds: [{ index: local, extent }], otherwise });
      },
      constant(type, 0),
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
