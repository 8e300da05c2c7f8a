/**
 * Places in windows that lie side by side as numbers in a grid around all of them: the last axis fastest.
 *
 *   windows of 2 x 2 in a grid of 26 x 26:  the first one's places 0, 1, 26, 27          its right neighbour's 2, 3, 28, 29
 */
import type { Index } from "../kernel/kernel.ts";
import type { Build, Node, Reads } from "./node.ts";
import { sizeOf } from "./shape.ts";

/** One more than the largest number of a place, of so many along each axis. */
export function placesIn(extents: readonly number[], grid: readonly number[]): number {
  return Math.max(1, 1 + extents.reduce((last, extent, i) => last * (grid[i] ?? 1) + extent - 1, 0));
}

/** Where a place is along each axis. */
export function placeIn(place: number, grid: readonly number[]): readonly number[] {
  const inside: number[] = [];
  let left = place;
  for (let i = grid.length - 1; i > 0; i -= 1) {
    inside.unshift(left % (grid[i] ?? 1));
    left = Math.floor(left / (grid[i] ?? 1));
  }
  return [left, ...inside];
}

/** The same of an index. A remainder lies in a window, which is promised where the grid is larger. */
export function placeIndexes(
  place: Index,
  extents: readonly number[],
  grid: readonly number[],
  { modIndex, floorDivIndex, index }: Pick<Reads, "modIndex" | "floorDivIndex" | "index">,
): readonly Index[] {
  const inside: Index[] = [];
  let left = place;
  for (let i = grid.length - 1; i > 0; i -= 1) {
    inside.unshift(index(modIndex(left, grid[i] ?? 1), extents[i] ?? 1));
    left = floorDivIndex(left, grid[i] ?? 1);
  }
  return [left, ...inside];
}

export interface InGrid {
  /** Of the windows, and the axes that they lie side by side along. */
  readonly size: readonly number[];
  readonly axes: readonly number[];
  readonly grid: readonly number[];
}

/** Numbers in a window as numbers in the grid: at the end of each of its rows they jump, and each window has its corner. */
export function numberedIn(place: Node, { size, axes, grid }: InGrid, build: Build): Node {
  const row = size[size.length - 1] ?? 1;
  const numberOf = (at: readonly number[]): number => at.reduce((sum, inside, i) => sum * (grid[i] ?? 1) + inside, 0);
  const here = build.cast(place, "i32");
  let made = here;
  for (let at = row; at < sizeOf(size); at += row) {
    const jump = numberOf(placeIn(at, size)) - numberOf(placeIn(at - 1, size)) - 1;
    if (jump === 0) continue;
    const isBehind = build.map("ge", here, build.fill(here, at));
    made = build.map("add", made, build.map("select", isBehind, build.fill(here, jump), build.fill(here, 0)));
  }
  for (const [i, axis] of axes.entries()) {
    const apart = numberOf(size.map((extent, k) => (k === i ? extent : 0)));
    const window = build.iota("i32", place.type.shape, axis);
    made = build.map("add", made, build.map("mul", window, build.fill(here, apart)));
  }
  return made;
}
