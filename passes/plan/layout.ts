/**
 * Layout: the address of every buffer that a sequence touches.
 *
 * States, inputs and outputs lie side by side in segments of their own; scratch shares the arena as `plan` says, with
 * lifetimes read off the sequence.
 */

import type { TargetTraits } from "../../src/kernel/target.ts";
import type { Buffer, BufferSlot, Range, Segment } from "../../src/program/buffer.ts";
import type { Declared } from "../../src/program/declared.ts";
import { buffersOf, type Sequence } from "../../src/program/sequence.ts";
import { type ArenaPlan, alignUp, type Lifetime, plan } from "./plan.ts";

export interface Layout {
  readonly buffers: ReadonlyMap<Buffer, BufferSlot>;
  readonly segmentBytes: Readonly<Record<Segment, number>>;
  /** Those that have a place whether or not a step touches them. */
  readonly declared: Readonly<Record<keyof Declared, readonly BufferSlot[]>>;
  readonly arena: ArenaPlan;
  /** Arena ranges that nothing needs after a step, by the step's id. */
  readonly freedAfter: ReadonlyMap<number, readonly Range[]>;
}

/** Buffers one after the other, and where the last ends. */
export interface SideBySide {
  readonly slots: ReadonlyMap<Buffer, BufferSlot>;
  readonly bytes: number;
}

/** Lays buffers side by side: all states of a program, in its order, so that they lie at the same addresses for every entry. */
export function sideBySide(buffers: readonly Buffer[], target: TargetTraits): SideBySide {
  const slots = new Map<Buffer, BufferSlot>();
  let end = 0;
  for (const buffer of buffers) {
    const offset = alignUp(end, target.alignment);
    const bytes = target.bytesOf(buffer.dtype, buffer.count);
    slots.set(buffer, slotOf(buffer, bytes, offset));
    end = offset + bytes;
  }
  return { slots, bytes: end };
}

/** `reuse`: whether scratch buffers that are never needed together share bytes. */
export function layout(sequence: Sequence, declared: Declared, target: TargetTraits, reuse: boolean): Layout {
  const state = sideBySide(declared.state, target);
  const input = sideBySide(declared.input, target);
  const output = sideBySide(declared.output, target);
  const arena = plan(lifetimes(sequence, target), { reuse, alignment: target.alignment });
  const buffers = new Map(state.slots);
  for (const [buffer, slot] of input.slots) buffers.set(buffer, slot);
  for (const [buffer, slot] of output.slots) buffers.set(buffer, slot);
  for (const { buffer, bytes, offset } of arena.placements) buffers.set(buffer, slotOf(buffer, bytes, offset));
  return {
    buffers,
    declared: {
      state: [...state.slots.values()],
      input: [...input.slots.values()],
      output: [...output.slots.values()],
    },
    arena,
    segmentBytes: { state: state.bytes, input: input.bytes, output: output.bytes, arena: arena.peakBytes },
    freedAfter: freedAfter(arena, sequence),
  };
}

function slotOf({ id, segment, name, dtype, shape, count }: Buffer, bytes: number, offset: number): BufferSlot {
  return { id, segment, name, dtype, shape, count, bytes, offset };
}

function freedAfter({ placements }: ArenaPlan, sequence: Sequence): Layout["freedAfter"] {
  const freed = new Map<number, Range[]>();
  for (const { id } of sequence) freed.set(id, []);
  for (const { last, offset, bytes } of placements) {
    const step = sequence[last];
    if (step !== undefined) freed.get(step.id)?.push({ offset, bytes });
  }
  return freed;
}

/** From the first step that touches a scratch buffer to the last. */
function lifetimes(sequence: Sequence, target: TargetTraits): readonly Lifetime[] {
  const lives = new Map<
    Buffer,
    { readonly buffer: Buffer; readonly bytes: number; readonly first: number; last: number }
  >();
  let position = 0;
  for (const step of sequence) {
    for (const buffer of buffersOf(step)) {
      if (buffer.segment !== "arena") continue;
      const life = lives.get(buffer);
      if (life !== undefined) life.last = position;
      else
        lives.set(buffer, {
          buffer,
          bytes: target.bytesOf(buffer.dtype, buffer.count),
          first: position,
          last: position,
        });
    }
    position += 1;
  }
  return [...lives.values()];
}
