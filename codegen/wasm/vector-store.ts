/** Stores of values that differ from lane to lane. */
import { byteWidth } from "../../src/core/dtype.ts";
import { scaleIndex } from "../../src/kernel/index-expr.ts";
import type { Apply, Expr, Index } from "../../src/kernel/kernel.ts";
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
    const sum = context.module.relaxed && memory.base !== null ? sumIn(buffer, at, value) : undefined;
    if (sum === undefined || !writeMultiplyAdd(sum, context)) writeVector(value, context);
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

/** A thread's own array holds sums: what is added to one of them may be rounded with its product, as what is added to an accumulator. */
function sumIn(buffer: string, at: Index, value: Expr): Apply | undefined {
  if (value.kind !== "apply" || value.fn !== "add") return undefined;
  const [sum] = value.args;
  return sum?.kind === "load" && sum.buffer === buffer && sum.at === at && sum.guard === undefined ? value : undefined;
}
