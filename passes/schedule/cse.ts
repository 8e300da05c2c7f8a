/**
 * Computes what a block computes twice only once: local value numbering.
 *
 *   acc[0][0] = acc[0][0] + f64(x[i]) * f64(w[j])            let x_0: f64 = f64(x[i])
 *   acc[0][1] = acc[0][1] + f64(x[i]) * f64(w[j + 1])   ->   acc[0][0] = acc[0][0] + x_0 * f64(w[j])
 *                                                            acc[0][1] = acc[0][1] + x_0 * f64(w[j + 1])
 *
 * A block is a list of statements between loops; every expression in it gets a number, equal for equal values. A store
 * starts a new version of its buffer, an assignment one of its variable, so nothing is taken for what it was before.
 * A 4x4 block of a contraction so loads 8 elements per step, not 32.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { name as nameOf } from "../../src/kernel/build.ts";
import { someIndex, walkIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { mapStmt, mapStmts, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import type { Fresh } from "./names.ts";
import { freshNames, replace } from "./names.ts";

/** The kernel with repeated expressions of each block named. */
export function cse(kernel: Kernel): Kernel {
  const fresh = numbered(freshNames(kernel));
  const nests = kernel.nests.map((nest) => {
    const prelude = rewriteBlock(nest.prelude, fresh);
    // the body reads the prelude's names, also those of `let`s that were dropped
    const names = replace({ loops: new Map(), names: prelude.renamed });
    return { ...nest, prelude: prelude.out, body: cseBlock(mapStmts(nest.body, names), fresh) };
  });
  return { ...kernel, nests };
}

function numbered(fresh: Fresh): Fresh {
  const next = new Map<string, number>();
  return (wanted) => {
    const n = next.get(wanted) ?? 0;
    next.set(wanted, n + 1);
    return fresh(`${wanted}_${n}`);
  };
}

function cseBlock(stmts: readonly Stmt[], fresh: Fresh): readonly Stmt[] {
  return rewriteBlock(stmts, fresh).out;
}

function rewriteBlock(stmts: readonly Stmt[], fresh: Fresh): Block {
  const numbers = newNumbers();
  const counts = new Map<string, number>();
  for (const stmt of stmts) {
    for (const value of valuesOf(stmt)) count(value, numbers, counts);
    if (stmt.kind === "let") numbers.lets.set(stmt.name, numbers.of(stmt.value));
    numbers.pass(stmt);
  }
  numbers.restart();
  const block: Block = { out: [], held: new Map(), renamed: new Map(), numbers, counts, fresh };
  for (const stmt of stmts) emit(stmt, block);
  return block;
}

// ---- numbers -------------------------------------------------------------------------------------------------------

interface Numbers {
  /** Equal for expressions that have equal values at this point of the block. */
  readonly of: (expr: Expr) => string;
  readonly lets: Map<string, string>;
  /** Goes on past a statement: what it changes has a new version. */
  readonly pass: (stmt: Stmt) => void;
  /** Back to the beginning of the block. */
  readonly restart: () => void;
}

function newNumbers(): Numbers {
  const interned = new Map<string, string>();
  const versions = new Map<string, number>();
  const lets = new Map<string, string>();
  let epoch = 0;
  const intern = (key: string): string => {
    const known = interned.get(key) ?? `#${interned.size}`;
    interned.set(key, known);
    return known;
  };
  const version = (name: string): string => `${name}~${epoch}.${versions.get(name) ?? 0}`;
  const ofIndex = (index: Index): string => {
    if (index.kind === "const" || index.kind === "loop") return index.key;
    if (!someIndex(index, { value: () => true })) return index.key;
    const parts = new Set<string>();
    walkIndex(index, {
      value: (value) => {
        walkExpr(value, {
          expr: (part) => {
            if (part.kind === "name") parts.add(version(part.name));
            else if (part.kind === "load") parts.add(version(part.buffer));
          },
        });
      },
    });
    return [index.key, ...parts].join(" ");
  };
  /**
   * Numbers at each statement: an expression is asked for once by each that it is part of, when it is counted, and again when
   * it is written out.
   */
  const known: Map<Expr, string>[] = [];
  let at = 0;
  const keys: Keys = { of: (expr) => of(expr), ofIndex, version, lets };
  const of = (expr: Expr): string => {
    let here = known[at];
    if (here === undefined) known[at] = here = new Map();
    const found = here.get(expr) ?? intern(keyOf(expr, keys));
    here.set(expr, found);
    return found;
  };
  return {
    of,
    lets,
    pass(stmt) {
      at += 1;
      for (const changed of changedBy(stmt)) versions.set(changed, (versions.get(changed) ?? 0) + 1);
      if (stmt.kind === "barrier") epoch += 1;
    },
    restart() {
      at = 0;
      versions.clear();
      epoch = 0;
    },
  };
}

interface Keys {
  readonly of: (expr: Expr) => string;
  readonly ofIndex: (index: Index) => string;
  readonly version: (name: string) => string;
  readonly lets: ReadonlyMap<string, string>;
}

