/**
 * Confusion matrices, and what is made of them: how far what was wanted of a class and what was found overlap.
 *
 * Weights count as they are, fractions too; Keras 3 cuts them to whole numbers.
 */
import { ShapeError } from "../../core/errors.ts";
import { count, flag, list, number, whole } from "../../core/options.ts";
import { add, arange, argmax, cast, div, equal, greater, greaterEqual, mul, notEqual, reshape, sub, sum } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../../dsl/tensor.ts";
import { fixedShape, sizeOf } from "../../graph/shape.ts";
import { axisKind, axisLast } from "../losses/axis.ts";
import { rowOf } from "../losses/focal.ts";
import { epsilon } from "../losses/loss.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { grown, type Metric, type MetricBatch, type MetricParts, metricOf, metricSchema, type Named, share, slotOf, weightsFor } from "./metric.ts"; // biome-ignore format: names

/** How outputs and targets become class numbers. */
interface Reading {
  readonly classes: number;
  readonly ignoreClass?: number | undefined;
  found(output: Tensor): Tensor;
  wanted(target: Tensor, found: Tensor): Tensor;
}

/** Slots for a table [classes, classes]: what was wanted, by what was found. */
function confusionParts(
  name: string,
  { classes, ignoreClass, found, wanted }: Reading,
  result: (table: Tensor) => Tensor,
): MetricParts {
  return {
    of: "scores",
    labels: "any",
    slots: () => ({ table: { shape: [classes, classes] } }),
    update(state, seen) {
      const columns = found(seen.output);
      const rows = beside(name, wanted(seen.target, columns), columns);
      const weights = countedBy(name, rows, seen, ignoreClass);
      const [row, column] = [isEach(rows, classes, [classes, 1]), isEach(columns, classes, [1, classes])];
      const pairs = mul(row, column);
      const weighed = weights === null ? pairs : mul(pairs, reshape(weights, [1, 1, ...rows.shape]));
      return grown(state, { table: sum(weighed, { axis: rows.shape.map((_, axis) => axis + 2) }) }, add);
    },
    result: (state) => result(slotOf(state, "table")),
  };
}

function countedBy(name: string, rows: Tensor, seen: MetricBatch, ignoreClass: number | undefined): Tensor | null {
  const weights = weightsFor(name, rows, seen);
  if (ignoreClass === undefined) return weights;
  const counted = cast(notEqual(rows, ignoreClass), "f32");
  return weights === null ? counted : mul(counted, weights);
}

/** 1 where a class number is that of each place, along two axes in front. */
function isEach(numbers: Tensor, classes: number, front: readonly [number, number]): Tensor {
  const each = reshape(arange(classes), [...front, ...numbers.shape.map(() => 1)]);
  return cast(equal(reshape(numbers, [1, 1, ...numbers.shape]), each), "f32");
}

/** Class numbers as they are given. */
const asNumbers = (x: Tensor): Tensor => (x.dtype === "i32" ? x : cast(x, "i32"));

/** In the form of what was found: [batch] beside [batch, 1]. */
function beside(name: string, wanted: Tensor, found: Tensor): Tensor {
  const [each, all] = [wanted, found].map(({ shape }) => sizeOf(fixedShape(shape.slice(1))));
  if (each === all) return reshape(wanted, found.shape);
  throw new ShapeError(
    `${name} takes targets for ${each} class numbers a sample and outputs for ${all}: rows with a number for each class need sparseYTrue: false ` +
      "as targets, sparseYPred: false as outputs",
  );
}

/** The mean over classes of shared / (wanted + found - shared); classes that are nowhere are left out. */
function overlapOf(ids: readonly number[] | null, classes: number): (table: Tensor) => Tensor {
  return (table) => {
    const isOwn = cast(equal(reshape(arange(classes), [classes, 1]), arange(classes)), "f32");
    const shared: Tensor = sum(mul(table, isOwn), { axis: 1 });
    const all = sub(add(sum(table, { axis: 0 }), sum(table, { axis: 1 })), shared);
    const asked = ids === null ? null : rowOf(Array.from({ length: classes }, (_, i) => (ids.includes(i) ? 1 : 0)));
    const there = cast(greater(all, 0), "f32");
    const counts = asked === null ? there : mul(there, asked);
    return share(sum(mul(div(shared, add(all, epsilon)), counts)), sum(counts));
  };
}

const classNumber = whole({ from: 0 });

const own = {
  /** This class does not count where it is wanted. None by default. */
  ignoreClass: option(whole()),
  /** Whether targets are class numbers, and no row for each sample. True by default. */
  sparseYTrue: option(flag, true),
  /** Whether outputs are class numbers, and no row for each sample. True by default. */
  sparseYPred: option(flag, true),
  /** Along which the classes of rows lie. -1 by default. */
  axis: option(axisKind, -1),
};

interface OwnReading {
  readonly ignoreClass?: number | undefined;
  readonly sparseYTrue: boolean;
  readonly sparseYPred: boolean;
  readonly axis: number;
}

function readingOf(classes: number, { ignoreClass, sparseYTrue, sparseYPred, axis }: OwnReading): Reading {
  const largest = (x: Tensor): Tensor => argmax(axisLast(x, axis));
  return {
    classes,
    ignoreClass,
    found: (output) => (sparseYPred ? asNumbers(output) : largest(output)),
    wanted: (target) => (sparseYTrue ? asNumbers(target) : largest(target)),
  };
}

const meanOptions = {
  /** How many classes there are. */
  numClasses: required(count),
  ...own,
};

/** Options of `meanIoU`. */
export interface MeanIoUOptions extends OptionsOf<typeof meanOptions> {}

