/**
 * A sequence as one WebAssembly module: a function for each step, and `run`, which every thread calls. Functions of kernels are
 * written apart (objects.ts), and taken in here.
 *
 *   run(thread)    step0(thread); barrier; loop t { step1(thread, t); barrier; ... } ...     0, or 1 where a barrier gave up
 *
 * Threads meet between launches where one reads what another wrote (footprints.ts), and wherever launches in a row end.
 * See abi.ts for the memory.
 */

import { byteWidth } from "../../src/core/dtype.ts";
import { unreachable } from "../../src/core/errors.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import {
  type Addresses,
  type ArtifactRow,
  type ArtifactStep,
  artifactSteps,
  type Crew,
  type LaunchStep,
  type StepOf,
} from "../../src/program/artifact.ts";
import type { BufferSlot } from "../../src/program/buffer.ts";
import { kernelsOf, type Sequence } from "../../src/program/sequence.ts";
import { importedMemory, importNames, stepName } from "./abi.ts";
import { type CallStep, callSteps, iterationsOf, type WasmArtifact } from "./artifact.ts";
import { emitHeartbeat, writeBarrier } from "./barrier.ts";
import { place } from "./context.ts";
import { Footprints, type Launched } from "./footprints.ts";
import type { FunctionWriter } from "./function.ts";
import { layOut } from "./layout.ts";
import { WasmModule } from "./module.ts";
import { importMod, Linker, WasmObjects, type WasmOptions } from "./objects.ts";
import type { ValType } from "./opcodes.ts";
import type { FunctionRef, Local, RegionAddress } from "./refs.ts";

type CopyStep = StepOf<"copy">;

/** Prints entries of one compilation: a kernel that they share is written once. */
export function wasmPrinter(options: WasmOptions) {
  const objects = new WasmObjects(options);
  return (sequence: Sequence, addresses: Addresses, crew: Crew, isClocked = false): WasmArtifact =>
    printModule(sequence, addresses, objects, crew, isClocked);
}

/** The module that runs `sequence` on buffers at these addresses. `isClocked`: `run` tells an imported clock where each thread is. */
function printModule(
  sequence: Sequence,
  addresses: Addresses,
  objects: WasmObjects,
  crew: Crew,
  isClocked: boolean,
): WasmArtifact {
  const layout = layOut(sequence, addresses, crew);
  const wasm = new WasmModule(layout.bases);
  wasm.importMemory(importNames.module, importNames.memory, importedMemory(layout.shared));
  const linker = new Linker(wasm, objects, importMod(wasm, importNames.module, importNames.mod));
  const { module: from, clock: name } = importNames;
  const clock = isClocked ? wasm.importFunction(from, name, ["i32", "i32"], []) : null;
  const kernels = kernelsOf(sequence);
  const steps = artifactSteps(sequence, addresses);
  const launch = ({ label, kernel, bindings }: LaunchStep): FunctionRef => {
    const places = bindings.map(({ buffer }) => addressOf(buffer));
    return linker.launch(label, objects.kernel(place(kernels[kernel], label), layout), places);
  };
  const functions = new Map<number, FunctionRef>();
  for (const step of callSteps(steps)) {
    const ref = step.kind === "copy" ? writeCopy(step, wasm) : launch(step);
    wasm.export(stepName(step.id), ref);
    functions.set(step.id, ref);
  }
  const barrier = layout.threads > 1 ? writeBarrier(wasm, layout.threads) : null;
  const run = wasm.function("run", ["i32"], ["i32"], (f, [thread]) => {
    const footprints = new Footprints(layout.threads);
    const called = place(thread, "the thread");
    const timer = clock === null ? null : { clock, marks: new Map([...functions.keys()].map((id, i) => [id, 2 * i])) };
    writeSteps(steps, { f, thread: called, footprints, kernels, functions, barrier, timer, iterations: [] });
    // Whether a worker is done is told by the last barrier, and a loop may run no step.
    const last = steps[steps.length - 1];
    if (barrier !== null && last !== undefined && !meetsBehind(last)) leaveIfFailed(f, called, barrier);
    writeMark(2 * functions.size, { f, thread: called, timer });
    f.constI32(0);
  });
  wasm.export("run", run);
  const { panelStride: _, ...divided } = layout;
  const module = wasm.finish();
  const { relaxed } = objects;
  const joinsVectors = objects.joinsVectors && !wasm.passesVectors;
  return { ...divided, module, relocations: wasm.relocations, joinsVectors, relaxed, steps };
}

