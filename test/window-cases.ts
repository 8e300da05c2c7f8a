/**
 * Cases of windows and of the sum over them: steps, spreads and borders of every kind, along one axis and several, and windows
 * that reach nothing. The table of all ops (op-cases.ts) takes them in.
 */
import { here } from "../src/core/origin.ts";
import { applyOp } from "../src/dsl/build.ts";
import * as ops from "../src/dsl/ops.ts";
import type { Tensor } from "../src/dsl/tensor.ts";
import { chosen } from "../src/graph/ops/chosen.ts";
import { contract } from "../src/graph/ops/contract.ts";
import { covering } from "../src/graph/ops/covering.ts";
import { spread } from "../src/graph/ops/spread.ts";
import { window } from "../src/graph/ops/window.ts";
import { windowSum } from "../src/graph/ops/window-sum.ts";
import { sizeOf } from "../src/graph/shape.ts";
import { input, type OpCase, one, whole } from "./op-case.ts";

/** Of one axis: its extent, how many windows, and how they lie. */
interface Along {
  readonly axis: number;
  readonly count: number;
  readonly size: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly base?: number;
  readonly before?: number;
}

/** The attributes of windows along several axes. */
export function windowsAlong(...along: readonly Along[]) {
  return {
    axes: along.map(({ axis }) => axis),
    size: along.map(({ size }) => size),
    stride: along.map(({ stride = 1 }) => stride),
    dilation: along.map(({ dilation = 1 }) => dilation),
    base: along.map(({ base = 1 }) => base),
    before: along.map(({ before = 0 }) => before),
  };
}

/** The same, with how many windows there are. */
export function countedWindows(...along: readonly Along[]) {
  return { ...windowsAlong(...along), count: along.map(({ count }) => count) };
}

const rows: readonly (readonly [shape: readonly number[], along: readonly Along[], value?: number])[] = [
  [[7], [{ axis: 0, count: 5, size: 3 }]],
  [[11, 2], [{ axis: 0, count: 4, size: 2, stride: 3 }]],
  [[3, 9], [{ axis: 1, count: 5, size: 3, dilation: 2 }]],
  [[5], [{ axis: 0, count: 11, size: 3, base: 2, before: 2 }]],
  [[7], [{ axis: 0, count: 4, size: 3, stride: 2, before: 1 }]],
  [[9], [{ axis: 0, count: 3, size: 2, before: -4 }]],
  [[6], [{ axis: 0, count: 6, size: 4, stride: 2, dilation: 3, base: 3, before: 5 }]],
  [[5], [{ axis: 0, count: 0, size: 3 }]],
  [[0, 2], [{ axis: 0, count: 2, size: 3, before: 1 }], 0.5],
  [[2, 6, 5, 3], [{ axis: 1, count: 3, size: 2, stride: 2 }, { axis: 2, count: 5, size: 3, before: 1 }]], // biome-ignore format: a row
  [[4, 6], [{ axis: 1, count: 3, size: 2, stride: 2 }, { axis: 0, count: 2, size: 2, stride: 2 }]], // biome-ignore format: a row
  [[5, 4], [{ axis: 0, count: 3, size: 3, stride: 2, before: 1 }, { axis: 1, count: 2, size: 3, stride: 2 }], Number.NEGATIVE_INFINITY], // biome-ignore format: a row
];

/** The gradient of a convolution by its image [n, count.., channels], with a filter [size.., channels, features]. */
function contractedCases(): OpCase[] {
  const along: readonly (readonly Along[])[] = [
    [{ axis: 1, count: 7, size: 3, before: 1 }],
    [{ axis: 1, count: 4, size: 3, stride: 2, dilation: 2, before: 2 }],
    [{ axis: 1, count: 4, size: 3, stride: 2, before: 1 }, { axis: 2, count: 2, size: 2, stride: 3 }], // biome-ignore format: a row
  ];
  const extents = [7, 6];
  return along.map((steps) => {
    const attrs = windowsAlong(...steps);
    const count = steps.length;
    const places = steps.map((_, i) => count + 2 + i);
    const order = [0, ...attrs.axes, count + 1 + count, ...places.map((axis) => axis - 1)];
    const pairs = { batchLeft: [], batchRight: [], sumLeft: [count + 1], sumRight: [count] };
    const inputs = [input([2, ...steps.map((one) => one.count), 5]), input([...attrs.size, 5, 3])];
    return one("composed windowSum", inputs, (x, w) => {
      const windows = applyOp(contract, [x, w], pairs, here("contract"));
      const last = ops.permute(windows, order) as Tensor;
      return applyOp(windowSum, [last], { ...attrs, extent: extents.slice(0, count) }, here("windowSum"));
    });
  });
}

