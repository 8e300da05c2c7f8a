/**
 * A machine that runs compiled entries in the kernel evaluator: the same sequence, at the same planned addresses, with the
 * race detector on. Every launch is also held to what a GPU demands: distinct buffers of one kernel share no byte.
 *
 *   compileOn(program, evaluatorTarget, { dims })          kernels scheduled for js; skip: ["schedule"] for those of `lower`
 *   compileOn(program, wasmEvaluatorTarget, { dims })      kernels scheduled for wasm
 *   compileOn(program, wgslEvaluatorTarget, { dims })      kernels scheduled for wgsl
 */

import { jsTarget, plannedTargets, wasmTarget } from "../src/eager-targets.ts";
import { apply } from "../src/kernel/build.ts";
import type { Routines } from "../src/kernel/evaluate-expr.ts";
import type { Memory } from "../src/kernel/evaluate-memory.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { doubleRoutineFor } from "../src/kernel/maths/in-double.ts";
import { routineFor } from "../src/kernel/maths/library.ts";
import { mapStmts, rewriting } from "../src/kernel/rewrite.ts";
import { type Artifact, alone, artifactSteps } from "../src/program/artifact.ts";
import { type Buffer, type BufferSlot, printBuffer, type Segment } from "../src/program/buffer.ts";
import type { CompiledEntry } from "../src/program/compiled.ts";
import { evaluateSequence } from "../src/program/evaluate.ts";
import { launchesOf, type Sequence } from "../src/program/sequence.ts";
import type { Machine, Runner } from "../src/runtime/machine.ts";
import { type TypedArray, viewOf } from "../src/runtime/typed-arrays.ts";
import type { TargetSetup } from "../src/target-setup.ts";

/** The `js` target with the evaluator in place of generated code. */
export const evaluatorTarget: TargetSetup = evaluatorOf(jsTarget, doubleRoutineFor);

/** The same of precise `wasm`. It has no rsqrt: 1 / sqrt(x) is rounded twice, where the evaluator's rsqrt is rounded once. */
export const wasmEvaluatorTarget: TargetSetup = {
  ...evaluatorOf(wasmTarget({ precise: true }), routineFor),
  scheduling: plannedTargets.wasm.scheduling,
  legalize: withoutRsqrt,
};

/** Kernels scheduled for wgsl: workgroups, what their invocations share, and the barriers between. */
export const wgslEvaluatorTarget: TargetSetup = {
  ...evaluatorOf(wasmTarget({ precise: true }), routineFor),
  traits: plannedTargets.wgsl.traits,
  scheduling: plannedTargets.wgsl.scheduling,
};

function evaluatorOf(target: TargetSetup, routines: Routines): TargetSetup {
  const evaluated: TargetSetup<EvaluatorArtifact> = {
    ...target,
    legalize: (kernel) => kernel,
    printer: () => (sequence, addresses) => ({ sequence, steps: artifactSteps(sequence, addresses) }),
    machine: async (stateBytes) => new EvaluatorMachine(stateBytes, routines),
  };
  return evaluated;
}

function withoutRsqrt(kernel: Kernel): Kernel {
  const inTwo = rewriting((expr) =>
    expr.kind === "apply" && expr.fn === "rsqrt" ? apply("div", 1, apply("sqrt", ...expr.args)) : expr,
  );
  const nests = kernel.nests.map((nest) => ({
    ...nest,
    prelude: mapStmts(nest.prelude, inTwo),
    body: mapStmts(nest.body, inTwo),
  }));
  return { ...kernel, nests };
}

/** Prints nothing: what runs is the sequence. */
interface EvaluatorArtifact extends Artifact {
  readonly sequence: Sequence;
}

/** A compiled entry, and the sequence that was printed for it. */
export interface WatchedEntry extends CompiledEntry {
  readonly sequence: Sequence;
}

