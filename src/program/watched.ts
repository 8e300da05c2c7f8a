/**
 * Watched nodes: with `debug: { nan: true }` an entry also puts out the range of every node of floats, from which the first one that made
 * a NaN or an infinity follows.
 */
import type { Origin } from "../core/origin.ts";
import type { BufferSlot } from "./buffer.ts";

/** A node whose range is known after a run. A NaN in it makes both of its ends NaN. */
export interface WatchedNode {
  /** What comes from outside by its path, a number that was written down, or what an op made of others. */
  readonly kind: "input" | "state" | "constant" | "made";
  /** The name of its op, or its path. */
  readonly name: string;
  readonly origin: Origin | undefined;
  /** The place among the watched of each operand of floats. */
  readonly args: readonly number[];
  readonly least: BufferSlot;
  readonly most: BufferSlot;
}

export interface Watched {
  /** Operands before what is made of them. */
  readonly nodes: readonly WatchedNode[];
  /** Results of the entry: outputs, and the next values of states. */
  readonly results: readonly number[];
}

/** The outputs with the ranges, by a node's id. */
export const leastName = (id: number): string => `$finite.${id}.least`;
export const mostName = (id: number): string => `$finite.${id}.most`;
export const isWatchName = (name: string): boolean => name.startsWith("$finite.");
