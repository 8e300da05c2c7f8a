/**
 * Random convolutional programs: one or two convolutions of images of 1 to 3 dimensions, what stands between, a pool, other readers
 * of what is convolved, and the gradients of a loss. They are small; numbers are whole, so that but for tanh sums are equal in any
 * order and a pool finds many that are.
 */
import fc from "fast-check";
import { here } from "../../src/core/origin.ts";
import { applyOp } from "../../src/dsl/build.ts";
import type { Program } from "../../src/dsl/program.ts";
import { InputSpec } from "../../src/dsl/spec.ts";
import { contract } from "../../src/graph/ops/contract.ts";
import { window } from "../../src/graph/ops/window.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import * as ops from "../../src/index.ts";
import { program, type Tensor } from "../../src/index.ts";

const layer = fc.record({
  size: fc.array(fc.constantFrom(2, 3, 1), { minLength: 3, maxLength: 3 }),
  stride: fc.constantFrom(1, 1, 1, 1, 2),
  dilation: fc.constantFrom(1, 1, 1, 1, 2),
  /** A border wider than a filter makes that of its image's gradient negative. */
  padding: fc.array(fc.constantFrom(0, 1, 2, 0, 3), { minLength: 6, maxLength: 6 }),
  groups: fc.constantFrom(1, 1, 1, 1, 2),
  features: fc.constantFrom(4, 8, 4, 3, 2),
  after: fc.constantFrom("relu", "none", "bias", "relu", "none", "tanh"),
});

export const drawnWindows = fc.noBias(
  fc.record({
    dims: fc.constantFrom(2, 2, 2, 2, 3, 1),
    images: fc.integer({ min: 1, max: 2 }),
    extent: fc.array(fc.constantFrom(4, 5, 3, 2), { minLength: 3, maxLength: 3 }),
    channels: fc.constantFrom(4, 8, 4, 1, 2),
    layers: fc.array(layer, { minLength: 1, maxLength: 2 }),
    pool: fc.constantFrom("max", "max", "max", "max", "max", "max", "max", "overlapping", "average", "none"),
    poolSize: fc.constantFrom(2, 2, 3),
    /** Whether a program makes the images, or is given them. */
    isMade: fc.boolean(),
    isPermuted: fc.boolean(),
    form: fc.constantFrom("images", "images", "images", "images", "channelsFirst", "vmap"),
    /** What else reads what is convolved: nothing, all of it, windows along one axis, another convolution. */
    readers: fc.array(fc.constantFrom("all", "axis", "other"), { maxLength: 2 }),
    readerAxis: fc.nat({ max: 2 }),
    readerBefore: fc.integer({ min: -2, max: 2 }),
    /** What lies around the slopes of a pool that are read by windows of their own; null: they are not. */
    outside: fc.constantFrom(null, 0, null, null, 1),
    dtype: fc.constantFrom("f32", "f32", "f32", "f32", "f32", "f64"),
    seed: fc.nat({ max: 1000 }),
  }),
);

export type DrawnWindows = typeof drawnWindows extends fc.Arbitrary<infer T> ? T : never;
type Layer = DrawnWindows["layers"][number];
type Convolve = (x: Tensor, filter: Tensor, given: Layer) => Tensor;

/** Filters [places.., channels, features], one after the other. */
function filtersOf({ dims, channels, layers }: DrawnWindows): readonly (readonly number[])[] {
  let taken: number = channels;
  return layers.map((one) => {
    const shape = [...one.size.slice(0, dims), taken / groupsOf(one, taken), one.features];
    taken = one.features;
    return shape;
  });
}

const groupsOf = ({ groups, features }: Layer, channels: number): number =>
  channels % groups === 0 && features % groups === 0 ? groups : 1;

/** Images [images, places.., channels] as they are fed. */
function imageShape({ images, dims, extent, channels }: DrawnWindows): readonly number[] {
  return [images, ...extent.slice(0, dims), channels];
}

