/**
 * Entries for the tests of the wasm machine, without the printer: a step moves numbers between buffers in a way
 * that goes wrong without a barrier.
 *
 *   rotate     to[i] = from[(i + 1) mod n] + 1, each thread its own part of i: reads what another thread wrote
 *   remainder  to[i] = from[i] mod from[i + 1 mod n], through the imported function
 *   trap       the last thread executes `unreachable`
 *   hang       the last thread never ends
 *   work       the last thread counts to 1000 million, with signs of life
 */

import { importedMemory, importNames, stepName } from "../../../codegen/wasm/abi.ts";
import type { WasmArtifact } from "../../../codegen/wasm/artifact.ts";
import { emitHeartbeat, writeBarrier } from "../../../codegen/wasm/barrier.ts";
import type { FunctionWriter } from "../../../codegen/wasm/function.ts";
import { layOut } from "../../../codegen/wasm/layout.ts";
import { WasmModule } from "../../../codegen/wasm/module.ts";
import type { FunctionRef, Local, RegionAddress } from "../../../codegen/wasm/refs.ts";
import type { DType } from "../../../src/core/dtype.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import { type Addresses, alone, artifactSteps, type Crew } from "../../../src/program/artifact.ts";
import type { BufferSlot, Segment } from "../../../src/program/buffer.ts";
import type { CompiledEntry } from "../../../src/program/compiled.ts";
import type { Sequence, Step } from "../../../src/program/sequence.ts";
import { bufferOf } from "../../buffers.ts";

export type FakeKernel = "rotate" | "remainder" | "trap" | "hang" | "work";

const fakeBuffers = {
  x: bufferOf("x", 0, "input"),
  y: bufferOf("y", 0, "output"),
  s: bufferOf("s", 0, "state"),
  a: bufferOf("a", 0),
  b: bufferOf("b", 0),
};

type FakeBuffer = keyof typeof fakeBuffers;
const fakeNames = ["x", "y", "s", "a", "b"] as const satisfies readonly FakeBuffer[];

export function launch(kernel: FakeKernel, from: FakeBuffer, to: FakeBuffer, panelFloats = 0): Step {
  const made: Kernel = {
    name: kernel,
    buffers: [],
    shared: panelFloats === 0 ? [] : [{ name: "panel", type: "f32", count: panelFloats }],
    nests: [],
    flops: 0,
    bytes: 0,
    iterations: [],
    schedule: [],
  };
  const bindings = [
    { param: "from", buffer: fakeBuffers[from] },
    { param: "to", buffer: fakeBuffers[to] },
  ];
  return { kind: "launch", id: 0, name: made.name, kernel: made, bindings, iterations: [], nodes: [] };
}

export function slot(
  name: FakeBuffer,
  segment: Segment,
  offset: number,
  count: number,
  dtype: DType = "f32",
): BufferSlot {
  return { ...fakeBuffers[name], segment, dtype, shape: [count], count, offset, bytes: 4 * count };
}

/** Input x, output y, state s, and arena buffers a and b, each of n floats. `crew` is of the machine that is to run it. */
export function fakeEntry(
  name: string,
  n: number,
  sequence: Sequence,
  crew: Crew = alone,
): CompiledEntry<WasmArtifact> {
  const stride = Math.ceil((4 * n) / 64) * 64;
  const x = slot("x", "input", 0, n);
  const y = slot("y", "output", 0, n);
  const slots: Readonly<Record<FakeBuffer, BufferSlot>> = {
    x,
    y,
    s: slot("s", "state", 0, n),
    a: slot("a", "arena", 0, n),
    b: slot("b", "arena", stride, n),
  };
  const segmentBytes = { state: stride, arena: 2 * stride, input: stride, output: stride, held: 0 };
  const buffers = new Map(fakeNames.map((one) => [fakeBuffers[one], slots[one]]));
  const steps = sequence.map((step, id) => ({ ...step, id }));
  return {
    name,
    dims: {},
    artifact: fakePrint(steps, { buffers, segmentBytes }, crew),
    buffers,
    inputs: [{ path: "x", parts: ["x"], buffer: x, used: true, below: null }],
    outputs: new Map([["y", y]]),
    segmentBytes,
    freedAfter: new Map(),
  };
}

/** x goes through `steps` rotations by way of a and b, then to y: y[i] = x[i + steps + 2] + steps + 2. */
export function rotations(steps: number): Sequence {
  const between = Array.from({ length: steps }, (_, i) =>
    i % 2 === 0 ? launch("rotate", "a", "b") : launch("rotate", "b", "a"),
  );
  return [launch("rotate", "x", "a"), ...between, launch("rotate", steps % 2 === 0 ? "a" : "b", "y")];
}

/** What `rotations` makes of its input. */
export function rotated(x: Float32Array, steps: number): Float32Array {
  return x.map((_, i) => (x[(i + steps + 2) % x.length] ?? 0) + steps + 2);
}

