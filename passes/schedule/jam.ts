/**
 * Puts unrolled loops around the innermost statements of a block, under its serial loops.
 *
 *   with i_i < 4:   var acc = 0                               var acc[4] = 0
 *                   for k < 512                               for k < 512
 *                     acc = acc + x[i_i, k]              ->     for i_i < 4 unrolled
 *                   let v = acc * 2                               acc[i_i] = acc[i_i] + x[i_i, k]
 *                   y[i_i] = v                                for i_i < 4 unrolled
 *                                                               let v = acc[i_i] * 2
 *                                                               y[i_i] = v
 *
 * What does not depend on the unrolled loops stays outside and is computed once. Neighbouring statements share one nest
 * of unrolled loops; a `let` read in another nest becomes an array, as every dependent `var` does.
 */
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import { forLoop } from "../../src/kernel/build.ts";
import type { Expr, Index, LoopMark, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { readsAny, someStmt, walkStmts } from "../../src/kernel/rewrite.ts";
import type { Fresh } from "./names.ts";
import { copyStmts, replace } from "./names.ts";

type Of<K extends Stmt["kind"]> = Stmt & { readonly kind: K };

/** `stmts` for all iterations of `inner`, whose variables they use freely. The last loop gets the mark `last`. */
export function jam(
  stmts: readonly Stmt[],
  inner: readonly LoopVar[],
  fresh: Fresh,
  last: LoopMark = "unrolled",
): readonly Stmt[] {
  if (inner.length === 0) return stmts;
  const dependent = dependentNames(stmts, inner);
  const items = group(stmts, inner, dependent);
  const arrays = new Map<string, Stored>();
  collectArrays(items, arrays);
  const at = inner.map((loop) => fresh.pool.loop(loop));
  const names = new Map([...arrays.keys()].map((name) => [name, { name, at }]));
  const rewrite = replace({ loops: new Map(), names });
  return emit(items, { inner, last, arrays, rewrite, at, fresh, first: { yes: true } });
}

// ---- what depends on the unrolled loops ----------------------------------------------------------------------------

/** Every `let` and `var` whose value differs between iterations of `loops`. */
function dependentNames(stmts: readonly Stmt[], loops: readonly LoopVar[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    markDependent(stmts, loops, names, false);
  }
  return names;
}

function markDependent(stmts: readonly Stmt[], loops: readonly LoopVar[], names: Set<string>, branch: boolean): void {
  for (const stmt of stmts) {
    if (stmt.kind === "for") markDependent(stmt.body, loops, names, branch);
    else if (stmt.kind === "if") {
      markDependent(stmt.body, loops, names, branch || reads([{ ...stmt, body: [] }], loops, names));
    } else if (stmt.kind === "let" || stmt.kind === "var" || stmt.kind === "assign") {
      if (!names.has(stmt.name) && (branch || reads([stmt], loops, names))) names.add(stmt.name);
    }
  }
}

/** Whether the statements read one of the loop variables or names. */
function reads(stmts: readonly Stmt[], loops: readonly LoopVar[], names: ReadonlySet<string>): boolean {
  const reads = (expr: Expr): boolean => readsAny(expr, names) || loops.some(({ name }) => expr.reads.has(name));
  return someStmt(stmts, { expr: reads });
}

function assignsAny(stmts: readonly Stmt[], names: ReadonlySet<string>): boolean {
  return someStmt(stmts, {
    stmt: (stmt) => stmt.kind === "store" || (stmt.kind === "assign" && names.has(stmt.name)),
  });
}

// ---- grouping ------------------------------------------------------------------------------------------------------

type Item =
  /** As it stands, once. */
  | { readonly kind: "once"; readonly stmt: Stmt }
  /** A `var` that becomes an array; where its start depends on the block, the group after it assigns that. */
  | { readonly kind: "array"; readonly stmt: Of<"var">; readonly starts: boolean }
  | { readonly kind: "for"; readonly stmt: Of<"for">; readonly items: readonly Item[] }
  /** For all iterations of the unrolled loops. */
  | { readonly kind: "all"; readonly stmts: Stmt[] };

function group(stmts: readonly Stmt[], inner: readonly LoopVar[], dependent: ReadonlySet<string>): readonly Item[] {
  const items: Item[] = [];
  let open: Stmt[] | undefined;
  /** What does not depend on the block may go before the open group: no group stores what it reads. */
  const before = (item: Item): void => {
    if (open === undefined) items.push(item);
    else items.splice(items.length - 1, 0, item);
  };
  for (const stmt of stmts) {
    if (stmt.kind === "barrier") throw new CompilerBug("jam of a barrier");
    const depends = reads([stmt], inner, dependent) || assignsAny([stmt], dependent);
    if (stmt.kind === "var" && dependent.has(stmt.name)) {
      const starts = !reads([stmt], inner, dependent);
      before({ kind: "array", stmt, starts });
      if (starts) continue;
    } else if (stmt.kind === "let" && !depends) {
      before({ kind: "once", stmt });
      continue;
    }
    if (depends && !(stmt.kind === "for" && stmt.mark === "serial")) {
      if (open === undefined) {
        open = [];
        items.push({ kind: "all", stmts: open });
      }
      open.push(stmt);
      continue;
    }
    open = undefined;
    if (stmt.kind === "for" && depends) items.push({ kind: "for", stmt, items: group(stmt.body, inner, dependent) });
    else items.push({ kind: "once", stmt });
  }
  return items;
}

/** An array variable, and how its elements start. */
interface Stored {
  readonly type: Expr["type"];
  readonly shape: readonly number[];
}

/** The `var`s of blocks, and each `let` that is read outside of its group. */
function collectArrays(items: readonly Item[], arrays: Map<string, Stored>): void {
  const home = new Map<string, { readonly item: Item; readonly stored: Stored }>();
  const everywhere = (all: readonly Item[], visit: (item: Item) => void): void => {
    for (const item of all) {
      visit(item);
      if (item.kind === "for") everywhere(item.items, visit);
    }
  };
  everywhere(items, (item) => {
    if (item.kind === "array") arrays.set(item.stmt.name, { type: item.stmt.type, shape: item.stmt.shape });
    if (item.kind !== "all") return;
    for (const stmt of item.stmts) {
      if (stmt.kind === "let") home.set(stmt.name, { item, stored: { type: stmt.value.type, shape: [] } });
    }
  });
  everywhere(items, (item) => {
    if (item.kind !== "all") return;
    walkStmts(item.stmts, {
      expr: (expr) => {
        const found = expr.kind === "name" ? home.get(expr.name) : undefined;
        if (expr.kind === "name" && found !== undefined && found.item !== item) arrays.set(expr.name, found.stored);
      },
    });
  });
}

// ---- writing it out ------------------------------------------------------------------------------------------------

interface Emit {
  readonly inner: readonly LoopVar[];
  readonly last: LoopMark;
  readonly arrays: ReadonlyMap<string, Stored>;
  readonly rewrite: ReturnType<typeof replace>;
  readonly at: readonly Index[];
  readonly fresh: Fresh;
  /** The first group keeps the names of the loops. */
  readonly first: { yes: boolean };
}

function emit(items: readonly Item[], to: Emit): readonly Stmt[] {
  return items.flatMap((item): readonly Stmt[] => {
    switch (item.kind) {
      case "once":
        return [item.stmt];
      case "for":
        return [{ ...item.stmt, body: emit(item.items, to) }];
      case "array": {
        const { stmt, starts } = item;
        const shape = [...to.inner.map((loop) => loop.extent), ...stmt.shape];
        return [{ ...stmt, shape, init: starts ? stmt.init : to.fresh.pool.constant(stmt.type, 0) }];
      }
      case "all":
        return emitGroup(item.stmts, to);
      default:
        return unreachable(item);
    }
  });
}

function emitGroup(stmts: readonly Stmt[], to: Emit): readonly Stmt[] {
  const spilled = stmts.filter((stmt) => stmt.kind === "let" && to.arrays.has(stmt.name)) as readonly Of<"let">[];
  const declared = spilled.map((stmt): Stmt => {
    const { type } = stmt.value;
    return {
      kind: "var",
      name: stmt.name,
      type,
      shape: to.inner.map((loop) => loop.extent),
      init: to.fresh.pool.constant(type, 0),
    };
  });
  const body = stmts.flatMap((stmt) => emitStmt(stmt, to));
  return [...declared, ...around(body, to)];
}

function emitStmt(stmt: Stmt, to: Emit): readonly Stmt[] {
  const value = (expr: Expr): Expr => to.rewrite.expr(expr);
  switch (stmt.kind) {
    case "let":
      if (!to.arrays.has(stmt.name)) return [{ ...stmt, value: value(stmt.value) }];
      return [{ kind: "assign", name: stmt.name, at: to.at, value: value(stmt.value) }];
    case "var": {
      if (!to.arrays.has(stmt.name)) return [{ ...stmt, init: value(stmt.init) }];
      const loops = stmt.shape.map((extent, axis): LoopVar => ({ name: to.fresh(`${stmt.name}_${axis}`), extent }));
      const at = [...to.at, ...loops.map((loop) => to.fresh.pool.loop(loop))];
      return nestOf(loops, [{ kind: "assign", name: stmt.name, at, value: value(stmt.init) }]);
    }
    case "assign": {
      const own = stmt.at.map(to.rewrite.index);
      const at = to.arrays.has(stmt.name) ? [...to.at, ...own] : own;
      return [{ ...stmt, at, value: value(stmt.value) }];
    }
    case "for":
      return [{ ...stmt, body: stmt.body.flatMap((one) => emitStmt(one, to)) }];
    case "if":
      return [{ ...stmt, condition: value(stmt.condition), body: stmt.body.flatMap((one) => emitStmt(one, to)) }];
    case "store": {
      const guard = stmt.guard.map((bound) => ({ ...bound, index: to.rewrite.index(bound.index) }));
      return [{ ...stmt, at: to.rewrite.index(stmt.at), value: value(stmt.value), guard }];
    }
    case "fold":
    case "barrier":
      throw new CompilerBug(`jam of a ${stmt.kind}`);
  }
}

/** The unrolled loops around `body`, with names of their own. */
function around(body: readonly Stmt[], to: Emit): readonly Stmt[] {
  if (to.first.yes) {
    to.first.yes = false;
    return nestOf(to.inner, body, to.last);
  }
  const loops = to.inner.map((loop): LoopVar => ({ ...loop, name: to.fresh(loop.name) }));
  const renamed = new Map(to.inner.map((loop, i) => [loop.name, to.fresh.pool.loop(loops[i] ?? loop)]));
  return nestOf(
    loops,
    copyStmts(body, { loops: renamed }, (name) => name),
    to.last,
  );
}

function nestOf(loops: readonly LoopVar[], body: readonly Stmt[], last: LoopMark = "unrolled"): readonly Stmt[] {
  return loops.reduceRight<readonly Stmt[]>((inside, loop, i) => {
    return [forLoop(loop, inside, i === loops.length - 1 ? last : "unrolled")];
  }, body);
}
