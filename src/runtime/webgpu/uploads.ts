/**
 * Uploads: a ring of buffers that the host has mapped, in which values wait to be copied to where they are wanted.
 *
 *   mapped -> values are put in -> unmapped, submitted with the commands that copy them -> mapped again when those are done
 *
 * All of a ring's memory is kept. It is bounded: where nothing is mapped and no more may be made, the caller has another way.
 */
import { usages } from "./buffers.ts";
import { labelPrefix } from "./health.ts";

const mapModeWrite = 0x02;
const smallestBlock = 65536;
const mostRingBytes = 64 * 2 ** 20;

interface Block {
  readonly buffer: GPUBuffer;
  /** Of the whole, while it is mapped. */
  bytes: Uint8Array<ArrayBuffer>;
  used: number;
}

/** Where values lie in the ring. */
export interface Placed {
  readonly buffer: GPUBuffer;
  readonly at: number;
}

export class Uploads {
  readonly #device: GPUDevice;
  /** Mapped, and empty. */
  readonly #ready: Block[] = [];
  /** With values for the commands that are being recorded; the last has room, perhaps. */
  readonly #filled: Block[] = [];
  /** All there are, those that the GPU has among them. */
  readonly #all = new Set<GPUBuffer>();
  #ringBytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /**
   * Copies values to where commands can take them from; null where there is no room. Their length is a multiple of 4. `expected`: so many
   * bytes, these among them, will be put in before the commands are submitted; 0 asks for no more room than there is beside others.
   */
  put(values: ArrayBufferView, expected: number): Placed | null {
    const { byteLength } = values;
    const last = this.#filled.at(-1);
    const hasRoom = last !== undefined && last.used + byteLength <= last.buffer.size;
    const block = hasRoom ? last : expected === 0 ? null : this.#take(byteLength, Math.max(byteLength, expected));
    if (block === null || block.bytes.byteLength === 0) return null; // of a device that is gone nothing is mapped
    if (block !== last) this.#filled.push(block);
    const at = block.used;
    block.bytes.set(new Uint8Array(values.buffer, values.byteOffset, byteLength), at);
    block.used += byteLength;
    return { buffer: block.buffer, at };
  }

  /** To be called just before the commands are submitted: what was put in is then the GPU's. */
  close(): void {
    for (const { buffer } of this.#filled) buffer.unmap();
  }

  /** And just after. */
  submitted(): void {
    for (const block of this.#filled) this.#mapAgain(block);
    this.#filled.length = 0;
  }

  dispose(): void {
    for (const buffer of this.#all) this.#destroy(buffer);
    this.#ready.length = 0;
    this.#filled.length = 0;
  }

  /** The smallest mapped one with room for all that is expected, else the largest with room for the least, else a new one. */
  #take(least: number, wanted: number): Block | null {
    let best = -1;
    for (let i = 0; i < this.#ready.length; i++) {
      const [size, found] = [this.#ready[i]?.buffer.size ?? 0, this.#ready[best]?.buffer.size ?? 0];
      if (size < least) continue;
      const isBetter = size >= wanted ? found < wanted || size < found : size > found;
      if (isBetter) best = i;
    }
    return best < 0 ? this.#make(wanted) : (this.#ready.splice(best, 1)[0] ?? null);
  }

  /** Of a power of two, so that blocks fit feeds of other sizes too. Smaller ones go where there is no room beside them. */
  #make(bytes: number): Block | null {
    const size = Math.max(smallestBlock, 2 ** Math.ceil(Math.log2(bytes)));
    if (size > mostRingBytes) return null;
    while (this.#ringBytes + size > mostRingBytes) {
      const smaller = this.#ready.shift();
      if (smaller === undefined) return null;
      this.#destroy(smaller.buffer);
    }
    const usage = usages.mapWrite | usages.copySrc;
    const label = `${labelPrefix} uploads`;
    const buffer = this.#device.createBuffer({ label, size, usage, mappedAtCreation: true });
    this.#all.add(buffer);
    this.#ringBytes += size;
    return { buffer, bytes: new Uint8Array(buffer.getMappedRange()), used: 0 };
  }

  #mapAgain(block: Block): void {
    const { buffer } = block;
    const mapped = (): void => {
      if (!this.#all.has(buffer)) return;
      block.bytes = new Uint8Array(buffer.getMappedRange());
      block.used = 0;
      this.#ready.push(block);
    };
    buffer.mapAsync(mapModeWrite).then(mapped, () => this.#destroy(buffer));
  }

  #destroy(buffer: GPUBuffer): void {
    if (!this.#all.delete(buffer)) return;
    this.#ringBytes -= buffer.size;
    buffer.destroy();
  }
}
