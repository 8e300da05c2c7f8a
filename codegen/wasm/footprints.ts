/**
 * What each thread reads and writes of a loop's buffers, and so where in its body threads need not meet.
 *
 *   loop t < 100                                       threads 0 | 1
 *     z = h[t] U       thread shares 4 x 8 rows        rows 0..15 | 16..31 of z, of h
 *     h[t + 1] = ...   thread shares 32 rows           the same: no barrier in all of the loop
 *
 * A recurrent net whose threads share the rows of its batch hands nothing over: each thread goes through all steps by itself. The
 * proof is made of ranges: of an access, its index is a multiple of a modulus (what iterations of the loops around add) and a
 * remainder in a range; two never meet where they have one modulus and ranges apart, whichever iterations the threads are in. What
 * has no such form, and buffers that share some bytes of the arena, count as met.
 */

import type { Index, Kernel, Nest } from "../../src/kernel/kernel.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";
import type { LaunchStep } from "../../src/program/artifact.ts";
import type { BufferSlot } from "../../src/program/buffer.ts";
import { place } from "./context.ts";
import { dividedLoop } from "./kernel.ts";

/** A launch in a loop, with what is bound to its kernel's parameters. */
export interface LoopLaunch {
  readonly step: LaunchStep;
  readonly kernel: Kernel;
}

/**
 * Before which launches of a body all threads meet, and whether they do before the next iteration, which they do where anything
 * is handed over. `body`: from first to last.
 */
export interface Meetings {
  readonly before: ReadonlySet<LaunchStep>;
  readonly atEnd: boolean;
}

export function meetingsOf(body: readonly LoopLaunch[], threads: number): Meetings {
  const touched = body.map(({ step, kernel }) => touchesOf(step, kernel, threads));
  const isFree = touched.every((first, i) => touched.every((second, j) => j < i || !handsOver(first, second)));
  const before = new Set<LaunchStep>();
  if (isFree) return { before, atEnd: false };
  let since = 0;
  body.forEach(({ step }, i) => {
    const own = place(touched[i], step.label);
    if (!touched.slice(since, i).some((earlier) => handsOver(earlier, own))) return;
    before.add(step);
    since = i;
  });
  return { before, atEnd: true };
}

// ---- what one thread touches -----------------------------------------------------------------------------------------

/** Elements whose index is a multiple of `modulus` and one of `min` to `max` more; without a modulus, of `min` to `max`. */
export interface Span {
  readonly modulus: number;
  readonly min: number;
  readonly max: number;
}

interface Touch extends Span {
  readonly thread: number;
  readonly slot: BufferSlot;
  readonly writes: boolean;
}

function touchesOf({ bindings }: LaunchStep, kernel: Kernel, threads: number): readonly Touch[] {
  const slots = new Map(bindings.map(({ param, buffer }) => [param, buffer]));
  const given = new Set(kernel.iterations.map(({ name }) => name));
  const touches: Touch[] = [];
  kernel.nests.forEach((nest, n) => {
    const at = dividedLoop(nest, threads);
    for (let thread = 0; thread < threads; thread++) {
      // As in writeKernel: a nest that is not divided is one thread's.
      if (at < 0 && thread !== n % threads) continue;
      const share = at < 0 ? null : shareOf(nest, at, thread, threads);
      const touch = (buffer: string, index: Index, writes: boolean): void => {
        const slot = slots.get(buffer);
        if (slot !== undefined) touches.push({ thread, slot, writes, ...spanOf(index, given, share) });
      };
      for (const stmts of [nest.prelude, nest.body]) {
        walkStmts(stmts, {
          stmt: (stmt) => {
            if (stmt.kind === "store") touch(stmt.buffer, stmt.at, true);
          },
          expr: (expr) => {
            if (expr.kind === "load") touch(expr.buffer, expr.at, false);
          },
        });
      }
    }
  });
  return touches;
}

interface Share {
  readonly loop: string;
  readonly from: number;
  readonly to: number;
}

/** The iterations that a thread runs of the loop that is divided: those of writeDivided. */
function shareOf({ loops }: Nest, at: number, thread: number, threads: number): Share {
  const { loop } = place(loops[at], "the divided loop");
  const bound = (part: number): number => Math.floor((loop.extent * part) / threads);
  return { loop: loop.name, from: bound(thread), to: bound(thread + 1) };
}

/** `given`: loops whose iterations the kernel is given. */
export function spanOf(index: Index, given: ReadonlySet<string>, share: Share | null): Span {
  const span = rawSpan(index, given, share);
  const { modulus, min, max } = span;
  if (modulus === 0) return span;
  const start = ((min % modulus) + modulus) % modulus;
  // What goes beyond a multiple of the modulus comes in again at 0.
  return start + max - min < modulus
    ? { modulus, min: start, max: start + max - min }
    : { modulus, min: 0, max: modulus - 1 };
}

function rawSpan(index: Index, given: ReadonlySet<string>, share: Share | null): Span {
  switch (index.kind) {
    case "const":
      return { modulus: 0, min: index.value, max: index.value };
    case "loop": {
      const { name } = index.loop;
      if (given.has(name)) return { modulus: 1, min: 0, max: 0 };
      if (share?.loop === name) return { modulus: 0, min: share.from, max: share.to - 1 };
      return { modulus: 0, min: index.min, max: index.max };
    }
    case "ranged":
      return { modulus: 0, min: index.min, max: index.max };
    case "sum": {
      let [modulus, min, max] = [0, index.offset, index.offset];
      for (const { index: part, factor } of index.terms) {
        const own = rawSpan(part, given, share);
        modulus = divisor(modulus, Math.abs(factor) * own.modulus);
        min += Math.min(factor * own.min, factor * own.max);
        max += Math.max(factor * own.min, factor * own.max);
      }
      return { modulus, min, max };
    }
    case "floorDiv":
    case "mod": {
      const { modulus, min, max } = rawSpan(index.index, given, share);
      const whole = { modulus: 0, min: index.min, max: index.max };
      if (modulus !== 0) return whole;
      const [first, last] = [Math.floor(min / index.by), Math.floor(max / index.by)];
      if (index.kind === "floorDiv") return { modulus, min: first, max: last };
      return first === last ? { modulus, min: min - first * index.by, max: max - first * index.by } : whole;
    }
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

// ---- what two threads share ------------------------------------------------------------------------------------------

/** Whether one thread may touch in one of the launches what another writes in the other, in any iteration. */
function handsOver(first: readonly Touch[], second: readonly Touch[]): boolean {
  return first.some((one) => second.some((other) => one.thread !== other.thread && meets(one, other)));
}

function meets(one: Touch, other: Touch): boolean {
  if (!one.writes && !other.writes) return false;
  const [a, b] = [one.slot, other.slot];
  if (a.segment !== b.segment || a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset) return false;
  const isSame = a.offset === b.offset && a.bytes === b.bytes && a.dtype === b.dtype;
  return !isSame || !areApart(one, other);
}

export function areApart(one: Span, other: Span): boolean {
  return one.modulus === other.modulus && (one.max < other.min || other.max < one.min);
}
