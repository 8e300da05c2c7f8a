/**
 * Stores of values that differ from lane to lane.
 *
 * Where the engine joins vectors, two that lie side by side are both computed before both are stored: a load of the second behind
 * a store of the first might read what that wrote, for all that the engine knows, and it joins nothing.
 */
import { byteWidth } from "../../src/core/dtype.ts";
import { scaleIndex, splitOffset } from "../../src/kernel/index-expr.ts";
import type { Apply, Expr, Index, Stmt } from "../../src/kernel/kernel.ts";
import { walkExpr } from "../../src/kernel/rewrite.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { firstLane } from "./address.ts";
import { laneStride, place, type WasmContext } from "./context.ts";
import { storeNeighbours } from "./neighbours.ts";
import { writeAddress, writeScalarStore } from "./scalar.ts";
import { lanesOf, writeMultiplyAdd, writeVector } from "./vector.ts";

/** Stores all lanes of `value`. */
export function writeVectorStore(buffer: string, at: Index, value: Expr, context: WasmContext): void {
  const { f } = context;
  const lanes = lanesOf(context);
  const memory = place(context.memory.get(buffer), buffer);
  const { element } = memory;
  const stride = laneStride(at, lanes);
  if (stride === null || element === "f64" || (stride !== 1 && byteWidth(element) !== 4)) {
    for (let only = 0; only < laneCount; only++) {
      writeScalarStore(buffer, at, value, { ...context, lanes: { ...lanes, only } });
    }
    return;
  }
  if (stride === 1) {
    const offset = writeAddress(memory, firstLane(at, lanes), context);
    writeStored(buffer, at, value, context);
    storeNeighbours(element, offset, f);
    return;
  }
  const held = f.local("v128");
  writeVector(value, context);
  f.set(held);
  for (let lane = 0; lane < laneCount; lane++) {
    const offset = writeAddress(memory, scaleIndex(firstLane(at, lanes), 1, lane * stride), context);
    f.get(held);
    f.memoryLane("v128.store32_lane", offset, lane);
  }
  f.release(held);
}

function writeStored(buffer: string, at: Index, value: Expr, context: WasmContext): void {
  const { base } = place(context.memory.get(buffer), buffer);
  const sum = context.module.relaxed && base !== null ? sumIn(buffer, at, value) : undefined;
  if (sum === undefined || !writeMultiplyAdd(sum, context)) writeVector(value, context);
}

/** A thread's own array holds sums: what is added to one of them may be rounded with its product, as what is added to an accumulator. */
function sumIn(buffer: string, at: Index, value: Expr): Apply | undefined {
  if (value.kind !== "apply" || value.fn !== "add") return undefined;
  const [sum] = value.args;
  return sum?.kind === "load" && sum.buffer === buffer && sum.at === at && sum.guard === undefined ? value : undefined;
}

type Store = Stmt & { readonly kind: "store" };

/** The two as stores of neighbouring vectors, if the engine joins such and the second reads nothing that the first writes. */
export function neighboursOf(
  first: Stmt,
  second: Stmt | undefined,
  context: WasmContext,
): readonly [Store, Store] | undefined {
  const { lanes, module } = context;
  if (!module.joinsVectors || lanes === null || lanes.only !== null) return undefined;
  if (first.kind !== "store" || second?.kind !== "store" || first.buffer !== second.buffer) return undefined;
  if (first.guard.length > 0 || second.guard.length > 0) return undefined;
  const { element } = place(context.memory.get(first.buffer), first.buffer);
  if (byteWidth(element) !== 4 || laneStride(first.at, lanes) !== 1) return undefined;
  const [from, to] = [splitOffset(first.at), splitOffset(second.at)];
  if (from.moving !== to.moving || to.offset - from.offset !== laneCount) return undefined;
  let isApart = true;
  walkExpr(second.value, (expr) => {
    if (expr.kind === "load" && expr.buffer === first.buffer && expr.at !== second.at) isApart = false;
  });
  return isApart ? [first, second] : undefined;
}

/** Computes both, then stores both. */
export function writeNeighbours(stores: readonly [Store, Store], context: WasmContext): void {
  const { f } = context;
  const held = stores.map(({ buffer, at, value }) => {
    writeStored(buffer, at, value, context);
    const local = f.local("v128");
    f.set(local);
    return local;
  });
  for (const [i, { buffer, at }] of stores.entries()) {
    const offset = writeAddress(place(context.memory.get(buffer), buffer), firstLane(at, lanesOf(context)), context);
    const local = place(held[i], "a vector");
    f.get(local);
    f.memory("v128.store", offset);
    f.release(local);
  }
}
