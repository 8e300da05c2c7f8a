/**
 * Zip archives, as NumPy (npz) and Keras (.keras) write them: entries stored or deflated, in one part, not encrypted.
 *
 *     local header, bytes  |  local header, bytes  |  ...  |  directory: name, sizes, checksum, place of each  |  its place
 *
 * The directory at the end says what there is; sizes in local headers may be missing. Inflating is fflate's work, but it takes
 * neither checksums nor sizes seriously: here both are checked, so that damage is an error and not other numbers, and nothing is
 * allocated that the bytes in the file cannot fill.
 */
import type { Zippable } from "fflate";
import { DataError, messageOf, UserError } from "../core/errors.ts";
import { quoted } from "./safetensors-header.ts";

export interface ZipEntry {
  /** Bytes of what it holds. */
  readonly size: number;
  /** What it holds: a part of the archive where it is stored as it is. */
  read(): Promise<Uint8Array>;
}

/** Whether the bytes begin as archives do; an empty one begins with its end. */
export function isZip(bytes: Uint8Array): boolean {
  return (
    bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6))
  );
}

/** The files in an archive by name, in the order of its directory, folders left out; `archive` is what errors call it. */
export function readZip(bytes: Uint8Array, archive: string): ReadonlyMap<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = findDirectory(view, archive);
  const entries = new Map<string, ZipEntry>();
  const records: Record[] = [];
  let at = directory.start;
  for (let i = 0; i < directory.count; i++) {
    const record = readRecord(view, at, archive);
    at = record.next;
    if (at > directory.end) throw corrupt(archive, "its directory is longer than it says");
    records.push(record);
    if (record.name.endsWith("/") && record.size === 0) continue;
    if (entries.has(record.name)) throw corrupt(archive, `there are two entries ${quoted(record.name)}`);
    entries.set(record.name, {
      size: record.size,
      read: () => readEntry(bytes, record, `${archive}, ${quoted(record.name)}`),
    });
  }
  if (at !== directory.end) throw corrupt(archive, "its directory is shorter than it says");
  checkApart(records, archive);
  return entries;
}

/** No two entries share bytes: a small archive could hold the same ones under a thousand names, and more than any memory. */
function checkApart(records: readonly Record[], archive: string): void {
  let end = 0;
  for (const { name, place, packed } of records.toSorted((a, b) => a.place - b.place)) {
    if (place < end) throw corrupt(archive, `the entry ${quoted(name)} overlaps another one`);
    end = place + LOCAL_BYTES + packed;
  }
}

/** A local header without names and extra fields. */
const LOCAL_BYTES = 30;

/** An archive with these files, each stored as it is, or deflated. */
export async function writeZip(
  files: ReadonlyMap<string, Uint8Array>,
  compress: boolean,
  call: string,
): Promise<Uint8Array> {
  const total = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  if (total >= LARGEST) {
    throw new UserError(`${call}: an archive of 4 GiB or more is not written: ${total} bytes; write safetensors`);
  }
  const mtime = "1980-01-01T00:00:00"; // the same numbers are the same bytes, as of NumPy
  const { zipSync } = await import("fflate"); // as it is needed: its tables take a while
  const contents: Zippable = Object.create(null);
  for (const [name, bytes] of files) contents[name] = [bytes, { level: compress ? 6 : 0, mtime }];
  return zipSync(contents);
}

/** Beyond these, sizes and counts take fields that not every reader knows. */
const LARGEST = 0xffff_ffff;
const MOST = 0xffff;

const RECORD = 0x02014b50;
const LOCAL = 0x04034b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;

function corrupt(where: string, why: string): DataError {
  return new DataError(`${where}: ${why}; the archive is corrupt`);
}

interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** The record at the end, behind which there may be a comment. */
function findDirectory(view: DataView, archive: string): Directory {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - MOST); at--) {
    if (view.getUint32(at, true) !== END || at + 22 + view.getUint16(at + 20, true) !== view.byteLength) continue;
    const [count, size, start] = [
      view.getUint16(at + 10, true),
      view.getUint32(at + 12, true),
      view.getUint32(at + 16, true),
    ];
    const isLarge = count === MOST || size === LARGEST || start === LARGEST;
    const directory = isLarge ? findLarge(view, at - 20, archive) : { start, end: start + size, count };
    if (directory.end > at) throw corrupt(archive, "its directory lies behind its end");
    return directory;
  }
  throw new DataError(
    `${archive}: expected a zip archive, found no directory at its end; the file is truncated or something else`,
  );
}

