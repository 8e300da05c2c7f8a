/**
 * Four elements that lie beside each other in memory, as a vector: of each type how they are loaded and how they are stored.
 */
import type { DType } from "../../src/core/dtype.ts";
import { unreachable } from "../../src/core/errors.ts";
import type { FunctionWriter } from "./function.ts";
import type { LateAddress } from "./refs.ts";
import { writeShortened, writeWidened } from "./short-lanes.ts";

/** The address is on the stack. */
export function loadNeighbours(element: Exclude<DType, "f64">, offset: number | LateAddress, f: FunctionWriter): void {
  switch (element) {
    case "f32":
    case "i32":
    case "u32":
      f.memory("v128.load", offset);
      return;
    case "u8":
    case "bool":
      f.memory("v128.load32_zero", offset);
      f.op("i16x8.extend_low_i8x16_u");
      f.op("i32x4.extend_low_i16x8_u");
      if (element === "bool") f.op("i32x4.neg");
      return;
    case "f16":
    case "bf16":
      f.memory("v128.load64_zero", offset);
      f.op("i32x4.extend_low_i16x8_u");
      writeWidened(element, f);
      return;
    default:
      unreachable(element);
  }
}

/** The address is on the stack, and above it the vector. */
export function storeNeighbours(element: Exclude<DType, "f64">, offset: number | LateAddress, f: FunctionWriter): void {
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
