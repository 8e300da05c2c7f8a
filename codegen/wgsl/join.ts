/**
 * Small launches that follow one another, in one dispatch of one workgroup:
 *
 *   launch a (2 groups of 64); launch b (1 group)   ->   for g < 2 { a }; barrier; b
 *
 * A launch costs 2 us of an H100's time and up to 5 of the host's, and 11 us of SwiftShader's, more than kernels of a few thousand operations
 * take: on SwiftShader seven launches as small as those of a net of 8-8-10 took 102 us, and 49 as one.
 *
 * It is done where addresses are known. What is scratch of one launch lies where another's was, and no two parameters may
 * be bound to bytes that overlap: so each segment is bound once, as the words that all of them use, and values are bits of words.
 * A barrier stands where a launch touches bytes that one since the last barrier has written, or writes what one has touched.
 */

import { CompilerBug } from "../../src/core/errors.ts";
import { apply, barrierOfBuffers, bitcast, convert, forLoop, load } from "../../src/kernel/build.ts";
import { copyStmts } from "../../src/kernel/copies.ts";
import { addIndex, floorDivIndex, modIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, ExprPool, Index, Kernel, Load, LoopVar, Nest, SharedArray, Stmt } from "../../src/kernel/kernel.ts";
import { type Fresh, freshAmong } from "../../src/kernel/names.ts";
import { mapStmts, poolOf, rewriting } from "../../src/kernel/rewrite.ts";
import type { Addresses, ArtifactBinding } from "../../src/program/artifact.ts";
import type { BufferSlot, Segment } from "../../src/program/buffer.ts";
import { bodiesOf, type Launch, launchesOf, type Sequence, type Step } from "../../src/program/sequence.ts";
import type { WgslFacts } from "./artifact.ts";
import { elementsPerWord } from "./layout.ts";

/** Launches in one: a kernel whose parameters are segments, and where of each it begins. */
export interface JoinedKernel {
  readonly launches: readonly Launch[];
  readonly kernel: Kernel;
  readonly bindings: readonly ArtifactBinding[];
}

/** What is small: workgroups, operations and words of memory, and how often a kernel is launched; and how many launches are one at most. */
export interface JoinTuning {
  readonly joinMostGroups: number;
  readonly joinMostWork: number;
  readonly joinMostCopies: number;
  readonly joinMostLaunches: number;
}

type Limits = Pick<WgslFacts, "maxComputeWorkgroupStorageSize">;

/** Every GPU binds so much at once. */
const mostBytes = 2 ** 27;

/** Runs of two or more launches in a row, in bodies of loops too. */
export function joinedLaunches(
  sequence: Sequence,
  addresses: Addresses,
  limits: Limits,
  tuning: JoinTuning,
): readonly JoinedKernel[] {
  const copies = new Map<Kernel, number>();
  for (const { kernel } of launchesOf(sequence)) copies.set(kernel, 1 + (copies.get(kernel) ?? 0));
  const found: JoinedKernel[] = [];
  let run = new Run(limits);
  const end = (): void => {
    if (run.parts.length > 1) found.push(run.joined());
    run = new Run(limits);
  };
  const smallPart = (step: Step): Part | null => {
    if (step.kind !== "launch" || (copies.get(step.kernel) ?? 0) > tuning.joinMostCopies) return null;
    return partOf(step, addresses, tuning);
  };
  const walk = (steps: Sequence): void => {
    for (const step of steps) {
      const part = smallPart(step);
      if (part === null || run.parts.length === tuning.joinMostLaunches || !run.takes(part)) end();
      if (part !== null) run.add(part);
      for (const body of bodiesOf<Sequence>(step)) walk(body);
    }
    end();
  };
  walk(sequence);
  return found;
}

// ---- which -----------------------------------------------------------------------------------------------------------

/** A launch that may be one of several in a workgroup. */
interface Part {
  readonly launch: Launch;
  readonly slots: ReadonlyMap<string, BufferSlot>;
  /** Invocations of its workgroups. */
  readonly size: number;
  readonly pool: ExprPool;
}

/** Null where it is not small, or what it holds are no words. */
function partOf(launch: Launch, { buffers }: Addresses, { joinMostGroups, joinMostWork }: JoinTuning): Part | null {
  const { kernel, bindings } = launch;
  const { nests, shared } = kernel;
  if (kernel.iterations.length > 0 || kernel.flops + kernel.bytes / 4 > joinMostWork) return null;
  if (kernel.buffers.some(({ element, count }) => count === 0 || elementsPerWord(element) > 1)) return null;
  const groups = nests.map((nest) => extentOf(nest, "workgroup"));
  const [size = 0, ...others] = nests.map((nest) => extentOf(nest, "invocation"));
  const all = groups.reduce((sum, count) => sum + count, 0);
  if (size === 0 || others.some((other) => other !== size) || groups.includes(0) || all > joinMostGroups) return null;
  if (shared.length > 0 && groups.some((count) => count > 1)) return null;
  const slots = new Map<string, BufferSlot>();
  for (const { param, buffer } of bindings) {
    const slot = buffers.get(buffer);
    if (slot !== undefined) slots.set(param, slot);
  }
  return { launch, slots, size, pool: poolOf(kernel) };
}

