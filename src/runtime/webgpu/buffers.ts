/**
 * Buffers on the GPU: made within its limits, and what values are in them.
 *
 * In GPU memory a bool is a word, and elements narrower than a word (u8, f16) are padded to whole words at the end; see
 * codegen/wgsl/layout.ts. Everything else is the bytes of its typed array.
 */
import { DeviceError } from "../../core/errors.ts";
import { type BufferSlot, printBuffer, type Segment } from "../../program/buffer.ts";
import { arrayTypeOf, type TypedArray } from "../typed-arrays.ts";
import type { GpuConnection, GpuLimits } from "./connection.ts";
import { labelPrefix } from "./health.ts";

/** WebGPU's numbers, which are globals in a browser and hidden in a package in Node. */
export const usages = {
  mapRead: 0x01,
  mapWrite: 0x02,
  copySrc: 0x04,
  copyDst: 0x08,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

/** A buffer that kernels use, or null where it would be empty. */
export function storageBuffer({ device }: GpuConnection, what: string, bytes: number): GPUBuffer | null {
  if (bytes === 0) return null;
  const usage = usages.storage | usages.copySrc | usages.copyDst;
  return device.createBuffer({ label: `${labelPrefix} ${what}`, size: bytes, usage });
}

const segmentWords = {
  state: "the states",
  arena: "scratch memory",
  input: "the inputs",
  output: "the outputs",
  held: "data that is held",
};

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
  for (const segment of ["state", "arena", "input", "output", "held"] as const) {
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

/** Values as the bytes that a slot has in GPU memory, in memory that any WebGPU takes: their own where that will do. */
export function gpuBytesOf(slot: BufferSlot, values: TypedArray): TypedArray {
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

/** The same of several times, `stride` bytes apart, one after the other. */
export function decodeAll(slot: BufferSlot, bytes: ArrayBuffer, stride: number, times: number): TypedArray {
  if (times === 1) return decode(slot, bytes, slot.offset);
  const all: TypedArray = new (arrayTypeOf(slot.dtype))(times * slot.count);
  const held = slot.dtype === "bool" ? Uint32Array : arrayTypeOf(slot.dtype);
  for (let i = 0; i < times; i++) all.set(new held(bytes, i * stride + slot.offset, slot.count), i * slot.count);
  return all;
}
