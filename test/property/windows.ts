/**
 * Windows and the sum over them, of random steps along one or two axes: the sum is the transpose of the window, and what it is
 * written out as has its value. Numbers are whole, so that sums are equal in any order.
 */
import fc from "fast-check";
import { prepareWindows } from "../../passes/fuse/prepare-windows.ts";
import { storeBorders } from "../../passes/fuse/store-borders.ts";
import { expand } from "../../passes/graph/expand.ts";
import { builder } from "../../src/graph/build.ts";
import { isOp } from "../../src/graph/define.ts";
import { neededNodes } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Build, Node, OpDef } from "../../src/graph/node.ts";
import { chosen } from "../../src/graph/ops/chosen.ts";
import { covering } from "../../src/graph/ops/covering.ts";
import { maxWithIndex } from "../../src/graph/ops/reduce.ts";
import { input } from "../../src/graph/ops/source.ts";
import { spread } from "../../src/graph/ops/spread.ts";
import { window } from "../../src/graph/ops/window.ts";
import type { Windows } from "../../src/graph/ops/window-steps.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { type Property, property } from "./property.ts";

const axisSteps = fc.record({
  extent: fc.integer({ min: 0, max: 9 }),
  count: fc.integer({ min: 0, max: 8 }),
  size: fc.integer({ min: 1, max: 5 }),
  stride: fc.integer({ min: 1, max: 4 }),
  dilation: fc.constantFrom(1, 1, 2, 3),
  base: fc.constantFrom(1, 1, 2, 3),
  before: fc.integer({ min: -3, max: 6 }),
});

/** Windows along the last axes of an array, the first of which has none. */
const drawn = fc.record({
  along: fc.array(axisSteps, { minLength: 1, maxLength: 2 }),
  isSwapped: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1000 }),
});

type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

/** Windows of a drawn case over an array of `shape`, and how many there are. */
function windowsOf({ along, isSwapped }: Drawn) {
  const order = isSwapped ? along.map((_, i) => i).reverse() : along.map((_, i) => i);
  const each = (name: keyof Drawn["along"][number]): number[] => order.map((i) => along[i]?.[name] ?? 0);
  const steps: Windows = {
    axes: order.map((i) => i + 1),
    size: each("size"),
    stride: each("stride"),
    dilation: each("dilation"),
    base: each("base"),
    before: each("before"),
  };
  const shape = [2, ...along.map(({ extent }) => extent)];
  const counted = [2, ...along.map(({ count }) => count)];
  return { steps, shape, counted, count: each("count"), extent: each("extent") };
}

function wholeNumbers(shape: readonly number[], seed: number): NdArray {
  return ndarray(
    "f32",
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 31 + seed * 7) % 11) - 5),
  );
}

/** Nodes made on inputs of these shapes, as they are and written out, evaluated. */
function evaluated(
  shapes: readonly (readonly number[])[],
  seed: number,
  make: (build: Build, ...inputs: readonly Node[]) => Node,
): readonly NdArray[] {
  const build = builder(createGraph());
  const inputs = shapes.map((shape, i) => build.node(input, [], { dtype: "f32", shape, name: `x${i}` }));
  const node = make(build, ...inputs);
  const values = new Map(shapes.map((shape, i) => [`x${i}`, wholeNumbers(shape, seed + i)]));
  const entry = { name: "step", graph: build.graph, outputs: [{ name: "y", node }], next: [] };
  const written = expand.run(entry, { dims: {}, warn: () => {} }).outputs.map((output) => output.node);
  return [...evaluateGraph([node], values), ...evaluateGraph(written, values)];
}

function inner(a: NdArray, b: NdArray): number {
  return a.data.reduce((sum, value, i) => sum + value * (b.data[i] ?? 0), 0);
}

const anyChoice = { leastChannels: 1, leastTerms: 1, leastImages: 1, leastPlaces: 1 };

