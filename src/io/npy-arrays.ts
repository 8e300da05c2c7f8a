/**
 * npy, NumPy's file of one array, and its numbers as a tensor. `npy.ts` is what users call.
 *
 * Read: every type of number that a tensor has, or that one of its types holds exactly (foreign-dtypes.ts), of either byte order; in
 * Fortran's order, too, which is turned to rows first. A file is read as a whole or refused: its length must be that of its shape.
 * Written: rows first always, version 1.0, to the bytes that `numpy.save` makes of the same array.
 */
import type { DType } from "../core/dtype.ts";
import { DataError, UserError } from "../core/errors.ts";
import { printShape } from "../graph/shape.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";
import { decodeElements, swapBytes, writeElements } from "./elements.ts";
import { MAX_RANK, type NpyHeader, type NpyHeaderOptions, readNpyHeader } from "./npy-header.ts";
import { checkTensor, type StoredTensor } from "./safetensors.ts";
import { quoted } from "./safetensors-header.ts";

/** The array of a file that errors call `name`. */
export function decodeNpy(bytes: Uint8Array, name: string, options: NpyHeaderOptions = {}): StoredTensor {
  const header = readNpyHeader(bytes, name, options);
  if (header === null) throw new DataError(`${name}: the file is truncated: it ends within its header`);
  const { shape, headerBytes, count, width } = header;
  const found = bytes.length - headerBytes;
  if (found !== count * width) {
    const wrong = found < count * width ? "the file is truncated" : "there are bytes behind the array";
    throw new DataError(
      `${name}: ${wrong}: expected ${count * width} bytes for the shape ${printShape(shape)}, ${width} an element; found ${found}`,
    );
  }
  const stored = bytes.subarray(headerBytes);
  const elements = header.isFortran ? rowsFirst(stored, shape, width) : stored;
  return { dtype: header.type.dtype, shape, data: decodeNpyElements(elements, header, name) };
}

/** Elements as they follow each other in the file, all or a part of them: whole ones. */
export function decodeNpyElements(
  bytes: Uint8Array,
  { type, isBigEndian, width }: NpyHeader,
  where: string,
): TypedArray {
  return decodeElements(isBigEndian ? swapBytes(bytes, width) : bytes, type, where);
}

/** The elements' bytes from the order in which the first index is the fastest to the one in which the last is. */
function rowsFirst(from: Uint8Array, shape: readonly number[], width: number): Uint8Array {
  if (shape.filter((size) => size !== 1).length < 2) return from;
  const to = new Uint8Array(from.length);
  const steps: number[] = [];
  let step = width;
  for (const size of shape) {
    steps.push(step);
    step *= size;
  }
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < to.length; i += width) {
    for (let byte = 0; byte < width; byte++) to[i + byte] = from[at + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const [size, step] = [shape[axis] ?? 1, steps[axis] ?? 0];
      at += step;
      index[axis] = next;
      if (next < size) break;
      at -= size * step;
      index[axis] = 0;
    }
  }
  return to;
}

/** Bytes of a file; errors begin with `call` and name the tensor. */
export function encodeNpy(name: string, tensor: StoredTensor, call: string): Uint8Array {
  checkTensor(name, tensor, call);
  const { dtype, shape, data } = tensor;
  const code = codes[dtype];
  if (code === null) {
    throw new UserError(
      `${call}: ${quoted(name)} is bf16, for which npy has no name: NumPy would read raw bytes. Write safetensors, or cast it to f32, which holds every bf16`,
    );
  }
  if (shape.length > MAX_RANK)
    throw new UserError(`${call}: ${quoted(name)} has ${shape.length} dimensions, npy at most ${MAX_RANK}`);
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${code}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const room = shape.length === 0 ? 0 : 21 - `${shape[0]}`.length; // NumPy's, for files that others append to
  const headerBytes = 64 * Math.ceil((10 + text.length + room + 1) / 64);
  const bytes = new Uint8Array(headerBytes + data.byteLength).fill(0x20, 0, headerBytes);
  bytes.set(start);
  new DataView(bytes.buffer).setUint16(8, headerBytes - 10, true);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[headerBytes - 1] = 0x0a;
  writeElements(data, bytes.subarray(headerBytes));
  return bytes;
}

/** The file's mark, and version 1.0. */
const start = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0] as const;

const codes = {
  f64: "<f8",
  f32: "<f4",
  f16: "<f2",
  bf16: null,
  i32: "<i4",
  u32: "<u4",
  u8: "|u1",
  bool: "|b1",
} as const satisfies Record<DType, string | null>;
