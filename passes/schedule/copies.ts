/**
 * Copies of statements in which everything declared has a fresh name: a kernel declares each name once.
 *
 *   let v = x[i + k]; y[i + k] = v    with k -> 3, suffix 3      ->   let v_3 = x[i + 3]; y[i + 3] = v_3
 *
 * Several copies are made together: what reads only some of the loops that are replaced is made once for all copies that put the
 * same in their place (in a block of 4x2, x[4*i + i_i] four times and not eight).
 */
import { assign, letValue, variable } from "../../src/kernel/build.ts";
import { asIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { mapBounds, mapEach, mapOperands, mapStmt, type Rewrite, walkStmts } from "../../src/kernel/rewrite.ts";
import { declaredNames, type Fresh } from "./names.ts";

/** What a copy puts in place of loop variables, and what its names end in. */
export interface Copy {
  readonly loops?: ReadonlyMap<string, Index>;
  readonly suffix?: string;
}

export function copyStmts(stmts: readonly Stmt[], copy: Copy, fresh: Fresh): readonly Stmt[] {
  return new Copies(stmts, [copy], fresh).copy(0);
}

/** Of each statement that is replaced by others in a copy, what it is there. */
type InEach<T> = ReadonlyMap<string, readonly T[]>;

export class Copies {
  readonly #stmts: readonly Stmt[];
  /** The copies by number: for what is declared in them, and so different in each. */
  readonly #apart: readonly number[];
  /** What is declared: its name in each copy. */
  readonly #names: InEach<string>;
  /** What becomes of a loop variable in each copy, given or declared. */
  readonly #loops: InEach<Index>;
  /** Of what an expression reads: for each copy the first one in which it becomes the same; null where it stays as it is. */
  readonly #alike = new Map<Expr["reads"], readonly number[] | null>();
  readonly #made = new Map<Expr, readonly Expr[] | null>();
  /** The copy that is being made. */
  #at = 0;
  readonly #rewrite: Rewrite;

  constructor(stmts: readonly Stmt[], copies: readonly Copy[], fresh: Fresh) {
    this.#stmts = stmts;
    this.#apart = copies.map((_, copy) => copy);
    this.#names = namesOf(declaredNames(stmts), copies, fresh);
    this.#loops = loopsOf(stmts, copies, this.#names, fresh);
    this.#rewrite = {
      expr: (expr) => this.#inEach(expr)?.[this.#at] ?? expr,
      index: (index) => asIndex(this.#rewrite.expr(index)),
    };
  }

  copy(at: number): readonly Stmt[] {
    this.#at = at;
    return this.#stmts.map((stmt) => this.#stmt(stmt));
  }

  // ---- expressions ---------------------------------------------------------------------------------------------------

  /** The expression in each copy; null where it is in all of them what it was. */
  #inEach(expr: Expr): readonly Expr[] | null {
    if (expr.kind === "const") return null;
    const known = this.#made.get(expr);
    if (known !== undefined) return known;
    const alike = this.#alikeFor(expr.reads);
    const made = alike === null ? null : this.#makeEach(expr, alike);
    this.#made.set(expr, made);
    return made;
  }

  #makeEach(expr: Expr, alike: readonly number[]): readonly Expr[] {
    const loop = expr.kind === "loop" ? this.#loops.get(expr.loop.name) : undefined;
    if (loop !== undefined) return loop;
    const at = this.#at;
    const made: Expr[] = [];
    for (let copy = 0; copy < this.#apart.length; copy += 1) {
      this.#at = copy;
      made.push(made[alike[copy] ?? copy] ?? this.#make(expr));
    }
    this.#at = at;
    return made;
  }

  #make(expr: Expr): Expr {
    const names = expr.kind === "name" ? this.#names.get(expr.name) : undefined;
    if (expr.kind !== "name" || names === undefined) return mapOperands(expr, this.#rewrite);
    return expr.pool.name(expr.type, names[this.#at] ?? expr.name, mapEach(expr.at, this.#rewrite.index));
  }

  #alikeFor(reads: Expr["reads"]): readonly number[] | null {
    const known = this.#alike.get(reads);
    if (known !== undefined) return known;
    const alike = this.#firstAlike(reads);
    this.#alike.set(reads, alike);
    return alike;
  }

  #firstAlike(reads: Expr["reads"]): readonly number[] | null {
    const replaced: (readonly Index[])[] = [];
    for (const name of reads) {
      if (this.#names.has(name)) return this.#apart;
      const loop = this.#loops.get(name);
      if (loop !== undefined) replaced.push(loop);
    }
    if (replaced.length === 0) return null;
    return this.#apart.map((copy) => {
      let first = 0;
      while (first < copy && replaced.some((loop) => loop[first] !== loop[copy])) first += 1;
      return first;
    });
  }

  // ---- statements ----------------------------------------------------------------------------------------------------

  #name(name: string): string {
    return this.#names.get(name)?.[this.#at] ?? name;
  }

  #loop({ name, extent }: LoopVar): LoopVar {
    return { name: this.#name(name), extent };
  }

  #stmt(stmt: Stmt): Stmt {
    const rewrite = this.#rewrite;
    switch (stmt.kind) {
      case "let":
        return letValue(this.#name(stmt.name), rewrite.expr(stmt.value));
      case "var":
        return variable(this.#name(stmt.name), rewrite.expr(stmt.init), stmt.shape);
      case "assign":
        return assign(this.#name(stmt.name), rewrite.expr(stmt.value), mapEach(stmt.at, rewrite.index));
      case "for":
        return { ...stmt, loop: this.#loop(stmt.loop), body: stmt.body.map((inner) => this.#stmt(inner)) };
      case "fold":
        return {
          ...stmt,
          axes: stmt.axes.map((loop) => this.#loop(loop)),
          block: stmt.block.map(({ loop, mark }) => ({ loop: this.#loop(loop), mark })),
          body: stmt.body.map((inner) => this.#stmt(inner)),
          values: stmt.values.map(rewrite.expr),
          guard: mapBounds(stmt.guard, rewrite),
          accumulators: stmt.accumulators.map(({ name, type }) => ({ name: this.#name(name), type })),
        };
      case "if": {
        const condition = rewrite.expr(stmt.condition);
        return { ...stmt, condition, body: stmt.body.map((inner) => this.#stmt(inner)) };
      }
      default:
        return mapStmt(stmt, rewrite);
    }
  }
}

/** The names of one copy are given before those of the next. */
function namesOf(declared: readonly string[], copies: readonly Copy[], fresh: Fresh): InEach<string> {
  const names = new Map<string, string[]>(declared.map((name) => [name, []]));
  for (const { suffix = "" } of copies) {
    for (const [name, inEach] of names) inEach.push(fresh(name + suffix));
  }
  return names;
}

function loopsOf(
  stmts: readonly Stmt[],
  copies: readonly Copy[],
  names: InEach<string>,
  { pool }: Fresh,
): InEach<Index> {
  const loops = new Map<string, readonly Index[]>();
  for (const name of copies[0]?.loops?.keys() ?? []) {
    loops.set(
      name,
      copies.flatMap((copy) => copy.loops?.get(name) ?? []),
    );
  }
  const declare = ({ name, extent }: LoopVar): void => {
    loops.set(
      name,
      (names.get(name) ?? []).map((own) => pool.loop({ name: own, extent })),
    );
  };
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "for") declare(stmt.loop);
      else if (stmt.kind === "fold")
        for (const loop of [...stmt.axes, ...stmt.block.map(({ loop }) => loop)]) declare(loop);
    },
  });
  return loops;
}
