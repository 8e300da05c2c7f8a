/** Where threads meet: only where one hands something to another; and then the numbers are those of one thread. */
import { describe, expect, test } from "vitest";
import { netProgram } from "../../../bench/net-program.ts";
import { netWorkload } from "../../../bench/nets.ts";
import { stepName } from "../../../codegen/wasm/abi.ts";
import type { WasmArtifact } from "../../../codegen/wasm/artifact.ts";
import { areApart, Footprints, type Span, spanOf } from "../../../codegen/wasm/footprints.ts";
import { compileOn, stagesOf } from "../../../src/compile.ts";
import { wasmTarget } from "../../../src/eager-targets.ts";
import * as tl from "../../../src/index.ts";
import type { Index, LoopVar } from "../../../src/kernel/kernel.ts";
import { artifactSteps, type LaunchStep } from "../../../src/program/artifact.ts";
import type { CompiledEntry } from "../../../src/program/compiled.ts";
import { kernelsOf } from "../../../src/program/sequence.ts";
import { moduleImports } from "../../../src/runtime/wasm/worker.ts";
import * as b from "../../kernel-pool.ts";
import { mnistDims, mnistStep } from "../../mnist-step.ts";

const [t, i, j]: readonly [LoopVar, LoopVar, LoopVar] = [
  { name: "t", extent: 100 },
  { name: "i", extent: 32 },
  { name: "j", extent: 64 },
];
const at = (offset: number, ...terms: readonly (readonly [number, LoopVar])[]): Index =>
  b.sumIndex(
    terms.map(([factor, loop]) => ({ factor, index: b.loopIndex(loop) })),
    offset,
  );

describe("what a thread touches", () => {
  const given = new Set(["t"]);
  const share = { loop: "i", from: 16, to: 32 };
  const rows: readonly (readonly [string, Index, Span])[] = [
    ["its rows", at(0, [64, i], [1, j]), { modulus: 0, min: 1024, max: 2047 }],
    ["its rows of a row of a loop", at(0, [2048, t], [64, i], [1, j]), { modulus: 2048, min: 1024, max: 2047 }],
    ["of the next row", at(2048, [2048, t], [64, i], [1, j]), { modulus: 2048, min: 1024, max: 2047 }],
    ["backwards", at(99 * 2048, [-2048, t], [64, i], [1, j]), { modulus: 2048, min: 1024, max: 2047 }],
    ["rows from the end", at(31 * 64, [-64, i], [1, j]), { modulus: 0, min: 0, max: 1023 }],
    ["what goes on in the next row", at(512, [2048, t], [64, i], [1, j]), { modulus: 2048, min: 0, max: 2047 }],
    ["columns", at(0, [64, j], [1, i]), { modulus: 0, min: 16, max: 63 * 64 + 31 }],
    ["places in rows", b.modIndex(at(0, [64, i], [1, j]), 1024), { modulus: 0, min: 0, max: 1023 }],
    ["pairs of rows", b.floorDivIndex(at(0, [64, i], [1, j]), 128), { modulus: 0, min: 8, max: 15 }],
    ["places in rows of an iteration", b.modIndex(at(0, [1, t], [64, i]), 70), { modulus: 0, min: 0, max: 69 }],
  ];
  test.each(rows)("%s", (_, index, expected) => {
    expect(spanOf(index, given, share)).toEqual(expected);
  });

  test("two spans are apart in all iterations where they have one modulus and ranges apart", () => {
    const span = (modulus: number, min: number, max: number): Span => ({ modulus, min, max });
    expect(areApart(span(64, 0, 31), span(64, 32, 63))).toBe(true);
    expect(areApart(span(64, 0, 32), span(64, 32, 63))).toBe(false);
    expect(areApart(span(64, 0, 31), span(128, 32, 63))).toBe(false);
    expect(areApart(span(0, 0, 31), span(64, 32, 63))).toBe(false);
  });
});

// ---- programs --------------------------------------------------------------------------------------------------------

type Floats = tl.Tensor<[number, number], "f32">;

/** h = what `turn` makes of tanh(x + h u), for 20 steps, its gate in a kernel of its own. */
function recurrent(rows: number, turn: (h: Floats) => Floats) {
  const width = 64;
  return tl.program({
    inputs: { xs: tl.f32(20, rows, 4 * width), h: tl.f32(rows, width), u: tl.f32(width, 4 * width) },
    step: ({ xs, h, u }) => {
      const { carry } = tl.scan(
        (before: Floats, x) => {
          const z = tl.add(x as Floats, tl.matmul(before, u)) as Floats;
          const part = (k: number): Floats => tl.slice(z, null, [k * width, (k + 1) * width]) as Floats;
          const next = tl.mul(tl.sigmoid(part(0)), tl.tanh(tl.add(part(1), tl.mul(part(2), part(3)))));
          return { carry: turn(next as Floats) };
        },
        h as Floats,
        xs,
      );
      return { outputs: { h: carry } };
    },
  });
}

const asItIs = (h: Floats): Floats => h;
const upsideDown = (h: Floats): Floats => tl.flip(h, [0]) as Floats;

