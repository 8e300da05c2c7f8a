/**
 * Plan: where every buffer lives, and for how long.
 *
 * Inputs, states and outputs have segments of their own; everything else shares one arena. A buffer of the arena is alive
 * from the step that first writes it to the last that touches it; two buffers that are never alive together may share
 * bytes. The plan is a pure function of lifetimes, and `findOverlap` is its proof: run after every planning.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Buffer, printBuffer } from "../../src/program/buffer.ts";

/** Steps are counted from 0; `first` and `last` are both included. */
export interface Lifetime {
  readonly buffer: Buffer;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Placement extends Lifetime {
  readonly offset: number;
}

export interface ArenaPlan {
  readonly placements: readonly Placement[];
  /** Size of the arena. */
  readonly peakBytes: number;
  /** The largest sum of live bytes at any step: no plan can be smaller. */
  readonly lowerBoundBytes: number;
  /** What the buffers would take side by side. */
  readonly withoutReuseBytes: number;
}

export interface PlanOptions {
  /** Off: every buffer has bytes of its own. */
  readonly reuse: boolean;
  readonly alignment: number;
}

/** Largest first, at the lowest offset that is free for the whole lifetime. */
export function plan(lives: readonly Lifetime[], { reuse, alignment }: PlanOptions): ArenaPlan {
  const placed: Placement[] = []; // by offset
  const bySize = lives.toSorted((a, b) => b.bytes - a.bytes || a.first - b.first || a.buffer.id - b.buffer.id);
  for (const life of bySize) {
    let offset = 0;
    for (const other of placed) {
      if (reuse && !meet(life, other)) continue;
      if (offset + life.bytes <= other.offset) break;
      offset = Math.max(offset, alignUp(other.offset + other.bytes, alignment));
    }
    const behind = placed.findIndex((other) => other.offset > offset);
    placed.splice(behind < 0 ? placed.length : behind, 0, { ...life, offset });
  }
  const overlap = findOverlap(placed);
  if (overlap !== null) {
    const [one, other] = overlap.map(({ buffer }) => printBuffer(buffer));
    throw new CompilerBug(`plan: ${one} and ${other} share bytes while both live`);
  }
  return {
    placements: placed.toSorted((a, b) => a.first - b.first || a.offset - b.offset),
    peakBytes: placed.reduce((peak, p) => Math.max(peak, p.offset + p.bytes), 0),
    lowerBoundBytes: lowerBound(lives),
    withoutReuseBytes: lives.reduce((sum, life) => sum + life.bytes, 0),
  };
}

/** Two buffers that are alive at the same step and share a byte, or null: the proof of a plan. */
export function findOverlap(placements: readonly Placement[]): readonly [Placement, Placement] | null {
  const byOffset = placements.filter((p) => p.bytes > 0).toSorted((a, b) => a.offset - b.offset);
  for (const [i, lower] of byOffset.entries()) {
    for (let above = i + 1; above < byOffset.length; above++) {
      const upper = byOffset[above];
      if (upper === undefined || upper.offset >= lower.offset + lower.bytes) break;
      if (meet(lower, upper)) return [lower, upper];
    }
  }
  return null;
}

function meet(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function lowerBound(lives: readonly Lifetime[]): number {
  const change = new Map<number, number>();
  for (const life of lives) {
    change.set(life.first, (change.get(life.first) ?? 0) + life.bytes);
    change.set(life.last + 1, (change.get(life.last + 1) ?? 0) - life.bytes);
  }
  let [live, most] = [0, 0];
  for (const step of [...change.keys()].toSorted((a, b) => a - b)) {
    live += change.get(step) ?? 0;
    most = Math.max(most, live);
  }
  return most;
}
