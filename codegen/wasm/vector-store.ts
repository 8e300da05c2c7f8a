/** Stores of values that differ from lane to lane. */
import { byteWidth, type DType } from "../../src/core/dtype.ts";
import { unreachable } from "../../src/core/errors.ts";
import { scaleIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index } from "../../src/kernel/kernel.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { firstLane } from "./address.ts";
import { laneStride, place, type WasmContext } from "./context.ts";
import type { LateAddress } from "./refs.ts";
import { writeAddress, writeScalarStore } from "./scalar.ts";
import { writeShortened } from "./short-lanes.ts";
import { lanesOf, writeVector } from "./vector.ts";

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
    writeVector(value, context);
    writeNeighbours(element, offset, context);
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

/** Four elements beside each other; the address, and the vector, are on the stack. */
function writeNeighbours(element: Exclude<DType, "f64">, offset: number | LateAddress, { f }: WasmContext): void {
  switch (element) {
    case "f32":
    case "i32":
    case "u32":
      f.memory("v128.store", offset);
      return;
    case "u8":
    case "bool":
      f.splatI32(element === "bool" ? 1 : 255);
      f.op(element === "bool" ? "v128.and" : "i32x4.min_u");
      f.splatI32(0);
      f.op("i16x8.narrow_i32x4_u");
      f.splatI32(0);
      f.op("i8x16.narrow_i16x8_u");
      f.memoryLane("v128.store32_lane", offset, 0);
      return;
    case "f16":
    case "bf16":
      writeShortened(element, f);
      f.splatI32(0);
      f.op("i16x8.narrow_i32x4_u");
      f.memoryLane("v128.store64_lane", offset, 0);
      return;
    default:
      unreachable(element);
  }
}
