/** The shape of random numbers beside x: `[null, 1, null]` draws one number for all of the second axis. */
import { ShapeError } from "../../core/errors.ts";
import type { Kind } from "../../core/options.ts";
import { atLine, type Origin } from "../../core/origin.ts";
import { type Dim, printShape, type Shape } from "../../graph/shape.ts";
import { option } from "../schema.ts";

export type NoiseShape = readonly (number | null)[];

const noiseShapeKind: Kind<NoiseShape> = {
  wanted: "a list of sizes with the batch in front, null for x's own: [null, 1, null]",
  accepts: (value): value is NoiseShape =>
    Array.isArray(value) && value.every((size) => size === null || (Number.isSafeInteger(size) && size >= 1)),
};

export const noiseShapeOption = {
  /** The shape of what is drawn, with the batch in front; null is x's own size, 1 is one draw for all along it. x's by default. */
  noiseShape: option(noiseShapeKind),
};

export function noiseDims(call: string, shape: Shape, noise: NoiseShape, origin: Origin): readonly Dim[] {
  const dims = shape.map((dim, axis) => noise[axis] ?? dim);
  const fits = noise.length === shape.length && dims.every((dim, axis) => dim === 1 || dim === shape[axis]);
  if (fits) return dims;
  const found = `[${noise.map((size) => size ?? "null").join(", ")}]`;
  const hint = "each of its sizes is 1, x's, or null";
  throw new ShapeError(`${call}: noiseShape ${found} does not fit x of ${printShape(shape)}: ${hint}${atLine(origin)}`);
}
