/**
 * One entry on the wasm machine: its module, its inputs and outputs, and how it runs.
 *
 * Most often a run is one call of the module's `run`. With an observer or with the debug mode that overwrites freed memory,
 * the steps are called one by one.
 */

import { stepName } from "../../../codegen/wasm/abi.ts";
import { callSteps, iterationsOf, type WasmArtifact } from "../../../codegen/wasm/artifact.ts";
import { CompilerBug, unreachable } from "../../core/errors.ts";
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

type Call = (thread: number, ...iterations: readonly number[]) => number;

export class WasmRunner implements Runner {
  readonly #parts: RunnerParts;
  readonly #runAll: Call;
  /** Whether the steps are called one by one. */
  readonly #isWatched: boolean;
  /** Then, launches and copies by the step's id. */
  readonly #calls: ReadonlyMap<number, Call>;
  #buffer = new ArrayBuffer(0);
  #inputViews: readonly TypedArray[] = [];
  #isReleased = false;

  constructor(parts: RunnerParts) {
    const { entry, options } = parts;
    this.#parts = parts;
    this.#runAll = this.#exported("run");
    this.#isWatched = options.onLaunch !== undefined || options.poisonFreed === true;
    const watched = this.#isWatched ? callSteps(entry.artifact.steps) : [];
    this.#calls = new Map(watched.map(({ id }) => [id, this.#exported(stepName(id))]));
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
      if (this.#isWatched) status = this.#runSteps(this.#parts.entry.artifact.steps);
      else {
        this.#parts.start();
        status = this.#runAll(0);
      }
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

  #runSteps(steps: readonly ArtifactStep[], iterations: readonly number[] = []): number {
    for (const step of steps) {
      this.#runStep(step, iterations);
      this.#poisonAfter(step.id);
    }
    return 0;
  }

  #runStep(step: ArtifactStep, iterations: readonly number[]): void {
    switch (step.kind) {
      case "launch":
      case "copy":
        if (step.kind === "launch") this.#parts.options.onLaunch?.(step.label, step.id);
        this.#calls.get(step.id)?.(0, ...iterationsOf(step).map((depth) => iterations[depth] ?? 0));
        break;
      case "loop":
        for (let i = 0; i < step.extent; i++) this.#runSteps(step.body, [...iterations, i]);
        break;
      case "while":
        this.#runSteps(step.test, iterations);
        for (let i = 0; i < step.most && this.#isSet(step.flag); i++) {
          this.#runSteps(step.body, iterations);
          this.#runSteps(step.test, iterations);
        }
        break;
      case "if":
        this.#runSteps(this.#isSet(step.flag) ? step.yes : step.no, iterations);
        break;
      default:
        unreachable(step);
    }
  }

  #isSet(flag: BufferSlot): boolean {
    return this.#view(flag)[0] !== 0;
  }

  #poisonAfter(id: number): void {
    const { entry, options, bases } = this.#parts;
    if (options.poisonFreed !== true) return;
    const scratch = new Uint8Array(this.#buffer, bases.arena, entry.segmentBytes.arena);
    for (const { offset, bytes } of entry.freedAfter.get(id) ?? []) scratch.fill(0xff, offset, offset + bytes);
  }
}
