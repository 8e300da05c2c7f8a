/**
 * Ops whose element places depend on values. An index out of range gives zero (one-hot: a row of zeros); the start of a
 * dynamic slice or update is clamped, so that no op here ever reads or writes outside.
 */

import { type DType, isInteger } from "../../core/dtype.ts";
import { CompilerBug, ShapeError } from "../../core/errors.ts";
import type { Index } from "../../kernel/kernel.ts";
import { batchGather, isInPart, partOfEach, placesOfAll, startsOfEach, withFirst } from "../batch-gather.ts";
import { gatherOp } from "../define.ts";
import { generate, type NdArray, ndarray, reader } from "../ndarray.ts";
import type { Batched, Build, ComposedOp, Reads } from "../node.ts";
import { type Dim, dimOf, fixedShape, multiplyDims, printShape, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { printType, type TensorType, tensorType } from "../type.ts";
import { addedAt } from "./scatter.ts";
import { spreadBatch, toFront } from "./view.ts";

/**
 * 1 at the index along a new last axis of `depth`, 0 elsewhere. `ignored` is a label out of range that is no mistake: an input
 * used as labels may have it.
 */
export const oneHot = gatherOp({
  name: "oneHot",
  arity: 1,
  schema: { depth: "number", dtype: "dtype", ignored: "optionalNumber" },
  infer([type], { depth, dtype }) {
    if (!isInteger(type.dtype)) throw new ShapeError(`labels must be integers, not ${printType(type)}`);
    if (!Number.isSafeInteger(depth) || depth < 0) throw new ShapeError(`the depth must be a known size, not ${depth}`);
    return tensorType(dtype, [...type.shape, depth]);
  },
  evaluate([labels], { dtype }, type) {
    const read = reader(labels);
    return generate(dtype, fixedShape(type.shape), (at) => Number(read(at.slice(0, -1)) === at[at.length - 1]));
  },
  element(at, { dtype }, _type, reads) {
    const { apply, convert, valueTypeOf } = reads;
    const last = at[at.length - 1];
    if (last === undefined) throw new CompilerBug("oneHot of rank 0");
    const label = convert("i32", reads.read(0, at.slice(0, -1)));
    const isLabel = apply("eq", label, last);
    const type = valueTypeOf(dtype);
    return type === "bool" ? isLabel : apply("select", isLabel, reads.pool.constant(type, 1), 0);
  },
});

/** The operand's shape with axis `axis` replaced by other axes. */
function replaceAxis(shape: Shape, axis: number, by: Shape): Shape {
  return [...shape.slice(0, axis), ...by, ...shape.slice(axis + 1)];
}

/**
 * gather(x, indexes): the elements of x whose place along `axis` the indexes say; the axes of the indexes stand where the
 * axis was. An index out of range gives 0.
 *
 * The gradient adds each cotangent where its element came from (`scatterAdd`): no float atomics, and the order of a sum is fixed.
 */
export const gather = gatherOp({
  name: "gather",
  arity: 2,
  schema: { axis: "axis" },
  infer([x, indexes], { axis }) {
    if (x.shape[axis] === undefined) throw new ShapeError(`has no axis ${axis}`);
    if (!isInteger(indexes.dtype)) throw new ShapeError(`indexes must be integers, not ${printType(indexes)}`);
    return tensorType(x.dtype, replaceAxis(x.shape, axis, indexes.shape));
  },
  batch: ([x, indexes], { axis }, size, b) => [gatherEach(x, indexes, axis, size, b)],
  vjp({ args: [x, indexes], attrs: { axis } }, g, b) {
    const rank = indexes.type.shape.length;
    const shape = g.type.shape.map((_, i) => i);
    const places = shape.slice(axis, axis + rank);
    const inFront = b.permute(g, [...places, ...shape.filter((i) => !places.includes(i))]);
    const added = b.node(scatterAdd, [indexes, inFront], { size: dimOf(x.type.shape, axis) });
    // the axis comes out first; put it back
    const order = x.type.shape.map((_, i) => (i < axis ? i + 1 : i === axis ? 0 : i));
    return [b.permute(added, order), null];
  },
  evaluate([source, places], { axis }, type) {
    const [read, placeAt] = [reader(source), reader(places)];
    const behind = axis + places.shape.length;
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      const place = placeAt(at.slice(axis, behind));
      if (place < 0 || place >= (source.shape[axis] ?? 0)) return 0;
      return read([...at.slice(0, axis), place, ...at.slice(behind)]);
    });
  },
  element(at, { axis }, type, reads) {
    const { apply, convert, valueTypeOf } = reads;
    const [x, indexes] = reads.shapes;
    const zero = reads.pool.constant(valueTypeOf(type.dtype), 0);
    const extent = x[axis] ?? 0;
    if (extent === 0) return zero;
    const behind = axis + indexes.length;
    const place = convert("i32", reads.read(1, at.slice(axis, behind)));
    const inside = apply("and", apply("ge", place, 0), apply("lt", place, extent));
    const safe = reads.index(apply("select", inside, place, 0), extent);
    return apply("select", inside, reads.read(0, [...at.slice(0, axis), safe, ...at.slice(behind)]), zero);
  },
});

