/**
 * The memory of evaluate.ts: buffers and shared arrays that notice what must not happen.
 *
 * A buffer element that one iteration of the parallel loops writes may be touched by no other iteration of the kernel (where it is one
 * workgroup, none before the next barrier of buffers): they run in any order, all at once. A shared element that one invocation writes
 * may be touched by no other before the next barrier. So each element remembers who wrote it and who read it (in this phase), and a second hand is a fault.
 */
import type { DType } from "../core/dtype.ts";
import { heldIn, isShort, roundTo, valueIn } from "../core/dtype.ts";

/** An array or a typed array. */
export interface Numbers {
  readonly length: number;
  [at: number]: number;
}

export interface Memory {
  readonly element: DType;
  readonly data: Numbers;
}

/** Who is running, and between which barriers. */
export interface Clock {
  /** An iteration of the parallel loops, or a prelude; from 1. */
  iteration: number;
  /** Counts barriers and workgroups. */
  phase: number;
  /** Counts barriers of buffers, from 1. */
  stage: number;
  /** Counts workgroups (or thread iterations). */
  group: number;
  readonly describe: (iteration: number) => string;
}

/** What went wrong, once per kind and array: a race in a matmul is one line, not a million. */
export class Faults {
  readonly list: string[] = [];
  readonly #seen = new Set<string>();

  report(kind: string, where: string, words: () => string): void {
    const key = `${kind} ${where}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push(words());
  }
}

export interface Cell {
  readonly read: (at: number) => number;
  readonly write: (at: number, value: number) => void;
}

const nobody = 0;
/** Several readers; no iteration has this number. */
const several = -2147483648;

/** Who touched each element of one array since the stamp changed. */
export class Touches {
  readonly #writer: Int32Array;
  readonly #reader: Int32Array;
  readonly #stamp: Int32Array;

  constructor(count: number) {
    this.#writer = new Int32Array(count);
    this.#reader = new Int32Array(count);
    this.#stamp = new Int32Array(count);
  }

  /** The iteration this read collides with, or 0. */
  read(at: number, who: number, stamp: number): number {
    this.#refresh(at, stamp);
    const reader = this.#reader[at];
    if (reader === nobody) this.#reader[at] = who;
    else if (reader !== who) this.#reader[at] = several;
    const writer = this.#writer[at] ?? nobody;
    return writer === who ? nobody : writer;
  }

  write(at: number, who: number, stamp: number): number {
    this.#refresh(at, stamp);
    const writer = this.#writer[at] ?? nobody;
    const reader = this.#reader[at] ?? nobody;
    this.#writer[at] = who;
    if (writer !== nobody && writer !== who) return writer;
    return reader === who ? nobody : reader;
  }

  #refresh(at: number, stamp: number): void {
    if (this.#stamp[at] === stamp) return;
    this.#stamp[at] = stamp;
    this.#writer[at] = nobody;
    this.#reader[at] = nobody;
  }
}

function collide(faults: Faults, clock: Clock, verb: string, element: string, other: number, scope: string): void {
  const by = other === several ? "several others" : clock.describe(other);
  faults.report(`race${scope}`, element.slice(0, element.indexOf("[")), () => {
    return `race${scope}: ${element} is ${verb} by ${clock.describe(clock.iteration)} and touched by ${by}`;
  });
}

function outside(faults: Faults, name: string, verb: string, at: number, count: number): void {
  faults.report(verb, name, () => `out of bounds: ${name}[${at}] is ${verb}, ${name} has ${count} elements`);
}

/** A buffer parameter. `touches` is shared by all parameters bound to the same data; without it races go unnoticed. */
export function bufferCell(
  name: string,
  memory: Memory,
  count: number,
  touches: Touches | undefined,
  clock: Clock,
  faults: Faults,
): Cell {
  const { element, data } = memory;
  const narrow = readsOf(memory);
  const isBits = holdsBits(memory);
  return {
    read(at) {
      if (!(at >= 0 && at < count)) {
        outside(faults, name, "read", at, count);
        return 0;
      }
      const other = touches === undefined ? 0 : touches.read(at, clock.iteration, clock.stage);
      if (other !== 0) collide(faults, clock, "read", `${name}[${at}]`, other, "");
      const value = data[at] ?? 0;
      return narrow === undefined ? value : narrow(value);
    },
    write(at, value) {
      if (!(at >= 0 && at < count)) {
        outside(faults, name, "written", at, count);
        return;
      }
      const other = touches === undefined ? 0 : touches.write(at, clock.iteration, clock.stage);
      if (other !== 0) collide(faults, clock, "written", `${name}[${at}]`, other, "");
      const rounded = roundTo(element, value);
      data[at] = isBits ? heldIn(element, rounded) : rounded;
    },
  };
}

/** What makes a value of what the array holds, where that is not the value itself. */
function readsOf(memory: Memory): ((held: number) => number) | undefined {
  if (holdsBits(memory)) return (held) => valueIn(memory.element, held);
  return holdsExactly(memory) ? undefined : (held) => roundTo(memory.element, held);
}

/** As a machine's memory has short floats. */
function holdsBits({ element, data }: Memory): boolean {
  return isShort(element) && data instanceof Uint16Array;
}

/** The array can hold nothing but values of the element type. */
function holdsExactly({ element, data }: Memory): boolean {
  switch (element) {
    case "f32":
      return data instanceof Float32Array;
    case "i32":
      return data instanceof Int32Array;
    case "u32":
      return data instanceof Uint32Array;
    case "u8":
      return data instanceof Uint8Array;
    case "f64":
      return true;
    default:
      return false;
  }
}

/** A shared array: one memory, which each workgroup finds unwritten. */
export function sharedCell(name: string, count: number, races: boolean, clock: Clock, faults: Faults): Cell {
  const data = new Float64Array(count);
  const writtenIn = new Int32Array(count);
  const touches = races ? new Touches(count) : undefined;
  return {
    read(at) {
      if (!(at >= 0 && at < count)) {
        outside(faults, name, "read", at, count);
        return 0;
      }
      if (writtenIn[at] !== clock.group) {
        faults.report("unwritten", name, () => {
          return `unwritten: ${name}[${at}] is read by ${clock.describe(clock.iteration)} before anyone wrote it`;
        });
      }
      const other = touches === undefined ? 0 : touches.read(at, clock.iteration, clock.phase);
      if (other !== 0) collide(faults, clock, "read", `${name}[${at}]`, other, " without a barrier");
      return data[at] ?? 0;
    },
    write(at, value) {
      if (!(at >= 0 && at < count)) {
        outside(faults, name, "written", at, count);
        return;
      }
      const other = touches === undefined ? 0 : touches.write(at, clock.iteration, clock.phase);
      if (other !== 0) collide(faults, clock, "written", `${name}[${at}]`, other, " without a barrier");
      writtenIn[at] = clock.group;
      data[at] = value;
    },
  };
}
