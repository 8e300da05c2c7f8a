/**
 * safetensors, the public file format for named tensors: a header in JSON, then the bytes of all tensors.
 *
 *     40 00 00 00 00 00 00 00 | {"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}} | 24 bytes
 *
 * The first eight bytes are the length of the header; offsets count from its end; everything is little-endian. A file is
 * read as a whole or refused as a whole: every byte of it belongs to exactly one tensor, and a DataError says what was
 * expected and what was found. Nothing larger than the file is ever allocated, but for types that we read as wider ones
 * (foreign-dtypes.ts). The writer lays tensors out as the format's own library does (wide elements first, then by name; the
 * header padded to eight bytes), to the same bytes.
 */

import { byteWidth, type DType, dtypes } from "../core/dtype.ts";
import { DataError, UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, list, type OptionTable, show, text } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { printShape, sizeOf } from "../graph/shape.ts";
import { arrayTypeOf, type TypedArray } from "../runtime/typed-arrays.ts";
import { decodeElements, type ElementType, writeElements } from "./elements.ts";
import { foreignTypes } from "./foreign-dtypes.ts";
import {
  type Header,
  type HeaderEntry,
  MAX_HEADER_BYTES,
  METADATA_KEY,
  parseHeader,
  quoted,
} from "./safetensors-header.ts";

/** A tensor in a file. f16 and bf16 are their bits, bool is 0 and 1. */
export interface StoredTensor {
  /** What its elements are here, whatever they were in the file. */
  readonly dtype: DType;
  /** All dimensions are numbers. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: TypedArray;
}

/** What a file holds. */
export interface Safetensors {
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Texts about the file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Names of tensors that `only` left out. */
  readonly skipped: readonly string[];
}

/** The bytes of a file with these tensors and texts. Throws a UserError where data, shape and dtype do not agree. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  checkArguments("writeSafetensors", arguments, 2);
  checkMaps(tensors, metadata);
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

/** What of a file is read. */
export interface ReadSafetensorsOptions {
  /** Read tensors of these names, where the file has them, and no others: a file may hold types that nobody here reads. All by default. */
  readonly only?: readonly string[];
}

export const readTable: OptionTable<ReadSafetensorsOptions> = { only: list(text) };

/**
 * Reads a whole file, of whatever program; `name` is what errors call it. The tensors are copies. F64, F32, F16, BF16, I32, U32, U8
 * and BOOL come as they are, I8 and I16 as i32, U16 as u32; I64 and U64 as i32 and u32 where all values fit. A tensor of
 * another type, or with a value that does not fit, is a DataError, and so is any damage.
 */
export function readSafetensors(
  bytes: Uint8Array,
  name = "the safetensors file",
  options: ReadSafetensorsOptions = {},
): Safetensors {
  checkArguments("readSafetensors", arguments, 3);
  const { only } = checkOptions("readSafetensors", options, readTable, { before: "bytes, name, " });
  if (!(bytes instanceof Uint8Array)) {
    throw new UserError(`readSafetensors takes the bytes of a file, a Uint8Array, not ${show(bytes)}`);
  }
  const headerBytes = headerLength(bytes, name);
  const header = parseHeader(decodeUtf8(bytes.subarray(8, 8 + headerBytes), name), name);
  const data = bytes.subarray(8 + headerBytes);
  const wanted = only === undefined ? header.entries : new Set(only);
  const isWanted = (tensor: string): boolean => wanted.has(tensor);
  const sorted = [...header.entries]
    .map(([tensor, { begin, end }]) => ({ tensor, begin, end }))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  const entries = sorted.filter(({ tensor }) => isWanted(tensor)).map(({ tensor }) => checkEntry(tensor, header, name));
  checkCoverage(sorted, data.length, name);
  const tensors = new Map(
    entries.map((entry) => {
      const { tensor, dtype, shape, begin, end } = entry;
      const where = `${name}: the tensor ${quoted(tensor)}`;
      const elements = decodeElements(data.subarray(begin, end), entry, where, ". { only: [names] } reads the others");
      return [tensor, { dtype, shape, data: elements }] as const;
    }),
  );
  const skipped = [...header.entries.keys()].filter((tensor) => !isWanted(tensor));
  return { tensors, metadata: header.metadata, skipped };
}

/** What files call our types. */
const dtypeCodes = {
  f64: "F64",
  f32: "F32",
  f16: "F16",
  bf16: "BF16",
  i32: "I32",
  u32: "U32",
  u8: "U8",
  bool: "BOOL",
} as const satisfies Record<DType, string>;

const dtypeOf: ReadonlyMap<string, DType> = new Map(dtypes.map((dtype) => [dtypeCodes[dtype], dtype]));

/** The order of elements' types in files, so that wide ones come first and all lie aligned. */
const fileOrder: readonly DType[] = ["f64", "f32", "u32", "i32", "bf16", "f16", "u8", "bool"];

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

function checkMaps(tensors: unknown, metadata: unknown): void {
  for (const [what, given] of Object.entries({ tensors, metadata })) {
    if (given instanceof Map) continue;
    throw new UserError(
      `writeSafetensors: ${what} must be a Map by name, not ${show(given)}: new Map(Object.entries(...))`,
    );
  }
}

/** Throws a UserError where data, shape and dtype do not agree; `what` is its beginning. */
export function checkTensor(name: string, tensor: StoredTensor, what = "safetensors"): void {
  if (!isTensor(tensor)) {
    throw new UserError(
      `${what}: ${quoted(name)} must be a tensor, { dtype, shape, data }${lackOf(tensor)}${atLine(here("writeSafetensors"))}`,
    );
  }
  const { dtype, shape, data } = tensor;
  checkText("a tensor's name", name);
  const wanted = `${dtype}${printShape(shape)}`;
  if (name === METADATA_KEY) throw new UserError(`${what}: a tensor cannot be called ${quoted(name)}: rename it`);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new UserError(`${what}: ${quoted(name)} is ${wanted}: sizes are whole numbers from 0`);
  }
  if (!(data instanceof arrayTypeOf(dtype)) || data.length !== sizeOf(shape)) {
    const found = `a ${data.constructor.name} of ${data.length}`;
    throw new UserError(
      `${what}: ${quoted(name)} is ${wanted}, which takes a ${arrayTypeOf(dtype).name} of ${sizeOf(shape)}, not ${found}`,
    );
  }
}

