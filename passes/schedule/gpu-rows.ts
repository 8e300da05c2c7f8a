/**
 * Row nests: several invocations of a workgroup share one row, and combine their partial results.
 *
 *   parallel j < 512                     workgroup g < 32, invocation t < 64        (16 rows, 4 lanes each)
 *     var s = 0                            var s = 0; var s_part = 0
 *     for i < 128                          for n < 32 { s_part = s_part + dh[512*(4*n + t/16) + 16*g + t%16] }
 *       s = s + dh[512*i + j]      ->      partials[t] = s_part; barrier; ...halve until lane 0 has the sum; barrier
 *     b[j] = b[j] - rate*s                 s = s + partials[t%16]
 *                                          if t/16 == 0 { b[16*g + t%16] = ... }
 *
 * Every barrier stands where all invocations come: rows beyond the end run along with guarded loads and stores.
 */
import { apply, assign, barrier, load, store, variable } from "../../src/kernel/build.ts";
import { floorDivIndex, modIndex, scaleIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, BufferParam, Expr, ExprPool, Index, Nest, Stmt, ValueType } from "../../src/kernel/kernel.ts";
import { mapStmts, replaceLoops, rewriting } from "../../src/kernel/rewrite.ts";
import { guardLoads, isBelow, openBounds, recover, totalOf, whenInside } from "./gpu-flat.ts";
import type { Grid } from "./gpu-map.ts";
import { globalIndex, gridLoops } from "./gpu-map.ts";
import type { Accumulator, Combine, RowStep } from "./gpu-rows-plan.ts";
import type { SharedMemory } from "./gpu-shared.ts";
import type { Fresh } from "./names.ts";

/** Who shares a row: `lanes` invocations, `step` apart, the first of which is `first`. */
export interface Team {
  readonly lanes: number;
  readonly lane: Index;
  readonly step: number;
  readonly first: Index;
  readonly invocation: Index;
}

/** across: neighbours take neighbouring rows. along: neighbours take neighbouring columns of one row. */
export type Layout = "across" | "along";

export interface RowTiling {
  readonly layout: Layout;
  readonly rows: number;
  readonly lanes: number;
}

interface Context {
  readonly team: Team;
  readonly shared: SharedMemory;
  readonly fresh: Fresh;
  /** Some partial array was read since the last barrier. */
  readonly used: { value: boolean };
}

/** The nest with `tiling.rows` rows per workgroup, or undefined where workgroup memory runs out. */
export function scheduleRows(
  nest: Nest,
  prelude: readonly Stmt[],
  steps: readonly RowStep[],
  tiling: RowTiling,
  around: {
    readonly grid: Grid;
    readonly shared: SharedMemory;
    readonly fresh: Fresh;
    readonly buffers: ReadonlyMap<string, BufferParam>;
  },
): Nest | undefined {
  const { grid, shared, fresh, buffers } = around;
  const { team, row } = teamOf(grid, tiling, fresh.pool);
  const loops = nest.loops.map(({ loop }) => loop);
  const flat = globalIndex(grid, tiling.rows, row);
  const bounds = openBounds([{ index: flat, extent: totalOf(loops) }]);
  const body = shareOut(steps, { team, shared, fresh, used: { value: prelude.length > 0 } });
  if (body === undefined) return undefined;
  const placed = mapStmts(body, replaceLoops(recover(loops, flat)));
  const guarded = guardStores(mapStmts(placed, rewriting(guardLoads(bounds, buffers))), bounds, buffers);
  return { loops: gridLoops(grid), prelude: [], body: [...prelude, ...guarded] };
}

/** What is the same for all iterations of a nest, shared out among a whole workgroup; undefined where memory runs out. */
export function shareWithAll(
  steps: readonly RowStep[],
  grid: Grid,
  shared: SharedMemory,
  fresh: Fresh,
): readonly Stmt[] | undefined {
  const { team } = teamOf(grid, { layout: "along", rows: 1, lanes: grid.lane.extent }, fresh.pool);
  return shareOut(steps, { team, shared, fresh, used: { value: false } });
}

function teamOf(
  grid: Grid,
  { layout, rows, lanes }: RowTiling,
  pool: ExprPool,
): { readonly team: Team; readonly row: Index } {
  const invocation = pool.loop(grid.lane);
  if (layout === "across") {
    const row = modIndex(invocation, rows);
    return { team: { lanes, lane: floorDivIndex(invocation, rows), step: rows, first: row, invocation }, row };
  }
  const row = floorDivIndex(invocation, lanes);
  return {
    team: { lanes, lane: modIndex(invocation, lanes), step: 1, first: scaleIndex(row, lanes), invocation },
    row,
  };
}

function shareOut(steps: readonly RowStep[], context: Context): readonly Stmt[] | undefined {
  const out: Stmt[] = [];
  for (const step of steps) {
    const stmts = shareStep(step, context);
    if (stmts === undefined) return undefined;
    out.push(...stmts);
  }
  return out;
}

function shareStep(step: RowStep, context: Context): readonly Stmt[] | undefined {
  switch (step.kind) {
    case "all":
      return [step.stmt];
    case "first":
      return whenInside([{ index: context.team.lane, extent: 1 }], step.stmts);
    case "strided":
      return shareLoop(step, context);
  }
}

