/**
 * Columns: the user's arrays, one for each input and target, each checked and with what it is multiplied by.
 */
import { type DType, isFloat, isInteger, isShort, roundTo, type ShortFloat } from "../core/dtype.ts";
import { FeedError, UserError } from "../core/errors.ts";
import { type Kind, number, show } from "../core/options.ts";
import { isPlainObject } from "../core/records.ts";
import type { Source } from "../data/dataset.ts";
import { Pixels } from "../data/pixels.ts";
import { printShape, sizeOf } from "../graph/shape.ts";
import { checkRows, toSource } from "./given-numbers.ts";
import { type InputScales, inputScale, scaleOfOne } from "./input-scale.ts";
import type { Ports } from "./ports.ts";
import type { Training } from "./training-program.ts";

/** One array of the user's: `width` numbers a sample. */
export interface Column {
  readonly source: Source;
  readonly width: number;
  readonly scale: number;
  readonly dtype: Exclude<DType, ShortFloat | "bool">;
}

/** Whether it is bytes, of which numbers of f32 are made. */
export function isBytes({ source, dtype }: Column): boolean {
  return dtype === "f32" && (source instanceof Uint8Array || source instanceof Uint8ClampedArray);
}

/** Whether an array can be fed as it is. */
export function isPlain(source: Source, dtype: DType): source is Float32Array | Int32Array {
  return (dtype === "f32" && source instanceof Float32Array) || (dtype === "i32" && source instanceof Int32Array);
}

const factorKind: Kind<number> = {
  ...number(),
  accepts: (value): value is number => typeof value === "number" && Number.isFinite(value) && value !== 0,
};

export function inputColumns(
  call: string,
  { inputs, takes }: Training,
  { x, scale }: { readonly x?: unknown; readonly scale?: unknown },
  trained: InputScales,
): Ports<Column> {
  const scales = isPlainObject(scale) && !inputs.isSingle ? inputs.match(scale, `${call}: scale`, true) : null;
  const given = inputs.match(x, `${call}: x`);
  return inputs.map((shape, name): Column => {
    const numbers = given.get(name);
    const factor = scales === null ? scale : scales.get(name);
    const path = inputs.path("x", name);
    if (factor !== undefined && !factorKind.accepts(factor)) {
      throw new FeedError(`${call}: the scale of ${path} must be a number other than 0, not ${show(factor)}`);
    }
    const dtype = takes.get(name);
    const source = toSource(call, path, numbers, Float32Array);
    checkRows(call, path, numbers, shape);
    if (dtype === "i32") {
      checkIntegers(call, path, source, sizeOf(shape), dtype);
      return { source, width: sizeOf(shape), scale: 1, dtype };
    }
    const scaled = factor ?? inputScale(`${call}: ${path}`, source, scaleOfOne(trained, name));
    return { source, width: sizeOf(shape), scale: scaled, dtype };
  });
}

/** How many samples all inputs have. */
export function countOf(call: string, { inputs }: Training, columns: Ports<Column>, needsSome: boolean): number {
  const counts = columns.map(({ source, width }, name) => {
    const path = inputs.path("x", name);
    if (source.length === 0 && needsSome) throw new FeedError(`${call}: ${path} has no samples`);
    const count = source.length / width;
    if (Number.isSafeInteger(count)) return { path, count };
    const shape = printShape(inputs.get(name));
    throw new FeedError(
      `${call}: ${path} has ${source.length} numbers, no multiple of ${width}: a sample has the shape ${shape}`,
    );
  }).values;
  const [first, ...others] = counts;
  const odd = others.find(({ count }) => count !== first?.count);
  if (odd !== undefined && first !== undefined) {
    throw new FeedError(`${call}: ${odd.path} has ${odd.count} samples, ${first.path} has ${first.count}`);
  }
  return first?.count ?? 0;
}

export function targetColumns(
  call: string,
  { targets, definition: { losses } }: Training,
  y: unknown,
  count: number,
): Ports<Column> {
  const given = targets.match(y, `${call}: y`);
  return targets.map(({ shape, dtype }, name): Column => {
    const path = targets.path("y", name);
    const source = toSource(call, path, given.get(name), Float64Array);
    const width = shape.slice(1).reduce((product: number, dim) => product * Number(dim), 1);
    checkRows(call, path, given.get(name), shape.slice(1));
    if (source.length !== count * width) {
      const wanted = `${width} each, as ${dtype}${printShape(shape)} needs`;
      const rows = isFloat(dtype) || width > 1 ? 1 : source.length / count;
      const areNumbers = source.length === count && losses.get(name) === "categoricalCrossentropy";
      const hint =
        rows > 1 && Number.isSafeInteger(rows)
          ? `: class numbers. For rows of ${rows}, one-hot say, give the trainer target: f32("batch", ${rows})`
          : areNumbers
            ? ": rows of a number for each class. Class numbers go with sparseCategoricalCrossentropy; toCategorical(y) makes rows of them"
            : "";
      throw new FeedError(
        `${call}: ${path} has ${source.length} numbers for the ${count} samples of x; wanted ${wanted}${hint}`,
      );
    }
    if (isShort(dtype) || dtype === "bool") {
      throw new UserError(`${call}: a target cannot be ${dtype}: use f32 or i32`);
    }
    checkIntegers(call, path, source, width, dtype);
    return { source, width, scale: isFloat(dtype) && source instanceof Pixels ? source.scale : 1, dtype };
  });
}

/** Gathering would cut 2.7 to 2 without a word. */
function checkIntegers(call: string, path: string, y: Source, width: number, dtype: DType): void {
  if (!isInteger(dtype)) return;
  for (let i = 0; i < y.length; i++) {
    const value = y[i] ?? Number.NaN;
    if (roundTo(dtype, value) === value) continue;
    throw new FeedError(`${call}: ${placeOf(path, width, i)} is ${value}, which is no ${dtype}`);
  }
}

export function placeOf(path: string, width: number, at: number, batch: number | null = null): string {
  const within = batch === null ? "(the first is 0)" : `of batch ${batch} (the first of both is 0)`;
  const sample = `${path} of sample ${Math.floor(at / width)} ${within}`;
  return width === 1 ? sample : `${sample}, number ${at % width} of its ${width},`;
}
