/** A shorthand for writing small kernels in tests. */

import type {
  BufferParam,
  Index,
  Kernel,
  LoopVar,
  Nest,
  ParallelMark,
  Role,
  SharedArray,
  Stmt,
} from "../../../src/kernel/kernel.ts";
import { addIndex, constIndex, loopIndex, scaleIndex } from "../../kernel-pool.ts";

export function loopVar(name: string, extent: number): LoopVar {
  return { name, extent };
}

export function buffer(role: Role, name: string, count: number, element: BufferParam["element"] = "f32"): BufferParam {
  return { role, name, count, element };
}

/** Loops as [mark, ...loops] lists, outermost first. */
export function nest(
  loops: readonly (readonly [ParallelMark, ...LoopVar[]])[],
  body: readonly Stmt[],
  prelude: readonly Stmt[] = [],
): Nest {
  return { loops: loops.flatMap(([mark, ...vars]) => vars.map((loop) => ({ loop, mark }))), prelude, body };
}

export function kernel(
  name: string,
  buffers: readonly BufferParam[],
  nests: readonly Nest[],
  more: {
    readonly shared?: readonly SharedArray[];
    readonly iterations?: readonly LoopVar[];
    readonly schedule?: Kernel["schedule"];
  } = {},
): Kernel {
  const { shared = [], iterations = [], schedule = [] } = more;
  return { name, buffers, shared, iterations, nests, flops: 0, bytes: 0, schedule };
}

/** Row-major: `flat([i, j], [m, n])` is n*i + j. */
export function flat(indexes: readonly (Index | LoopVar)[], sizes: readonly number[]): Index {
  let sum: Index = constIndex(0);
  for (const [axis, index] of indexes.entries()) {
    sum = addIndex(scaleIndex(sum, sizes[axis] ?? 1), "extent" in index ? loopIndex(index) : index);
  }
  return sum;
}

export const at = loopIndex;
