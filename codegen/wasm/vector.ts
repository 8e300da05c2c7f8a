/**
 * Expressions whose value differs from lane to lane: each leaves a v128 on the stack. f32 is f32x4, i32 and u32 are i32x4,
 * a bool is a mask of all ones or all zeros.
 *
 *   x[4*i + l]       v128.load                 x[10*l + i]     four loads of one lane each
 *   x[i]             load and splat            x[index[l]]     lane by lane, in scalars
 */

import { byteWidth, type DType } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import { scaleIndex } from "../../src/kernel/index-expr.ts";
import type {
  Apply,
  Const,
  Expr,
  Index,
  Load,
  Name,
  Routine,
  RoutineFn,
  ScalarFn,
  ValueType,
} from "../../src/kernel/kernel.ts";
import { isRoutineFn } from "../../src/kernel/kernel.ts";
import { INFINITY_BITS, MAGNITUDE } from "../../src/kernel/maths/notation.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { firstLane } from "./address.ts";
import {
  differs,
  type Lanes,
  laneStride,
  newLanes,
  place,
  scalarType,
  type ValuePlace,
  varies,
  type WasmContext,
} from "./context.ts";
import { writeSteps } from "./index-lanes.ts";
import { loadNeighbours } from "./neighbours.ts";
import type { Local } from "./refs.ts";
import {
  elementPlace,
  extractLane,
  flatten,
  laneOf,
  replaceLane,
  writeAddress,
  writeBounds,
  writeScalar,
} from "./scalar.ts";
import {
  convertVector,
  isShift,
  vectorFloatOps,
  vectorIntegerOps,
  writeConstant,
  writeFloatSign,
  writeShift,
  writeSplat,
} from "./vector-ops.ts";

/** Any expression as a vector: what is the same in all lanes is computed once. */
export function writeVector(expr: Expr, context: WasmContext): void {
  const lanes = lanesOf(context);
  if (expr.kind === "name") {
    writeName(expr.name, expr.at, expr.type, context);
    return;
  }
  if (expr.kind === "const") {
    writeConstant(expr.type, expr.value, context);
    return;
  }
  if (!varies(expr, lanes)) {
    writeUniform(expr, context);
    return;
  }
  switch (expr.kind) {
    case "loop":
    case "sum":
    case "floorDiv":
    case "mod":
      writeIndexes(expr, lanes, context);
      return;
    case "ranged":
      writeVector(expr.value, context);
      return;
    case "load":
      writeLoad(expr, lanes, context);
      return;
    case "apply":
      writeApply(expr, lanes, context);
      return;
    case "convert":
      writeVector(expr.value, context);
      convertVector(isShifted(expr.value) ? "i32" : expr.value.type, expr.type, context);
      return;
    case "bitcast":
      if (expr.type === "f64" || expr.value.type === "f64") throw new CompilerBug("wasm: a bitcast of f64");
      writeVector(expr.value, context);
      return;
    default:
      unreachable(expr);
  }
}

/** Whether it is a u32 whose top bit is clear: as an i32 it becomes a float in one instruction, and not in eight. */
function isShifted(expr: Expr): boolean {
  if (expr.kind !== "apply" || expr.type !== "u32" || expr.fn !== "shiftRight") return false;
  const by = expr.args[1];
  return by?.kind === "const" && by.value > 0 && by.value < 32;
}

export function lanesOf({ lanes }: WasmContext): Lanes {
  if (lanes === null || lanes.only !== null) throw new CompilerBug("wasm: a vector outside of lanes");
  return lanes;
}

/** Each lane computed by itself, in scalars. */
function writeLaneByLane(expr: Expr, context: WasmContext): void {
  const { f } = context;
  const lanes = lanesOf(context);
  for (let only = 0; only < laneCount; only++) {
    if (only === 0) f.splatI32(0);
    writeScalar(expr, { ...context, lanes: { ...lanes, only } });
    replaceLane(expr.type, only, context);
  }
}

function writeUniform(expr: Exclude<Expr, Const | Name>, context: WasmContext): void {
  const { f } = context;
  if (expr.kind === "load" && expr.guard === undefined && byteWidth(elementOf(expr, context)) === 4) {
    const memory = place(context.memory.get(expr.buffer), expr.buffer);
    f.memory("v128.load32_splat", writeAddress(memory, expr.at, context));
    return;
  }
  writeScalar(expr, context);
  writeSplat(expr.type, context);
}

function elementOf({ buffer }: Load, context: WasmContext): DType {
  return place(context.memory.get(buffer), buffer).element;
}

