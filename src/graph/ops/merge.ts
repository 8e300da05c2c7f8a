/**
 * One pass of a merge sort: runs along an axis, each sorted, become half as many.
 *
 * Every element of the result finds its source by itself, by a binary search for how many of those before it come from the left
 * run (the merge path: Odeh, Green, Mwassi, Shmueli and Birk, "Merge path: parallel merging made simple", 2012).
 */
import { isFloat } from "../../core/dtype.ts";
import { CompilerBug } from "../../core/errors.ts";
import type { Expr, Index } from "../../kernel/kernel.ts";
import type { AttrsOf } from "../attrs.ts";
import { generate, reader } from "../ndarray.ts";
import type { GatherOp, Reads } from "../node.ts";
import { dimOf, fixedShape } from "../shape.ts";
import { type TensorType, tensorType } from "../type.ts";
import { position, withAxis } from "./view.ts";

/** Whether one value stands before another, and is no tie of it. */
export function comesBefore(a: number, b: number, descending: boolean): boolean {
  if (descending) return a > b || (Number.isNaN(a) && !Number.isNaN(b));
  return a < b || (Number.isNaN(b) && !Number.isNaN(a));
}

type MergeSchema = {
  readonly axis: "axis";
  readonly run: "number";
  readonly keep: "number";
  readonly descending: "flag";
};

/** How many elements are left of `extent` in runs of `run`, when neighbours are merged and the first `keep` kept of each. */
function mergedSize(extent: number, run: number, keep: number): number {
  const pairs = Math.floor(extent / (2 * run));
  return pairs * Math.min(2 * run, keep) + Math.min(extent - pairs * 2 * run, keep);
}

/** Sorted runs along an axis, the last of which may be shorter, merged two by two; the second operand moves with the first. */
export const mergeRuns: GatherOp<MergeSchema, 2> = {
  name: "mergeRuns",
  kind: "gather",
  arity: 2,
  schema: { axis: "axis", run: "number", keep: "number", descending: "flag" },
  infer(args, { axis, run, keep }) {
    return args.map(({ dtype, shape }) => {
      const extent = dimOf(shape, axis);
      if (typeof extent !== "number") throw new CompilerBug("runs are merged where sizes are known");
      return tensorType(dtype, withAxis(shape, axis, mergedSize(extent, run, keep)));
    });
  },
  evaluate([values, partners], { axis, run, keep, descending }, types) {
    const [readValue, readPartner] = [reader(values), reader(partners)];
    const width = Math.min(2 * run, keep);
    const sourceAt = (at: readonly number[]): readonly number[] => {
      const place = at[axis] ?? 0;
      const first = Math.floor(place / width) * 2 * run;
      const size = Math.min(2 * run, (values.shape[axis] ?? 0) - first);
      const from = (i: number): readonly number[] => at.map((p, k) => (k === axis ? first + i : p));
      const valueAt = (i: number): number => readValue(from(i));
      const order = Array.from({ length: size }, (_, i) => i).sort((i, k) => {
        if (comesBefore(valueAt(i), valueAt(k), descending)) return -1;
        return comesBefore(valueAt(k), valueAt(i), descending) ? 1 : i - k;
      });
      return from(order[place % width] ?? 0);
    };
    const shapes = types.map(({ shape }) => fixedShape(shape));
    return [
      generate(values.dtype, shapes[0] ?? [], (at) => readValue(sourceAt(at))),
      generate(partners.dtype, shapes[1] ?? [], (at) => readPartner(sourceAt(at))),
    ];
  },
  elements(at, attrs, [type], reads) {
    if (type === undefined) throw new CompilerBug("mergeRuns has two results");
    return new Merge(at, attrs, type, reads).elements();
  },
};

/** A number, or an i32 that a kernel computes. */
type Whole = Expr | number;

/** The element at one place of the merged runs, in the kernel language. */
class Merge {
  readonly #at: readonly Index[];
  readonly #axis: number;
  readonly #descending: boolean;
  readonly #floats: boolean;
  readonly #reads: Reads<2>;
  readonly #extent: number;
  readonly #run: number;
  readonly #reach: number;
  /** Where the left run begins, how long both are, and which of the merged elements is asked for. */
  readonly #first: Expr;
  readonly #left: Whole;
  readonly #right: Whole;
  readonly #rank: Expr;

