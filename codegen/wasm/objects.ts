/**
 * Functions that are written apart from any module, as a compiler's object files are: kernels, and what they call.
 *
 *   v128.load offset = parameter 0 + 64; call exp_lanes     ->     in a module: offset = 4160; call 7
 *
 * A kernel is written once in a compilation, and taken into a module for each launch (`Linker`): then it is known where the buffers
 * lie that its parameters are bound to. A number in the code is cheaper at run time than an address that is handed over.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Kernel, Routine, RoutineFn, ValueType } from "../../src/kernel/kernel.ts";
import { routineFor } from "../../src/kernel/maths/library.ts";
import { emitHeartbeat } from "./barrier.ts";
import { place, scalarType, type WasmModuleContext } from "./context.ts";
import { FunctionWriter } from "./function.ts";
import { type HelperName, helperOf } from "./helpers.ts";
import { writeKernel, writeRoutineFunction } from "./kernel.ts";
import type { WasmLayout } from "./layout.ts";
import type { WasmModule } from "./module.ts";
import type { ValType } from "./opcodes.ts";
import type { Code, FunctionRef, Local, ModuleScope, RegionAddress } from "./refs.ts";

/** The remainder of two f32, which a module imports. */
const imported: Pick<FunctionRef, "name" | "params" | "results"> = {
  name: "mod",
  params: ["f32", "f32"],
  results: ["f32"],
};

export interface WasmOptions {
  /** Multiply-adds rounded once, where the engine has them: faster, and the last bits may differ between machines. */
  readonly relaxed: boolean;
  /** The engine makes vectors of 256 bits of neighbouring ones: not across calls, so routines are written where they are used. */
  readonly joinsVectors?: boolean;
}

/** What is written so far. Functions are told by their place here, until a module takes them in. */
export class WasmObjects implements WasmModuleContext {
  readonly relaxed: boolean;
  readonly joinsVectors: boolean;
  readonly mod: FunctionRef = { ...imported, index: 0 };
  readonly #functions: FunctionRef[] = [this.mod];
  readonly #code: (Code | null)[] = [null];
  /** By kernel, and by what its code depends on besides. */
  readonly #kernels = new Map<Kernel, Map<string, FunctionRef>>();
  readonly #called = new Map<string, FunctionRef>();
  readonly #routines = new Map<string, Routine>();
  readonly #scope: ModuleScope = {
    baseOf: () => 0,
    hasMemory: true,
    hasFunction: (ref) => this.#functions[ref.index] === ref,
    hasGlobal: () => false,
    typeIndex: () => {
      throw new CompilerBug("wasm: a type of a block is the module's, and there is none yet");
    },
  };

  constructor({ relaxed, joinsVectors = false }: WasmOptions) {
    this.relaxed = relaxed;
    this.joinsVectors = joinsVectors;
  }

  /** The code of a function; of `mod` there is none. */
  codeOf({ index, name }: FunctionRef): Code {
    const code = this.#code[index];
    if (code === undefined || code === null) throw new CompilerBug(`wasm: there is no code of ${name}`);
    return code;
  }

  kernel(kernel: Kernel, layout: WasmLayout): FunctionRef {
    const { threads, panelStride } = layout;
    const key = `${threads} ${threads > 1 && kernel.shared.length > 0 ? panelStride : 0}`;
    const known = this.#kernels.get(kernel) ?? new Map<string, FunctionRef>();
    this.#kernels.set(kernel, known);
    const heartbeat = threads > 1 ? emitHeartbeat : null;
    const made =
      known.get(key) ??
      this.#write(kernel.name, ["i32", ...kernel.iterations.map((): ValType => "i32")], [], (f, [thread, ...given]) => {
        writeKernel(kernel, f, place(thread, "the thread"), given, { module: this, layout, heartbeat });
      });
    known.set(key, made);
    return made;
  }

  routineOf(fn: RoutineFn, type: ValueType): Routine {
    const key = `${fn} ${type}`;
    const found = this.#routines.get(key) ?? routineFor(fn, type, { strict: true });
    if (found === undefined) throw new CompilerBug(`the wasm target has no ${fn} of ${type}`);
    this.#routines.set(key, found);
    return found;
  }

  routine(fn: RoutineFn, type: ValueType, lanes: boolean): FunctionRef {
    return this.#once(`${fn} ${type} ${lanes}`, () => {
      const routine = this.routineOf(fn, type);
      const typeOf = (value: ValueType): ValType => (lanes ? "v128" : scalarType(value));
      const params = routine.params.map((param) => typeOf(param.type));
      return this.#write(lanes ? `${fn}_lanes` : fn, params, [typeOf(routine.result.type)], (f, locals) => {
        writeRoutineFunction(routine, lanes, f, locals, this);
      });
    });
  }

  helper(name: HelperName): FunctionRef {
    if (name === "modF32") return this.mod;
    return this.#once(name, () => {
      const { params, result, write } = helperOf(name);
      return this.#write(name, params, [result], write);
    });
  }

  #once(key: string, make: () => FunctionRef): FunctionRef {
    const made = this.#called.get(key) ?? make();
    this.#called.set(key, made);
    return made;
  }

  #write(
    name: string,
    params: readonly ValType[],
    results: readonly ValType[],
    write: (f: FunctionWriter, params: readonly Local[]) => void,
  ): FunctionRef {
    const f = new FunctionWriter(name, params, results, this.#scope);
    write(f, f.params);
    const ref = { index: this.#functions.length, params, results, name };
    this.#functions.push(ref);
    this.#code.push(f.finish());
    return ref;
  }
}

/** Takes functions into one module. */
export class Linker {
  readonly #wasm: WasmModule;
  readonly #objects: WasmObjects;
  readonly #taken: Map<FunctionRef, FunctionRef>;

  /** `mod`: what the module imports. */
  constructor(wasm: WasmModule, objects: WasmObjects, mod: FunctionRef) {
    this.#wasm = wasm;
    this.#objects = objects;
    this.#taken = new Map([[objects.mod, mod]]);
  }

  /** A function of the module for one launch of a kernel, whose parameters lie at these places. */
  launch(name: string, kernel: FunctionRef, places: readonly RegionAddress[]): FunctionRef {
    return this.#wasm.link({ ...kernel, name }, this.#objects.codeOf(kernel), places, (callee) => this.#take(callee));
  }

  /** What several call stands in a module once. */
  #take(callee: FunctionRef): FunctionRef {
    const known = this.#taken.get(callee);
    if (known !== undefined) return known;
    const made = this.#wasm.link(callee, this.#objects.codeOf(callee), [], (other) => this.#take(other));
    this.#taken.set(callee, made);
    return made;
  }
}

/** Imports what functions written apart expect of a module. */
export function importMod(wasm: WasmModule, module: string, name: string): FunctionRef {
  return wasm.importFunction(module, name, imported.params, imported.results);
}
