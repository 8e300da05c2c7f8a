/** Array variables whose elements are variables of their own (uses.ts says which). */

/** All positions in an array of this shape, the last axis fastest. */
export function elements(shape: readonly number[]): readonly (readonly number[])[] {
  let all: readonly (readonly number[])[] = [[]];
  for (const size of shape) all = all.flatMap((at) => Array.from({ length: size }, (_, i) => [...at, i]));
  return all;
}