  constructor(
    at: readonly Index[],
    { axis, run, keep, descending }: AttrsOf<MergeSchema>,
    { dtype }: TensorType,
    reads: Reads<2>,
  ) {
    const { apply, once, modIndex, floorDivIndex, scaleIndex } = reads;
    const width = Math.min(2 * run, keep);
    const place = position(at, axis);
    const extent = reads.shapes[0][axis] ?? 0;
    this.#at = at;
    [this.#axis, this.#descending, this.#floats] = [axis, descending, isFloat(dtype)];
    [this.#reads, this.#extent, this.#run, this.#reach] = [reads, extent, run, Math.min(run, keep)];
    this.#rank = once(modIndex(place, width));
    const first = scaleIndex(floorDivIndex(place, width), 2 * run);
    this.#first = once(first);
    const isWhole = extent % (2 * run) === 0;
    const lengthFrom = (start: number): Whole => {
      if (isWhole) return run;
      return once(apply("max", apply("min", this.#minus(extent - start, this.#first), run), 0));
    };
    [this.#left, this.#right] = [lengthFrom(0), lengthFrom(run)];
  }

  elements(): readonly Expr[] {
    const { apply, once } = this.#reads;
    const fromLeft = this.#countFromLeft();
    const fromRight = once(this.#minus(this.#rank, fromLeft));
    const [placeLeft, placeRight] = [this.#leftPlace(fromLeft), this.#rightPlace(fromRight)];
    const [left, right] = [this.#value(placeLeft), this.#value(placeRight)];
    const isLeft = once(
      apply(
        "and",
        apply("lt", fromLeft, this.#left),
        apply("or", apply("ge", fromRight, this.#right), apply("not", this.#isBefore(right, left))),
      ),
    );
    const source = once(apply("select", isLeft, placeLeft, placeRight));
    return [apply("select", isLeft, left, right), this.#reads.read(1, this.#along(source))];
  }

  /** How many of the elements before this one come from the left run: the largest count whose last stands before the rest. */
  #countFromLeft(): Expr {
    const { apply, once } = this.#reads;
    const most = once(apply("min", this.#rank, this.#left));
    let count: Expr = this.#reads.pool.integer(0);
    for (let step = 2 ** Math.floor(Math.log2(this.#reach)); step >= 1; step /= 2) {
      const more = once(this.#plus(count, step));
      const rest = once(this.#minus(this.#rank, more));
      const last = this.#value(this.#leftPlace(this.#plus(more, -1)));
      const next = this.#value(this.#rightPlace(rest));
      const isIn = apply(
        "and",
        apply("le", more, most),
        apply("or", apply("ge", rest, this.#right), apply("not", this.#isBefore(next, last))),
      );
      count = once(apply("select", isIn, more, count));
    }
    return count;
  }

  #plus(a: Expr, b: Whole): Expr {
    return this.#reads.apply("add", a, b);
  }

  #minus(a: Whole, b: Expr): Expr {
    return this.#reads.apply("sub", a, b);
  }

  #leftPlace(count: Expr): Expr {
    return this.#plus(this.#first, count);
  }

  #rightPlace(count: Expr): Expr {
    return this.#plus(this.#plus(this.#first, this.#run), count);
  }

  /** A value somewhere in the operand: what is asked for outside of a run is not used. */
  #value(place: Expr): Expr {
    const { apply, once, read } = this.#reads;
    return read(0, this.#along(once(apply("max", apply("min", place, this.#extent - 1), 0))));
  }

  #along(place: Expr): readonly Index[] {
    const index = this.#reads.index(place, this.#extent);
    return this.#at.map((own, i) => (i === this.#axis ? index : own));
  }

  #isBefore(a: Expr, b: Expr): Expr {
    const { apply } = this.#reads;
    const isFirst = apply(this.#descending ? "gt" : "lt", a, b);
    if (!this.#floats) return isFirst;
    const [last, other] = this.#descending ? [a, b] : [b, a]; // of which a NaN decides, beside a number
    return apply("or", isFirst, apply("and", apply("ne", last, last), apply("eq", other, other)));
  }
}
