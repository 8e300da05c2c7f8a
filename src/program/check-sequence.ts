/**
 * The invariants of sequences. What this lets through, every printer and runtime may rely on.
 */
import { checkKernel, firstBroken } from "../kernel/check.ts";
import { broken } from "../kernel/check-expr.ts";
import type { Kernel, LoopVar } from "../kernel/kernel.ts";
import { type Buffer, printBuffer } from "./buffer.ts";
import { bodiesOf, buffersOf, type Copy, type Launch, type Row, type Sequence } from "./sequence.ts";

/**
 * The first broken invariant of a sequence, its kernels included, or null. `planned`: the buffers that have an address, where
 * that is known. `sound`: kernels that `checkKernel` was given before and found nothing wrong with.
 */
export function checkSequence(
  sequence: Sequence,
  planned?: { has(buffer: Buffer): boolean },
  sound: Iterable<Kernel> = [],
): string | null {
  const checked = new Set(sound);
  const ids = new Set<number>();
  const check = (steps: Sequence, around: readonly LoopVar[]): void => {
    for (const step of steps) {
      if (ids.has(step.id)) broken(`two steps have the id ${step.id}`);
      ids.add(step.id);
      for (const buffer of buffersOf(step)) {
        if (planned?.has(buffer) === false) broken(`the buffer ${printBuffer(buffer)} is not planned`);
      }
      if (step.kind === "copy") checkCopy(step, around);
      else if (step.kind === "launch") checkLaunch(step, around, checked);
      else if (step.kind !== "loop") checkFlag(step.flag);
      const inside = step.kind === "loop" ? [...around, step.loop] : around;
      for (const body of bodiesOf(step)) check(body, inside);
    }
  };
  return firstBroken(() => check(sequence, []));
}

function checkFlag(flag: Buffer): void {
  if (flag.dtype !== "bool" || flag.count !== 1)
    broken(`${printBuffer(flag)} is no flag: ${flag.dtype}[${flag.count}]`);
}

function checkCopy({ from, to, fromRow, toRow }: Copy, around: readonly LoopVar[]): void {
  if (from === to && fromRow === undefined) broken(`copy of ${printBuffer(from)} to itself`);
  if (from.dtype !== to.dtype || (fromRow ?? from).count !== (toRow ?? to).count) {
    broken(`copy of ${printBuffer(from)} to ${printBuffer(to)}: they differ in element type or count`);
  }
  checkRow(from, fromRow, around);
  checkRow(to, toRow, around);
}

/** All of its rows lie in the buffer. */
function checkRow(buffer: Buffer, row: Row | undefined, around: readonly LoopVar[]): void {
  if (row === undefined) return;
  let [first, last] = [row.offset, row.offset + row.count];
  for (const { loop, by } of row.strides) {
    if (!around.includes(loop))
      broken(`a row of ${printBuffer(buffer)} moves with ${loop.name}, which is no loop around`);
    const most = by * Math.max(0, loop.extent - 1);
    first += Math.min(0, most);
    last += Math.max(0, most);
  }
  if (first < 0 || last > buffer.count)
    broken(`rows of ${printBuffer(buffer)} lie at ${first} to ${last} of ${buffer.count}`);
}

function checkLaunch(
  { name, kernel, bindings, iterations }: Launch,
  around: readonly LoopVar[],
  checked: Set<Kernel>,
): void {
  const what = `launch of ${name}`;
  if (iterations.some((loop) => !around.includes(loop))) broken(`${what}: it is told of a loop that is not around it`);
  if (
    iterations.length !== kernel.iterations.length ||
    iterations.some(({ extent }, i) => extent !== kernel.iterations[i]?.extent)
  ) {
    broken(`${what}: its loops are not those of the kernel`);
  }
  if (!checked.has(kernel)) {
    const fault = checkKernel(kernel);
    if (fault !== null) broken(`kernel ${kernel.name}: ${fault}`);
    checked.add(kernel);
  }
  const open = new Map(kernel.buffers.map((param) => [param.name, param]));
  const written = new Map<Buffer, boolean>();
  const given = new Map(bindings.map(({ param, buffer }) => [param, buffer]));
  for (const { param, buffer } of bindings) {
    const wanted = open.get(param) ?? broken(`${what}: ${param} is not a parameter, or is given twice`);
    open.delete(param);
    if (buffer.dtype !== wanted.element || buffer.count !== wanted.count) {
      const found = `${printBuffer(buffer)} is ${buffer.dtype}[${buffer.count}]`;
      broken(`${what}: ${param} is ${wanted.element}[${wanted.count}], ${found}`);
    }
    const writes = wanted.role !== "read";
    if (wanted.sharing !== undefined && given.get(wanted.sharing) === buffer) continue;
    const before = written.get(buffer);
    if (before === true || (before === false && writes)) {
      broken(`${what}: ${printBuffer(buffer)} is written and bound twice`);
    }
    written.set(buffer, writes);
  }
  for (const name of open.keys()) broken(`${what}: ${name} is not given`);
}
