/**
 * Expressions whose value is one number: each leaves it on the stack. f32 is f32, i32 and u32 are i32, a bool is 0 or 1.
 *
 * Inside lanes a scalar is either the same in all of them, or one lane's (`lanes.only`): names that differ are then picked
 * out of their vectors.
 */

import { byteWidth, type DType } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import type { Apply, Bound, Expr, FloorDiv, Index, Load, Mod, Sum, ValueType } from "../../src/kernel/kernel.ts";
import { isRoutineFn } from "../../src/kernel/kernel.ts";
import { addressOf, loadedIn, pointerKey } from "./address.ts";
import { type MemoryPlace, place, scalarType, type ValuePlace, type WasmContext } from "./context.ts";
import type { LateAddress } from "./refs.ts";
import { writeConvert, writeFloat, writeInteger } from "./scalar-ops.ts";

export function writeScalar(expr: Expr, context: WasmContext): void {
  const { f } = context;
  switch (expr.kind) {
    case "const":
      writeConstant(expr.type, expr.value, context);
      return;
    case "name":
      writeName(expr.name, expr.at, expr.type, context);
      return;
    case "load":
      writeLoad(expr, context);
      return;
    case "apply":
      writeApply(expr, context);
      return;
    case "convert":
      writeScalar(expr.value, context);
      writeConvert(expr.value.type, expr.type, context);
      return;
    case "bitcast":
      writeScalar(expr.value, context);
      if (scalarType(expr.type) === scalarType(expr.value.type)) return;
      f.op(expr.type === "f32" ? "f32.reinterpret_i32" : "i32.reinterpret_f32");
      return;
    case "loop":
      writeLoopValue(expr.loop.name, context);
      return;
    case "ranged":
      writeScalar(expr.value, context);
      return;
    case "sum":
      writeSum(expr, 1, context);
      return;
    case "floorDiv":
    case "mod":
      writeQuotient(expr, context);
      return;
    default:
      unreachable(expr);
  }
}

function writeConstant(type: ValueType, value: number, { f }: WasmContext): void {
  if (type === "f32") f.constF32(value);
  else if (type === "f64") f.constF64(value);
  else f.constI32(value | 0);
}

// ---- names ---------------------------------------------------------------------------------------------------------

/** Where an element of an array lives; its indexes must be constants. */
export function elementPlace(found: ValuePlace & { readonly kind: "array" }, at: readonly Index[]): ValuePlace {
  return place(found.elements[flatten(at, found.shape)], "an array element");
}

/** The place in row-major order. */
export function flatten(at: readonly Index[], shape: readonly number[]): number {
  let flat = 0;
  for (let axis = 0; axis < at.length; axis += 1) {
    const index = place(at[axis], "an index");
    if (index.kind !== "const") throw new CompilerBug(`wasm: an array is indexed by a ${index.kind}`);
    flat = flat * (shape[axis] ?? 1) + index.value;
  }
  return flat;
}

function writeName(name: string, at: readonly Index[], type: ValueType, context: WasmContext): void {
  const found = place(context.values.get(name), name);
  const { f, lanes } = context;
  if (found.kind === "laned") {
    const lane = laneOf(at, context);
    f.get(place(found.elements[flatten(at.slice(0, -1), found.shape.slice(0, -1))], name));
    extractLane(type, lane, context);
    return;
  }
  const exact = found.kind === "array" ? elementPlace(found, at) : found;
  if (exact.kind === "scalar") f.get(exact.local);
  else if (exact.kind === "vector" && lanes !== null && lanes.only !== null) {
    f.get(exact.local);
    extractLane(type, lanes.only, context);
  } else throw new CompilerBug(`wasm: ${name} has a value in each lane`);
}

/** Which lane the last index of a laned array picks. */
export function laneOf(at: readonly Index[], { lanes }: WasmContext): number {
  const last = at[at.length - 1];
  if (last === undefined) return 0;
  if (last.kind === "const") return last.value;
  if (last.kind === "loop" && lanes?.loop === last.loop.name && lanes.only !== null) return lanes.only;
  throw new CompilerBug(`wasm: a lane is picked by a ${last.kind}`);
}

export function extractLane(type: ValueType, lane: number, { f }: WasmContext): void {
  f.lane(type === "f32" ? "f32x4.extract_lane" : "i32x4.extract_lane", lane);
  if (type !== "bool") return;
  f.constI32(1); // from a mask
  f.op("i32.and");
}

