/**
 * Running folds: y[j] is the fold of x[0] to x[j] along an axis, or of those since the last place where it starts anew.
 *
 *   running sum    1 2 3 4   ->   1 3 6 10               with restarts 0 0 1 0   ->   1 3 3 7
 *
 * `runBlock` is a loop along the axis, an iteration of its own for everything else. A long axis is cut into blocks, so that there
 * is enough to do at once and no sum has too many terms; each block starts with the fold of all before it, which is a running
 * fold of few:
 *
 *   x[1000]  ->  [32, 32]  ->  totals[32]  ->  running, without the last  ->  starts[32]  ->  runBlock(x, starts)
 *
 * All of it is 2n + n/32 elements, read in the order of memory (Merrill and Grimshaw, "Parallel scan for stream architectures", 2009).
 */
import { isFloat, isInteger } from "../../core/dtype.ts";
import { CompilerBug, ShapeError } from "../../core/errors.ts";
import { neutral, type RunningFold } from "../../core/fold.ts";
import type { AttrsOf } from "../attrs.ts";
import { generate, type NdArray, reader } from "../ndarray.ts";
import type { Build, ComposedOp, Node, RunOp, RunSchema } from "../node.ts";
import { dimOf, fixedShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import { printType, type TensorType } from "../type.ts";
import { firstAlong, runningSlope, shiftedAlong } from "./running-slopes.ts";
import { withAxis } from "./view.ts";

const runningFolds: readonly RunningFold[] = ["sum", "prod", "max", "min", "logSumExp"];

export function foldNamed(name: string): RunningFold {
  const found = runningFolds.find((fold) => fold === name);
  if (found === undefined) throw new CompilerBug(`${name} is no running fold`);
  return found;
}

function checkRunning(
  { dtype, shape }: TensorType,
  axis: number,
  name: string,
  restarts: TensorType | undefined,
): void {
  const fold = foldNamed(name);
  if (shape[axis] === undefined) throw new ShapeError(`has no axis ${axis}`);
  if (dtype === "bool" || dtype === "u8" || (fold === "logSumExp" && !isFloat(dtype)))
    throw new ShapeError(`is not defined for ${dtype}: cast it first`);
  if (restarts !== undefined && (restarts.dtype !== "bool" || !sameShape(restarts.shape, shape)))
    throw new ShapeError(`starts anew where a bool of its own shape says, not ${printType(restarts)}`);
}

/** Two numbers of a running fold. Integers wrap. */
function joined(fold: RunningFold, dtype: TensorType["dtype"], a: number, b: number): number {
  if (fold === "max") return Math.max(a, b);
  if (fold === "min") return Math.min(a, b);
  if (fold === "logSumExp") {
    const top = Math.max(a, b);
    return a === b ? a + Math.log(2) : top + Math.log1p(Math.exp(-Math.abs(a - b)));
  }
  if (!isInteger(dtype)) return fold === "sum" ? a + b : a * b;
  const whole = fold === "sum" ? a + b : Math.imul(a, b);
  return dtype === "i32" ? whole | 0 : whole >>> 0;
}

/** The running fold in doubles, from what each row starts with and anew where it restarts. */
function runAlong(x: NdArray, axis: number, fold: RunningFold, starts?: NdArray, restarts?: NdArray): NdArray {
  const [read, startOf, isAnew] = [reader(x), starts && reader(starts), restarts && reader(restarts)];
  const data = new Map<string, number>();
  return generate(x.dtype, x.shape, (at) => {
    // Row-major order comes to the places of a row one after the other.
    const row = at.map((place, i) => (i === axis ? "" : place)).join();
    const isFirst = (at[axis] ?? 0) === 0;
    const start = startOf?.(at.filter((_, i) => i !== axis)) ?? neutral(fold, x.dtype);
    const before = isFirst ? start : (data.get(row) ?? start);
    const isNew = isAnew?.(at) === 1;
    const value = joined(fold, x.dtype, isNew ? neutral(fold, x.dtype) : before, read(at));
    data.set(row, value);
    return value;
  });
}

type RunningSchema = { readonly axis: "axis"; readonly fold: "name" };

/** running(x) or running(x, restarts): a sum alone is made to start anew. */
export const running: ComposedOp<RunningSchema, "many"> = {
  name: "running",
  kind: "composed",
  arity: "many",
  schema: { axis: "axis", fold: "name" },
  tolerance: "running",
  infer([x, restarts, ...others], { axis, fold }) {
    if (x === undefined || others.length > 0) throw new ShapeError("takes x, and where it starts anew");
    checkRunning(x, axis, fold, restarts);
    if (restarts !== undefined && fold !== "sum") throw new ShapeError("only a sum starts anew");
    return [x];
  },
  vjp({ args, attrs: { axis, fold }, results: [y] }, [g], b) {
    const [x, restarts] = args;
    if (g === null || g === undefined || x === undefined || y === undefined) return [null];
    const run = (what: RunningFold, args: readonly Node[]): Node => b.node(running, args, { axis, fold: what });
    return [runningSlope({ fold: foldNamed(fold), axis, x, y, restarts, run }, g, b), ...args.slice(1).map(() => null)];
  },
  evaluate: ([x, restarts], { axis, fold }) =>
    x === undefined ? [] : [runAlong(x, axis, foldNamed(fold), undefined, restarts)],
  expand([x, restarts], { axis, fold: name }, b) {
    if (x === undefined) throw new CompilerBug("running takes x");
    const fold = foldNamed(name);
    const shape = fixedShape(x.type.shape);
    const count = Number(dimOf(shape, axis));
    const rows = sizeOf(shape) / Math.max(1, count);
    const isAtOnce = count <= leastBlocked || (rows >= manyRows && (isExact(fold, x) || count <= longestRun));
    return [isAtOnce ? block(x, { axis, fold, restarts }, b) : inBlocks(x, { axis, fold, restarts }, b)];
  },
};

/** A shorter axis is no work; and rows enough for every invocation of a GPU need no blocks. */
const [leastBlocked, manyRows] = [64, 4096];
/** Terms of a sum that are added up one after the other. */
const longestRun = 1024;

const isExact = (fold: RunningFold, { type: { dtype } }: Node): boolean =>
  fold === "max" || fold === "min" || isInteger(dtype);

interface Run {
  readonly axis: number;
  readonly fold: RunningFold;
  readonly starts?: Node;
  readonly restarts?: Node | undefined;
}

function block(x: Node, { axis, fold, starts, restarts }: Run, b: Build): Node {
  const args = [x, ...(starts === undefined ? [] : [starts]), ...(restarts === undefined ? [] : [restarts])];
  const attrs = { axis, fold, starts: starts !== undefined, restarts: restarts !== undefined };
  return b.node(runBlock, args, attrs);
}

function inBlocks(x: Node, { axis, fold, restarts }: Run, b: Build): Node {
  const { shape } = x.type;
  const count = Number(dimOf(shape, axis));
  const size = Math.min(longestRun, Math.max(16, 2 ** Math.round(Math.log2(count) / 2)));
  const blocks = Math.ceil(count / size);
  const cut = (node: Node, rest: number): Node => {
    const after = shape.map((_, i) => (i === axis ? blocks * size - count : 0));
    const whole =
      blocks * size === count
        ? node
        : b.pad(
            node,
            after.map(() => 0),
            after,
            after.map(() => 0),
            rest,
          );
    return b.reshape(whole, [...shape.slice(0, axis), blocks, size, ...shape.slice(axis + 1)]);
  };
  const parts = cut(x, neutral(fold, x.type.dtype));
  const anew = restarts === undefined ? undefined : cut(restarts, 0);
  const totals = totalsOf(parts, axis + 1, fold, anew, b);
  const before = b.node(running, totals, { axis, fold });
  const starts = shiftedAlong(before, axis, neutral(fold, x.type.dtype), b);
  const run = block(parts, { axis: axis + 1, fold, starts, restarts: anew }, b);
  const flat = b.reshape(run, withAxis(shape, axis, blocks * size));
  return blocks * size === count ? flat : firstAlong(flat, axis, count, b);
}

/** What each block adds up to: with restarts since the last one in it, and whether there is any. */
function totalsOf(x: Node, axis: number, fold: RunningFold, restarts: Node | undefined, b: Build): readonly Node[] {
  if (fold === "logSumExp") return [logSumExpOf(x, axis, b)];
  if (restarts === undefined) return [b.reduce(fold, x, [axis])];
  const { shape } = x.type;
  const places = b.iota("i32", shape, axis);
  const last = b.reduce("max", b.map("select", restarts, places, b.fill(places, -1)), [axis]);
  const kept = shape.flatMap((_, i) => (i === axis ? [] : [i]));
  const isSince = b.map("ge", places, b.broadcast(last, shape, kept));
  const since = b.map("select", isSince, x, b.fill(x, neutral(fold, x.type.dtype)));
  return [b.reduce(fold, since, [axis]), b.map("ge", last, b.fill(last, 0))];
}

function logSumExpOf(x: Node, axis: number, b: Build): Node {
  const { shape } = x.type;
  const top = b.reduce("max", x, [axis]);
  const isInfinite = b.map("eq", b.map("abs", top), b.fill(top, Number.POSITIVE_INFINITY));
  const by = b.map("select", isInfinite, b.fill(top, 0), top);
  const kept = shape.flatMap((_, i) => (i === axis ? [] : [i]));
  const powers = b.map("exp", b.map("sub", x, b.broadcast(by, shape, kept)));
  return b.map("add", by, b.map("log", b.reduce("sum", powers, [axis])));
}

function withoutAxis(shape: Shape, axis: number): Shape {
  return shape.filter((_, i) => i !== axis);
}

/** The operands of a run by what they are for. */
export function runOperands<T>(args: readonly T[], { starts, restarts }: AttrsOf<RunSchema>) {
  const [x, second, third] = args;
  return { x, starts: starts ? second : undefined, restarts: restarts ? (starts ? third : second) : undefined };
}

/** The loop along an axis itself: see `RunOp`. */
export const runBlock: RunOp<RunSchema, "many"> = {
  name: "runBlock",
  kind: "run",
  arity: "many",
  schema: { axis: "axis", fold: "name", starts: "flag", restarts: "flag" },
  tolerance: "running",
  infer(args, attrs) {
    const { x, starts, restarts } = runOperands(args, attrs);
    if (x === undefined) throw new ShapeError("takes x");
    checkRunning(x, attrs.axis, attrs.fold, restarts);
    if (
      starts !== undefined &&
      (starts.dtype !== x.dtype || !sameShape(starts.shape, withoutAxis(x.shape, attrs.axis)))
    )
      throw new ShapeError("starts with a number for each row");
    return [x];
  },
  evaluate(args, attrs) {
    const { x, starts, restarts } = runOperands(args, attrs);
    return x === undefined ? [] : [runAlong(x, attrs.axis, foldNamed(attrs.fold), starts, restarts)];
  },
};
