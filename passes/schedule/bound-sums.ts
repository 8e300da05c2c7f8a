/**
 * Long sums become sums of partial sums of bounded length, so that their error grows with the logarithm of the length.
 *
 *   for k < 3000                             for k_o < 3
 *     acc = acc + x[k]               ->        var part = 0
 *                                              for k_i < 1000:  part = part + x[1000*k_o + k_i]
 *                                              acc = acc + part
 *
 * An f32 that adds up ten million tenths one by one is 0.6% off: soon each term is a small part of the sum's last digit. The last
 * step of a schedule, because every other one looks for the plain loop: what it finds are lanes, registers or an invocation's
 * share, and each becomes partial sums of its own. The order depends on sizes alone. A loop over 1,024 terms or fewer stays as it
 * is. (`js` and f64 sum in doubles.)
 */
import { apply, assign, forLoop, variable } from "../../src/kernel/build.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";
import { longestSum } from "../../src/kernel/target.ts";
import { copyStmts, declaredNames, type Fresh } from "./names.ts";

type For = Stmt & { readonly kind: "for" };
type Assign = Stmt & { readonly kind: "assign" };

/** The kernel with every f32 sum in partial sums of at most `longest` terms. */
export function boundSums(kernel: Kernel, fresh: Fresh, longest = longestSum): Kernel {
  const nests = kernel.nests.map((nest) => {
    const shapes = new Map<string, readonly number[]>();
    walkStmts([...nest.prelude, ...nest.body], {
      stmt: (stmt) => {
        if (stmt.kind === "var") shapes.set(stmt.name, stmt.shape);
      },
    });
    const context = { shapes, fresh, longest };
    return { ...nest, prelude: boundIn(nest.prelude, context), body: boundIn(nest.body, context) };
  });
  return { ...kernel, nests };
}

interface Context {
  /** Of every variable of the nest. */
  readonly shapes: Map<string, readonly number[]>;
  readonly fresh: Fresh;
  readonly longest: number;
}

/** Inner loops first: of what is left, each adds few terms. */
function boundIn(stmts: readonly Stmt[], context: Context): readonly Stmt[] {
  return stmts.flatMap((stmt): readonly Stmt[] => {
    if (stmt.kind !== "for" && stmt.kind !== "if") return [stmt];
    const inner = { ...stmt, body: boundIn(stmt.body, context) };
    return inner.kind === "for" && inner.mark === "serial" ? split(inner, context) : [inner];
  });
}

function split(stmt: For, context: Context): readonly Stmt[] {
  const { extent } = stmt.loop;
  const { longest } = context;
  const sums = sumsOf(stmt.body);
  const most = Math.max(0, ...sums.map(({ adds }) => adds));
  if (extent * most <= longest) return [stmt];
  const size = blockSize(extent, Math.max(1, Math.floor(longest / most)));
  const count = Math.floor(extent / size);
  const outer: LoopVar = { name: context.fresh(`${stmt.loop.name}_o`), extent: count };
  const blocks = forLoop(outer, partial(stmt, sums, { size, start: { outer, at: 0 } }, context)) as For;
  const rest = extent - count * size;
  const last = rest === 0 ? [] : partial(stmt, sums, { size: rest, start: { outer: null, at: count * size } }, context);
  return [...split(blocks, context), ...last];
}

/** The largest size up to `most`, and above half of it, that leaves nothing over; else `most`. */
function blockSize(extent: number, most: number): number {
  for (let size = most; 2 * size > most; size--) if (extent % size === 0) return size;
  return most;
}

interface Piece {
  readonly size: number;
  /** The block's number times its size, or a constant. */
  readonly start: { readonly outer: LoopVar | null; readonly at: number };
}

