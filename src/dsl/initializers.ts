/**
 * Starting values of states, computed on the host, so that every target starts from the same bits.
 *
 * An initializer is a description; numbers are drawn when a program is compiled, from its seed and the state's name.
 */
import { ShapeError } from "../core/errors.ts";
import { checkValue, number, show } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { orthonormalize } from "../core/orthonormal.ts";
import { type Floats, RandomStream } from "../core/random.ts";
import { printShape, type Shape, sizeOf } from "../graph/shape.ts";
import { checkSizes } from "./check.ts";

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

export type Sizes = readonly number[];

function initializer<const S extends Sizes>(
  shape: S,
  draw: (random: RandomStream, into: Floats) => void,
): Initializer<[...S]> {
  return {
    shape: [...shape],
    fillsInPlace: true,
    fill: (into, seed, name) => draw(new RandomStream(seed, name), into),
  };
}

/** 0 everywhere. */
export function zeros<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("zeros", shape);
  return { ...filled(0, ...shape), isZero: true };
}

/** 1 everywhere. */
export function ones<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("ones", shape);
  return filled(1, ...shape);
}

/** `value` everywhere. */
export function filled<const S extends Sizes>(value: number, ...shape: S): Initializer<[...S]> {
  checkValue("filled", "the value", value, number());
  checkSizes("filled", shape, "value, ");
  return initializer(shape, (_, into) => into.fill(value));
}

/** The given numbers, in row-major order. */
export function values<const S extends Sizes>(numbers: ArrayLike<number>, ...shape: S): Initializer<[...S]> {
  checkSizes("values", shape, "numbers, ");
  const listed: unknown = numbers;
  if (typeof listed !== "object" || listed === null || !("length" in listed)) {
    throw new ShapeError(`values: the numbers must be a list, not ${show(listed)}${atLine(here("values"))}`);
  }
  const kept = Float64Array.from(numbers, (value: unknown, at) => {
    if (typeof value === "number") return value;
    const hint = Array.isArray(value) ? ": one list for all, rows.flat(), say" : "";
    throw new ShapeError(`values: ${show(value)} at position ${at} is no number${hint}${atLine(here("values"))}`);
  });
  if (numbers.length !== sizeOf(shape)) {
    throw new ShapeError(
      `values: ${numbers.length} numbers for the shape ${printShape(shape)}${atLine(here("values"))}`,
    );
  }
  return { shape: [...shape], fillsInPlace: true, fill: (into) => into.set(kept) };
}

/** Uniform in [low, high). */
export function uniform<const S extends Sizes>(low: number, high: number, ...shape: S): Initializer<[...S]> {
  checkValue("uniform", "low", low, number());
  checkValue("uniform", "high", high, number({ from: low }));
  checkSizes("uniform", shape, "low, high, ");
  return initializer(shape, (random, into) => random.fillUniform(into, low, high));
}

/** Normal with the given mean and standard deviation. */
export function normal<const S extends Sizes>(mean: number, deviation: number, ...shape: S): Initializer<[...S]> {
  checkValue("normal", "the mean", mean, number());
  checkValue("normal", "the deviation", deviation, number({ from: 0 }));
  checkSizes("normal", shape, "mean, deviation, ");
  return initializer(shape, (random, into) => random.fillNormal(into, mean, deviation));
}

/** Inputs and outputs of one unit: the last axis is the outputs, the one before the inputs, others are a receptive field. */
function fans(shape: Sizes): { readonly fanIn: number; readonly fanOut: number } {
  const field = sizeOf(shape.slice(0, -2));
  const last = shape[shape.length - 1] ?? 1;
  return { fanIn: field * (shape[shape.length - 2] ?? last), fanOut: field * last };
}

/** Uniform within ±sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio 2010): the default of Keras. */
export function glorotUniform<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("glorotUniform", shape);
  const { fanIn, fanOut } = fans(shape);
  const limit = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(-limit, limit, ...shape);
}

/** Normal with deviation sqrt(2 / (fanIn + fanOut)) (Glorot and Bengio 2010). */
export function glorotNormal<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("glorotNormal", shape);
  const { fanIn, fanOut } = fans(shape);
  return normal(0, Math.sqrt(2 / (fanIn + fanOut)), ...shape);
}

/** Uniform within ±sqrt(6 / fanIn) (He et al. 2015), for relu. */
export function heUniform<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("heUniform", shape);
  const limit = Math.sqrt(6 / fans(shape).fanIn);
  return uniform(-limit, limit, ...shape);
}

/** Normal with deviation sqrt(2 / fanIn) (He et al. 2015), for relu. */
export function heNormal<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("heNormal", shape);
  return normal(0, Math.sqrt(2 / fans(shape).fanIn), ...shape);
}

/**
 * A matrix whose rows, or whose columns where there are fewer of them, are orthonormal (Saxe et al. 2014): what recurrent kernels start
 * with. The last axis is the columns, all before it together the rows.
 */
export function orthogonal<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("orthogonal", shape);
  const columns = shape[shape.length - 1] ?? 1;
  const rows = sizeOf(shape.slice(0, -1));
  return initializer(shape, (random, into) => {
    const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
    const vectors = new Float64Array(count * length);
    random.fillNormal(vectors, 0, 1);
    orthonormalize(vectors, count, length);
    if (rows <= columns) into.set(vectors);
    else
      for (let k = 0; k < vectors.length; k++) into[k] = vectors[(k % columns) * length + Math.floor(k / columns)] ?? 0;
  });
}
