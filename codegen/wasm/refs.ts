/** What the writers of functions and of modules speak of: locals, functions, globals, addresses, types. */
import type { WasmRegion } from "./artifact.ts";
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

/** The same in a function that several launches share: behind a region, or behind what its n-th parameter is bound to. */
export interface LateAddress {
  readonly region: WasmRegion | number;
  readonly offset: number;
}

/** A function's locals and instructions, and where addresses and the numbers of functions stand in them, in five bytes each. */
export interface Code {
  readonly bytes: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly calls: readonly { readonly at: number; readonly callee: FunctionRef }[];
}

export interface Relocation {
  readonly at: number;
  readonly region: LateAddress["region"];
  /** Signed LEB128 in a constant, unsigned in a load or store. */
  readonly signed: boolean;
}

/** What a body may refer to in its module. */
export interface ModuleScope {
  /** The address of a region's first byte; undefined where there is no such region. */
  baseOf(region: LateAddress["region"]): number | undefined;
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
