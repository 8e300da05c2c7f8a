/** A factor of a sum of products that is computed elsewhere, where it is copied, and read where it was computed. */

import { refuse } from "../../../passes/schedule/piece.ts";
import { apply, letValue, store } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import type { Apply, Expr, FoldStmt, Index, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { type Fresh, letsFor, withoutUnread } from "../../../src/kernel/names.ts";
import { declaredNames, ownExprs, readsAny } from "../../../src/kernel/rewrite.ts";

export interface Factor {
  readonly fold: FoldStmt;
  readonly product: Apply;
  readonly operand: MoveOf<"stage">["operand"];
  readonly factor: Expr;
  /** The `let`s of the fold that it needs. */
  readonly lets: readonly Stmt[];
}

export function factorOf(fold: FoldStmt, operand: Factor["operand"]): Factor {
  const [product] = fold.values;
  if (fold.fn !== "sum" || product?.kind !== "apply" || product.fn !== "mul")
    return refuse("it is no sum of a product");
  const factor = product.args[operand === "left" ? 0 : 1] ?? refuse("it has no factors");
  return { fold, product, operand, factor, lets: letsFor([letValue("", factor)], fold.body) };
}

/** It can be computed where its loops are known, axes of its fold, and none of these names but those. */
export function checkKnown({ fold, factor, lets }: Factor, names: Iterable<string>, loops: readonly LoopVar[]): void {
  const unknown = new Set(names);
  for (const { name } of [...loops, ...fold.axes]) unknown.delete(name);
  for (const name of declaredNames(lets)) unknown.delete(name);
  if ([factor, ...lets.flatMap(ownExprs)].some((expr) => readsAny(expr, unknown)))
    refuse("it reads what is not known before");
}

/** The fold, which reads the factor. */
export function readingFold({ fold, product, operand }: Factor, read: Expr): FoldStmt {
  const args = product.args.map((arg, n) => ((n === 0) === (operand === "left") ? read : arg));
  const made = { ...fold, values: [apply("mul", ...args)] };
  return { ...made, body: withoutUnread(fold.body, [{ ...made, body: [] }]) };
}

/** Computes it, at these loops, and stores it. */
export function storedFactor(
  { factor, lets }: Factor,
  buffer: string,
  at: Index,
  loops: ReadonlyMap<string, Index>,
  fresh: Fresh,
): readonly Stmt[] {
  const name = "element"; // the copy gives it a name of its own
  const stored = store(buffer, at, fresh.pool.name(factor.type, name));
  return copyStmts([...lets, letValue(name, factor), stored], { loops }, fresh);
}
