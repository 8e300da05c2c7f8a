/**
 * Small launches in one: which are joined, and that what comes of them computes the same bytes, without races, at the addresses of the plan.
 */
import { describe, expect, test } from "vitest";
import { fedStepProgram } from "../../bench/gpu/programs.ts";
import { bindTarget } from "../../codegen/target.ts";
import { joinedLaunches } from "../../codegen/wgsl/join.ts";
import { softwareTuning, wgslTuning } from "../../codegen/wgsl/policy/tuning.ts";
import { wgsl } from "../../codegen/wgsl/target.ts";
import { stagesOf } from "../../src/compile.ts";
import type { Program } from "../../src/dsl/program.ts";
import {
  add,
  argmax,
  f32,
  greater,
  i32,
  matmul,
  mul,
  program,
  slot,
  softmax,
  sum,
  where,
  zeros,
} from "../../src/index.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel, findFaults } from "../../src/kernel/evaluate.ts";
import type { Memory } from "../../src/kernel/evaluate-memory.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { routineFor } from "../../src/kernel/maths/library.ts";
import type { BufferSlot, Segment } from "../../src/program/buffer.ts";
import { type Launch, launchesOf } from "../../src/program/sequence.ts";
import { h100 } from "../h100.ts";

/** Numbers, integers and bools, states that change, and rows that a workgroup shares. */
const mixed = program({
  inputs: { x: f32(6, 7), pick: i32(6) },
  state: { w: slot(zeros(7, 33)), n: slot(zeros(6), { dtype: "i32" }) },
  entries: {
    step({ x, pick }, { w, n }) {
      const rows = softmax(matmul(x, w));
      const [best, isGood] = [argmax(rows, { axis: 1 }), greater(sum(mul(rows, rows), { axis: 1 }), 0.2)];
      const next = { n: where(isGood, best, add(n, pick)), w: add(w, sum(rows)) };
      return { outputs: { best, isGood, total: sum(rows) }, next };
    },
  },
});

const small = fedStepProgram({ inputs: 8, hidden: 8, batch: 4 });

function compiled(of: Program<unknown>, name: string, isSoftware: boolean) {
  const facts = { ...h100, isSoftware };
  const { sequence, entry } = stagesOf(of, name, {}, bindTarget(wgsl, facts));
  const joined = joinedLaunches(sequence, entry, facts, isSoftware ? softwareTuning : wgslTuning);
  return { sequence, entry, joined };
}

type Compiled = ReturnType<typeof compiled>;

/** All segments, with something in each slot: bools are words, as on a GPU. */
function memoryOf({ entry }: Compiled): (slot: BufferSlot) => Memory {
  const segments = new Map<Segment, ArrayBuffer>();
  const memory = ({ segment, dtype, offset, count }: BufferSlot): Memory => {
    const all = segments.get(segment) ?? new ArrayBuffer(entry.segmentBytes[segment]);
    segments.set(segment, all);
    const View = dtype === "f32" ? Float32Array : dtype === "i32" ? Int32Array : Uint32Array;
    return { element: dtype, data: new View(all, offset, count) };
  };
  for (const slot of entry.buffers.values()) {
    if (slot.segment === "arena") continue;
    const { data } = memory(slot);
    for (let i = 0; i < data.length; i++) data[i] = slot.dtype === "f32" ? Math.sin(7 * i + slot.id) : i % 5;
  }
  return memory;
}

/** What runs leave in every word. */
function bytesOf({ entry }: Compiled, memory: (slot: BufferSlot) => Memory): readonly (readonly number[])[] {
  return (["state", "output"] as const).map((segment) => {
    const bytes = entry.segmentBytes[segment];
    const whole = {
      id: -1,
      segment,
      name: segment,
      dtype: "u32",
      shape: [],
      count: bytes / 4,
      offset: 0,
      bytes,
    } as const;
    return Array.from(memory(whole).data as Uint32Array);
  });
}

function runJoined(
  of: Compiled,
  memory: (slot: BufferSlot) => Memory,
  seed: number,
  kernelOf = (kernel: Kernel) => kernel,
): readonly string[] {
  return of.joined.flatMap(({ kernel, bindings }) => {
    const buffers = new Map(bindings.map(({ param, buffer }) => [param, memory(buffer)]));
    return findFaults(kernelOf(kernel), buffers, { seed, routines: routineFor });
  });
}