function meetingsIn(program: ReturnType<typeof recurrent>, threads: number) {
  const { sequence, layout } = stagesOf(program, "step", {}, wasmTarget({ threads }));
  const kernels = kernelsOf(sequence);
  const [loop] = artifactSteps(sequence, layout).filter((step) => step.kind === "loop");
  const body = (loop?.body ?? []).filter((step): step is LaunchStep => step.kind === "launch");
  const launches = body.flatMap((step) => {
    const kernel = kernels[step.kernel];
    return kernel === undefined ? [] : [{ step, kernel }];
  });
  const { before, atEnd } = new Footprints(threads).inLoop(launches);
  return { launches: launches.length, before: before.size, atEnd };
}

test.each([
  ["never where each thread has its rows", recurrent(32, asItIs), 2, { launches: 2, before: 0, atEnd: false }],
  ["where a thread reads the rows of another", recurrent(32, upsideDown), 2, { launches: 3, before: 1, atEnd: true }],
  ["where rows are too few to share", recurrent(16, asItIs), 2, { launches: 2, before: 1, atEnd: true }],
  ["where rows do not divide", recurrent(32, asItIs), 3, { launches: 2, before: 1, atEnd: true }],
])("threads meet %s", (_, program, threads, expected) => {
  expect(meetingsIn(program, threads)).toEqual(expected);
});

// ---- launches in a row -----------------------------------------------------------------------------------------------

const crewOf = (threads: number) => ({ threads, sparing: false, shared: true });

/** The launches of a program that has nothing else, in the groups between which threads meet. */
function groupsOf(program: tl.Program, dims: Readonly<Record<string, number>>, threads: number) {
  const target = wasmTarget({ threads, vectors: 128 });
  const { sequence, entry } = stagesOf(program, "train", dims, target, {}, { crew: crewOf(threads) });
  const kernels = kernelsOf(sequence);
  const launches = entry.artifact.steps.flatMap((step) => {
    const kernel = step.kind === "launch" ? kernels[step.kernel] : undefined;
    return step.kind !== "launch" || kernel === undefined ? [] : [{ step, kernel }];
  });
  expect(launches).toHaveLength(entry.artifact.steps.length);
  const meetings = new Footprints(threads).inRow(launches);
  const groups: LaunchStep[][] = [];
  for (const { step } of launches) {
    const last = groups[groups.length - 1];
    if (last === undefined || meetings.has(step)) groups.push([step]);
    else last.push(step);
  }
  return { entry: entry as CompiledEntry<WasmArtifact>, groups };
}

/** All of memory after the launches, when the threads run each group one after the other in this order. */
function memoryAfter({ entry, groups }: ReturnType<typeof groupsOf>, order: readonly number[]): Uint8Array {
  const { module: bytes, bases, end } = entry.artifact;
  const pages = Math.ceil(end / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Float32Array(memory.buffer, 0, Math.floor(end / 4)).forEach((_, n, all) => {
    all[n] = Math.sin(n * 0.7) / 2;
  });
  for (const { buffer } of entry.inputs) {
    if (buffer.dtype !== "f32") new Uint8Array(memory.buffer, bases.input + buffer.offset, buffer.bytes).fill(0);
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), moduleImports(memory));
  for (const group of groups) {
    for (const thread of order) {
      for (const { id } of group) (exports[stepName(id)] as (thread: number) => void)(thread);
    }
  }
  return new Uint8Array(memory.buffer, 0, bases.panels).slice(); // panels are each thread's own
}

test("threads meet in the MNIST step where one reads what another has written", () => {
  const { groups } = groupsOf(mnistStep(tl.rmsprop()), mnistDims, 2);
  expect(groups.map((group) => group.map(({ label }) => label.replace(/_.*/, "")).join(" "))).toEqual([
    "k0",
    "k1 k2",
    "k3 k4",
    "k5 k6",
  ]);
});

test.each([
  ["a step of dense layers", mnistStep(tl.adam(), 96), 32],
  ["a step of a convolution", netProgram(netWorkload("c5", 4)), 4],
  ["a step of a transformer block", netProgram(netWorkload("block", 2)), 2],
] as const)("between meetings it does not matter which thread goes first: %s", (_, program, batch) => {
  for (const threads of [2, 3, 8]) {
    const made = groupsOf(program as tl.Program, { batch }, threads);
    const order = Array.from({ length: threads }, (__, thread) => thread);
    const found = [order, order.toReversed(), [...order.slice(1), 0]].map((each) => memoryAfter(made, each));
    for (const other of found) expect(Buffer.compare(other, found[0] ?? new Uint8Array())).toBe(0);
  }
});

test.each([
  ["rows of their own", recurrent(64, asItIs)],
  ["rows of each other", recurrent(64, upsideDown)],
])("%s have the bits of one thread", async (_, program) => {
  const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, k) => Math.sin(k * k) / 4);
  const feeds = { xs: numbers(20 * 64 * 256), h: numbers(64 * 64), u: numbers(64 * 256) };
  const found: Float32Array[] = [];
  for (const threads of [1, 2, 3, 4]) {
    const executable = await compileOn(program, wasmTarget({ threads }));
    for (let round = 0; round < 10; round++) {
      const { h } = await executable.run({ entry: "step", feeds });
      found.push(Float32Array.from(h as Float32Array));
    }
    executable.dispose();
  }
  expect(found.findIndex((one) => one.some((value, k) => value !== found[0]?.[k]))).toBe(-1);
});