function addressOf({ segment, offset }: BufferSlot): RegionAddress {
  return { region: segment, offset };
}

/** What `run` is written with. */
interface Run {
  readonly f: FunctionWriter;
  readonly thread: Local;
  readonly footprints: Footprints;
  readonly kernels: readonly Kernel[];
  readonly functions: ReadonlyMap<number, FunctionRef>;
  readonly barrier: FunctionRef | null;
  /** The clock, and what it is told where the call of a step begins. */
  readonly timer: { readonly clock: FunctionRef; readonly marks: ReadonlyMap<number, number> } | null;
  /** Of the loops around, outer first. */
  readonly iterations: readonly Local[];
}

/**
 * All threads take the same way: what a flag says was written before a barrier, and is not written before the next. So every list of
 * steps behind a flag ends with one, also where it is empty.
 */
function writeSteps(steps: readonly ArtifactStep[], run: Run): void {
  let launches: LaunchStep[] = [];
  for (const step of steps) {
    if (step.kind === "launch") {
      launches.push(step);
      continue;
    }
    writeLaunches(launches, run);
    launches = [];
    writeStep(step, run);
  }
  writeLaunches(launches, run);
}

/** Launches in a row: threads meet behind the last, and between them where one hands something to another. */
function writeLaunches(launches: readonly LaunchStep[], run: Run): void {
  const { f, thread, barrier, footprints } = run;
  writeCalls(launches, barrier === null ? new Set() : footprints.inRow(launched(launches, run)), run);
  if (barrier !== null && launches.length > 0) leaveIfFailed(f, thread, barrier);
}

/** `before`: of them, those before which threads meet. */
function writeCalls(launches: readonly LaunchStep[], before: ReadonlySet<LaunchStep>, run: Run): void {
  const { f, thread, barrier } = run;
  for (const step of launches) {
    if (barrier !== null && before.has(step)) leaveIfFailed(f, thread, barrier);
    writeCall(step, run);
  }
}

function writeStep(step: Exclude<ArtifactStep, LaunchStep>, run: Run): void {
  const { f, thread, barrier } = run;
  switch (step.kind) {
    case "copy":
      writeCall(step, run);
      if (barrier !== null) leaveIfFailed(f, thread, barrier);
      return;
    case "loop":
      if (step.extent > 0) writeLoop(step, run);
      return;
    case "while":
      writeWhile(step, run);
      return;
    case "if":
      loadFlag(step.flag, f);
      f.if(
        [],
        () => writeBranch(step.yes, run),
        () => writeBranch(step.no, run),
      );
      return;
    default:
      unreachable(step);
  }
}

function writeBranch(steps: readonly ArtifactStep[], run: Run): void {
  const { f, thread, barrier } = run;
  writeSteps(steps, run);
  if (barrier !== null && !steps.some(meetsBehind)) leaveIfFailed(f, thread, barrier);
}

function meetsBehind(step: ArtifactStep): boolean {
  return step.kind !== "loop" || (step.extent > 0 && step.body.some(meetsBehind));
}

function writeCall(step: CallStep, run: Run): void {
  const { f, thread, functions, iterations, timer } = run;
  const mark = timer?.marks.get(step.id) ?? 0;
  writeMark(mark, run);
  f.get(thread);
  for (const depth of iterationsOf(step)) f.get(place(iterations[depth], "an iteration"));
  f.call(place(functions.get(step.id), stepName(step.id)));
  writeMark(mark + 1, run);
}

