/**
 * IDX, the file format of MNIST: four bytes of magic (two zeros, the element type, the rank), one big-endian u32 per
 * dimension, then the elements, big-endian, nothing after them.
 *
 *     00 00 08 03 | 00 00 ea 60 | 00 00 00 1c | 00 00 00 1c | 47,040,000 bytes   ->   u8 [60000, 28, 28]
 *
 * A file either is exactly what its header declares, or a DataError names it, what was expected and what was found.
 * Compressed files are unpacked before they come here (see mnist.ts).
 */
import { DataError, unreachable } from "../core/errors.ts";
import type { ImageSet, Split } from "./dataset.ts";
import { Pixels } from "./pixels.ts";

/** What an IDX file holds. `u8` data is a view of the bytes given; the other types are copies in native order. */
export type IdxArray =
  | { readonly dtype: "u8"; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: "i8"; readonly shape: readonly number[]; readonly data: Int8Array }
  | { readonly dtype: "i16"; readonly shape: readonly number[]; readonly data: Int16Array }
  | { readonly dtype: "i32"; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: "f32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "f64"; readonly shape: readonly number[]; readonly data: Float64Array };

/** The bytes of a file, with the name that errors call it by. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface SplitFiles {
  readonly images: NamedBytes;
  readonly labels: NamedBytes;
}

/** What images and labels must be: MNIST's 28 x 28 and ten classes, unless said otherwise. */
export interface IdxExpectation {
  readonly imageShape?: readonly [rows: number, columns: number];
  readonly classes?: number;
}

export interface IdxDatasetOptions extends IdxExpectation {
  readonly name: string;
  readonly origin: string;
  readonly train: SplitFiles;
  readonly test: SplitFiles;
}

/** Reads an IDX file of any element type and rank. */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const { dtype, shape, offset } = parseHeader(bytes, name);
  const count = shape.reduce((product, size) => product * size, 1);
  const length = offset + count * ELEMENT_BYTES[dtype];
  const declared = `a header that declares ${dtype} [${shape.join(", ")}]`;
  if (!Number.isSafeInteger(length)) {
    throw new DataError(`${name}: ${declared} would need more bytes than any file has; get the file again`);
  }
  if (bytes.length !== length) {
    const wrong = bytes.length < length ? "the file is truncated" : "there are bytes after the last element";
    const advice = "get the file again, or check that it is the right one";
    throw new DataError(`${name}: ${wrong}: ${declared} needs ${length} bytes, found ${bytes.length}; ${advice}`);
  }
  return { shape, ...readElements(bytes.subarray(offset), dtype, count) };
}

/** Reads images and their labels, and checks that they belong together. */
function decodeIdxSplit(files: SplitFiles, expected: IdxExpectation = {}): Split {
  const { imageShape = [28, 28], classes = 10 } = expected;
  const [rows, columns] = imageShape;
  const images = parseIdx(files.images.bytes, files.images.name);
  const labels = parseIdx(files.labels.bytes, files.labels.name);
  const [count, height, width] = images.shape;
  if (images.dtype !== "u8" || images.shape.length !== 3 || height !== rows || width !== columns) {
    throw mismatch(files.images.name, `images, u8 [count, ${rows}, ${columns}]`, images);
  }
  if (labels.dtype !== "u8" || labels.shape.length !== 1) {
    throw mismatch(files.labels.name, "labels, u8 [count]", labels);
  }
  if (count === undefined || count === 0) {
    throw new DataError(`${files.images.name}: expected at least one image, found none`);
  }
  if (labels.data.length !== count) {
    const found = `${files.labels.name} has ${labels.data.length} labels for the ${count} images of ${files.images.name}`;
    throw new DataError(`${found}: the two files do not belong together; expected one label per image`);
  }
  const bad = labels.data.findIndex((label) => label >= classes);
  if (bad >= 0) {
    const found = `found ${labels.data[bad]} at position ${bad}`;
    throw new DataError(`${files.labels.name}: expected labels from 0 to ${classes - 1}, ${found}`);
  }
  const { buffer, byteOffset, length } = images.data;
  const pixels = new Pixels(buffer as ArrayBuffer, byteOffset, length); // a view, shared memory too: the type knows only one kind
  return { images: pixels, labels: labels.data, count, imageShape };
}

