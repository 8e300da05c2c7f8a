/**
 * How windows lie over the axes of an array: on each axis one relation ties an element i of the array to the window o and the
 * place k inside of it.
 *
 *   base * i = stride * o + dilation * k - before
 *
 * `base` above 1 spreads the elements apart, as the transpose of a strided window does.
 */
import { ShapeError } from "../../core/errors.ts";
import type { AttrsOf } from "../attrs.ts";
import type { WindowSteps } from "../node.ts";
import type { Shape } from "../shape.ts";

export type Windows = AttrsOf<WindowSteps>;

export const windowSteps: WindowSteps = {
  axes: "axes",
  size: "list",
  stride: "list",
  dilation: "list",
  base: "list",
  before: "list",
};

/** The numbers of one axis. */
export interface AxisSteps {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly base: number;
  readonly before: number;
}

export function stepsOf({ size, stride, dilation, base, before }: Windows, i: number): AxisSteps {
  const [places, step, gap] = [size[i] ?? 1, stride[i] ?? 1, dilation[i] ?? 1];
  return { size: places, stride: step, dilation: gap, base: base[i] ?? 1, before: before[i] ?? 0 };
}

/** A number for each axis, and windows that move on. `extents` is what else there is one of for each. */
export function checkWindows(rank: number, windows: Windows, extents: Shape): void {
  const { axes, size, stride, dilation, base, before } = windows;
  if (axes.some((axis, i) => axis < 0 || axis >= rank || axes.indexOf(axis) !== i)) {
    throw new ShapeError(`has no axes [${axes}] to lay windows over`);
  }
  for (const list of [size, stride, dilation, base, before, extents]) {
    if (list.length !== axes.length) throw new ShapeError(`windows along ${axes.length} axes take a number for each`);
  }
  for (const list of [size, stride, dilation, base]) {
    if (list.some((n) => !Number.isSafeInteger(n) || n < 1)) {
      throw new ShapeError(`sizes and steps of windows must be whole numbers from 1, not [${list}]`);
    }
  }
  if (!before.every(Number.isSafeInteger)) throw new ShapeError(`windows begin at whole numbers, not [${before}]`);
}

/** The shape with other sizes of the given axes. */
export function withExtents(shape: Shape, axes: readonly number[], extents: Shape): Shape {
  return shape.map((dim, axis) => extents[axes.indexOf(axis)] ?? dim);
}

/**
 * Where the element at a place of the windows stands in the array, as coordinates that are written into `to`. False where it
 * stands nowhere: outside, or between two elements.
 */
export function sourceOf(windows: Windows, shape: readonly number[]) {
  const steps = windows.axes.map((_, i) => stepsOf(windows, i));
  return (at: readonly number[], to: number[]): boolean => {
    for (let axis = 0; axis < shape.length; axis++) to[axis] = at[axis] ?? 0;
    return windows.axes.every((axis, i) => {
      const { stride, dilation, base, before } = steps[i] ?? stepsOf(windows, i);
      const place = (stride * (at[axis] ?? 0) + dilation * (at[shape.length + i] ?? 0) - before) / base;
      to[axis] = place;
      return Number.isInteger(place) && place >= 0 && place < (shape[axis] ?? 0);
    });
  };
}
