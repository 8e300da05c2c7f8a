/**
 * Chunks: steps that are recorded one behind the other, submitted together and read back together.
 *
 *   feed, run, copy outputs to room 0 | feed, run, copy outputs to room 1 | ...   ->   one submit, one map
 *
 * How many steps a chunk takes: as many as have outputs and feeds of at most 16 MiB each, and as many as take 50 ms by the clock of those
 * before, so that a submit stays well under the 100 ms at which a page stutters; the first takes one. At most 64, as a submit costs
 * as much as a step of a small net, and at 64 nothing is left to gain. The host records a chunk while the GPU runs those before: so the first
 * of a call are short, for the GPU to have work soon, and so are the last, for the host not to wait long.
 */
import type { Chunk, Runner } from "../machine.ts";
import type { TypedArray } from "../typed-arrays.ts";
import { decodeAll } from "./buffers.ts";
import type { Commands } from "./commands.ts";

export const mostChunkBytes = 16 * 2 ** 20;
const mostSteps = 64;
/** Fewer cost more in submits than they save. */
const fewSteps = 8;
const wantedMs = 50;
/** A chunk has at most so many times the steps of the largest before: what is known of one step is not certain for many. */
const growth = 8;

/** How many steps the next chunk of an entry takes. */
export class ChunkSize {
  #steps = 1;
  /** Of a step in the two chunks measured last: the less counts, as a process may have been asleep in one of them. */
  #ms: readonly [number, number] = [0, 0];
  #doneAt = 0;

  get steps(): number {
    return this.#steps;
  }

  /** A chunk that was submitted at one time was done at another. One of no steps, as its first feed was refused, says nothing. */
  measured(steps: number, submitted: number, done: number): void {
    if (steps === 0) return;
    const ms = (done - Math.max(submitted, this.#doneAt)) / steps;
    this.#doneAt = done;
    this.#ms = [ms, this.#ms[0]];
    const fitting = Math.floor(wantedMs / Math.max(1e-3, this.#ms[1] === 0 ? ms : Math.min(...this.#ms)));
    this.#steps = Math.max(1, Math.min(fitting, mostSteps, Math.max(this.#steps, growth * steps)));
  }
}

/** What a chunk is of. */
export interface ChunkParts {
  readonly commands: Commands;
  readonly size: ChunkSize;
  /** Null where there is none, or nobody reads what a step gives. */
  readonly output: GPUBuffer | null;
  /** Of the outputs of one step. */
  readonly outputBytes: number;
  /** Feeds an input, before as much again `more` times. Gives its bytes. */
  feed(input: number, values: TypedArray, more: number): number;
  /** Records the entry once. */
  record(): void;
}

export class WebGpuChunk implements Chunk {
  readonly #parts: ChunkParts;
  readonly #most: number;
  #steps = 0;
  #fedBytes = 0;
  #room: GPUBuffer | null = null;

  /** So many steps of the call are still to be done, and so many were. */
  constructor(parts: ChunkParts, left: number, done: number) {
    this.#parts = parts;
    const fitting = Math.floor(mostChunkBytes / Math.max(1, parts.outputBytes));
    const short = Math.max(fewSteps, Math.min(done, Math.ceil(left / 4)));
    this.#most = Math.max(1, Math.min(left, short, parts.size.steps, fitting));
  }

  get hasRoom(): boolean {
    return this.#steps === 0 || this.#left > 0;
  }

  feed(input: number, values: TypedArray): void {
    // whether a first feed is the feed of all steps, the second will show
    this.#fedBytes += this.#parts.feed(input, values, this.#steps === 0 ? 0 : Math.max(0, this.#left - 1));
  }

  run(): void {
    const { commands, output, outputBytes } = this.#parts;
    this.#parts.record();
    if (output !== null) {
      this.#room ??= commands.room(outputBytes * this.#most);
      commands.recorder.copy(output, 0, this.#room, outputBytes * this.#steps, outputBytes);
    }
    this.#steps += 1;
  }

  end(): Pick<Runner, "read"> {
    const { commands, size, outputBytes } = this.#parts;
    const [steps, room] = [this.#steps, this.#room];
    commands.submit();
    const submitted = performance.now();
    const bytes = room === null ? commands.done() : commands.deliver(room, outputBytes * steps);
    commands.note(bytes);
    const measure = (): void => size.measured(steps, submitted, performance.now());
    bytes.then(measure, () => undefined); // who reads hears of it
    return { read: async (slot) => decodeAll(slot, await bytes, outputBytes, steps) };
  }

  /** Steps that may follow, fed as those before. */
  get #left(): number {
    const fitting = Math.floor((mostChunkBytes * this.#steps) / Math.max(1, this.#fedBytes));
    return Math.min(this.#most, fitting) - this.#steps;
  }
}
