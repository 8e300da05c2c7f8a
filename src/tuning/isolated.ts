/**
 * A kernel by itself: an entry that does nothing but launch it, on buffers of the sizes that it has in the program, for measuring.
 *
 *   ... launch k3_contract_sub(t18 = %18, w = state w) ...    ->    entry k3_contract_sub: inputs b0, states b1, b2; one launch
 *
 * What is an input stays one, as kernels may be printed otherwise for those; everything else becomes a state, which can be written and
 * read. Loops around the launch stand around it here too, with few iterations. Floats are between 1/4 and 1, so that no number of runs
 * leads to subnormals or infinities by itself; whole numbers are 0, which is a place of whatever they may be an index into.
 */
import type { Candidate } from "../../codegen/target.ts";
import { shapeKey } from "../../passes/kernel/shape-key.ts";
import { layout } from "../../passes/plan/layout.ts";
import { scheduleSequence } from "../../passes/schedule/sequence.ts";
import { CompilerBug } from "../core/errors.ts";
import { there } from "../core/records.ts";
import type { Kernel, LoopVar } from "../kernel/kernel.ts";
import { KernelPool } from "../kernel/kernel-pool.ts";
import type { Artifact, Crew } from "../program/artifact.ts";
import { type Buffer, type BufferSlot, Buffers } from "../program/buffer.ts";
import type { CompiledEntry } from "../program/compiled.ts";
import { kernelsOf, type Launch, type LoopStep, mapKernels, type Sequence } from "../program/sequence.ts";
import { arrayTypeOf, type TypedArray } from "../runtime/typed-arrays.ts";
import type { TargetSetup } from "../target-setup.ts";

/** Iterations of a loop around a launch. */
const fewIterations = 4;

export interface Isolated {
  readonly entry: CompiledEntry<Artifact>;
  /** How it was scheduled. */
  readonly kernels: readonly Kernel[];
  /** The shapes of all kernels that were to be scheduled on the way: its own, and those that it was cut into. */
  readonly keys: readonly string[];
  readonly inputs: readonly BufferSlot[];
  readonly states: readonly BufferSlot[];
  /** Of the states, those that it changes where they lie: a run leaves other values behind. */
  readonly updated: readonly BufferSlot[];
  readonly written: readonly BufferSlot[];
  /** Four bytes that nobody uses: who has read them has waited. */
  readonly tick: BufferSlot;
}

/** The entry that launches a kernel, which the candidate schedules; the usual way where there is none. Throws where that is not legal. */
export function isolate(launch: Launch, target: TargetSetup, crew: Crew, candidate?: Candidate): Isolated {
  const buffers = new Buffers();
  const made = new Map<Buffer, Buffer>();
  for (const { buffer } of launch.bindings) {
    if (made.has(buffer)) continue;
    made.set(buffer, buffers.named(buffer.segment === "input" ? "input" : "state", `b${made.size}`, buffer));
  }
  const tick = buffers.named("state", "tick", { dtype: "f32", shape: [1] });
  const of = (buffer: Buffer): Buffer => there(made.get(buffer), `buffer for ${buffer.name}`);
  const own = launch.bindings.map(({ param, buffer }) => ({ param, buffer: of(buffer) }));
  const written = own.filter(({ param }) => roleOf(launch.kernel, param) !== "read").map(({ buffer }) => buffer);
  const updated = own.filter(({ param }) => roleOf(launch.kernel, param) === "update").map(({ buffer }) => buffer);

  const keys = new Set<string>();
  const scheduling = candidate?.scheduling ?? target.scheduling;
  const noting: typeof target.scheduling = {
    ...target.scheduling,
    tuned(kernel) {
      keys.add(shapeKey(kernel));
      return { scheduling, refused: refuse };
    },
  };
  const lowered = inLoops({ ...launch, bindings: own }, written);
  const scheduled = scheduleSequence(
    lowered,
    { ...target, scheduling: noting },
    { kernels: new KernelPool(), buffers },
  );
  const sequence = mapKernels(scheduled, (kernel) => target.legalize(kernel));
  const all = [...new Set(made.values())];
  const state = [...all.filter(({ segment }) => segment === "state"), tick];
  const input = all.filter(({ segment }) => segment === "input");
  const places = layout(sequence, { state, input, held: [], output: [] }, target.traits, true);
  const slot = (buffer: Buffer): BufferSlot => there(places.buffers.get(buffer), `place of ${buffer.name}`);
  const entry: CompiledEntry<Artifact> = {
    name: launch.name,
    dims: {},
    artifact: target.printer()(sequence, places, crew),
    buffers: places.buffers,
    inputs: input.map((buffer) => ({
      path: buffer.name,
      parts: [buffer.name],
      buffer: slot(buffer),
      used: true,
      below: null,
    })),
    outputs: new Map(),
    segmentBytes: places.segmentBytes,
    freedAfter: places.freedAfter,
  };
  return {
    entry,
    kernels: kernelsOf(scheduled),
    keys: [...keys],
    inputs: input.map(slot),
    states: state.map(slot),
    updated: [...new Set(updated)].map(slot),
    written: [...new Set(written)].map(slot),
    tick: slot(tick),
  };
}

function roleOf({ buffers }: Kernel, param: string): string | undefined {
  return buffers.find(({ name }) => name === param)?.role;
}

function refuse(reason: string): never {
  throw new CompilerBug(reason);
}

/** The launch in the loops whose iterations it is told. */
function inLoops(launch: Launch, carried: readonly Buffer[]): Sequence {
  const loops = new Map<LoopVar, LoopVar>();
  for (const loop of launch.iterations) loops.set(loop, { ...loop, extent: Math.min(fewIterations, loop.extent) });
  const inner: Launch = { ...launch, id: 0, iterations: launch.iterations.map((loop) => loops.get(loop) ?? loop) };
  return [...loops.values()].reduceRight<Sequence>(
    (body, loop, i): readonly [LoopStep] => {
      return [{ kind: "loop", id: i + 1, name: loop.name, loop, body, carried }];
    },
    [inner],
  );
}

/** Values to run on. */
export function valuesFor({ dtype, count }: Buffer): TypedArray {
  const values = new (arrayTypeOf(dtype))(count);
  const isFloat = dtype === "f32" || dtype === "f64";
  // 0x3400 is 1/4 as f16, and 0x3e80 as bf16.
  if (dtype === "f16") values.fill(0x3400);
  else if (dtype === "bf16") values.fill(0x3e80);
  else if (isFloat) for (let i = 0; i < count; i += 1) values[i] = 0.25 + (((i * 0x9e3779b1) >>> 8) / 2 ** 24) * 0.75;
  return values;
}