function extentOf({ loops }: Nest, wanted: "workgroup" | "invocation"): number {
  return loops.reduce((product, { loop, mark }) => (mark === wanted ? product * loop.extent : product), 1);
}

/** Bytes that some launch touches. */
interface Touched {
  readonly slot: BufferSlot;
  readonly isWritten: boolean;
}

/** Of each segment, the bytes that are bound. */
type Ranges = ReadonlyMap<Segment, { readonly from: number; readonly to: number }>;

class Run {
  readonly parts: Part[] = [];
  readonly #limits: Limits;
  #ranges: Ranges = new Map();
  #sharedBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  takes({ launch, slots, size, pool }: Part): boolean {
    const [first] = this.parts;
    if (first === undefined) return true;
    const bytes = this.#sharedBytes + sharedBytesOf(launch.kernel);
    if (first.size !== size || first.pool !== pool || bytes > this.#limits.maxComputeWorkgroupStorageSize) return false;
    return [...this.#rangesWith(slots).values()].every(({ from, to }) => to - from <= mostBytes);
  }

  add(part: Part): void {
    this.parts.push(part);
    this.#sharedBytes += sharedBytesOf(part.launch.kernel);
    this.#ranges = this.#rangesWith(part.slots);
  }

  joined(): JoinedKernel {
    const [first] = this.parts;
    if (first === undefined) throw new CompilerBug("nothing is joined");
    const written = new Set(this.parts.flatMap((part) => touchedBy(part).flatMap(({ slot, isWritten }) => isWritten ? [slot.segment] : []))); // biome-ignore format: one line
    const bindings = [...this.#ranges].map(([segment, { from, to }]): ArtifactBinding => {
      const count = (to - from) / 4;
      const buffer = { id: -1, segment, name: segment, dtype: "u32", shape: [count], count, offset: from, bytes: to - from } as const; // biome-ignore format: one line
      return { param: segment, role: written.has(segment) ? "update" : "read", buffer };
    });
    const { kernel } = first.launch;
    const joiner = new Joiner(first.pool, first.size, bindings);
    const body = joiner.body(this.parts);
    const lane = { loop: joiner.lane, mark: "invocation" } as const;
    const sum = (of: (kernel: Kernel) => number): number => this.parts.reduce((all, { launch }) => all + of(launch.kernel), 0); // biome-ignore format: one line
    return {
      launches: this.parts.map(({ launch }) => launch),
      bindings,
      kernel: {
        name: `${kernel.name}_and_${this.parts.length - 1}_more`,
        buffers: bindings.map(({ param, role, buffer: { count } }) => ({ name: param, element: "u32", count, role })),
        shared: joiner.shared,
        iterations: [],
        nests: [{ loops: [lane], prelude: [], body }],
        flops: sum(({ flops }) => flops),
        bytes: sum(({ bytes }) => bytes),
        schedule: [],
      },
    };
  }

  #rangesWith(slots: Part["slots"]): Ranges {
    const ranges = new Map(this.#ranges);
    for (const { segment, offset, bytes } of slots.values()) {
      const { from, to } = ranges.get(segment) ?? { from: offset, to: offset };
      ranges.set(segment, { from: Math.min(from, offset), to: Math.max(to, offset + bytes) });
    }
    return ranges;
  }
}

function sharedBytesOf({ shared }: Kernel): number {
  return shared.reduce((sum, { count }) => sum + 4 * count, 0);
}

function touchedBy({ launch, slots }: Part): readonly Touched[] {
  return launch.kernel.buffers.flatMap(({ name, role }) => {
    const slot = slots.get(name);
    return slot === undefined ? [] : [{ slot, isWritten: role !== "read" }];
  });
}

function collide(a: Touched, b: Touched): boolean {
  const [x, y] = [a.slot, b.slot];
  if (x.segment !== y.segment || !(a.isWritten || b.isWritten)) return false;
  return x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
}

// ---- how -------------------------------------------------------------------------------------------------------------

/** What a buffer of a launch is in the joined kernel. */
interface Place {
  readonly name: string;
  /** Of a segment, from which word on; null for an array that is shared. */
  readonly from: number | null;
}

