/**
 * Builds one WebAssembly module and encodes it: the bottom layer of the wasm target.
 *
 * Format: https://webassembly.github.io/spec/core/binary/modules.html, with the name section of its appendix.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { addToLeb, type WasmRegion, type WasmRelocation, writeLeb } from "./artifact.ts";
import { Bytes } from "./bytes.ts";
import { FunctionWriter } from "./function.ts";
import { instructions, type ValType, writeOpcode } from "./opcodes.ts";
import { type Code, type FunctionRef, type GlobalRef, type Local, type RegionAddress, typeCode } from "./refs.ts";

/** In pages of 65,536 bytes. A shared memory needs a maximum. */
export interface MemoryPages {
  readonly min: number;
  readonly max?: number;
  readonly shared: boolean;
}

type Write = (f: FunctionWriter, params: readonly Local[]) => void;
type Types = readonly ValType[];

interface MemoryImport {
  readonly module: string;
  readonly name: string;
  readonly pages: MemoryPages;
}

/** Most pages of a memory with 32-bit addresses. */
const mostPages = 65_536;
/** Codes of what is imported and exported. */
const kinds = { function: 0, memory: 2 } as const;

export class WasmModule {
  readonly #types: { readonly params: Types; readonly results: Types }[] = [];
  readonly #typeIndexes = new Map<string, number>();
  #memory: MemoryImport | undefined;
  readonly #imports: { readonly module: string; readonly ref: FunctionRef }[] = [];
  /** Imported functions, then those of this module. */
  readonly #functions: FunctionRef[] = [];
  /** By function index; a declared function has none until it is defined. */
  readonly #code: (Code | undefined)[] = [];
  readonly #bases: Readonly<Partial<Record<WasmRegion, number>>>;
  #relocations: readonly WasmRelocation[] = [];
  readonly #globals: { readonly ref: GlobalRef; readonly init: number }[] = [];
  readonly #exports = new Map<string, FunctionRef | "memory">();
  readonly #data: { readonly offset: number; readonly bytes: Uint8Array }[] = [];

  /** `bases`: addresses of the regions of memory that functions may name; a loader can put them elsewhere. */
  constructor(bases: Readonly<Partial<Record<WasmRegion, number>>> = {}) {
    this.#bases = bases;
  }