/** The vector, then the scalar, are on the stack. */
export function replaceLane(type: ValueType, lane: number, { f }: WasmContext): void {
  if (type === "bool") {
    const bit = f.local("i32");
    f.set(bit);
    f.constI32(0);
    f.get(bit);
    f.op("i32.sub");
    f.release(bit);
  }
  f.lane(type === "f32" ? "f32x4.replace_lane" : "i32x4.replace_lane", lane);
}

// ---- indexes -------------------------------------------------------------------------------------------------------

/** Leaves `index * scale` on the stack. */
function writeScaled(index: Index, scale: number, context: WasmContext): void {
  if (index.kind === "const") context.f.constI32(index.value * scale);
  else if (index.kind === "sum") writeSum(index, scale, context);
  else {
    writeScalar(index, context);
    multiply(scale, context);
  }
}

function writeLoopValue(name: string, context: WasmContext): void {
  const { lanes, f } = context;
  if (lanes?.loop !== name) {
    f.get(place(context.loops.get(name), `loop ${name}`));
    return;
  }
  if (lanes.only === null) throw new CompilerBug(`wasm: the lanes of ${name} as one index`);
  f.constI32(lanes.only);
}

function writeSum({ terms, offset }: Sum, scale: number, context: WasmContext): void {
  const { f } = context;
  for (let i = 0; i < terms.length; i += 1) {
    const { index, factor } = place(terms[i], "a term");
    writeScaled(index, factor * scale, context);
    if (i > 0) f.op("i32.add");
  }
  if (offset === 0 && terms.length > 0) return;
  f.constI32(offset * scale);
  if (terms.length > 0) f.op("i32.add");
}

function multiply(scale: number, { f }: WasmContext): void {
  if (scale === 1) return;
  const shift = Math.log2(scale);
  f.constI32(Number.isInteger(shift) ? shift : scale);
  f.op(Number.isInteger(shift) ? "i32.shl" : "i32.mul");
}

/** Towards minus infinity, and the remainder that is never negative. */
function writeQuotient(index: FloorDiv | Mod, context: WasmContext): void {
  const { f } = context;
  const { by, kind } = index;
  writeScalar(index.index, context);
  const shift = Math.log2(by);
  if (Number.isInteger(shift)) {
    f.constI32(kind === "mod" ? by - 1 : shift);
    f.op(kind === "mod" ? "i32.and" : index.index.min >= 0 ? "i32.shr_u" : "i32.shr_s");
    return;
  }
  f.constI32(by);
  if (index.index.min >= 0) f.op(kind === "mod" ? "i32.rem_u" : "i32.div_u");
  else f.call(context.module.helper(kind === "mod" ? "floorMod" : "floorDiv"));
}

// ---- addresses -----------------------------------------------------------------------------------------------------

/** Leaves the moving part of an element's address on the stack, and returns what the load or store adds to it. */
export function writeAddress(memory: MemoryPlace, at: Index, context: WasmContext): number | LateAddress {
  const { f } = context;
  const { moving, offset } = addressOf(memory, at);
  const pointer = context.pointers.get(pointerKey(memory, moving));
  if (pointer !== undefined) {
    f.get(pointer);
    return offset;
  }
  if (moving.min < 0) {
    // The whole address is computed, so that the sum is never negative.
    writeScaled(moving, byteWidth(memory.element), context);
    f.constAddress(offset);
    f.op("i32.add");
    addBase(memory, context);
    return 0;
  }
  const loaded = loadedIn(moving);
  const known = loaded === null ? undefined : context.pointers.get(pointerKey(memory, loaded.known));
  if (loaded === null || known === undefined) writeMoving(memory, moving, context);
  else {
    f.get(known);
    for (const { index, factor } of loaded.terms) {
      writeScaled(index, factor * byteWidth(memory.element), context);
      f.op("i32.add");
    }
  }
  return offset;
}

/** Leaves the moving part of an address, which is never negative, on the stack. */
export function writeMoving(memory: MemoryPlace, moving: Index, context: WasmContext): void {
  if (moving.kind === "const" && moving.value === 0 && memory.base !== null) {
    // no sum: V8 joins neighbouring stores only where their addresses are one value
    context.f.get(memory.base);
    return;
  }
  writeScaled(moving, byteWidth(memory.element), context);
  addBase(memory, context);
}