function isTensor(given: unknown): given is StoredTensor {
  if (typeof given !== "object" || given === null) return false;
  const { dtype, shape, data } = given as Partial<StoredTensor>;
  return dtypes.some((known) => known === dtype) && Array.isArray(shape) && ArrayBuffer.isView(data);
}

/** What is wrong with something that is no tensor: its first member that is, where it has such members. */
function lackOf(given: unknown): string {
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given)) return `, not ${show(given)}`;
  const { dtype, shape, data } = given as { readonly [K in keyof StoredTensor]?: unknown };
  if (!dtypes.some((known) => known === dtype)) {
    return `; its dtype must be one of ${dtypes.join(", ")}, not ${show(dtype)}`;
  }
  return Array.isArray(shape)
    ? `; its data must be a typed array, not ${show(data)}`
    : `; its shape must be a list of sizes, not ${show(shape)}`;
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

/** Where a tensor lies in the data. */
interface Place {
  readonly tensor: string;
  readonly begin: number;
  readonly end: number;
}

interface Entry extends Place, ElementType {
  readonly shape: readonly number[];
}

function checkEntry(tensor: string, { entries }: Header, name: string): Entry {
  const entry = entries.get(tensor) as HeaderEntry; // names come from there
  const { begin, end, shape } = entry;
  const foreign = foreignTypes.get(entry.dtype);
  const dtype = dtypeOf.get(entry.dtype) ?? foreign?.dtype;
  const where = `${name}: the tensor ${quoted(tensor)}`;
  if (dtype === undefined) {
    const known = [...dtypeOf.keys(), ...foreignTypes.keys()].join(", ");
    throw new DataError(
      `${where}: expected one of the types ${known}; found ${quoted(entry.dtype)}. { only: [names] } reads the others`,
    );
  }
  let needed = foreign?.bytes ?? byteWidth(dtype);
  for (const size of shape) {
    needed *= size;
    if (Number.isSafeInteger(needed)) continue;
    throw new DataError(`${where}: ${dtype}${shortShape(shape)} would need more bytes than any file has`);
  }
  if (end < begin || end - begin !== needed) {
    const found = `found the range from ${begin} to ${end}`;
    throw new DataError(
      `${where}: expected ${needed} bytes for ${foreign === undefined ? dtype : entry.dtype}${shortShape(shape)}; ${found}`,
    );
  }
  return { tensor, dtype, shape, begin, end, foreign };
}

function shortShape(shape: readonly number[]): string {
  return shape.length <= 16 ? printShape(shape) : `[${shape.slice(0, 8).join(",")},... ${shape.length} dimensions]`;
}

/** No hole, no overlap, nothing left over, nothing missing. */
function checkCoverage(sorted: readonly Place[], dataBytes: number, name: string): void {
  let at = 0;
  let before = "the header";
  for (const { tensor, begin, end } of sorted) {
    if (begin !== at) {
      const wrong = begin < at ? "overlaps" : "leaves a hole after";
      const where = `${name}: the tensor ${quoted(tensor)} ${wrong} ${before}`;
      throw new DataError(`${where}: expected it to begin at byte ${at} of the data, found ${begin}`);
    }
    if (end < begin)
      throw new DataError(`${name}: the tensor ${quoted(tensor)} ends at byte ${end}, before it begins (${begin})`);
    at = end;
    before = quoted(tensor);
  }
  if (at === dataBytes) return;
  const wrong = at > dataBytes ? "the file is truncated" : "there are bytes after the last tensor";
  throw new DataError(`${name}: ${wrong}: expected ${at} bytes of data, found ${dataBytes}`);
}
