/**
 * Sequences and memory as text: for people and golden tests.
 *
 *   launch k0_contract_max(image: input image, w1: state model.w1, t9: %9)
 *   launch k3_contract_max(t9: %9, w1: state model.w2, t12: %12) as k0_contract_max       a kernel that was there already
 *   copy %40 to state model.w1
 *   loop t < 100
 *     launch k4_add(h: %7, x: %3) at t
 */
import { unreachable } from "../core/errors.ts";
import { printKernel } from "../kernel/print.ts";
import { type BufferSlot, printBuffer } from "./buffer.ts";
import { type Copy, kernelsOf, type Row, type Sequence, type Step } from "./sequence.ts";

export function printSequence(sequence: Sequence): string {
  return sequence.flatMap(linesOf).join("\n");
}

function linesOf(step: Step): readonly string[] {
  switch (step.kind) {
    case "launch": {
      const bound = step.bindings.map(({ param, buffer }) => `${param}: ${printBuffer(buffer)}`);
      const known = step.kernel.name === step.name ? "" : ` as ${step.kernel.name}`;
      const at = step.iterations.length === 0 ? "" : ` at ${step.iterations.map(({ name }) => name).join(", ")}`;
      return [`launch ${step.name}(${bound.join(", ")})${at}${known}`];
    }
    case "copy":
      return [printCopy(step)];
    case "loop":
      return [`loop ${step.loop.name} < ${step.loop.extent}`, ...indented(step.body)];
    case "while": {
      const most = `at most ${step.most} times`;
      return ["test", ...indented(step.test), `while ${printBuffer(step.flag)} ${most}`, ...indented(step.body)];
    }
    case "if":
      return [`if ${printBuffer(step.flag)}`, ...indented(step.yes), "else", ...indented(step.no)];
    default:
      return unreachable(step);
  }
}

function indented(sequence: Sequence): readonly string[] {
  return sequence.flatMap(linesOf).map((line) => `  ${line}`);
}

/** "copy %40 to state model.w1", "copy %3[8*t] to %9". */
export function printCopy({ from, to, fromRow, toRow }: Omit<Copy, "id" | "kind">): string {
  return `copy ${printBuffer(from)}${printRow(fromRow)} to ${printBuffer(to)}${printRow(toRow)}`;
}

function printRow(row: Row | undefined): string {
  if (row === undefined) return "";
  const terms = row.strides.map(({ loop, by }) => `${by}*${loop.name}`);
  return `[${[...terms, ...(row.offset === 0 && terms.length > 0 ? [] : [row.offset])].join(" + ")}]`;
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
