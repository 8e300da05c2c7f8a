/**
 * Loops, whole or divided among threads.
 *
 * `innermost` are the statements of a loop that has no loop inside: their addresses become pointers that the loop moves on.
 */
import type { LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { place, type WasmContext } from "./context.ts";
import { holdPointers, type MovingPointer, movingPointers, releasePointers } from "./pointers.ts";
import type { Local } from "./refs.ts";

/** A loop of one iteration leaves its body in place: no index mentions its variable. */
export function writeLoop(
  loop: LoopVar,
  innermost: readonly Stmt[] | null,
  context: WasmContext,
  body: () => void,
): void {
  if (loop.extent === 0) return;
  if (loop.extent === 1) {
    body();
    return;
  }
  const { f } = context;
  const counter = f.local("i32");
  f.constI32(0);
  f.set(counter);
  writeIterations(loop, counter, () => f.constI32(loop.extent), innermost, context, body);
}

/** Thread t of T runs the iterations from extent * t / T to extent * (t + 1) / T, rounded down. */
export function writeDivided(
  loop: LoopVar,
  innermost: readonly Stmt[] | null,
  context: WasmContext,
  { thread, threads }: { readonly thread: Local; readonly threads: number },
  body: () => void,
): void {
  const { f } = context;
  const counter = f.local("i32");
  const end = f.local("i32");
  const part = f.local("i32");
  // extent * t may need more than 32 bits, so what does not divide evenly is shared apart.
  const bound = (next: number): void => {
    f.get(thread);
    f.constI32(next);
    f.op("i32.add");
    f.tee(part);
    f.constI32(Math.floor(loop.extent / threads));
    f.op("i32.mul");
    f.get(part);
    f.constI32(loop.extent % threads);
    f.op("i32.mul");
    f.constI32(threads);
    f.op("i32.div_u");
    f.op("i32.add");
  };
  bound(0);
  f.set(counter);
  bound(1);
  f.set(end);
  f.release(part);
  f.get(counter);
  f.get(end);
  f.op("i32.lt_u");
  f.if([], () => {
    if (loop.extent === 1) body();
    else writeIterations(loop, counter, () => f.get(end), innermost, context, body);
  });
}

/** At least one iteration, from `counter` on. */
function writeIterations(
  loop: LoopVar,
  counter: Local,
  end: () => void,
  innermost: readonly Stmt[] | null,
  context: WasmContext,
  body: () => void,
): void {
  const { f } = context;
  context.loops.set(loop.name, counter);
  const pointers = innermost === null ? [] : movingPointers(loop, innermost, context);
  holdPointers(pointers, context);
  const write = (): void => writeTurns(counter, end, pointers, context, body);
  const isInnermost = innermost !== null && !innermost.some(holdsLoop);
  if (isInnermost) f.hoisting(() => writeUnknownZero(context), write);
  else write();
  releasePointers(pointers, context);
  f.release(counter);
}

/** The number of a thread is never negative. */
function writeUnknownZero({ f }: WasmContext): void {
  f.get(place(f.params[0], "the thread"));
  f.constI32(31);
  f.op("i32.shr_s");
}

function holdsLoop(stmt: Stmt): boolean {
  if (stmt.kind === "if") return stmt.body.some(holdsLoop);
  if (stmt.kind !== "for") return false;
  return (stmt.mark !== "lane" && stmt.loop.extent > 1) || stmt.body.some(holdsLoop);
}

function writeTurns(
  counter: Local,
  end: () => void,
  pointers: readonly MovingPointer[],
  context: WasmContext,
  body: () => void,
): void {
  const { f } = context;
  f.loop((again) => {
    if (context.module.joinsVectors) f.clearing(body);
    else body();
    for (const { key, step } of pointers) {
      const local = place(context.pointers.get(key), "a pointer");
      f.get(local);
      f.constI32(step);
      f.op("i32.add");
      f.set(local);
    }
    f.get(counter);
    f.constI32(1);
    f.op("i32.add");
    f.tee(counter);
    end();
    f.op("i32.lt_u");
    f.brIf(again);
  });
}