// ---- a loop over columns -------------------------------------------------------------------------------------------

function shareLoop(step: RowStep & { readonly kind: "strided" }, context: Context): readonly Stmt[] | undefined {
  const { columns, accumulators } = step;
  const { team, fresh } = context;
  const total = totalOf(columns.loops);
  const trips = { name: fresh(`${columns.loops[0]?.name ?? "c"}_trip`), extent: Math.ceil(total / team.lanes) };
  const column = sumIndex([
    { factor: team.lanes, index: fresh.pool.loop(trips) },
    { factor: 1, index: team.lane },
  ]);
  const parts = new Map(accumulators.map((acc) => [acc.name, fresh(`${acc.name}_part`)]));
  const body = renameVariables(mapStmts(columns.body, replaceLoops(recover(columns.loops, column))), parts);
  const inside = whenInside([{ index: column, extent: total }], body);
  const loop: readonly Stmt[] =
    trips.extent === 1 ? inside : [{ kind: "for", loop: trips, mark: "serial", body: inside }];
  const starts = accumulators.map((acc) =>
    variable(parts.get(acc.name) ?? acc.name, identityOf(acc.fn, acc.type, fresh.pool)),
  );
  const combined = combine(accumulators, parts, context);
  return combined === undefined ? undefined : [...starts, ...loop, ...combined];
}

function renameVariables(stmts: readonly Stmt[], to: ReadonlyMap<string, string>): readonly Stmt[] {
  const reads = rewriting((expr) =>
    expr.kind === "name" ? expr.pool.name(expr.type, to.get(expr.name) ?? expr.name, expr.at) : expr,
  );
  const rename = (stmt: Stmt): Stmt => {
    if (stmt.kind === "assign") return { ...stmt, name: to.get(stmt.name) ?? stmt.name };
    if (stmt.kind === "for" || stmt.kind === "if") return { ...stmt, body: stmt.body.map(rename) };
    return stmt;
  };
  return mapStmts(stmts, reads).map(rename);
}

/** Partial results meet in shared arrays; half of the lanes add the other half's until one is left. */
function combine(
  accumulators: readonly Accumulator[],
  parts: ReadonlyMap<string, string>,
  context: Context,
): readonly Stmt[] | undefined {
  if (accumulators.length === 0) return [];
  const { team, shared, fresh } = context;
  const arrays: { readonly acc: Accumulator; readonly array: string }[] = [];
  const slots = new Map<ValueType, number>();
  for (const acc of accumulators) {
    const slot = slots.get(acc.type) ?? 0;
    slots.set(acc.type, slot + 1);
    const array = shared.partial(acc.type, slot);
    if (array === undefined) return undefined;
    arrays.push({ acc, array });
  }
  const at = (acc: Accumulator, array: string, index: Index): Expr => load(acc.type, array, index);
  const out: Stmt[] = context.used.value ? [barrier] : [];
  context.used.value = true;
  for (const { acc, array } of arrays) {
    out.push(store(array, team.invocation, fresh.pool.name(acc.type, parts.get(acc.name) ?? acc.name)));
  }
  out.push(barrier);
  for (let half = team.lanes / 2; half >= 1; half /= 2) {
    const other = scaleIndex(team.invocation, 1, half * team.step);
    const adds = arrays.map(({ acc, array }) => {
      const both = apply(acc.fn, at(acc, array, team.invocation), at(acc, array, other));
      return store(array, team.invocation, both);
    });
    out.push({ kind: "if", condition: isBelow(team.lane, half), body: adds }, barrier);
  }
  for (const { acc, array } of arrays) {
    out.push(assign(acc.name, apply(acc.fn, fresh.pool.name(acc.type, acc.name), at(acc, array, team.first))));
  }
  return out;
}

/** The value that changes nothing: what a lane without columns contributes. */
function identityOf(fn: Combine, type: ValueType, pool: ExprPool): Expr {
  const lowest = type === "i32" ? -2147483648 : type === "u32" ? 0 : Number.NEGATIVE_INFINITY;
  const highest = type === "i32" ? 2147483647 : type === "u32" ? 4294967295 : Number.POSITIVE_INFINITY;
  const ones = type === "bool" ? 1 : type === "i32" ? -1 : 4294967295;
  const identities = { add: 0, mul: 1, max: lowest, min: highest, and: ones, or: 0, xor: 0 } satisfies Record<
    Combine,
    number
  >;
  return pool.constant(type, identities[fn]);
}

// ---- rows beyond the end -------------------------------------------------------------------------------------------

function guardStores(
  stmts: readonly Stmt[],
  bounds: readonly Bound[],
  buffers: ReadonlyMap<string, BufferParam>,
): readonly Stmt[] {
  if (bounds.length === 0) return stmts;
  const guard = (stmt: Stmt): Stmt => {
    if (stmt.kind === "store" && buffers.has(stmt.buffer)) {
      return { ...stmt, guard: [...stmt.guard, ...bounds] };
    }
    if (stmt.kind === "for" || stmt.kind === "if") return { ...stmt, body: stmt.body.map(guard) };
    return stmt;
  };
  return stmts.map(guard);
}
