/**
 * The workgroup memory of a kernel while it is being scheduled: what was handed out, and what is left.
 *
 * The nests of a kernel run in workgroups of their own, so the partial results of reductions share their arrays.
 */
import type { SharedArray, ValueType } from "../../src/kernel/kernel.ts";
import type { Fresh } from "./names.ts";

const elementBytes = 4;

export interface SharedMemory {
  /** A new array, or undefined where it does not fit any more. */
  add(base: string, type: ValueType, count: number): string | undefined;
  /** The n-th array of one element per invocation for partial results of this type; undefined where it does not fit. */
  partial(type: ValueType, n: number): string | undefined;
  arrays(): readonly SharedArray[];
}

export function sharedMemory(bytes: number, size: number, fresh: Fresh): SharedMemory {
  const arrays: SharedArray[] = [];
  const partials = new Map<string, string>();
  let left = bytes;
  const add = (base: string, type: ValueType, count: number): string | undefined => {
    if (count * elementBytes > left) return undefined;
    left -= count * elementBytes;
    const name = fresh(base);
    arrays.push({ name, type, count });
    return name;
  };
  return {
    add,
    partial(type, n) {
      const key = `${type} ${n}`;
      const name = partials.get(key) ?? add("partials", type, size);
      if (name !== undefined) partials.set(key, name);
      return name;
    },
    arrays: () => arrays,
  };
}