function writeMark(mark: number, { f, thread, timer }: Pick<Run, "f" | "thread" | "timer">): void {
  if (timer === null) return;
  f.get(thread);
  f.constI32(mark);
  f.call(timer.clock);
}

function writeLoop({ extent, body }: StepOf<"loop">, run: Run): void {
  const { f, thread, footprints, barrier } = run;
  const launches = body.filter((step) => step.kind === "launch");
  const isAll = barrier !== null && launches.length === body.length;
  const meetings = isAll ? footprints.inLoop(launched(launches, run)) : undefined;
  const counter = f.local("i32");
  f.constI32(0);
  f.set(counter);
  f.loop((again) => {
    const inside = { ...run, iterations: [...run.iterations, counter] };
    if (barrier === null || meetings === undefined) writeSteps(body, inside);
    else {
      writeCalls(launches, meetings.before, inside);
      if (meetings.atEnd) leaveIfFailed(f, thread, barrier);
      else emitHeartbeat(f, thread);
    }
    countUp(counter, f);
    f.constI32(extent);
    f.op("i32.lt_u");
    f.brIf(again);
  });
  f.release(counter);
  if (barrier !== null && meetings?.atEnd === false) leaveIfFailed(f, thread, barrier);
}

function launched(steps: readonly LaunchStep[], { kernels }: Run): readonly Launched[] {
  return steps.map((step) => ({ step, kernel: place(kernels[step.kernel], step.label) }));
}

function writeWhile({ test, flag, most, body }: StepOf<"while">, run: Run): void {
  const { f, thread, barrier } = run;
  const counter = f.local("i32");
  f.constI32(0);
  f.set(counter);
  f.block([], (done) => {
    f.loop((again) => {
      writeSteps(test, run);
      loadFlag(flag, f);
      f.op("i32.eqz");
      f.brIf(done);
      countUp(counter, f);
      f.constI32(most);
      f.op("i32.gt_u");
      f.brIf(done);
      writeBranch(body, run);
      f.br(again);
    });
  });
  if (barrier !== null) leaveIfFailed(f, thread, barrier);
  f.release(counter);
}

function countUp(counter: Local, f: FunctionWriter): void {
  f.get(counter);
  f.constI32(1);
  f.op("i32.add");
  f.tee(counter);
}

function loadFlag(flag: BufferSlot, f: FunctionWriter): void {
  f.constI32(0);
  f.memory("i32.load8_u", addressOf(flag));
}

/** One thread copies. */
function writeCopy(step: CopyStep, wasm: WasmModule): FunctionRef {
  const { id, from, to, fromRow, toRow } = step;
  const depths = iterationsOf(step);
  return wasm.function(stepName(id), ["i32", ...depths.map((): ValType => "i32")], [], (f, [thread, ...given]) => {
    const iterations = new Map(depths.map((depth, i) => [depth, place(given[i], "an iteration")]));
    f.get(place(thread, "the thread"));
    f.op("i32.eqz");
    f.if([], () => {
      writeRowAddress(to, toRow, iterations, f);
      writeRowAddress(from, fromRow, iterations, f);
      f.constI32((fromRow ?? from).count * byteWidth(from.dtype));
      f.op("memory.copy");
    });
  });
}

function writeRowAddress(
  slot: BufferSlot,
  row: ArtifactRow | undefined,
  iterations: ReadonlyMap<number, Local>,
  f: FunctionWriter,
): void {
  const { region, offset } = addressOf(slot);
  if (row === undefined) {
    f.constAddress({ region, offset });
    return;
  }
  const width = byteWidth(slot.dtype);
  f.constAddress({ region, offset });
  f.constI32(row.offset * width);
  f.op("i32.add");
  for (const { depth, by } of row.strides) {
    f.get(place(iterations.get(depth), "an iteration"));
    f.constI32(by * width);
    f.op("i32.mul");
    f.op("i32.add");
  }
}

function leaveIfFailed(f: FunctionWriter, thread: Local, barrier: FunctionRef): void {
  f.get(thread);
  f.call(barrier);
  f.if([], () => {
    f.constI32(1);
    f.return();
  });
}
