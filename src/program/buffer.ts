/**
 * Buffers: what sequences run on. Each lies in one of five segments.
 *
 * A buffer is made once an entry and is itself, wherever it is spoken of: maps have it as a key, and two are the same where
 * they are one object. Its name is for people, who read `printBuffer`.
 */
import type { DType } from "../core/dtype.ts";

/**
 * Which memory a buffer lies in: states persist, outputs last until the entry's next call, the arena is scratch. Held inputs are fed
 * once and stay, in memory that entries share.
 */
export type Segment = "state" | "input" | "output" | "arena" | "held";

/** A range of bytes of a segment. */
export interface Range {
  readonly offset: number;
  readonly bytes: number;
}

/** A tensor in memory. */
export interface Buffer {
  /** Counts the buffers of an entry. */
  readonly id: number;
  readonly segment: Segment;
  /** The path of a state, an input or an output; of scratch the node whose value it holds, "%12". */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly count: number;
}

/** A buffer with its address. */
export interface BufferSlot extends Buffer, Range {}

/** What people call a buffer: "state model.w1", "input image", "output loss", "%12". */
export function printBuffer({ segment, name }: Pick<Buffer, "segment" | "name">): string {
  return segment === "arena" ? name : `${segment} ${name}`;
}

/** What a buffer is to hold. */
export type BufferType = Pick<Buffer, "dtype" | "shape">;

/** A held input is an input: where it lies, `layout` says. */
type NamedSegment = Exclude<Segment, "arena" | "held">;

/** The buffers of an entry, each made when it is first asked for. */
export class Buffers {
  readonly #named: Readonly<Record<NamedSegment, Map<string, Buffer>>> = {
    state: new Map(),
    input: new Map(),
    output: new Map(),
  };
  #made = 0;

  /** The one buffer of a state, an input or an output. */
  named(segment: NamedSegment, name: string, type: BufferType): Buffer {
    const known = this.#named[segment].get(name);
    if (known !== undefined) return known;
    const made = this.#make(segment, name, type);
    this.#named[segment].set(name, made);
    return made;
  }

  /** A new one, in the arena. */
  scratch(name: string, type: BufferType): Buffer {
    return this.#make("arena", name, type);
  }

  #make(segment: Segment, name: string, { dtype, shape }: BufferType): Buffer {
    const count = shape.reduce((product, extent) => product * extent, 1);
    return { id: this.#made++, segment, name, dtype, shape, count };
  }
}