function keyOf(expr: Expr, { of, ofIndex, version, lets }: Keys): string {
  switch (expr.kind) {
    case "const":
      return `${expr.type} ${Object.is(expr.value, -0) ? "-0" : expr.value}`;
    case "name":
      return lets.get(expr.name) ?? `name ${version(expr.name)} ${expr.at.map(ofIndex).join(",")}`;
    case "index":
      return `index ${ofIndex(expr.index)}`;
    case "load": {
      const bounds = expr.guard?.bounds.map((bound) => `${ofIndex(bound.index)}<${bound.extent}`) ?? [];
      const otherwise = expr.guard === undefined ? "" : of(expr.guard.otherwise);
      return `load ${version(expr.buffer)} ${ofIndex(expr.at)} ${bounds.join(",")} ${otherwise}`;
    }
    case "apply":
      return `${expr.fn} ${expr.args.map(of).join(",")}`;
    case "convert":
    case "bitcast":
      return `${expr.kind} ${expr.type} ${of(expr.value)}`;
  }
}

/** The variables and memory that a statement changes, what is nested in it included. */
function changedBy(stmt: Stmt): Iterable<string> {
  if (stmt.kind === "let") return [];
  if (stmt.kind === "assign" || stmt.kind === "var") return [stmt.name];
  if (stmt.kind === "store") return [stmt.buffer];
  const changed = new Set<string>();
  walkStmts([stmt], {
    stmt: (inner) => {
      if (inner.kind === "assign" || inner.kind === "var") changed.add(inner.name);
      else if (inner.kind === "store") changed.add(inner.buffer);
    },
  });
  return changed;
}

// ---- counting ------------------------------------------------------------------------------------------------------

/** The expressions that a statement itself evaluates; nested blocks look after their own. */
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
    case "fold":
    case "for":
    case "barrier":
      return [];
  }
}

/** Counts `expr`, and its operands the first time: those of a repeated expression are not computed again. */
function count(expr: Expr, numbers: Numbers, counts: Map<string, number>): void {
  if (isWorthNaming(expr)) {
    const number = numbers.of(expr);
    const before = counts.get(number) ?? 0;
    counts.set(number, before + 1);
    if (before > 0) return;
  }
  for (const operand of operandsOf(expr)) count(operand, numbers, counts);
}

function isWorthNaming(expr: Expr): boolean {
  if (expr.kind === "convert" || expr.kind === "bitcast") return expr.value.kind !== "name";
  return expr.kind === "load" || expr.kind === "apply";
}

/** Operands that are always evaluated: what a failing guard gives instead is left alone. */
function operandsOf(expr: Expr): readonly Expr[] {
  if (expr.kind === "apply") return expr.args;
  return expr.kind === "convert" || expr.kind === "bitcast" ? [expr.value] : [];
}

// ---- rewriting -----------------------------------------------------------------------------------------------------

interface Block {
  readonly out: Stmt[];
  /** The name that holds a number. */
  readonly held: Map<string, Expr>;
  /** `let`s that were dropped because another holds their value. */
  readonly renamed: Map<string, { readonly name: string; readonly at: readonly Index[] }>;
  readonly numbers: Numbers;
  readonly counts: ReadonlyMap<string, number>;
  readonly fresh: Fresh;
}

function emit(original: Stmt, block: Block): void {
  const { numbers, held, out, renamed } = block;
  const stmt = renamed.size === 0 ? original : mapStmt(original, replace({ loops: new Map(), names: renamed }));
  switch (stmt.kind) {
    case "for":
      out.push({ ...stmt, body: cseBlock(stmt.body, block.fresh) });
      break;
    case "if":
      out.push({ ...stmt, condition: rewritten(stmt.condition, block), body: cseBlock(stmt.body, block.fresh) });
      break;
    case "let": {
      const number = numbers.of(stmt.value);
      const holder = held.get(number);
      if (holder?.kind === "name") {
        renamed.set(stmt.name, { name: holder.name, at: [] });
        break;
      }
      out.push({ ...stmt, value: rebuilt(stmt.value, block) });
      held.set(number, nameOf(stmt.value.type, stmt.name));
      break;
    }
    case "var":
      out.push({ ...stmt, init: rewritten(stmt.init, block) });
      break;
    case "assign":
    case "store":
      out.push({ ...stmt, value: rewritten(stmt.value, block) });
      break;
    case "fold":
      throw new CompilerBug("cse of a fold: they are expanded before");
    case "barrier":
      out.push(stmt);
      break;
  }
  numbers.pass(original);
}

/** The expression, or the name that holds it, made now if it is wanted again. */
function rewritten(expr: Expr, block: Block): Expr {
  if (!isWorthNaming(expr)) return rebuilt(expr, block);
  const number = block.numbers.of(expr);
  const holder = block.held.get(number);
  if (holder !== undefined) return holder;
  const value = rebuilt(expr, block);
  if ((block.counts.get(number) ?? 0) < 2) return value;
  const name = block.fresh(sourceOf(expr));
  block.out.push({ kind: "let", name, value });
  const held = nameOf(expr.type, name);
  block.held.set(number, held);
  return held;
}

function rebuilt(expr: Expr, block: Block): Expr {
  if (expr.kind === "apply") return { ...expr, args: expr.args.map((arg) => rewritten(arg, block)) };
  if (expr.kind === "convert" || expr.kind === "bitcast") return { ...expr, value: rewritten(expr.value, block) };
  return expr;
}

/** What to call it: by the buffer that it is loaded from, if any. */
function sourceOf(expr: Expr): string {
  let buffer = "t";
  walkExpr(expr, {
    expr: (part) => {
      if (part.kind === "load") buffer = part.buffer;
    },
  });
  return buffer;
}
