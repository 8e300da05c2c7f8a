/**
 * Loops over the elements that an invocation has of a row are written out, so that what one of them loaded is there for the next.
 *
 *   hold 16                  fold m = max over t < 2, i < 4 of x[2048*row + 1024*t + 4*lane + i]
 *                            fold s = sum over u < 2, j < 4 of exp(x[2048*row + 1024*u + 4*lane + j] - m)
 *                       ->   m = max(m, x[2048*row + 4*lane]); m = max(m, x[2048*row + 4*lane + 1]) ... s = s + exp(x[2048*row + 4*lane] - m) ...
 *
 * The loads of both are the same expressions then, and the printer gives each one name (wide.ts): a row is read once, however often
 * it is gone through, and lies in registers meanwhile. Folds are none any more: it is the last of a list.
 */
import { foldLoops } from "../../../passes/kernel/expand-folds.ts";
import { sizeOf } from "../../../passes/schedule/facts.ts";
import { type Around, type Moved, mostCopies, type Piece, refuse, withBody } from "../../../passes/schedule/piece.ts";
import type { Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";

export function hold(piece: Piece, { most }: MoveOf<"hold">, { fresh }: Around): Moved {
  if (most > mostCopies) refuse(`${most} copies`);
  const held = (stmt: Stmt): readonly Stmt[] => {
    if (stmt.kind === "if") return [{ ...stmt, body: stmt.body.flatMap(held) }];
    if ((stmt.kind !== "for" && stmt.kind !== "fold") || copiesIn([stmt]) > most) return [stmt];
    if (stmt.kind === "for") return [written(stmt)];
    const { vars, body } = foldLoops(stmt, fresh);
    return [...vars, ...body.map(written)];
  };
  return withBody(piece, piece.nest.body.flatMap(held));
}

/** How many there would be of the innermost statement; infinitely many of a fold in it, or of lanes. */
function copiesIn(stmts: readonly Stmt[]): number {
  return stmts.reduce((most, stmt) => {
    if (stmt.kind === "fold") {
      const isPlain = stmt.body.every(({ kind }) => kind === "let");
      const loops = [...stmt.axes, ...stmt.block.map(({ loop }) => loop)];
      return Math.max(most, isPlain ? sizeOf(loops) : Number.POSITIVE_INFINITY);
    }
    if (stmt.kind !== "for") return "body" in stmt ? Math.max(most, copiesIn(stmt.body)) : most;
    if (stmt.mark === "lane" || stmt.body.some(({ kind }) => kind === "fold")) return Number.POSITIVE_INFINITY;
    return Math.max(most, stmt.loop.extent * copiesIn(stmt.body));
  }, 1);
}

function written(stmt: Stmt): Stmt {
  if (stmt.kind === "if") return { ...stmt, body: stmt.body.map(written) };
  if (stmt.kind !== "for") return stmt;
  const mark = stmt.mark === "interleaved" ? stmt.mark : "unrolled";
  return { ...stmt, mark, body: stmt.body.map(written) };
}