function writeName(name: string, at: readonly Index[], type: ValueType, context: WasmContext): void {
  const { f } = context;
  const found = place(context.values.get(name), name);
  if (found.kind === "laned") {
    const last = at[at.length - 1];
    f.get(place(found.elements[flatten(at.slice(0, -1), found.shape.slice(0, -1))], name));
    if (last?.kind === "loop" && last.loop.name === lanesOf(context).loop) return;
    extractLane(type, laneOf(at, context), context);
    writeSplat(type, context);
    return;
  }
  const exact = found.kind === "array" ? elementPlace(found, at) : found;
  if (exact.kind !== "vector" && exact.kind !== "scalar") throw new CompilerBug(`wasm: ${name} is an array`);
  f.get(exact.local);
  if (exact.kind === "scalar") writeSplat(type, context);
}

/** An index in each lane, as i32x4. */
function writeIndexes(index: Index, lanes: Lanes, context: WasmContext): void {
  const stride = laneStride(index, lanes);
  if (stride === null) writeLaneByLane(index, context);
  else writeSteps(firstLane(index, lanes), stride, context);
}

// ---- memory --------------------------------------------------------------------------------------------------------

function writeLoad(load: Load, lanes: Lanes, context: WasmContext): void {
  const { f } = context;
  const { guard } = load;
  if (guard !== undefined && !differs(guard.bounds, lanes)) {
    const { guard: _guard, ...inside } = load;
    const read = (): void => writeVector(inside, context);
    if (!writeBounds(guard.bounds, context)) read();
    else f.if(["v128"], read, () => writeVector(guard.otherwise, context));
    return;
  }
  const memory = place(context.memory.get(load.buffer), load.buffer);
  const stride = guard === undefined ? laneStride(load.at, lanes) : null;
  const { element } = memory;
  if (stride === 1 && element !== "f64") {
    loadNeighbours(element, writeAddress(memory, firstLane(load.at, lanes), context), f);
    return;
  }
  if (stride === null || byteWidth(element) !== 4) {
    writeLaneByLane(load, context);
    return;
  }
  const result = f.local("v128");
  for (let lane = 0; lane < laneCount; lane++) {
    const at = scaleIndex(firstLane(load.at, lanes), 1, lane * stride);
    const offset = writeAddress(memory, at, context);
    if (lane === 0) f.memory("v128.load32_zero", offset);
    else {
      f.get(result);
      f.memoryLane("v128.load32_lane", offset, lane);
    }
    if (lane < laneCount - 1) f.set(result);
  }
  f.release(result);
}

// ---- functions -----------------------------------------------------------------------------------------------------

function writeApply(expr: Apply, lanes: Lanes, context: WasmContext): void {
  const { f } = context;
  const first = place(expr.args[0], `what ${expr.fn} is of`);
  const second = expr.args[1];
  const third = expr.args[2];
  if (isRoutineFn(expr.fn)) {
    writeOperands(expr, context);
    if (context.module.joinsVectors || isShort(expr.fn)) writeInPlace(expr.fn, expr.type, context);
    else f.call(context.module.routine(expr.fn, expr.type, true));
    return;
  }
  if (expr.fn === "select" && second !== undefined && third !== undefined) {
    writeVector(second, context);
    writeVector(third, context);
    writeVector(first, context);
    // a mask is all ones or all zeros, for which both are the same; the relaxed one is a single instruction
    f.op(context.module.relaxed ? "i32x4.relaxed_laneselect" : "v128.bitselect");
    return;
  }
  if (context.contracts && writeMultiplyAdd(expr, context)) return;
  if ((expr.fn === "max" || expr.fn === "min") && writeWithConstant(expr, context)) return;
  if (expr.fn === "gt" && writeNaNTest(expr, context)) return;
  const { type } = first;
  const op = type === "f32" ? vectorFloatOps[expr.fn] : vectorIntegerOps[expr.fn]?.[type === "i32" ? 0 : 1];
  if (op !== null && op !== undefined) {
    writeOperands(expr, context);
    f.op(op);
    return;
  }
  if (isShift(expr.fn) && second !== undefined && !varies(second, lanes)) {
    writeVector(first, context);
    writeShift(expr.fn, type, second, () => writeScalar(second, context), context);
    return;
  }
  if (!writeComposed(expr.fn, type, first, context)) writeLaneByLane(expr, context);
}

function writeOperands({ args }: Apply, context: WasmContext): void {
  for (let i = 0; i < args.length; i += 1) writeVector(place(args[i], "an operand"), context);
}

/**
 * Routines written where they are used. A call saves every vector that is alive around it: exp of 4 M elements takes 13.7 ms
 * by calls and 10.1 in place, softmax of rows of 1024 44 and 20.
 */
function isShort(fn: RoutineFn): boolean {
  return fn === "exp" || fn === "log" || fn === "tanh";
}

/** The operands are on the stack. */
function writeInPlace(fn: RoutineFn, type: ValueType, context: WasmContext): void {
  const { f } = context;
  const routine = context.module.routineOf(fn, type);
  const operands = routine.params.map(() => f.local("v128"));
  for (const operand of operands.toReversed()) f.set(operand);
  writeRoutine(routine, operands, context);
  for (const operand of operands) f.release(operand);
}

