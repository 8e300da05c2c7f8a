/**
 * The invariants of indexes and expressions, for check.ts: what they name is declared and in scope, types agree, ranges
 * are what their parts give, and no load can leave its buffer.
 *
 * A broken invariant is thrown as `Broken`, in words; only `checkKernel` and `checkSequence` catch it.
 */

import { roundTo } from "../core/dtype.ts";
import { unreachable } from "../core/errors.ts";
import type {
  Apply,
  Bound,
  BufferParam,
  Expr,
  Index,
  Load,
  LoopMark,
  ParallelMark,
  SharedArray,
  Sum,
  ValueType,
} from "./kernel.ts";
import { isDefinedFor, scalarFns, valueTypeOf } from "./kernel.ts";
import { printExpr } from "./print.ts";
import { walkExpr } from "./rewrite.ts";

export class Broken extends Error {}

export function broken(words: string): never {
  throw new Broken(words);
}

/** A `let` (not mutable) or a `var`. */
export interface Named {
  readonly type: ValueType;
  readonly shape: readonly number[];
  readonly mutable: boolean;
  /** Made in the prelude: the body of the nest reads it, and does not assign it. */
  readonly ofPrelude: boolean;
}

export interface ScopedLoop {
  readonly extent: number;
  readonly mark: ParallelMark | LoopMark;
}

/** What a statement can see. Blocks copy it, so that what they declare ends with them. */
export interface Scope {
  readonly buffers: ReadonlyMap<string, BufferParam>;
  readonly shared: ReadonlyMap<string, SharedArray>;
  readonly loops: Map<string, ScopedLoop>;
  readonly names: Map<string, Named>;
  /** Inside an `if`, whose condition may keep accesses in range. */
  readonly branch: boolean;
  /** Inside a loop without iterations: nothing here runs. */
  readonly empty: boolean;
  readonly prelude: boolean;
  readonly lane: boolean;
  /** Invocations of a workgroup. */
  readonly workgroup: number;
}

// ---- indexes -------------------------------------------------------------------------------------------------------

/** An index may be a larger constant than i32 holds. */
function checkIndex(index: Index, scope: Scope): void {
  if (index.kind !== "const") checkExpr(index, scope);
  else if (!Number.isSafeInteger(index.value)) broken(`index ${printExpr(index)} is not an integer`);
}

function checkRange(index: Index, min: number, max: number): void {
  if (min !== index.min || max !== index.max || !Number.isSafeInteger(min) || !Number.isSafeInteger(max)) {
    broken(`index ${printExpr(index)} claims the range ${index.min}..${index.max}, its parts give ${min}..${max}`);
  }
}

function checkSum(sum: Sum, scope: Scope): void {
  let min = sum.offset;
  let max = sum.offset;
  for (let i = 0; i < sum.terms.length; i += 1) {
    const { factor, index } = sum.terms[i] ?? broken("a term of a sum is missing");
    checkIndex(index, scope);
    min += Math.min(factor * index.min, factor * index.max);
    max += Math.max(factor * index.min, factor * index.max);
  }
  checkRange(sum, min, max);
}

export function checkBounds(bounds: readonly Bound[], scope: Scope): void {
  for (const bound of bounds) checkIndex(bound.index, scope);
}

/** `at` lies in `what`, of `count` elements, unless something guards it. */
export function checkAccess(what: string, at: Index, count: number, guarded: boolean, scope: Scope): void {
  checkIndex(at, scope);
  if (guarded || scope.branch || scope.empty || (at.min >= 0 && at.max < count)) return;
  broken(`${what}[${printExpr(at)}] reaches ${at.min}..${at.max}, but ${what} has ${count} elements`);
}

/** Rank and range of the indexes of a variable; they must be constants once its serial loops are unrolled. */
export function checkElement(name: string, named: Named, at: readonly Index[], scope: Scope): void {
  if (at.length !== named.shape.length) broken(`${name} has ${named.shape.length} axes, not ${at.length}`);
  for (let axis = 0; axis < at.length; axis += 1) {
    const index = at[axis] ?? broken(`${name} lacks an index`);
    checkAccess(name, index, named.shape[axis] ?? 0, false, scope);
    if (index.kind !== "const") checkRegister(name, index, scope);
  }
}

function checkRegister(name: string, index: Index, scope: Scope): void {
  walkExpr(index, (part) => {
    if (part.kind === "ranged") broken(`${name} is indexed by ${printExpr(part.value)}: it is an array of registers`);
  });
  walkExpr(index, (part) => {
    const mark = part.kind === "loop" ? scope.loops.get(part.loop.name)?.mark : "serial";
    if (mark === "serial" || mark === "unrolled" || mark === "interleaved" || mark === "lane") return;
    broken(`${name} is indexed by the ${mark} loop ${printExpr(part)}: it is an array of registers`);
  });
}

