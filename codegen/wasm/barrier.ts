/**
 * The barrier between kernels, and the sign of life of long ones. The words they use are those of `control` in abi.ts.
 *
 * The last thread to arrive lets the others go. They look for that for a while, as most barriers are a matter of
 * microseconds, and then sleep in slices. A slice without a sign of life of any thread counts towards the deadline: a
 * thread that waits gives none itself, so that a dead one is noticed. Slices are counted instead of asking a clock, so a
 * process that was suspended does not give up when it goes on.
 */
import { control, failure } from "./abi.ts";
import type { FunctionWriter } from "./function.ts";
import type { WasmModule } from "./module.ts";
import type { FunctionRef, Local } from "./refs.ts";

const sliceMs = 50;
/** What memory.atomic.wait32 gives after its time. */
const timedOut = 2;
/** What memory.atomic.notify takes for all who wait. */
const everyone = -1;

/** Writes the function barrier(thread): 0 when all threads have come to it, 1 when one is dead or has failed. */
export function writeBarrier(module: WasmModule, threads: number): FunctionRef {
  return module.function("barrier", ["i32"], ["i32"], (f, [thread]) => {
    if (thread === undefined) return;
    const generation = f.local("i32");
    loadWord(f, control.generation);
    f.set(generation);
    emitHeartbeat(f, thread);
    f.constI32(0);
    f.constI32(1);
    f.memory("i32.atomic.rmw.add", control.arrived);
    f.constI32(threads - 1);
    f.op("i32.eq");
    f.if(
      ["i32"],
      () => emitRelease(f),
      () => emitWait(f, generation, threads),
    );
  });
}

/**
 * Shows that a thread is at work: for the outermost loop of kernels that may take seconds. The count is the thread's own, so
 * it needs no atomic store, which would cost some 20 cycles; who sleeps sees it in time.
 */
export function emitHeartbeat(f: FunctionWriter, thread: Local): void {
  const address = f.local("i32");
  f.get(thread);
  f.constI32(6);
  f.op("i32.shl");
  f.tee(address);
  f.get(address);
  f.memory("i32.load", control.heartbeat);
  f.constI32(1);
  f.op("i32.add");
  f.memory("i32.store", control.heartbeat);
  f.release(address);
}

/** Leaves 0. Who waits looks at the generation alone, so everything else is in order before it changes. */
function emitRelease(f: FunctionWriter): void {
  f.constI32(0);
  f.constI32(0);
  f.memory("i32.atomic.store", control.arrived);
  f.constI32(0);
  f.constI32(1);
  f.memory("i32.atomic.rmw.add", control.generation);
  f.drop();
  emitNotify(f);
  f.constI32(0);
}

/** Leaves 0 or 1. */
function emitWait(f: FunctionWriter, generation: Local, threads: number): void {
  const [spin, life, late] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.block(["i32"], (done) => {
    loadWord(f, control.barrierLooks);
    f.set(spin);
    f.loop((again) => {
      f.constI32(0);
      isPassed(f, generation);
      f.brIf(done);
      f.drop();
      f.get(spin);
      f.constI32(1);
      f.op("i32.sub");
      f.tee(spin);
      f.constI32(0);
      f.op("i32.gt_s");
      f.brIf(again);
    });
    emitLife(f, threads);
    f.set(life);
    f.loop((again) => {
      f.constI32(0);
      isPassed(f, generation);
      f.brIf(done);
      f.drop();
      f.constI32(1);
      loadWord(f, control.failed);
      f.brIf(done);
      f.drop();
      f.constI32(0);
      f.get(generation);
      f.constI64(BigInt(sliceMs) * 1_000_000n);
      f.memory("memory.atomic.wait32", control.generation);
      f.constI32(timedOut);
      f.op("i32.ne");
      f.brIf(again);
      countLate(f, life, late, threads);
      f.get(late);
      loadWord(f, control.deadlineMs);
      f.op("i32.lt_u");
      f.brIf(again);
    });
    f.constI32(0);
    f.constI32(failure.none);
    f.constI32(failure.late);
    f.memory("i32.atomic.rmw.cmpxchg", control.failed);
    f.drop();
    emitNotify(f);
    f.constI32(1);
  });
}

/** late = 0 if a thread has shown life since, or else one slice more. */
function countLate(f: FunctionWriter, life: Local, late: Local, threads: number): void {
  const before = f.local("i32");
  f.get(life);
  f.set(before);
  emitLife(f, threads);
  f.set(life);
  f.get(late);
  f.constI32(sliceMs);
  f.op("i32.add");
  f.constI32(0);
  f.get(life);
  f.get(before);
  f.op("i32.eq");
  f.select();
  f.set(late);
  f.release(before);
}

/** Leaves the sum of all threads' signs of life, modulo 2^32. */
function emitLife(f: FunctionWriter, threads: number): void {
  for (let thread = 0; thread < threads; thread++) {
    loadWord(f, control.heartbeat + 64 * thread);
    if (thread > 0) f.op("i32.add");
  }
}

function isPassed(f: FunctionWriter, generation: Local): void {
  loadWord(f, control.generation);
  f.get(generation);
  f.op("i32.ne");
}

function loadWord(f: FunctionWriter, offset: number): void {
  f.constI32(0);
  f.memory("i32.atomic.load", offset);
}

function emitNotify(f: FunctionWriter): void {
  f.constI32(0);
  f.constI32(everyone);
  f.memory("memory.atomic.notify", control.generation);
  f.drop();
}
