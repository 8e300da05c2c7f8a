/**
 * Places: the small feeds of the steps of a submit, side by side in an entry's input buffer.
 *
 *   feed 5, run, feed 7, run, ...   ->   write [5 7 ...]; one pass { launches on place 0; launches on place 1; ... }
 *
 * A copy of a feed between two steps ends the pass, and another costs 13 us on an H100, as much as the launches of a small step. So the host
 * gathers what is fed, writes all of it once, just before the submit, and each step has its inputs bound at its place. What was not fed
 * again a step takes from the step before. After a submit places begin anew: what the queue writes comes after all that was submitted.
 */
import type { Range } from "../../program/buffer.ts";

/** As many as a chunk has steps at most. */
export const mostPlaces = 64;
/** WebGPU's largest alignment of a binding. */
const alignment = 256;
/** Of a step's inputs. With 64 places it is 1 MiB, up to which `queue.writeBuffer` is the fast way (commands.ts). */
const mostBytes = 16_384;

/** How an entry's input buffer is divided. */
export interface PlaceSizes {
  readonly count: number;
  readonly stride: number;
}

/** One place where inputs are large, or there are none. */
export function placesFor(inputBytes: number): PlaceSizes {
  const stride = alignment * Math.ceil(inputBytes / alignment);
  return inputBytes === 0 || stride > mostBytes ? { count: 1, stride: inputBytes } : { count: mostPlaces, stride };
}

export class Places {
  readonly #buffer: GPUBuffer;
  readonly #sizes: PlaceSizes;
  /** What the buffer holds, or will. */
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Of what was fed last. */
  #at = 0;
  /** Whether commands that are not yet submitted read it. */
  #isRead = false;
  /** Whether places begin anew with the next feed: after a submit, until a step is recorded. */
  #isOver = false;
  /** What is to be written. */
  #from = 0;
  #to = 0;

  constructor(buffer: GPUBuffer, sizes: PlaceSizes) {
    this.#buffer = buffer;
    this.#sizes = sizes;
    this.#bytes = new Uint8Array(buffer.size);
  }

  /** Whether a feed must wait for a submit. */
  get isFull(): boolean {
    return this.#isRead && this.#at === this.#sizes.count - 1;
  }

  /** Feeds an input, for the steps from the next on. The bytes are whole words. */
  feed(slot: Range, values: ArrayBufferView): void {
    if (this.#isOver) this.#moveTo(0);
    else if (this.#isRead) this.#moveTo(this.#at + 1);
    const start = this.#at * this.#sizes.stride + slot.offset;
    this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), start);
    this.#willWrite(start, start + values.byteLength);
  }

  /** The place of a step that is recorded now. */
  take(): number {
    this.#isRead = true;
    this.#isOver = false;
    return this.#at;
  }

  /** Just before commands that read it are submitted. */
  write(queue: GPUQueue): void {
    const [from, bytes] = [this.#from, this.#to - this.#from];
    if (bytes > 0) queue.writeBuffer(this.#buffer, from, this.#bytes, from, bytes);
    this.#from = this.#to = 0;
    this.#isRead = false;
    this.#isOver = true;
  }

  /** With all that was fed so far. */
  #moveTo(place: number): void {
    const { stride } = this.#sizes;
    if (place !== this.#at) {
      this.#bytes.copyWithin(place * stride, this.#at * stride, (this.#at + 1) * stride);
      this.#willWrite(place * stride, (place + 1) * stride);
    }
    this.#at = place;
    this.#isRead = this.#isOver = false;
  }

  #willWrite(from: number, to: number): void {
    const isFirst = this.#from === this.#to;
    this.#from = isFirst ? from : Math.min(this.#from, from);
    this.#to = isFirst ? to : Math.max(this.#to, to);
  }
}
