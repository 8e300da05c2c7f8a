/**
 * Layout: the address of every buffer that a sequence names.
 *
 * States, inputs and outputs lie side by side in segments of their own; scratch shares the arena as `plan` says, with
 * lifetimes read off the sequence.
 */

import type { DType } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import { fixedShape, type Shape, sizeOf } from "../../src/graph/shape.ts";
import { typeOf } from "../../src/graph/type.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import type { BufferSlot, Range, Segment } from "../../src/program/memory.ts";
import type { Sequence, Step } from "../../src/program/sequence.ts";
import { inputBuffer, type Ordered, outputBuffer } from "./order.ts";
import { type ArenaPlan, type Lifetime, plan } from "./plan.ts";

/** A tensor with an address of its own: an input, a state. */
export interface Declared {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface Layout {
  readonly buffers: ReadonlyMap<string, BufferSlot>;
  readonly segmentBytes: Readonly<Record<Segment, number>>;
  readonly arena: ArenaPlan;
  /** Arena ranges whose last use is each step of the sequence. */
  readonly freedAfter: readonly (readonly Range[])[];
}

/** Lays tensors side by side. Used for states once a program, so that all its entries share them. */
export function sideBySide(
  segment: Segment,
  tensors: readonly Declared[],
  nameOf: (name: string) => string,
  target: TargetTraits,
): { readonly slots: readonly BufferSlot[]; readonly bytes: number } {
  const slots: BufferSlot[] = [];
  let end = 0;
  for (const { name, dtype, shape } of tensors) {
    const fixed = fixedShape(shape);
    const count = sizeOf(fixed);
    const offset = Math.ceil(end / target.alignment) * target.alignment;
    const bytes = target.bytesOf(dtype, count);
    slots.push({ name: nameOf(name), segment, dtype, shape: fixed, count, bytes, offset });
    end = offset + bytes;
  }
  return { slots, bytes: end };
}

export function layout(
  ordered: Ordered,
  sequence: Sequence,
  inputs: readonly Declared[],
  states: readonly BufferSlot[],
  target: TargetTraits,
  reuse: boolean,
): Layout {
  const { entry } = ordered.fused;
  const outputs = entry.outputs.map(({ name, node }) => ({ name, ...typeOf(node) }));
  const inputLayout = sideBySide("input", inputs, inputBuffer, target);
  const outputLayout = sideBySide("output", outputs, outputBuffer, target);
  const scratch = scratchSlots(ordered, sequence, target);
  const arena = plan(lifetimes(scratch, sequence), { reuse, alignment: target.alignment });
  const buffers = new Map<string, BufferSlot>();
  for (const slot of [...states, ...inputLayout.slots, ...outputLayout.slots]) buffers.set(slot.name, slot);
  for (const { name, offset } of arena.placements) buffers.set(name, { ...(scratch.get(name) as BufferSlot), offset });
  const stateEnd = states.reduce((end, slot) => Math.max(end, slot.offset + slot.bytes), 0);
  return {
    buffers,
    arena,
    segmentBytes: { state: stateEnd, input: inputLayout.bytes, output: outputLayout.bytes, arena: arena.peakBytes },
    freedAfter: freedAfter(arena, sequence.length),
  };
}

function freedAfter({ placements }: ArenaPlan, steps: number): Range[][] {
  const freed: Range[][] = Array.from({ length: steps }, () => []);
  for (const placement of placements) freed[placement.last]?.push(placement);
  return freed;
}

/** The scratch buffers that steps name: values of nodes, and those that only copies know. */
function scratchSlots(ordered: Ordered, sequence: Sequence, target: TargetTraits): Map<string, BufferSlot> {
  const slots = new Map<string, BufferSlot>();
  const add = (name: string, dtype: DType, shape: readonly number[]): void => {
    const count = sizeOf(shape);
    slots.set(name, { name, segment: "arena", dtype, shape, count, bytes: target.bytesOf(dtype, count), offset: 0 });
  };
  for (const [node, name] of ordered.bufferOf) {
    if (name.startsWith("%")) add(name, typeOf(node).dtype, fixedShape(typeOf(node).shape));
  }
  const sources = new Map([...ordered.bufferOf].map(([node, name]) => [name, node]));
  for (const step of sequence) {
    if (step.kind !== "copy" || !step.to.startsWith("%") || slots.has(step.to)) continue;
    const node = sources.get(step.from);
    if (node === undefined) throw new CompilerBug(`a copy from ${step.from}, which holds nothing`);
    add(step.to, typeOf(node).dtype, fixedShape(typeOf(node).shape));
  }
  return slots;
}

function lifetimes(scratch: ReadonlyMap<string, BufferSlot>, sequence: Sequence): Lifetime[] {
  const spans = new Map<string, { first: number; last: number }>();
  sequence.forEach((step, position) => {
    for (const name of buffersOf(step)) {
      if (!scratch.has(name)) continue;
      const span = spans.get(name);
      if (span === undefined) spans.set(name, { first: position, last: position });
      else span.last = position;
    }
  });
  return [...spans].map(([name, span]) => ({ name, bytes: scratch.get(name)?.bytes ?? 0, ...span }));
}

/** The buffers a step touches. */
function buffersOf(step: Step): string[] {
  switch (step.kind) {
    case "launch":
      return step.bindings.map(({ buffer }) => buffer);
    case "copy":
      return [step.from, step.to];
  }
}
