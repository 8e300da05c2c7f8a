/**
 * Readbacks: buffers that the host can map to read, kept and taken in turn, so that a read does not wait for the one before and
 * steady reading makes none. On a fast GPU a read through a kept buffer takes 56 us, through a new one 780.
 */

import { usages } from "./buffers.ts";
import type { GpuConnection } from "./connection.ts";
import { type GpuHealth, labelPrefix } from "./health.ts";

const mapModeRead = 0x01;

/** Kept for the next reads: enough for all states of a net, asked for at once, but not the memory of a large one. */
const mostFree = 64;
const mostFreeBytes = 64 * 2 ** 20;

export class Readbacks {
  readonly #device: GPUDevice;
  readonly #health: GpuHealth;
  readonly #free: GPUBuffer[] = [];
  #freeBytes = 0;

  constructor({ device }: GpuConnection, health: GpuHealth) {
    this.#device = device;
    this.#health = health;
  }

  /** One to copy into: the smallest that is large enough, and not far too large. */
  take(bytes: number): GPUBuffer {
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const size = this.#free[i]?.size ?? 0;
      if (size >= bytes && size <= 2 * bytes + 65536 && size < (this.#free[best]?.size ?? Infinity)) best = i;
    }
    const found = best < 0 ? undefined : this.#free.splice(best, 1)[0];
    if (found !== undefined) {
      this.#freeBytes -= found.size;
      return found;
    }
    const usage = usages.mapRead | usages.copyDst;
    return this.#device.createBuffer({ label: `${labelPrefix} staging`, size: Math.max(256, bytes), usage });
  }

  /** Its first bytes once the GPU has done what was submitted so far; it is free again then. */
  async deliver(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    try {
      await this.#health.wait("reading back", buffer.mapAsync(mapModeRead, 0, bytes));
    } catch (error) {
      buffer.destroy();
      throw error;
    }
    const copy = buffer.getMappedRange(0, bytes).slice(0);
    buffer.unmap();
    this.#giveBack(buffer);
    return copy;
  }

  dispose(): void {
    for (const buffer of this.#free) buffer.destroy();
    this.#free.length = 0;
    this.#freeBytes = 0;
  }

  /** The oldest go where there are too many. */
  #giveBack(buffer: GPUBuffer): void {
    this.#free.push(buffer);
    this.#freeBytes += buffer.size;
    while (this.#free.length > 1 && (this.#free.length > mostFree || this.#freeBytes > mostFreeBytes)) {
      const oldest = this.#free.shift();
      this.#freeBytes -= oldest?.size ?? 0;
      oldest?.destroy();
    }
  }
}
