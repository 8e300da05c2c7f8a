/**
 * How an index grows along a loop: what decides whether the lanes of a vector lie side by side in memory.
 *
 *   784*i + 4*k + l    along l: 1      along i: 784
 *   (4*k + l) / 28     along l < 4: 0, as four neighbours from a multiple of 4 never cross a multiple of 28
 */
import type { Expr, Index } from "./kernel.ts";

/** Values of 32 bits in a 128-bit vector: the extent of every lane loop. */
export const laneCount = 4;

/**
 * The growth of `index` from one iteration of `loop` to the next, over `count` iterations from 0: 0 where it does not depend
 * on the loop, null where the growth is no constant. `varies` tells whether a loaded value depends on the loop.
 */
export function strideAlong(
  index: Index,
  loop: string,
  count: number,
  varies: (value: Expr) => boolean,
): number | null {
  switch (index.kind) {
    case "const":
    case "param":
      return 0;
    case "loop":
      return index.loop.name === loop ? 1 : 0;
    case "value":
      return varies(index.value) ? null : 0;
    case "sum": {
      let stride = 0;
      for (const term of index.terms) {
        const inner = strideAlong(term.index, loop, count, varies);
        if (inner === null) return null;
        stride += term.factor * inner;
      }
      return stride;
    }
    case "floorDiv":
    case "mod": {
      const inner = strideAlong(index.index, loop, count, varies);
      if (inner === 0 || inner === null) return inner;
      if (!isWithinBlock(index.index, inner, { loop, count, by: index.by, varies })) return null;
      return index.kind === "mod" ? inner : 0;
    }
  }
}

interface Block {
  readonly loop: string;
  readonly count: number;
  readonly by: number;
  readonly varies: (value: Expr) => boolean;
}

/** All iterations of `index` lie in one block of `by`: it starts at a multiple of what they span, and so does every block. */
function isWithinBlock(index: Index, stride: number, { loop, count, by, varies }: Block): boolean {
  if (stride < 0) return false;
  const terms = index.kind === "sum" ? index.terms : [{ factor: 1, index }];
  const fixed = terms.filter((term) => strideAlong(term.index, loop, count, varies) === 0);
  const offset = index.kind === "sum" ? index.offset : 0;
  const unit = fixed.reduce((all, { factor }) => gcd(all, Math.abs(factor)), by);
  const start = ((offset % unit) + unit) % unit;
  return start + stride * (count - 1) < unit;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
