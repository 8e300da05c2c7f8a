/**
 * Recognises a contraction: a sum of products, each factor of which moves with only some of the parallel loops.
 *
 *   parallel b, i, j
 *     var acc = 0
 *     for k { acc = acc + A(b, i, k) * B(b, k, j) }       A may be any expression of b, i, k: an inlined producer
 *     ...                                                 the epilogue, once per b, i, j
 *
 * Loops that move both factors are the batch, those of A alone are rows, those of B alone columns. So a convolution
 * written over windows is a contraction whose rows are image, height and width.
 */
import type { Expr, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { someStmt } from "../../src/kernel/rewrite.ts";

export interface Contraction {
  readonly batch: readonly LoopVar[];
  readonly rows: readonly LoopVar[];
  readonly columns: readonly LoopVar[];
  readonly inner: readonly LoopVar[];
  /** Before the loops over k, and in them; an operand or the epilogue may read them. */
  readonly lets: readonly Stmt[];
  readonly innerLets: readonly Stmt[];
  readonly accumulator: string;
  readonly init: Expr;
  /** Moves with the rows. */
  readonly left: Expr;
  /** Moves with the columns. */
  readonly right: Expr;
  readonly epilogue: readonly Stmt[];
}

export function contractionOf(nest: Nest): Contraction | undefined {
  const head = readHead(nest.body);
  const inside = head === undefined ? undefined : readInside(head.loop, head.accumulator);
  if (head === undefined || inside === undefined || holdsBarrier(head.epilogue)) return undefined;
  const movers = moversOf([...nest.prelude, ...head.lets, ...inside.lets]);
  const [first, second] = [movers(inside.left), movers(inside.right)];
  if (reads(inside.left, head.accumulator) || reads(inside.right, head.accumulator)) return undefined;
  const loops = nest.loops.map(({ loop }) => loop);
  const only = (mine: ReadonlySet<string>, other: ReadonlySet<string>): readonly LoopVar[] =>
    loops.filter((loop) => mine.has(loop.name) && !other.has(loop.name));
  // The columns are what neighbouring invocations take: the operand that moves with the last loop is the right one.
  const last = loops.at(-1);
  const swap = last !== undefined && first.has(last.name) && !second.has(last.name);
  const [left, right] = swap ? [second, first] : [first, second];
  const rows = only(left, right);
  const columns = only(right, left);
  if (rows.length === 0 || columns.length === 0) return undefined;
  return {
    batch: loops.filter((loop) => !rows.includes(loop) && !columns.includes(loop)),
    rows,
    columns,
    inner: inside.loops,
    lets: head.lets,
    innerLets: inside.lets,
    accumulator: head.accumulator,
    init: head.init,
    left: swap ? inside.right : inside.left,
    right: swap ? inside.left : inside.right,
    epilogue: head.epilogue,
  };
}

type ForLoop = Stmt & { readonly kind: "for" };

/** `let`s and one f32 variable, then the loop, then anything. */
function readHead(body: readonly Stmt[]):
  | {
      readonly lets: readonly Stmt[];
      readonly accumulator: string;
      readonly init: Expr;
      readonly loop: ForLoop;
      readonly epilogue: readonly Stmt[];
    }
  | undefined {
  const at = body.findIndex((stmt) => stmt.kind === "for");
  const loop = body[at];
  const before = body.slice(0, Math.max(0, at));
  const variables = before.filter((stmt) => stmt.kind === "var");
  const [variable] = variables;
  if (loop?.kind !== "for" || variable?.kind !== "var" || variables.length !== 1) return undefined;
  if (variable.shape.length > 0 || variable.type !== "f32") return undefined;
  const lets = before.filter((stmt) => stmt.kind === "let");
  if (lets.length + 1 !== before.length || lets.some((stmt) => reads(stmt.value, variable.name))) return undefined;
  return { lets, accumulator: variable.name, init: variable.init, loop, epilogue: body.slice(at + 1) };
}

/** `let`s around at most one loop at each level; innermost `acc = acc + left * right`. */
function readInside(
  outer: ForLoop,
  accumulator: string,
):
  | { readonly loops: readonly LoopVar[]; readonly lets: readonly Stmt[]; readonly left: Expr; readonly right: Expr }
  | undefined {
  const loops: LoopVar[] = [];
  const lets: Stmt[] = [];
  let loop: ForLoop = outer;
  for (;;) {
    if (loop.mark !== "serial") return undefined;
    loops.push(loop.loop);
    const last = loop.body.at(-1);
    const before = loop.body.slice(0, -1);
    if (before.some((stmt) => stmt.kind !== "let")) return undefined;
    lets.push(...before);
    if (last?.kind === "for") {
      loop = last;
      continue;
    }
    if (last?.kind !== "assign" || last.name !== accumulator) return undefined;
    const product = productOf(last.value, accumulator);
    return product === undefined ? undefined : { loops, lets, ...product };
  }
}

function productOf(value: Expr, accumulator: string): { readonly left: Expr; readonly right: Expr } | undefined {
  if (value.kind !== "apply" || value.fn !== "add") return undefined;
  const isSelf = (expr: Expr | undefined): boolean => expr?.kind === "name" && expr.name === accumulator;
  const [a, b] = value.args;
  const product = isSelf(a) ? b : isSelf(b) ? a : undefined;
  if (product?.kind !== "apply" || product.fn !== "mul") return undefined;
  const [left, right] = product.args;
  return left === undefined || right === undefined ? undefined : { left, right };
}

/** The loops that an expression moves with, through the `let`s it reads. */
function moversOf(lets: readonly Stmt[]): (expr: Expr) => ReadonlySet<string> {
  const known = new Map<string, ReadonlySet<string>>();
  const movers = (expr: Expr): ReadonlySet<string> => {
    const found = new Set<string>();
    for (const name of expr.reads) for (const loop of known.get(name) ?? [name]) found.add(loop);
    return found;
  };
  for (const stmt of lets) if (stmt.kind === "let") known.set(stmt.name, movers(stmt.value));
  return movers;
}

function reads(expr: Expr, name: string): boolean {
  return expr.reads.has(name);
}

function holdsBarrier(stmts: readonly Stmt[]): boolean {
  return someStmt(stmts, { stmt: ({ kind }) => kind === "barrier" });
}
