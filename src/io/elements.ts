/**
 * Elements of tensors as the bytes of files, little-endian, and back.
 *
 * Elements move as words of their width, so that every bit of a NaN survives, whatever the machine's byte order.
 */
import { byteWidth, type DType } from "../core/dtype.ts";
import { DataError } from "../core/errors.ts";
import { type TypedArray, viewOf } from "../runtime/typed-arrays.ts";
import type { ForeignType } from "./foreign-dtypes.ts";

/** What a file's elements are, and what they are read as. */
export interface ElementType {
  readonly dtype: DType;
  /** What the file holds in place of elements of `dtype`. */
  readonly foreign: ForeignType | undefined;
}

export function bytesPerElement({ dtype, foreign }: ElementType): number {
  return foreign?.bytes ?? byteWidth(dtype);
}

/** A copy of all elements in `bytes`. A DataError, which `where` begins and `advice` ends, where one is not of the type. */
export function decodeElements(bytes: Uint8Array, type: ElementType, where: string, advice = ""): TypedArray {
  const { dtype, foreign } = type;
  if (foreign === undefined) {
    const elements = readElements(bytes, dtype);
    if (dtype === "bool") checkBooleans(elements, where);
    return elements;
  }
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = foreign.read(from, bytes.length / foreign.bytes);
  if (ArrayBuffer.isView(read)) return read;
  const found = `found ${read.value} at position ${read.position}`;
  throw new DataError(`${where}: expected whole numbers that are ${dtype}; ${found}${advice}`);
}

function checkBooleans(elements: TypedArray, where: string): void {
  const bad = elements.findIndex((value) => value > 1);
  if (bad < 0) return;
  throw new DataError(`${where}: expected truth values, 0 or 1; found ${elements[bad]} at position ${bad}`);
}

function readElements(bytes: Uint8Array, dtype: DType): TypedArray {
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const buffer = new ArrayBuffer(bytes.length);
  const width = byteWidth(dtype);
  if (width === 1) new Uint8Array(buffer).set(bytes);
  else if (width === 2) {
    const words = new Uint16Array(buffer);
    for (let i = 0; i < words.length; i++) words[i] = from.getUint16(2 * i, true);
  } else if (width === 4) {
    const words = new Uint32Array(buffer);
    for (let i = 0; i < words.length; i++) words[i] = from.getUint32(4 * i, true);
  } else {
    const words = new BigUint64Array(buffer);
    for (let i = 0; i < words.length; i++) words[i] = from.getBigUint64(8 * i, true);
  }
  return viewOf(dtype, buffer, 0, bytes.length / width);
}

/** `bytes` has room for just these elements. */
export function writeElements(data: TypedArray, bytes: Uint8Array): void {
  const to = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { buffer, byteOffset, length } = data;
  const width = data.BYTES_PER_ELEMENT;
  if (width === 1) bytes.set(data);
  else if (width === 2) {
    const words = new Uint16Array(buffer, byteOffset, length);
    for (let i = 0; i < length; i++) to.setUint16(2 * i, words[i] ?? 0, true);
  } else if (width === 4) {
    const words = new Uint32Array(buffer, byteOffset, length);
    for (let i = 0; i < length; i++) to.setUint32(4 * i, words[i] ?? 0, true);
  } else {
    const words = new BigUint64Array(buffer, byteOffset, length);
    for (let i = 0; i < length; i++) to.setBigUint64(8 * i, words[i] ?? 0n, true);
  }
}

/** A copy in which each element's bytes stand the other way round. */
export function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += width) {
    for (let i = 0; i < width; i++) swapped[at + i] = bytes[at + width - 1 - i] ?? 0;
  }
  return swapped;
}
