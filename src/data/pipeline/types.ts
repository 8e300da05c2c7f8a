/** The types of elements and of their batches. */
import type { NumberArray } from "./layout.ts";

/** An element `T` many times: numbers become Float64Array, typed arrays one of their type, texts a list; objects field by field. */
export type Batched<T> = T extends number
  ? Float64Array
  : T extends boolean
    ? Uint8Array
    : T extends string
      ? string[]
      : T extends NumberArray
        ? T
        : T extends readonly unknown[]
          ? Float64Array
          : { readonly [K in keyof T]: Batched<T[K]> };

/** What one row of a column is: of a list its members, of a typed array a number, of `rows(...)` an array. */
export type RowOf<C> =
  C extends Rows<infer A> ? A : C extends NumberArray ? number : C extends readonly (infer E)[] ? Widened<E> : never;

type Widened<E> = E extends number ? number : E extends string ? string : E extends boolean ? boolean : E;

/** An array whose rows have several numbers: see `rows`. */
export class Rows<A extends NumberArray> {
  /** All rows, one behind the other. */
  readonly array: A;
  /** How many numbers a row has. */
  readonly width: number;

  constructor(array: A, width: number) {
    this.array = array;
    this.width = width;
  }
}
