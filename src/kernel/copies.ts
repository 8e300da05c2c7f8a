/**
 * Copies of statements in which everything declared has a fresh name: a kernel declares each name once.
 *
 *   let v = x[i + k]; y[i + k] = v    with k -> 3, suffix 3      ->   let v_3 = x[i + 3]; y[i + 3] = v_3
 *
 * Several copies are made together: what reads only some of the loops that are replaced is made once for all copies that put the
 * same in their place (in a block of 4x2, x[4*i + i_i] four times and not eight).
 */
import { assign, letValue, variable } from "./build.ts";
import { asIndex } from "./index-expr.ts";
import type { Expr, ExprPool, Index, LoopVar, Stmt } from "./kernel.ts";
import type { Fresh } from "./names.ts";
import { declaredNames, mapBounds, mapEach, mapOperands, mapStmt, type Rewrite } from "./rewrite.ts";

/** A copy with other indexes in place of loop variables; what it declares ends in `suffix`. */
export function copyStmts(
  stmts: readonly Stmt[],
  { loops = new Map(), suffix = "" }: { readonly loops?: ReadonlyMap<string, Index>; readonly suffix?: string },
  fresh: Fresh,
): readonly Stmt[] {
  const indexes = new Map([...loops].map(([name, index]) => [name, [index]]));
  return new Copies(stmts, indexes, [suffix], fresh).copy(0);
}

/** Of what is replaced in copies: what it is in each. */
type InEach<T> = ReadonlyMap<string, readonly T[]>;

export class Copies {
  readonly #stmts: readonly Stmt[];
  /** The copies by number: for what is declared in them, and so different in each. */
  readonly #apart: readonly number[];
  /** What is declared: its name in each copy. */
  readonly #names: InEach<string>;
  /** What becomes of a loop variable in each copy, given or declared. */
  readonly #loops: Map<string, readonly Index[]>;
  readonly #pool: ExprPool;
  /** Of what an expression reads: for each copy the first one in which it becomes the same; null where it stays as it is. */
  readonly #alike = new Map<Expr["reads"], readonly number[] | null>();
  readonly #made = new Map<Expr, readonly Expr[] | null>();
  /** The copy that is being made. */
  #at = 0;
  readonly #rewrite: Rewrite;

  constructor(stmts: readonly Stmt[], loops: InEach<Index>, suffixes: readonly string[], fresh: Fresh) {
    this.#stmts = stmts;
    this.#apart = suffixes.map((_, copy) => copy);
    this.#names = namesOf(declaredNames(stmts), suffixes, fresh);
    this.#loops = new Map(loops);
    this.#pool = fresh.pool;
    this.#rewrite = {
      expr: (expr) => this.#inEach(expr)?.[this.#at] ?? expr,
      index: (index) => {
        const made = this.#rewrite.expr(index);
        return made === index ? index : asIndex(made);
      },
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
    for (let i = 0; i < reads.length; i += 1) {
      const name = reads[i] ?? "";
      if (this.#names.has(name)) return this.#apart;
      const loop = this.#loops.get(name);
      if (loop !== undefined) replaced.push(loop);
    }
    return replaced.length === 0 ? null : this.#apart.map((copy) => firstLike(copy, replaced));
  }

  // ---- statements ----------------------------------------------------------------------------------------------------

  #name(name: string): string {
    return this.#names.get(name)?.[this.#at] ?? name;
  }

  /** Where the loop is declared: before anything that reads it. */
  #loop({ name, extent }: LoopVar): LoopVar {
    if (!this.#loops.has(name)) {
      const names = this.#names.get(name) ?? [];
      this.#loops.set(
        name,
        names.map((own) => this.#pool.loop({ name: own, extent })),
      );
    }
    return { name: this.#name(name), extent };
  }

  #stmt(stmt: Stmt): Stmt {
    const rewrite = this.#rewrite;
    switch (stmt.kind) {
      case "let":
        return letValue(this.#name(stmt.name), rewrite.expr(stmt.value));
      case "exchange":
        return { ...stmt, name: this.#name(stmt.name), value: rewrite.expr(stmt.value) };
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
function namesOf(declared: readonly string[], suffixes: readonly string[], fresh: Fresh): InEach<string> {
  const names = declared.map((): string[] => []);
  for (const suffix of suffixes) {
    for (let i = 0; i < declared.length; i += 1) names[i]?.push(fresh(declared[i] + suffix));
  }
  return new Map(declared.map((name, i) => [name, names[i] ?? []]));
}

/** The first copy that has the same loops as this one. */
function firstLike(copy: number, loops: readonly (readonly Index[])[]): number {
  let first = 0;
  for (let i = 0; i < loops.length && first < copy; ) {
    if (loops[i]?.[first] === loops[i]?.[copy]) i += 1;
    else {
      first += 1;
      i = 0;
    }
  }
  return first;
}
