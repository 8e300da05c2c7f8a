/**
 * Sequences as text: for people and golden tests.
 *
 *   launch k0_contract_max(image: input image, w1: state model.w1, t9: %9)
 *   copy %40 to state model.w1
 */
import { unreachable } from "../core/errors.ts";
import { printBuffer } from "./buffer.ts";
import type { Sequence, Step } from "./sequence.ts";

export function printSequence(sequence: Sequence): string {
  return sequence.map(printStep).join("\n");
}

function printStep(step: Step): string {
  switch (step.kind) {
    case "launch": {
      const bound = step.bindings.map(({ param, buffer }) => `${param}: ${printBuffer(buffer)}`);
      return `launch ${step.kernel.name}(${bound.join(", ")})`;
    }
    case "copy":
      return `copy ${printBuffer(step.from)} to ${printBuffer(step.to)}`;
    default:
      return unreachable(step);
  }
}
