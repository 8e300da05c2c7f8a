/**
 * Random sequences with loops: unrolled, every read finds what its buffer was last given, whatever else was written to the same bytes.
 * Kernels are made up: they touch all of the buffers that they are bound to.
 */
import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { layout } from "../../passes/plan/layout.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import type { BufferParam, Kernel } from "../../src/kernel/kernel.ts";
import type { Buffer, BufferSlot } from "../../src/program/buffer.ts";
import { type Launch, positionsOf, type Sequence, type Step } from "../../src/program/sequence.ts";
import { bufferOf } from "../buffers.ts";
import { type Property, property } from "./property.ts";

/** What a random step does: launches name buffers by numbers, of those that are defined where it stands. */
type Plan =
  | { readonly kind: "launch"; readonly reads: readonly number[]; readonly write: number; readonly isUpdate: boolean }
  | {
      readonly kind: "loop";
      readonly times: number;
      readonly carried: readonly number[];
      readonly body: readonly Plan[];
    }
  | { readonly kind: "if"; readonly isTaken: boolean; readonly body: readonly Plan[] };

const launch = fc.record({
  kind: fc.constant("launch" as const),
  reads: fc.array(fc.nat(), { maxLength: 3 }),
  write: fc.integer({ min: 1, max: 400 }),
  isUpdate: fc.boolean(),
});

const { plans } = fc.letrec<{ plans: readonly Plan[]; plan: Plan }>((tie) => ({
  plans: fc.array(tie("plan"), { minLength: 1, maxLength: 6 }),
  plan: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: launch, weight: 4 },
    {
      arbitrary: fc.record({
        kind: fc.constant("loop" as const),
        times: fc.integer({ min: 1, max: 3 }),
        carried: fc.array(fc.nat(), { maxLength: 2 }),
        body: tie("plans"),
      }),
      weight: 2,
    },
    {
      arbitrary: fc.record({ kind: fc.constant("if" as const), isTaken: fc.boolean(), body: tie("plans") }),
      weight: 1,
    },
  ),
}));

class Writer {
  #ids = 0;
  readonly #taken = new Set<number>();

  /** `known`: buffers that hold something here. What a body makes is known in it alone, but for what it carries. */
  sequence(plans: readonly Plan[], known: Buffer[]): Sequence {
    return plans.flatMap((plan): Sequence => {
      const pick = (numbers: readonly number[]): readonly Buffer[] => [
        ...new Set(numbers.flatMap((at) => (known.length === 0 ? [] : (known[at % known.length] ?? [])))),
      ];
      if (plan.kind === "launch") {
        const reads = pick(plan.reads);
        const [first] = reads;
        if (plan.isUpdate && first !== undefined) return [this.#launch(reads.slice(1), first, "update")];
        const made = bufferOf(`b${this.#ids}`, plan.write);
        const step = this.#launch(reads, made, "write");
        known.push(made);
        return [step];
      }
      const id = this.#ids++;
      if (plan.kind === "loop") {
        const loop = { name: `t${id}`, extent: plan.times };
        const body = this.sequence(plan.body, [...known]);
        return [{ kind: "loop", id, name: loop.name, loop, body, carried: pick(plan.carried) }];
      }
      const flag = bufferOf(`flag${id}`, 1, "arena", "bool");
      const test = this.#launch([], flag, "write");
      if (plan.isTaken) this.#taken.add(id);
      return [test, { kind: "if", id, name: `if${id}`, flag, yes: this.sequence(plan.body, [...known]), no: [] }];
    });
  }

  isTaken(id: number): boolean {
    return this.#taken.has(id);
  }

  #launch(reads: readonly Buffer[], writes: Buffer, role: BufferParam["role"]): Launch {
    const bound = [...reads.map((buffer) => ({ buffer, role: "read" as const })), { buffer: writes, role }];
    const buffers = bound.map(({ buffer: { name, dtype, count }, role }) => ({ name, element: dtype, count, role }));
    const kernel: Kernel = {
      name: "k",
      buffers,
      shared: [],
      iterations: [],
      nests: [],
      flops: 0,
      bytes: 0,
      schedule: [],
    };
    const bindings = bound.map(({ buffer }) => ({ param: buffer.name, buffer }));
    return { kind: "launch", id: this.#ids++, name: "k", kernel, bindings, iterations: [], nodes: [] };
  }
}

/** Runs it with bytes that know who wrote them. */
class Memory {
  readonly #owners: (Buffer | undefined)[];
  readonly #slots: ReadonlyMap<Buffer, BufferSlot>;
  readonly #freed: ReadonlyMap<number, readonly { readonly offset: number; readonly bytes: number }[]>;

  constructor(bytes: number, slots: ReadonlyMap<Buffer, BufferSlot>, freed: Memory["freed"]) {
    this.#owners = new Array<Buffer | undefined>(bytes).fill(undefined);
    this.#slots = slots;
    this.#freed = freed;
  }

  get freed() {
    return this.#freed;
  }

  run(sequence: Sequence, isTaken: (id: number) => boolean): void {
    for (const step of sequence) {
      this.#step(step, isTaken);
      for (const { offset, bytes } of this.#freed.get(step.id) ?? [])
        this.#owners.fill(undefined, offset, offset + bytes);
    }
  }

  #step(step: Step, isTaken: (id: number) => boolean): void {
    if (step.kind === "launch") {
      for (const [i, { buffer }] of step.bindings.entries()) {
        const role = step.kernel.buffers[i]?.role;
        if (role !== "write") this.#read(buffer);
      }
      const written = step.bindings.at(-1)?.buffer;
      if (written !== undefined) this.#owners.fill(written, ...this.#range(written));
    } else if (step.kind === "loop") {
      for (let i = 0; i < step.loop.extent; i += 1) this.run(step.body, isTaken);
    } else if (step.kind === "if") {
      this.#read(step.flag);
      this.run(isTaken(step.id) ? step.yes : step.no, isTaken);
      this.#read(step.flag); // a thread may look late
    }
  }

  #read(buffer: Buffer): void {
    const [from, to] = this.#range(buffer);
    for (let at = from; at < to; at += 1) ok(this.#owners[at] === buffer, `${buffer.name} has lost byte ${at - from}`);
  }

  #range(buffer: Buffer): readonly [number, number] {
    const slot = this.#slots.get(buffer);
    ok(slot !== undefined);
    return [slot.offset, slot.offset + slot.bytes];
  }
}

export const loopLifetimeProperties: readonly Property[] = [
  property(
    "what a sequence with loops reads is what was last written there, in every iteration",
    150,
    fc.property(plans, (some) => {
      const writer = new Writer();
      const sequence = writer.sequence(some, []);
      const made = layout(sequence, { state: [], input: [], output: [], held: [] }, jsTarget.traits, true);
      const memory = new Memory(made.segmentBytes.arena, made.buffers, made.freedAfter);
      memory.run(sequence, (id) => writer.isTaken(id));
    }),
  ),
  property(
    "a step that holds others has a place before them and one behind",
    100,
    fc.property(plans, (some) => {
      const sequence = new Writer().sequence(some, []);
      const positions = positionsOf(sequence);
      const ends = positions.filter(({ isEnd }) => isEnd).map(({ step }) => step);
      strictEqual(new Set(ends).size, ends.length);
      strictEqual(positions.length, ends.length + ends.filter(({ kind }) => kind !== "launch").length);
    }),
  ),
];