export function windowProgram(drawn: DrawnWindows): Program<unknown> {
  const shape = imageShape(drawn);
  const filters = filtersOf(drawn);
  const named = filters.map((filter, i) => [`w${i}`, new InputSpec(filter, drawn.dtype)] as const);
  const turned = drawn.isPermuted ? shape.toReversed() : shape;
  return program({
    inputs: { x: new InputSpec(turned, drawn.dtype), ...Object.fromEntries(named) },
    step(given: Readonly<Record<string, Tensor>>) {
      const tensors = filters.map((_, i) => given[`w${i}`] as Tensor);
      const x = given.x as Tensor;
      const inOrder = drawn.isPermuted ? ops.permute(x, shape.map((_, i) => i).toReversed()) : x;
      const images = (drawn.isMade ? ops.sub(inOrder, 1) : inOrder) as Tensor;
      const made = drawn.form === "vmap" ? eachImage(drawn, images, tensors) : network(drawn, images, tensors);
      const [convolved, ...results] = made as [Tensor, Tensor, ...Tensor[]];
      const loss = results.map(weighted).reduce((sum, one) => ops.add(sum, one) as Tensor);
      const isRead = drawn.outside !== null && drawn.form !== "vmap";
      const around = isRead ? { around: aroundSlopes(drawn, convolved, tensors) } : {};
      return { outputs: { y: results[0], loss, slopes: ops.grad(loss, { x, tensors }), ...around } };
    },
  }) as Program<unknown>;
}

/** The same, each image by itself. */
function eachImage(drawn: DrawnWindows, x: Tensor, filters: readonly Tensor[]): readonly Tensor[] {
  const images = ops.reshape(x, [x.shape[0] ?? 0, 1, ...x.shape.slice(1)]);
  const one = (image: Tensor): readonly Tensor[] => network(drawn, image, filters);
  return ops.vmap(one as never, images as never) as readonly Tensor[];
}

/** What is pooled, the result, and what other readers make. */
function network(drawn: DrawnWindows, x: Tensor, filters: readonly Tensor[]): readonly Tensor[] {
  const convolve = convolution(drawn);
  let [h, last] = [x, x];
  for (const [i, one] of drawn.layers.entries()) {
    last = h;
    h = after(one, convolve(h, filters[i] as Tensor, one));
  }
  const filter = filters[filters.length - 1] as Tensor;
  const others = drawn.readers.map((reader) => {
    if (reader === "all") return ops.add(last, last) as Tensor;
    if (reader === "axis") return alongOne(drawn, last);
    const one = drawn.layers[drawn.layers.length - 1] as Layer;
    return convolve(last, ops.neg(filter) as Tensor, { ...one, padding: one.padding.toReversed(), stride: 1 });
  });
  return [h, pooled(drawn, h), ...others];
}

function convolution(drawn: DrawnWindows): Convolve {
  const { dims, form } = drawn;
  return (x, filter, one) => {
    const { dilation, stride } = one;
    const places = Array.from({ length: dims }, (_, i) => i);
    const [channels] = x.shape.slice(-1).map(Number);
    const padding = places.map((i) => paddingOf(drawn, one, i, Number(x.shape[i + 1])));
    const options = { padding, stride, dilation, groups: groupsOf(one, channels ?? 1) };
    if (form !== "channelsFirst") return ops.conv(x, filter, options) as Tensor;
    const first = ops.permute(x, [0, dims + 1, ...places.map((i) => i + 1)]) as Tensor;
    const made = ops.conv(first, filter, { ...options, dataFormat: "channelsFirst" }) as Tensor;
    return ops.permute(made, [0, ...places.map((i) => i + 2), 1]) as Tensor;
  };
}

/**
 * What lies around one axis. No window is wider than what it lies over; and windows of a pool mostly cover all that is convolved:
 * only then are slopes what a pool chose and nothing more.
 */
function paddingOf({ poolSize, seed }: DrawnWindows, one: Layer, axis: number, extent: number): [number, number] {
  const { dilation, stride, size, padding } = one;
  const [before = 0, drawnBehind = 0] = padding.slice(2 * axis);
  const span = dilation * ((size[axis] ?? 1) - 1) + 1;
  const behind = Math.max(drawnBehind, span - extent - before);
  const count = Math.floor((extent + before + behind - span) / stride) + 1;
  const lacking = seed % 5 === 0 ? 0 : (poolSize - (count % poolSize)) % poolSize;
  return [before, behind + lacking * stride];
}

