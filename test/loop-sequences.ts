/**
 * Sequences with loops, written by hand: rows that loops choose, values that stay from one iteration to the next, loops in loops,
 * loops that a flag ends. Run on a target as the pipeline runs its own.
 *
 *   h = h0; for t < 3, for u < 4: h = h / 2 + xs[t, u]; z = h + 10 t + u; rows[t, 3 - u] = z
 */
import { layout } from "../passes/plan/layout.ts";
import { scheduleKernel } from "../passes/schedule/schedule.ts";
import { checkKernels, checkLayout } from "../passes/verify.ts";
import type { BufferParam, Expr, Index, Kernel, LoopVar } from "../src/kernel/kernel.ts";
import type { Buffer } from "../src/program/buffer.ts";
import type { CompiledEntry } from "../src/program/compiled.ts";
import { type Copy, type Launch, mapKernels, type Row, type Sequence } from "../src/program/sequence.ts";
import type { MachineOptions } from "../src/runtime/machine.ts";
import type { TypedArray } from "../src/runtime/typed-arrays.ts";
import type { TargetSetup } from "../src/target-setup.ts";
import { bufferOf } from "./buffers.ts";
import * as b from "./kernel-pool.ts";

export interface LoopCase {
  readonly name: string;
  readonly sequence: Sequence;
  readonly inputs: readonly { readonly buffer: Buffer; readonly values: readonly number[] }[];
  readonly outputs: readonly { readonly buffer: Buffer; readonly expected: readonly number[] }[];
  /** Launches in a run, those of every iteration. */
  readonly launches: number;
}

const n = 5;
const i: LoopVar = { name: "i", extent: n };
const at = b.loopIndex(i);
const f32 = (value: number): Expr => b.constant("f32", value);
const load = (buffer: string, index: Index = at): Expr => b.load("f32", buffer, index);
const add = (x: Expr, y: Expr): Expr => b.apply("add", x, y);

interface Param {
  readonly role: BufferParam["role"];
  readonly buffer: Buffer;
}

let ids = 0;

/** A launch of a kernel of one nest over i; buffers are called by their names. */
function launch(
  name: string,
  params: readonly Param[],
  body: Kernel["nests"][number]["body"],
  at: readonly LoopVar[] = [],
): Launch {
  const buffers = params.map(({ role, buffer }) => ({
    name: buffer.name,
    element: buffer.dtype,
    count: buffer.count,
    role,
  }));
  const loops = body.some((stmt) => stmt.kind === "store" && stmt.at.kind === "const") ? [] : [i];
  const kernel: Kernel = {
    name,
    buffers,
    shared: [],
    iterations: at,
    nests: [{ loops: loops.map((loop) => ({ loop, mark: "parallel" })), prelude: [], body }],
    flops: 0,
    bytes: 0,
    schedule: [],
  };
  const bindings = params.map(({ buffer }) => ({ param: buffer.name, buffer }));
  return { kind: "launch", id: ids++, name, kernel, bindings, iterations: at, nodes: [] };
}

function copy(from: Buffer, to: Buffer, toRow?: Row): Copy {
  return { kind: "copy", id: ids++, from, to, ...(toRow === undefined ? {} : { toRow }) };
}

function rows(): LoopCase {
  const [t, u]: readonly LoopVar[] = [
    { name: "t", extent: 3 },
    { name: "u", extent: 4 },
  ];
  if (t === undefined || u === undefined) throw new Error("loops");
  const xs = bufferOf("xs", 3 * 4 * n, "input");
  const h0 = bufferOf("h0", n, "input");
  const [h, z, unused] = [bufferOf("h", n), bufferOf("z", n), bufferOf("unused", 7)];
  const stacked = bufferOf("rows", 3 * 4 * n, "output");
  const last = bufferOf("last", n, "output");
  const place = b.sumIndex([
    { factor: 4 * n, index: b.loopIndex(t) },
    { factor: n, index: b.loopIndex(u) },
    { factor: 1, index: at },
  ]);
  const step = launch(
    "step",
    [
      { role: "update", buffer: h },
      { role: "read", buffer: xs },
    ],
    [b.store("h", at, add(b.apply("mul", load("h"), f32(0.5)), load("xs", place)))],
    [t, u],
  );
  const count = b.convert(
    "f32",
    b.sumIndex([
      { factor: 10, index: b.loopIndex(t) },
      { factor: 1, index: b.loopIndex(u) },
    ]),
  );
  const shown = launch(
    "shown",
    [
      { role: "read", buffer: h },
      { role: "write", buffer: z },
    ],
    [b.store("z", at, add(load("h"), count))],
    [t, u],
  );
  const back: Row = {
    count: n,
    offset: 3 * n,
    strides: [
      { loop: t, by: 4 * n },
      { loop: u, by: -n },
    ],
  };
  // Something that lives behind the loop alone, and so where z was.
  const fill = launch("fill", [{ role: "write", buffer: unused }], [b.store("unused", at, f32(7))]);
  const inner = [step, shown, copy(z, stacked, back)];
  const sequence: Sequence = [
    copy(h0, h),
    {
      kind: "loop",
      id: ids++,
      name: "outer",
      loop: t,
      body: [{ kind: "loop", id: ids++, name: "inner", loop: u, body: inner, carried: [h] }],
      carried: [],
    },
    fill,
    copy(h, last),
  ];
  const given = Array.from({ length: 3 * 4 * n }, (_, at) => (at % 7) - 3);
  let hidden = [1, 2, 3, 4, 5];
  const wanted = new Array<number>(3 * 4 * n).fill(0);
  for (let ti = 0; ti < 3; ti += 1) {
    for (let ui = 0; ui < 4; ui += 1) {
      hidden = hidden.map((value, k) => value / 2 + (given[20 * ti + 5 * ui + k] ?? 0));
      for (const [k, value] of hidden.entries()) wanted[20 * ti + 5 * (3 - ui) + k] = value + 10 * ti + ui;
    }
  }
  return {
    name: "loops in loops, rows forwards and backwards",
    sequence,
    inputs: [
      { buffer: xs, values: given },
      { buffer: h0, values: [1, 2, 3, 4, 5] },
    ],
    outputs: [
      { buffer: stacked, expected: wanted },
      { buffer: last, expected: hidden },
    ],
    launches: 25,
  };
}

