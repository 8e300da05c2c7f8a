/**
 * What a policy or a move may ask about a nest. It is found out in one walk, and remembered.
 *
 *   what does a value move with?    its loops, through all the `let`s and folds that it reads
 *   what does a fold read again?    the loops along which it loads the same elements
 *   is a fold a contraction?        a sum of a product, each factor of which moves with only some of the parallel loops
 *   how much is there to do?        arithmetic, loads and stores of one iteration
 *
 * How far apart in memory neighbours of a loop lie is `strideAlong` (src/kernel/stride.ts).
 */
import { folds } from "../../src/kernel/folds.ts";
import type { Apply, Expr, FoldStmt, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { ownExprs, readsAny, someStmt, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { strideAlong } from "../../src/kernel/stride.ts";

type Names = ReadonlySet<string>;
const none: Names = new Set();

export class Facts {
  readonly nest: Nest;
  readonly isRepeated: boolean;
  #isSeen = false;
  readonly #loops = new Map<string, LoopVar>();
  /** Of each declared name, the loops that it moves with. */
  readonly #names = new Map<string, Names>();
  /** Sets of reads are shared by the expressions that have them: so is what follows from them. */
  readonly #known = new Map<readonly string[], Names>();

  /** `isRepeated`: its kernel is launched once for each iteration of a loop. */
  constructor(nest: Nest, isRepeated = false) {
    this.nest = nest;
    this.isRepeated = isRepeated;
  }

  /** Most nests are never asked. */
  #seeNest(): void {
    for (const { loop } of this.nest.loops) this.#loops.set(loop.name, loop);
    this.#isSeen = true;
    this.#see(this.nest.prelude);
    this.#see(this.nest.body);
  }

  /** The loops that a value moves with: parallel ones, those in the body, axes and blocks of folds. */
  movesWith({ reads }: Expr): Names {
    if (!this.#isSeen) this.#seeNest();
    const known = this.#known.get(reads);
    if (known !== undefined) return known;
    const found = new Set<string>();
    for (let i = 0; i < reads.length; i += 1) {
      const name = reads[i] ?? "";
      if (this.#loops.has(name)) found.add(name);
      for (const loop of this.#names.get(name) ?? none) found.add(loop);
    }
    this.#known.set(reads, found);
    return found;
  }

  /** Statements are seen in their order, so what they read is known: nothing is assigned before a schedule is done. */
  #see(stmts: readonly Stmt[]): void {
    for (const stmt of stmts) {
      if (stmt.kind === "for") {
        this.#loops.set(stmt.loop.name, stmt.loop);
        this.#see(stmt.body);
      } else if (stmt.kind === "fold") {
        const own = [...stmt.axes, ...stmt.block.map(({ loop }) => loop)];
        for (const loop of own) this.#loops.set(loop.name, loop);
        this.#see(stmt.body);
        const moves = new Set(ownExprs(stmt).flatMap((value) => [...this.movesWith(value)]));
        for (const { name } of own) moves.delete(name);
        for (const { name } of stmt.accumulators) this.#names.set(name, moves);
      } else if (stmt.kind === "let" || stmt.kind === "assign" || stmt.kind === "exchange") {
        const moves = this.movesWith(stmt.value);
        const before = this.#names.get(stmt.name);
        this.#names.set(stmt.name, before === undefined ? moves : new Set([...before, ...moves]));
      } else if (stmt.kind === "var") this.#names.set(stmt.name, this.movesWith(stmt.init));
      else if (stmt.kind === "if") this.#see(stmt.body);
    }
  }

  /** The folds of the body that no other statement is around. */
  folds(): readonly FoldStmt[] {
    return this.nest.body.filter((stmt) => stmt.kind === "fold");
  }

  /** The fold as a contraction over parallel loops of the nest, or undefined where it is none. */
  contraction(fold: FoldStmt): Contraction | undefined {
    const product = productOf(fold);
    const [first, second] = product?.args ?? [];
    if (first === undefined || second === undefined) return undefined;
    const [one, other] = [this.movesWith(first), this.movesWith(second)];
    const loops = this.nest.loops.map(({ loop }) => loop);
    // Columns are what neighbours take: the factor that moves with the last loop is the right one.
    const last = loops.findLast(({ name }) => one.has(name) !== other.has(name));
    const isSwapped = last !== undefined && one.has(last.name);
    const [left, right] = isSwapped ? [second, first] : [first, second];
    const [down, across] = isSwapped ? [other, one] : [one, other];
    const rows = loops.filter(({ name }) => down.has(name) && !across.has(name));
    const columns = loops.filter(({ name }) => across.has(name) && !down.has(name));
    if (rows.length === 0 || columns.length === 0) return undefined;
    const batch = loops.filter((loop) => !rows.includes(loop) && !columns.includes(loop));
    return { fold, batch, rows, columns, inner: fold.axes, left, right };
  }
}

/** Batch: loops that move both factors, or neither. */
export interface Contraction {
  readonly fold: FoldStmt;
  readonly batch: readonly LoopVar[];
  readonly rows: readonly LoopVar[];
  readonly columns: readonly LoopVar[];
  /** Summed over, outer first. */
  readonly inner: readonly LoopVar[];
  /** Moves with the rows. */
  readonly left: Expr;
  /** Moves with the columns. */
  readonly right: Expr;
}

/** What is summed, where it is a product. */
function productOf({ fn, values: [value] }: FoldStmt): Apply | undefined {
  return fn === "sum" && value?.kind === "apply" && value.fn === "mul" ? value : undefined;
}

/** All folds of the statements, those of loops and of other folds too: inner ones first. */
export function everyFold(stmts: readonly Stmt[]): readonly FoldStmt[] {
  return stmts.flatMap((stmt) => {
    const inside = "body" in stmt ? everyFold(stmt.body) : [];
    return stmt.kind === "fold" ? [...inside, stmt] : inside;
  });
}

/** Whether anything in the statements reads one of these names. */
export function readsIn(stmts: readonly Stmt[], names: Names): boolean {
  return stmts.some((stmt) => {
    return ownExprs(stmt).some((expr) => readsAny(expr, names)) || ("body" in stmt && readsIn(stmt.body, names));
  });
}

/** These names, and those of the statements whose values differ with them; of variables, what decides on an assignment may. */
export function movedBy(stmts: readonly Stmt[], names: Iterable<string>): Set<string> {
  const moved = new Set(names);
  const see = (all: readonly Stmt[]): void => {
    for (const stmt of all) {
      if ("body" in stmt) see(stmt.body);
      if (stmt.kind === "var" || stmt.kind === "assign") moved.add(stmt.name);
      else if ((stmt.kind === "let" || stmt.kind === "exchange") && readsAny(stmt.value, moved)) moved.add(stmt.name);
      else if (stmt.kind === "fold" && readsIn([stmt], moved))
        for (const { name } of stmt.accumulators) moved.add(name);
    }
  };
  see(stmts);
  return moved;
}

/** Whether invocations wait for each other somewhere in the statements. */
export function hasMeeting(stmts: readonly Stmt[]): boolean {
  return someStmt(stmts, { stmt: ({ kind }) => kind === "barrier" || kind === "exchange" });
}

/** Buffers and shared arrays that the statements store to. */
export function storedIn(stmts: readonly Stmt[]): ReadonlySet<string> {
  const stored = new Set<string>();
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "store") stored.add(stmt.buffer);
    },
  });
  return stored;
}

