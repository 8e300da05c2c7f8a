/**
 * Computes what a block computes twice only once.
 *
 *   acc[0][0] = acc[0][0] + f64(x[i]) * f64(w[j])            let x_0: f64 = f64(x[i])
 *   acc[0][1] = acc[0][1] + f64(x[i]) * f64(w[j + 1])   ->   acc[0][0] = acc[0][0] + x_0 * f64(w[j])
 *                                                            acc[0][1] = acc[0][1] + x_0 * f64(w[j + 1])
 *
 * A block is a list of statements between loops. Equal expressions are one object, so what is computed twice is what is used
 * twice, as long as nothing in between changes what it reads. A 4x4 block of a contraction so loads 8 elements per step, not 32.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { apply, bitcast, convert, letValue } from "../../src/kernel/build.ts";
import type { Expr, Index, Kernel, Name, Stmt } from "../../src/kernel/kernel.ts";
import { mapStmt, mapStmts, someExpr, someStmt } from "../../src/kernel/rewrite.ts";
import type { Fresh } from "./names.ts";
import { freshNames, replace } from "./names.ts";

/** The kernel with repeated expressions of each block named. */
export function cse(kernel: Kernel, names = freshNames(kernel)): Kernel {
  const fresh = numbered(names);
  const nests = kernel.nests.map((nest) => {
    const prelude = new Block(nest.prelude, fresh);
    // the body reads the prelude's names, also those of `let`s that were dropped
    return { ...nest, prelude: prelude.out, body: new Block(prelude.rename(nest.body), fresh).out };
  });
  return { ...kernel, nests };
}

type Rename = (wanted: string) => string;

function numbered(fresh: Fresh): Rename {
  const next = new Map<string, number>();
  return (wanted) => {
    const n = next.get(wanted) ?? 0;
    next.set(wanted, n + 1);
    return fresh(`${wanted}_${n}`);
  };
}

/** An expression from the statement `since` on, until something that it reads is changed. */
interface Value {
  readonly since: number;
  count: number;
  /** The name that holds it, once it is declared. */
  holder: Name | undefined;
  isDeclared: boolean;
}

class Block {
  readonly out: Stmt[] = [];
  readonly #fresh: Rename;
  readonly #values = new Map<Expr, Value[]>();
  /** The last statement that changed a name or a buffer, and the last barrier, behind which all memory may differ. */
  readonly #changed = new Map<string, number>();
  #lastChange = -1;
  #barrier = -1;
  /** `let`s that were dropped because another holds their value. */
  readonly #renamed = new Map<string, { readonly name: string; readonly at: readonly Index[] }>();
  #at = 0;

  constructor(stmts: readonly Stmt[], fresh: Rename) {
    this.#fresh = fresh;
    const plain = stmts.map((stmt) => this.#plain(stmt));
    this.#at = 0;
    for (const stmt of plain) {
      if (stmt !== undefined) this.#emit(stmt);
      this.#at += 1;
    }
  }

  rename(stmts: readonly Stmt[]): readonly Stmt[] {
    return this.#renamed.size === 0 ? stmts : mapStmts(stmts, replace({ loops: new Map(), names: this.#renamed }));
  }

  // ---- first: `let`s that hold what another holds go, and what is computed is counted --------------------------------

  #plain(before: Stmt): Stmt | undefined {
    const stmt =
      this.#renamed.size === 0 ? before : mapStmt(before, replace({ loops: new Map(), names: this.#renamed }));
    const made = this.#counted(stmt);
    for (const name of changedBy(before)) {
      this.#changed.set(name, this.#at);
      this.#lastChange = this.#at;
    }
    if (before.kind === "barrier") this.#barrier = this.#at;
    this.#at += 1;
    return made;
  }

  #counted(stmt: Stmt): Stmt | undefined {
    if (stmt.kind !== "let") {
      const made = withValue(stmt, (value) => this.#held(value));
      for (const value of valuesOf(made)) this.#count(value);
      return made;
    }
    const value = isWorthNaming(stmt.value) ? this.#heldOperands(stmt.value) : this.#held(stmt.value);
    const known = isWorthNaming(value) ? this.#value(value) : undefined;
    if (known !== undefined && known.holder === undefined && known.count > 0) this.#giveName(value, known);
    if (known?.holder !== undefined) {
      known.count += 1;
      this.#renamed.set(stmt.name, { name: known.holder.name, at: [] });
      return undefined;
    }
    this.#count(value);
    if (known !== undefined) known.holder = value.pool.name(value.type, stmt.name);
    return { ...stmt, value };
  }

  /** The expression, what a `let` holds replaced by its name. */
  #held(expr: Expr): Expr {
    const made = this.#heldOperands(expr);
    return isWorthNaming(made) ? (this.#value(made).holder ?? made) : made;
  }

  #heldOperands(expr: Expr): Expr {
    return mapValues(expr, (value) => this.#held(value));
  }

