/**
 * Specializations: entries compiled for one set of sizes each, over the same states.
 *
 * Few are kept; the one unused for longest goes first, but never one that a call under way holds. Several calls may ask for the same
 * one while it is being compiled: it is compiled once.
 */
import type { Program } from "../dsl/program.ts";
import type { Dims } from "../graph/shape.ts";
import type { CompiledEntry } from "../program/compiled.ts";
import type { EntryReport } from "../program/report.ts";
import { fitsFeeds } from "./dims.ts";
import type { Feeds } from "./feeds.ts";
import type { Machine, Runner } from "./machine.ts";

export interface Compiled {
  readonly entry: CompiledEntry;
  readonly report: EntryReport;
}

export interface Specialization {
  readonly compiled: Compiled;
  /** What runs it: a profile puts one that is timed in the place of the machine's. */
  runner: Runner;
  lastUse: number;
  /** Calls under way that must not lose it. */
  users: number;
}

/** What makes them. */
export interface SpecializationParts {
  readonly program: Pick<Program<unknown>, "entries">;
  readonly machine: Machine;
  /** Compiles one entry for given sizes. */
  readonly compileEntry: (entry: string, dims: Dims) => Compiled;
}

/** One that is being compiled, and how many calls wait for it. */
interface Pending {
  readonly made: Promise<Specialization>;
  users: number;
}

/** What takes the place of a runner. */
export type Exchange = (compiled: Compiled, runner: Runner) => Promise<Runner>;

/** At most this many (entry, dimensions) pairs are kept, or two of each entry. */
const mostKept = 8;

export class Specializations {
  readonly #parts: SpecializationParts;
  readonly #assertUsable: () => void;
  readonly #kept: Specialization[] = [];
  readonly #pending = new Map<string, Pending>();
  #clock = 0;
  #latest: Specialization | null = null;
  #exchange: Exchange | null = null;

  /** `assertUsable` throws where nothing can be called any more. */
  constructor(parts: SpecializationParts, assertUsable: () => void) {
    this.#parts = parts;
    this.#assertUsable = assertUsable;
  }

  get reports(): readonly EntryReport[] {
    return this.#kept.map(({ compiled }) => compiled.report);
  }

  /** The one that ran last, whose outputs may be read. */
  get latest(): Specialization | null {
    return this.#latest;
  }

  /** Notes that one runs. */
  noteRun(specialization: Specialization): void {
    this.noteUse(specialization);
    this.#latest = specialization;
  }

  /** It is not the next to be dropped. */
  noteUse(specialization: Specialization): void {
    specialization.lastUse = ++this.#clock;
  }

  find(name: string, dims: Dims): Specialization | undefined {
    return this.#kept.find(({ compiled: { entry } }) => entry.name === name && sameDims(entry.dims, dims));
  }

  /** One that the feeds fit, found by their lengths. Allocates nothing. */
  fitting(name: string, feeds: Feeds): Specialization | undefined {
    for (let i = 0; i < this.#kept.length; i++) {
      const candidate = this.#kept[i];
      if (candidate?.compiled.entry.name === name && fitsFeeds(candidate.compiled.entry, feeds)) return candidate;
    }
    return undefined;
  }

  /** The one for these sizes, compiled if need be, with the caller counted among its users until `letGo`. */
  async hold(name: string, dims: Dims): Promise<Specialization> {
    const known = this.find(name, dims);
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const key = JSON.stringify([name, Object.entries(dims).sort()]);
    const underway = this.#pending.get(key);
    if (underway !== undefined) {
      underway.users += 1;
      return underway.made;
    }
    const pending: Pending = { users: 1, made: this.#make(name, dims, () => pending.users) };
    this.#pending.set(key, pending);
    try {
      return await pending.made;
    } finally {
      this.#pending.delete(key);
    }
  }

  /** Puts others in the place of all runners, and of those that are made from now on. In a turn, as the runners must not be running. */
  async exchange(exchange: Exchange): Promise<void> {
    this.#exchange = exchange;
    for (const kept of [...this.#kept]) kept.runner = await exchange(kept.compiled, kept.runner);
  }

  /** Puts those back that `own` gives for them. */
  takeBack(own: (runner: Runner) => Runner): void {
    this.#exchange = null;
    for (const kept of this.#kept) kept.runner = own(kept.runner);
  }

  /** Lets go of all of an entry that no call under way holds. */
  dropEntry(name: string): void {
    for (const kept of this.#kept.filter(({ compiled, users }) => compiled.entry.name === name && users === 0)) {
      kept.runner.release();
      this.#kept.splice(this.#kept.indexOf(kept), 1);
      if (this.#latest === kept) this.#latest = null;
    }
  }

  release(): void {
    for (const { runner } of this.#kept) runner.release();
    this.#kept.length = 0;
  }

  /** Made for callers who hold it from the first moment: others may be dropping at the same time. */
  async #make(name: string, dims: Dims, users: () => number): Promise<Specialization> {
    const compiled = this.#parts.compileEntry(name, dims);
    const runner = await this.#parts.machine.prepare(compiled.entry).catch((error: unknown) => {
      this.#assertUsable();
      throw error;
    });
    try {
      this.#assertUsable();
    } catch (error) {
      runner.release(); // disposed of meanwhile
      throw error;
    }
    const used = (await this.#exchange?.(compiled, runner)) ?? runner;
    const specialization: Specialization = { compiled, runner: used, lastUse: ++this.#clock, users: users() };
    while (this.#kept.length >= Math.max(mostKept, 2 * this.#parts.program.entries.size) && this.#drop());
    this.#kept.push(specialization);
    return specialization;
  }

  /** Lets go of the one unused for longest: not the latest, whose outputs may be read, nor one with a call under way. */
  #drop(): boolean {
    const idle = this.#kept.filter((kept) => kept !== this.#latest && kept.users === 0);
    if (idle.length === 0) return false;
    const oldest = idle.reduce((a, b) => (a.lastUse <= b.lastUse ? a : b));
    oldest.runner.release();
    this.#kept.splice(this.#kept.indexOf(oldest), 1);
    return true;
  }
}

export function letGo(specialization: Specialization): void {
  specialization.users -= 1;
}

function sameDims(a: Dims, b: Dims): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
