/**
 * Which parallel loops of a nest are worth computing in blocks: those along which a serial loop loads the same again.
 *
 *   parallel i, j:  for k: acc += x[i, k] * w[k, j]      x does not depend on j, w not on i      -> a block of i and j
 *   parallel i:     for k: acc += x[i, k] * v[k]         v does not depend on i                  -> a block of i
 *   parallel n, c, h, w: for k: acc += x[n, h + k, w] * f[c, k]                                  -> a block of c and w
 */
import type { Expr, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";

export type Reuse =
  /** Two loops, outer first, each of which some load does not depend on. */
  | { readonly kind: "contraction"; readonly outer: string; readonly inner: string }
  /** One loop that some load does not depend on. */
  | { readonly kind: "product"; readonly loop: string }
  /** A sum over elements that are all different: a block only keeps several additions under way at once. */
  | { readonly kind: "reduction"; readonly loop: string };

/** What can be gained by blocking `nest`, if anything and if it can be blocked at all. */
export function findReuse(nest: Nest): Reuse | undefined {
  if (!isPlain(nest.body)) return undefined;
  const loops = nest.loops.filter(({ loop }) => loop.extent > 1).map(({ loop }) => loop.name);
  const loads = loadsInLoops(nest, new Set(loops));
  const along = (wanted: string, other?: string): boolean =>
    loads.some((load) => load.has(wanted) && (other === undefined || !load.has(other)));
  const shared = (loop: string): boolean => loads.some((load) => !load.has(loop));
  for (const inner of loops.toReversed()) {
    for (const outer of loops.slice(0, loops.indexOf(inner)).reverse()) {
      if (along(inner, outer) && along(outer, inner)) return { kind: "contraction", outer, inner };
    }
  }
  if (!reducesOne(nest.body)) return undefined;
  const product = loops.findLast((loop) => along(loop) && shared(loop));
  if (product !== undefined) return { kind: "product", loop: product };
  const reduction = loops.findLast((loop) => along(loop));
  return reduction === undefined ? undefined : { kind: "reduction", loop: reduction };
}

/** Only what can be jammed: serial loops without stores around `let`, `var` and `assign`; stores outside of them. */
function isPlain(body: readonly Stmt[]): boolean {
  let plain = body.some((stmt) => stmt.kind === "for");
  walkStmts(body, {
    stmt: (stmt) => {
      if (stmt.kind === "if" || stmt.kind === "barrier") plain = false;
      if (stmt.kind !== "for") return;
      if (stmt.mark !== "serial" || stmt.body.some((inner) => inner.kind === "store")) plain = false;
    },
  });
  return plain;
}

/** One serial loop that computes one variable: several, as in an arg-max, would not stay in registers. */
function reducesOne(body: readonly Stmt[]): boolean {
  const loops = body.filter((stmt) => stmt.kind === "for");
  const assigned = new Set<string>();
  walkStmts(loops, {
    stmt: (stmt) => {
      if (stmt.kind === "assign") assigned.add(stmt.name);
    },
  });
  return loops.length === 1 && assigned.size === 1;
}

/** For each load inside a serial loop, the parallel loops its address depends on. */
function loadsInLoops(nest: Nest, loops: ReadonlySet<string>): readonly ReadonlySet<string>[] {
  const names = nameDependences(nest.body, loops);
  const found: ReadonlySet<string>[] = [];
  for (const stmt of nest.body) {
    if (stmt.kind !== "for") continue;
    walkStmts(stmt.body, {
      expr: (expr) => {
        if (expr.kind === "load") found.push(dependences(expr, names, loops));
      },
    });
  }
  return found;
}

function nameDependences(body: readonly Stmt[], loops: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  const add = (name: string, value: Expr): boolean => {
    const known = names.get(name) ?? new Set();
    const before = known.size;
    for (const loop of dependences(value, names, loops)) known.add(loop);
    names.set(name, known);
    return known.size !== before;
  };
  for (let changed = true; changed; ) {
    changed = false;
    walkStmts(body, {
      stmt: (stmt) => {
        if (stmt.kind === "let" || stmt.kind === "assign") changed = add(stmt.name, stmt.value) || changed;
        else if (stmt.kind === "var") changed = add(stmt.name, stmt.init) || changed;
      },
    });
  }
  return names;
}

function dependences(
  expr: Expr,
  names: ReadonlyMap<string, ReadonlySet<string>>,
  loops: ReadonlySet<string>,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of expr.reads) {
    if (loops.has(name)) found.add(name);
    else for (const loop of names.get(name) ?? []) found.add(loop);
  }
  return found;
}
