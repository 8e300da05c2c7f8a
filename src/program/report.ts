/**
 * The report: what the compiler did, as a value that can be asserted, printed and drawn.
 */
import type { Dims } from "../graph/shape.ts";
import type { BufferSlot } from "./buffer.ts";
import type { Picks } from "./compiled.ts";

export interface PassReport {
  readonly name: string;
  readonly ms: number;
  /** How much came out, in the pass's unit. */
  readonly count: number;
  readonly unit: "nodes" | "groups" | "steps" | "launches" | "buffers";
}

export interface KernelReport {
  /** The id of its step, which `onLaunch` is told too. */
  readonly step: number;
  readonly name: string;
  /** How often it is launched in a call: more than once in a loop. A loop whose length is found out as it runs counts once. */
  readonly times: number;
  /** The nodes computed inside, as the graph printer writes them. */
  readonly fuses: readonly string[];
  /** Their ids. */
  readonly nodes: readonly number[];
  /** The user's lines that they come from, each once, and the layers: first those of the contraction or reduction, if there is one. */
  readonly lines: readonly string[];
  readonly layers: readonly string[];
  /** Those of them that the forward pass has computed before, as something is checkpointed. */
  readonly again: readonly string[];
  /** Of one launch. */
  readonly flops: number;
  readonly bytes: number;
  readonly schedule: string;
}

export interface MemoryReport {
  /** Size of the scratch arena. */
  readonly peakBytes: number;
  /** The largest sum of live scratch bytes at any step. */
  readonly lowerBoundBytes: number;
  readonly withoutReuseBytes: number;
  readonly stateBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** What is computed a second time, in the backward pass, for less memory. */
export interface AgainReport {
  /** Of one call: among those that the kernels add up to. */
  readonly flops: number;
  /** Lines that say `checkpoint`. */
  readonly asked: readonly string[];
}

export interface EntryReport {
  readonly entry: string;
  readonly dims: Dims;
  readonly passes: readonly PassReport[];
  readonly kernels: readonly KernelReport[];
  /** Kernel launches of one call, where `times` says so. */
  readonly launches: number;
  /** Buffer copies of one call, and why a state is copied rather than updated in place. */
  readonly copies: number;
  readonly copied: Readonly<Record<string, string>>;
  readonly memory: MemoryReport;
  readonly again: AgainReport;
  /** Inputs that pick among so many, as labels do. */
  readonly picks: readonly Picks[];
  /** Every buffer with its segment, offset and size. */
  readonly buffers: readonly BufferSlot[];
}

/** What compiling did: where the program runs, and each entry pass by pass and kernel by kernel. */
export interface Report {
  /** The target that runs it. */
  readonly target: string;
  /** What runs the kernels: "wasm (2 threads)". */
  readonly device: string;
  /** What is worth knowing of it, a line each: why its vectors are narrow. */
  readonly remarks: readonly string[];
  /** Why this target: "asked for", or what `auto` found. */
  readonly why: string;
  /** Whether a step returns before it is done, as on a GPU: to read something then means to wait for it. */
  readonly runsAhead: boolean;
  /** Milliseconds for all that was compiled so far. */
  readonly compileMs: number;
  /** What was warned of. */
  readonly warnings: readonly string[];
  /** One for each entry and set of dimensions compiled so far. */
  readonly entries: readonly EntryReport[];
}
