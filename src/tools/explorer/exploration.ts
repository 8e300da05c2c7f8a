/**
 * An exploration: one entry of a program at every stage of its compilation, as plain data (JSON) that a page shows. It knows no HTML
 * and no HTTP; texts are the user's and the compiler's own, and whoever shows them must not take them for markup.
 *
 *   Exploration
 *     sources, places    the user's files, and the lines of them that nodes come from
 *     graphs             the graph languages' stages, each different one once
 *     stages             the pipeline in order: what stands behind each, and what it changed
 *     kernels            each launch: nodes, loops before and after each move, printed code, work
 *     buffers, memory    where every tensor lies and when
 *
 * Long texts lie in `texts`, each once, and are spoken of by number.
 */
import type { Role } from "../../../codegen/picture/roles.ts";
import type { Segment } from "../../program/buffer.ts";

/** A place in `texts`. */
export type TextId = number;

export interface Exploration {
  readonly version: 1;
  readonly entry: string;
  readonly target: string;
  /** Sizes of the symbolic dimensions. */
  readonly dims: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  readonly sources: readonly Source[];
  readonly places: readonly Place[];
  readonly graphs: readonly GraphView[];
  readonly stages: readonly StageView[];
  /** In the order in which they are launched first. */
  readonly kernels: readonly KernelView[];
  readonly buffers: readonly BufferView[];
  readonly memory: MemoryView;
  /** Bytes of what was printed for the entry: a module of WebAssembly, else UTF-8. */
  readonly codeBytes: number;
  readonly texts: readonly string[];
  /** What a run took, where one was made. */
  readonly measured: Measured | null;
}

/** A file of the user's. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** A line of a user's file; lines and columns count from 1. */
export interface Place {
  /** In `sources`; null where the file could not be read. */
  readonly source: number | null;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

// ---- graphs --------------------------------------------------------------------------------------------------------

export interface GraphView {
  readonly nodes: readonly NodeView[];
  readonly results: readonly ResultView[];
}

/** What an entry gives: an output, or the next value of a state. */
export interface ResultView {
  readonly kind: "output" | "next";
  readonly name: string;
  /** A node's key. */
  readonly node: string;
}

export interface NodeView {
  /** Unlike that of any other node of the graph: its id, behind those of the loops that it stands in ("40.0/3"). */
  readonly key: string;
  /** The variable that it was assigned to in the user's script; else a state's or an input's name; else null. */
  readonly name: string | null;
  /** What a small box says: the op with the constants that it takes. */
  readonly label: string;
  /** The line of the graph printer. */
  readonly text: string;
  /** "f32[128,512]" */
  readonly type: string;
  readonly role: Role;
  /** Keys of what it reads. */
  readonly args: readonly string[];
  /** The layer or the calls of the user's that it belongs to, from outside in. */
  readonly group: readonly string[];
  /** A constant, or a repetition of something: drawn as a part of its reader unless asked for. */
  readonly isSmall: boolean;
  /** The user's lines that made it. */
  readonly places: readonly number[];
  /** Where kernels are known: the numbers of those that compute it. */
  readonly kernels?: readonly number[];
  /** Where its value lies, if in memory. */
  readonly buffer?: number;
}

// ---- stages --------------------------------------------------------------------------------------------------------

export interface StageView {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly about: string;
  readonly ms: number;
  readonly count: number;
  readonly unit: string;
  /** The graph behind it, in `graphs`; from `fuse` on the one that kernels compute. */
  readonly graph: number;
  /** What it changed in the graph before. */
  readonly change: Change;
  /** What it made, as text. */
  readonly text: TextId;
}

/** By keys of the graph before and of the graph behind. */
export interface Change {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** A node that stands in the place of another that it is not equal to. */
  readonly rewritten: readonly (readonly [before: string, after: string])[];
  /** Equal nodes, where the numbers are not the same. */
  readonly kept: readonly (readonly [before: string, after: string])[];
  readonly laws: readonly Law[];
}

/** A law that fired. */
export interface Law {
  readonly law: string;
  readonly before: string;
  /** What stands in its place in the end; null where nothing needs it any more. */
  readonly after: string | null;
}

// ---- kernels -------------------------------------------------------------------------------------------------------

export interface KernelView {
  /** The launch's id: that of profiles. */
  readonly step: number;
  readonly name: string;
  /** Launches in a call. */
  readonly times: number;
  /** Keys of the nodes that it computes. */
  readonly nodes: readonly string[];
  /** Of one launch. */
  readonly flops: number;
  readonly bytes: number;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** The loops as they were lowered, and after each move, nest by nest. */
  readonly lowered: TextId;
  readonly moves: readonly MoveView[];
  /** With everything written out, as the printer takes it. */
  readonly written: TextId;
  readonly code: CodeView;
  /** The earlier launch that runs the same kernel. */
  readonly sameAs: number | null;
}

export interface MoveView {
  /** Which nest of the kernel. */
  readonly nest: number;
  readonly move: string;
  /** The kernel after it. */
  readonly text: TextId;
}

export interface CodeView {
  readonly language: "js" | "wgsl" | "wasm";
  readonly text: TextId;
  /** Bytes of the function, or of the shader's text. */
  readonly bytes: number;
  /** Of WebAssembly: the function's bytes in hexadecimal, a row for each line of the text. */
  readonly hex: TextId | null;
}

// ---- memory --------------------------------------------------------------------------------------------------------

export interface BufferView {
  readonly name: string;
  readonly segment: Segment;
  readonly type: string;
  readonly bytes: number;
  readonly offset: number;
  /** Steps from the first to the last that need it, both included; all of them for what is no scratch. */
  readonly first: number;
  readonly last: number;
  /** Numbers of kernels. */
  readonly writtenBy: readonly number[];
  readonly readBy: readonly number[];
  /** Keys of the nodes whose value it holds. */
  readonly nodes: readonly string[];
}

export interface MemoryView {
  /** What runs at each step. */
  readonly steps: readonly string[];
  /** Scratch bytes in use at each step. */
  readonly live: readonly number[];
  readonly arenaBytes: number;
  readonly lowerBoundBytes: number;
  readonly withoutReuseBytes: number;
  readonly stateBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

// ---- measured ------------------------------------------------------------------------------------------------------

export interface MeasuredKernel {
  /** The launch's id. */
  readonly step: number;
  /** Microseconds of all its launches in a call. */
  readonly us: number;
  /** What the machine needs for that work at least, by the ceiling that was measured on it. */
  readonly floorUs: number | null;
  /** How many launches were timed as one, this among them. */
  readonly together: number;
}

export interface Measured {
  /** What ran it. */
  readonly device: string;
  readonly kernels: readonly MeasuredKernel[];
}