/** A routine in lanes: leaves its result on the stack. */
export function writeRoutine(
  routine: Routine,
  operands: readonly Local[],
  { f, module }: Pick<WasmContext, "f" | "module">,
): void {
  const values = new Map<string, ValuePlace>();
  const varying = new Set<string>();
  const lanes = newLanes("", varying);
  const inside: WasmContext = {
    f,
    module,
    memory: new Map(),
    values,
    loops: new Map(),
    pointers: new Map(),
    lanes,
    laned: new Set(),
    contracts: module.relaxed,
  };
  for (const [i, { name }] of routine.params.entries()) {
    values.set(name, { kind: "vector", local: place(operands[i], name) });
    varying.add(name);
  }
  const made: Local[] = [];
  for (const stmt of routine.body) {
    if (stmt.kind !== "let") throw new CompilerBug(`a ${stmt.kind} in the routine ${routine.name}`);
    const isVector = varies(stmt.value, lanes);
    if (isVector) writeVector(stmt.value, inside);
    else writeScalar(stmt.value, inside);
    const local = f.local(isVector ? "v128" : scalarType(stmt.value.type));
    f.set(local);
    made.push(local);
    values.set(stmt.name, { kind: isVector ? "vector" : "scalar", local });
    if (isVector) varying.add(stmt.name);
  }
  writeVector(routine.result, inside);
  for (const local of made) f.release(local);
}

/** a * b + c and c - a * b, rounded once. False where it is neither. */
export function writeMultiplyAdd({ fn, type, args }: Apply, context: WasmContext): boolean {
  if (type !== "f32" || (fn !== "add" && fn !== "sub")) return false;
  const x = place(args[0], "a term");
  const y = place(args[1], "a term");
  const product = isProduct(y) ? y : fn === "add" && isProduct(x) ? x : undefined;
  if (product === undefined) return false;
  writeOperands(product, context);
  writeVector(product === y ? x : y, context);
  context.f.op(fn === "add" ? "f32x4.relaxed_madd" : "f32x4.relaxed_nmadd");
  return true;
}

function isProduct(expr: Expr): expr is Apply {
  return expr.kind === "apply" && expr.fn === "mul";
}

/**
 * The larger or smaller of a float and a constant: one instruction, which gives its first operand where that is a NaN.
 * `f32x4.max` takes nine, to look at both operands and at the signs of zeros; here the sum with 0 makes -0 the 0 that it is.
 */
function writeWithConstant({ fn, type, args }: Apply, context: WasmContext): boolean {
  if (type !== "f32") return false;
  const x = place(args[0], "an operand");
  const y = place(args[1], "an operand");
  const constant = y.kind === "const" ? y : x.kind === "const" ? x : undefined;
  if (constant === undefined || Number.isNaN(constant.value)) return false;
  if (constant.value === 0 && (fn === "min" || Object.is(constant.value, -0))) return false;
  const { f } = context;
  writeVector(constant === y ? x : y, context);
  f.splatF32(constant.value);
  f.op(fn === "max" ? "f32x4.pmax" : "f32x4.pmin");
  if (constant.value !== 0) return true;
  f.splatF32(0);
  f.op("f32x4.add");
  return true;
}

/** `bits(x) & 0x7fffffff > 0x7f800000`, as the maths library asks for a NaN: here a comparison with itself. */
function writeNaNTest({ args }: Apply, context: WasmContext): boolean {
  const masked = args[0];
  const infinity = args[1];
  if (infinity?.kind !== "const" || infinity.type !== "u32" || infinity.value !== INFINITY_BITS) return false;
  if (masked?.kind !== "apply" || masked.fn !== "and") return false;
  const [bits, mask] = masked.args;
  if (mask?.kind !== "const" || mask.value !== MAGNITUDE || bits?.kind !== "bitcast") return false;
  if (bits.value.type !== "f32") return false;
  writeVector(bits.value, context);
  writeVector(bits.value, context);
  context.f.op("f32x4.ne");
  return true;
}

/** Functions of one operand that take a few instructions. False where there is nothing better than lane by lane. */
function writeComposed(fn: ScalarFn, type: ValueType, operand: Expr, context: WasmContext): boolean {
  const { f } = context;
  const constant = (value: number): void => writeConstant(type, value, context);
  switch (fn) {
    case "rsqrt": {
      constant(1);
      writeVector(operand, context);
      f.op("f32x4.sqrt");
      f.op("f32x4.div");
      return true;
    }
    case "abs":
      writeVector(operand, context);
      if (type === "i32") f.op("i32x4.abs");
      return true;
    case "sign":
      writeVector(operand, context);
      if (type !== "f32") {
        constant(1);
        f.op(type === "i32" ? "i32x4.min_s" : "i32x4.min_u");
        if (type !== "i32") return true;
        constant(-1);
        f.op("i32x4.max_s");
        return true;
      }
      writeFloatSign(context);
      return true;
    default:
      return false;
  }
}
