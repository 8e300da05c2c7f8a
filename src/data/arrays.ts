/** Arrays made ready for training: split for a test, cut into windows of time, classes as rows of zeros and a one. */
import { checkArguments, checkedLater, checkOptions, checkValue, count, flag, number, type OptionTable, seed as seedKind, show, whole } from "../core/options.ts"; // biome-ignore format: names
import { RandomStream } from "../core/random.ts";
import { isRecord } from "../core/records.ts";
import { fail } from "./fail.ts";
import { Dataset } from "./pipeline/dataset.ts";
import { isNumbers, type NumberArray, newNumbers } from "./pipeline/layout.ts"; // biome-ignore format: names
import type { Column } from "./pipeline/memory.ts";
import { ValuesCursor } from "./pipeline/operations/cache.ts";
import { MapCursor } from "./pipeline/operations/map.ts";
import { Rows } from "./pipeline/types.ts";

export interface SplitOptions {
  /** The share of the rows that is for the test (below 1), or how many (from 1). 0.25 by default; a share is rounded up. */
  readonly testSize?: number;
  /** What the order follows from. 0 by default. */
  readonly seed?: number;
  /** In a random order. True by default; without it the last rows are for the test. */
  readonly shuffle?: boolean;
  /** A class for each row: train and test get the same shares of each. */
  readonly stratify?: ArrayLike<number | string>;
}

const splitTable: OptionTable<SplitOptions> = {
  testSize: number({ above: 0 }),
  seed: seedKind,
  shuffle: flag,
  stratify: {
    wanted: "a list with a class for each row, the labels say",
    accepts: (value): value is ArrayLike<number | string> =>
      Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)),
  },
};

/** Columns of the same kind, for training and for a test. Each row is in one of them. */
export function trainTestSplit<C extends Readonly<Record<string, Column>>>(
  columns: C,
  options: SplitOptions = {},
): { readonly train: C; readonly test: C } {
  checkArguments("trainTestSplit", arguments, 2);
  const { testSize = 0.25, seed = 0, shuffle = true, stratify } = checkOptions("trainTestSplit", options, splitTable, { before: "columns, " }); // biome-ignore format: short
  const size = sizeOfAll(columns);
  const tests = testSize < 1 ? Math.ceil(size * testSize) : testSize;
  if (!Number.isInteger(tests) || tests >= size) fail("trainTestSplit", `testSize ${testSize} of ${size} rows leaves none to train on, or is no whole number`); // biome-ignore format: short
  if (stratify !== undefined && !shuffle) fail("trainTestSplit", "stratify needs shuffle");
  const order = orderOf(size, shuffle ? new RandomStream(seed, "trainTestSplit") : null);
  const chosen = stratify === undefined ? null : stratified(stratify, order, size, tests);
  const [train, test]: [number[], number[]] = [[], []];
  for (const [place, row] of order.entries()) {
    const isTest = chosen === null ? (shuffle ? place < tests : place >= size - tests) : chosen.has(row);
    (isTest ? test : train).push(row);
  }
  const pick = (wanted: readonly number[]): C =>
    Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, pickRows(column, wanted)])) as C; // column by column
  return { train: pick(train), test: pick(test) };
}

function sizeOfAll(columns: unknown): number {
  if (!isRecord(columns) || ArrayBuffer.isView(columns)) {
    fail("trainTestSplit", `takes columns, { x, y }, not ${show(columns)}`);
  }
  const sizes = Object.entries(columns).map(([name, column]) => {
    if (column instanceof Rows) return { name, size: column.array.length / column.width };
    if (Array.isArray(column) || isNumbers(column)) return { name, size: column.length };
    return fail(
      "trainTestSplit",
      `${name} is ${show(column)}: a column is a typed array, a list, or rows(array, width)`,
    );
  });
  const [first, ...others] = sizes;
  const odd = others.find(({ size }) => size !== first?.size);
  if (first === undefined) return fail("trainTestSplit", "there are no columns");
  if (odd === undefined) return first.size;
  return fail("trainTestSplit", `${first.name} has ${first.size} rows, ${odd.name} ${odd.size}: where several numbers are one row, rows(array, width) says so`); // biome-ignore format: short
}

function orderOf(size: number, random: RandomStream | null): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  if (random === null) return order;
  for (let i = size - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
  return order;
}

/** The rows for the test: of every class its share, and of what is left over by rounding one each to the largest rests. */
function stratified(
  classes: ArrayLike<number | string>,
  order: Uint32Array,
  size: number,
  tests: number,
): ReadonlySet<number> {
  if (classes.length !== size) fail("trainTestSplit", `stratify has ${classes.length} classes for ${size} rows`);
  const members = new Map<number | string, number[]>();
  for (const row of order) {
    const of = classes[row] ?? "";
    const known = members.get(of);
    if (known === undefined) members.set(of, [row]);
    else known.push(row);
  }
  const groups = [...members]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rows]) => {
      if (rows.length < 2) fail("trainTestSplit", `stratify: the class ${show(name)} has one row, and needs two: one to train on, one for the test`); // biome-ignore format: short
      const share = (rows.length * tests) / size;
      return { rows, whole: Math.floor(share), rest: share - Math.floor(share) };
    });
  let left = tests - groups.reduce((sum, { whole }) => sum + whole, 0);
  const chosen = new Set<number>();
  for (const { rows, whole } of groups.toSorted((a, b) => b.rest - a.rest)) {
    const count = whole + (left > 0 ? 1 : 0);
    left -= left > 0 ? 1 : 0;
    for (const row of rows.slice(0, count)) chosen.add(row);
  }
  return chosen;
}

