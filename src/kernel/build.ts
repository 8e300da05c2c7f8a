/**
 * Constructors of the kernel language. They check types as they build, so an ill-typed kernel fails where it is written,
 * and do the few foldings that would otherwise clutter every caller (convert to the same type).
 */

import { roundTo } from "../core/dtype.ts";
import { CompilerBug } from "../core/errors.ts";
import type { FoldFn } from "../core/fold.ts";
import type {
  BlockLoop,
  Bound,
  Expr,
  FoldStmt,
  Index,
  LoopMark,
  LoopVar,
  ScalarFn,
  Stmt,
  ValueType,
} from "./kernel.ts";
import { scalarFns } from "./kernel.ts";

// ---- expressions ---------------------------------------------------------------------------------------------------

/** The constant as its type holds it: `constant("f32", 0.1)` has the value Math.fround(0.1). */
export function constant(type: ValueType, value: number): Expr {
  return { kind: "const", type, value: roundTo(type, value) };
}

/** A `let`, or a scalar or array `var`. */
export function name(type: ValueType, name: string, at: readonly Index[] = []): Expr {
  return { kind: "name", type, name, at };
}

export function indexValue(index: Index): Expr {
  return { kind: "index", type: "i32", index };
}

export function load(
  type: ValueType,
  buffer: string,
  at: Index,
  guard?: { readonly bounds: readonly Bound[]; readonly otherwise: Expr },
): Expr {
  if (guard === undefined || guard.bounds.length === 0) return { kind: "load", type, buffer, at };
  if (guard.otherwise.type !== type) throw new CompilerBug(`guard of a ${type} load gives ${guard.otherwise.type}`);
  return { kind: "load", type, buffer, at, guard };
}

/** Applies a scalar function. Operands must have equal types (after `select`'s condition). */
export function apply(fn: ScalarFn, ...args: readonly Expr[]): Expr {
  const { arity, form } = scalarFns[fn];
  if (args.length !== arity) throw new CompilerBug(`${fn} takes ${arity} operands, not ${args.length}`);
  const values = form === "select" ? args.slice(1) : args;
  const type = values[0]?.type;
  if (type === undefined || values.some((v) => v.type !== type)) {
    throw new CompilerBug(`${fn} of ${args.map((a) => a.type).join(", ")}: operands differ in type`);
  }
  if (form === "select" && args[0]?.type !== "bool") throw new CompilerBug(`select on a ${args[0]?.type} condition`);
  return { kind: "apply", type: form === "compare" ? "bool" : type, fn, args };
}

export function convert(type: ValueType, value: Expr): Expr {
  if (value.type === type) return value;
  if (value.kind === "const") return constant(type, value.value);
  return { kind: "convert", type, value };
}

export function bitcast(type: ValueType, value: Expr): Expr {
  return value.type === type ? value : { kind: "bitcast", type, value };
}

// ---- statements ----------------------------------------------------------------------------------------------------

export function forLoop(loop: LoopVar, body: readonly Stmt[], mark: LoopMark = "serial"): Stmt {
  return { kind: "for", loop, mark, body };
}

export function letValue(name: string, value: Expr): Stmt {
  return { kind: "let", name, value };
}

export function variable(name: string, init: Expr, shape: readonly number[] = []): Stmt {
  return { kind: "var", name, type: init.type, shape, init };
}

export function assign(name: string, value: Expr, at: readonly Index[] = []): Stmt {
  return { kind: "assign", name, at, value };
}

/** Accumulators are named by `names`, and have the types of `values`. */
export function fold(
  fn: FoldFn,
  names: readonly string[],
  axes: readonly LoopVar[],
  values: readonly Expr[],
  more: {
    readonly body?: readonly Stmt[];
    readonly block?: readonly BlockLoop[];
    readonly from?: readonly number[];
  } = {},
): FoldStmt {
  const { body = [], block = [], from = [] } = more;
  if (names.length !== values.length)
    throw new CompilerBug(`${fn} of ${values.length} values into ${names.join(", ")}`);
  const accumulators = values.map(({ type }, i) => ({ name: names[i] ?? "", type }));
  return { kind: "fold", fn, accumulators, axes, block, body, values, from };
}

export function store(
  buffer: string,
  at: Index,
  value: Expr,
  guard: readonly Bound[] = [],
  from: readonly number[] = [],
): Stmt {
  return { kind: "store", buffer, at, value, guard, from };
}

export function when(condition: Expr, body: readonly Stmt[]): Stmt {
  return { kind: "if", condition, body };
}

export const barrier: Stmt = { kind: "barrier" };
