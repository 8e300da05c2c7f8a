/**
 * Numbers as a user gives them, for a feed or a state: as the typed array that the tensor's dtype takes, or refused in words.
 * Every target gets its numbers from here, so what is taken does not depend on the target.
 *
 *   taken     the dtype's typed array: any part of any memory, shared and resizable too, and of any realm
 *             Float16Array for f16, beside Uint16Array with the bits, as for bf16; Uint8ClampedArray for u8 and bool
 *             (nested) lists of numbers and booleans that the dtype holds; a number for a single element
 *   refused   every other typed array, as another type means a conversion, which the user had better see; DataView, bare
 *             memory, BigInt, lists of another shape
 */
import { typeName } from "../core/arrays.ts";
import { type DType, heldIn, isFloat, isShort, roundTo } from "../core/dtype.ts";
import { FeedError } from "../core/errors.ts";
import { atLine, here } from "../core/origin.ts";
import { printShape } from "../graph/shape.ts";
import type { BufferSlot } from "../program/buffer.ts";
import { arrayTypeOf, type TypedArray, viewOf } from "./typed-arrays.ts";

export type NestedNumbers = readonly (number | boolean | NestedNumbers)[];

/** Whose numbers they are: a feed's, with the entry that is called, or a state's. */
export type Call = string | null;

/** An error about a feed or state, with the line of the user's call. */
export function feedError(message: string): FeedError {
  return new FeedError(message + atLine(here("feed")));
}

/** "f32[2,3]" */
export function typeIn({ dtype, shape }: BufferSlot): string {
  return `${dtype}${printShape(shape)}`;
}

/** The values to copy. Nothing is allocated for a typed array that fits; what comes back may still be the user's own. */
export function toValues(given: unknown, slot: BufferSlot, call: Call): TypedArray {
  const { dtype, count } = slot;
  const values = ArrayBuffer.isView(given) ? viewAs(given, slot, call) : fromNumbers(given, slot, call);
  if (values.length !== count) {
    const numbers = values.length === 1 ? "number" : "numbers";
    throw refuse(slot, call, `has ${values.length} ${numbers}; ${typeIn(slot)} takes ${count}${goneWords(given)}`);
  }
  if (dtype === "bool") checkBool(values, slot, call);
  return count === 0 ? new (arrayTypeOf(dtype))(0) : values; // memory that is gone has views of length 0: never touched
}

/** A feed as it is now. What is no feed stays as it is: it will be refused. */
export function copyOf<F>(given: F): F {
  return copied(given) as F;
}

function copied(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(copied);
  if (!ArrayBuffer.isView(given) || given.byteLength === 0 || typeName(given) === "DataView") return given;
  if (given instanceof Uint8Array) return Uint8Array.from(given); // the slice of a Buffer is no copy
  return (given as TypedArray).slice();
}

/** What is wrong with the numbers, as an error. */
export function refuse(slot: BufferSlot, call: Call, what: string): FeedError {
  return feedError(call === null ? `the state "${slot.name}" ${what}` : `${call}: the feed "${slot.name}" ${what}`);
}

function viewAs(given: ArrayBufferView, slot: BufferSlot, call: Call): TypedArray {
  const { dtype } = slot;
  const ArrayType = arrayTypeOf(dtype);
  if (given instanceof ArrayType) return given;
  const kind = typeName(given);
  if (kind === ArrayType.name) return given as TypedArray; // of another realm
  if (sameBits[kind]?.includes(dtype) !== true) {
    throw refuse(slot, call, `is a ${kind}; ${typeIn(slot)} takes a ${takes(dtype)}${adviceFor(kind, dtype)}`);
  }
  if (given.byteLength === 0) return new ArrayType(0);
  return viewOf(dtype, given.buffer as ArrayBuffer, given.byteOffset, given.byteLength / ArrayType.BYTES_PER_ELEMENT);
}

