/**
 * Keeps a costly value of a row that a later loop over the row wants again.
 *
 *   keep v      fold sum = sum over c < 512 of v               fold sum = sum over c < 512 of v
 *                 let v = exp(x[512*i + c] - top)                let v = exp(x[512*i + c] - top)
 *               for d < 512                            ->        row[c] = v
 *                 let w = exp(x[512*i + d] - top)              for d < 512
 *                 y[512*i + d] = w / sum                         let w = row[d]
 *                                                                y[512*i + d] = w / sum
 *
 * The row lies in a shared array, which is a thread's own: so the loops around it are thread loops.
 */
import { letValue, load, store } from "../../../src/kernel/build.ts";
import {
  type Expr,
  isMathsFn,
  type LoopVar,
  type Nest,
  type SharedArray,
  type Stmt,
} from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { withoutUnread } from "../../../src/kernel/names.ts";
import { readsAny, rewriting, someExpr } from "../../../src/kernel/rewrite.ts";
import { movedBy, storedIn } from "../facts.ts";
import { type Around, type Moved, nameNow, type Piece, refuse, withBody } from "../piece.ts";

export function keep(piece: Piece, { value }: MoveOf<"keep">, { fresh, shared }: Around): Moved {
  const { nest } = piece;
  if (nest.loops.some(({ mark }) => mark !== "thread")) refuse("the loops are not bound to threads");
  const name = nameNow(piece, value) ?? value;
  const values = rowValues(nest, new Set(shared.map((array) => array.name)));
  const at = nest.body.findIndex(
    (stmt) => isRow(stmt) && stmt.body.some((one) => one.kind === "let" && one.name === name),
  );
  const first = nest.body[at];
  if (first === undefined || !isRow(first)) return refuse(`no row computes ${value}`);
  const wanted = values.get(first)?.get(name);
  if (wanted === undefined) return refuse(`what ${value} reads changes`);
  const loop = loopOf(first);
  const array: SharedArray = { name: fresh("row"), type: wanted.type, count: loop.extent };
  let taken = 0;
  const body = nest.body.map((stmt, i): Stmt => {
    if (stmt === first) return keepIn(first, name, array);
    if (i < at || !isRow(stmt) || loopOf(stmt).extent !== loop.extent) return stmt;
    const same = [...(values.get(stmt) ?? [])].filter(([, other]) => other === wanted);
    taken += same.length;
    return same.length === 0 ? stmt : takeIn(stmt, new Set(same.map(([other]) => other)), array);
  });
  if (taken === 0) refuse(`no later row wants ${value}`);
  shared.push(array);
  return withBody(piece, body);
}

/** A loop over a row, which folds or stores. */
type Row = Stmt & { readonly kind: "for" | "fold" };

function isRow(stmt: Stmt): stmt is Row {
  if (stmt.kind !== "fold" && stmt.kind !== "for") return false;
  const isPlain = stmt.kind === "fold" ? stmt.block.length === 0 : stmt.mark === "serial" || stmt.mark === "parallel";
  if (!isPlain || (stmt.kind === "fold" && stmt.axes.length !== 1)) return false;
  return stmt.body.every(({ kind }) => kind === "let" || kind === "store");
}

function loopOf(row: Row): LoopVar {
  return row.kind === "for" ? row.loop : (row.axes[0] ?? { name: "", extent: 1 });
}

function keepIn(row: Row, name: string, array: SharedArray): Row {
  const body = row.body.flatMap((stmt): readonly Stmt[] => {
    if (stmt.kind !== "let" || stmt.name !== name) return [stmt];
    const { pool } = stmt.value;
    return [stmt, store(array.name, pool.loop(loopOf(row)), pool.name(array.type, name))];
  });
  return { ...row, body };
}

function takeIn(row: Row, names: ReadonlySet<string>, array: SharedArray): Row {
  const body = row.body.map((stmt): Stmt => {
    if (stmt.kind !== "let" || !names.has(stmt.name)) return stmt;
    return letValue(stmt.name, load(array.type, array.name, stmt.value.pool.loop(loopOf(row))));
  });
  return { ...row, body: withoutUnread(body, [{ ...row, body: [] }]) };
}

// ---- what can be kept, and what is worth it --------------------------------------------------------------------------

/** A longer row would not stay in the first-level cache, and a short one is computed as fast. */
const [shortest, longest] = [16, 8192];

/** The values that one row computes at some cost and a later one again, each by its first name: in the order of the rows. */
export function worthKeeping(nest: Nest): readonly string[] {
  const rows = nest.body.filter((stmt) => isRow(stmt)).filter((row) => isFitting(loopOf(row)));
  if (rows.length < 2 || !rows.some(computesCostly)) return [];
  const values = rowValues(nest, new Set());
  const found = rows.map((row) => values.get(row));
  const kept = new Set<Expr>();
  return rows.flatMap((_, i) => {
    const later = new Set(found.slice(i + 1).flatMap((one) => [...(one?.values() ?? [])]));
    return [...(found[i] ?? [])].flatMap(([name, value]) => {
      if (value.type !== "f32" || kept.has(value) || !later.has(value) || !isCostly(value)) return [];
      kept.add(value);
      return [name];
    });
  });
}

const isFitting = ({ extent }: LoopVar): boolean => extent >= shortest && extent <= longest;

function computesCostly({ body }: Row): boolean {
  return body.some((stmt) => stmt.kind === "let" && isCostly(stmt.value));
}

function isCostly(value: Expr): boolean {
  return someExpr(value, (expr) => expr.kind === "apply" && isMathsFn(expr.fn));
}

/** Of each row, the lets that are the same in any loop over it, as expressions that are then equal. */
function rowValues(nest: Nest, shared: ReadonlySet<string>): ReadonlyMap<Row, ReadonlyMap<string, Expr>> {
  // A shared array is filled once, before it is read.
  const changing = movedBy(
    nest.body,
    [...storedIn(nest.body)].filter((name) => !shared.has(name)),
  );
  /** What earlier rows have kept, by the shared array that holds it. */
  const kept = new Map<string, Expr>();
  const valuesOf = (row: Row): ReadonlyMap<string, Expr> => {
    const found = new Map<string, Expr>();
    const known = new Map<string, Expr>();
    const loop = loopOf(row);
    // Named by its extent, as a row that is longer has elements that a shorter one has not.
    const element: LoopVar = { name: `#${loop.extent}`, extent: loop.extent };
    // Lets come in their order: what a value reads is known before it is asked for.
    const spelled = rewriting(
      (expr) => {
        if (expr.kind === "loop") return expr.loop.name === loop.name ? expr.pool.loop(element) : expr;
        if (expr.kind === "load") return kept.get(expr.buffer) ?? expr;
        return expr.kind === "name" ? (known.get(expr.name) ?? expr) : expr;
      },
      (expr) => expr.reads.includes(loop.name) || readsAny(expr, known),
    );
    for (const stmt of row.body) {
      if (stmt.kind === "let") {
        const value = spelled.expr(stmt.value);
        known.set(stmt.name, value);
        if (!readsAny(value, changing)) found.set(stmt.name, value);
      } else if (stmt.kind === "store" && stmt.value.kind === "name" && shared.has(stmt.buffer)) {
        const value = known.get(stmt.value.name);
        if (value !== undefined) kept.set(stmt.buffer, value);
      }
    }
    return found;
  };
  return new Map(nest.body.filter((stmt) => isRow(stmt)).map((row) => [row, valuesOf(row)]));
}