/** Loads of elements that lie side by side along the loop. */
export function neighboursAlong(stmts: readonly Stmt[], { name, extent }: LoopVar): number {
  let count = 0;
  walkStmts(stmts, {
    expr: (expr) => {
      if (expr.kind === "load" && Math.abs(strideAlong(expr.at, name, extent, () => true) ?? 0) === 1) count += 1;
    },
  });
  return count;
}

/** Iterations of all the loops together. */
export function sizeOf(loops: readonly { readonly extent: number }[]): number {
  return loops.reduce((product, { extent }) => product * extent, 1);
}

/** Arithmetic, loads and stores of the statements, or what else counts. What is computed twice counts twice. */
export function workOf(stmts: readonly Stmt[], counts: (kind: Expr["kind"] | "store") => boolean = isWork): number {
  let work = 0;
  for (const stmt of stmts) {
    let own = stmt.kind === "store" && counts("store") ? 1 : 0;
    for (const expr of ownExprs(stmt)) own += exprWork(expr, counts);
    if (stmt.kind === "fold") {
      const loops = [...stmt.axes, ...stmt.block.map(({ loop }) => loop)];
      work += sizeOf(loops) * (own + stmt.accumulators.length + workOf(stmt.body, counts));
    } else if (stmt.kind === "for") work += stmt.loop.extent * workOf(stmt.body, counts);
    else work += own + ("body" in stmt ? workOf(stmt.body, counts) : 0);
  }
  return work;
}

const isWork = (kind: string): boolean => kind === "apply" || kind === "load" || kind === "store";

function exprWork(expr: Expr, counts: (kind: Expr["kind"]) => boolean): number {
  let work = 0;
  walkExpr(expr, ({ kind }) => {
    if (counts(kind)) work += 1;
  });
  return work;
}

/** Why a fold cannot be computed in parts, or null. */
export function notShared(fold: FoldStmt): string | null {
  if (fold.block.length > 0) return "the fold is in a block";
  if (folds[fold.fn].splits(fold.accumulators[0]?.type ?? "f32") === "no") return `a ${fold.fn} has no parts`;
  return fold.body.some(({ kind }) => kind === "store") ? "the fold stores" : null;
}
