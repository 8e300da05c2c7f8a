/** Axes as a layer's option: counted over all of x, with the batch as axis 0, from the end where they are negative, as in Keras. */
import { ShapeError } from "../../core/errors.ts";
import { either, type Kind, list, whole } from "../../core/options.ts";
import { atLine, type Origin } from "../../core/origin.ts";
import type { Dim, Shape } from "../../graph/shape.ts";

export type Axes = number | readonly number[];

export const axesKind: Kind<Axes> = either(whole(), list(whole()));

/** Which axes of x of this rank those are, ascending. `what` names the call, for the ShapeError. */
export function axesIn(what: string, axes: Axes, rank: number, origin: Origin): readonly number[] {
  const given: readonly number[] = typeof axes === "number" ? [axes] : axes;
  const found = given.map((axis) => (axis < 0 ? axis + rank : axis));
  const wrong = given.find((_, i) => !((found[i] ?? 0) >= 1 && (found[i] ?? 0) < rank));
  if (wrong !== undefined || new Set(found).size < found.length) {
    const why = wrong === undefined ? "names one twice" : `${wrong} is none that a sample has`;
    const range = rank > 1 ? `they are 1 to ${rank - 1}, or -1 to ${1 - rank}` : "it has none";
    throw new ShapeError(`${what}: axis: ${why}: of x with the batch in front ${range}${atLine(origin)}`);
  }
  return found.toSorted((a, b) => a - b);
}

/** The sizes of a sample along these axes of x. */
export function sizesAlong(sample: readonly number[], axes: readonly number[]): readonly number[] {
  return axes.map((axis) => sample[axis - 1] ?? 1);
}

/** The shape in which something along these axes stands beside x. */
export function besideX(shape: Shape, axes: readonly number[]): readonly Dim[] {
  return shape.map((dim, axis) => (axes.includes(axis) ? dim : 1));
}

/** All axes but these. */
export function axesBut(rank: number, axes: readonly number[]): readonly number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.includes(axis));
}
