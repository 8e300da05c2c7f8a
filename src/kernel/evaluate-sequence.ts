/**
 * Runs a sequence over named buffers with evaluate.ts: what a target's runtime does for one call of an entry, without
 * its plan, its memory or its machine.
 */
import { CompilerBug, unreachable } from "../core/errors.ts";
import type { Sequence, Step } from "../program/sequence.ts";
import { type EvaluateOptions, evaluateKernel } from "./evaluate.ts";
import type { Memory } from "./evaluate-memory.ts";

/** Changes `buffers` in place. Throws as `evaluateKernel` does. */
export function evaluateSequence(
  sequence: Sequence,
  buffers: ReadonlyMap<string, Memory>,
  options: Omit<EvaluateOptions, "scalars"> = {},
): void {
  runSteps(sequence, buffers, options, new Map());
}

function runSteps(
  sequence: Sequence,
  buffers: ReadonlyMap<string, Memory>,
  options: EvaluateOptions,
  loops: ReadonlyMap<string, number>,
): void {
  for (const step of sequence) {
    switch (step.kind) {
      case "launch":
        launch(step, buffers, options, loops);
        break;
      case "copy":
        copy(memoryOf(buffers, step.from), memoryOf(buffers, step.to), `${step.from} to ${step.to}`);
        break;
      case "loop":
        for (let i = 0; i < step.count; i += 1) {
          runSteps(step.body, buffers, options, new Map([...loops, [step.index, i]]));
        }
        break;
      case "if":
        if ((memoryOf(buffers, step.flag).data[0] ?? 0) !== 0) runSteps(step.body, buffers, options, loops);
        break;
      default:
        unreachable(step);
    }
  }
}

function launch(
  step: Step & { readonly kind: "launch" },
  buffers: ReadonlyMap<string, Memory>,
  options: EvaluateOptions,
  loops: ReadonlyMap<string, number>,
): void {
  const bound = new Map(step.bindings.map(({ param, buffer }) => [param, memoryOf(buffers, buffer)]));
  const scalars = new Map<string, number>();
  for (const scalar of step.scalars) {
    const value = scalar.kind === "const" ? scalar.value : loops.get(scalar.loop);
    if (value === undefined) throw new CompilerBug(`evaluate: $${scalar.param} is given no loop around its launch`);
    scalars.set(scalar.param, value);
  }
  evaluateKernel(step.kernel, bound, { ...options, scalars });
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
