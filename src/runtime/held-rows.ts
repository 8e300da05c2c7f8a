/**
 * Held rows: arrays that stay on the device, of which an entry takes rows. A step is then fed the numbers of its rows, and a data set
 * is uploaded once.
 *
 *   const held = await holdRows(executable, { entry: "train", count: 60_000, inputs: [{ path: "x", ... }], sizes: [{ batch: 128 }] });
 *   held.step(rows); ...; held.release();
 *
 * The entry is compiled anew, with gathers in the place of its inputs (dsl/by-rows.ts), and kept for the next time that arrays of the
 * same number, size and kind are held: these are then uploaded again. Of each entry two such are kept, and one set of arrays is held at a
 * time, as all of its lie in one place.
 */
import { CompilerBug } from "../core/errors.ts";
import { byRows, type HeldInput, rowsPath, scaledBytes, tablePath } from "../dsl/by-rows.ts";
import type { Program } from "../dsl/program.ts";
import type { Dims } from "../graph/shape.ts";
import type { Calls } from "./calls.ts";
import { checkFeed } from "./feeds.ts";
import type { Chunk, Runner } from "./machine.ts";
import { letGo, type Specialization, type Specializations } from "./specializations.ts";
import type { TypedArray } from "./typed-arrays.ts";

/** An input with all its rows: as the input takes them, or bytes with the scale that makes f32 of them. */
export interface HeldArray extends HeldInput {
  readonly values: TypedArray;
  /** What bytes are multiplied by, for those that are looked up. */
  readonly factor: number;
}

export interface HoldRequest {
  readonly entry: string;
  /** Rows that each array has. */
  readonly count: number;
  /** All inputs of the program. */
  readonly inputs: readonly HeldArray[];
  /** Where the arrays never change: what they are known by. They stay where they are for whoever holds them next. */
  readonly key?: object | null;
  /** The sizes that steps will have. */
  readonly sizes: readonly Dims[];
}

/** What holding needs of an executable. */
export interface HoldingParts {
  readonly program: Program<unknown>;
  readonly dims: Dims;
  readonly specializations: Specializations;
  readonly calls: Calls;
  assertUsable(): void;
  /** Runs one with what it was fed last. */
  start(specialization: Specialization, runner: Pick<Runner, "run">): void;
  /** Waits while more chunks are under way than is sensible. */
  ready(runner: Runner): Promise<void>;
}

/** What is held of one entry. */
interface HeldSet {
  /** The entries by rows that were asked for last, the latest at the end. */
  programs: readonly ReturnType<typeof byRows>[];
  isHeld: boolean;
  /** What was uploaded last, and to where. */
  uploaded: { readonly key: object | null; readonly of: Specialization | undefined } | null;
}

/** Who holds what on one executable. */
export class Holding {
  readonly #parts: HoldingParts;
  /** By the entry that they are of. */
  readonly #sets = new Map<string, HeldSet>();

  constructor(parts: HoldingParts) {
    this.#parts = parts;
  }

  /** The program of an entry by rows; null for any other entry. */
  programOf(entry: string): Program<unknown> | null {
    return [...this.#sets.values()].flatMap(({ programs }) => programs).find(({ name }) => name === entry) ?? null;
  }

  /** Null where somebody holds rows of that entry: an evaluation while a run keeps its own samples to validate on. */
  async hold({ entry, count, inputs, sizes, key = null }: HoldRequest): Promise<HeldRows | null> {
    const set: HeldSet = this.#sets.get(entry) ?? { programs: [], isHeld: false, uploaded: null };
    this.#sets.set(entry, set);
    if (set.isHeld) return null;
    const { program, specializations, dims } = this.#parts;
    const made = byRows(program, entry, inputs, count);
    const others = set.programs.filter(({ name }) => name !== made.name);
    for (const { name } of others.slice(0, -1)) specializations.dropEntry(name);
    set.programs = [...others.slice(-1), made];
    const found: Specialization[] = [];
    const held = new HeldRows(this.#parts, found, {
      forget: () => {
        set.isHeld = false;
      },
      // A run may end before its first step, and has uploaded nothing then.
      uploaded: () => {
        set.uploaded = { key, of: found[0] };
      },
    });
    set.isHeld = true;
    try {
      for (const size of sizes) found.push(await specializations.hold(made.name, { ...dims, ...size }));
      const isThere = key !== null && set.uploaded?.key === key && set.uploaded.of === found[0];
      if (!isThere) held.inputs = inputs;
    } catch (error) {
      held.release();
      throw error;
    }
    return held;
  }
}

