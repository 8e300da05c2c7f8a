/**
 * Views of parts: slice takes one, pad puts a border around one, concat joins several. The gradient of each is made of the
 * others.
 */

import { roundTo } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import type { Expr, Index } from "../../kernel/kernel.ts";
import { viewOp } from "../define.ts";
import { generate, reader } from "../ndarray.ts";
import type { Build, Node } from "../node.ts";
import { addDims, type Dim, dimOf, fixedShape, printShape, type Shape } from "../shape.ts";
import { tensorType } from "../type.ts";
import { position } from "./view.ts";

/** Elements start, start + step, ... before stop, along each axis. */
export const slice = viewOp({
  name: "slice",
  arity: 1,
  schema: { start: "dims", stop: "dims", step: "counts" },
  infer([{ dtype, shape }], { start, stop, step }) {
    if (start.length !== shape.length || stop.length !== shape.length || step.length !== shape.length) {
      throw new ShapeError(`a slice of ${shape.length} axes needs as many starts, stops and steps`);
    }
    const out = shape.map((dim, axis) => sliceExtent(dim, start[axis] ?? 0, stop[axis] ?? 0, step[axis] ?? 1));
    return tensorType(dtype, out);
  },
  shift: ({ start, stop, step }, size) => ({ start: [0, ...start], stop: [size, ...stop], step: [1, ...step] }),
  vjp({ attrs: { start, stop, step }, args: [x], type }, g, b) {
    const from = x.type.shape;
    const out = type.shape;
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
    const read = reader(x);
    const first = fixedShape(start);
    return generate(type.dtype, fixedShape(type.shape), (at) =>
      read(at.map((position, axis) => (first[axis] ?? 0) + position * (step[axis] ?? 1))),
    );
  },
  element(at, { start, step }, _type, reads) {
    const first = fixedShape(start);
    return reads.read(
      0,
      at.map((index, axis) => reads.scaleIndex(index, step[axis] ?? 1, first[axis] ?? 0)),
    );
  },
});

/** Zeros before and after along each axis where the width is symbolic, which `pad` cannot say. */
function borders(x: Node, before: Shape, after: Shape, b: Build): Node {
  const zeros = (like: Node, axis: number, width: Dim): Node => {
    const { dtype, shape } = like.type;
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

/** A border of `value`, and `inner` of them between neighbours (what the gradient of a strided slice needs). */
export const pad = viewOp({
  name: "pad",
  arity: 1,
  schema: { before: "counts", after: "counts", inner: "counts", value: "number" },
  infer([{ dtype, shape }], { before, after, inner }) {
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
    return tensorType(dtype, out);
  },
  shift: ({ before, after, inner, value }) => ({
    before: [0, ...before],
    after: [0, ...after],
    inner: [0, ...inner],
    value,
  }),
  vjp({ attrs: { before, after, inner }, type }, g, b) {
    const stop = type.shape.map((dim, axis) => addDims(dim, after[axis] ?? 0, -1));
    return [
      b.slice(
        g,
        before,
        stop,
        inner.map((n) => n + 1),
      ),
    ];
  },
  evaluate([source], { before, inner, value }, type) {
    const border = roundTo(type.dtype, value);
    const read = reader(source);
    const from = source.shape.map(() => 0);
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      for (let axis = 0; axis < from.length; axis++) {
        const place = ((at[axis] ?? 0) - (before[axis] ?? 0)) / ((inner[axis] ?? 0) + 1);
        if (!Number.isInteger(place) || place < 0 || place >= (source.shape[axis] ?? 0)) return border;
        from[axis] = place;
      }
      return read(from);
    });
  },
  element(at, { before, inner, value }, type, reads) {
    const [extents] = reads.shapes;
    const bounds: { index: Index; extent: number }[] = [];
    const from = at.map((index, axis) => {
      const shifted = reads.scaleIndex(index, 1, -(before[axis] ?? 0));
      const step = (inner[axis] ?? 0) + 1;
      const place = reads.floorDivIndex(shifted, step);
      const extent = extents[axis] ?? 0;
      if (step > 1) bounds.push({ index: reads.modIndex(shifted, step), extent: 1 });
      if (place.min < 0 || place.max >= extent) bounds.push({ index: place, extent });
      return place;
    });
    const otherwise = reads.pool.constant(reads.valueTypeOf(type.dtype), roundTo(type.dtype, value));
    return reads.read(0, from, { bounds, otherwise });
  },
});

/** Operands one behind the other along an axis. */
export const concat = viewOp({
  name: "concat",
  arity: "many",
  schema: { axis: "axis" },
  infer(args, { axis }) {
    const [type] = args;
    if (type === undefined) throw new ShapeError("takes one operand at least");
    const { shape } = type;
    if (shape[axis] === undefined) throw new ShapeError(`has no axis ${axis}`);
    let total: Dim = 0;
    for (const part of args) {
      const fits = part.shape.length === shape.length && part.shape.every((dim, i) => i === axis || dim === shape[i]);
      if (!fits) throw new ShapeError(`${printShape(part.shape)} and ${printShape(shape)} differ beside axis ${axis}`);
      if (part.dtype !== type.dtype) throw new ShapeError(`dtypes ${part.dtype} and ${type.dtype} differ: cast one`);
      total = addDims(total, dimOf(part.shape, axis));
    }
    return tensorType(
      type.dtype,
      shape.map((dim, i) => (i === axis ? total : dim)),
    );
  },
  vjp({ attrs: { axis }, args, type }, g, b) {
    const whole = type.shape;
    let from: Dim = 0;
    return args.map((part) => {
      const to = addDims(from, dimOf(part.type.shape, axis));
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
  element(at, { axis }, type, reads) {
    const place = position(at, axis);
    let offset = 0;
    const parts = reads.shapes.map((part, i) => {
      const extent = part[axis] ?? 0;
      const local = reads.scaleIndex(place, 1, -offset);
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
      reads.pool.constant(reads.valueTypeOf(type.dtype), 0),
    );
  },
});