function gatherEach(x: Batched, indexes: Batched, axis: number, size: Dim, b: Build): Batched {
  return batchGather(gather, x, indexes, axis, size, b);
}

/**
 * scatterAdd(indexes, updates): [size, ..rest], at each place the sum of the updates [..indexes, ..rest] whose index it is. One out of
 * range adds nothing. It is what gathering is the transpose of.
 */
export const scatterAdd: ComposedOp<{ readonly size: "dim" }, 2> = {
  name: "scatterAdd",
  kind: "composed",
  arity: 2,
  schema: { size: "dim" },
  tolerance: "running",
  infer([indexes, updates], { size }) {
    if (!isInteger(indexes.dtype)) throw new ShapeError(`indexes must be integers, not ${printType(indexes)}`);
    if (updates.dtype === "bool" || updates.dtype === "u8")
      throw new ShapeError(`is not defined for ${updates.dtype}: cast it first`);
    if (!indexes.shape.every((dim, i) => dim === updates.shape[i]))
      throw new ShapeError("updates must have the axes of the indexes in front");
    return [tensorType(updates.dtype, [size, ...updates.shape.slice(indexes.shape.length)])];
  },
  batch: (args, { size }, examples, b) => [scatterEach(args, size, examples, b)],
  vjp: ({ args: [indexes] }, [g], b) => [
    null,
    g === null || g === undefined ? null : b.node(gather, [g, indexes], { axis: 0 }),
  ],
  evaluate([indexes, updates], { size }) {
    const rank = indexes.shape.length;
    const shape = [Number(size), ...updates.shape.slice(rank)];
    const [data, placeAt, strides] = [new Float64Array(sizeOf(shape)), reader(indexes), stridesOf(shape)];
    const read = reader(updates);
    generate(updates.dtype, updates.shape, (at) => {
      const place = placeAt(at.slice(0, rank));
      if (place < 0 || place >= Number(size)) return 0;
      const offset = [place, ...at.slice(rank)].reduce((sum, one, i) => sum + one * (strides[i] ?? 0), 0);
      data[offset] = wrapped((data[offset] ?? 0) + read(at), updates.dtype);
      return 0;
    });
    return [ndarray(updates.dtype, shape, data)];
  },
  expand: ([indexes, updates], { size }, b) => [
    addedAt(indexes, updates, Number(size), (x, at) => b.node(gather, [x, at], { axis: 0 }), b),
  ],
};

function wrapped(value: number, dtype: DType): number {
  if (!isInteger(dtype)) return value;
  return dtype === "i32" ? value | 0 : value >>> 0;
}

/** Shared indexes add rows that are wider; others add to a place of their own example. */
function scatterEach([indexes, updates]: readonly [Batched, Batched], size: Dim, examples: Dim, b: Build): Batched {
  const rank = indexes.node.type.shape.length;
  if (!indexes.batched) {
    const { shape } = updates.node.type;
    const order = shape.map((_, i) => (i < rank ? i + 1 : i === rank ? 0 : i));
    const added = b.node(scatterAdd, [indexes.node, b.permute(updates.node, order)], { size });
    return { node: toFront(added, 1, b), batched: true };
  }
  const places = multiplyDims(examples, size);
  if (places === null) throw new ShapeError("indexes that differ from example to example need a known size");
  const all = b.node(scatterAdd, [placesOfAll(indexes.node, size, b), spreadBatch(updates, examples, b)], {
    size: places,
  });
  return { node: b.reshape(all, [examples, size, ...all.type.shape.slice(1)]), batched: true };
}

function checkPart(x: TensorType, part: Shape, starts: TensorType): void {
  if (starts.dtype !== "i32" || starts.shape.length !== 1 || starts.shape[0] !== x.shape.length) {
    throw new ShapeError(`starts must be i32[${x.shape.length}], one for each axis`);
  }
  const fits = part.length === x.shape.length && part.every((dim, axis) => !exceeds(dim, dimOf(x.shape, axis)));
  if (!fits) throw new ShapeError(`${printShape(part)} is no part of ${printShape(x.shape)}`);
}

function exceeds(part: Dim, whole: Dim): boolean {
  return typeof part === "number" && typeof whole === "number" && part > whole;
}

/** Where a part begins: as asked, but moved so that all of it lies inside. */
function startValues(starts: NdArray, whole: readonly number[], part: readonly number[]): number[] {
  return whole.map((dim, axis) => Math.max(0, Math.min(starts.data[axis] ?? 0, dim - (part[axis] ?? 0))));
}

