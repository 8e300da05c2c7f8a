/**
 * Buffers on the GPU: made within its limits, filled from typed arrays, read back through staging buffers.
 *
 * In GPU memory a bool is a word, and elements narrower than a word (u8, f16) are padded to whole words at the end; see
 * codegen/wgsl/layout.ts. Everything else is the bytes of its typed array.
 */
import { DeviceError } from "../../core/errors.ts";
import { type BufferSlot, printBuffer, type Segment } from "../../program/buffer.ts";
import { arrayTypeOf, type TypedArray } from "../typed-arrays.ts";
import type { GpuConnection, GpuLimits } from "./connection.ts";
import { type GpuHealth, labelPrefix } from "./health.ts";

/** WebGPU's numbers, which are globals in a browser and hidden in a package in Node. */
const usages = { mapRead: 0x01, copySrc: 0x04, copyDst: 0x08, storage: 0x80 } as const;
const mapModeRead = 0x01;

/** A buffer that kernels use, or null where it would be empty. */
export function storageBuffer({ device }: GpuConnection, what: string, bytes: number): GPUBuffer | null {
  if (bytes === 0) return null;
  const usage = usages.storage | usages.copySrc | usages.copyDst;
  return device.createBuffer({ label: `${labelPrefix} ${what}`, size: bytes, usage });
}

const segmentWords = { state: "the states", arena: "scratch memory", input: "the inputs", output: "the outputs" };

/** A segment is one buffer; kernels see the tensors in it through bindings, which have a limit of their own. */
export function checkSizes(
  segments: Readonly<Partial<Record<Segment, number>>>,
  slots: Iterable<BufferSlot>,
  { maxBufferSize, maxStorageBufferBindingSize }: GpuLimits,
): void {
  for (const slot of slots) {
    const { bytes } = slot;
    if (bytes <= maxStorageBufferBindingSize) continue;
    throw tooLarge(
      `the tensor "${printBuffer(slot)}"`,
      bytes,
      maxStorageBufferBindingSize,
      "maxStorageBufferBindingSize",
    );
  }
  for (const segment of ["state", "arena", "input", "output"] as const) {
    const bytes = segments[segment] ?? 0;
    if (bytes > maxBufferSize) throw tooLarge(segmentWords[segment], bytes, maxBufferSize, "maxBufferSize");
  }
}

function tooLarge(what: string, bytes: number, most: number, limit: string): DeviceError {
  const words = (count: number): string => count.toLocaleString("en-US");
  return new DeviceError(
    `${what} would take ${words(bytes)} bytes in one GPU buffer; this GPU allows ${words(most)} (${limit}). ` +
      'Use a smaller batch or a smaller model, or target: "js".',
  );
}

/** Copies values into a slot, in the order of the queue: runs before see the old ones. */
export function upload(device: GPUDevice, buffer: GPUBuffer, slot: BufferSlot, values: TypedArray): void {
  if (values.length === 0) return;
  const bytes = asGpuBytes(slot, values);
  device.queue.writeBuffer(buffer, slot.offset, bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asGpuBytes(slot: BufferSlot, values: TypedArray): TypedArray {
  if (slot.dtype === "bool") return Uint32Array.from(values, (value) => (value === 0 ? 0 : 1));
  if (values.byteLength % 4 === 0) return isOrdinary(values) ? values : new (arrayTypeOf(slot.dtype))(values);
  const padded = new Uint8Array(Math.ceil(values.byteLength / 4) * 4);
  padded.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return padded;
}

/** Memory that any WebGPU takes. Dawn in Node refuses shared memory, browsers that which may change its size. */
function isOrdinary({ buffer }: TypedArray): boolean {
  return buffer instanceof ArrayBuffer && !("resizable" in buffer && buffer.resizable === true);
}

/** The values of a slot whose bytes in GPU memory start at `at`. */
export function decode(slot: BufferSlot, bytes: ArrayBuffer, at: number): TypedArray {
  if (slot.dtype === "bool") return Uint8Array.from(new Uint32Array(bytes, at, slot.count));
  return new (arrayTypeOf(slot.dtype))(bytes, at, slot.count).slice();
}

/** Staging buffers, taken in turn: a read does not wait for the one before, and steady reading makes no new ones. */
export class Staging {
  readonly #device: GPUDevice;
  readonly #health: GpuHealth;
  readonly #free: GPUBuffer[] = [];

  constructor({ device }: GpuConnection, health: GpuHealth) {
    this.#device = device;
    this.#health = health;
  }

  /** Bytes as they are after all that was submitted so far. Asked for at once, delivered when the GPU is done. */
  async read(source: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.#health.assertWell();
    const staging = this.#take(bytes);
    const encoder = this.#device.createCommandEncoder({ label: `${labelPrefix} read` });
    encoder.copyBufferToBuffer(source, offset, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await this.#health.wait("reading back", staging.mapAsync(mapModeRead, 0, bytes));
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    this.#free.push(staging);
    if (this.#free.length > mostFree) this.#free.shift()?.destroy();
    return copy;
  }

  dispose(): void {
    for (const buffer of this.#free) buffer.destroy();
    this.#free.length = 0;
  }

  /** The smallest that is large enough, and not far too large. */
  #take(bytes: number): GPUBuffer {
    let best = -1;
    this.#free.forEach(({ size }, i) => {
      if (size >= bytes && size <= 2 * bytes + 65536 && size < (this.#free[best]?.size ?? Infinity)) best = i;
    });
    const [found] = best < 0 ? [] : this.#free.splice(best, 1);
    const usage = usages.mapRead | usages.copyDst;
    const size = Math.max(256, bytes);
    return found ?? this.#device.createBuffer({ label: `${labelPrefix} staging`, size, usage });
  }
}

const mostFree = 4;
