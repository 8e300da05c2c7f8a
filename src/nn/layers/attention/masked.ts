/**
 * What a query sees: masks of queries, keys and pairs of them, causal and sliding ones, as one, and the softmax over what is left.
 *
 * A query that sees nothing gives nothing: its scores are 0, not those of the softmax of equal numbers. So no number of a step that
 * only fills up a batch comes into another one.
 */
import { ShapeError } from "../../../core/errors.ts";
import { atLine, type Origin } from "../../../core/origin.ts";
import { abs, and, arange, greaterEqual, less, reshape, softmax, sub, where } from "../../../dsl/ops.ts";
import type { Mask, Tensor } from "../../../dsl/tensor.ts";
import { type Dim, printShape, type Shape } from "../../../graph/shape.ts";
import type { LayerMode } from "../own.ts";

export type Values = Tensor<Shape, "f32">;

/** What is attended to: queries [batch, t, ...], values and keys [batch, s, ...]. */
export interface Operands {
  readonly query: Values;
  readonly value: Values;
  readonly key: Values;
}

/** What is hidden whatever the masks say. */
export interface Sight {
  /** Query i sees keys 0 to i. */
  readonly causal: boolean;
  /** Query i sees keys j with |i - j| below it. */
  readonly slidingWindow?: number | undefined;
  /** Whether the scores of queries that do not count are 0 too. */
  readonly hidesQueries: boolean;
}

/** Three tensors of one, two or three: keys are the values where they are not given, values the queries. */
export function operandsOf(call: string, xs: readonly Values[], origin: Origin): Operands {
  const [query, value = query, key = value] = xs;
  if (query === undefined || value === undefined || key === undefined || xs.length > 3) {
    throw new ShapeError(`${call} takes a query, a value and a key, not ${xs.length} tensors${atLine(origin)}`);
  }
  const shapes = [query, value, key].map(({ shape }) => shape);
  if (shapes.some((shape) => shape.length !== 3) || value.shape[1] !== key.shape[1]) {
    throw new ShapeError(
      `${call}: query, value and key must be [batch, steps, features], with as many keys as values, not ` +
        `${shapes.map(printShape).join(", ")}${atLine(origin)}`,
    );
  }
  return { query, value, key };
}

/**
 * Which pairs count, with as many axes as the scores, [batch, t, s] or [batch, heads, t, s]: the mask of the call, the masks of the three
 * tensors, and sight. Undefined where all do.
 */
export function pairsOf(
  call: string,
  { query, value, key }: Operands,
  scores: readonly Dim[],
  { mask: given, masks }: LayerMode,
  sight: Sight,
  origin: Origin,
): Mask | undefined {
  const [t, s] = [scores.at(-2) ?? 1, scores.at(-1) ?? 1];
  const batch = scores[0] ?? 1;
  const between = scores.slice(1, -2).map(() => 1);
  const ofKeys = [masks?.of(value), key === value ? undefined : masks?.of(key)];
  const queries = sight.hidesQueries ? masks?.of(query) : undefined;
  const found = [
    given === undefined ? undefined : pairMask(call, given, scores, origin),
    queries && reshape(queries, [batch, ...between, t, 1]),
    ...ofKeys.map((mask) => mask && reshape(mask, [batch, ...between, 1, s])),
    sight.causal ? greaterEqual(places(t, 0), places(s, 1)) : undefined,
    sight.slidingWindow === undefined ? undefined : less(abs(sub(places(t, 0), places(s, 1))), sight.slidingWindow),
  ].filter((mask): mask is Mask => mask !== undefined);
  const [first, ...others] = found;
  return first && others.reduce((all, mask) => and(all, mask), first);
}

/** 0, 1, 2... down the first axis of pairs, or along the second. */
function places(size: Dim, axis: 0 | 1) {
  const all = arange(size);
  return axis === 0 ? reshape(all, [size, 1]) : reshape(all, [1, size]);
}

/** The mask of a call: [t, s], [batch, t, s] or with heads, any of them 1. */
function pairMask(call: string, mask: Mask, scores: readonly Dim[], origin: Origin): Mask {
  const { shape } = mask;
  const ones = Array.from({ length: Math.max(0, scores.length - shape.length) }, () => 1);
  const wide =
    shape.length === 3 && scores.length === 4 ? [...shape.slice(0, 1), 1, ...shape.slice(1)] : [...ones, ...shape];
  const fits =
    shape.length >= 2 && wide.length === scores.length && wide.every((dim, i) => dim === 1 || dim === scores[i]);
  if (fits) return reshape(mask, wide);
  const [batch, t, s] = [scores[0] ?? 1, scores.at(-2) ?? 1, scores.at(-1) ?? 1];
  const wanted = [[t, s], [batch, t, s], ...(scores.length === 4 ? [scores] : [])].map(printShape).join(" or ");
  throw new ShapeError(
    `${call}: the mask says which keys each query sees, ${wanted}, not ${printShape(shape)}; one of keys alone is ` +
      `reshape(mask, [batch, 1, ${s}])${atLine(origin)}`,
  );
}

/** softmax over the pairs that count; 0 for the others. */
export function visibleSoftmax(scores: Values, pairs: Mask | undefined): Values {
  if (pairs === undefined) return softmax(scores);
  const seen = where(pairs, scores, -1e9); // finite, as a row of -Infinity would be NaN, and its gradient too
  return where(pairs, softmax(seen), 0);
}
