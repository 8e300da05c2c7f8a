/**
 * Runs a kernel, before or after scheduling, exactly as kernel.ts says it means; and looks for what a target would not
 * forgive. This is the judge of every scheduling rewrite, so it is written for strictness first, speed second.
 *
 * Iterations of parallel loops run in a shuffled order. Iterations of `invocation` loops form a workgroup and run in
 * lockstep between barriers, each with its own frame; every other parallel loop only tells one workgroup from another
 * (so a thread is a workgroup of one, and a shared array is its private panel).
 *
 * Faults: an element written by one iteration and touched by another; shared memory touched by two invocations, one of
 * them writing, without a barrier between; an access out of bounds; a shared element read before it was written; a
 * barrier that not all invocations reach; a run-time index out of its promised range. A store's value is computed even
 * where its guard fails, as a target may do.
 *
 * Statements and expressions become closures once per run; a million inner iterations take some tenths of a second.
 */
import { CompilerBug } from "../core/errors.ts";
import type { Frame, Layout, Routines } from "./evaluate-expr.ts";
import { newLayout, reserve } from "./evaluate-expr.ts";
import type { Cell, Clock, Memory } from "./evaluate-memory.ts";
import { bufferCell, Faults, sharedCell, Touches } from "./evaluate-memory.ts";
import { type Code, type Compiler, compileStmts, runToEnd, setLoops } from "./evaluate-stmt.ts";
import type { Kernel, LoopVar, Nest, Stmt } from "./kernel.ts";
import { walkStmts } from "./rewrite.ts";

export interface EvaluateOptions {
  /** Of the order in which parallel iterations run. */
  readonly seed?: number;
  /** The functions of maths/; without it, or where it gives undefined, Math.* rounded to the type. */
  readonly routines?: Routines;
  /** The values of the kernel's iterations. */
  readonly iterations?: readonly number[];
  /** Look for races (the default). The other faults are always found. */
  readonly races?: boolean;
}

/** Runs the kernel on `buffers` (by parameter name), in place. Throws when anything is wrong with it. */
export function evaluateKernel(
  kernel: Kernel,
  buffers: ReadonlyMap<string, Memory>,
  options: EvaluateOptions = {},
): void {
  const faults = findFaults(kernel, buffers, options);
  if (faults.length > 0) throw new CompilerBug(`kernel ${kernel.name}: ${faults.join("; ")}`);
}

/** Runs the kernel and says what is wrong with it, once per kind and array; empty when nothing is. */
export function findFaults(
  kernel: Kernel,
  buffers: ReadonlyMap<string, Memory>,
  options: EvaluateOptions = {},
): readonly string[] {
  const faults = new Faults();
  const names = new Iterations(kernel.nests);
  const clock: Clock = {
    iteration: 0,
    phase: 0,
    stage: 1,
    group: 0,
    describe: (iteration) => names.describe(iteration),
  };
  const cells = bindCells(kernel, buffers, options.races ?? true, clock, faults);
  const random = shuffler(options.seed ?? 1);
  const layout = newLayout(cells, faults, options.routines);
  const given = iterationsOf(kernel, layout, options.iterations ?? []);
  for (const n of random.order(kernel.nests.length)) {
    const nest = kernel.nests[n];
    if (nest !== undefined) runNest(nest, { layout, clock, faults, random, given, first: names.firsts[n] ?? 1 });
  }
  return faults.list;
}

// ---- the parts of a run --------------------------------------------------------------------------------------------

interface Run {
  readonly layout: Layout;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly random: Shuffler;
  /** Slots of the kernel's iterations, and their values. */
  readonly given: readonly { readonly slot: number; readonly value: number }[];
  /** The number of the nest's prelude; its iterations follow. */
  readonly first: number;
}

function iterationsOf({ name, iterations }: Kernel, layout: Layout, values: readonly number[]): Run["given"] {
  return iterations.map((loop, i) => {
    const value = values[i] ?? -1;
    if (value < 0 || value >= loop.extent) {
      throw new CompilerBug(`evaluate ${name}: the iteration ${loop.name} < ${loop.extent} is ${values[i]}`);
    }
    return { slot: reserve(layout, loop.name), value };
  });
}

function bindCells(
  kernel: Kernel,
  buffers: ReadonlyMap<string, Memory>,
  races: boolean,
  clock: Clock,
  faults: Faults,
): ReadonlyMap<string, Cell> {
  const written = new Set<string>();
  const note = (stmt: Stmt): undefined => {
    if (stmt.kind === "store") written.add(stmt.buffer);
  };
  for (const nest of kernel.nests) walkStmts(nest.body, { stmt: note });
  const bound = kernel.buffers.map((param) => {
    const memory = buffers.get(param.name);
    const what = `evaluate ${kernel.name}: ${param.name}`;
    if (memory === undefined) throw new CompilerBug(`${what} is not given`);
    if (memory.element !== param.element || memory.data.length !== param.count) {
      const found = `${memory.element}[${memory.data.length}]`;
      throw new CompilerBug(`${what} is ${param.element}[${param.count}], given ${found}`);
    }
    return { param, memory };
  });
  const touches = new Map<unknown, Touches>();
  for (const { param, memory } of bound) {
    if (races && written.has(param.name)) touches.set(memory.data, new Touches(param.count));
  }
  const cells = new Map<string, Cell>();
  for (const { param, memory } of bound) {
    cells.set(param.name, bufferCell(param.name, memory, param.count, touches.get(memory.data), clock, faults));
  }
  for (const { name, count } of kernel.shared) cells.set(name, sharedCell(name, count, races, clock, faults));
  return cells;
}

