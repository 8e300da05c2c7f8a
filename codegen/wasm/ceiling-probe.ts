/**
 * Modules that show the most that an engine's threads do: multiply-adds in registers, and copying more than caches hold. They are run
 * as an entry's module is: every thread calls `run`, which ends with a barrier. See src/runtime/wasm/ceiling.ts.
 */
import { importedMemory, importNames } from "./abi.ts";
import { writeBarrier } from "./barrier.ts";
import type { FunctionWriter } from "./function.ts";
import { WasmModule } from "./module.ts";
import type { Local } from "./refs.ts";

/** Vectors of sums: as many as a 6x8 block has. */
export const sums = 12;

/** Multiplications and additions of one round. */
export const flopsPerRound = sums * 8;

const vectorBytes = 16;
/** Vectors that are read, and then written, in one round of copying. */
const copied = 8;

/** What one thread copies is a multiple of this. */
export const copyStep = copied * vectorBytes;

interface Crew {
  readonly threads: number;
  /** Whether the memory is one that threads share. */
  readonly shared: boolean;
}

/** `run(thread)` does so many rounds on each thread. `vectors`: of sums, neighbours beside one another so that an engine can join them. */
export function multiplyAddModule(
  rounds: number,
  vectors: number,
  relaxed: boolean,
  crew: Crew,
): Uint8Array<ArrayBuffer> {
  return probeModule(crew, (f, thread) => {
    const left = f.local("i32");
    f.constI32(rounds);
    f.set(left);
    const totals = Array.from({ length: vectors }, () => f.local("v128"));
    writeMultiplyAdds(f, left, totals, relaxed);
    // What nobody reads an engine need not compute. Each thread has its own place.
    const at = f.local("i32");
    f.get(thread);
    f.constI32(vectors * vectorBytes);
    f.op("i32.mul");
    f.set(at);
    totals.forEach((total, i) => {
      f.get(at);
      f.get(total);
      f.memory("v128.store", probeStart + i * vectorBytes);
    });
  });
}

/** `run(thread)` copies so many bytes on each thread, from what begins at `probeStart` to what lies behind the sources of all. */
export function copyModule(bytes: number, crew: Crew): Uint8Array<ArrayBuffer> {
  return probeModule(crew, (f, thread) => {
    const [at, end] = [f.local("i32"), f.local("i32")];
    const values = Array.from({ length: copied }, () => f.local("v128"));
    f.get(thread);
    f.constI32(bytes);
    f.op("i32.mul");
    f.tee(at);
    f.constI32(bytes);
    f.op("i32.add");
    f.set(end);
    f.loop((again) => {
      values.forEach((value, i) => {
        f.get(at);
        f.memory("v128.load", probeStart + i * vectorBytes);
        f.set(value);
      });
      values.forEach((value, i) => {
        f.get(at);
        f.get(value);
        f.memory("v128.store", probeStart + crew.threads * bytes + i * vectorBytes);
      });
      f.get(at);
      f.constI32(copyStep);
      f.op("i32.add");
      f.tee(at);
      f.get(end);
      f.op("i32.lt_u");
      f.brIf(again);
    });
  });
}

/** The first address that they use. */
export const probeStart = 65_536;

function probeModule(
  { threads, shared }: Crew,
  write: (f: FunctionWriter, thread: Local) => void,
): Uint8Array<ArrayBuffer> {
  const wasm = new WasmModule();
  wasm.importMemory(importNames.module, importNames.memory, importedMemory(shared));
  const barrier = threads > 1 ? writeBarrier(wasm, threads) : null;
  const run = wasm.function("run", ["i32"], ["i32"], (f, [thread]) => {
    if (thread === undefined) return;
    write(f, thread);
    if (barrier === null) f.constI32(0);
    else {
      f.get(thread);
      f.call(barrier);
    }
  });
  wasm.export("run", run);
  return wasm.finish();
}

/**
 * A loop of so many rounds, at least one, which adds a product to each of the sums: independent chains of s = s * x + y, with no loads and
 * no stores. With relaxed SIMD a multiply-add is one instruction, otherwise two.
 */
export function writeMultiplyAdds(f: FunctionWriter, rounds: Local, totals: readonly Local[], relaxed: boolean): void {
  const [x, y] = [f.local("v128"), f.local("v128")];
  f.constF32(0.5);
  f.op("f32x4.splat");
  f.tee(x);
  f.set(y);
  f.loop((again) => {
    for (const total of totals) {
      f.get(total); // a product that changes, or the engine would compute it once, before the loop
      f.get(x);
      if (!relaxed) f.op("f32x4.mul");
      f.get(y);
      f.op(relaxed ? "f32x4.relaxed_madd" : "f32x4.add");
      f.set(total);
    }
    f.get(rounds);
    f.constI32(1);
    f.op("i32.sub");
    f.tee(rounds);
    f.brIf(again);
  });
}