/** A whole data set from its four files. */
export function decodeIdxDataset(options: IdxDatasetOptions): ImageSet {
  const { name, origin } = options;
  return { name, origin, train: decodeIdxSplit(options.train, options), test: decodeIdxSplit(options.test, options) };
}

const ELEMENT_BYTES = { u8: 1, i8: 1, i16: 2, i32: 4, f32: 4, f64: 8 } as const satisfies Record<
  IdxArray["dtype"],
  number
>;

interface Header {
  readonly dtype: IdxArray["dtype"];
  readonly shape: readonly number[];
  readonly offset: number;
}

function parseHeader(bytes: Uint8Array, name: string): Header {
  if (bytes.length < 4) {
    const expected = "expected an IDX file, which has at least 4 bytes";
    throw new DataError(`${name}: the file is truncated: ${expected}, found ${bytes.length}; get the file again`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const code = view.getUint8(2);
  const rank = view.getUint8(3);
  const dtype = elementType(code);
  if (view.getUint16(0) !== 0 || dtype === undefined || rank === 0) {
    const expected =
      "expected an IDX file, which starts with 00 00, a type (08, 09, 0b to 0e) and a rank of 01 or more";
    throw new DataError(`${name}: ${expected}; found ${describeStart(bytes)}`);
  }
  const offset = 4 + 4 * rank;
  if (bytes.length < offset) {
    const expected = `an IDX header of rank ${rank} has ${offset} bytes`;
    throw new DataError(`${name}: the file is truncated: ${expected}, found ${bytes.length}; get the file again`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { dtype, shape, offset };
}

function elementType(code: number): IdxArray["dtype"] | undefined {
  switch (code) {
    case 0x08:
      return "u8";
    case 0x09:
      return "i8";
    case 0x0b:
      return "i16";
    case 0x0c:
      return "i32";
    case 0x0d:
      return "f32";
    case 0x0e:
      return "f64";
    default:
      return undefined;
  }
}

type Elements = IdxArray extends infer A ? (A extends IdxArray ? Omit<A, "shape"> : never) : never;

function readElements(bytes: Uint8Array, dtype: IdxArray["dtype"], count: number): Elements {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case "u8":
      return { dtype, data: bytes };
    case "i8":
      return { dtype, data: new Int8Array(bytes) };
    case "i16":
      return { dtype, data: Int16Array.from({ length: count }, (_, i) => view.getInt16(2 * i)) };
    case "i32":
      return { dtype, data: Int32Array.from({ length: count }, (_, i) => view.getInt32(4 * i)) };
    case "f32":
      return { dtype, data: Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i)) };
    case "f64":
      return { dtype, data: Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i)) };
    default:
      return unreachable(dtype);
  }
}

function mismatch(name: string, expected: string, found: IdxArray): DataError {
  const advice = "check that the files are not mixed up";
  return new DataError(`${name}: expected ${expected}, found ${found.dtype} [${found.shape.join(", ")}]; ${advice}`);
}

/** The first bytes, and what they look like, because a compressed file or a web page is the usual mistake. */
function describeStart(bytes: Uint8Array): string {
  const start = bytes.subarray(0, 4);
  const hex = Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  if (start[0] === 0x1f && start[1] === 0x8b) return `${hex}: this is a gzip file, unpack it first`;
  if (start.every((byte) => byte >= 0x20 && byte < 0x7f)) {
    return `${hex}: this is text ("${String.fromCharCode(...start)}..."), perhaps a web page saved in place of the file`;
  }
  return hex;
}