export function windowCases(): OpCase[] {
  const plain = rows.flatMap(([shape, along, value = 0]) => {
    const steps = windowsAlong(...along);
    const attrs = { ...countedWindows(...along), value };
    // finite where a border is not, so that sums of it are numbers
    const windows = (x: Tensor): Tensor => ops.maximum(applyOp(window, [x], attrs, here("window")), -9) as Tensor;
    const counted = shape.map((extent, axis) => along.find((one) => one.axis === axis)?.count ?? extent);
    const sums = { ...steps, extent: steps.axes.map((axis) => shape[axis] ?? 0) };
    const windowed = [input([...counted, ...steps.size])];
    return [
      one("view window", [input(shape)], windows),
      one("composed windowSum", windowed, (x) => applyOp(windowSum, [x], sums, here("windowSum"))),
      one("view covering", windowed, (x) => applyOp(covering, [x], sums, here("covering")), { gradient: false }),
    ];
  });
  return [...plain, ...contractedCases(), ...chosenCases()];
}

/** One place of each window. */
function chosenCases(): OpCase[] {
  const rows = [
    [[4, 3], [2, 5], { axes: [0], size: [2], grid: [4], shared: 1 }],
    [[2, 4, 6, 5], [2, 2, 2, 3], { axes: [1, 2], size: [2, 3], grid: [4, 7], shared: 3 }],
    [[2, 4, 6, 5], [2, 2, 2, 3], { axes: [1, 2], size: [2, 3], grid: [4, 6], shared: 3 }],
    [[4, 6], [2, 2, 7], { axes: [1, 0], size: [3, 2], grid: [6, 4], shared: 2 }],
    [[4, 6], [2, 2, 7], { axes: [1, 0], size: [3, 2], grid: [6, 9], shared: 2 }],
    [[2, 4, 3, 9], [1, 2, 3, 3], { axes: [0, 1, 3], size: [2, 2, 3], grid: [2, 5, 9], shared: 4 }],
    [[0, 3], [0, 2], { axes: [0], size: [3], grid: [3], shared: 1 }],
  ] as const;
  return rows.map(([shape, places, attrs]) => {
    const make = (x: Tensor, at: Tensor) => applyOp(chosen, [x, inGrid(at, attrs)], attrs, here("chosen"));
    return one("gather chosen", [input(shape), whole(places, 0, sizeOf(attrs.size))], make, { gradient: false });
  });
}

interface Grid {
  readonly size: readonly number[];
  readonly grid: readonly number[];
  readonly axes: readonly number[];
}

/** Numbers of places in windows as those in a grid: each looked up, and the corner of its window. */
function inGrid(at: Tensor, { size, grid, axes }: Grid): Tensor {
  const places = size.reduce<readonly number[]>(
    (all, extent, i) => all.flatMap((from) => Array.from({ length: extent }, (_, n) => from * (grid[i] ?? 1) + n)),
    [0],
  );
  let made = ops.mul(at, 0) as Tensor;
  for (const [i, place] of places.entries()) if (i > 0) made = ops.where(ops.equal(at, i), place, made) as Tensor;
  for (const [i, axis] of axes.entries()) {
    const count = Number(at.shape[axis]);
    const apart = (size[i] ?? 1) * sizeOf(grid.slice(i + 1));
    const along = at.shape.map((_, k) => (k === axis ? count : 1));
    if (count > 1) made = ops.add(made, ops.mul(ops.reshape(ops.arange(count), along), apart)) as Tensor;
  }
  return made;
}

/** Of what wasm alone is given: places and values [n, f, windows..], a filter [f, places.., c], and the size of the windows. One has more rows than are near. */
export function spreadCases(): OpCase[] {
  const rows = [
    [[2, 3, 4], [3, 2, 4], { size: [3], grid: [12] }],
    [[1, 5, 2, 3], [5, 3, 2, 12], { size: [2, 2], grid: [4, 6] }],
    [[1, 5, 2, 3], [5, 3, 2, 12], { size: [2, 2], grid: [6, 7] }],
    [[1, 2, 9, 5], [2, 2, 2, 256], { size: [2, 2], grid: [19, 11] }],
    [[2, 1, 3, 1], [1, 1, 4, 44], { size: [1, 3], grid: [3, 3] }],
    [[1, 2, 2, 1, 2], [2, 2, 1, 3, 8], { size: [2, 3, 2], grid: [4, 3, 4] }],
    [[1, 2, 2, 1, 2], [2, 2, 1, 3, 8], { size: [2, 3, 2], grid: [5, 3, 6] }],
    [[0, 2, 3], [2, 2, 4], { size: [2], grid: [2] }],
  ] as const; // biome-ignore format: a row each
  return rows.map(([places, filter, attrs]) => {
    const inputs = [whole(places, 0, sizeOf(attrs.size)), input(places), input(filter)];
    const make = (at: Tensor, x: Tensor, w: Tensor) => {
      return applyOp(
        spread,
        [inGrid(at, { ...attrs, axes: attrs.size.map((_, i) => i + 2) }), x, w],
        attrs,
        here("spread"),
      );
    };
    return one("spread spread", inputs, make, { gradient: false });
  });
}
