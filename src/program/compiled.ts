/**
 * A compiled entry: what `compile` hands to a runtime. Plain data, the target's own part in its artifact.
 */
import type { Dims } from "../graph/shape.ts";
import type { Buffer, BufferSlot, Range, Segment } from "./buffer.ts";
import type { Watched } from "./watched.ts";

export interface InputSlot {
  /** Path in the tree of inputs, and its parts. */
  readonly path: string;
  readonly parts: readonly string[];
  readonly buffer: BufferSlot;
  /** Whether this entry reads it: a feed may be left out where it does not. */
  readonly used: boolean;
  /** Null where values pick nothing. */
  readonly below: Picks | null;
}

/** What values must be that pick among so many, as labels do. */
export interface Picks {
  /** Path of the input. */
  readonly input: string;
  /** Whole numbers from 0 to below this. */
  readonly limit: number;
  /** Allowed as well: it picks nothing. */
  readonly ignored: number | null;
  /** For a message: the line that says so. */
  readonly line: string;
}

/** What labels may be, for messages. */
export function labelsInWords({ limit, ignored, line }: Picks): string {
  return `labels go from 0 to ${limit - 1}${ignored === null ? "" : `, or are ${ignored}`}${line}`;
}

export interface CompiledEntry<A = unknown> {
  readonly name: string;
  readonly dims: Dims;
  /** What the target printed. */
  readonly artifact: A;
  /** The same with clocks between its launches, at the same addresses: for threads, whose waiting only their own code sees. */
  readonly clocked?: () => A;
  readonly buffers: ReadonlyMap<Buffer, BufferSlot>;
  readonly inputs: readonly InputSlot[];
  /** By path in the tree of outputs. */
  readonly outputs: ReadonlyMap<string, BufferSlot>;
  readonly segmentBytes: Readonly<Record<Segment, number>>;
  /** Which of a machine's sets of held inputs its own are: entries of one set find them in the same memory. */
  readonly heldIn?: string | undefined;
  /** Arena ranges that nothing needs after a step, by the step's id: for the debug mode that fills them with NaN. */
  readonly freedAfter: ReadonlyMap<number, readonly Range[]>;
  /** The ranges that it puts out for the debug mode that looks for NaN. */
  readonly watched?: Watched;
}
