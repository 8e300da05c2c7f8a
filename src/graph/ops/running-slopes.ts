/**
 * Gradients of running folds, in linear work again: what an element adds to is a running sum from the end.
 *
 *   sum          dx[i] = sum over j >= i of g[j]
 *   max, min     of all places with one best the slopes go to that: it is a record, the first of equals
 *   prod         dx[i] = sum over j >= i of g[j] y[j] / x[i], and where x[i] is the first zero, with it taken as 1
 *   logSumExp    dx[i] = sum over j >= i of g[j] exp(x[i] - y[j]), the positive g and the negative ones each a running logSumExp
 *
 * The last two put in constants where something is 0, so what is differentiated again is the sum over a square (`slopedAs`).
 */
import { isShort } from "../../core/dtype.ts";
import { CompilerBug } from "../../core/errors.ts";
import { neutral, type RunningFold } from "../../core/fold.ts";
import { isReduce } from "../define.ts";
import type { Build, Node } from "../node.ts";
import { addDims, type Dim, dimOf, type Shape } from "../shape.ts";
import { withAxis } from "./view.ts";

interface Ran {
  readonly fold: RunningFold;
  readonly axis: number;
  readonly x: Node;
  readonly y: Node;
  readonly restarts: Node | undefined;
  /** A running fold along the same axis. */
  readonly run: (fold: RunningFold, args: readonly Node[]) => Node;
}

/** The slope of x, where that of the running fold is g. */
export function runningSlope(ran: Ran, g: Node, b: Build): Node {
  switch (ran.fold) {
    case "sum":
      return sumFromEnd(ran, g, ran.restarts, b);
    case "max":
    case "min":
      return recordSlope(ran, ran.fold, g, b);
    case "prod":
      return productSlope(ran, g, b);
    case "logSumExp":
      return logSumExpSlope(ran, g, b);
  }
}

/** Sums from the end to each place, or to the end of what was added up with it. */
function sumFromEnd(ran: Ran, g: Node, restarts: Node | undefined, b: Build): Node {
  const { axis } = ran;
  const ends = restarts === undefined ? [] : [b.flip(shiftedBack(restarts, axis, 1, b), [axis])];
  return fromEnd(ran, "sum", g, b, ends);
}

function fromEnd({ axis, run }: Ran, fold: RunningFold, x: Node, b: Build, others: readonly Node[] = []): Node {
  return b.flip(run(fold, [b.flip(x, [axis]), ...others]), [axis]);
}

function recordSlope(ran: Ran, fold: "max" | "min", g: Node, b: Build): Node {
  const { axis, x, y } = ran;
  const before = shiftedAlong(y, axis, neutral(fold, x.type.dtype), b);
  const isFirst = b.map("eq", b.iota("i32", x.type.shape, axis), b.fill(b.iota("i32", x.type.shape, axis), 0));
  const isBetter = b.map(fold === "max" ? "gt" : "lt", x, before);
  const isNan = b.map("and", b.map("ne", x, x), b.map("eq", before, before));
  const isRecord = b.map("or", isFirst, b.map("or", isBetter, isNan));
  return b.map("select", isRecord, sumFromEnd(ran, g, isRecord, b), b.fill(g, 0));
}

function productSlope(ran: Ran, g: Node, b: Build): Node {
  const { axis, x, y, run } = ran;
  const isZero = b.map("eq", x, b.fill(x, 0));
  const zeros = run("sum", [b.cast(isZero, "i32")]);
  const isBehindNone = b.map("eq", zeros, b.fill(zeros, 0));
  const isFirstZero = b.map("and", isZero, b.map("eq", zeros, b.fill(zeros, 1)));
  const filled = run("prod", [b.map("select", isFirstZero, b.fill(x, 1), x)]);
  const divided = b.map("div", fromEnd(ran, "sum", b.map("mul", g, y), b), b.map("select", isZero, b.fill(x, 1), x));
  const atZero = fromEnd(ran, "sum", b.map("mul", g, filled), b);
  const behind = b.map("select", isFirstZero, atZero, b.fill(x, 0));
  return b.slopedAs(b.map("select", isBehindNone, divided, behind), productInSquare(axis, x, g, b));
}