/** A tanh is of small numbers, so that those that differ still do. */
function after({ after: what }: Layer, x: Tensor): Tensor {
  if (what === "relu") return ops.relu(x) as Tensor;
  if (what === "bias") return ops.relu(ops.add(x, 1) as Tensor) as Tensor;
  return what === "tanh" ? (ops.tanh(ops.div(x, 64) as Tensor) as Tensor) : x;
}

function pooled({ dims, pool, poolSize }: DrawnWindows, x: Tensor): Tensor {
  const places = x.shape.slice(1, dims + 1).map(Number);
  const size = places.map((n) => Math.min(n, poolSize));
  if (pool === "average") return ops.mul(ops.avgPool(x, { size }), sizeOf(size)) as Tensor;
  if (pool === "overlapping") return ops.maxPool(x, { size, stride: 1 }) as Tensor;
  if (pool === "none") return x;
  return ops.maxPool(x, { size }) as Tensor;
}

/** Windows over the slopes of the pool, against the last filter: around them lies what no gradient has there. */
function aroundSlopes(drawn: DrawnWindows, x: Tensor, filters: readonly Tensor[]): Tensor {
  const slopes = ops.grad(weighted(pooled(drawn, x)), x) as Tensor;
  const filter = filters[filters.length - 1] as Tensor;
  const axes = Array.from({ length: drawn.dims }, (_, i) => i + 1);
  const size = filter.shape.slice(0, drawn.dims).map(Number);
  const [ones, before] = [axes.map(() => 1), size.map((n, i) => Math.min(n - 1, drawn.readerBefore + i))];
  const count = axes.map((axis, i) => Math.max(0, Number(x.shape[axis]) + (before[i] ?? 0)));
  const steps = { axes, size, stride: ones, dilation: ones, base: ones, before, count };
  const windows = applyOp(window, [slopes], { ...steps, value: drawn.outside ?? 0 }, here("window"));
  const [features, places] = [drawn.dims + 1, axes.map((_, i) => drawn.dims + 2 + i)];
  const sums = { sumLeft: [...places, features], sumRight: [...axes.map((axis) => axis - 1), features] };
  return applyOp(contract, [windows, filter], { batchLeft: [], batchRight: [], ...sums }, here("contract"));
}

/** Windows of two along one axis alone, that reach out in front or lie inside. */
function alongOne({ dims, readerAxis, readerBefore, seed }: DrawnWindows, x: Tensor): Tensor {
  const axis = 1 + (readerAxis % dims);
  const count = Math.max(1, Number(x.shape[axis]) + readerBefore);
  const steps = { size: [2], stride: [1], dilation: [1], base: [1], before: [readerBefore], count: [count] };
  return applyOp(window, [x], { axes: [axis], ...steps, value: seed % 4 === 0 ? 1 : 0 }, here("window"));
}

/** A sum with whole weights, so that slopes are. */
function weighted(x: Tensor): Tensor {
  const places = ops.mod(ops.mul(ops.arange(sizeOf(x.shape.map(Number))), 7) as Tensor, 5) as Tensor;
  const weights = ops.reshape(ops.cast(ops.sub(places, 2) as Tensor, x.dtype as "f32"), x.shape) as Tensor;
  return ops.sum(ops.mul(x, weights) as Tensor) as Tensor;
}

export function windowFeeds(drawn: DrawnWindows): Readonly<Record<string, Float32Array | Float64Array>> {
  const { seed, dtype } = drawn;
  const numbers = (shape: readonly number[], salt: number): Float32Array | Float64Array => {
    const list = Array.from({ length: sizeOf(shape) }, (_, i) => ((((i + 1) * (salt + 17) * 31) ^ (i >> 2)) % 5) - 2);
    return dtype === "f32" ? Float32Array.from(list) : Float64Array.from(list);
  };
  const filters = filtersOf(drawn).map((shape, i) => [`w${i}`, numbers(shape, seed + i + 1)]);
  return { x: numbers(imageShape(drawn), seed), ...Object.fromEntries(filters) };
}
