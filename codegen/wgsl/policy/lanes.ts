/** How many neighbours an invocation of a map has: as many as the widest of what it reads and writes side by side has in 16 bytes. */
import { sizeOf } from "../../../passes/schedule/facts.ts";
import { byteWidth, type DType } from "../../../src/core/dtype.ts";
import type { BufferParam, LoopVar, Nest, Stmt } from "../../../src/kernel/kernel.ts";
import { walkStmts } from "../../../src/kernel/rewrite.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";
import type { Setting } from "./tuning.ts";

export interface MapSetting extends Setting {
  readonly buffers: readonly BufferParam[];
}

/** Whether all that the body does is to store, and neighbours of the loop store neighbouring elements. */
export function storesBeside(body: readonly Stmt[], loop: LoopVar): boolean {
  const stores = body.flatMap((stmt) => (stmt.kind === "store" ? [stmt.at] : []));
  return (
    body.every(({ kind }) => kind === "let" || kind === "store") &&
    stores.every((at) => strideAlong(at, loop.name, loop.extent, () => true) === 1)
  );
}

export function mapLanes({ loops, body }: Nest, { buffers, tuning }: MapSetting): number {
  const total = sizeOf(loops.map(({ loop }) => loop));
  const last = loops.at(-1)?.loop;
  if (last === undefined || total < tuning.wideLeast) return 1;
  if (!storesBeside(body, last)) return 1;
  const beside = besideIn(body, last);
  const widths = buffers.flatMap(({ name, element }) => (beside.has(name) ? [lanesOf(element)] : []));
  const most = Math.min(...widths);
  const fits = (lanes: number): boolean =>
    (last.extent % lanes === 0 || total % lanes === 0) &&
    total / lanes >= tuning.wideLeast / 4 &&
    lanes * body.length <= tuning.wideMostStmts;
  return [most, most / 2, 4].find((lanes) => lanes >= 4 && fits(lanes)) ?? 1;
}

/** Elements in 16 bytes of a GPU's memory, where a bool is a word. */
const lanesOf = (element: DType): number => (element === "bool" ? 4 : 16 / byteWidth(element));

/** Buffers of which neighbours of the loop read or write neighbouring elements. */
function besideIn(body: readonly Stmt[], { name, extent }: LoopVar): ReadonlySet<string> {
  const beside = new Set<string>();
  walkStmts(body, {
    stmt: (stmt) => {
      if (stmt.kind === "store" && strideAlong(stmt.at, name, extent, () => true) === 1) beside.add(stmt.buffer);
    },
    expr: (expr) => {
      if (expr.kind === "load" && strideAlong(expr.at, name, extent, () => true) === 1) beside.add(expr.buffer);
    },
  });
  return beside;
}