// ---- expressions ---------------------------------------------------------------------------------------------------

export function checkExpr(expr: Expr, scope: Scope): void {
  switch (expr.kind) {
    case "const":
      if (!Object.is(roundTo(expr.type, expr.value), expr.value)) {
        broken(`constant ${expr.value} is not a value of ${expr.type}`);
      }
      return;
    case "name": {
      const named = scope.names.get(expr.name) ?? broken(`${expr.name} is not in scope`);
      if (named.type !== expr.type) broken(`${expr.name} is ${named.type}, read as ${expr.type}`);
      checkElement(expr.name, named, expr.at, scope);
      return;
    }
    case "load":
      checkLoad(expr, scope);
      return;
    case "apply":
      for (let i = 0; i < expr.args.length; i += 1)
        checkExpr(expr.args[i] ?? broken(`${expr.fn} lacks an operand`), scope);
      checkApply(expr);
      return;
    case "convert":
      checkExpr(expr.value, scope);
      return;
    case "bitcast": {
      checkExpr(expr.value, scope);
      const wide = [expr.type, expr.value.type].find((type) => type === "f64" || type === "bool");
      if (wide !== undefined) broken(`bitcast from ${expr.value.type} to ${expr.type}: ${wide} is not 32 bits`);
      return;
    }
    case "loop": {
      const { name, extent } = expr.loop;
      const loop = scope.loops.get(name) ?? broken(`loop ${name} is not in scope`);
      if (loop.extent !== extent) broken(`loop ${name} has extent ${loop.extent}, an index takes it for ${extent}`);
      checkRange(expr, 0, Math.max(0, extent - 1));
      return;
    }
    case "ranged":
      checkExpr(expr.value, scope);
      if (expr.value.type !== "i32" && expr.value.type !== "u32") {
        broken(`${printExpr(expr)} is ${expr.value.type}, not an integer`);
      }
      checkRange(expr, expr.min, expr.max);
      return;
    case "sum":
      checkSum(expr, scope);
      return;
    case "floorDiv": {
      const { index, by } = expr;
      checkIndex(index, scope);
      checkRange(expr, Math.floor(index.min / by), Math.floor(index.max / by));
      return;
    }
    case "mod":
      checkIndex(expr.index, scope);
      checkRange(expr, 0, expr.by - 1);
      return;
    default:
      unreachable(expr);
  }
}

function checkLoad(load: Load, scope: Scope): void {
  const buffer = scope.buffers.get(load.buffer);
  const array = buffer ?? scope.shared.get(load.buffer) ?? broken(`load from ${load.buffer}, which is not declared`);
  if (buffer?.role === "write") broken(`load from ${load.buffer}, which is only written`);
  if (buffer === undefined && scope.prelude) broken(`the prelude loads from the shared array ${load.buffer}`);
  const type = "element" in array ? valueTypeOf(array.element) : array.type;
  if (type !== load.type) broken(`load from ${load.buffer} gives ${type}, taken for ${load.type}`);
  checkAccess(load.buffer, load.at, array.count, load.guard !== undefined, scope);
  if (load.guard === undefined) return;
  checkBounds(load.guard.bounds, scope);
  checkExpr(load.guard.otherwise, scope);
  const other = load.guard.otherwise.type;
  if (other !== load.type) broken(`load from ${load.buffer} is ${load.type}, where its guard fails ${other}`);
}

function checkApply(expr: Apply): void {
  const { fn, type, args } = expr;
  const { arity, form } = scalarFns[fn];
  if (args.length !== arity) wrongApply(expr, `${fn} takes ${arity} operands`);
  const first = form === "select" ? 1 : 0;
  const operand = args[first]?.type ?? wrongApply(expr, "no operands");
  for (let i = first + 1; i < arity; i += 1) if (args[i]?.type !== operand) wrongApply(expr, "operands differ in type");
  if (form === "select" && args[0]?.type !== "bool") wrongApply(expr, "the condition is not bool");
  const result = form === "compare" ? "bool" : operand;
  if (type !== result) wrongApply(expr, `the result is ${result}`);
  if (!isDefinedFor(fn, operand)) wrongApply(expr, `${fn} is not defined for ${operand}`);
}

function wrongApply({ fn, type, args }: Apply, words: string): never {
  return broken(`${fn}(${args.map((arg) => arg.type).join(", ")}) -> ${type}: ${words}`);
}
