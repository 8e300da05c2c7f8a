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
import { applyTo, bitcast, convert, letValue } from "../../src/kernel/build.ts";
import type { Expr, Index, Kernel, Name, Stmt } from "../../src/kernel/kernel.ts";
import type { Fresh } from "../../src/kernel/names.ts";
import { freshNames, replace } from "../../src/kernel/names.ts";
import { mapEach, mapStmts, type Rewrite, someExpr } from "../../src/kernel/rewrite.ts";

/** The kernel with repeated expressions of each block named. */
export function cse(kernel: Kernel, names = freshNames(kernel)): Kernel {
  const fresh = numbered(names);
  const nests = kernel.nests.map((nest) => {
    if (nest.prelude.length === 0) return { ...nest, body: inBlock(nest.body, fresh) };
    const prelude = new Block(nest.prelude, fresh);
    // the body reads the prelude's names, also those of `let`s that were dropped
    return { ...nest, prelude: prelude.out, body: inBlock(prelude.rename(nest.body), fresh) };
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
  /** What the same expression was worth until then. */
  readonly before: Value | undefined;
}

/** The statements of a block. Loops alone, of which most nests are made outside, compute nothing themselves. */
function inBlock(stmts: readonly Stmt[], fresh: Rename): readonly Stmt[] {
  if (stmts.some(({ kind }) => kind !== "for")) return new Block(stmts, fresh).out;
  return stmts.map((stmt) => (stmt.kind === "for" ? { ...stmt, body: inBlock(stmt.body, fresh) } : stmt));
}

class Block {
  readonly out: Stmt[] = [];
  readonly #fresh: Rename;
  readonly #values = new Map<Expr, Value>();
  /** Whether any of them has a holder, or is wanted twice: most blocks need no second look. */
  #anyHeld = false;
  #anyTwice = false;
  /** The last statement that changed a name or a buffer, and the last barrier, behind which all memory may differ. */
  readonly #changed = new Map<string, number>();
  #lastChange = -1;
  #barrier = -1;
  /** `let`s that were dropped because another holds their value. */
  readonly #renamed = new Map<string, { readonly name: string; readonly at: readonly Index[] }>();
  #renaming: Rewrite | undefined;
  #at = 0;

  constructor(stmts: readonly Stmt[], fresh: Rename) {
    this.#fresh = fresh;
    const plain = stmts.map((stmt) => this.#plain(stmt));
    for (this.#at = 0; this.#at < plain.length; this.#at += 1) {
      const stmt = plain[this.#at];
      if (stmt !== undefined) this.#emit(stmt);
    }
  }

  rename(stmts: readonly Stmt[]): readonly Stmt[] {
    if (this.#renamed.size === 0) return stmts;
    this.#renaming ??= replace({ loops: new Map(), names: this.#renamed });
    return mapStmts(stmts, this.#renaming);
  }

  // ---- first: `let`s that hold what another holds go, and what is computed is counted --------------------------------

  #plain(before: Stmt): Stmt | undefined {
    const renamed = this.#renamed.size === 0 ? before : this.rename([before])[0];
    const made = this.#counted(renamed ?? before);
    this.#change(before);
    this.#at += 1;
    return made;
  }

  #counted(stmt: Stmt): Stmt | undefined {
    if (stmt.kind === "let") return this.#countedLet(stmt.name, stmt.value);
    const before = valueIn(stmt);
    if (before === undefined) return stmt;
    const value = this.#held(before);
    this.#count(value);
    return withValue(stmt, value);
  }

  #countedLet(name: string, before: Expr): Stmt | undefined {
    const value = isWorthNaming(before) ? this.#heldOperands(before) : this.#held(before);
    const known = isWorthNaming(value) ? this.#value(value) : undefined;
    if (known !== undefined && known.holder === undefined && known.count > 0) this.#giveName(value, known);
    if (known?.holder !== undefined) {
      known.count += 1;
      this.#renamed.set(name, { name: known.holder.name, at: [] });
      return undefined;
    }
    this.#count(value);
    if (known !== undefined) this.#hold(known, value.pool.name(value.type, name));
    return letValue(name, value);
  }

  /** The expression, what a `let` holds replaced by its name. */
  readonly #held = (expr: Expr): Expr => {
    if (!this.#anyHeld) return expr;
    const made = this.#heldOperands(expr);
    return isWorthNaming(made) ? (this.#value(made).holder ?? made) : made;
  };

  #heldOperands(expr: Expr): Expr {
    return this.#anyHeld ? mapValues(expr, this.#held) : expr;
  }

  /** Counts `expr`, and its operands the first time: those of a repeated expression are not computed again. */
  readonly #count = (expr: Expr): void => {
    if (isWorthNaming(expr)) {
      const value = this.#value(expr);
      value.count += 1;
      if (value.count > 1) {
        this.#anyTwice = true;
        return;
      }
    }
    if (expr.kind === "convert" || expr.kind === "bitcast") this.#count(expr.value);
    else if (expr.kind === "apply") expr.args.forEach(this.#count);
  };

  /** What the expression is worth here: in the first turn found or begun anew, in the second found again. */
  #value(expr: Expr): Value {
    const last = this.#known(expr);
    if (last !== undefined && !this.#isChanged(expr, last.since)) return last;
    const value: Value = { since: this.#at, count: 0, holder: undefined, isDeclared: false, before: last };
    this.#values.set(expr, value);
    return value;
  }

  /** The variables and memory that a statement changes, what is nested in it included. */
  #change(stmt: Stmt): void {
    switch (stmt.kind) {
      case "var":
      case "assign":
        this.#changed.set(stmt.name, this.#at);
        break;
      case "store":
        this.#changed.set(stmt.buffer, this.#at);
        break;
      case "for":
      case "if":
      case "matrix":
        for (const inner of stmt.body) this.#change(inner);
        return;
      case "barrier":
        this.#barrier = this.#at;
        return;
      default:
        return;
    }
    this.#lastChange = this.#at;
  }

  #isChanged({ reads }: Expr, since: number): boolean {
    if (since === this.#at || (this.#lastChange < since && this.#barrier < since)) return false;
    if (reads.length > 0 && this.#barrier >= since && this.#barrier < this.#at) return true;
    for (const name of reads) {
      const changed = this.#changed.get(name) ?? -1;
      if (changed >= since && changed < this.#at) return true;
    }
    return false;
  }

  // ---- then: what is used twice gets a name --------------------------------------------------------------------------

  #emit(stmt: Stmt): void {
    const value = this.#anyTwice ? valueIn(stmt) : undefined;
    if (value === undefined) {
      const isBlock = stmt.kind === "for" || stmt.kind === "if";
      this.out.push(isBlock ? { ...stmt, body: inBlock(stmt.body, this.#fresh) } : stmt);
    } else if (stmt.kind === "let") {
      this.out.push(letValue(stmt.name, mapValues(value, this.#named)));
      const known = this.#known(value);
      if (known?.holder?.name === stmt.name) known.isDeclared = true;
    } else {
      const made = withValue(stmt, this.#named(value));
      this.out.push(made.kind === "if" ? { ...made, body: inBlock(made.body, this.#fresh) } : made);
    }
  }

  /** The expression, or the name that holds it, made now if it is wanted again. */
  readonly #named = (expr: Expr): Expr => {
    const value = isWorthNaming(expr) ? this.#known(expr) : undefined;
    if (value?.holder !== undefined && value.isDeclared) return value.holder;
    const made = mapValues(expr, this.#named);
    if (value === undefined || value.count < 2) return made;
    const holder = value.holder ?? this.#giveName(expr, value);
    this.out.push(letValue(holder.name, made));
    value.isDeclared = true;
    return holder;
  };

  /** What was found in the first turn, as it is at this statement. */
  #known(expr: Expr): Value | undefined {
    let value = this.#values.get(expr);
    while (value !== undefined && value.since > this.#at) value = value.before;
    return value;
  }

  #giveName(expr: Expr, value: Value): Name {
    const holder = expr.pool.name(expr.type, this.#fresh(sourceOf(expr)));
    this.#anyTwice = true;
    this.#hold(value, holder);
    return holder;
  }

  #hold(value: Value, holder: Name): void {
    value.holder = holder;
    this.#anyHeld = true;
  }
}

/** The expression that a statement itself evaluates; nested blocks look after their own. */
function valueIn(stmt: Stmt): Expr | undefined {
  switch (stmt.kind) {
    case "let":
    case "assign":
    case "store":
      return stmt.value;
    case "var":
      return stmt.init;
    case "if":
      return stmt.condition;
    case "for":
    case "matrix":
    case "barrier":
    case "exchange": // of what has a name already
      return undefined;
    case "fold":
      throw new CompilerBug("cse of a fold: they are expanded before");
  }
}

function withValue(stmt: Stmt, value: Expr): Stmt {
  if (valueIn(stmt) === value) return stmt;
  switch (stmt.kind) {
    case "let":
    case "assign":
    case "store":
      return { ...stmt, value };
    case "var":
      return { ...stmt, init: value };
    case "if":
      return { ...stmt, condition: value };
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
      const args = mapEach(expr.args, map);
      return args === expr.args ? expr : applyTo(expr.fn, args);
    }
    case "convert": {
      const value = map(expr.value);
      return value === expr.value ? expr : convert(expr.type, value);
    }
    case "bitcast": {
      const value = map(expr.value);
      return value === expr.value ? expr : bitcast(expr.type, value);
    }
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