/** The loops of a nest, workgroups apart from invocations, and how many iterations each kind has. */
function shapeOf(nest: Nest): {
  groupLoops: readonly LoopVar[];
  inner: readonly LoopVar[];
  groups: number;
  size: number;
} {
  const pick = (invocation: boolean): readonly LoopVar[] =>
    nest.loops.filter((l) => (l.mark === "invocation") === invocation).map((l) => l.loop);
  const count = (loops: readonly LoopVar[]): number => loops.reduce((product, loop) => product * loop.extent, 1);
  const [groupLoops, inner] = [pick(false), pick(true)];
  return { groupLoops, inner, groups: count(groupLoops), size: count(inner) };
}

/** Numbers for all iterations of all nests, from 1, each nest's prelude before its iterations; and back to names. */
class Iterations {
  readonly firsts: readonly number[];
  readonly #nests: readonly Nest[];

  constructor(nests: readonly Nest[]) {
    this.#nests = nests;
    let next = 1;
    this.firsts = nests.map((nest) => {
      const { groups, size } = shapeOf(nest);
      const first = next;
      next += 1 + groups * size;
      return first;
    });
  }

  describe(iteration: number): string {
    const n = this.firsts.findLastIndex((first) => first <= iteration);
    const nest = this.#nests[n];
    if (nest === undefined) return `iteration ${iteration}`;
    const which = this.#nests.length > 1 ? ` of nest ${n}` : "";
    let rest = iteration - (this.firsts[n] ?? 0) - 1;
    if (rest < 0) return `the prelude${which}`;
    const { groupLoops, inner } = shapeOf(nest);
    const values: string[] = [];
    for (const { name, extent } of [...groupLoops, ...inner].reverse()) {
      values.unshift(`${name}=${rest % extent}`);
      rest = Math.floor(rest / extent);
    }
    return `(${values.join(", ")})${which}`;
  }
}

interface Shuffler {
  readonly order: (count: number) => Uint32Array;
  /** Brings the first `count` entries of `order` into another order. */
  readonly shuffle: (order: Uint32Array, count: number) => void;
}

/** Enough randomness to make a forgotten order show: xorshift32, Fisher-Yates. */
function shuffler(seed: number): Shuffler {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  const shuffle = (order: Uint32Array, count: number): void => {
    for (let i = count - 1; i > 0; i -= 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const j = (state >>> 0) % (i + 1);
      const kept = order[i] ?? 0;
      order[i] = order[j] ?? 0;
      order[j] = kept;
    }
  };
  return {
    shuffle,
    order(count) {
      const order = Uint32Array.from({ length: count }, (_, i) => i);
      shuffle(order, count);
      return order;
    },
  };
}

// ---- nests ---------------------------------------------------------------------------------------------------------

function runNest(nest: Nest, run: Run): void {
  const { layout, clock, random, given } = run;
  const { groupLoops, inner, groups, size } = shapeOf(nest);
  const invocation = reserve(layout, "invocation of the workgroup");
  const compiler: Compiler = { layout, clock, isAlone: size === 1, size, invocation };
  const prelude = compileStmts(nest.prelude, compiler);
  const groupSlots = groupLoops.map((loop) => reserve(layout, loop.name));
  const innerSlots = inner.map((loop) => reserve(layout, loop.name));
  const body = compileStmts(nest.body, compiler);
  const base = new Float64Array(layout.size.slots);
  for (const { slot, value } of given) base[slot] = value;
  clock.iteration = groups * size === 1 ? run.first + 1 : run.first;
  runToEnd(prelude, base);
  const frames = Array.from({ length: size }, (_, number) => {
    const frame = base.slice();
    frame[invocation] = number;
    setLoops(frame, innerSlots, inner, number);
    return frame;
  });
  const turns = random.order(size);
  for (const group of random.order(groups)) {
    for (const frame of frames) setLoops(frame, groupSlots, groupLoops, group);
    clock.group += 1;
    clock.phase += 1;
    runGroup(body, frames, turns, run.first + 1 + group * size, run);
  }
}

/**
 * All have arrived. Stores to buffers are seen by this workgroup: where there are others, what they touch is still a race. Who exchanges
 * values sees no memory.
 */
function pass(barriers: ReadonlySet<Stmt>, clock: Clock): void {
  for (const stmt of barriers) {
    if (stmt.kind !== "barrier") continue;
    clock.phase += 1;
    if (stmt.of === "buffers") clock.stage += 1;
  }
}

/** One workgroup: each invocation runs to its next barrier, in a shuffled order; then all go on. */
function runGroup(body: Code, frames: readonly Frame[], turns: Uint32Array, first: number, run: Run): void {
  const { clock, random, faults } = run;
  if (frames.length > 1) random.shuffle(turns, turns.length);
  if (body.steps === undefined || frames.length === 1) {
    for (const turn of turns) {
      clock.iteration = first + turn;
      const frame = frames[turn];
      if (frame !== undefined) runToEnd(body, frame);
    }
    return;
  }
  const { steps } = body;
  let waiting = new Map([...frames.entries()].map(([turn, frame]) => [turn, steps(frame)]));
  while (waiting.size > 0) {
    const arrived: typeof waiting = new Map();
    const barriers = new Set<Stmt>();
    for (const turn of turns) {
      clock.iteration = first + turn;
      const next = waiting.get(turn)?.next();
      const going = waiting.get(turn);
      if (next === undefined || next.done === true || going === undefined) continue;
      arrived.set(turn, going);
      barriers.add(next.value);
    }
    if (barriers.size > 1 || (arrived.size > 0 && arrived.size < waiting.size)) {
      faults.report("barrier", "", () => "barrier: not all invocations of a workgroup reach it");
    }
    waiting = arrived;
    pass(barriers, clock);
    random.shuffle(turns, turns.length);
  }
}
