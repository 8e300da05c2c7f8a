/**
 * What `split ... mask` does to a body: iterations past the end come along, as barriers will want them to, and store nothing.
 *
 *   let b = bias[i]                                        fold acc = sum over k of guarded(i < 130 ? x[i, k] : 0)
 *   fold acc = sum over k of x[i, k]      ->               if i < 130
 *   y[i] = acc + b                                           let b = bias[i]
 *                                                            y[i] = acc + b
 *
 * The fold stays outside of the `if`, with all that it reads in its own body. With `split ... lanes` there is no `if`: what moves with the
 * bound is loaded and stored where it holds.
 */
import { apply, when } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import type { Bound, BufferParam, Expr, Stmt } from "../../../src/kernel/kernel.ts";
import { type Fresh, letsFor, replace } from "../../../src/kernel/names.ts";
import { mapStmt, mapStmts, readsAny, rewriting, someStmt } from "../../../src/kernel/rewrite.ts";
import { guardLoads, guardStores, isBelow, openBounds } from "../../kernel/bounds.ts";
import { hasMeeting, movedBy, storedIn } from "../facts.ts";
import { namesOfCopy, refuse } from "../piece.ts";

interface Around {
  readonly fresh: Fresh;
  readonly buffers: ReadonlyMap<string, BufferParam>;
}

/** The body where `bound` holds. */
export function masked(body: readonly Stmt[], bound: Bound, { fresh, buffers }: Around): readonly Stmt[] {
  const at = body.findIndex(({ kind }) => kind === "fold");
  const fold = body[at];
  if (fold?.kind !== "fold") return refuse("there is no fold in the body");
  const [before, after] = [body.slice(0, at), body.slice(at + 1)];
  if (before.some(({ kind }) => kind !== "let")) refuse("other statements than lets stand before the fold");
  if (hasMeeting(after)) refuse("there is a barrier in the body");
  const own = letsFor([fold], before);
  const rest = letsFor(after, before);
  // What both read is computed in both places, under two names.
  const copies = copyStmts(rest, {}, fresh);
  const names = new Map([...namesOfCopy(rest, copies)].map(([name, now]) => [name, { name: now, at: [] }] as const));
  const moved = [...copies, ...mapStmts(after, replace({ loops: new Map(), names }))];
  const whole = { ...fold, body: [...own, ...fold.body] };
  const open = openBounds([bound]);
  if (open.length === 0) return [whole, ...moved];
  const moving = movedBy(whole.body, bound.index.reads);
  const stored = storedIn(moved);
  const isOverwritten = (expr: Expr): boolean =>
    expr.kind === "load" && stored.has(expr.buffer) && !readsAny(expr, moving);
  if (someStmt([whole], { expr: isOverwritten })) refuse("those past the end read what another overwrites");
  return [withGuardedLoads(whole, bound, moving, buffers), ...inside(moved, isBelow(bound.index, bound.extent))];
}

/** The body, in which what moves with the bound is loaded and stored where that holds. */
export function guarded(body: readonly Stmt[], bound: Bound, { buffers }: Around): readonly Stmt[] {
  if (openBounds([bound]).length === 0) return body;
  if (hasMeeting(body)) refuse("there is a barrier in the body");
  const moving = movedBy(body, bound.index.reads);
  const loaded = body.map((stmt) => withGuardedLoads(stmt, bound, moving, buffers));
  return guardStores(loaded, [bound]);
}

/** An `if` around nothing but an `if` is one. */
function inside(stmts: readonly Stmt[], condition: Expr): readonly Stmt[] {
  const [only] = stmts;
  if (stmts.length !== 1 || only?.kind !== "if") return [when(condition, stmts)];
  return [when(apply("and", only.condition, condition), only.body)];
}

/** Loads that move with what is bounded. Others are those of iterations that are there. */
function withGuardedLoads(stmt: Stmt, bound: Bound, moving: ReadonlySet<string>, buffers: Around["buffers"]): Stmt {
  const guard = guardLoads([bound], buffers);
  return mapStmt(
    stmt,
    rewriting(
      (expr) => (readsAny(expr, moving) ? guard(expr) : expr),
      (expr) => readsAny(expr, moving),
    ),
  );
}