type Places = ReadonlyMap<string, Place>;

class Joiner {
  readonly lane: LoopVar;
  readonly shared: SharedArray[] = [];
  readonly #fresh: Fresh;
  readonly #segments: ReadonlyMap<Segment, ArtifactBinding>;

  constructor(pool: ExprPool, size: number, bindings: readonly ArtifactBinding[]) {
    this.#segments = new Map(bindings.map((binding) => [binding.buffer.segment, binding]));
    this.#fresh = freshAmong(new Set(bindings.map(({ param }) => param)), pool);
    this.lane = { name: this.#fresh("lane"), extent: size };
  }

  body(parts: readonly Part[]): readonly Stmt[] {
    const body: Stmt[] = [];
    let since: Touched[] = [];
    for (const part of parts) {
      const touched = touchedBy(part);
      if (touched.some((one) => since.some((other) => collide(one, other)))) {
        body.push(barrierOfBuffers);
        since = [];
      }
      since.push(...touched);
      body.push(...this.#part(part));
    }
    return body;
  }

  #part({ launch: { kernel }, slots }: Part): readonly Stmt[] {
    const places = new Map<string, Place>();
    for (const array of kernel.shared) {
      const name = this.#fresh(array.name);
      places.set(array.name, { name, from: null });
      this.shared.push({ ...array, name });
    }
    for (const [param, { segment, offset }] of slots) {
      const found = this.#segments.get(segment);
      if (found === undefined) throw new CompilerBug(`${param} lies in no segment`);
      places.set(param, { name: found.param, from: (offset - found.buffer.offset) / 4 });
    }
    return kernel.nests.flatMap((nest) => this.#nest(nest, places));
  }

  /** Workgroups become iterations of loops around it, its invocations those of the one workgroup. */
  #nest({ loops, prelude, body }: Nest, places: Places): readonly Stmt[] {
    const { pool } = this.#fresh;
    const indexes = new Map<string, Index>();
    let rest: Index = pool.loop(this.lane);
    const around: LoopVar[] = [];
    for (const { loop, mark } of [...loops].reverse()) {
      if (loop.extent === 1) continue;
      if (mark === "invocation") {
        indexes.set(loop.name, modIndex(rest, loop.extent));
        rest = floorDivIndex(rest, loop.extent);
      } else {
        const made = { name: this.#fresh(loop.name), extent: loop.extent };
        around.unshift(made);
        indexes.set(loop.name, pool.loop(made));
      }
    }
    const made = inPlaces(copyStmts([...prelude, ...body], { loops: indexes }, this.#fresh), places);
    const [before, inner] = [made.slice(0, prelude.length), made.slice(prelude.length)];
    return [...before, ...around.reduceRight((stmts, loop) => [forLoop(loop, stmts)], inner)];
  }
}

/** The statements, whose loads and stores are of words of segments, or of the joined kernel's arrays. */
function inPlaces(stmts: readonly Stmt[], places: Places): readonly Stmt[] {
  const placeOf = (buffer: string): Place => {
    const place = places.get(buffer);
    if (place === undefined) throw new CompilerBug(`${buffer} lies nowhere`);
    return place;
  };
  const rewrite = rewriting((expr) => (expr.kind === "load" ? placedLoad(expr, placeOf(expr.buffer)) : expr));
  const store = (stmt: Stmt): Stmt => {
    switch (stmt.kind) {
      case "store":
        return placedStore(stmt, placeOf(stmt.buffer));
      case "for":
      case "if":
        return { ...stmt, body: stmt.body.map(store) };
      case "fold":
      case "matrix":
        throw new CompilerBug(`wgsl: a ${stmt.kind} is not joined with other launches`);
      default:
        return stmt;
    }
  };
  return mapStmts(stmts, rewrite).map(store);
}

function placedLoad({ type, at, guard }: Load, { name, from }: Place): Expr {
  if (from === null) return load(type, name, at, guard);
  const words = guard && { bounds: guard.bounds, otherwise: toWord(guard.otherwise) };
  const word = load("u32", name, addIndex(at, at.pool.integer(from)), words);
  return type === "bool" ? apply("ne", word, 0) : bitcast(type, word);
}

function placedStore(stmt: Stmt & { readonly kind: "store" }, { name, from }: Place): Stmt {
  const { at, value } = stmt;
  const same = { ...stmt, buffer: name, from: [] };
  return from === null ? same : { ...same, at: addIndex(at, at.pool.integer(from)), value: toWord(value) };
}

function toWord(value: Expr): Expr {
  return value.type === "bool" ? convert("u32", value) : bitcast("u32", value);
}