/** All sizes of an entry find the arrays in the same place, so that one upload is for all. */
function upload({ compiled: { entry }, runner }: Specialization, inputs: readonly HeldArray[]): void {
  for (const { path, values, scale, factor } of inputs) {
    const table = scale?.how === "table" ? [[tablePath(path), scaledBytes(factor)] as const] : [];
    for (const [name, array] of [[path, values] as const, ...table]) {
      const at = entry.inputs.findIndex((slot) => slot.path === name);
      const slot = entry.inputs[at];
      if (slot === undefined) throw new CompilerBug(`${entry.name} has no input "${name}"`);
      runner.feed(at, checkFeed(array, slot, entry.name));
    }
  }
}

/** What whoever holds is told. */
interface HeldEvents {
  forget(): void;
  uploaded(): void;
}

export class HeldRows {
  /** What the first step is to upload; null when it is on the device. */
  inputs: readonly HeldArray[] | null = null;
  readonly #parts: HoldingParts;
  readonly #specializations: readonly Specialization[];
  readonly #tell: HeldEvents;
  #chunk: { readonly of: Runner; readonly open: Chunk } | null = null;
  /** Whose chunk was sent off, and nobody has asked `ready` since. */
  #sentOff: Runner | null = null;
  /** Steps since the last flush. */
  #done = 0;
  #isReleased = false;

  constructor(parts: HoldingParts, specializations: readonly Specialization[], tell: HeldEvents) {
    this.#parts = parts;
    this.#specializations = specializations;
    this.#tell = tell;
  }

  /** Whether there is an entry for so many rows. */
  takes(count: number): boolean {
    return this.#find(count) !== undefined;
  }

  /**
   * Enqueues a step on these rows, whose numbers are copied. The first step uploads the arrays. Where a machine submits steps in chunks
   * they wait for the end of one, which `flush` makes, and whatever else is asked of the machine sends off what is recorded.
   */
  step(rows: Int32Array): void {
    this.#parts.assertUsable();
    const specialization = this.#find(rows.length);
    if (specialization === undefined || this.#isReleased) throw new CompilerBug(`no step on ${rows.length} held rows`);
    const { calls } = this.#parts;
    if (calls.isFree) {
      this.#run(specialization, rows);
      return;
    }
    const kept = rows.slice();
    specialization.users += 1;
    calls
      .take(async () => this.#run(specialization, kept))
      .catch(() => {}) // the next call hears of it
      .then(() => letGo(specialization));
  }

  /**
   * To be asked between steps: what to wait for, where a chunk was sent off and the machine may have too many; null in the middle of one.
   * Without it the steps of an epoch, and the numbers of their rows, would all wait in the queue.
   */
  ready(): Promise<void> | null {
    const runner = this.#sentOff;
    this.#sentOff = null;
    return runner === null ? null : this.#parts.ready(runner);
  }

  /** Ends the chunk that steps are recorded in: they are submitted. The machine will be waited for, and then chunks grow anew. */
  flush(): void {
    this.#endChunk();
    this.#done = 0;
  }

  /** The arrays may be overwritten, and other ones held. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    try {
      this.#parts.assertUsable();
      this.flush();
    } catch {
      // of a device that is gone nothing is sent off
    }
    for (const specialization of this.#specializations) letGo(specialization);
    this.#tell.forget();
  }

  #run(specialization: Specialization, rows: Int32Array): void {
    if (this.inputs !== null) {
      upload(specialization, this.inputs);
      this.#tell.uploaded();
    }
    this.inputs = null;
    const runner = this.#chunkOf(specialization) ?? specialization.runner;
    runner.feed(0, rows);
    this.#parts.start(specialization, runner);
    this.#done += 1;
  }

  #endChunk(): void {
    const chunk = this.#chunk;
    this.#chunk = null;
    if (chunk === null) return;
    chunk.open.end();
    this.#sentOff = chunk.of;
  }

  /** Where steps of it are recorded; null where each is run by itself. */
  #chunkOf(specialization: Specialization): Chunk | null {
    const { runner } = specialization;
    if (this.#chunk?.of === runner && this.#chunk.open.hasRoom) return this.#chunk.open;
    this.#endChunk();
    const open = runner.chunk?.(Number.MAX_SAFE_INTEGER, this.#done, "none") ?? null;
    if (open !== null) this.#chunk = { of: runner, open };
    return open;
  }

  #find(count: number): Specialization | undefined {
    for (let i = 0; i < this.#specializations.length; i++) {
      const one = this.#specializations[i];
      if (one !== undefined && rowsOf(one) === count) return one;
    }
    return undefined;
  }
}

/** Rows come first among the inputs. */
function rowsOf({ compiled: { entry } }: Specialization): number {
  const [slot] = entry.inputs;
  if (slot?.path !== rowsPath) throw new CompilerBug(`${entry.name} is fed no rows`);
  return slot.buffer.count;
}
