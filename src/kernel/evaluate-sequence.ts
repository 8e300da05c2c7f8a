/**
 * Runs a sequence over named buffers with evaluate.ts: what a target's runtime does for one call of an entry, without
 * its plan, its memory or its machine.
 */
import { CompilerBug, unreachable } from "../core/errors.ts";
import type { Sequence } from "../program/sequence.ts";
import { type EvaluateOptions, evaluateKernel } from "./evaluate.ts";
import type { Memory } from "./evaluate-memory.ts";

/** Changes `buffers` in place. Throws as `evaluateKernel` does. */
export function evaluateSequence(
  sequence: Sequence,
  buffers: ReadonlyMap<string, Memory>,
  options: EvaluateOptions = {},
): void {
  for (const step of sequence) {
    switch (step.kind) {
      case "launch": {
        const bound = new Map(step.bindings.map(({ param, buffer }) => [param, memoryOf(buffers, buffer)]));
        evaluateKernel(step.kernel, bound, options);
        break;
      }
      case "copy":
        copy(memoryOf(buffers, step.from), memoryOf(buffers, step.to), `${step.from} to ${step.to}`);
        break;
      default:
        unreachable(step);
    }
  }
}

function memoryOf(buffers: ReadonlyMap<string, Memory>, name: string): Memory {
  const memory = buffers.get(name);
  if (memory === undefined) throw new CompilerBug(`evaluate: buffer ${name} is not given`);
  return memory;
}

function copy(from: Memory, to: Memory, what: string): void {
  if (from.element !== to.element || from.data.length !== to.data.length) {
    throw new CompilerBug(`evaluate: copy of ${what}: they differ in element type or count`);
  }
  for (let i = 0; i < from.data.length; i += 1) to.data[i] = from.data[i] ?? 0;
}
