/** Arrays as lines of JSON, for the Python processes that run what we export. */
import { byteWidth, type DType, heldIn, valueIn } from "../../src/core/dtype.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { viewOf } from "../../src/runtime/typed-arrays.ts";

export interface Told {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: string;
}

/** Values by name. Numbers are what they mean, in doubles. */
export type Named = ReadonlyMap<string, ArrayLike<number>>;

/** Runs an entry on another engine: outputs by their paths. */
export type RunEntry = (entry: Entry, given: Named) => Promise<Named>;

export function encoded({ dtype, shape }: Omit<Told, "data">, values: ArrayLike<number>): Told {
  const array = emptyArray(dtype, shape);
  for (let i = 0; i < array.length; i++) array[i] = heldIn(dtype, values[i] ?? Number.NaN);
  return { dtype, shape, data: Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64") };
}

export function decoded({ dtype, shape, data }: Told): Float64Array {
  const bytes = Buffer.from(data, "base64");
  const array = emptyArray(dtype, shape);
  new Uint8Array(array.buffer).set(bytes);
  return Float64Array.from(array, (held) => valueIn(dtype, held));
}

function emptyArray(dtype: DType, shape: readonly number[]) {
  const count = sizeOf(shape);
  return viewOf(dtype, new ArrayBuffer(count * byteWidth(dtype)), 0, count);
}
