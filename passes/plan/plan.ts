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

/** How near the bound is near enough, and how often another order is tried where the plan is not. */
const closeEnough = 1.02;
const mostTries = 32;
/** Of so many buffers at most: an order of thousands takes its time. */
const mostBuffers = 300;

/**
 * Largest first, each at the lowest offset that is free for the whole lifetime. Where that leaves gaps, what came to lie too high is
 * placed before others that are alive with it, as long as that lowers the peak. (Two convolutions on `wgsl`, each made again in the backward pass:
 * 10% above the bound, and after a try at it.)
 */
export function plan(lives: readonly Lifetime[], options: PlanOptions): ArenaPlan {
  const lowerBoundBytes = lowerBound(lives);
  let order: readonly Lifetime[] = lives.toSorted(
    (a, b) => b.bytes - a.bytes || a.first - b.first || a.buffer.id - b.buffer.id,
  );
  let best = placedInOrder(order, options);
  let tries = options.reuse && lives.length <= mostBuffers ? mostTries : 0;
  const others = (): (readonly Lifetime[])[] => otherOrders(order, best, closeEnough * lowerBoundBytes);
  for (let next = tries > 0 ? others() : []; next.length > 0 && tries > 0; tries -= 1) {
    const [tried = order, ...rest] = next;
    const found = placedInOrder(tried, options);
    next = rest;
    if (found.peakBytes >= best.peakBytes) continue;
    [order, best] = [tried, found];
    next = others();
  }
  const overlap = findOverlap(best.placements);
  if (overlap !== null) {
    const [one, other] = overlap.map(({ buffer }) => printBuffer(buffer));
    throw new CompilerBug(`plan: ${one} and ${other} share bytes while both live`);
  }
  return { ...best, lowerBoundBytes };
}

/** The orders in which the first buffer that reaches above a limit comes before one that is alive with it: none where none does. */
function otherOrders(order: readonly Lifetime[], { placements }: Placed, limit: number): (readonly Lifetime[])[] {
  const above = new Set(placements.flatMap(({ buffer, offset, bytes }) => (offset + bytes > limit ? [buffer] : [])));
  const at = order.findIndex(({ buffer }) => above.has(buffer));
  const moved = order[at];
  if (moved === undefined) return [];
  const before = order.slice(0, at);
  return before.toReversed().flatMap((other, i) => {
    if (other.last < moved.first || other.first > moved.last) return [];
    const to = at - 1 - i;
    return [[...before.slice(0, to), moved, ...before.slice(to), ...order.slice(at + 1)]];
  });
}

type Placed = Omit<ArenaPlan, "lowerBoundBytes">;

function placedInOrder(lives: readonly Lifetime[], { reuse, alignment }: PlanOptions): Placed {
  const placed = new Places(lives.length);
  const placements: Placement[] = [];
  let peakBytes = 0;
  let withoutReuseBytes = 0;
  for (const life of lives) {
    const { buffer, bytes, first, last } = life;
    const offset = placed.place(life, reuse, alignment);
    placements.push({ buffer, bytes, first, last, offset });
    peakBytes = Math.max(peakBytes, offset + bytes);
    withoutReuseBytes += bytes;
  }
  return {
    placements: placements.toSorted((a, b) => a.first - b.first || a.offset - b.offset),
    peakBytes,
    withoutReuseBytes,
  };
}

/**
 * What has a place already, by offset. In lists of plain numbers: of thousands of layers each buffer meets thousands of others,
 * and this is where the time of a plan goes.
 */
class Places {
  readonly #offsets: Float64Array;
  readonly #ends: Float64Array;
  readonly #firsts: Int32Array;
  readonly #lasts: Int32Array;
  #count = 0;

  constructor(most: number) {
    this.#offsets = new Float64Array(most);
    this.#ends = new Float64Array(most);
    this.#firsts = new Int32Array(most);
    this.#lasts = new Int32Array(most);
  }

  /** Gives the offset of one more. */
  place({ first, last, bytes }: Lifetime, reuse: boolean, alignment: number): number {
    const offsets = this.#offsets;
    const ends = this.#ends;
    const firsts = this.#firsts;
    const lasts = this.#lasts;
    let offset = 0;
    for (let i = 0; i < this.#count; i += 1) {
      if (reuse && ((firsts[i] ?? 0) > last || (lasts[i] ?? 0) < first)) continue;
      if (offset + bytes <= (offsets[i] ?? 0)) break;
      offset = Math.max(offset, alignUp(ends[i] ?? 0, alignment));
    }
    this.#insert(offset, offset + bytes, first, last);
    return offset;
  }

  /** Behind those at the same offset. */
  #insert(offset: number, end: number, first: number, last: number): void {
    const at = behind(this.#count, offset, (i) => this.#offsets[i] ?? 0);
    for (const list of [this.#offsets, this.#ends, this.#firsts, this.#lasts]) list.copyWithin(at + 1, at, this.#count);
    this.#offsets[at] = offset;
    this.#ends[at] = end;
    this.#firsts[at] = first;
    this.#lasts[at] = last;
    this.#count += 1;
  }
}

/** In a list in order: the first place whose item is larger. */
function behind(count: number, wanted: number, item: (place: number) => number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (item(middle) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Two buffers that are alive at the same step and share a byte, or null: the proof of a plan. Goes through the steps with what is
 * alive, by offset: as long as none of those overlap, one that begins can only meet its neighbours.
 */
export function findOverlap(placements: readonly Placement[]): readonly [Placement, Placement] | null {
  const byFirst = placements.filter((p) => p.bytes > 0).toSorted((a, b) => a.first - b.first);
  const byLast = byFirst.toSorted((a, b) => a.last - b.last);
  const alive: Placement[] = [];
  const placeOf = ({ offset }: Placement): number => behind(alive.length, offset, (i) => alive[i]?.offset ?? 0);
  let ended = 0;
  for (const next of byFirst) {
    for (let old = byLast[ended]; old !== undefined && old.last < next.first; old = byLast[ended]) {
      alive.splice(placeOf(old) - 1, 1);
      ended += 1;
    }
    const at = placeOf(next);
    const [below, above] = [alive[at - 1], alive[at]];
    if (below !== undefined && below.offset + below.bytes > next.offset) return [below, next];
    if (above !== undefined && next.offset + next.bytes > above.offset) return [next, above];
    alive.splice(at, 0, next);
  }
  return null;
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function lowerBound(lives: readonly Lifetime[]): number {
  /** By how much the bytes alive grow at each step. */
  const growth: number[] = [];
  for (const { first, last, bytes } of lives) {
    growth[first] = (growth[first] ?? 0) + bytes;
    growth[last + 1] = (growth[last + 1] ?? 0) - bytes;
  }
  let live = 0;
  let most = 0;
  for (let step = 0; step < growth.length; step += 1) {
    live += growth[step] ?? 0;
    most = Math.max(most, live);
  }
  return most;
}