const pooled = fc.record({
  pool: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  size: fc.integer({ min: 1, max: 3 }),
  channels: fc.integer({ min: 1, max: 2 }),
  filters: fc.integer({ min: 1, max: 3 }),
  /** Which side the slopes are on, the order of the sum, and whether windows are read in an order of their own. */
  form: fc.integer({ min: 0, max: 7 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

type Pooled = typeof pooled extends fc.Arbitrary<infer T> ? T : never;

export const windowProperties: readonly Property[] = [
  property(
    "the sum over windows is the transpose of the windows, and its written form has its value",
    2_000,
    fc.property(drawn, (one) => {
      const { steps, shape, counted, count, extent } = windowsOf(one);
      const windowed = [...counted, ...steps.size];
      const [windows] = evaluated([shape], one.seed, (b, x) => b.window(x as Node, { ...steps, count, value: 0 }));
      const [sum, written] = evaluated([windowed], one.seed + 5, (b, g) =>
        b.windowSum(g as Node, { ...steps, extent }),
      );
      if (windows === undefined || sum === undefined || written === undefined) return false;
      const [x, g] = [wholeNumbers(shape, one.seed), wholeNumbers(windowed, one.seed + 5)];
      return inner(windows, g) === inner(x, sum) && sameNumbers(sum, written);
    }),
  ),
  property(
    "the sum over windows of a contraction is a contraction, in phases where windows are dense and move by several",
    2_000,
    fc.property(drawn, fc.integer({ min: 0, max: 7 }), (one, form) => {
      const { steps, counted, extent } = windowsOf(one);
      const image = [...counted, 2]; // and 2 channels, that are summed
      const filter = [...steps.size, 2, 3];
      const [isSwapped, isPermuted, isSum] = [form % 2 === 1, form % 4 > 1, form > 3];
      const [sum, written] = evaluated([image, filter], one.seed, (b, x, w) => {
        const windows = contraction(b, x as Node, w as Node, steps.size.length, isSwapped);
        const both = isSum ? b.map("sub", b.map("add", windows, windows), windows) : windows;
        const made = b.windowSum(both, { ...steps, extent });
        expectForm(made, steps);
        return isPermuted ? b.permute(made, made.type.shape.map((_, i) => i).reverse()) : made;
      });
      return sum !== undefined && written !== undefined && sameNumbers(sum, written);
    }),
  ),
  property(
    "what a contraction reads windows of has the same windows over its stored border, and the inside is what it was",
    1_000,
    fc.property(drawn, fc.boolean(), (one, isFlat) => {
      const { steps, shape, count } = windowsOf(one);
      const places = sizeOf(steps.size);
      const build = builder(createGraph());
      const flat = isFlat ? [2, sizeOf(shape) / 2] : shape;
      const x = build.node(input, [], { dtype: "f32", shape: flat, name: "x" });
      const w = build.node(input, [], { dtype: "f32", shape: [places, 2], name: "w" });
      const root = build.map("neg", x);
      const windows = build.window(build.reshape(root, shape), { ...steps, count, value: one.seed % 2 });
      const rows = build.reshape(windows, [2 * sizeOf(count), places]);
      const y = build.contract(rows, w, { batchLeft: [], batchRight: [], sumLeft: [1], sumRight: [0] });
      // Windows along one of the axes alone, beside those along all.
      const first = (list: readonly number[]): number[] => list.slice(0, 1);
      const { axes, size, stride, dilation, base, before } = steps;
      const fewer = build.window(build.reshape(root, shape), { axes: first(axes), size: first(size), stride: first(stride), dilation: first(dilation), base: first(base), before: first(before), count: first(count), value: one.seed % 2 }); // biome-ignore format: attributes
      const outputs = [y, build.map("add", root, root), fewer, ...(one.seed % 3 === 0 ? [root] : [])];
      const entry = { name: "step", graph: build.graph, outputs: outputs.map((node, i) => ({ name: `${i}`, node })), next: [] }; // biome-ignore format: an entry
      const bordered = storeBorders(
        { entry, stored: new Set() },
        { leastReads: 0, leastElements: 1, mostGrowth: 1000 },
      );
      const reachesOut = one.along.some(({ before }) => before > 0) && sizeOf(shape) > 0 && sizeOf(count) > 0;
      if (reachesOut && one.along.every(({ base }) => base === 1) && bordered.stored.size !== 1) return false;
      const values = new Map([["x", wholeNumbers(flat, one.seed)], ["w", wholeNumbers([places, 2], 3)]]); // biome-ignore format: two
      const nodes = bordered.entry.outputs.map(({ node }) => node);
      const wanted = evaluateGraph(outputs, values);
      return evaluateGraph(nodes, values).every((after, i) => sameNumbers(after, wanted[i] ?? after));
    }),
  ),
  property(
    "the gradient of a filter behind a pool is a sum over what the pool chose",
    500,
    fc.property(pooled, (one) => hasSameValue(filterGradient(one), chosen)),
  ),
  property(
    "the gradient of the image of a convolution behind a pool is what the pool chose, spread",
    500,
    fc.property(pooled, fc.constantFrom(0, 0, 0, 1), (one, outside) =>
      hasSameValue(imageGradient(one, outside), outside === 0 ? spread : undefined),
    ),
  ),
];

/** Of what is written with the op, if there is to be one. */
function hasSameValue({ made, values }: ReturnType<typeof imageGradient>, op: OpDef | undefined): boolean {
  const entry = { name: "step", graph: made.graph, outputs: [{ name: "y", node: made }], next: [] };
  const prepared = prepareWindows(entry, { choosesSlopes: anyChoice, storesBorders: null });
  if (op !== undefined && !neededNodes(prepared.entry).some((node) => node.op === op)) return false;
  const after = prepared.entry.outputs.map(({ node }) => node);
  const [[before], [now]] = [evaluateGraph([made], values), evaluateGraph(after, values)];
  return before !== undefined && now !== undefined && sameNumbers(before, now);
}

/** Windows of the slopes of a pool against a filter [places.., channels, filters], as the gradient of a convolution's image. */
function imageGradient(one: Pooled, outside: number) {
  const { size, form, seed, filters } = one;
  const { b, slopes, values, high, wide } = poolSlopes(one);
  const each = (value: number): number[] => [value, value];
  const before = seed % size;
  const steps = {
    axes: [1, 2],
    size: each(size),
    stride: each(1),
    dilation: each(1),
    base: each(1),
    before: each(before),
  };
  const count = [high + before - (seed % 2), wide + before].map((n) => Math.max(1, n));
  const windows = b.window(slopes, { ...steps, count, value: outside });
  const shape = [size, size, 4, filters];
  const w = b.node(input, [], { dtype: "f32", shape, name: "w" });
  values.set("w", wholeNumbers(shape, seed + 3));
  const none = { batchLeft: [], batchRight: [] };
  const [ofWindows, ofFilter] = form > 3 ? [[3, 4, 5], [3, 0, 1]] : [[4, 5, 3], [0, 1, 3]]; // biome-ignore format: choices
  const made =
    form % 2 === 0
      ? b.contract(windows, w, { ...none, sumLeft: ofWindows, sumRight: ofFilter })
      : b.contract(w, windows, { ...none, sumLeft: ofFilter, sumRight: ofWindows });
  return { made, values };
}

/** Windows of an image against the slopes of a pool, as the gradient of a filter. */
function filterGradient(one: Pooled) {
  const { size, channels, form, seed } = one;
  const { b, slopes, values, high, wide } = poolSlopes(one);
  const each = (value: number): number[] => [value, value];
  const shape = [2, high + size - 1, wide + size - 1, channels];
  const x = b.node(input, [], { dtype: "f32", shape, name: "x" });
  values.set("x", wholeNumbers(shape, seed));
  const steps = { axes: [1, 2], size: each(size), stride: each(1), dilation: each(1), base: each(1), before: each(0) };
  const image = b.window(x, { ...steps, count: [high, wide], value: 0 });
  const left = form % 4 > 1 ? b.permute(image, [1, 5, 0, 2, 3, 4]) : image;
  const [sumLeft, sumRight] = form % 4 > 1 ? [[2, 0, 3], [0, 1, 2]] : form > 3 ? [[2, 0, 1], [2, 0, 1]] : [[0, 1, 2], [0, 1, 2]]; // biome-ignore format: choices
  const none = { batchLeft: [], batchRight: [] };
  const made =
    form % 2 === 0
      ? b.contract(left, slopes, { ...none, sumLeft, sumRight })
      : b.contract(slopes, left, { ...none, sumLeft: sumRight, sumRight: sumLeft });
  return { made, values };
}

/** The slopes of a pool as its gradient writes them, and the numbers that they are made of. */
function poolSlopes({ pool, filters, seed }: Pooled) {
  const b = builder(createGraph());
  const [high, wide] = [2 * pool[0], 3 * pool[1]];
  const shapes = { y: [2, high, wide, filters], v: [2, 2, 3, filters] };
  const source = (name: keyof typeof shapes): Node => b.node(input, [], { dtype: "f32", shape: shapes[name], name });
  const pairs = { axes: [1, 2], dilation: [1, 1], base: [1, 1], before: [0, 0], size: [...pool], stride: [...pool] };
  const best = b.node(maxWithIndex, [b.window(source("y"), { ...pairs, count: [2, 3], value: 0 })], { axes: [4, 5] });
  const place = b.cast(b.cast(best.results[1] ?? best, "u8"), "i32");
  const all = [2, 2, 3, filters, ...pool];
  const rows = b.iota("i32", [...pool], 0);
  const number = b.map("add", b.map("mul", rows, b.fill(rows, pool[1])), b.iota("i32", [...pool], 1));
  const isHere = b.map("eq", b.broadcast(number, all, [4, 5]), b.broadcast(place, all, [0, 1, 2, 3]));
  const each = b.broadcast(source("v"), all, [0, 1, 2, 3]);
  const chosen = b.map("select", isHere, each, b.fill(each, 0));
  const slopes = b.reshape(b.node(covering, [chosen], { ...pairs, extent: [high, wide] }), shapes.y);
  const values = new Map(Object.entries(shapes).map(([name, shape], i) => [name, wholeNumbers(shape, seed + i + 1)]));
  return { b, slopes, values, high, wide };
}

/** No windows are gathered one by one, and none spread the image where phases do without. */
function expectForm(made: Node, { stride, dilation, base }: Windows): void {
  const entry = { name: "step", graph: made.graph, outputs: [{ name: "y", node: made }], next: [] };
  const nodes = neededNodes(expand.run(entry, { dims: {}, warn: () => {} }));
  if (nodes.some(({ op }) => op === covering)) throw new Error("a contraction became a view of covering windows");
  const isDense = [...dilation, ...base].every((n) => n === 1) && stride.some((n) => n > 1);
  const apart = nodes.filter((node) => isOp(node, window) && node.attrs.base.some((n) => n > 1));
  if (isDense && apart.length > 0) throw new Error("dense windows were spread apart");
}

/** Image [batch, windows.., channels] and filter [places.., channels, features] as [batch, windows.., features, places..]. */
function contraction(b: Build, image: Node, filter: Node, count: number, isSwapped: boolean): Node {
  const channels = { image: [count + 1], filter: [count] };
  const windows = Array.from({ length: count }, (_, i) => i + 1);
  const places = Array.from({ length: count }, (_, i) => i);
  if (isSwapped) {
    const made = b.contract(filter, image, { batchLeft: [], batchRight: [], sumLeft: channels.filter, sumRight: channels.image }); // biome-ignore format: one call
    return b.permute(made, [count + 1, ...windows.map((i) => count + 1 + i), count, ...places]);
  }
  const made = b.contract(image, filter, { batchLeft: [], batchRight: [], sumLeft: channels.image, sumRight: channels.filter }); // biome-ignore format: one call
  return b.permute(made, [0, ...windows, 2 * count + 1, ...places.map((i) => count + 1 + i)]);
}

function sameNumbers(a: NdArray, b: NdArray): boolean {
  return a.shape.join() === b.shape.join() && a.data.every((value, i) => value === b.data[i]);
}
