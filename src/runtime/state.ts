/**
 * The states of an executable: reading, writing, and copies to go back to.
 */
import { isFloat, roundTo } from "../graph/dtype.ts";
import { printShape } from "../graph/shape.ts";
import type { BufferSlot } from "../kernel/memory.ts";
import { arrayTypeOf, type TypedArray } from "./compiled.ts";
import { feedError } from "./feeds.ts";
import type { Machine } from "./machine.ts";

/** Values of all states by path, on the host. */
export type Snapshot = ReadonlyMap<string, TypedArray>;

export class StateAccess {
  readonly #slots: ReadonlyMap<string, BufferSlot>;
  readonly #machine: Machine;
  readonly #assertUsable: () => void;

  constructor(slots: readonly BufferSlot[], machine: Machine, assertUsable: () => void) {
    this.#slots = new Map(slots.map((slot) => [slot.name.replace(/^state /, ""), slot]));
    this.#machine = machine;
    this.#assertUsable = assertUsable;
  }

  /** Paths of all states, in the order of the program. */
  get names(): readonly string[] {
    return [...this.#slots.keys()];
  }

  /** A copy of a state's values, after all runs so far. */
  async read(name: string): Promise<TypedArray> {
    this.#assertUsable();
    return this.#machine.readState(this.#slot(name));
  }

  /** Overwrites a state: new weights, another learning rate. */
  write(name: string, values: TypedArray | readonly number[] | number): void {
    this.#assertUsable();
    const slot = this.#slot(name);
    this.#machine.writeState(slot, checkValues(name, values, slot));
  }

  async snapshot(): Promise<Snapshot> {
    // All are asked for before any is waited for, so that they are of one moment.
    const values = this.names.map(async (name) => [name, await this.read(name)] as const);
    return new Map(await Promise.all(values));
  }

  /** Puts all states of a snapshot back; all or nothing. */
  restore(snapshot: Snapshot): void {
    this.#assertUsable();
    const checked = [...snapshot].map(([name, values]) => {
      const slot = this.#slot(name);
      return [slot, checkValues(name, values, slot)] as const;
    });
    for (const [slot, values] of checked) this.#machine.writeState(slot, values);
  }

  #slot(name: string): BufferSlot {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw feedError(`there is no state "${name}" (there are: ${this.names.join(", ")})`);
    return slot;
  }
}

function checkValues(name: string, values: TypedArray | readonly number[] | number, slot: BufferSlot): TypedArray {
  const ArrayType = arrayTypeOf(slot.dtype);
  const wanted = `${slot.dtype}${printShape(slot.shape)}`;
  const list = typeof values === "number" ? [values] : values;
  if (ArrayBuffer.isView(list) && !(list instanceof ArrayType)) {
    throw feedError(
      `the state "${name}" is ${wanted}, which takes a ${ArrayType.name}, not a ${list.constructor.name}`,
    );
  }
  if (list.length !== slot.count) {
    throw feedError(`the state "${name}" is ${wanted}: it takes ${slot.count} numbers, not ${list.length}`);
  }
  if (!ArrayBuffer.isView(list) && !isFloat(slot.dtype)) {
    const odd = list.find((value) => roundTo(slot.dtype, value) !== value);
    if (odd !== undefined) throw feedError(`the state "${name}" is ${wanted}, which cannot hold ${odd}`);
  }
  return ArrayBuffer.isView(list) ? list : (ArrayType.from(list) as TypedArray);
}