function findLarge(view: DataView, locator: number, archive: string): Directory {
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR_64) {
    const at = Number(view.getBigUint64(locator + 8, true));
    if (at + 56 <= locator && view.getUint32(at, true) === END_64) {
      const [count, size, start] = [32, 40, 48].map((offset) => Number(view.getBigUint64(at + offset, true)));
      return { count: count ?? 0, start: start ?? 0, end: (start ?? 0) + (size ?? 0) };
    }
  }
  throw corrupt(archive, "its directory cannot be found");
}

interface Record {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly checksum: number;
  /** Bytes in the archive. */
  readonly packed: number;
  readonly size: number;
  /** Where its local header is. */
  readonly place: number;
  /** Where the next record is. */
  readonly next: number;
}

function readRecord(view: DataView, at: number, archive: string): Record {
  if (at + 46 > view.byteLength || view.getUint32(at, true) !== RECORD) throw corrupt(archive, "its directory is cut");
  const [names, extras, comment] = [
    view.getUint16(at + 28, true),
    view.getUint16(at + 30, true),
    view.getUint16(at + 32, true),
  ];
  const next = at + 46 + names + extras + comment;
  if (next > view.byteLength) throw corrupt(archive, "its directory is cut");
  const flags = view.getUint16(at + 8, true);
  const name = new Uint8Array(view.buffer, view.byteOffset + at + 46, names);
  const short = {
    size: view.getUint32(at + 24, true),
    packed: view.getUint32(at + 20, true),
    place: view.getUint32(at + 42, true),
  };
  return {
    name: new TextDecoder(flags & 0x800 ? "utf-8" : "latin1").decode(name),
    flags,
    method: view.getUint16(at + 10, true),
    checksum: view.getUint32(at + 16, true),
    ...largeFields(view, at + 46 + names, extras, short),
    next,
  };
}

interface Sizes {
  readonly size: number;
  readonly packed: number;
  readonly place: number;
}

/** Those of a record's sizes that did not fit there stand behind it, in this order. */
function largeFields(view: DataView, from: number, length: number, short: Sizes): Sizes {
  const sizes = { ...short };
  for (let at = from; at + 4 <= from + length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let field = at + 4;
    const end = Math.min(field + view.getUint16(at + 2, true), from + length);
    for (const key of ["size", "packed", "place"] as const) {
      if (short[key] !== LARGEST || field + 8 > end) continue;
      sizes[key] = Number(view.getBigUint64(field, true));
      field += 8;
    }
  }
  return sizes;
}

/** No byte of deflate's stands for more. */
const MOST_INFLATED = 1032;

async function readEntry(archive: Uint8Array, record: Record, where: string): Promise<Uint8Array> {
  const { flags, method, checksum, packed, size, place } = record;
  if (flags & 1) throw new DataError(`${where}: the entry is encrypted`);
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  if (place + LOCAL_BYTES > archive.length || view.getUint32(place, true) !== LOCAL)
    throw corrupt(where, "the entry is not where it should be");
  const start = place + LOCAL_BYTES + view.getUint16(place + 26, true) + view.getUint16(place + 28, true);
  if (start + packed > archive.length) throw corrupt(where, "the entry is cut");
  const bytes = await contents(archive.subarray(start, start + packed), method, size, where);
  if (crc32(bytes) !== checksum) throw corrupt(where, "the checksum is not that of the bytes");
  return bytes;
}

async function contents(packed: Uint8Array, method: number, size: number, where: string): Promise<Uint8Array> {
  if (method === 0) {
    if (packed.length !== size) throw corrupt(where, `expected ${size} bytes, found ${packed.length}`);
    return packed;
  }
  if (method !== 8)
    throw new DataError(`${where}: the entry is packed by method ${method}; stored and deflated ones (0, 8) are read`);
  if (size > packed.length * MOST_INFLATED) throw corrupt(where, `${packed.length} bytes cannot hold ${size}`);
  const { inflateSync } = await import("fflate");
  let inflated: Uint8Array;
  try {
    inflated = inflateSync(packed, { out: new Uint8Array(size) });
  } catch (error) {
    throw corrupt(where, `the entry cannot be inflated: ${messageOf(error)}`);
  }
  if (inflated.length !== size) throw corrupt(where, `expected ${size} bytes, found ${inflated.length}`);
  return inflated;
}

/** The checksum of zip, a byte at a time. */
function crc32(bytes: Uint8Array): number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ (table[(sum ^ byte) & 0xff] ?? 0);
  return ~sum >>> 0;
}
