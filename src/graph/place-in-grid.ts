/**
 * Places of a window as numbers in a grid, at whose corner the window lies: the last axis fastest.
 *
 *   window 2 x 2 in a grid of 2 x 2:  0, 1, 2, 3          in one of 26 x 26:  0, 1, 26, 27
 */
import type { Index } from "../kernel/kernel.ts";
import type { Build, Node, Reads } from "./node.ts";
import { sizeOf } from "./shape.ts";

/** One more than the largest number of a window's place. */
export function placesIn(size: readonly number[], grid: readonly number[]): number {
  return 1 + size.reduce((last, extent, i) => last * (grid[i] ?? 1) + extent - 1, 0);
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

/** The same of an index. A remainder lies in the window, which is promised where the grid is larger. */
export function placeIndexes(
  place: Index,
  size: readonly number[],
  grid: readonly number[],
  { modIndex, floorDivIndex, index }: Pick<Reads, "modIndex" | "floorDivIndex" | "index">,
): readonly Index[] {
  const inside: Index[] = [];
  let left = place;
  for (let i = grid.length - 1; i > 0; i -= 1) {
    inside.unshift(index(modIndex(left, grid[i] ?? 1), size[i] ?? 1));
    left = floorDivIndex(left, grid[i] ?? 1);
  }
  return [left, ...inside];
}

/** Numbers in the window as numbers in the grid: at the end of each of its rows they jump. */
export function numberedIn(place: Node, size: readonly number[], grid: readonly number[], build: Build): Node {
  const row = size[size.length - 1] ?? 1;
  const numberOf = (at: number): number =>
    placeIn(at, size).reduce((sum, inside, i) => sum * (grid[i] ?? 1) + inside, 0);
  let made = build.cast(place, "i32");
  const here = made;
  for (let at = row; at < sizeOf(size); at += row) {
    const jump = numberOf(at) - numberOf(at - 1) - 1;
    if (jump === 0) continue;
    const isBehind = build.map("ge", here, build.fill(here, at));
    made = build.map("add", made, build.map("select", isBehind, build.fill(here, jump), build.fill(here, 0)));
  }
  return made;
}
