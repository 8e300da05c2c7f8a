/** What the writers of functions and of modules speak of: locals, functions, globals, addresses, types. */
import type { WasmRegion, WasmRelocation } from "./artifact.ts";
import type { ValType } from "./opcodes.ts";

export interface Local {
  readonly index: number;
  readonly type: ValType;
}

export interface FunctionRef {
  readonly index: number;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  readonly name: string;
}

export interface GlobalRef {
  readonly index: number;
  readonly type: ValType;
  readonly mutable: boolean;
}

/** A byte address that a loader may move: so far behind the base of a region. */
export interface RegionAddress {
  readonly region: WasmRegion;
  readonly offset: number;
}

/** A function's locals and instructions, and the addresses in them. */
export interface Code {
  readonly bytes: Uint8Array;
  readonly relocations: readonly WasmRelocation[];
}

/** What a body may refer to in its module. */
export interface ModuleScope {
  /** The address of a region's first byte; undefined where there is no such region. */
  baseOf(region: WasmRegion): number | undefined;
  readonly hasMemory: boolean;
  hasFunction(ref: FunctionRef): boolean;
  hasGlobal(ref: GlobalRef): boolean;
  /** The index of a function type, added to the module if it is new. */
  typeIndex(params: readonly ValType[], results: readonly ValType[]): number;
}

const typeCodes: Readonly<Record<ValType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** The byte that stands for a type. */
export function typeCode(type: ValType): number {
  return typeCodes[type];
}
