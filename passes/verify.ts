/**
 * The verifier: it runs after every pass, and blames the pass by name, with what stood before and after.
 */
import { CompilerBug } from "../src/core/errors.ts";
import { checkGraph } from "../src/graph/check.ts";
import type { Entry } from "../src/graph/entry.ts";
import { printEntry } from "../src/graph/print.ts";
import { checkKernel } from "../src/kernel/check.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { printKernel } from "../src/kernel/print.ts";
import { checkSequence } from "../src/program/check-sequence.ts";
import { printSequence } from "../src/program/print.ts";
import { kernelsOf, type Sequence } from "../src/program/sequence.ts";
import type { GraphPass, PassContext } from "./graph/pass.ts";
import type { Layout } from "./plan/layout.ts";

/** Runs a graph pass and checks what it made. `done` gives the passes before it, whose ops nobody meets any more. */
export function runVerified(
  pass: GraphPass,
  done: () => readonly GraphPass[],
  entry: Entry,
  context: PassContext,
): Entry {
  const next = pass.run(entry, context);
  if (next === entry) return entry;
  const gone = [...done(), pass].flatMap(({ expands }) => expands ?? []);
  const broken = checkGraph(next.graph, gone);
  if (broken === null) return next;
  const stood = `before\n${printEntry(entry)}\nafter\n${printEntry(next)}`;
  throw new CompilerBug(`pass "${pass.name}" broke: ${broken}\n${stood}`);
}

/** The sequence, when nothing is wrong with the kernels that the pass `made` for it. */
export function checkKernels(made: string, sequence: Sequence): Sequence {
  for (const kernel of kernelsOf(sequence)) sound(made, kernel);
  return sequence;
}

/** The kernel, when nothing is wrong with what the pass `made`. */
export function sound(made: string, kernel: Kernel): Kernel {
  const broken = checkKernel(kernel);
  if (broken === null) return kernel;
  throw new CompilerBug(`pass "${made}" broke: ${broken}\n${printKernel(kernel)}`);
}

/** The layout, when every buffer of the sequence has an address. Kernels have been checked before. */
export function checkLayout(sequence: Sequence, layout: Layout): Layout {
  const unbound = checkSequence(sequence, layout.buffers, kernelsOf(sequence));
  if (unbound === null) return layout;
  throw new CompilerBug(`pass "plan" broke: ${unbound}\n${printSequence(sequence)}`);
}