  /** Counts `expr`, and its operands the first time: those of a repeated expression are not computed again. */
  #count(expr: Expr): void {
    if (isWorthNaming(expr)) {
      const value = this.#value(expr);
      value.count += 1;
      if (value.count > 1) return;
    }
    mapValues(expr, (operand) => {
      this.#count(operand);
      return operand;
    });
  }

  /** What the expression is worth here: in the first turn found or begun anew, in the second found again. */
  #value(expr: Expr): Value {
    const values = this.#values.get(expr) ?? [];
    const last = this.#lastOf(values);
    if (last !== undefined && !this.#isChanged(expr, last.since)) return last;
    const value: Value = { since: this.#at, count: 0, holder: undefined, isDeclared: false };
    values.push(value);
    this.#values.set(expr, values);
    return value;
  }

  #isChanged({ reads }: Expr, since: number): boolean {
    if (since === this.#at || (this.#lastChange < since && this.#barrier < since)) return false;
    if (reads.size > 0 && this.#barrier >= since && this.#barrier < this.#at) return true;
    for (const name of reads) {
      const changed = this.#changed.get(name) ?? -1;
      if (changed >= since && changed < this.#at) return true;
    }
    return false;
  }

  // ---- then: what is used twice gets a name --------------------------------------------------------------------------

  #emit(stmt: Stmt): void {
    if (stmt.kind === "let") {
      this.out.push({ ...stmt, value: mapValues(stmt.value, (value) => this.#named(value)) });
      const known = this.#known(stmt.value);
      if (known?.holder?.name === stmt.name) known.isDeclared = true;
      return;
    }
    const made = withValue(stmt, (value) => this.#named(value));
    const isBlock = made.kind === "for" || made.kind === "if";
    this.out.push(isBlock ? { ...made, body: new Block(made.body, this.#fresh).out } : made);
  }

  /** The expression, or the name that holds it, made now if it is wanted again. */
  #named(expr: Expr): Expr {
    const value = isWorthNaming(expr) ? this.#known(expr) : undefined;
    if (value?.holder !== undefined && value.isDeclared) return value.holder;
    const made = mapValues(expr, (operand) => this.#named(operand));
    if (value === undefined || value.count < 2) return made;
    const holder = value.holder ?? this.#giveName(expr, value);
    this.out.push(letValue(holder.name, made));
    value.isDeclared = true;
    return holder;
  }

  #known(expr: Expr): Value | undefined {
    const values = this.#values.get(expr);
    return values === undefined ? undefined : this.#lastOf(values);
  }

  #lastOf(values: readonly Value[]): Value | undefined {
    for (let i = values.length - 1; i >= 0; i -= 1) {
      const value = values[i];
      if (value !== undefined && value.since <= this.#at) return value;
    }
    return undefined;
  }

  #giveName(expr: Expr, value: Value): Name {
    const holder = expr.pool.name(expr.type, this.#fresh(sourceOf(expr)));
    value.holder = holder;
    return holder;
  }
}

/** The variables and memory that a statement changes, what is nested in it included. */
function changedBy(stmt: Stmt): ReadonlySet<string> {
  const changed = new Set<string>();
  someStmt([stmt], {
    stmt: (inner) => {
      if (inner.kind === "assign" || inner.kind === "var") changed.add(inner.name);
      else if (inner.kind === "store") changed.add(inner.buffer);
      return false;
    },
  });
  return changed;
}

/** The expression that a statement itself evaluates; nested blocks look after their own. */
function valuesOf(stmt: Stmt): readonly Expr[] {
  switch (stmt.kind) {
    case "let":
    case "assign":
    case "store":
      return [stmt.value];
    case "var":
      return [stmt.init];
    case "if":
      return [stmt.condition];
    case "for":
    case "barrier":
      return [];
    case "fold":
      throw new CompilerBug("cse of a fold: they are expanded before");
  }
}

function withValue<S extends Stmt>(stmt: S, map: (value: Expr) => Expr): Stmt {
  switch (stmt.kind) {
    case "let":
    case "assign":
    case "store":
      return { ...stmt, value: map(stmt.value) };
    case "var":
      return { ...stmt, init: map(stmt.init) };
    case "if":
      return { ...stmt, condition: map(stmt.condition) };
    default:
      return stmt;
  }
}

function isWorthNaming(expr: Expr): boolean {
  if (expr.kind === "convert" || expr.kind === "bitcast") return expr.value.kind !== "name";
  return expr.kind === "load" || expr.kind === "apply";
}

/** Maps the operands that are always evaluated: an index, and what a failing guard gives instead, are left alone. */
function mapValues(expr: Expr, map: (operand: Expr) => Expr): Expr {
  switch (expr.kind) {
    case "apply": {
      let made: Expr[] | undefined;
      for (let i = 0; i < expr.args.length; i += 1) {
        const arg = expr.args[i];
        const operand = arg === undefined ? undefined : map(arg);
        if (operand === undefined || operand === arg) continue;
        made ??= [...expr.args];
        made[i] = operand;
      }
      return made === undefined ? expr : apply(expr.fn, ...made);
    }
    case "convert":
      return convert(expr.type, map(expr.value));
    case "bitcast":
      return bitcast(expr.type, map(expr.value));
    default:
      return expr;
  }
}

/** What to call it: by the buffer that it is loaded from, if any. */
function sourceOf(expr: Expr): string {
  let buffer = "t";
  someExpr(expr, (part) => {
    if (part.kind === "load") buffer = part.buffer;
    return false;
  });
  return buffer;
}