/** Types whose memory is that of a dtype, without being what its values are read as. */
const sameBits: Readonly<Record<string, readonly DType[]>> = {
  Float16Array: ["f16"],
  Uint8ClampedArray: ["u8", "bool"],
};

function takes(dtype: DType): string {
  const { name } = arrayTypeOf(dtype);
  if (dtype === "f16") return `Float16Array, a ${name} with the bits or a list of numbers`;
  return dtype === "bf16" ? `${name} with the bits, or a list of numbers` : name;
}

function adviceFor(kind: string, dtype: DType): string {
  const { name } = arrayTypeOf(dtype);
  if (kind === "DataView" || kind.endsWith("ArrayBuffer")) {
    return `: make one over its memory, new ${name}(buffer, byteOffset, length)`;
  }
  if (kind.startsWith("Big")) return `: ${isShort(dtype) ? "Array" : name}.from(values, Number)`;
  if (isShort(dtype)) return ": Array.from(values), whose numbers are rounded";
  return isFloat(dtype) ? `: ${name}.from(values)` : "";
}

/** Why a view of memory that was sent away, or made smaller, has no numbers. */
function goneWords(given: unknown): string {
  if (!ArrayBuffer.isView(given) || given.byteLength > 0) return "";
  const { buffer }: { readonly buffer: ArrayBufferLike & { readonly detached?: boolean } } = given;
  return buffer.detached === true ? " (its memory was transferred to somewhere else)" : "";
}

/** Nested lists in the tensor's shape, one flat list, or a number; what the dtype cannot hold exactly is refused. */
function fromNumbers(given: unknown, slot: BufferSlot, call: Call): TypedArray {
  const { dtype, shape, count } = slot;
  const kind = typeName(given);
  if (kind.endsWith("ArrayBuffer")) {
    throw refuse(slot, call, `is a bare ${kind}; ${typeIn(slot)} takes a ${takes(dtype)}${adviceFor(kind, dtype)}`);
  }
  const numbers: number[] = [];
  const isFlat = Array.isArray(given) && given.every((part) => !Array.isArray(part));
  if (isFlat) for (const part of given) numbers.push(elementOf(part, slot, call));
  else if (call === null && count === 1 && !Array.isArray(given)) numbers.push(elementOf(given, slot, call));
  else collect(given, shape, slot, call, numbers);
  return arrayTypeOf(dtype).from(numbers);
}

function collect(part: unknown, shape: readonly number[], slot: BufferSlot, call: Call, numbers: number[]): void {
  const [extent, ...inner] = shape;
  if (extent === undefined) {
    if (Array.isArray(part)) throw wrongShape(slot, call);
    numbers.push(elementOf(part, slot, call));
    return;
  }
  if (!Array.isArray(part) || part.length !== extent) throw wrongShape(slot, call);
  for (const next of part) collect(next, inner, slot, call, numbers);
}

function wrongShape(slot: BufferSlot, call: Call): FeedError {
  return refuse(slot, call, `is not shaped like ${typeIn(slot)}`);
}

/** As its typed array holds it: a short float is its bits there. */
function elementOf(value: unknown, slot: BufferSlot, call: Call): number {
  const { dtype } = slot;
  if (typeof value !== "number" && typeof value !== "boolean") {
    throw refuse(slot, call, `holds ${wordFor(value)}, which is no number`);
  }
  const number = Number(value);
  if (!isFloat(dtype) && roundTo(dtype, number) !== number) {
    throw refuse(slot, call, `holds ${number}, which is no ${dtype}`);
  }
  return isShort(dtype) ? heldIn(dtype, roundTo(dtype, number)) : number;
}

function wordFor(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? `a ${typeName(value)}` : String(value);
}

/** Any other byte would be true in some places and unequal to true in others. */
function checkBool(values: TypedArray, slot: BufferSlot, call: Call): void {
  for (let i = 0; i < values.length; i++) {
    if ((values[i] ?? 0) <= 1) continue;
    throw refuse(slot, call, `has ${values[i]} at position ${i}; a bool is 0 or 1`);
  }
}
