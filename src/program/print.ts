/**
 * Sequences and memory as text: for people and golden tests.
 *
 *   launch k0_contract_max(image: input image, w1: state model.w1, t9: %9)
 *   launch k3_contract_max(t9: %9, w1: state model.w2, t12: %12) as k0_contract_max       a kernel that was there already
 *   copy %40 to state model.w1
 */
import { unreachable } from "../core/errors.ts";
import { printKernel } from "../kernel/print.ts";
import { type BufferSlot, printBuffer } from "./buffer.ts";
import { kernelsOf, type Sequence, type Step } from "./sequence.ts";

export function printSequence(sequence: Sequence): string {
  return sequence.map(printStep).join("\n");
}

function printStep(step: Step): string {
  switch (step.kind) {
    case "launch": {
      const bound = step.bindings.map(({ param, buffer }) => `${param}: ${printBuffer(buffer)}`);
      const known = step.kernel.name === step.name ? "" : ` as ${step.kernel.name}`;
      return `launch ${step.name}(${bound.join(", ")})${known}`;
    }
    case "copy":
      return `copy ${printBuffer(step.from)} to ${printBuffer(step.to)}`;
    default:
      return unreachable(step);
  }
}

/** A sequence, and under it each kernel that it launches, once. */
export function printCode(sequence: Sequence): string {
  return [printSequence(sequence), ...kernelsOf(sequence).map(printKernel)].join("\n\n");
}

/** Every buffer with its place, by segment. */
export function printSlots(slots: Iterable<BufferSlot>): string {
  const placed = [...slots].sort((a, b) => a.segment.localeCompare(b.segment) || a.offset - b.offset);
  const rows = placed.map((slot) => {
    const { segment, dtype, shape, bytes, offset } = slot;
    const place = `${bytes} B at ${offset}`;
    return `${segment.padEnd(7)} ${place.padEnd(16)} ${`${dtype}[${shape.join(",")}]`.padEnd(12)} ${printBuffer(slot)}`;
  });
  return rows.join("\n");
}
