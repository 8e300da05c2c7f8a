/**
 * How an index grows along a loop: what decides whether the lanes of a vector lie side by side in memory.
 *
 *   784*i + 4*k + l    along l: 1      along i: 784
 *   (4*k + l) / 28     along l < 4: 0, as four neighbours from a multiple of 4 never cross a multiple of 28
 */
import type { Index, Ranged } from "./kernel.ts";

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
  varies: (value: Ranged) => boolean,
): number | null {
  switch (index.kind) {
    case "const":
      return 0;
    case "loop":
      return index.loop.name === loop ? 1 : 0;
    case "ranged":
      return varies(index) ? null : 0;
    case "sum": {
      let stride = 0;
      for (let i = 0; i < index.terms.length; i += 1) {
        const term = index.terms[i];
        if (term === undefined) continue;
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
      if (!isWithinBlock(startOf(index.index, loop), inner, count, index.by)) return null;
      return index.kind === "mod" ? inner : 0;
    }
  }
}

/** What is known of an index in iteration 0: it is `start` plus some multiple of `unit`. */
interface Start {
  readonly start: number;
  readonly unit: number;
}

function startOf(index: Index, loop: string): Start {
  switch (index.kind) {
    case "const":
      return { start: index.value, unit: 0 };
    case "loop":
      return { start: 0, unit: index.loop.name === loop ? 0 : 1 };
    case "ranged":
    case "floorDiv":
      return { start: 0, unit: 1 };
    case "mod": {
      const { start, unit } = startOf(index.index, loop);
      return { start, unit: gcd(unit, index.by) };
    }
    case "sum": {
      let [start, unit] = [index.offset, 0];
      for (const term of index.terms) {
        const own = startOf(term.index, loop);
        start += term.factor * own.start;
        unit = gcd(unit, Math.abs(term.factor * own.unit));
      }
      return { start, unit };
    }
  }
}

/** All iterations lie in one block of `by`: they begin at a multiple of what they span, and so does every block. */
function isWithinBlock({ start, unit }: Start, stride: number, count: number, by: number): boolean {
  const span = gcd(by, unit);
  const first = ((start % span) + span) % span;
  return stride >= 0 && first + stride * (count - 1) < span;
}

/** The greatest common divisor. */
export function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