function logSumExpSlope(ran: Ran, g: Node, b: Build): Node {
  const { axis, x, y } = ran;
  const [zero, nothing] = [b.fill(g, 0), b.fill(g, Number.NEGATIVE_INFINITY)];
  const isSome = b.map("gt", y, nothing);
  // exp(x + log(sum of g exp(-y))): as y is no less than x, the power is no larger than the sum of the slopes.
  const part = (slopes: Node): Node => {
    const counts = b.map("and", isSome, b.map("gt", slopes, zero));
    const logs = b.map(
      "sub",
      b.map("log", b.map("select", counts, slopes, b.fill(g, 1))),
      b.map("select", counts, y, zero),
    );
    const from = fromEnd(ran, "logSumExp", b.map("select", counts, logs, nothing), b);
    return b.map("exp", b.map("add", x, from));
  };
  const slope = b.map("sub", part(g), part(b.map("neg", g)));
  return b.slopedAs(slope, powersInSquare(axis, x, y, g, b));
}

// ---- along an axis ---------------------------------------------------------------------------------------------------

/** The elements along an axis moved one on; the last falls out, and the first is `first`. */
export function shiftedAlong(x: Node, axis: number, first: number, b: Build): Node {
  const one = x.type.shape.map((_, i) => (i === axis ? 1 : 0));
  const none = one.map(() => 0);
  return firstAlong(b.pad(x, one, none, none, first), axis, dimOf(x.type.shape, axis), b);
}

/** The elements along an axis moved one back; the first falls out, and the last is `last`. */
export function shiftedBack(x: Node, axis: number, last: number, b: Build): Node {
  const { shape } = x.type;
  const one = shape.map((_, i) => (i === axis ? 1 : 0));
  const none = one.map(() => 0);
  const stop = shape.map((dim, i) => (i === axis ? addDims(dim, 1) : dim));
  return b.slice(
    b.pad(x, none, one, none, last),
    one,
    stop,
    none.map(() => 1),
  );
}

export function firstAlong(x: Node, axis: number, count: Dim, b: Build): Node {
  const { shape } = x.type;
  const each = (value: number): readonly number[] => shape.map(() => value);
  return b.slice(x, each(0), withAxis(shape, axis, count), each(1));
}

// ---- over a square ---------------------------------------------------------------------------------------------------

/** Of a node, copies along a new axis before or behind its own: [..., j, i, ...], where i goes up to j. */
interface Square {
  readonly shape: Shape;
  /** Whether i <= j. */
  readonly counts: Node;
  /** Along i, and along j. */
  across(x: Node): Node;
  down(x: Node): Node;
}

function squareOf(x: Node, axis: number, b: Build): Square {
  const { shape } = x.type;
  const wide = [...shape.slice(0, axis + 1), dimOf(shape, axis), ...shape.slice(axis + 1)];
  const spread = (node: Node, own: number): Node =>
    b.broadcast(
      node,
      wide,
      shape.map((_, i) => (i < axis ? i : i === axis ? own : i + 1)),
    );
  return {
    shape: wide,
    counts: b.map("le", b.iota("i32", wide, axis + 1), b.iota("i32", wide, axis)),
    across: (node) => spread(node, axis + 1),
    down: (node) => spread(node, axis),
  };
}

function productInSquare(axis: number, x: Node, g: Node, b: Build): Node {
  const { dtype } = x.type;
  if (isShort(dtype)) return b.cast(productInSquare(axis, b.cast(x, "f32"), b.cast(g, "f32"), b), dtype);
  const { counts, across } = squareOf(x, axis, b);
  const factors = b.map("select", counts, across(x), b.fill(across(x), 1));
  const products = b.reduce("prod", factors, [axis + 1]);
  const [slopes] = (isReduce(products) && products.op.vjp?.(products, [g], b)) || [];
  if (slopes === undefined || slopes === null) throw new CompilerBug("a product has slopes");
  return b.reduce("sum", b.map("select", counts, slopes, b.fill(slopes, 0)), [axis]);
}

function powersInSquare(axis: number, x: Node, y: Node, g: Node, b: Build): Node {
  const { counts, across, down } = squareOf(x, axis, b);
  const isSome = b.map("and", counts, down(b.map("gt", y, b.fill(y, Number.NEGATIVE_INFINITY))));
  const powers = b.map("sub", across(x), down(y));
  const terms = b.map("exp", b.map("select", isSome, powers, b.fill(powers, Number.NEGATIVE_INFINITY)));
  return b.reduce("sum", b.map("mul", down(g), terms), [axis]);
}
