/**
 * The states of an executable: reading, writing, and copies to go back to.
 */

import { show } from "../core/options.ts";
import type { Program } from "../dsl/program.ts";
import type { Range } from "../dsl/spec.ts";
import type { BufferSlot } from "../program/buffer.ts";
import type { Calls } from "./calls.ts";
import type { Feed } from "./feeds.ts";
import { copyOf, feedError, toValues } from "./host-values.ts";
import type { Machine } from "./machine.ts";
import type { TypedArray } from "./typed-arrays.ts";

/** Values of all states by path, on the host. */
export type Snapshot = ReadonlyMap<string, TypedArray>;

/** Where the states lie, and what the program says of them. */
export interface StateParts {
  readonly states: readonly BufferSlot[];
  readonly program: Pick<Program<unknown>, "states">;
  /** What holds them: a profile puts one in its place that is timed. */
  machine: StateMachine;
}

export type StateMachine = Pick<Machine, "writeState" | "readState" | "stateMemory">;

type SlotValues = readonly (readonly [BufferSlot, TypedArray])[];

export class StateAccess {
  readonly #slots: ReadonlyMap<string, BufferSlot>;
  readonly #ranges: ReadonlyMap<string, Range | undefined>;
  readonly #parts: StateParts;
  readonly #calls: Calls;
  readonly #assertUsable: () => void;

  constructor(parts: StateParts, calls: Calls, assertUsable: () => void) {
    const { states, program } = parts;
    this.#slots = new Map(states.map((slot) => [slot.name, slot]));
    this.#ranges = new Map(program.states.map(({ path, leaf }) => [path, leaf.range]));
    this.#parts = parts;
    this.#calls = calls;
    this.#assertUsable = assertUsable;
  }

  /** Paths of all states, in the order of the program. */
  get names(): readonly string[] {
    return [...this.#slots.keys()];
  }

  /** A copy of a state's values, after all calls so far. */
  async read(name: string): Promise<TypedArray> {
    this.#assertUsable();
    const slot = this.#slot(name);
    return this.#calls.ask(() => this.#parts.machine.readState(slot));
  }

  /** Overwrites a state: new weights, another learning rate. Takes what a feed takes, and a number for a single element. */
  write(name: string, values: Feed): void {
    this.#assertUsable();
    const slot = this.#slot(name);
    const found = this.#checked(name, values, slot);
    if (this.#calls.isFree) this.#parts.machine.writeState(slot, found);
    else this.#writeLater([[slot, found]]);
  }

  /**
   * A copy of all states. `over` is an earlier one that nobody needs any more: its arrays may be written over, which spares a large model
   * the time in which the system finds as much new memory.
   */
  async snapshot(over?: Snapshot): Promise<Snapshot> {
    this.#assertUsable();
    // All are asked for before any is waited for, so that they are of one moment.
    const read = async (name: string, slot: BufferSlot) => [name, await this.#copy(slot, over?.get(name))] as const;
    return new Map(await this.#calls.ask(() => Promise.all([...this.#slots].map(([name, slot]) => read(name, slot)))));
  }

  /** Puts all states of a snapshot back; all or nothing. */
  restore(snapshot: Snapshot): void {
    this.#assertUsable();
    if (!(snapshot instanceof Map)) throw feedError(`restore takes a snapshot, a Map of states, not ${show(snapshot)}`);
    const checked = [...snapshot].map(([name, values]) => {
      const slot = this.#slot(name);
      return [slot, this.#checked(name, values, slot)] as const;
    });
    if (this.#calls.isFree) this.#writeAll(checked);
    else this.#writeLater(checked);
  }

  async #copy(slot: BufferSlot, over: TypedArray | undefined): Promise<TypedArray> {
    const memory = over === undefined ? undefined : this.#parts.machine.stateMemory?.(slot);
    if (over === undefined || memory?.constructor !== over.constructor || memory.length !== over.length) {
      return this.#parts.machine.readState(slot);
    }
    over.set(memory);
    return over;
  }

  #writeAll(values: SlotValues): void {
    for (const [slot, found] of values) this.#parts.machine.writeState(slot, found);
  }

  /** Behind the calls that wait, with the values of now. */
  #writeLater(values: SlotValues): void {
    const kept = values.map(([slot, found]) => [slot, copyOf(found)] as const);
    this.#calls.take(async () => this.#writeAll(kept)).catch(() => {}); // the next call hears of it
  }

  #checked(name: string, values: Feed, slot: BufferSlot): TypedArray {
    const array = toValues(values, slot, null);
    const range = this.#ranges.get(name);
    if (range === undefined) return array;
    const odd = array.find((value) => !(Number.isFinite(value) && value >= range[0] && value <= range[1]));
    if (odd === undefined) return array;
    const most = range[1] === Number.POSITIVE_INFINITY ? "" : ` to ${range[1]}`;
    const wanted = range[0] === Number.NEGATIVE_INFINITY ? "finite numbers" : `finite numbers from ${range[0]}`;
    throw feedError(`the state "${name}" takes ${wanted}${most}, not ${odd}`);
  }

  #slot(name: string): BufferSlot {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw feedError(`there is no state "${name}" (there are: ${this.names.join(", ")})`);
    return slot;
  }
}
