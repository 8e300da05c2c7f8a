/**
 * One entry on the wasm machine: its module, its inputs and outputs, and how it runs.
 *
 * Most often a run is one call of the module's `run`. With an observer or with the debug mode that overwrites freed memory,
 * the steps are called one by one.
 */

import { stepName } from "../../../codegen/wasm/abi.ts";
import type { WasmArtifact } from "../../../codegen/wasm/artifact.ts";
import { CompilerBug } from "../../core/errors.ts";
import type { ArtifactStep } from "../../program/artifact.ts";
import type { BufferSlot, Segment } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import type { MachineOptions, Runner } from "../machine.ts";
import { type TypedArray, viewOf } from "../typed-arrays.ts";

/** Address of each segment. */
export type Bases = Readonly<Record<Segment, number>>;

/** What a runner needs of its machine. */
export interface RunnerParts {
  readonly entry: CompiledEntry<WasmArtifact>;
  readonly instance: WebAssembly.Instance;
  readonly bases: Bases;
  readonly options: MachineOptions;
  /** Throws what went wrong earlier. */
  assertWell(): void;
  /** Notes what went wrong for good, and gives the error for the caller. */
  fail(error: unknown): Error;
  /** Sends the workers off to run this entry. */
  start(): void;
  /** The error for a `run` that did not return 0. */
  gaveUp(): Error;
  forget(): void;
}

type Call = (thread: number) => number;

interface StepCall {
  readonly step: ArtifactStep;
  readonly call: Call;
}

export class WasmRunner implements Runner {
  readonly #parts: RunnerParts;
  readonly #runAll: Call;
  /** The steps one by one, where that is asked for. */
  readonly #steps: readonly StepCall[] | null;
  #buffer = new ArrayBuffer(0);
  #inputViews: readonly TypedArray[] = [];
  #isReleased = false;

  constructor(parts: RunnerParts) {
    const { entry, options } = parts;
    this.#parts = parts;
    this.#runAll = this.#exported("run");
    const isWatched = options.onLaunch !== undefined || options.poisonFreed === true;
    this.#steps = isWatched
      ? entry.artifact.steps.map((step) => ({ step, call: this.#exported(stepName(step.id)) }))
      : null;
  }

  get segmentBytes(): CompiledEntry["segmentBytes"] {
    return this.#parts.entry.segmentBytes;
  }

  /** Makes the views, anew when the memory has grown. */
  bind(buffer: ArrayBuffer): void {
    const { entry, bases } = this.#parts;
    this.#buffer = buffer;
    this.#inputViews = entry.inputs.map(({ buffer: { dtype, offset, count } }) =>
      viewOf(dtype, buffer, bases.input + offset, count),
    );
  }

  feed(input: number, values: TypedArray): void {
    this.#assertUsable();
    this.#inputViews[input]?.set(values);
  }

  run(): void {
    this.#assertUsable();
    let status: number;
    try {
      if (this.#steps === null) {
        this.#parts.start();
        status = this.#runAll(0);
      } else status = this.#runSteps(this.#steps);
    } catch (error) {
      throw this.#parts.fail(this.#explained(error));
    }
    if (status !== 0) throw this.#parts.fail(this.#parts.gaveUp());
  }

  async read(output: BufferSlot): Promise<TypedArray> {
    this.#assertUsable();
    return this.#view(output).slice();
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#inputViews = [];
    this.#buffer = new ArrayBuffer(0);
    this.#parts.forget();
  }

  #assertUsable(): void {
    this.#parts.assertWell();
    if (this.#isReleased) throw new CompilerBug(`${this.#parts.entry.name} was used after its release`);
  }

  #exported(name: string): Call {
    const found = this.#parts.instance.exports[name];
    if (typeof found !== "function") {
      throw new CompilerBug(`the wasm module of ${this.#parts.entry.name} exports no ${name}`);
    }
    return found as Call;
  }

  #view({ dtype, segment, offset, count }: BufferSlot): TypedArray {
    return viewOf(dtype, this.#buffer, this.#parts.bases[segment] + offset, count);
  }

  /** Printed code has no way to trap, so a trap is ours; an exhausted stack or an observer's error is passed on. */
  #explained(error: unknown): unknown {
    if (!(error instanceof WebAssembly.RuntimeError)) return error;
    return new CompilerBug(
      `the wasm code of ${this.#parts.entry.name} stopped: ${error.message}\n${error.stack ?? ""}`,
    );
  }

  #runSteps(steps: readonly StepCall[]): number {
    const { entry, options, bases } = this.#parts;
    const scratch = new Uint8Array(this.#buffer, bases.arena, entry.segmentBytes.arena);
    for (const { step, call } of steps) {
      if (step.kind === "launch") options.onLaunch?.(step.label, step.id);
      call(0);
      if (options.poisonFreed !== true) continue;
      for (const { offset, bytes } of entry.freedAfter.get(step.id) ?? []) scratch.fill(0xff, offset, offset + bytes);
    }
    return 0;
  }
}