function runApart(of: Compiled, memory: (slot: BufferSlot) => Memory): void {
  for (const { kernel, bindings } of launchesOf(of.sequence)) {
    const slots = bindings.map(({ param, buffer }) => [param, of.entry.buffers.get(buffer)] as const);
    const buffers = new Map(
      slots.flatMap(([param, slot]) => (slot === undefined ? [] : [[param, memory(slot)] as const])),
    );
    evaluateKernel(kernel, buffers, { routines: routineFor });
  }
}

function barriersOf({ nests }: Kernel): number {
  return nests[0]?.body.filter((stmt) => stmt.kind === "barrier" && stmt.of === "buffers").length ?? 0;
}

function withoutBarrier(kernel: Kernel, which: number): Kernel {
  let n = 0;
  const isLeft = ({ kind }: { readonly kind: string }): boolean => kind !== "barrier" || n++ !== which;
  return { ...kernel, nests: kernel.nests.map((nest) => ({ ...nest, body: nest.body.filter(isLeft) })) };
}

describe.each([
  { title: "a small net's step", of: small, name: "train" },
  { title: "integers, bools and shared rows", of: mixed, name: "step" },
])("$title", ({ of, name }) => {
  test.each([true, false])("is one launch; on a software adapter: %s", (isSoftware) => {
    const made = compiled(of, name, isSoftware);
    const { sequence, joined, entry } = made;
    expect(joined.map(({ launches }) => launches.map(({ id }) => id))).toEqual([sequence.map(({ id }) => id)]);
    expect(sequence.length).toBeGreaterThan(3);
    for (const { kernel } of joined) {
      expect(checkKernel(kernel)).toBe(null);
      expect(kernel.buffers.length).toBeLessThanOrEqual(4);
    }
    const [apart, together] = [memoryOf(made), memoryOf(made)];
    runApart(made, apart);
    expect(runJoined(made, together, 3)).toEqual([]);
    expect(bytesOf(made, together)).toEqual(bytesOf(made, apart));
    expect(bytesOf(made, together)).not.toEqual(bytesOf(made, memoryOf(made)));
    const [told] = entry.artifact.joined;
    expect(told?.steps).toEqual(sequence.map(({ id }) => id));
    expect(told?.module.source.match(/storageBarrier\(\)/g)?.length).toBe(barriersOf(joined[0]?.kernel as Kernel));
  });

  test("each barrier is needed", () => {
    const made = compiled(of, name, false);
    const count = Math.max(...made.joined.map(({ kernel }) => barriersOf(kernel)));
    expect(count).toBeGreaterThan(1);
    for (let which = 0; which < count; which++) {
      const faults = runJoined(made, memoryOf(made), 1, (kernel) => withoutBarrier(kernel, which));
      expect(faults.join()).toMatch(/race/);
    }
  });
});

test("no segment is bound over more than every GPU binds, whichever launch needs it", () => {
  const { sequence, entry } = compiled(small, "train", false);
  const statesOf = ({ bindings }: Launch) =>
    bindings.flatMap(({ buffer }) => (entry.buffers.get(buffer)?.segment === "state" ? [buffer] : []));
  const launches = launchesOf(sequence);
  const [two, none] = [2, 0].map((count) => launches.find((launch) => statesOf(launch).length === count));
  if (two === undefined || none === undefined) throw new Error("no such launches");
  const far = statesOf(two).at(-1);
  for (const [by, count] of [
    [2 ** 20, 1],
    [2 ** 27, 0],
  ] as const) {
    const slots = [...entry.buffers].map(([buffer, slot]) => [buffer, buffer === far ? { ...slot, offset: slot.offset + by } : slot] as const); // biome-ignore format: one line
    for (const steps of [
      [two, none],
      [none, two],
    ]) {
      expect(joinedLaunches(steps, { ...entry, buffers: new Map(slots) }, h100, wgslTuning).length).toBe(count);
    }
  }
});

test("what is larger than a launch is worth stays by itself, and so does what is launched often", () => {
  const mnist = fedStepProgram({ inputs: 784, hidden: 512, batch: 128 });
  for (const isSoftware of [true, false]) expect(compiled(mnist, "train", isSoftware).joined).toEqual([]);
  const { sequence, entry } = compiled(small, "train", true);
  const often = [...sequence, ...sequence.map((step, i) => ({ ...step, id: 100 + i })), ...sequence.map((step, i) => ({ ...step, id: 200 + i }))]; // biome-ignore format: one line
  expect(joinedLaunches(often, entry, h100, wgslTuning)).toEqual([]);
  const twice = joinedLaunches(often.slice(0, 2 * sequence.length), entry, h100, wgslTuning);
  expect(twice.map(({ launches }) => launches.length)).toEqual([2 * sequence.length].map((all) => Math.min(16, all)));
});
