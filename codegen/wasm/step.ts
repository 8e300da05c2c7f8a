/**
 * A sequence as one WebAssembly module: a function for each step, and `run`, which every thread calls. Functions of kernels are
 * written apart (objects.ts), and taken in here.
 *
 *   run(thread)    step0(thread); barrier; step1(thread); barrier; ...     0, or 1 where a barrier gave up
 *
 * Between steps all threads meet, as the next reads what others wrote. See abi.ts for the memory.
 */

import { byteWidth } from "../../src/core/dtype.ts";
import {
  type Addresses,
  type ArtifactStep,
  artifactSteps,
  type Crew,
  type LaunchStep,
} from "../../src/program/artifact.ts";
import type { BufferSlot } from "../../src/program/buffer.ts";
import { kernelsOf, type Sequence } from "../../src/program/sequence.ts";
import { importedMemory, importNames, stepName } from "./abi.ts";
import type { WasmArtifact } from "./artifact.ts";
import { writeBarrier } from "./barrier.ts";
import { place } from "./context.ts";
import type { FunctionWriter } from "./function.ts";
import { layOut } from "./layout.ts";
import { WasmModule } from "./module.ts";
import { importMod, Linker, WasmObjects } from "./objects.ts";
import type { FunctionRef, Local, RegionAddress } from "./refs.ts";

type CopyStep = ArtifactStep & { readonly kind: "copy" };

export interface WasmOptions {
  /** Multiply-adds rounded once, where the engine has them: faster, and the last bits may differ between machines. */
  readonly relaxed: boolean;
}

/** Prints entries of one compilation: a kernel that they share is written once. */
export function wasmPrinter({ relaxed }: WasmOptions) {
  const objects = new WasmObjects(relaxed);
  return (sequence: Sequence, addresses: Addresses, crew: Crew): WasmArtifact =>
    printModule(sequence, addresses, objects, crew);
}

/** The module that runs `sequence` on buffers at these addresses. */
function printModule(sequence: Sequence, addresses: Addresses, objects: WasmObjects, crew: Crew): WasmArtifact {
  const layout = layOut(sequence, addresses, crew);
  const wasm = new WasmModule(layout.bases);
  wasm.importMemory(importNames.module, importNames.memory, importedMemory(layout.shared));
  const linker = new Linker(wasm, objects, importMod(wasm, importNames.module, importNames.mod));
  const kernels = kernelsOf(sequence);
  const steps = artifactSteps(sequence, addresses);
  const launch = ({ label, kernel, bindings }: LaunchStep): FunctionRef => {
    const places = bindings.map(({ buffer }) => addressOf(buffer));
    return linker.launch(label, objects.kernel(place(kernels[kernel], label), layout), places);
  };
  const functions = steps.map((step) => {
    const ref = step.kind === "copy" ? writeCopy(step, wasm) : launch(step);
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
  const { relaxed } = objects;
  return { module, bases, bytes, end, relocations: wasm.relocations, threads, shared, relaxed, steps };
}

function addressOf({ segment, offset }: BufferSlot): RegionAddress {
  return { region: segment, offset };
}

/** One thread copies. */
function writeCopy({ id, from, to }: CopyStep, wasm: WasmModule): FunctionRef {
  return wasm.function(stepName(id), ["i32"], [], (f, [thread]) => {
    f.get(place(thread, "the thread"));
    f.op("i32.eqz");
    f.if([], () => {
      f.constAddress(addressOf(to));
      f.constAddress(addressOf(from));
      f.constI32(from.count * byteWidth(from.dtype));
      f.op("memory.copy");
    });
  });
}

function leaveIfFailed(f: FunctionWriter, thread: Local, barrier: FunctionRef): void {
  f.get(thread);
  f.call(barrier);
  f.if([], () => {
    f.constI32(1);
    f.return();
  });
}