/** A target, `js` by default, telling of its machine and of every compiled entry. */
export function watchedTarget(
  seenEntry: (entry: WatchedEntry) => void,
  seenMachine: (machine: Machine) => void = () => undefined,
  target: TargetSetup = jsTarget,
): TargetSetup {
  const sequences = new Map<unknown, Sequence>();
  return {
    ...target,
    printer() {
      const print = target.printer();
      return (sequence, addresses, crew) => {
        const artifact = print(sequence, addresses, crew);
        sequences.set(artifact, sequence);
        return artifact;
      };
    },
    async machine(stateBytes, options) {
      const machine = await target.machine(stateBytes, options);
      const prepare = machine.prepare.bind(machine);
      machine.prepare = (entry) => {
        seenEntry({ ...entry, sequence: sequences.get(entry.artifact) ?? [] });
        return prepare(entry);
      };
      seenMachine(machine);
      return machine;
    },
  };
}

class EvaluatorMachine implements Machine<EvaluatorArtifact> {
  readonly device = "evaluator";
  readonly crew = alone;
  readonly runsAhead = false;
  readonly #state: ArrayBuffer;

  readonly #routines: Routines;

  constructor(stateBytes: number, routines: Routines) {
    this.#state = new ArrayBuffer(stateBytes);
    this.#routines = routines;
  }

  async prepare(entry: CompiledEntry<EvaluatorArtifact>): Promise<Runner> {
    const { sequence } = entry.artifact;
    checkBindings(sequence, entry.buffers);
    const segments: Readonly<Record<Segment, ArrayBuffer>> = {
      state: this.#state,
      arena: new ArrayBuffer(entry.segmentBytes.arena),
      input: new ArrayBuffer(entry.segmentBytes.input),
      output: new ArrayBuffer(entry.segmentBytes.output),
      held: new ArrayBuffer(entry.segmentBytes.held),
    };
    new Uint8Array(segments.arena).fill(0xff);
    const viewsBySlot = new Map<BufferSlot, TypedArray>();
    const memory = new Map<Buffer, Memory>();
    for (const [buffer, slot] of entry.buffers) {
      const view = viewOf(slot.dtype, segments[slot.segment], slot.offset, slot.count);
      viewsBySlot.set(slot, view);
      memory.set(buffer, { element: slot.dtype, data: view });
    }
    const routines = this.#routines;
    let calls = 0;
    return {
      feed: (input, values) => {
        const slot = entry.inputs[input]?.buffer;
        if (slot !== undefined) viewsBySlot.get(slot)?.set(values);
      },
      run() {
        calls += 1;
        evaluateSequence(sequence, memory, { routines, seed: calls });
      },
      read: async (output) => (viewsBySlot.get(output) as TypedArray).slice(),
      release: () => undefined,
    };
  }

  writeState(slot: BufferSlot, values: TypedArray): void {
    viewOf(slot.dtype, this.#state, slot.offset, slot.count).set(values);
  }

  async readState(slot: BufferSlot): Promise<TypedArray> {
    return viewOf(slot.dtype, this.#state, slot.offset, slot.count).slice();
  }

  allocatedBytes(): Readonly<Record<Segment, number>> {
    return { state: this.#state.byteLength, arena: 0, input: 0, output: 0, held: 0 };
  }

  dispose(): void {}
}

/** The race detector tells buffers apart by identity, so two that share bytes must not meet in one kernel. */
export function checkBindings(sequence: Sequence, buffers: ReadonlyMap<Buffer, BufferSlot>): void {
  for (const step of launchesOf(sequence)) {
    const slots = [...new Set(step.bindings.map(({ buffer }) => buffer))].map(
      (buffer) => buffers.get(buffer) as BufferSlot,
    );
    for (const [i, a] of slots.entries()) {
      for (const b of slots.slice(i + 1)) {
        const apart = a.segment !== b.segment || a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        if (!apart && a.bytes > 0 && b.bytes > 0) {
          throw new Error(`kernel ${step.kernel.name}: ${printBuffer(a)} and ${printBuffer(b)} share bytes`);
        }
      }
    }
  }
}
