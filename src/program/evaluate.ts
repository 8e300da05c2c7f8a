/**
 * Runs a sequence over buffers in the kernel evaluator: what a target's runtime does for one call of an entry, without its
 * plan, its memory or its machine.
 */
import { CompilerBug, unreachable } from "../core/errors.ts";
import { type EvaluateOptions, evaluateKernel } from "../kernel/evaluate.ts";
import type { Memory } from "../kernel/evaluate-memory.ts";
import { type Buffer, printBuffer } from "./buffer.ts";
import type { Sequence } from "./sequence.ts";

/** Changes `memory` in place. Throws as `evaluateKernel` does. */
export function evaluateSequence(
  sequence: Sequence,
  memory: ReadonlyMap<Buffer, Memory>,
  options: EvaluateOptions = {},
): void {
  for (const step of sequence) {
    switch (step.kind) {
      case "launch": {
        const bound = new Map(step.bindings.map(({ param, buffer }) => [param, memoryOf(memory, buffer)]));
        evaluateKernel(step.kernel, bound, options);
        break;
      }
      case "copy":
        copy(memoryOf(memory, step.from), memoryOf(memory, step.to));
        break;
      default:
        unreachable(step);
    }
  }
}

function memoryOf(memory: ReadonlyMap<Buffer, Memory>, buffer: Buffer): Memory {
  const found = memory.get(buffer);
  if (found === undefined) throw new CompilerBug(`evaluate: the buffer ${printBuffer(buffer)} is not given`);
  return found;
}

function copy(from: Memory, to: Memory): void {
  for (let i = 0; i < from.data.length; i += 1) to.data[i] = from.data[i] ?? 0;
}
