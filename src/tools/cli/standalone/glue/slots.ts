/**
 * What a standalone module is told of its tensors, in tables that the compiler has written into it.
 *
 * The files of this folder are templates: `tensorloom compile --standalone` joins those that a target needs to one module
 * (glue.ts), without their types. They import one another and nothing else, and no two of them use one name at their top.
 */

export const arrays = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  u8: Uint8Array,
  bool: Uint8Array,
};

export type DType = keyof typeof arrays;

/** The numbers of a tensor, row-major. f16 and bf16 are their bits, bool is 0 and 1. */
export type Values = InstanceType<(typeof arrays)[DType]>;

export interface Slot {
  /** Where it stands in the tree of inputs or outputs; of a state its name. */
  readonly path: readonly string[];
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where it begins in its memory, in bytes. */
  readonly at: number;
}

/** Labels are whole numbers from 0 to below `below`, or `ignored`. */
export interface Input extends Slot {
  readonly below?: number;
  readonly ignored?: number;
}

/** With the least and the most that may be written to it. */
export interface State extends Slot {
  readonly range?: readonly [least: number, most: number];
}

export interface Entry {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Slot[];
  /** The tree of outputs, from their values in order. */
  readonly result: (values: readonly unknown[]) => unknown;
}

export const nameOf = ({ path }: Slot): string => path.join(".");

export const typeOf = ({ dtype, shape }: Slot): string => `${dtype}[${shape}]`;

export const countOf = ({ shape }: Slot): number => shape.reduce((count, extent) => count * extent, 1);

export function viewOf(slot: Slot, memory: ArrayBuffer): Values {
  return new arrays[slot.dtype](memory, slot.at, countOf(slot));
}
