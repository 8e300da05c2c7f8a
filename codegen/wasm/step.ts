/**
 * A sequence as one WebAssembly module: a function for each kernel, one for each step, and `run`, which every thread calls.
 *
 *   run(thread)    step0(thread); barrier; step1(thread); barrier; ...     0, or 1 where a barrier gave up
 *
 * Between steps all threads meet, as the next reads what others wrote. See abi.ts for the memory.
 */

import { byteWidth } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import type { Routine, RoutineFn, ValueType } from "../../src/kernel/kernel.ts";
import { routineFor } from "../../src/kernel/maths/library.ts";
import { type Addresses, artifactSteps, type Crew } from "../../src/program/artifact.ts";
import { type Buffer, type BufferSlot, printBuffer } from "../../src/program/buffer.ts";
import type { Sequence, Step } from "../../src/program/sequence.ts";
import { importedMemory, importNames, stepName } from "./abi.ts";
import type { WasmArtifact } from "./artifact.ts";
import { emitHeartbeat, writeBarrier } from "./barrier.ts";
import { place, scalarType, type WasmModuleContext } from "./context.ts";
import type { FunctionWriter } from "./function.ts";
import { type HelperName, helperOf } from "./helpers.ts";
import { writeKernel, writeRoutineFunction } from "./kernel.ts";
import { layOut, type WasmLayout } from "./layout.ts";
import { WasmModule } from "./module.ts";
import type { ValType } from "./opcodes.ts";
import type { FunctionRef, Local, RegionAddress } from "./refs.ts";

export interface WasmOptions {
  /** Multiply-adds rounded once, where the engine has them: faster, and the last bits may differ between machines. */
  readonly relaxed: boolean;
}

/** The module that runs `sequence` on buffers at these addresses. */
export function printWasm(
  sequence: Sequence,
  addresses: Addresses,
  { relaxed }: WasmOptions,
  crew: Crew,
): WasmArtifact {
  const layout = layOut(sequence, addresses, crew);
  const wasm = new WasmModule(layout.bases);
  wasm.importMemory(importNames.module, importNames.memory, importedMemory(layout.shared));
  const mod = wasm.importFunction(importNames.module, importNames.mod, ["f32", "f32"], ["f32"]);
  const printer: Printer = {
    wasm,
    module: moduleContext(wasm, mod, relaxed),
    layout,
    slotOf: (buffer) => place(addresses.buffers.get(buffer), printBuffer(buffer)),
  };
  const functions = sequence.map((step) => {
    const name = step.kind === "launch" ? step.kernel.name : stepName(step.id);
    const ref = wasm.function(name, ["i32"], [], (f, [thread]) => {
      writeStep(step, f, place(thread, "the thread"), printer);
    });
    wasm.export(stepName(step.id), ref);
    return ref;
  });
  const barrier = layout.threads > 1 ? writeBarrier(wasm, layout.threads) : null;
  const run = wasm.function("run", ["i32"], ["i32"], (f, [thread]) => {
    for (const step of functions) {
      f.get(place(thread, "the thread"));
      f.call(step);
      if (barrier !== null) leaveIfFailed(f, place(thread, "the thread"), barrier);
    }
    f.constI32(0);
  });
  wasm.export("run", run);
  const { bases, bytes, end, threads, shared } = layout;
  const module = wasm.finish();
  const steps = artifactSteps(sequence, addresses);
  return { module, bases, bytes, end, relocations: wasm.relocations, threads, shared, relaxed, steps };
}

interface Printer {
  readonly wasm: WasmModule;
  readonly module: WasmModuleContext;
  readonly layout: WasmLayout;
  slotOf(buffer: Buffer): BufferSlot;
}

function addressOf({ segment, offset }: BufferSlot): RegionAddress {
  return { region: segment, offset };
}

function leaveIfFailed(f: FunctionWriter, thread: Local, barrier: FunctionRef): void {
  f.get(thread);
  f.call(barrier);
  f.if([], () => {
    f.constI32(1);
    f.return();
  });
}

// ---- steps ---------------------------------------------------------------------------------------------------------

function writeStep(step: Step, f: FunctionWriter, thread: Local, printer: Printer): void {
  switch (step.kind) {
    case "launch":
      writeKernel(step.kernel, f, thread, {
        module: printer.module,
        layout: printer.layout,
        addresses: new Map(step.bindings.map(({ param, buffer }) => [param, addressOf(printer.slotOf(buffer))])),
        heartbeat: printer.layout.threads > 1 ? emitHeartbeat : null,
      });
      return;
    case "copy": {
      const [from, to] = [printer.slotOf(step.from), printer.slotOf(step.to)];
      f.get(thread);
      f.op("i32.eqz");
      f.if([], () => {
        f.constAddress(addressOf(to));
        f.constAddress(addressOf(from));
        f.constI32(from.count * byteWidth(from.dtype));
        f.op("memory.copy");
      });
      return;
    }
    default:
      step satisfies never;
  }
}

// ---- functions that kernels share ----------------------------------------------------------------------------------

function moduleContext(wasm: WasmModule, mod: FunctionRef, relaxed: boolean): WasmModuleContext {
  const routines = new Map<string, FunctionRef>();
  const helpers = new Map<HelperName, FunctionRef>();
  const known = new Map<string, Routine>();
  const context: WasmModuleContext = {
    relaxed,
    routineOf(fn, type) {
      const found = known.get(`${fn} ${type}`) ?? routineFor(fn, type);
      if (found === undefined) throw new CompilerBug(`the wasm target has no ${fn} of ${type}`);
      known.set(`${fn} ${type}`, found);
      return found;
    },
    routine(fn, type, lanes) {
      const key = `${fn} ${type} ${lanes}`;
      const known = routines.get(key);
      if (known !== undefined) return known;
      const made = addRoutine(wasm, context, fn, type, lanes);
      routines.set(key, made);
      return made;
    },
    helper(name) {
      if (name === "modF32") return mod;
      const known = helpers.get(name);
      if (known !== undefined) return known;
      const { params, result, write } = helperOf(name);
      const made = wasm.function(name, params, [result], write);
      helpers.set(name, made);
      return made;
    },
  };
  return context;
}

function addRoutine(
  wasm: WasmModule,
  context: WasmModuleContext,
  fn: RoutineFn,
  type: ValueType,
  lanes: boolean,
): FunctionRef {
  const routine = context.routineOf(fn, type);
  const typeOf = (value: ValueType): ValType => (lanes ? "v128" : scalarType(value));
  const params = routine.params.map((param) => typeOf(param.type));
  return wasm.function(lanes ? `${fn}_lanes` : fn, params, [typeOf(routine.result.type)], (f, locals) => {
    writeRoutineFunction(routine, lanes, f, locals, context);
  });
}
