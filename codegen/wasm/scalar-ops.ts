/**
 * Scalar operations whose operands are on the stack already: casts and functions as the kernel language defines them.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { ScalarFn, ValueType } from "../../src/kernel/kernel.ts";
import type { WasmContext } from "./context.ts";
import { noFloatInstruction, noIntegerInstruction } from "./no-instruction.ts";
import type { PlainOpName } from "./opcodes.ts";

// ---- casts ---------------------------------------------------------------------------------------------------------

/** Casts what is on the stack as `roundTo` of dtype.ts defines it. */
export function writeConvert(from: ValueType, to: ValueType, { f }: WasmContext): void {
  if (from === to) return;
  if (to === "bool") {
    if (from === "f32" || from === "f64") {
      if (from === "f32") f.constF32(0);
      else f.constF64(0);
      f.op(`${from}.ne`);
      return;
    }
    f.constI32(0);
    f.op("i32.ne");
    return;
  }
  const saturate = (op: PlainOpName, limit: number): void => {
    const value = f.local("i32");
    f.tee(value);
    f.constI32(limit);
    f.get(value);
    f.constI32(limit);
    f.op(op);
    f.select();
    f.release(value);
  };
  const rows: Partial<Record<`${ValueType} ${ValueType}`, PlainOpName>> = {
    "f32 f64": "f64.promote_f32",
    "f64 f32": "f32.demote_f64",
    "f32 i32": "i32.trunc_sat_f32_s",
    "f32 u32": "i32.trunc_sat_f32_u",
    "f64 i32": "i32.trunc_sat_f64_s",
    "f64 u32": "i32.trunc_sat_f64_u",
    "i32 f32": "f32.convert_i32_s",
    "u32 f32": "f32.convert_i32_u",
    "bool f32": "f32.convert_i32_u",
    "i32 f64": "f64.convert_i32_s",
    "u32 f64": "f64.convert_i32_u",
    "bool f64": "f64.convert_i32_u",
  };
  const op = rows[`${from} ${to}`];
  if (op !== undefined) f.op(op);
  else if (from === "i32" && to === "u32") saturate("i32.gt_s", 0);
  else if (from === "u32" && to === "i32") saturate("i32.lt_u", 2147483647);
}

// ---- functions -----------------------------------------------------------------------------------------------------

/** Instructions by name. */
const floatOps = {
  add: "add",
  sub: "sub",
  mul: "mul",
  div: "div",
  min: "min",
  max: "max",
  neg: "neg",
  abs: "abs",
  floor: "floor",
  ceil: "ceil",
  round: "nearest",
  sqrt: "sqrt",
  eq: "eq",
  ne: "ne",
  lt: "lt",
  le: "le",
  gt: "gt",
  ge: "ge",
  ...noFloatInstruction,
} as const satisfies Record<ScalarFn, string | null>;

/** The operands are on the stack. */
export function writeFloat(fn: ScalarFn, type: "f32" | "f64", context: WasmContext): void {
  const { f } = context;
  const op = floatOps[fn];
  if (op !== null) {
    f.op(`${type}.${op}`);
    return;
  }
  const constant = (value: number): void => (type === "f32" ? f.constF32(value) : f.constF64(value));
  const x = f.local(type);
  switch (fn) {
    case "rsqrt":
      f.op(`${type}.sqrt`);
      f.set(x);
      constant(1);
      f.get(x);
      f.op(`${type}.div`);
      break;
    case "sign":
      // 1 with the sign of x, or x itself where it is a zero or a NaN
      f.set(x);
      constant(1);
      f.get(x);
      f.op(`${type}.copysign`);
      f.get(x);
      f.get(x);
      f.op(`${type}.abs`);
      constant(0);
      f.op(`${type}.gt`);
      f.select();
      break;
    case "mod":
      if (type !== "f32") throw new CompilerBug("the wasm target has no mod of f64");
      f.call(context.module.helper("modF32"));
      break;
    default:
      throw new CompilerBug(`${fn} is not defined for ${type}`);
  }
  f.release(x);
}

const integerOps = {
  add: ["i32.add", "i32.add"],
  sub: ["i32.sub", "i32.sub"],
  mul: ["i32.mul", "i32.mul"],
  and: ["i32.and", "i32.and"],
  or: ["i32.or", "i32.or"],
  xor: ["i32.xor", "i32.xor"],
  shiftLeft: ["i32.shl", "i32.shl"],
  shiftRight: ["i32.shr_s", "i32.shr_u"],
  rotateLeft: ["i32.rotl", "i32.rotl"],
  eq: ["i32.eq", "i32.eq"],
  ne: ["i32.ne", "i32.ne"],
  lt: ["i32.lt_s", "i32.lt_u"],
  le: ["i32.le_s", "i32.le_u"],
  gt: ["i32.gt_s", "i32.gt_u"],
  ge: ["i32.ge_s", "i32.ge_u"],
  min: null,
  max: null,
  neg: null,
  not: null,
  ...noIntegerInstruction,
} as const satisfies Record<ScalarFn, readonly [signed: PlainOpName, unsigned: PlainOpName] | null>;

/** The operands are on the stack. */
export function writeInteger(fn: ScalarFn, type: ValueType, context: WasmContext): void {
  const { f, module } = context;
  const signed = type === "i32";
  const ops = integerOps[fn];
  if (ops !== null) {
    f.op(ops[signed ? 0 : 1]);
    return;
  }
  switch (fn) {
    case "div":
      f.call(module.helper(signed ? "divI32" : "divU32"));
      return;
    case "mod":
      f.call(module.helper(signed ? "modI32" : "modU32"));
      return;
    case "not":
      if (type === "bool") f.op("i32.eqz");
      else {
        f.constI32(-1);
        f.op("i32.xor");
      }
      return;
    case "min":
    case "max": {
      const [x, y] = [f.local("i32"), f.local("i32")];
      f.set(y);
      f.tee(x);
      f.get(y);
      f.get(x);
      f.get(y);
      f.op(`i32.${fn === "min" ? "lt" : "gt"}_${signed ? "s" : "u"}`);
      f.select();
      f.release(x);
      f.release(y);
      return;
    }
    case "abs": {
      if (!signed) return;
      const [x, mask] = [f.local("i32"), f.local("i32")];
      f.tee(x);
      f.constI32(31);
      f.op("i32.shr_s");
      f.set(mask);
      f.get(x);
      f.get(mask);
      f.op("i32.xor");
      f.get(mask);
      f.op("i32.sub");
      f.release(x);
      f.release(mask);
      return;
    }
    case "sign": {
      const x = f.local("i32");
      f.tee(x);
      f.constI32(0);
      f.op(signed ? "i32.gt_s" : "i32.ne");
      if (signed) {
        f.get(x);
        f.constI32(0);
        f.op("i32.lt_s");
        f.op("i32.sub");
      }
      f.release(x);
      return;
    }
    default:
      throw new CompilerBug(`${fn} is not defined for ${type}`);
  }
}
