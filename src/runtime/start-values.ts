/**
 * The states of a program as they are before its first step: its initializers' values, drawn from one seed.
 */
import { heldIn, roundTo } from "../core/dtype.ts";
import { startOfDraws } from "../core/random.ts";
import type { Program } from "../dsl/program.ts";
import { randomState } from "../graph/ops/source.ts";
import { fixedShape, sizeOf } from "../graph/shape.ts";
import type { BufferSlot } from "../program/buffer.ts";
import type { Machine } from "./machine.ts";
import { arrayTypeOf, type TypedArray } from "./typed-arrays.ts";

type StateLeaf = Program<unknown>["states"][number];

/** Writes them all; memory of a new machine is zero already. */
export function writeStartValues(
  { states }: Pick<Program<unknown>, "states">,
  slots: readonly BufferSlot[],
  machine: Machine,
  seed: number,
): void {
  const places = new Map(slots.map((slot) => [slot.name, slot]));
  for (const state of states) {
    const slot = places.get(state.path);
    if (slot === undefined || (state.leaf.initializer.isZero === true && state.path !== randomState)) continue;
    if (!filledInPlace(state, slot, machine, seed)) machine.writeState(slot, startValues(state, slot.count, seed));
  }
}

/** The same by path, without a machine. */
export function startValuesOf(states: Program<unknown>["states"], seed: number): ReadonlyMap<string, TypedArray> {
  const count = ({ leaf: { shape } }: StateLeaf): number => sizeOf(fixedShape(shape));
  return new Map(states.map((state) => [state.path, startValues(state, count(state), seed)]));
}

/** Whether the memory itself could be filled: spares a copy of what may be many megabytes. */
function filledInPlace({ path, leaf: { initializer } }: StateLeaf, slot: BufferSlot, machine: Machine, seed: number) {
  if (initializer.fillsInPlace !== true || path === randomState) return false;
  const memory = machine.stateMemory?.(slot);
  if (!(memory instanceof Float32Array)) return false;
  initializer.fill(memory, seed, path);
  return true;
}

function startValues({ path, leaf: { dtype, initializer } }: StateLeaf, count: number, seed: number): TypedArray {
  const values = new (arrayTypeOf(dtype))(count);
  if (path === randomState) {
    values.set(startOfDraws(seed));
  } else if (values instanceof Float32Array) {
    initializer.fill(values, seed, path);
  } else {
    const drawn = new Float64Array(count);
    initializer.fill(drawn, seed, path);
    drawn.forEach((value, i) => {
      values[i] = heldIn(dtype, roundTo(dtype, value));
    });
  }
  return values;
}
