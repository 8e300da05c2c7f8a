/**
 * What the passes need to know about a target. The printers, schedules and runtimes know the rest.
 */
import type { DType } from "../core/dtype.ts";
import type { Spelled } from "../core/spelling.ts";
import type { BufferParam, ValueType } from "./kernel.ts";

/** Every target that programs run on. A name more, and `tsc` says what it lacks. */
export const targetNames = ["js", "wasm", "wgsl"] as const;

export type TargetName = Spelled<(typeof targetNames)[number]>;

export interface TargetTraits {
  /** One of `targetNames`, but for targets that are made elsewhere. */
  readonly name: string;
  /** The type that sums of f32 values accumulate in: doubles where they cost nothing. */
  readonly accumulator: "f32" | "f64";
  /** Most buffers that one kernel may touch. */
  readonly maxBuffers: number;
  /** The largest whole number that an index may be. */
  readonly mostIndex: number;
  /** Whether f64 tensors exist. */
  readonly hasF64: boolean;
  /** Terms of a contraction that may be computed inside another fold; 0 where it never is. */
  readonly innerTerms: number;
  /** Which operands of a contraction are copied once for each pass over them and read from the copy: the columns in panels, both in tiles. */
  readonly packs: "none" | "columns" | "both";
  /** From when on a load that may lie outside of its operand costs so much that convolutions read theirs with a border, stored. */
  readonly storesBorders: BorderLimits | null;
  /** From when on a sum over what a pool chose is made of that, read where it lies, in place of all that it might have chosen. */
  readonly choosesSlopes: ChoiceLimits | null;
  /** Whether it can run a launch or not, as the launches before have found; else all of them run, always as often. */
  readonly hasBranches: boolean;
  /** Whether a kernel must be scheduled before it can be printed. */
  readonly needsSchedule: boolean;
  /** Why programs of mixed precision cannot run there, where they cannot. */
  readonly lacksMixed?: string;
  /** Offsets of buffers are multiples of this many bytes. */
  readonly alignment: number;
  /** Bytes that a copy moves at once. What begins or ends between them is copied by a kernel. */
  readonly copied: number;
  /** Bytes that `count` elements take in this target's memory. */
  bytesOf(dtype: DType, count: number): number;
}

/** When a border pays. */
export interface BorderLimits {
  /** Multiply-adds for each stored element: a store and a load take as long as some dozens. */
  readonly leastReads: number;
  /** Less is in the nearest cache, and not worth a launch. */
  readonly leastElements: number;
  /** Times as many elements as without: around a small image a wide border is most of what is stored. */
  readonly mostGrowth: number;
}

/** When it is worth it to sum over what a pool chose. */
export interface ChoiceLimits {
  /** Channels side by side, from which on there are vectors enough. */
  readonly leastChannels: number;
  /** Terms of a sum over all places. */
  readonly leastTerms: number;
  /** Images that threads share. */
  readonly leastImages: number;
  /** Of places that a pool chooses from: with fewer, most slopes are not zero. */
  readonly leastPlaces: number;
}

/** Terms that a target adds up one after the other in f32; a longer sum is a sum of such sums (the move `splitFold`). */
export const longestSum = 1024;

/** The type of a variable that sums values of `type`. */
export function accumulatorType(type: ValueType, target: TargetTraits): ValueType {
  return type === "f32" ? target.accumulator : type;
}

/** Bytes of memory traffic of a kernel's parameter: what is read is loaded at least once, what is written is stored once. */
export function trafficOf({ element, count, role }: BufferParam, target: Pick<TargetTraits, "bytesOf">): number {
  return target.bytesOf(element, count) * (role === "update" ? 2 : 1);
}
