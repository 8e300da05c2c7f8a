/**
 * The maths library for a target whose arithmetic is double: the same routines with f32 rounded once, at the end.
 *
 *   let y: f32 = (r * c) + 1f              ->   let y: f64 = (r * c) + 1
 *   bitcast<u32>(y)                             bitcast<u32>(f32(y))
 *   result f32: y * 2f                          f32(y * 2)
 *
 * JavaScript rounds to f32 by an instruction there and one back after each operation, which V8 keeps: exp of a million
 * elements takes 21 ms with a rounding after each operation and 10 with one. No bound gets worse: what a routine does to win
 * bits back in f32 is exact in double.
 */
import { CompilerBug } from "../../core/errors.ts";
import { apply, bitcast, convert } from "../build.ts";
import { type Expr, isRoutineFn, type Routine, type RoutineFn, type Stmt, type ValueType } from "../kernel.ts";
import { routineFor } from "./library.ts";

/** `routineFor`, in double. */
export function doubleRoutineFor(fn: RoutineFn, type: ValueType): Routine | undefined {
  const routine = routineFor(fn, type);
  return routine === undefined || type !== "f32" ? routine : inDouble(routine);
}

function inDouble(routine: Routine): Routine {
  const params = new Set(routine.params.map((param) => param.name));
  const wide = (expr: Expr): Expr => widened(expr, params);
  const body = routine.body.map((stmt): Stmt => (stmt.kind === "let" ? { ...stmt, value: wide(stmt.value) } : stmt));
  return { ...routine, body, result: rounded(wide(routine.result)) };
}

/** An expression of f32 as one of f64; others with what they are made of. */
function widened(expr: Expr, params: ReadonlySet<string>): Expr {
  const wide = (part: Expr): Expr => widened(part, params);
  const narrow = (part: Expr): Expr => (part.type === "f32" ? rounded(wide(part)) : wide(part));
  switch (expr.kind) {
    case "const":
      return expr.type === "f32" ? expr.pool.constant("f64", expr.value) : expr;
    case "name":
      if (expr.type !== "f32") return expr;
      return params.has(expr.name) ? convert("f64", expr) : expr.pool.name("f64", expr.name, expr.at);
    case "apply": {
      if (isRoutineFn(expr.fn)) return convert("f64", apply(expr.fn, ...expr.args.map(narrow)));
      return apply(expr.fn, ...expr.args.map(wide));
    }
    case "convert":
      return convert(expr.type === "f32" ? "f64" : expr.type, wide(expr.value));
    case "bitcast": {
      const bits = bitcast(expr.type, narrow(expr.value));
      return expr.type === "f32" ? convert("f64", bits) : bits;
    }
    default:
      throw new CompilerBug(`a ${expr.kind} in a routine of the maths library`);
  }
}

/** A double as f32: what was one before stays as it is. */
function rounded(expr: Expr): Expr {
  return expr.kind === "convert" && expr.value.type === "f32" ? expr.value : convert("f32", expr);
}
