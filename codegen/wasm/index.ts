/**
 * Indexes and addresses.
 *
 *   x[784*i + k + 3], f32 at byte 4096     ->     local.get i; 3136 *; local.get k; 4 *; +       offset 4108 in the load
 *
 * The constant part of an address stands in the load or store itself, as long as the rest cannot be negative: the machine
 * adds both without wrapping.
 */

import { byteWidth } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import { constIndex, splitOffset, substituteIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, Expr, Index, Term } from "../../src/kernel/kernel.ts";
import { printExpr } from "../../src/kernel/print.ts";
import { mapExpr, replaceLoops } from "../../src/kernel/rewrite.ts";
import { type Lanes, type MemoryPlace, place, type WasmContext } from "./context.ts";

/** Writes a value that an index loads; given by the printer of expressions, which needs indexes itself. */
export type WriteValue = (expr: Expr, context: WasmContext) => void;

/** Leaves the index on the stack, as an i32. One lane of it, where a lane alone is computed. */
export function writeIndex(index: Index, context: WasmContext, writeValue: WriteValue): void {
  writeScaled(index, 1, context, writeValue);
}

/** Leaves `index * scale` on the stack. */
function writeScaled(index: Index, scale: number, context: WasmContext, writeValue: WriteValue): void {
  const { f } = context;
  switch (index.kind) {
    case "const":
      f.constI32(index.value * scale);
      return;
    case "loop":
      writeLoop(index.loop.name, context);
      break;
    case "value":
      writeValue(index.value, context);
      break;
    case "sum":
      writeSum(index.terms, index.offset, scale, context, writeValue);
      return;
    case "floorDiv":
    case "mod":
      writeQuotient(index, context, writeValue);
      break;
    default:
      unreachable(index);
  }
  multiply(scale, context);
}

function writeLoop(name: string, context: WasmContext): void {
  const { lanes, f } = context;
  if (lanes?.loop !== name) {
    f.get(place(context.loops.get(name), `loop ${name}`));
    return;
  }
  if (lanes.only === null) throw new CompilerBug(`wasm: the lanes of ${name} as one index`);
  f.constI32(lanes.only);
}

function writeSum(
  terms: readonly Term[],
  offset: number,
  scale: number,
  context: WasmContext,
  writeValue: WriteValue,
): void {
  const { f } = context;
  terms.forEach((term, i) => {
    writeScaled(term.index, term.factor * scale, context, writeValue);
    if (i > 0) f.op("i32.add");
  });
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
function writeQuotient(
  index: Index & { readonly kind: "floorDiv" | "mod" },
  context: WasmContext,
  writeValue: WriteValue,
): void {
  const { f } = context;
  const { by, kind } = index;
  writeIndex(index.index, context, writeValue);
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

/** An address as the part that runs with loops and the part that a load or store carries. */
export interface Address {
  readonly moving: Index;
  readonly offset: number;
}

export function addressOf({ element, address }: MemoryPlace, at: Index): Address {
  const width = byteWidth(element);
  const { moving, offset } = splitOffset(at);
  if (moving.min < 0 || offset < 0) return { moving: at, offset: address };
  return { moving, offset: address + offset * width };
}

/** How `pointers` calls an address. */
export function pointerKey(memory: MemoryPlace, moving: Index): string {
  return `${memory.base === null ? "" : memory.base.index}:${byteWidth(memory.element)}:${moving.key}`;
}

/** Leaves the moving part of an element's address on the stack, and returns what the load or store adds to it. */
export function writeAddress(memory: MemoryPlace, at: Index, context: WasmContext, writeValue: WriteValue): number {
  const { f } = context;
  const { moving, offset } = addressOf(memory, at);
  const pointer = context.pointers.get(pointerKey(memory, moving));
  if (pointer !== undefined) {
    f.get(pointer);
    return offset;
  }
  if (moving.min < 0) {
    // The whole address is computed, so that the sum is never negative.
    writeScaled(moving, byteWidth(memory.element), context, writeValue);
    f.constI32(offset);
    f.op("i32.add");
    addBase(memory, context);
    return 0;
  }
  writeMoving(memory, moving, context, writeValue);
  return offset;
}

/** Leaves the moving part of an address, which is never negative, on the stack. */
export function writeMoving(memory: MemoryPlace, moving: Index, context: WasmContext, writeValue: WriteValue): void {
  if (moving.kind === "const" && moving.value === 0 && memory.base !== null) {
    // no sum: V8 joins neighbouring stores only where their addresses are one value
    context.f.get(memory.base);
    return;
  }
  writeScaled(moving, byteWidth(memory.element), context, writeValue);
  addBase(memory, context);
}

function addBase({ base }: MemoryPlace, { f }: WasmContext): void {
  if (base === null) return;
  f.get(base);
  f.op("i32.add");
}

/** The index of lane 0. */
export function firstLane(index: Index, { loop, first }: Lanes): Index {
  const known = first.get(index);
  if (known !== undefined) return known;
  const replaced = new Map([[loop, constIndex(0)]]);
  const found = substituteIndex(index, replaced, (value) => mapExpr(value, replaceLoops(replaced)), printExpr);
  first.set(index, found);
  return found;
}

/** Leaves 1 on the stack where all bounds hold, else 0. Returns false, and leaves nothing, where they always do. */
export function writeBounds(bounds: readonly Bound[], context: WasmContext, writeValue: WriteValue): boolean {
  const { f } = context;
  let any = false;
  for (const { index, extent } of bounds) {
    if (index.min >= 0 && index.max < extent) continue;
    writeIndex(index, context, writeValue);
    f.constI32(extent);
    f.op("i32.lt_u"); // a negative index is a large unsigned one
    if (any) f.op("i32.and");
    any = true;
  }
  return any;
}

/** Whether an index is this loop's variable, alone. */
export function isLoop(index: Index, name: string): boolean {
  return index.kind === "loop" && index.loop.name === name;
}
