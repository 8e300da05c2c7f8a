/**
 * Starting values of states, computed on the host, so that every target starts from the same bits.
 *
 * An initializer is a description; numbers are drawn when a program is compiled, from its seed and the state's name.
 */
import { ShapeError } from "../core/errors.ts";
import { checkValue, number, show } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { printShape, sizeOf } from "../graph/shape.ts";
import { checkSizes } from "./check.ts";
import { fansOf, orthogonalRows, scaled, scalings } from "./scaled-initializers.ts";
import { drawnBy, type Initializer } from "./starts.ts";

export type { Initializer } from "./starts.ts";

export type Sizes = readonly number[];

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
  return drawnBy(shape, (_, into) => into.fill(value));
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
  return drawnBy(shape, (random, into) => random.fillUniform(into, low, high));
}

/** Normal with the given mean and standard deviation. */
export function normal<const S extends Sizes>(mean: number, deviation: number, ...shape: S): Initializer<[...S]> {
  checkValue("normal", "the mean", mean, number());
  checkValue("normal", "the deviation", deviation, number({ from: 0 }));
  checkSizes("normal", shape, "mean, deviation, ");
  return drawnBy(shape, (random, into) => random.fillNormal(into, mean, deviation));
}

/** Uniform within ±sqrt(6 / (fanIn + fanOut)) (Glorot and Bengio 2010): the default of Keras. */
export function glorotUniform<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("glorotUniform", shape);
  return scaled(shape, fansOf(shape), scalings.glorotUniform);
}

/** Normal with deviation sqrt(2 / (fanIn + fanOut)) (Glorot and Bengio 2010), cut off at 2.27 of it, as in Keras. */
export function glorotNormal<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("glorotNormal", shape);
  return scaled(shape, fansOf(shape), scalings.glorotNormal);
}

/** Uniform within ±sqrt(6 / fanIn) (He et al. 2015), for relu. */
export function heUniform<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("heUniform", shape);
  return scaled(shape, fansOf(shape), scalings.heUniform);
}

/** Normal with deviation sqrt(2 / fanIn) (He et al. 2015), cut off at 2.27 of it, as in Keras; for relu. */
export function heNormal<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("heNormal", shape);
  return scaled(shape, fansOf(shape), scalings.heNormal);
}

/** Uniform within ±sqrt(3 / fanIn) (LeCun et al. 1998). */
export function lecunUniform<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("lecunUniform", shape);
  return scaled(shape, fansOf(shape), scalings.lecunUniform);
}

/** Normal with deviation sqrt(1 / fanIn) (LeCun et al. 1998), cut off at 2.27 of it, as in Keras; for selu. */
export function lecunNormal<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("lecunNormal", shape);
  return scaled(shape, fansOf(shape), scalings.lecunNormal);
}

/**
 * A matrix whose rows, or whose columns where there are fewer of them, are orthonormal (Saxe et al. 2014): what recurrent kernels start
 * with. The last axis is the columns, all before it together the rows.
 */
export function orthogonal<const S extends Sizes>(...shape: S): Initializer<[...S]> {
  checkSizes("orthogonal", shape);
  return orthogonalRows(shape, 1);
}
