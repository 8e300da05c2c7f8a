/**
 * The kinds of arrays that JavaScript has, by name: `instanceof` knows only those of its own realm, and frames, `vm` contexts
 * and some test runners have others.
 */

/** "Float32Array", "DataView", "SharedArrayBuffer", "Array", "Object", "BigInt", ... A Node Buffer is a "Uint8Array". */
export function typeName(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** A Float16Array, as far as it is used here: TypeScript's own declaration needs a newer library than ours asks for. */
export interface HalfFloats extends ArrayLike<number> {
  readonly [Symbol.toStringTag]: "Float16Array";
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  subarray(begin?: number, end?: number): HalfFloats;
}