  /** The module's only memory; call it before writing functions that use memory. */
  importMemory(module: string, name: string, pages: MemoryPages): void {
    const { min, max, shared } = pages;
    if (this.#memory !== undefined) throw new CompilerBug("wasm: a module has one memory");
    const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0 && n <= mostPages;
    if (!isCount(min) || (max !== undefined && (!isCount(max) || max < min)))
      throw new CompilerBug(`wasm: a memory cannot have ${min} to ${max} pages`);
    if (shared && max === undefined) throw new CompilerBug("wasm: a shared memory needs a maximum of pages");
    this.#memory = { module, name, pages };
  }

  /** Imported functions come before all others: their indexes are lower. */
  importFunction(module: string, name: string, params: Types, results: Types): FunctionRef {
    if (this.#functions.length > this.#imports.length)
      throw new CompilerBug(`wasm: function "${name}" must be imported before any function is declared`);
    const ref = this.#addFunction(name, params, results);
    this.#imports.push({ module, ref });
    return ref;
  }

  /** Adds a function and writes its body. `name` is for people (traces, profiles) and need not be unique. */
  function(name: string, params: Types, results: Types, write: Write): FunctionRef {
    const { ref, define } = this.declare(name, params, results);
    define(write);
    return ref;
  }

  /** Adds a function that can be called before its body is written, by `define`. */
  declare(name: string, params: Types, results: Types): { ref: FunctionRef; define(write: Write): void } {
    const ref = this.#addFunction(name, params, results);
    const define = (write: Write): void => {
      if (this.#code[ref.index] !== undefined) throw new CompilerBug(`wasm: function "${name}" is defined twice`);
      const f = new FunctionWriter(name, params, results, {
        baseOf: (region) => (typeof region === "number" ? undefined : this.#bases[region]),
        hasMemory: this.#memory !== undefined,
        hasFunction: (callee) => this.#functions[callee.index] === callee,
        hasGlobal: (global) => this.#globals[global.index]?.ref === global,
        typeIndex: (from, to) => this.#typeIndex(from, to),
      });
      write(f, f.params);
      this.#code[ref.index] = f.finish();
    };
    return { ref, define };
  }

  /** Adds a function that was written apart, with its parameters at these places; `refOf` is the module's own of one it calls. */
  link(
    { name, params, results }: FunctionRef,
    code: Code,
    places: readonly RegionAddress[],
    refOf: (callee: FunctionRef) => FunctionRef,
  ): FunctionRef {
    const bytes = code.bytes.slice();
    const relocations: WasmRelocation[] = [];
    for (const { at, region, signed } of code.relocations) {
      const place = typeof region === "number" ? places[region] : { region, offset: 0 };
      const base = place === undefined ? undefined : this.#bases[place.region];
      if (place === undefined || base === undefined)
        throw new CompilerBug(`wasm: function "${name}" names an address that the module lacks: ${region}`);
      addToLeb(bytes, at, base + place.offset, signed);
      relocations.push({ at, region: place.region, signed });
    }
    for (const { at, callee } of code.calls) writeLeb(bytes, at, refOf(callee).index, false);
    const ref = this.#addFunction(name, params, results);
    this.#code[ref.index] = { bytes, relocations, calls: [] };
    return ref;
  }

  /** `init` is rounded to the type for floats; it must be an integer of the type for i32, a safe one for i64. */
  global(type: Exclude<ValType, "v128">, init: number, mutable = false): GlobalRef {
    const isFloat = type === "f32" || type === "f64";
    if (!isFloat && !(type === "i32" ? (init | 0) === init : Number.isSafeInteger(init)))
      throw new CompilerBug(`wasm: a global of type ${type} cannot be ${init}`);
    const ref = { index: this.#globals.length, type, mutable };
    this.#globals.push({ ref, init });
    return ref;
  }

  export(name: string, what: FunctionRef | "memory"): void {
    if (this.#exports.has(name)) throw new CompilerBug(`wasm: two exports are called "${name}"`);
    if (what === "memory" ? this.#memory === undefined : this.#functions[what.index] !== what)
      throw new CompilerBug(`wasm: export "${name}" is not of this module`);
    this.#exports.set(name, what);
  }

  /** Bytes written to memory when the module is instantiated, each time. */
  data(offset: number, bytes: Uint8Array): void {
    if (this.#memory === undefined) throw new CompilerBug("wasm: data needs a memory");
    if (offset >>> 0 !== offset) throw new CompilerBug(`wasm: data cannot be at ${offset}`);
    this.#data.push({ offset, bytes: bytes.slice() });
  }

  /** Whether a function takes vectors or gives one. */
  get passesVectors(): boolean {
    return this.#functions.some(({ params, results }) => [...params, ...results].includes("v128"));
  }

  /** Where addresses of regions stand in the bytes that `finish` gave. */
  get relocations(): readonly WasmRelocation[] {
    return this.#relocations;
  }

  /** The module's bytes. Throws `CompilerBug` if a declared function was not defined. */
  finish(): Uint8Array<ArrayBuffer> {
    const out = new Bytes(4096);
    out.bytes(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const vector = <T>(id: number, items: readonly T[], write: (to: Bytes, item: T) => void): void => {
      if (items.length === 0) return;
      out.section(id, (to) => {
        to.u32(items.length);
        for (const item of items) write(to, item);
      });
    };
    const own = this.#functions.slice(this.#imports.length);
    vector(1, this.#types, (to, { params, results }) => {
      to.byte(0x60);
      writeTypes(to, params);
      writeTypes(to, results);
    });
    vector(2, this.#memory === undefined ? this.#imports : [this.#memory, ...this.#imports], (to, item) => {
      to.name(item.module);
      if ("pages" in item) writeMemory(to, item);
      else {
        to.name(item.ref.name);
        to.byte(kinds.function);
        to.u32(this.#typeIndex(item.ref.params, item.ref.results));
      }
    });
    vector(3, own, (to, { params, results }) => to.u32(this.#typeIndex(params, results)));
    vector(6, this.#globals, writeGlobal);
    vector(7, [...this.#exports], (to, [name, what]) => {
      to.name(name);
      to.byte(what === "memory" ? kinds.memory : kinds.function);
      to.u32(what === "memory" ? 0 : what.index);
    });
    this.#relocations = this.#writeCode(out, own);
    vector(11, this.#data, (to, { offset, bytes }) => {
      to.u32(0);
      writeOpcode(to, instructions.constant["i32.const"]);
      to.i32(offset | 0);
      to.byte(0x0b);
      to.u32(bytes.length);
      to.bytes(bytes);
    });
    if (this.#functions.length > 0)
      out.section(0, (to) => {
        to.name("name");
        to.section(1, (names) => {
          names.u32(this.#functions.length);
          for (const { index, name } of this.#functions) {
            names.u32(index);
            names.name(name);
          }
        });
      });
    return out.copy();
  }

  /** The section of code. Returns where addresses stand in `out`. */
  #writeCode(out: Bytes, own: readonly FunctionRef[]): readonly WasmRelocation[] {
    if (own.length === 0) return [];
    const relocations: WasmRelocation[] = [];
    const start = out.section(10, (to) => {
      to.u32(own.length);
      for (const { index, name } of own) {
        const code = this.#code[index];
        if (code === undefined) throw new CompilerBug(`wasm: function "${name}" is declared and not defined`);
        to.u32(code.bytes.length);
        for (const { at, region, signed } of code.relocations) {
          if (typeof region === "number") throw new CompilerBug(`wasm: function "${name}" is bound to no buffers`);
          relocations.push({ at: to.length + at, region, signed });
        }
        to.bytes(code.bytes);
      }
    });
    return relocations.map(({ at, region, signed }) => ({ at: start + at, region, signed }));
  }

  #addFunction(name: string, params: Types, results: Types): FunctionRef {
    const ref = { index: this.#functions.length, params: [...params], results: [...results], name };
    this.#typeIndex(params, results);
    this.#functions.push(ref);
    return ref;
  }

  #typeIndex(params: Types, results: Types): number {
    const key = `${params.join(" ")} -> ${results.join(" ")}`;
    const known = this.#typeIndexes.get(key);
    if (known !== undefined) return known;
    const index = this.#types.length;
    this.#types.push({ params: [...params], results: [...results] });
    this.#typeIndexes.set(key, index);
    return index;
  }
}

function writeTypes(to: Bytes, types: Types): void {
  to.u32(types.length);
  for (const type of types) to.byte(typeCode(type));
}

function writeMemory(to: Bytes, { name, pages: { min, max, shared } }: MemoryImport): void {
  to.name(name);
  to.byte(kinds.memory);
  to.byte((shared ? 2 : 0) + (max === undefined ? 0 : 1));
  to.u32(min);
  if (max !== undefined) to.u32(max);
}

function writeGlobal(to: Bytes, { ref, init }: { readonly ref: GlobalRef; readonly init: number }): void {
  to.byte(typeCode(ref.type));
  to.byte(ref.mutable ? 1 : 0);
  writeOpcode(to, instructions.constant[`${ref.type}.const`]);
  if (ref.type === "i32") to.i32(init | 0);
  else if (ref.type === "i64") to.i64(BigInt(init));
  else if (ref.type === "f32") to.f32(init);
  else to.f64(init);
  to.byte(0x0b);
}