function fakePrint(sequence: Sequence, addresses: Addresses, crew: Crew): WasmArtifact {
  const { panelStride: _, ...divided } = layOut(sequence, addresses, crew);
  const { threads, shared } = divided;
  const wasm = new WasmModule(divided.bases);
  wasm.importMemory(importNames.module, importNames.memory, importedMemory(shared));
  const mod = wasm.importFunction(importNames.module, importNames.mod, ["f32", "f32"], ["f32"]);
  const barrier = threads > 1 ? writeBarrier(wasm, threads) : null;
  const steps = sequence.map((step): FunctionRef => {
    const ref = wasm.function(stepName(step.id), ["i32"], [], (f, [thread]) => {
      if (thread === undefined) return;
      if (step.kind !== "launch") return;
      const [from, to] = ["from", "to"].map((param): BufferSlot => {
        const bound = step.bindings.find((binding) => binding.param === param)?.buffer;
        const found = bound === undefined ? undefined : addresses.buffers.get(bound);
        if (found === undefined) throw new Error(`no buffer for ${param}`);
        return found;
      });
      if (from === undefined || to === undefined) return;
      writeFake(step.kernel.name as FakeKernel, f, {
        thread,
        threads,
        mod,
        from: { region: from.segment, offset: from.offset },
        to: { region: to.segment, offset: to.offset },
        n: to.count,
      });
    });
    wasm.export(stepName(step.id), ref);
    return ref;
  });
  const run = wasm.function("run", ["i32"], ["i32"], (f, [thread]) => {
    if (thread === undefined) return;
    for (const step of steps) {
      f.get(thread);
      f.call(step);
      if (barrier === null) continue;
      f.get(thread);
      f.call(barrier);
      f.if([], () => {
        f.constI32(1);
        f.return();
      });
    }
    f.constI32(0);
  });
  wasm.export("run", run);
  const module = wasm.finish();
  const { relocations } = wasm;
  const named = artifactSteps(sequence, addresses);
  return { ...divided, module, relocations, joinsVectors: false, relaxed: false, steps: named };
}

interface Setting {
  readonly thread: Local;
  readonly threads: number;
  readonly mod: FunctionRef;
  readonly from: RegionAddress;
  readonly to: RegionAddress;
  readonly n: number;
}

function writeFake(kernel: FakeKernel, f: FunctionWriter, setting: Setting): void {
  const { thread, threads } = setting;
  const onLast = (write: () => void): void => {
    f.get(thread);
    f.constI32(threads - 1);
    f.op("i32.eq");
    f.if([], write);
  };
  if (kernel === "trap") onLast(() => f.unreachable());
  else if (kernel === "hang") onLast(() => f.loop((again) => f.br(again)));
  else if (kernel === "work") onLast(() => writeWork(f, thread));
  else writeMove(kernel, f, setting);
}

/** A loop over this thread's part of `to`. */
function writeMove(kernel: FakeKernel, f: FunctionWriter, { thread, threads, mod, from, to, n }: Setting): void {
  const [i, stop] = [f.local("i32"), f.local("i32")];
  const bound = (add: number): void => {
    f.get(thread);
    f.constI32(add);
    f.op("i32.add");
    f.constI32(n);
    f.op("i32.mul");
    f.constI32(threads);
    f.op("i32.div_u");
  };
  const next = (): void => {
    f.get(i);
    f.constI32(1);
    f.op("i32.add");
    f.constI32(n);
    f.op("i32.rem_u");
  };
  const load = (): void => {
    f.constI32(2);
    f.op("i32.shl");
    f.memory("f32.load", from);
  };
  bound(0);
  f.set(i);
  bound(1);
  f.set(stop);
  f.block([], (done) => {
    f.loop((again) => {
      f.get(i);
      f.get(stop);
      f.op("i32.ge_u");
      f.brIf(done);
      f.get(i);
      f.constI32(2);
      f.op("i32.shl");
      if (kernel === "rotate") {
        next();
        load();
        f.constF32(1);
        f.op("f32.add");
      } else {
        f.get(i);
        load();
        next();
        load();
        f.call(mod);
      }
      f.memory("f32.store", to);
      f.get(i);
      f.constI32(1);
      f.op("i32.add");
      f.set(i);
      f.br(again);
    });
  });
  f.release(i);
  f.release(stop);
}

function writeWork(f: FunctionWriter, thread: Local): void {
  const [outer, inner] = [f.local("i32"), f.local("i32")];
  f.constI32(300);
  f.set(outer);
  f.loop((again) => {
    emitHeartbeat(f, thread);
    f.constI32(10_000_000);
    f.set(inner);
    f.loop((more) => {
      f.get(inner);
      f.constI32(1);
      f.op("i32.sub");
      f.tee(inner);
      f.brIf(more);
    });
    f.get(outer);
    f.constI32(1);
    f.op("i32.sub");
    f.tee(outer);
    f.brIf(again);
  });
  f.release(outer);
  f.release(inner);
}
