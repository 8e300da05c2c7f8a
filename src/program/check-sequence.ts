/**
 * The invariants of sequences. What this lets through, every printer and runtime may rely on.
 */
import { checkKernel, firstBroken } from "../kernel/check.ts";
import { broken } from "../kernel/check-expr.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { type Buffer, printBuffer } from "./buffer.ts";
import { buffersOf, type Copy, type Launch, type Sequence } from "./sequence.ts";

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
  return firstBroken(() => {
    for (const step of sequence) {
      if (ids.has(step.id)) broken(`two steps have the id ${step.id}`);
      ids.add(step.id);
      for (const buffer of buffersOf(step)) {
        if (planned?.has(buffer) === false) broken(`the buffer ${printBuffer(buffer)} is not planned`);
      }
      if (step.kind === "copy") checkCopy(step);
      else checkLaunch(step, checked);
    }
  });
}

function checkCopy({ from, to }: Copy): void {
  if (from === to) broken(`copy of ${printBuffer(from)} to itself`);
  if (from.dtype !== to.dtype || from.count !== to.count) {
    broken(`copy of ${printBuffer(from)} to ${printBuffer(to)}: they differ in element type or count`);
  }
}

function checkLaunch({ name, kernel, bindings }: Launch, checked: Set<Kernel>): void {
  const what = `launch of ${name}`;
  if (!checked.has(kernel)) {
    const fault = checkKernel(kernel);
    if (fault !== null) broken(`kernel ${kernel.name}: ${fault}`);
    checked.add(kernel);
  }
  const open = new Map(kernel.buffers.map((param) => [param.name, param]));
  const written = new Map<Buffer, boolean>();
  for (const { param, buffer } of bindings) {
    const wanted = open.get(param) ?? broken(`${what}: ${param} is not a parameter, or is given twice`);
    open.delete(param);
    if (buffer.dtype !== wanted.element || buffer.count !== wanted.count) {
      const found = `${printBuffer(buffer)} is ${buffer.dtype}[${buffer.count}]`;
      broken(`${what}: ${param} is ${wanted.element}[${wanted.count}], ${found}`);
    }
    const writes = wanted.role !== "read";
    const before = written.get(buffer);
    if (before === true || (before === false && writes)) {
      broken(`${what}: ${printBuffer(buffer)} is written and bound twice`);
    }
    written.set(buffer, writes);
  }
  for (const name of open.keys()) broken(`${what}: ${name} is not given`);
}
