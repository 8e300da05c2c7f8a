/**
 * What a printer must know of a whole function before it writes the first line of it: how often each index sum is used, and which
 * array variables are indexed by more than constants. Of the others each element is a variable of its own, which an engine keeps in
 * a register.
 *
 * One walk, by number: it looks at every expression of a kernel whose loops are unrolled, and was two fifths of printing JavaScript.
 */
import { splitOffset } from "../src/kernel/index-expr.ts";
import type { Bound, Expr, Index, Stmt, Sum } from "../src/kernel/kernel.ts";

export interface Uses {
  /** By how many places (subscripts, bounds and operands) each sum is used; its constant is left out. */
  readonly sums: ReadonlyMap<Index, number>;
  readonly indexed: ReadonlySet<string>;
}

/** The index without its constant: those that differ in it alone share one name. */
export function baseOf(index: Index): Index {
  return index.kind === "sum" ? splitOffset(index).moving : index;
}

export function usesIn(stmts: readonly Stmt[]): Uses {
  const finder = new UseFinder();
  finder.see(stmts);
  return { sums: finder.sums(), indexed: finder.indexed };
}

class UseFinder {
  readonly indexed = new Set<string>();
  readonly #sums = new Map<Sum, number>();

  sums(): ReadonlyMap<Index, number> {
    const counts = new Map<Index, number>();
    for (const [sum, count] of this.#sums) {
      const base = baseOf(sum);
      counts.set(base, (counts.get(base) ?? 0) + count);
    }
    return counts;
  }

  see(stmts: readonly Stmt[]): void {
    for (let i = 0; i < stmts.length; i += 1) {
      const stmt = stmts[i];
      if (stmt !== undefined) this.#stmt(stmt);
    }
  }

  #stmt(stmt: Stmt): void {
    switch (stmt.kind) {
      case "for":
        this.see(stmt.body);
        return;
      case "let":
        this.#value(stmt.value);
        return;
      case "var":
        this.#value(stmt.init);
        return;
      case "assign":
        this.#element(stmt.name, stmt.at);
        this.#value(stmt.value);
        return;
      case "store":
        this.#index(stmt.at);
        this.#bounds(stmt.guard);
        this.#value(stmt.value);
        return;
      case "if":
        this.#value(stmt.condition);
        this.see(stmt.body);
        return;
      case "exchange":
        this.#value(stmt.value);
        return;
      case "matrix":
        this.#index(stmt.product.left.at);
        this.#index(stmt.product.right.at);
        return;
      case "fold": // none is left where anything is printed
      case "barrier":
        return;
      default:
        stmt satisfies never;
    }
  }

  #value(expr: Expr): void {
    switch (expr.kind) {
      case "const":
        return;
      case "name":
        this.#element(expr.name, expr.at);
        return;
      case "load":
        this.#index(expr.at);
        if (expr.guard === undefined) return;
        this.#bounds(expr.guard.bounds);
        this.#value(expr.guard.otherwise);
        return;
      case "apply":
        for (let i = 0; i < expr.args.length; i += 1) {
          const arg = expr.args[i];
          if (arg !== undefined) this.#value(arg);
        }
        return;
      case "convert":
      case "bitcast":
        this.#value(expr.value);
        return;
      default:
        this.#index(expr);
    }
  }

  #element(name: string, at: readonly Index[]): void {
    for (let i = 0; i < at.length; i += 1) {
      const index = at[i];
      if (index === undefined || index.kind === "const") continue;
      this.indexed.add(name);
      this.#index(index);
    }
  }

  #bounds(bounds: readonly Bound[]): void {
    for (const { index } of bounds) this.#index(index);
  }

  #index(index: Index): void {
    if (index.kind === "sum") this.#sums.set(index, (this.#sums.get(index) ?? 0) + 1);
    this.#inside(index);
  }

  /** What an index is made of is no use of its own, but for values that it is computed of. */
  #inside(index: Index): void {
    switch (index.kind) {
      case "const":
      case "loop":
        return;
      case "ranged":
        this.#value(index.value);
        return;
      case "sum":
        for (let i = 0; i < index.terms.length; i += 1) {
          const term = index.terms[i];
          if (term !== undefined) this.#inside(term.index);
        }
        return;
      case "floorDiv":
      case "mod":
        this.#inside(index.index);
        return;
      default:
        index satisfies never;
    }
  }
}