export const meanIoUSchema = metricSchema({
  name: "meanIoU",
  options: meanOptions,
  make: ({ numClasses, ...options }) =>
    confusionParts("meanIoU", readingOf(numClasses, options), overlapOf(null, numClasses)),
});

/** Intersection over union, as a mean over the classes that are there. Outputs are class numbers, or rows with `sparseYPred: false`. */
export function meanIoU<const N extends string = "meanIoU">(
  options: MeanIoUOptions & Named<N>,
): Metric<NoInfer<N>, "number"> {
  return metricOf(meanIoUSchema, options, arguments);
}

const someOptions = {
  ...meanOptions,
  /** Whose mean it is. */
  targetClassIds: required(list(classNumber)),
};

/** Options of `iou`. */
export interface IoUOptions extends OptionsOf<typeof someOptions> {}

export const iouSchema = metricSchema({
  name: "iou",
  options: someOptions,
  make: ({ numClasses, targetClassIds, ...options }) =>
    confusionParts("iou", readingOf(numClasses, options), overlapOf(targetClassIds, numClasses)),
});

/** Intersection over union, as a mean over some classes. */
export function iou<const N extends string = "iou">(options: IoUOptions & Named<N>): Metric<NoInfer<N>, "number"> {
  return metricOf(iouSchema, options, arguments);
}

const binaryOptions = {
  /** Whose mean it is: 0 (no), 1 (yes), or both, which is the default. */
  targetClassIds: option(list(whole({ from: 0, to: 1 })), [0, 1]),
  /** Outputs from it up are yes. One half by default. */
  threshold: option(number(), 0.5),
};

/** Options of `binaryIoU`. */
export interface BinaryIoUOptions extends OptionsOf<typeof binaryOptions> {}

export const binaryIoUSchema = metricSchema({
  name: "binaryIoU",
  options: binaryOptions,
  make({ targetClassIds, threshold }) {
    const reading: Reading = {
      classes: 2,
      found: (output) => cast(greaterEqual(output, threshold), "i32"),
      wanted: (target) => asNumbers(target),
    };
    return { ...confusionParts("binaryIoU", reading, overlapOf(targetClassIds, 2)), of: "probabilities" };
  },
});

/** Intersection over union of what is yes and of what is no. */
export function binaryIoU<const N extends string = "binaryIoU">(
  options: BinaryIoUOptions & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(binaryIoUSchema, options, arguments);
}

const hotOptions = {
  /** How many classes there are. */
  numClasses: required(count),
  /** This class does not count where it is wanted. None by default. */
  ignoreClass: option(whole()),
  /** Whether outputs are class numbers, and no row for each sample. False by default. */
  sparseYPred: option(flag, false),
  /** Along which the classes of rows lie. -1 by default. */
  axis: option(axisKind, -1),
};

/** Options of `oneHotMeanIoU`. */
export interface OneHotMeanIoUOptions extends OptionsOf<typeof hotOptions> {}

export const oneHotMeanIoUSchema = metricSchema({
  name: "oneHotMeanIoU",
  options: hotOptions,
  make: ({ numClasses, ...options }) =>
    confusionParts(
      "oneHotMeanIoU",
      readingOf(numClasses, { ...options, sparseYTrue: false }),
      overlapOf(null, numClasses),
    ),
});

/** The same of one-hot targets and rows of outputs. */
export function oneHotMeanIoU<const N extends string = "oneHotMeanIoU">(
  options: OneHotMeanIoUOptions & Named<N>,
): Metric<NoInfer<N>, "number"> {
  return metricOf(oneHotMeanIoUSchema, options, arguments);
}

const someHotOptions = {
  ...hotOptions,
  /** Whose mean it is. */
  targetClassIds: required(list(classNumber)),
};

/** Options of `oneHotIoU`. */
export interface OneHotIoUOptions extends OptionsOf<typeof someHotOptions> {}

export const oneHotIoUSchema = metricSchema({
  name: "oneHotIoU",
  options: someHotOptions,
  make: ({ numClasses, targetClassIds, ...options }) =>
    confusionParts(
      "oneHotIoU",
      readingOf(numClasses, { ...options, sparseYTrue: false }),
      overlapOf(targetClassIds, numClasses),
    ),
});

/** The same, as a mean over some classes. */
export function oneHotIoU<const N extends string = "oneHotIoU">(
  options: OneHotIoUOptions & Named<N>,
): Metric<NoInfer<N>, "number"> {
  return metricOf(oneHotIoUSchema, options, arguments);
}

const matrixOptions = {
  /** How many classes there are: 2 where the output is one number. */
  numClasses: required(whole({ from: 2 })),
  /** Where the output is one number: what lies above it is class 1. One half by default. */
  threshold: option(number(), 0.5),
};

/** Options of `confusionMatrix`. */
export interface ConfusionMatrixOptions extends OptionsOf<typeof matrixOptions> {}

export const confusionMatrixSchema = metricSchema({
  name: "confusionMatrix",
  options: matrixOptions,
  make({ numClasses, threshold }) {
    const isRow = ({ shape }: Tensor): boolean => shape.at(-1) === numClasses && shape.length > 1;
    const reading: Reading = {
      classes: numClasses,
      found: (output) => (isRow(output) ? argmax(output) : cast(greater(output, threshold), "i32")),
      wanted: (target, found) =>
        isRow(target) && target.shape.length > found.shape.length ? argmax(target) : asNumbers(target),
    };
    const parts = confusionParts("confusionMatrix", reading, (table) => table);
    return { ...parts, of: "probabilities" };
  },
});

/** How often what was wanted (a row each) was answered by what (a column each): a table [classes, classes]. */
export function confusionMatrix<const N extends string = "confusionMatrix">(
  options: ConfusionMatrixOptions & Named<N>,
): Metric<NoInfer<N>, "table"> {
  return metricOf(confusionMatrixSchema, options, arguments);
}
