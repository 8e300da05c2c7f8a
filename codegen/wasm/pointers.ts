/**
 * Addresses that are kept in locals, in place of computing them anew: those that an innermost loop moves on, and those that
 * several statements of a block of lanes use.
 *
 *   for k < 784                                  p = 4*(784*i)              q = 4*(8*j)
 *     ... x[784*i + k], x[784*i + k + 784]  ->   loop: load p+0, load p+3136, load q+0; p += 4; q += 2048
 *     ... w[512*k + 8*j + l]
 *
 * Accesses that differ by a constant share a pointer: the constant stands in the load. Where a part of an index is loaded, the pointer is
 * to the rest: what was chosen in each window is found by a shift and a sum.
 */
import { byteWidth } from "../../src/core/dtype.ts";
import { isDynamic } from "../../src/kernel/index-expr.ts";
import type { Index, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { ownExprs, readsAny, walkExpr } from "../../src/kernel/rewrite.ts";
import { strideAlong } from "../../src/kernel/stride.ts";
import { firstLane, loadedIn, movingPart, pointerKey } from "./address.ts";
import { laneStride, type MemoryPlace, newLanes, place, type WasmContext } from "./context.ts";
import { writeMoving } from "./scalar.ts";

export interface Pointer {
  readonly key: number;
  readonly memory: MemoryPlace;
  readonly moving: Index;
}

/** An address that grows by `step` bytes an iteration. */
export interface MovingPointer extends Pointer {
  readonly step: number;
}

/** What is done with an element that is loaded or stored, in these lanes. */
type See = (buffer: string, at: Index, lanes: WasmContext["lanes"]) => void;

/** The pointers that a loop over `loop` with this body needs; none where another loop lies inside. */
export function movingPointers(loop: LoopVar, body: readonly Stmt[], context: WasmContext): readonly MovingPointer[] {
  const found = new Map<number, MovingPointer>();
  const see: See = (buffer, at, lanes) => {
    const pointer = pointerTo(buffer, at, lanes, context);
    if (pointer === null || found.has(pointer.key)) return;
    const { key, memory, moving } = pointer;
    const step = strideAlong(moving, loop.name, loop.extent, () => true);
    if (step !== null && step !== 0) found.set(key, { key, memory, moving, step: step * byteWidth(memory.element) });
  };
  return scan(body, context.lanes, context, see) ? [...found.values()] : [];
}

/**
 * The addresses that the statements of a block of lanes use more than once, loops in it left aside. The engine would find
 * most of them again; it takes two stores for halves of a wider one only where they have the address in common.
 */
export function sharedPointers(stmts: readonly Stmt[], context: WasmContext): readonly Pointer[] {
  const { lanes } = context;
  if (lanes === null) return [];
  const found = new Map<number, Pointer>();
  const shared = new Set<Pointer>();
  const see: See = (buffer, at) => {
    const pointer = pointerTo(buffer, at, lanes, context);
    if (pointer === null || !isKnownBefore(pointer.moving)) return;
    const known = found.get(pointer.key);
    if (known === undefined) found.set(pointer.key, pointer);
    else shared.add(known);
  };
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = place(stmts[i], "a statement");
    if (stmt.kind !== "for" && stmt.kind !== "if") eachAccess(stmt, lanes, context, see);
  }
  return [...shared];
}

/** The elements that a statement itself stores and loads, in this order; statements in it are left aside. */
function eachAccess(stmt: Stmt, lanes: WasmContext["lanes"], { memory }: WasmContext, see: See): void {
  if (stmt.kind === "store") see(stmt.buffer, stmt.at, lanes);
  const exprs = ownExprs(stmt);
  for (let i = 0; i < exprs.length; i += 1) {
    const own = exprs[i];
    if (own === undefined || !readsAny(own, memory)) continue;
    walkExpr(own, (expr) => {
      if (expr.kind === "load") see(expr.buffer, expr.at, lanes);
    });
  }
}

/** Whether the address can be computed before the block, whose values it must not read. A constant needs no local. */
function isKnownBefore(moving: Index): boolean {
  return moving.kind !== "const" && !isDynamic(moving);
}

/** What a pointer to an element would be; null where its lanes do not lie at a constant distance, or there is one already. */
function pointerTo(buffer: string, at: Index, lanes: WasmContext["lanes"], context: WasmContext): Pointer | null {
  const memory = place(context.memory.get(buffer), buffer);
  if (lanes !== null && laneStride(at, lanes) === null) return null;
  const whole = movingPart(lanes === null ? at : firstLane(at, lanes));
  const moving = lanes === context.lanes ? (loadedIn(whole)?.known ?? whole) : whole;
  const key = pointerKey(memory, moving);
  return moving.min < 0 || context.pointers.has(key) ? null : { key, memory, moving };
}

/** Computes the pointers, and lets loads and stores use them from here on. */
export function holdPointers(pointers: readonly Pointer[], context: WasmContext): void {
  for (const { key, memory, moving } of pointers) {
    const local = context.f.local("i32");
    writeMoving(memory, moving, context);
    context.f.set(local);
    context.pointers.set(key, local);
  }
}

export function releasePointers(pointers: readonly Pointer[], context: WasmContext): void {
  for (const { key } of pointers) {
    context.f.release(place(context.pointers.get(key), "a pointer"));
    context.pointers.delete(key);
  }
}

/** False where the statements hold a loop that is not over lanes. */
function scan(body: readonly Stmt[], lanes: WasmContext["lanes"], context: WasmContext, see: See): boolean {
  for (let i = 0; i < body.length; i += 1) {
    const stmt = place(body[i], "a statement");
    if (stmt.kind === "barrier") return false;
    if (stmt.kind === "if") {
      if (!scan(stmt.body, lanes, context, see)) return false;
    } else if (stmt.kind === "for") {
      if (stmt.loop.extent === 0) continue;
      if (stmt.mark !== "lane" && stmt.loop.extent > 1) return false;
      const inside = stmt.mark === "lane" ? newLanes(stmt.loop.name, new Set()) : lanes;
      if (!scan(stmt.body, inside, context, see)) return false;
    }
    eachAccess(stmt, lanes, context, see);
  }
  return true;
}
