/**
 * What each thread reads and writes of buffers, and so between which launches threads need not meet.
 *
 *   loop t < 100                                       threads 0 | 1
 *     z = h[t] U       thread shares 4 x 8 rows        rows 0..15 | 16..31 of z, of h
 *     h[t + 1] = ...   thread shares 32 rows           the same: no barrier in all of the loop
 *
 * A recurrent net whose threads share the rows of its batch hands nothing over: each thread goes through all steps by itself. And of
 * the seven launches of the MNIST step, three read only what the same thread has written, or what lay there before. The proof is
 * made of ranges: of an access, its index is a multiple of a modulus (what iterations of the loops around add) and a
 * remainder in a range; two never meet where they have one modulus and ranges apart, whichever iterations the threads are in. What
 * has no such form, and buffers that share some bytes of the arena, count as met.
 */

import type { Bound, Expr, Index, Kernel, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { operandsOf, ownExprs } from "../../src/kernel/rewrite.ts";
import type { LaunchStep } from "../../src/program/artifact.ts";
import { place } from "./context.ts";
import { dividedLoop } from "./kernel.ts";

/** A launch, with its kernel. */
export interface Launched {
  readonly step: LaunchStep;
  readonly kernel: Kernel;
}

/**
 * Before which launches of a loop's body all threads meet, and whether they do before the next iteration, which they do where
 * anything is handed over.
 */
export interface Meetings {
  readonly before: ReadonlySet<LaunchStep>;
  readonly atEnd: boolean;
}

/** Of kernels on so many threads; of each kernel only those buffers are looked at that others touch too. */
export class Footprints {
  readonly #threads: number;
  readonly #known = new Map<Kernel, Map<string, readonly SpansOf[]>>();

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** `body`: of a loop, from first to last. */
  inLoop(body: readonly Launched[]): Meetings {
    const isFree = body.every((first, i) => body.every((second, j) => j < i || !this.#handsOver(first, second)));
    return isFree ? { before: new Set(), atEnd: false } : { before: this.inRow(body), atEnd: true };
  }

  /** Of launches in a row, from where all have met to where they meet again. */
  inRow(launches: readonly Launched[]): ReadonlySet<LaunchStep> {
    const before = new Set<LaunchStep>();
    let since = 0;
    launches.forEach((launch, i) => {
      if (!launches.slice(since, i).some((earlier) => this.#handsOver(earlier, launch))) return;
      before.add(launch.step);
      since = i;
    });
    return before;
  }

  /** Whether one thread may touch in one of the launches what another writes in the other, in any iteration. */
  #handsOver(first: Launched, second: Launched): boolean {
    return first.step.bindings.some((one) =>
      second.step.bindings.some((other) => {
        if (one.role === "read" && other.role === "read") return false;
        const [a, b] = [one.buffer, other.buffer];
        if (a.segment !== b.segment || a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset) return false;
        const isSame = a.offset === b.offset && a.bytes === b.bytes && a.dtype === b.dtype;
        return meet(this.#spansOf(first.kernel, one.param), this.#spansOf(second.kernel, other.param), isSame);
      }),
    );
  }

  #spansOf(kernel: Kernel, param: string): readonly SpansOf[] {
    const known = this.#known.get(kernel) ?? new Map<string, readonly SpansOf[]>();
    this.#known.set(kernel, known);
    const found = known.get(param) ?? spansIn(kernel, param, this.#threads);
    known.set(param, found);
    return found;
  }
}

// ---- what one thread touches -----------------------------------------------------------------------------------------

/** Elements whose index is a multiple of `modulus` and one of `min` to `max` more; without a modulus, of `min` to `max`. */
export interface Span {
  readonly modulus: number;
  readonly min: number;
  readonly max: number;
}

/** What a nest reads of a buffer, or writes: by thread. */
interface SpansOf {
  readonly writes: boolean;
  readonly by: readonly (readonly Span[])[];
}

function spansIn({ nests, iterations }: Kernel, buffer: string, threads: number): readonly SpansOf[] {
  const given = new Set(iterations.map(({ name }) => name));
  return nests.flatMap((nest, n) => {
    const { loads, stores } = accessesOf(nest, buffer);
    const at = dividedLoop(nest, threads);
    const shares = Array.from({ length: threads }, (_, thread) => {
      if (at >= 0) return shareOf(nest, at, thread, threads);
      // As in writeKernel: a nest that is not divided is one thread's.
      return thread === n % threads ? null : undefined;
    });
    const spans = (writes: boolean, accesses: Accesses): SpansOf => {
      const by = shares.map((share) =>
        share === undefined ? [] : joined([...accesses].map(([index, bounds]) => spanOf(index, given, share, bounds))),
      );
      return { writes, by };
    };
    return [...(loads.size > 0 ? [spans(false, loads)] : []), ...(stores.size > 0 ? [spans(true, stores)] : [])];
  });
}

/** Spans that overlap or lie side by side as one: the copies of a block's statements have a span each. */
function joined(spans: readonly Span[]): readonly Span[] {
  const sorted = spans.toSorted((a, b) => a.modulus - b.modulus || a.min - b.min);
  const found: Span[] = [];
  for (const span of sorted) {
    const last = found[found.length - 1];
    if (last === undefined || last.modulus !== span.modulus || span.min > last.max + 1) found.push(span);
    else if (span.max > last.max) found[found.length - 1] = { ...last, max: span.max };
  }
  return found;
}

/** Indexes, and where each counts: everywhere, or within bounds. */
type Accesses = ReadonlyMap<Index, readonly Bound[]>;

/** Where a nest reads a buffer and where it writes it: each index once, in however many copies of a statement it stands. */
function accessesOf({ prelude, body }: Nest, buffer: string): { readonly loads: Accesses; readonly stores: Accesses } {
  const [loads, stores] = [new Map<Index, readonly Bound[]>(), new Map<Index, readonly Bound[]>()];
  const add = (to: Map<Index, readonly Bound[]>, at: Index, bounds: readonly Bound[]): void => {
    const known = to.get(at) ?? bounds;
    to.set(
      at,
      known.filter((bound) => bounds.some(({ index, extent }) => index === bound.index && extent === bound.extent)),
    );
  };
  const seen = new Set<Expr>();
  const read = (expr: Expr): void => {
    if (!expr.reads.includes(buffer) || seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "load" && expr.buffer === buffer) add(loads, expr.at, expr.guard?.bounds ?? []);
    for (const operand of operandsOf(expr)) read(operand);
  };
  const visit = (stmt: Stmt): void => {
    if (stmt.kind === "store" && stmt.buffer === buffer) add(stores, stmt.at, stmt.guard);
    for (const expr of ownExprs(stmt)) read(expr);
    if ("body" in stmt) for (const inner of stmt.body) visit(inner);
  };
  for (const stmt of prelude) visit(stmt);
  for (const stmt of body) visit(stmt);
  return { loads, stores };
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

/** `given`: loops whose iterations the kernel is given. `bounds`: where the index counts. */
export function spanOf(
  index: Index,
  given: ReadonlySet<string>,
  share: Share | null,
  bounds: readonly Bound[] = [],
): Span {
  const span = rawSpan(index, given, share, rangesIn(bounds));
  const { modulus, min, max } = span;
  if (modulus === 0) return span;
  const start = ((min % modulus) + modulus) % modulus;
  // What goes beyond a multiple of the modulus comes in again at 0.
  return start + max - min < modulus
    ? { modulus, min: start, max: start + max - min }
    : { modulus, min: 0, max: modulus - 1 };
}

/** Of loops that bounds are about and nothing else: so many lanes of a vector. */
function rangesIn(bounds: readonly Bound[]): ReadonlyMap<string, readonly [number, number]> {
  const ranges = new Map<string, readonly [number, number]>();
  for (const { index, extent } of bounds) {
    const { terms, offset } = index.kind === "sum" ? index : { terms: [{ index, factor: 1 }], offset: 0 };
    const [term] = terms;
    if (term === undefined || terms.length > 1 || term.factor !== 1 || term.index.kind !== "loop") continue;
    const [min, max] = ranges.get(term.index.loop.name) ?? [term.index.min, term.index.max];
    ranges.set(term.index.loop.name, [Math.max(min, -offset), Math.min(max, extent - 1 - offset)]);
  }
  return ranges;
}

function rawSpan(
  index: Index,
  given: ReadonlySet<string>,
  share: Share | null,
  ranges: ReadonlyMap<string, readonly [number, number]>,
): Span {
  switch (index.kind) {
    case "const":
      return { modulus: 0, min: index.value, max: index.value };
    case "loop": {
      const { name } = index.loop;
      if (given.has(name)) return { modulus: 1, min: 0, max: 0 };
      if (share?.loop === name) return { modulus: 0, min: share.from, max: share.to - 1 };
      const [min, max] = ranges.get(name) ?? [index.min, index.max];
      return { modulus: 0, min, max };
    }
    case "ranged":
      return { modulus: 0, min: index.min, max: index.max };
    case "sum": {
      let [modulus, min, max] = [0, index.offset, index.offset];
      for (const { index: part, factor } of index.terms) {
        const own = rawSpan(part, given, share, ranges);
        modulus = divisor(modulus, Math.abs(factor) * own.modulus);
        min += Math.min(factor * own.min, factor * own.max);
        max += Math.max(factor * own.min, factor * own.max);
      }
      return { modulus, min, max };
    }
    case "floorDiv":
    case "mod": {
      const { modulus, min, max } = rawSpan(index.index, given, share, ranges);
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

/** Whether a thread touches what another does, and one of them writes. Of what is not one buffer nobody knows where in it. */
function meet(one: readonly SpansOf[], other: readonly SpansOf[], isSame: boolean): boolean {
  const meetIn = (a: readonly Span[], b: readonly Span[]): boolean =>
    isSame ? a.some((span) => b.some((each) => !areApart(span, each))) : a.length > 0 && b.length > 0;
  return one.some((mine) =>
    other.some(
      (yours) =>
        (mine.writes || yours.writes) &&
        mine.by.some((own, thread) => yours.by.some((others, another) => thread !== another && meetIn(own, others))),
    ),
  );
}

export function areApart(one: Span, other: Span): boolean {
  return one.modulus === other.modulus && (one.max < other.min || other.max < one.min);
}
