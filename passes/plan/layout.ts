/**
 * Layout: the address of every buffer that a sequence touches.
 *
 * States, inputs, those that are held, and outputs lie side by side in segments of their own; scratch shares the arena as `plan` says, with
 * lifetimes read off the sequence.
 */

import type { TargetTraits } from "../../src/kernel/target.ts";
import type { Buffer, BufferSlot, Range, Segment } from "../../src/program/buffer.ts";
import type { Declared } from "../../src/program/declared.ts";
import { bodiesOf, buffersOf, positionsOf, type Sequence, type Step, walkSteps } from "../../src/program/sequence.ts";
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
export function sideBySide(buffers: readonly Buffer[], target: TargetTraits, segment?: Segment): SideBySide {
  const slots = new Map<Buffer, BufferSlot>();
  let end = 0;
  for (const buffer of buffers) {
    const offset = alignUp(end, target.alignment);
    const bytes = target.bytesOf(buffer.dtype, buffer.count);
    slots.set(buffer, { ...slotOf(buffer, bytes, offset), segment: segment ?? buffer.segment });
    end = offset + bytes;
  }
  return { slots, bytes: end };
}

/** `reuse`: whether scratch buffers that are never needed together share bytes. */
export function layout(sequence: Sequence, declared: Declared, target: TargetTraits, reuse: boolean): Layout {
  const state = sideBySide(declared.state, target);
  const input = sideBySide(declared.input, target);
  const held = sideBySide(declared.held, target, "held");
  const output = sideBySide(declared.output, target);
  const arena = plan(lifetimes(sequence, target), { reuse, alignment: target.alignment });
  const buffers = new Map(state.slots);
  for (const { slots } of [input, held, output]) for (const [buffer, slot] of slots) buffers.set(buffer, slot);
  for (const { buffer, bytes, offset } of arena.placements) buffers.set(buffer, slotOf(buffer, bytes, offset));
  return {
    buffers,
    declared: {
      state: [...state.slots.values()],
      input: [...input.slots.values()],
      held: [...held.slots.values()],
      output: [...output.slots.values()],
    },
    arena,
    segmentBytes: {
      state: state.bytes,
      input: input.bytes,
      held: held.bytes,
      output: output.bytes,
      arena: arena.peakBytes,
    },
    freedAfter: freedAfter(arena, sequence),
  };
}

function slotOf({ id, segment, name, dtype, shape, count }: Buffer, bytes: number, offset: number): BufferSlot {
  return { id, segment, name, dtype, shape, count, bytes, offset };
}

function freedAfter({ placements }: ArenaPlan, sequence: Sequence): Layout["freedAfter"] {
  const freed = new Map<number, Range[]>();
  const positions = positionsOf(sequence);
  for (const { step } of positions) freed.set(step.id, []);
  for (const { last, offset, bytes } of placements) {
    const position = positions[last];
    if (position?.isEnd === true) freed.get(position.step.id)?.push({ offset, bytes });
  }
  return freed;
}

interface Life extends Lifetime {
  first: number;
  last: number;
}

/** From the first step that touches a scratch buffer to the last; what a loop keeps lives as long as the loop. */
function lifetimes(sequence: Sequence, target: TargetTraits): readonly Lifetime[] {
  const lives = new Map<Buffer, Life>();
  const touch = (buffer: Buffer, position: number): void => {
    if (buffer.segment !== "arena") return;
    const life = lives.get(buffer);
    if (life !== undefined) life.last = position;
    else
      lives.set(buffer, {
        buffer,
        bytes: target.bytesOf(buffer.dtype, buffer.count),
        first: position,
        last: position,
      });
  };
  const spans: Span[] = [];
  const open: { readonly first: number; readonly step: Step }[] = [];
  for (const [position, { step, isEnd }] of positionsOf(sequence).entries()) {
    const holds = bodiesOf(step).length > 0;
    // What the step itself names is needed in all of it: a flag too, which threads read one after another.
    for (const buffer of buffersOf(step)) touch(buffer, position);
    if (!holds) continue;
    const last = open[open.length - 1];
    if (!isEnd) open.push({ first: position, step });
    else if (last !== undefined) {
      open.pop();
      if (step.kind !== "if") spans.push({ first: last.first, last: position, body: step });
    }
  }
  for (const span of spans) keepThrough(span, lives.values());
  return [...lives.values()];
}

/** A loop's first and last position. */
interface Span {
  readonly first: number;
  readonly last: number;
  readonly body: Step;
}

/** What lives before or behind a loop and in it lives in all of it; and so does what an iteration may read before it writes it. */
function keepThrough({ first, last, body }: Span, lives: Iterable<Life>): void {
  const isKept = readFirstIn(body);
  for (const life of lives) {
    const isInside = life.first > first && life.last < last;
    const isApart = life.last < first || life.first > last;
    if (isApart || (isInside && !isKept.has(life.buffer))) continue;
    life.first = Math.min(life.first, first);
    life.last = Math.max(life.last, last);
  }
}

/** Buffers that a body reads before it has written them. */
function readFirstIn(outer: Step): ReadonlySet<Buffer> {
  const seen = new Set<Buffer>();
  const found = new Set<Buffer>();
  const see = (buffer: Buffer, reads: boolean): void => {
    if (reads && !seen.has(buffer)) found.add(buffer);
    seen.add(buffer);
  };
  for (const body of bodiesOf(outer)) {
    walkSteps(body, (step) => {
      if (step.kind === "launch") {
        const roles = new Map(step.kernel.buffers.map(({ name, role }) => [name, role]));
        for (const { param, buffer } of step.bindings) see(buffer, roles.get(param) !== "write");
      } else if (step.kind === "copy") {
        see(step.from, true);
        see(step.to, false);
      } else for (const buffer of buffersOf(step)) see(buffer, true);
    });
  }
  return found;
}