/** Some iterations of the loop into partial sums, which are then added to the sums. */
function partial(stmt: For, sums: readonly Sum[], { size, start }: Piece, { shapes, fresh }: Context): readonly Stmt[] {
  const inner: LoopVar = { name: fresh(`${stmt.loop.name}_i`), extent: size };
  const block = start.outer === null ? [] : [{ factor: size, index: fresh.pool.loop(start.outer) }];
  const at = sumIndex([...block, { factor: 1, index: fresh.pool.loop(inner) }], start.at);
  const parts = new Map([...new Set(sums.map(({ name }) => name))].map((name) => [name, fresh(`${name}_part`)]));
  for (const [name, part] of parts) shapes.set(part, shapes.get(name) ?? []);
  const body = copyStmts(stmt.body, { loops: new Map([[stmt.loop.name, at]]), renamed: parts }, fresh);
  return [
    ...[...parts].map(([name, part]) => variable(part, fresh.pool.constant("f32", 0), shapes.get(name) ?? [])),
    forLoop(inner, body),
    ...copyStmts(additions(stmt.body, parts), {}, fresh),
  ];
}

/** The additions of the body once each, of the partial sums to the sums, in the loops that say which of an array. */
function additions(body: readonly Stmt[], parts: ReadonlyMap<string, string>): readonly Stmt[] {
  const done = new Set<Expr>();
  const visit = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind === "if") return visit(stmt.body);
      if (stmt.kind === "for") {
        const inner = visit(stmt.body);
        return inner.some((each) => usesLoop(each, stmt.loop)) ? [{ ...stmt, body: inner }] : inner;
      }
      const part = stmt.kind === "assign" ? parts.get(stmt.name) : undefined;
      if (stmt.kind !== "assign" || part === undefined || done.has(placeOf(stmt))) return [];
      done.add(placeOf(stmt));
      const both = apply("add", placeOf(stmt), stmt.value.pool.name("f32", part, stmt.at));
      return [assign(stmt.name, both, stmt.at)];
    });
  return visit(body);
}

function usesLoop(stmt: Stmt, loop: LoopVar): boolean {
  if (stmt.kind === "for") return stmt.body.some((inner) => usesLoop(inner, loop));
  return stmt.kind === "assign" && stmt.at.some((index) => inLoop(index, loop));
}

function inLoop(index: Index, { name }: LoopVar): boolean {
  return index.reads.has(name);
}

// ---- which variables are sums --------------------------------------------------------------------------------------

/** An element of a variable that iterations of a loop only add to, and how many terms one of them adds at most. */
interface Sum {
  readonly name: string;
  readonly adds: number;
}

/** The element as it is read. */
const placeOf = ({ name, at, value }: Assign): Expr => value.pool.name(value.type, name, at);

/** The f32 sums from outside that the body adds to and does not read. */
function sumsOf(body: readonly Stmt[]): readonly Sum[] {
  const adds = new Map<string, Map<Expr, number>>();
  const others = new Set(declaredNames(body));
  const visit = (stmts: readonly Stmt[], loops: readonly LoopVar[]): void => {
    for (const stmt of stmts) {
      if (stmt.kind === "for") visit(stmt.body, [...loops, stmt.loop]);
      else if (stmt.kind === "if") visit(stmt.body, loops);
      else if (stmt.kind === "assign") {
        if (!isAddition(stmt)) others.add(stmt.name);
        const repeated = loops.filter((loop) => !stmt.at.some((index) => inLoop(index, loop)));
        const times = repeated.reduce((product, { extent }) => product * extent, 1);
        const places = adds.get(stmt.name) ?? new Map<Expr, number>();
        adds.set(stmt.name, places.set(placeOf(stmt), (places.get(placeOf(stmt)) ?? 0) + times));
      }
    }
  };
  visit(body, []);
  const balance = readsBeyondAssigns(body);
  return [...adds]
    .filter(([name]) => !others.has(name) && balance.get(name) === 0)
    .map(([name, places]) => ({ name, adds: Math.max(...places.values()) }));
}

function isAddition(stmt: Assign): boolean {
  const { value } = stmt;
  return value.kind === "apply" && value.fn === "add" && value.type === "f32" && value.args[0] === placeOf(stmt);
}

/** By name: how often it is read, less how often it is assigned. */
function readsBeyondAssigns(body: readonly Stmt[]): ReadonlyMap<string, number> {
  const balance = new Map<string, number>();
  const count = (name: string, by: number): void => void balance.set(name, (balance.get(name) ?? 0) + by);
  walkStmts(body, {
    expr: (expr) => {
      if (expr.kind === "name") count(expr.name, 1);
    },
    stmt: (stmt) => {
      if (stmt.kind === "assign") count(stmt.name, -1);
    },
  });
  return balance;
}