function pickRows(column: Column, wanted: readonly number[]): Column {
  if (column instanceof Rows) {
    const { array, width } = column;
    const picked = newNumbers(array, wanted.length * width);
    for (const [i, row] of wanted.entries()) picked.set(array.subarray(row * width, (row + 1) * width), i * width);
    return new Rows(picked, width);
  }
  if (!isNumbers(column)) return wanted.map((row) => column[row]);
  const picked = newNumbers(column, wanted.length);
  for (const [i, row] of wanted.entries()) picked[i] = column[row] ?? 0;
  return picked;
}

export interface TimeseriesOptions {
  /** Moments in a window. */
  readonly window: number;
  /** From where one window begins to where the next does. 1 by default. */
  readonly stride?: number;
  /** From one moment in a window to the next. 1 by default. */
  readonly rate?: number;
  /** What belongs to the window that begins at each moment, as `targets` of Keras. */
  readonly targets?: NumberArray | readonly number[];
  /** Instead of targets: y are this many moments that follow the window, `rate` apart. */
  readonly horizon?: number;
  /** The first moment that is used. 0 by default. */
  readonly start?: number;
  /** The moment behind the last that is used. All by default. */
  readonly end?: number;
}

const timeseriesTable: OptionTable<TimeseriesOptions> = {
  window: count,
  stride: count,
  rate: count,
  targets: checkedLater("a number for each moment"),
  horizon: count,
  start: whole({ from: 0 }),
  end: whole({ from: 0 }),
};

/** A window of a series: `x` moment after moment. */
export interface SeriesWindow<A> {
  readonly x: A;
}

/**
 * Windows of a series, in their order: a number for each moment, or `rows(series, width)`. y is the target of the moment where the
 * window begins, or the moments behind it.
 */
export function timeseries<A extends NumberArray>(series: A | Rows<A>, options: TimeseriesOptions & { readonly targets: NumberArray | readonly number[] }): Dataset<SeriesWindow<A> & { readonly y: number }>; // biome-ignore format: one line
export function timeseries<A extends NumberArray>(series: A | Rows<A>, options: TimeseriesOptions & { readonly horizon: number }): Dataset<SeriesWindow<A> & { readonly y: A }>; // biome-ignore format: one line
export function timeseries<A extends NumberArray>(
  series: A | Rows<A>,
  options: TimeseriesOptions,
): Dataset<SeriesWindow<A>>;
export function timeseries(series: NumberArray | Rows<NumberArray>, options: TimeseriesOptions): Dataset<unknown> {
  checkArguments("timeseries", arguments, 2);
  checkOptions("timeseries", options, timeseriesTable, { before: "series, " });
  const { array, width } = series instanceof Rows ? series : { array: series, width: 1 };
  if (!isNumbers(array)) fail("timeseries", `takes a typed array or rows(array, width), not ${show(series)}`);
  const { window, stride = 1, rate = 1, targets, horizon = 0 } = options ?? {};
  checkValue("timeseries", "window", window, count);
  if (targets !== undefined && horizon > 0) fail("timeseries", "give targets or horizon, not both");
  if (targets !== undefined && !isNumbers(targets) && !Array.isArray(targets)) fail("timeseries", `targets is ${show(targets)}: it must be an array of numbers`); // biome-ignore format: short
  const moments = array.length / width;
  const { start = 0, end = moments } = options;
  if (end > moments || start > end)
    fail("timeseries", `start ${start} and end ${end} are no part of ${moments} moments`);
  const reach = (window + horizon - 1) * rate;
  const most = Math.min(end - start - reach, targets === undefined ? Number.POSITIVE_INFINITY : targets.length - start);
  const starts = Array.from({ length: Math.max(0, Math.ceil(most / stride)) }, (_, i) => i * stride);
  const cut = (from: number, moments: number): NumberArray => {
    if (rate === 1) return array.slice(from * width, (from + moments) * width);
    const part = newNumbers(array, moments * width);
    for (let i = 0; i < moments; i++) {
      part.set(array.subarray((from + i * rate) * width, (from + i * rate + 1) * width), i * width);
    }
    return part;
  };
  const windowAt = (at: number): unknown => {
    const x = cut(start + at, window);
    if (targets !== undefined) return { x, y: targets[start + at] };
    return horizon === 0 ? { x } : { x, y: cut(start + at + window * rate, horizon) };
  };
  const open: Dataset<unknown>["open"] = (pass) => new MapCursor(new ValuesCursor(starts), windowAt, pass, 0);
  return new Dataset<unknown>({ open, size: starts.length });
}

/** Class numbers as rows of zeros and a one, row after row. `classes` is one more than the largest by default. */
export function toCategorical(labels: ArrayLike<number>, classes?: number): Float32Array {
  checkArguments("toCategorical", arguments, 2);
  if (!Array.isArray(labels) && !isNumbers(labels)) fail("toCategorical", `takes an array of class numbers, not ${show(labels)}`); // biome-ignore format: short
  if (classes !== undefined) checkValue("toCategorical", "classes", classes, count);
  let largest = -1;
  for (let i = 0; i < labels.length; i++) largest = Math.max(largest, labels[i] ?? Number.NaN);
  const width = classes ?? largest + 1;
  const out = new Float32Array(labels.length * (Number.isSafeInteger(width) ? width : 0));
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] ?? Number.NaN;
    if (!Number.isInteger(label) || label < 0 || label >= width) {
      fail("toCategorical", `the label at position ${i} is ${label}: labels are whole numbers from 0${classes === undefined ? "" : ` to ${classes - 1}`}`); // biome-ignore format: short
    }
    out[i * width + label] = 1;
  }
  return out;
}
