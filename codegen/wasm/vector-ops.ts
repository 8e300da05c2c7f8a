/** Vector operations by name, and those whose operands are on the stack already. */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Expr, ScalarFn, ValueType } from "../../src/kernel/kernel.ts";
import type { WasmContext } from "./context.ts";
import { noFloatInstruction, noIntegerInstruction } from "./no-instruction.ts";
import type { PlainOpName } from "./opcodes.ts";

export const vectorFloatOps = {
  add: "f32x4.add",
  sub: "f32x4.sub",
  mul: "f32x4.mul",
  div: "f32x4.div",
  min: "f32x4.min",
  max: "f32x4.max",
  neg: "f32x4.neg",
  abs: "f32x4.abs",
  floor: "f32x4.floor",
  ceil: "f32x4.ceil",
  round: "f32x4.nearest",
  sqrt: "f32x4.sqrt",
  eq: "f32x4.eq",
  ne: "f32x4.ne",
  lt: "f32x4.lt",
  le: "f32x4.le",
  gt: "f32x4.gt",
  ge: "f32x4.ge",
  ...noFloatInstruction,
} as const satisfies Record<ScalarFn, PlainOpName | null>;

/** Of u32 and bool the second; a bool is a mask, of which "less than" is the signed one turned around. */
export const vectorIntegerOps = {
  add: ["i32x4.add", "i32x4.add"],
  sub: ["i32x4.sub", "i32x4.sub"],
  mul: ["i32x4.mul", "i32x4.mul"],
  min: ["i32x4.min_s", "i32x4.min_u"],
  max: ["i32x4.max_s", "i32x4.max_u"],
  neg: ["i32x4.neg", "i32x4.neg"],
  and: ["v128.and", "v128.and"],
  or: ["v128.or", "v128.or"],
  xor: ["v128.xor", "v128.xor"],
  not: ["v128.not", "v128.not"],
  eq: ["i32x4.eq", "i32x4.eq"],
  ne: ["i32x4.ne", "i32x4.ne"],
  lt: ["i32x4.lt_s", "i32x4.lt_u"],
  le: ["i32x4.le_s", "i32x4.le_u"],
  gt: ["i32x4.gt_s", "i32x4.gt_u"],
  ge: ["i32x4.ge_s", "i32x4.ge_u"],
  shiftLeft: null,
  shiftRight: null,
  rotateLeft: null,
  ...noIntegerInstruction,
} as const satisfies Record<ScalarFn, readonly [signed: PlainOpName, unsigned: PlainOpName] | null>;

/** The scalar on the stack, in all lanes. */
export function writeSplat(type: ValueType, { f }: WasmContext): void {
  f.op(type === "f32" ? "f32x4.splat" : "i32x4.splat");
  if (type === "bool") f.op("i32x4.neg");
}

/** The same value in all lanes. */
export function writeConstant(type: ValueType, value: number, { f }: Pick<WasmContext, "f">): void {
  if (type === "f32") f.splatF32(value);
  else f.splatI32(type === "bool" ? -value : value | 0);
}

/** 1 with the sign of x; x itself where it is a zero or a NaN. */
export function writeFloatSign({ f }: WasmContext): void {
  const x = f.local("v128");
  f.set(x);
  f.splatF32(1);
  f.get(x);
  f.splatI32(0x7fffffff);
  f.op("v128.bitselect");
  // bits of the mask come from 1, the sign bit from x
  f.get(x);
  f.get(x);
  f.op("f32x4.abs");
  f.splatF32(0);
  f.op("f32x4.gt");
  f.op("v128.bitselect");
  f.release(x);
}

// ---- casts ---------------------------------------------------------------------------------------------------------

type Shift = "shiftLeft" | "shiftRight" | "rotateLeft";

export function isShift(fn: ScalarFn): fn is Shift {
  return fn === "shiftLeft" || fn === "shiftRight" || fn === "rotateLeft";
}

/** By the same count in all lanes: the instructions take it as a scalar, modulo 32. */
export function writeShift(
  fn: Shift,
  type: ValueType,
  count: Expr,
  writeCount: () => void,
  { f }: Pick<WasmContext, "f">,
): void {
  if (fn !== "rotateLeft") {
    writeCount();
    f.op(fn === "shiftLeft" ? "i32x4.shl" : type === "i32" ? "i32x4.shr_s" : "i32x4.shr_u");
    return;
  }
  const held = f.local("v128");
  f.tee(held);
  writeCount();
  f.op("i32x4.shl");
  f.get(held);
  if (count.kind === "const")
    f.constI32((32 - count.value) & 31); // a difference of constants the engine would not know for one while it joins
  else {
    f.constI32(0);
    writeCount();
    f.op("i32.sub");
  }
  f.op("i32x4.shr_u");
  f.op("v128.or");
  f.release(held);
}

/** The vector on the stack becomes one of another type. */
export function convertVector(from: ValueType, to: ValueType, context: Pick<WasmContext, "f" | "contracts">): void {
  const { f, contracts } = context;
  if (from === "f64" || to === "f64") throw new CompilerBug("the wasm target has no vectors of f64");
  const limited = (op: PlainOpName, type: ValueType, limit: number): void => {
    writeConstant(type, limit, context);
    f.op(op);
  };
  if (from === to) return;
  if (to === "bool") {
    f.splatI32(0);
    f.op(from === "f32" ? "f32x4.ne" : "i32x4.ne");
  } else if (from === "bool") limited("v128.and", to, 1);
  else if (to === "f32") f.op(from === "i32" ? "f32x4.convert_i32x4_s" : "f32x4.convert_i32x4_u");
  else if (from === "f32" && to === "i32") {
    // one instruction; six more look after what does not fit
    f.op(contracts ? "i32x4.relaxed_trunc_f32x4_s" : "i32x4.trunc_sat_f32x4_s");
  } else if (from === "f32") f.op("i32x4.trunc_sat_f32x4_u");
  else if (to === "u32") limited("i32x4.max_s", "i32", 0);
  else limited("i32x4.min_u", "i32", 2147483647);
}
