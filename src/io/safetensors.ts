/**
 * safetensors, the public file format for named tensors: a header in JSON, then the bytes of all tensors.
 *
 *     40 00 00 00 00 00 00 00 | {"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}} | 24 bytes
 *
 * The first eight bytes are the length of the header; offsets count from its end; everything is little-endian. A file is
 * read as a whole or refused as a whole: every byte of it belongs to exactly one tensor, and a DataError says what was
 * expected and what was found. Nothing larger than the file is ever allocated. The writer lays tensors out as the
 * format's own library does (wide elements first, then by name; the header padded to eight bytes), to the same bytes.
 */
import { DataError, UserError } from "../errors.ts";
import { byteWidth, type DType, dtypes } from "../graph/dtype.ts";
import { printShape, sizeOf } from "../graph/shape.ts";
import { arrayTypeOf, type TypedArray, viewOf } from "../runtime/compiled.ts";
import { type HeaderEntry, MAX_HEADER_BYTES, METADATA_KEY, parseHeader, quoted } from "./safetensors-header.ts";

/** A tensor in a file. f16 is its bits, bool is 0 and 1. */
export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export interface Safetensors {
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Texts about the file. */
  readonly metadata: ReadonlyMap<string, string>;
}

export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  for (const [name, tensor] of tensors) checkTensor(name, tensor);
  for (const text of [...metadata].flat()) checkText("metadata", text);
  const sorted = [...tensors].sort(inFileOrder);
  const parts = metadata.size === 0 ? [] : [`"${METADATA_KEY}":{${[...metadata].map(printPair).join(",")}}`];
  let dataBytes = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    const offsets = `[${dataBytes},${dataBytes + data.byteLength}]`;
    parts.push(
      `${JSON.stringify(name)}:{"dtype":"${dtypeCodes[dtype]}","shape":${printShape(shape)},"data_offsets":${offsets}}`,
    );
    dataBytes += data.byteLength;
  }
  const header = new TextEncoder().encode(`{${parts.join(",")}}`);
  const headerBytes = 8 * Math.ceil(header.length / 8);
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new UserError(`safetensors: a header has at most ${MAX_HEADER_BYTES} bytes, this one has ${headerBytes}`);
  }
  const bytes = new Uint8Array(8 + headerBytes + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, 8 + headerBytes);
  let at = 8 + headerBytes;
  for (const [, { data }] of sorted) {
    writeElements(data, bytes.subarray(at, at + data.byteLength));
    at += data.byteLength;
  }
  return bytes;
}

/** Reads a whole file; `name` is what errors call it. The tensors are copies. */
export function readSafetensors(bytes: Uint8Array, name: string): Safetensors {
  const headerBytes = headerLength(bytes, name);
  const header = parseHeader(decodeUtf8(bytes.subarray(8, 8 + headerBytes), name), name);
  const data = bytes.subarray(8 + headerBytes);
  const sorted = [...header.entries].map((entry) => checkEntry(entry, name)).sort(byOffset);
  checkCoverage(sorted, data.length, name);
  const tensors = new Map<string, StoredTensor>();
  for (const { tensor, dtype, shape, begin, end } of sorted) {
    const elements = readElements(data.subarray(begin, end), dtype);
    if (dtype === "bool") checkBooleans(elements, tensor, name);
    tensors.set(tensor, { dtype, shape, data: elements });
  }
  return { tensors, metadata: header.metadata };
}

/** What files call our types. */
const dtypeCodes = {
  f64: "F64",
  f32: "F32",
  f16: "F16",
  i32: "I32",
  u32: "U32",
  u8: "U8",
  bool: "BOOL",
} as const satisfies Record<DType, string>;

const dtypeOf: ReadonlyMap<string, DType> = new Map(dtypes.map((dtype) => [dtypeCodes[dtype], dtype]));

/** The order of elements' types in files, so that wide ones come first and all lie aligned. */
const fileOrder: readonly DType[] = ["f64", "f32", "u32", "i32", "f16", "u8", "bool"];

type Named = readonly [name: string, tensor: StoredTensor];

function inFileOrder([nameA, a]: Named, [nameB, b]: Named): number {
  return fileOrder.indexOf(a.dtype) - fileOrder.indexOf(b.dtype) || compareCodePoints(nameA, nameB);
}