function startIndexes(whole: readonly number[], part: readonly number[], arg: number, reads: Reads): Index[] {
  const { apply } = reads;
  return whole.map((dim, axis) => {
    const room = dim - (part[axis] ?? 0);
    if (room <= 0) return reads.pool.integer(0);
    const asked = reads.read(arg, [reads.pool.integer(axis)]);
    const clamped = apply("max", apply("min", asked, room), 0);
    return reads.index(clamped, room + 1);
  });
}

/** dynamicSlice(x, starts): the part of shape `attrs.shape` that begins at `starts`, clamped so that it lies inside. */
export const dynamicSlice = gatherOp({
  name: "dynamicSlice",
  arity: 2,
  schema: { shape: "shape" },
  infer([x, starts], { shape }) {
    checkPart(x, shape, starts);
    return tensorType(x.dtype, shape);
  },
  batch: ([x, starts], { shape }, size, b) => [sliceEach(x, starts, shape, size, b)],
  vjp({ args: [x, starts] }, g, b) {
    return [b.dynamicUpdate(b.fill(x, 0), g, starts), null];
  },
  evaluate([source, starts], { shape }, type) {
    const read = reader(source);
    const first = startValues(starts, source.shape, fixedShape(shape));
    return generate(type.dtype, fixedShape(shape), (at) => read(at.map((place, axis) => place + (first[axis] ?? 0))));
  },
  element(at, { shape }, _type, reads) {
    const first = startIndexes(reads.shapes[0], fixedShape(shape), 1, reads);
    return reads.read(
      0,
      at.map((index, axis) => reads.addIndex(index, first[axis] ?? reads.pool.integer(0))),
    );
  },
});

/** dynamicUpdate(x, part, starts): x with the part at `starts`, clamped as in `dynamicSlice`. */
export const dynamicUpdate = gatherOp({
  name: "dynamicUpdate",
  arity: 3,
  schema: {},
  infer([x, part, starts]) {
    if (x.dtype !== part.dtype) throw new ShapeError(`dtypes ${x.dtype} and ${part.dtype} differ: cast one`);
    checkPart(x, part.shape, starts);
    return x;
  },
  batch: ([x, part, starts], _attrs, size, b) => [updateEach(x, part, starts, size, b)],
  vjp({ args: [, part, starts] }, g, b) {
    return [b.dynamicUpdate(g, b.fill(part, 0), starts), b.dynamicSlice(g, starts, part.type.shape), null];
  },
  evaluate([whole, inner, starts], _attrs, type) {
    const [readWhole, readPart] = [reader(whole), reader(inner)];
    const first = startValues(starts, whole.shape, inner.shape);
    return generate(type.dtype, whole.shape, (at) => {
      const local = at.map((place, axis) => place - (first[axis] ?? 0));
      const inside = local.every((place, axis) => place >= 0 && place < (inner.shape[axis] ?? 0));
      return inside ? readPart(local) : readWhole(at);
    });
  },
  element(at, _attrs, _type, reads) {
    const [whole, part] = reads.shapes;
    const otherwise = reads.read(0, at);
    if (part.includes(0)) return otherwise;
    const first = startIndexes(whole, part, 2, reads);
    const local = at.map((index, axis) =>
      reads.sumIndex([
        { factor: 1, index },
        { factor: -1, index: first[axis] ?? reads.pool.integer(0) },
      ]),
    );
    const bounds = local.flatMap((index, axis) => {
      const extent = part[axis] ?? 0;
      return extent === whole[axis] ? [] : [{ index, extent }];
    });
    return bounds.length === 0 ? reads.read(1, local) : reads.read(1, local, { bounds, otherwise });
  },
});

function sliceEach(x: Batched, starts: Batched, part: Shape, size: Dim, b: Build): Batched {
  if (!starts.batched) {
    return { node: b.dynamicSlice(x.node, withFirst(starts.node, b), [size, ...part]), batched: true };
  }
  const whole = x.batched ? x.node.type.shape.slice(1) : x.node.type.shape;
  return partOfEach(gather, x, startsOfEach(whole, part, starts.node, size, b), part, size, b);
}

function updateEach(given: Batched, partGiven: Batched, starts: Batched, size: Dim, b: Build): Batched {
  const x = spreadBatch(given, size, b);
  const part = spreadBatch(partGiven, size, b);
  if (!starts.batched) return { node: b.dynamicUpdate(x, part, withFirst(starts.node, b)), batched: true };
  const [, ...whole] = x.type.shape;
  const [, ...inner] = part.type.shape;
  const first = startsOfEach(whole, inner, starts.node, size, b);
  const inside = isInPart(first, inner, whole, size, b);
  if (inside === null) return { node: part, batched: true };
  // the part's element for each place: it is gathered as a part of the part, which begins before it
  const before = first.map((start) => b.map("neg", start));
  const { node } = partOfEach(gather, { node: part, batched: true }, before, whole, size, b);
  return { node: b.map("select", inside, node, x), batched: true };
}

/** All of them, by name: tests ask that each has a case on every target. */
export const gatherOps = { oneHot, gather, dynamicSlice, dynamicUpdate } as const;