function addBase({ base }: MemoryPlace, { f }: WasmContext): void {
  if (base === null) return;
  f.get(base);
  f.op("i32.add");
}

/** Leaves 1 on the stack where all bounds hold, else 0. Returns false, and leaves nothing, where they always do. */
export function writeBounds(bounds: readonly Bound[], context: WasmContext): boolean {
  const { f } = context;
  let any = false;
  for (const { index, extent } of bounds) {
    if (index.min >= 0 && index.max < extent) continue;
    writeScalar(index, context);
    f.constI32(extent);
    f.op("i32.lt_u"); // a negative index is a large unsigned one
    if (any) f.op("i32.and");
    any = true;
  }
  return any;
}

// ---- memory --------------------------------------------------------------------------------------------------------

function writeLoad(load: Load, context: WasmContext): void {
  const { f } = context;
  const { guard } = load;
  if (guard === undefined || !writeBounds(guard.bounds, context)) {
    writeRead(load, context);
    return;
  }
  f.if(
    [scalarType(load.type)],
    () => writeRead(load, context),
    () => writeScalar(guard.otherwise, context),
  );
}

function writeRead(load: Load, context: WasmContext): void {
  const { f } = context;
  const memory = place(context.memory.get(load.buffer), load.buffer);
  const offset = writeAddress(memory, load.at, context);
  switch (memory.element) {
    case "f32":
      f.memory("f32.load", offset);
      return;
    case "f64":
      f.memory("f64.load", offset);
      return;
    case "i32":
    case "u32":
      f.memory("i32.load", offset);
      return;
    case "u8":
    case "bool":
      f.memory("i32.load8_u", offset);
      return;
    case "f16":
      f.memory("i32.load16_u", offset);
      f.call(context.module.helper("fromHalf"));
      return;
    case "bf16":
      f.memory("i32.load16_u", offset);
      f.constI32(16);
      f.op("i32.shl");
      f.op("f32.reinterpret_i32");
      return;
    default:
      unreachable(memory.element);
  }
}

/** Stores a scalar. The address is written first: WebAssembly wants it below the value. */
export function writeScalarStore(buffer: string, at: Index, value: Expr, context: WasmContext): void {
  const { f } = context;
  const memory = place(context.memory.get(buffer), buffer);
  const offset = writeAddress(memory, at, context);
  writeScalar(value, context);
  writeNarrow(memory.element, context);
  f.memory(storeOps[memory.element], offset);
}

const storeOps = {
  f32: "f32.store",
  f64: "f64.store",
  i32: "i32.store",
  u32: "i32.store",
  u8: "i32.store8",
  bool: "i32.store8",
  f16: "i32.store16",
  bf16: "i32.store16",
} as const satisfies Record<DType, string>;

function writeNarrow(element: DType, context: WasmContext): void {
  const { f } = context;
  if (element === "f16") f.call(context.module.helper("toHalf"));
  if (element === "bf16") f.call(context.module.helper("toBrain"));
  if (element !== "u8") return;
  const value = f.local("i32");
  f.tee(value);
  f.constI32(255);
  f.get(value);
  f.constI32(255);
  f.op("i32.lt_u");
  f.select();
  f.release(value);
}

// ---- functions -----------------------------------------------------------------------------------------------------

function writeApply(expr: Apply, context: WasmContext): void {
  const { f } = context;
  const first = place(expr.args[0], `what ${expr.fn} is of`);
  const second = expr.args[1];
  const third = expr.args[2];
  if (isRoutineFn(expr.fn)) {
    for (const arg of expr.args) writeScalar(arg, context);
    f.call(context.module.routine(expr.fn, expr.type, false));
    return;
  }
  if (expr.fn === "select" && second !== undefined && third !== undefined) {
    writeScalar(second, context);
    writeScalar(third, context);
    writeScalar(first, context);
    f.select();
    return;
  }
  const { type } = first;
  if (expr.fn === "neg" && type !== "f32" && type !== "f64") {
    f.constI32(0);
    writeScalar(first, context);
    f.op("i32.sub");
    return;
  }
  writeScalar(first, context);
  if (second !== undefined) writeScalar(second, context);
  if (type === "f32" || type === "f64") writeFloat(expr.fn, type, context);
  else writeInteger(expr.fn, type, context);
}
