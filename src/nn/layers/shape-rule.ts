/**
 * Shape rules: what a layer does to shapes, as data. The editor's types and the shapes of samples both follow from it.
 *
 *   "same"                                  [batch, 8, 5]      ->  [batch, 8, 5]
 *   16                                      [batch, 8, 5]      ->  [batch, 8, 16]         the new last axis
 *   "flatten"                               [batch, 8, 5]      ->  [batch, 40]
 *   { axes: [window, window, 32] }          [batch, 28, 28, 1] ->  [batch, 26, 26, 32]    axis by axis: a convolution
 *   [16, "flatten"]                         one after the other
 *   "any"                                   only its outputShape knows
 */
import { ShapeError } from "../../core/errors.ts";
import { count, type Kind, type OptionTable, oneOf } from "../../core/options.ts";
import { isRecord } from "../../core/records.ts";
import { type Dim, printShape, type Shape, sizeOf } from "../../graph/shape.ts";

export type ShapeRule = "same" | "flatten" | "any" | number | AxesRule | readonly ShapeRule[];

/** What becomes of each axis of a sample, of which there are as many. */
export interface AxesRule {
  readonly axes: readonly AxisRule[];
}

/** An axis stays, has this size, or is as long as there are places for a window. */
export type AxisRule = "same" | number | Window;

/** A window that slides along an axis. */
export interface Window {
  /** How many elements it takes together. */
  readonly size: number;
  /** From one place to the next. 1 by default. */
  readonly stride?: number;
  /** From one element that it takes to the next. 1 by default. */
  readonly dilation?: number;
  /** "valid", the default: places where all of it lies inside, floor((n - reach) / stride) + 1. "same": padded, ceil(n / stride). */
  readonly padding?: "valid" | "same";
}

export const ruleKind: Kind<ShapeRule> = {
  wanted:
    '"same", "flatten", "any", the size of the last axis, { axes: [...] } with "same", a size or a window for each, or a list of these',
  words: ["same", "flatten", "any"],
  accepts: isRule,
};

function isRule(value: unknown): value is ShapeRule {
  if (value === "same" || value === "flatten" || value === "any" || count.accepts(value)) return true;
  if (Array.isArray(value)) return value.every(isRule);
  return (
    isRecord(value) && Object.keys(value).join() === "axes" && Array.isArray(value.axes) && value.axes.every(isAxisRule)
  );
}

const windowTable: OptionTable<Window> = {
  size: count,
  stride: count,
  dilation: count,
  padding: oneOf("valid", "same"),
};
const windowParts = new Map<string, Pick<Kind<number>, "accepts"> | Pick<Kind<string>, "accepts">>(
  Object.entries(windowTable),
);

function isAxisRule(value: unknown): value is AxisRule {
  if (value === "same" || count.accepts(value)) return true;
  if (!isRecord(value) || value.size === undefined) return false;
  return Object.entries(value).every(
    ([name, part]) => part === undefined || windowParts.get(name)?.accepts(part) === true,
  );
}

/** What comes out for a batch, as far as types can tell: how often a window fits is a number. */
export type OutputShape<R, S extends Shape> = R extends "same"
  ? S
  : R extends "flatten"
    ? S extends readonly [infer Batch extends Dim, ...Shape]
      ? [Batch, number]
      : Shape
    : R extends number
      ? S extends readonly [...infer Head extends Shape, Dim]
        ? [...Head, R]
        : Shape
      : R extends { readonly axes: infer Axes extends readonly AxisRule[] }
        ? S extends readonly [infer Batch extends Dim, ...infer Sample extends Shape]
          ? Sample["length"] extends Axes["length"]
            ? [Batch, ...AxesShape<Axes, Sample>]
            : Shape
          : Shape
        : R extends readonly []
          ? S
          : R extends readonly [infer First, ...infer Rest]
            ? OutputShape<Rest, OutputShape<First, S>>
            : Shape;

type AxesShape<Axes extends readonly AxisRule[], Sample extends Shape> = Axes extends readonly [
  infer First extends AxisRule,
  ...infer Rest extends readonly AxisRule[],
]
  ? Sample extends readonly [infer Size extends Dim, ...infer Sizes extends Shape]
    ? [AxisSize<First, Size>, ...AxesShape<Rest, Sizes>]
    : Shape
  : [];

type AxisSize<A extends AxisRule, Size extends Dim> = A extends "same" ? Size : A extends number ? A : number;

/** What comes out for one sample; of "any" it is what goes in. `what` is for the ShapeError. */
export function shapeBy(rule: ShapeRule, sample: readonly number[], what: string): readonly number[] {
  if (rule === "same" || rule === "any") return sample;
  if (rule === "flatten") return [sizeOf(sample)];
  if (typeof rule === "number") return [...sample.slice(0, -1), rule];
  if (!("axes" in rule)) return rule.reduce((shape: readonly number[], part) => shapeBy(part, shape, what), sample);
  const { axes } = rule;
  if (axes.length !== sample.length) {
    throw new ShapeError(`${what} takes samples with ${axes.length} axes, not ${printShape(sample)}`);
  }
  return sample.map((size, i) => {
    const axis = axes[i] ?? "same";
    if (axis === "same") return size;
    const found = typeof axis === "number" ? axis : places(size, axis);
    if (found >= 1) return found;
    throw new ShapeError(`${what}: its window does not fit into axis ${i} of a sample of ${printShape(sample)}`);
  });
}

function places(size: number, { size: taken, stride = 1, dilation = 1, padding = "valid" }: Window): number {
  if (padding === "same") return Math.ceil(size / stride);
  return Math.floor((size - ((taken - 1) * dilation + 1)) / stride) + 1;
}