/** As UTF-8 bytes compare, which is not how `<` compares beyond U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0);
  }
  return a.length - b.length;
}

function printPair([key, value]: readonly [string, string]): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
}

function checkTensor(name: string, { dtype, shape, data }: StoredTensor): void {
  checkText("a tensor's name", name);
  const wanted = `${dtype}${printShape(shape)}`;
  if (name === METADATA_KEY) throw new UserError(`safetensors: a tensor cannot be called ${quoted(name)}: rename it`);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new UserError(`safetensors: ${quoted(name)} is ${wanted}: sizes are whole numbers from 0`);
  }
  if (!(data instanceof arrayTypeOf(dtype)) || data.length !== sizeOf(shape)) {
    const found = `a ${data.constructor.name} of ${data.length}`;
    throw new UserError(
      `safetensors: ${quoted(name)} is ${wanted}, which takes a ${arrayTypeOf(dtype).name} of ${sizeOf(shape)}, not ${found}`,
    );
  }
}

/** Half a surrogate pair is no character, and cannot be written as UTF-8. */
function checkText(what: string, text: string): void {
  if (!/\p{Surrogate}/u.test(text)) return;
  throw new UserError(`safetensors: ${what} must be well-formed Unicode, not ${quoted(text)}`);
}

function headerLength(bytes: Uint8Array, name: string): number {
  const expected =
    "expected a safetensors file: 8 bytes with the length of the header, then the header, which starts with {";
  if (bytes.length < 10) {
    throw new DataError(`${name}: the file is truncated: ${expected}; found ${bytes.length} bytes`);
  }
  const declared = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  const limit = Math.min(bytes.length - 8, MAX_HEADER_BYTES);
  if (declared > BigInt(limit)) {
    const bound = `at most ${limit} for a file of ${bytes.length} bytes`;
    throw new DataError(
      `${name}: ${expected}; found a header length of ${declared}, which can be ${bound}; the file is truncated or something else`,
    );
  }
  if (bytes[8] !== 0x7b) {
    const found = (bytes[8] ?? 0).toString(16).padStart(2, "0");
    throw new DataError(`${name}: ${expected} (7b); found the byte ${found} in its place`);
  }
  return Number(declared);
}

function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DataError(`${name}: expected a header in UTF-8, found bytes that are none; the file is corrupt`);
  }
}

interface Entry {
  readonly tensor: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function checkEntry([tensor, entry]: readonly [string, HeaderEntry], name: string): Entry {
  const { begin, end, shape } = entry;
  const dtype = dtypeOf.get(entry.dtype);
  const where = `${name}: the tensor ${quoted(tensor)}`;
  if (dtype === undefined) {
    const known = [...dtypeOf.keys()].join(", ");
    throw new DataError(`${where}: expected one of the types ${known}; found ${quoted(entry.dtype)}`);
  }
  let needed = byteWidth(dtype);
  for (const size of shape) {
    needed *= size;
    if (Number.isSafeInteger(needed)) continue;
    throw new DataError(`${where}: ${dtype}${shortShape(shape)} would need more bytes than any file has`);
  }
  if (end < begin || end - begin !== needed) {
    const found = `found the range from ${begin} to ${end}`;
    throw new DataError(`${where}: expected ${needed} bytes for ${dtype}${shortShape(shape)}; ${found}`);
  }
  return { tensor, dtype, shape, begin, end };
}

function byOffset(a: Entry, b: Entry): number {
  return a.begin - b.begin || a.end - b.end;
}

function shortShape(shape: readonly number[]): string {
  return shape.length <= 16 ? printShape(shape) : `[${shape.slice(0, 8).join(",")},... ${shape.length} dimensions]`;
}

/** No hole, no overlap, nothing left over, nothing missing. */
function checkCoverage(sorted: readonly Entry[], dataBytes: number, name: string): void {
  let at = 0;
  let before = "the header";
  for (const { tensor, begin, end } of sorted) {
    if (begin !== at) {
      const wrong = begin < at ? "overlaps" : "leaves a hole after";
      const where = `${name}: the tensor ${quoted(tensor)} ${wrong} ${before}`;
      throw new DataError(`${where}: expected it to begin at byte ${at} of the data, found ${begin}`);
    }
    at = end;
    before = quoted(tensor);
  }
  if (at === dataBytes) return;
  const wrong = at > dataBytes ? "the file is truncated" : "there are bytes after the last tensor";
  throw new DataError(`${name}: ${wrong}: expected ${at} bytes of data, found ${dataBytes}`);
}

function checkBooleans(elements: TypedArray, tensor: string, name: string): void {
  const bad = elements.findIndex((value) => value > 1);
  if (bad < 0) return;
  const found = `found ${elements[bad]} at position ${bad}`;
  throw new DataError(`${name}: the tensor ${quoted(tensor)}: expected truth values, 0 or 1; ${found}`);
}

/** Elements move as words of their width, so that every bit of a NaN survives, whatever the machine's byte order. */
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

function writeElements(data: TypedArray, bytes: Uint8Array): void {
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
