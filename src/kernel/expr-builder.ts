/**
 * The constructors of expressions as a value, for who writes expressions and imports none of them: the ops of the graph say how an
 * element follows from others, and are handed what they say it with.
 */
import type { DType } from "../core/dtype.ts";
import { apply, convert } from "./build.ts";
import { addIndex, floorDivIndex, modIndex, scaleIndex, sumIndex } from "./index-expr.ts";
import { type Expr, type ExprPool, type Index, type ScalarFn, type Term, type ValueType, valueTypeOf } from "./kernel.ts"; // biome-ignore format: names

/** build.ts and index-expr.ts say what each does. */
export interface ExprBuilder {
  readonly apply: (fn: ScalarFn, ...operands: readonly (Expr | number)[]) => Expr;
  readonly convert: (type: ValueType, value: Expr) => Expr;
  readonly valueTypeOf: (element: DType) => ValueType;
  readonly sumIndex: (terms: readonly Term[], offset?: number, pool?: ExprPool) => Index;
  readonly addIndex: (a: Index, b: Index) => Index;
  readonly scaleIndex: (index: Index, factor: number, offset?: number) => Index;
  readonly floorDivIndex: (index: Index, by: number) => Index;
  readonly modIndex: (index: Index, by: number) => Index;
}

export const exprBuilder: ExprBuilder = {
  apply,
  convert,
  valueTypeOf,
  sumIndex,
  addIndex,
  scaleIndex,
  floorDivIndex,
  modIndex,
};