/** x grows by its own half as long as its first element is below 20; then y is x, or -x where it ran into the limit. */
function untilLarge(start: number, most: number): LoopCase {
  const x0 = bufferOf("x0", n, "input");
  const [x, flag] = [bufferOf("x", n), bufferOf("flag", 1, "arena", "bool")];
  const y = bufferOf("y", n, "output");
  const zero = b.constIndex(0);
  const test = launch(
    "test",
    [
      { role: "read", buffer: x },
      { role: "write", buffer: flag },
    ],
    [b.store("flag", zero, b.apply("lt", load("x", zero), f32(20)))],
  );
  const grow = launch(
    "grow",
    [{ role: "update", buffer: x }],
    [b.store("x", at, add(load("x"), b.apply("mul", load("x"), f32(0.5))))],
  );
  const negative = launch(
    "negative",
    [
      { role: "read", buffer: x },
      { role: "write", buffer: y },
    ],
    [b.store("y", at, b.apply("neg", load("x")))],
  );
  const sequence: Sequence = [
    copy(x0, x),
    { kind: "while", id: ids++, name: "until", test: [test], flag, most, body: [grow], carried: [x] },
    { kind: "if", id: ids++, name: "either", flag, yes: [negative], no: [copy(x, y)] },
  ];
  let [now, steps] = [[start, 2, -3, 0.5, 8], 0];
  for (; (now[0] ?? 0) < 20 && steps < most; steps += 1) now = now.map((value) => value * 1.5);
  const isShort = (now[0] ?? 0) < 20;
  return {
    name: `while, from ${start}, at most ${most}`,
    sequence,
    inputs: [{ buffer: x0, values: [start, 2, -3, 0.5, 8] }],
    outputs: [{ buffer: y, expected: now.map((value) => (isShort ? -value : value)) }],
    launches: 2 * steps + 1 + (isShort ? 1 : 0),
  };
}

/** Without branches: every target has these. */
export const loopCases: readonly LoopCase[] = [rows()];

export const branchCases: readonly LoopCase[] = [untilLarge(1, 100), untilLarge(1, 3), untilLarge(32, 100)];

/** Compiles and runs a case, and gives its outputs. */
export async function runLoopCase(
  { sequence, inputs, outputs }: LoopCase,
  setup: TargetSetup,
  options: MachineOptions = {},
): Promise<readonly (readonly number[])[]> {
  checkKernels("by hand", sequence);
  const scheduled = mapKernels(sequence, (kernel) => setup.legalize(scheduleKernel(kernel, setup.scheduling)));
  const declared = {
    state: [],
    held: [],
    input: inputs.map(({ buffer }) => buffer),
    output: outputs.map(({ buffer }) => buffer),
  };
  const planned = checkLayout(scheduled, layout(scheduled, declared, setup.traits, true));
  const machine = await setup.machine(0, options);
  try {
    const entry: CompiledEntry<ReturnType<ReturnType<TargetSetup["printer"]>>> = {
      name: "by hand",
      dims: {},
      artifact: setup.printer()(scheduled, planned, machine.crew),
      buffers: planned.buffers,
      inputs: planned.declared.input.map((buffer) => ({
        path: buffer.name,
        parts: [buffer.name],
        buffer,
        used: true,
        below: null,
      })),
      outputs: new Map(planned.declared.output.map((slot) => [slot.name, slot])),
      segmentBytes: planned.segmentBytes,
      freedAfter: planned.freedAfter,
    };
    const runner = await machine.prepare(entry);
    for (const [input, { values }] of inputs.entries()) runner.feed(input, Float32Array.from(values));
    runner.run();
    runner.run(); // what the first left behind does no harm
    const read: TypedArray[] = [];
    for (const slot of planned.declared.output) read.push(await runner.read(slot));
    return read.map((values) => [...values]);
  } finally {
    machine.dispose();
  }
}
