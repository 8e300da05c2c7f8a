/** What an initializer is, and how one is made that draws from a stream. */
import { type Floats, RandomStream } from "../core/random.ts";
import type { Shape } from "../graph/shape.ts";

/** What a state starts with: its shape, and how it is filled from the seed. */
export interface Initializer<S extends Shape = Shape> {
  /** All dimensions are numbers. */
  readonly shape: S;
  /** All values are 0, as those of fresh memory: a table of any size costs nothing to start. */
  readonly isZero?: boolean;
  /** `fill` writes every value and keeps no hold on the array: it may be handed the state's own memory. */
  readonly fillsInPlace?: boolean;
  /** Writes the values, row-major. `seed` and `name` choose the random stream. */
  fill(into: Floats, seed: number, name: string): void;
}

export function drawnBy<const S extends readonly number[]>(
  shape: S,
  draw: (random: RandomStream, into: Floats) => void,
): Initializer<[...S]> {
  return {
    shape: [...shape],
    fillsInPlace: true,
    fill: (into, seed, name) => draw(new RandomStream(seed, name), into),
  };
}
