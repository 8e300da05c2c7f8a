/**
 * What the parts of the WebAssembly printer share while they write one function: where each name lives, where memory lies,
 * and which lanes are computed.
 *
 *   for l < 4 lane                           inside, what depends on l is a v128 of four values, all else a scalar
 *     let v = x[4*i + l] * s[0]       ->     v128.load x; f32.load s, splat; f32x4.mul; local.set v
 */

import type { DType } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import type { Bound, Expr, Index, Routine, RoutineFn, Stmt, ValueType } from "../../src/kernel/kernel.ts";
import { type Rewrite, readsAny, walkStmts } from "../../src/kernel/rewrite.ts";
import { laneCount, strideAlong } from "../../src/kernel/stride.ts";
import type { FunctionWriter } from "./function.ts";
import type { HelperName } from "./helpers.ts";
import type { ValType } from "./opcodes.ts";
import type { FunctionRef, LateAddress, Local } from "./refs.ts";

/** A buffer, or a shared array of the kernel. */
export interface MemoryPlace {
  readonly element: DType;
  /** Where its first element lies, after the address in `base` where there is one. */
  readonly address: LateAddress;
  readonly base: Local | null;
}

/** Where a `let` or a `var` lives. */
export type ValuePlace =
  | { readonly kind: "scalar"; readonly local: Local }
  /** Four values, one a lane. */
  | { readonly kind: "vector"; readonly local: Local }
  /** One local an element. */
  | { readonly kind: "array"; readonly shape: readonly number[]; readonly elements: readonly ValuePlace[] }
  /** An array whose last axis is the lanes: one v128 for each place in the other axes. */
  | { readonly kind: "laned"; readonly shape: readonly number[]; readonly elements: readonly Local[] };

/** What a whole module offers its functions. */
export interface WasmModuleContext {
  /** Multiply-adds rounded once where the engine has them. */
  readonly relaxed: boolean;
  /** Neighbouring vectors become one, but not across calls. */
  readonly joinsVectors: boolean;
  routine(fn: RoutineFn, type: ValueType, lanes: boolean): FunctionRef;
  /** What that function computes, to be written in place. */
  routineOf(fn: RoutineFn, type: ValueType): Routine;
  helper(name: HelperName): FunctionRef;
}

/** The lanes around what is being written. */
export interface Lanes {
  readonly loop: string;
  /** Names that differ from lane to lane. */
  readonly varying: ReadonlySet<string>;
  /** One lane alone is being computed, in scalars. */
  readonly only: number | null;
  /** Makes an index that of lane 0: each is asked for two or three times. Made when the first is asked for. */
  first: Rewrite | null;
}

export function newLanes(loop: string, varying: ReadonlySet<string>): Lanes {
  return { loop, varying, only: null, first: null };
}

export interface WasmContext {
  readonly f: FunctionWriter;
  readonly module: WasmModuleContext;
  readonly memory: ReadonlyMap<string, MemoryPlace>;
  readonly values: Map<string, ValuePlace>;
  readonly loops: Map<string, Local>;
  /** Addresses that are kept in locals (pointers.ts), by buffer and index without its constant. */
  readonly pointers: Map<number, Local>;
  readonly lanes: Lanes | null;
  /** Arrays whose last axis is indexed by a lane loop. */
  readonly laned: ReadonlySet<string>;
  /**
   * In the maths library, on an engine with relaxed SIMD: a product and a sum may be rounded as one, as its bounds hold either
   * way, and what becomes an i32 fits, or is not used.
   */
  readonly contracts: boolean;
}

export function place<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new CompilerBug(`wasm: ${what} is not declared`);
  return found;
}

/** The type of a local that holds one value. A bool is 0 or 1. */
export function scalarType(type: ValueType): ValType {
  return type === "f32" || type === "f64" ? type : "i32";
}

// ---- what differs from lane to lane --------------------------------------------------------------------------------

export function varies(expr: Expr, lanes: Lanes | null): boolean {
  if (lanes === null || lanes.only !== null) return false;
  return expr.reads.includes(lanes.loop) || readsAny(expr, lanes.varying);
}

/** Whether one lane may be inside where another is not. */
export function differs(bounds: readonly Bound[], lanes: Lanes | null): boolean {
  return bounds.some(({ index, extent }) => (index.min < 0 || index.max >= extent) && varies(index, lanes));
}

/**
 * The names that a lane loop over `loop` with this body declares or assigns, and whose values differ between lanes. An f32
 * loaded for all lanes counts as one: a load that splats is a single instruction (`splats` says which buffers allow it).
 */
export function varyingNames(
  loop: string,
  body: readonly Stmt[],
  splats: (buffer: string) => boolean,
): ReadonlySet<string> {
  const varying = new Set<string>();
  const lanes = newLanes(loop, varying);
  const isSplat = (value: Expr): boolean =>
    value.kind === "load" && value.type === "f32" && value.guard === undefined && splats(value.buffer);
  // Names are declared before they are read: only what an assignment makes vary may have been read before.
  let isAssigned = true;
  const see = (stmt: Stmt): undefined => {
    if (stmt.kind === "let") {
      if (isSplat(stmt.value) || varies(stmt.value, lanes)) varying.add(stmt.name);
    } else if (stmt.kind === "var") {
      if (varies(stmt.init, lanes)) varying.add(stmt.name);
    } else if (stmt.kind === "assign" && !varying.has(stmt.name) && varies(stmt.value, lanes)) {
      varying.add(stmt.name);
      isAssigned = true;
    }
  };
  while (isAssigned) {
    isAssigned = false;
    walkStmts(body, { stmt: see });
  }
  return varying;
}

/** How much an index grows from a lane to the next: 0 where it does not, null where it is no constant. */
export function laneStride(index: Index, lanes: Lanes): number | null {
  return strideAlong(index, lanes.loop, laneCount, (loaded) => varies(loaded, lanes));
}
