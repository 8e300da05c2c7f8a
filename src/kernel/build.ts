/**
 * Constructors of the kernel language. They check types as they build, so an ill-typed kernel fails where it is written,
 * and do the few foldings that would otherwise clutter every caller (convert to the same type).
 *
 * Leaves come from the pool (`pool.constant`, `pool.loop`, `pool.name`); what is made here finds it in its operands. A number
 * beside an expression is a constant of that one's type: `apply("mul", x, 0.5)`.
 */

import { CompilerBug } from "../core/errors.ts";
import type { KernelFold } from "../core/fold.ts";
import type {
  BlockLoop,
  Bound,
  ExchangeStmt,
  Expr,
  FoldStmt,
  Guard,
  Index,
  LoopMark,
  LoopVar,
  ParallelLoop,
  ScalarFn,
  Stmt,
  ValueType,
} from "./kernel.ts";
import { scalarFns } from "./kernel.ts";

// ---- expressions ---------------------------------------------------------------------------------------------------

export function load(type: ValueType, buffer: string, at: Index, guard?: Guard): Expr {
  const { nodes } = at.pool;
  if (guard === undefined || guard.bounds.length === 0) return nodes.load(type, buffer, at);
  if (guard.otherwise.type !== type) throw new CompilerBug(`guard of a ${type} load gives ${guard.otherwise.type}`);
  return nodes.load(type, buffer, at, guard);
}

/** Applies a scalar function. Operands must have equal types (after `select`'s condition). */
export function apply(fn: ScalarFn, ...operands: readonly (Expr | number)[]): Expr {
  const first = scalarFns[fn].form === "select" ? 1 : 0;
  const like = operands.find((operand, i): operand is Expr => i >= first && typeof operand !== "number");
  if (like === undefined) throw new CompilerBug(`${fn} of numbers alone: nothing says their type`);
  return applyTo(
    fn,
    operands.map((operand) => (typeof operand === "number" ? like.pool.constant(like.type, operand) : operand)),
  );
}

/** The same for a list of expressions, which the result keeps. */
export function applyTo(fn: ScalarFn, args: readonly Expr[]): Expr {
  const { arity, form } = scalarFns[fn];
  const first = form === "select" ? 1 : 0;
  const like = args[first];
  if (args.length !== arity || like === undefined) {
    throw new CompilerBug(`${fn} takes ${arity} operands, not ${args.length}`);
  }
  for (let i = first + 1; i < arity; i += 1) {
    if (args[i]?.type !== like.type) {
      throw new CompilerBug(`${fn} of ${args.map((arg) => arg.type).join(", ")}: operands differ in type`);
    }
  }
  if (form === "select" && args[0]?.type !== "bool") throw new CompilerBug(`select on a ${args[0]?.type} condition`);
  return like.pool.nodes.apply(form === "compare" ? "bool" : like.type, fn, args);
}

export function convert(type: ValueType, value: Expr): Expr {
  if (value.type === type) return value;
  if (value.kind === "const") return value.pool.constant(type, value.value);
  return value.pool.nodes.convert(type, value);
}

export function bitcast(type: ValueType, value: Expr): Expr {
  return value.type === type ? value : value.pool.nodes.bitcast(type, value);
}

/** A constant of the type of `like`. */
export function constantLike(like: Expr, value: number): Expr {
  return like.pool.constant(like.type, value);
}

// ---- statements ----------------------------------------------------------------------------------------------------

export function forLoop(loop: LoopVar, body: readonly Stmt[], mark: LoopMark = "serial"): Stmt {
  return { kind: "for", loop, mark, body };
}

/** The loops, each with its mark, around the body: the first is the outermost. */
export function forLoops(loops: readonly BlockLoop[], body: readonly Stmt[]): readonly Stmt[] {
  return loops.reduceRight<readonly Stmt[]>((inside, { loop, mark }) => [forLoop(loop, inside, mark)], body);
}

/** Loops that nothing is decided of. */
export function parallelLoops(loops: readonly LoopVar[]): readonly (BlockLoop & ParallelLoop)[] {
  return loops.map((loop) => ({ loop, mark: "parallel" }));
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
  fn: KernelFold,
  names: readonly string[],
  axes: readonly LoopVar[],
  values: readonly Expr[],
  more: {
    readonly body?: readonly Stmt[];
    readonly block?: readonly BlockLoop[];
    readonly guard?: readonly Bound[];
    readonly from?: readonly number[];
  } = {},
): FoldStmt {
  const { body = [], block = [], guard = [], from = [] } = more;
  if (names.length !== values.length)
    throw new CompilerBug(`${fn} of ${values.length} values into ${names.join(", ")}`);
  const accumulators = values.map(({ type }, i) => ({ name: names[i] ?? "", type }));
  return { kind: "fold", fn, accumulators, axes, block, body, values, guard, from };
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

export const barrier: Stmt = { kind: "barrier", of: "shared" };
export const barrierOfBuffers: Stmt = { kind: "barrier", of: "buffers" };

export function exchange(name: string, value: Expr, by: Pick<ExchangeStmt, "bits" | "mask" | "size">): Stmt {
  return { kind: "exchange", name, value, ...by };
}
