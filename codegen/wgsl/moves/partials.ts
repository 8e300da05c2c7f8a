/** Folds shared out among invocations: who shares a row, and where their partial results lie. */

import type { Around } from "../../../passes/schedule/piece.ts";
import type { Index, SharedArray, Stmt, ValueType } from "../../../src/kernel/kernel.ts";

/** Who shares a row: `lanes` invocations, `step` apart, the first of which is `first`. */
export interface Team {
  readonly lanes: number;
  readonly lane: Index;
  readonly step: number;
  readonly first: Index;
  readonly invocation: Index;
  /** Invocations of the workgroup. */
  readonly size: number;
  /** Neighbours that a lane takes at a time. */
  readonly run: number;
  /** Invocations of a subgroup, where they are to exchange what they have. */
  readonly subgroup?: number | undefined;
}

/** The statements around a fold, before and behind it in the body. */
export interface Beside {
  readonly before: readonly Stmt[];
  readonly after: readonly Stmt[];
}

/** The n-th array of so many partial results of this type. */
export function partialArray(type: ValueType, n: number, count: number, around: Around): SharedArray {
  const { fresh, shared, partials } = around;
  const known = partials.filter((array) => array.type === type && array.count === count)[n];
  if (known !== undefined) return known;
  const array: SharedArray = { name: fresh("partials"), type, count };
  shared.push(array);
  partials.push(array);
  return array;
}
