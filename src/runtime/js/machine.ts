/**
 * The `js` target's runtime: typed arrays over one ArrayBuffer per segment, kernels as functions, called in order.
 *
 * Everything that a step needs (views, closures) is made when an entry is prepared. The arena is shared by all entries and
 * grows to the largest; views of entries prepared before are then made anew.
 */
import { factoryText, type JsArtifact } from "../../../codegen/js/artifact.ts";
import { CompilerBug, DeviceError, messageOf } from "../../core/errors.ts";
import { type ArtifactRow, type ArtifactStep, alone, type LaunchStep, type StepOf } from "../../program/artifact.ts";
import { type BufferSlot, printBuffer, type Segment } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import { type Action, bindSteps, iterationsFor, runAll } from "../bound-steps.ts";
import type { Ceiling, LaunchWatch, Machine, MachineOptions, Runner } from "../machine.ts";
import type { StepWatch } from "../profile/host-watch.ts";
import type { TypedArray } from "../typed-arrays.ts";
import { viewOf } from "../typed-arrays.ts";

/** A kernel as the printer wrote it: buffers in order. */
type KernelFunction = (...operands: readonly TypedArray[]) => void;

export class JsMachine implements Machine<JsArtifact> {
  readonly device = "js";
  readonly crew = alone;
  readonly runsAhead = false;
  readonly #options: MachineOptions;
  readonly #state: ArrayBuffer;
  readonly #runners = new Set<JsRunner>();
  #arena = new ArrayBuffer(0);
  /** By the name of the set. */
  readonly #held = new Map<string, ArrayBuffer>();

  constructor(stateBytes: number, options: MachineOptions = {}) {
    this.#state = allocate(stateBytes, "states");
    this.#options = options;
  }

  async prepare(entry: CompiledEntry<JsArtifact>): Promise<Runner> {
    // See code-policy.ts for where this is forbidden.
    const functions: readonly KernelFunction[] = new Function(factoryText(entry.artifact))();
    const runner = new JsRunner(entry, functions, this.#options, () => this.#runners.delete(runner));
    const { arena, held } = entry.segmentBytes;
    const larger = arena > this.#arena.byteLength ? allocate(arena, `scratch of the entry ${entry.name}`) : null;
    const { heldIn = "" } = entry;
    const roomier = held > this.#heldFor(entry).byteLength ? allocate(held, "data that is held") : null;
    this.#runners.add(runner);
    this.#arena = larger ?? this.#arena;
    if (roomier !== null) this.#held.set(heldIn, roomier);
    const stale = larger !== null || roomier !== null ? this.#runners : [runner];
    for (const other of stale) other.bind(this.#state, this.#arena, this.#heldFor(other.entry));
    return runner;
  }

  stateMemory({ dtype, offset, count }: BufferSlot): TypedArray {
    return viewOf(dtype, this.#state, offset, count);
  }

  writeState(slot: BufferSlot, values: TypedArray): void {
    this.stateMemory(slot).set(values);
  }

  async readState(slot: BufferSlot): Promise<TypedArray> {
    return this.stateMemory(slot).slice();
  }

  allocatedBytes(): Readonly<Record<Segment, number>> {
    const held = [...this.#held.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const bytes = { state: this.#state.byteLength, arena: this.#arena.byteLength, input: 0, output: 0, held };
    for (const runner of this.#runners) {
      bytes.input += runner.inputs.byteLength;
      bytes.output += runner.outputs.byteLength;
    }
    return bytes;
  }

  async ceiling(): Promise<Ceiling> {
    const { jsCeiling } = await import("./ceiling.ts");
    return jsCeiling();
  }

  dispose(): void {
    this.#runners.clear();
    this.#arena = new ArrayBuffer(0);
    this.#held.clear();
  }

  #heldFor({ heldIn = "" }: Pick<CompiledEntry, "heldIn">): ArrayBuffer {
    return this.#held.get(heldIn) ?? new ArrayBuffer(0);
  }
}

class JsRunner implements Runner {
  readonly inputs: ArrayBuffer;
  readonly outputs: ArrayBuffer;
  readonly entry: CompiledEntry<JsArtifact>;
  readonly #functions: readonly KernelFunction[];
  readonly #options: MachineOptions;
  readonly #forget: () => void;
  #inputViews: readonly TypedArray[] = [];
  #actions: readonly Action[] = [];
  #segments: Readonly<Record<Segment, ArrayBuffer>> | null = null;
  #watch: StepWatch | null = null;
  /** The iteration of each loop that runs, by how many stand around it. */
  readonly #iterations: Int32Array;

  constructor(
    entry: CompiledEntry<JsArtifact>,
    functions: readonly KernelFunction[],
    options: MachineOptions,
    forget: () => void,
  ) {
    this.entry = entry;
    this.#functions = functions;
    this.#options = options;
    this.#forget = forget;
    this.inputs = allocate(entry.segmentBytes.input, `inputs of the entry ${entry.name}`);
    this.outputs = allocate(entry.segmentBytes.output, `outputs of the entry ${entry.name}`);
    this.#iterations = iterationsFor(entry.artifact.steps);
  }

  bind(state: ArrayBuffer, arena: ArrayBuffer, held: ArrayBuffer): void {
    const segments = { state, arena, held, input: this.inputs, output: this.outputs };
    this.#segments = segments;
    this.#inputViews = this.entry.inputs.map(({ buffer: { dtype, segment, offset, count } }) =>
      viewOf(dtype, segments[segment], offset, count),
    );
    const views = new Map<BufferSlot, TypedArray>();
    for (const slot of this.entry.buffers.values()) {
      views.set(slot, viewOf(slot.dtype, segments[slot.segment], slot.offset, slot.count));
    }
    const bytes = new Uint8Array(arena);
    const view = (slot: BufferSlot): TypedArray => {
      const found = views.get(slot);
      if (found === undefined)
        throw new CompilerBug(`a step names a buffer that is not the entry's: ${printBuffer(slot)}`);
      return found;
    };
    const watch = this.#watch;
    const around = (run: Action, step: ArtifactStep): Action => {
      const watched = watch === null ? run : watch.around(run, step);
      return this.#options.poisonFreed === true ? this.#poisonAfter(watched, step, bytes) : watched;
    };
    const actions = bindSteps(this.entry.artifact.steps, {
      call: (step) => this.#call(step, view),
      view,
      iterations: this.#iterations,
      around,
    });
    this.#actions = watch === null ? actions : [...actions, watch.over];
  }

  async watch(): Promise<LaunchWatch> {
    const { hostWatch } = await import("../profile/host-watch.ts");
    return hostWatch(this.entry.artifact, (watch) => {
      this.#watch = watch;
      if (this.#segments === null) return;
      const { state, arena, held } = this.#segments;
      this.bind(state, arena, held);
    });
  }

  feed(input: number, values: TypedArray): void {
    this.#inputViews[input]?.set(values);
  }

  run(): void {
    runAll(this.#actions);
  }

  async read(output: BufferSlot): Promise<TypedArray> {
    return viewOf(output.dtype, this.outputs, output.offset, output.count).slice();
  }

  release(): void {
    this.#forget();
    this.#segments = null;
    this.#actions = [
      () => {
        throw new CompilerBug(`${this.entry.name} was run after its release`);
      },
    ];
  }

  #call(step: StepOf<"launch" | "copy">, view: (slot: BufferSlot) => TypedArray): Action {
    if (step.kind === "copy") return this.#copy(step, view(step.from), view(step.to));
    const run = this.#functions[step.kernel];
    if (run === undefined) throw new CompilerBug(`the kernel ${step.label} was not printed`);
    const operands = step.bindings.map(({ buffer }) => view(buffer));
    return this.#launch(step, run, operands);
  }

  #launch({ label, id, iterations }: LaunchStep, run: KernelFunction, operands: readonly TypedArray[]): Action {
    const observe = this.#options.onLaunch;
    const given = new Int32Array(iterations.length);
    const bound: Action = run.bind(null, ...operands, ...(iterations.length === 0 ? [] : [given]));
    if (observe === undefined && iterations.length === 0) return bound;
    return () => {
      for (let i = 0; i < given.length; i++) given[i] = this.#iterations[iterations[i] ?? 0] ?? 0;
      observe?.(label, id);
      bound();
    };
  }

  /** Of rows element by element: a view of each would be allocated in a step. */
  #copy({ fromRow, toRow }: StepOf<"copy">, from: TypedArray, to: TypedArray): Action {
    if (fromRow === undefined && toRow === undefined) return () => to.set(from);
    const count = fromRow?.count ?? from.length;
    return () => {
      const [first, firstTo] = [this.#firstOf(fromRow), this.#firstOf(toRow)];
      for (let i = 0; i < count; i++) to[firstTo + i] = from[first + i] ?? 0;
    };
  }

  #firstOf(row: ArtifactRow | undefined): number {
    if (row === undefined) return 0;
    let at = row.offset;
    for (let i = 0; i < row.strides.length; i++) {
      const stride = row.strides[i];
      if (stride !== undefined) at += stride.by * (this.#iterations[stride.depth] ?? 0);
    }
    return at;
  }

  #poisonAfter(run: Action, { id }: ArtifactStep, arena: Uint8Array): Action {
    const freed = this.entry.freedAfter.get(id) ?? [];
    return () => {
      run();
      for (const { offset, bytes } of freed) arena.fill(0xff, offset, offset + bytes);
    };
  }
}

function allocate(bytes: number, what: string): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (error) {
    const asked = `the js target asked for ${bytes} bytes for ${what}, and the engine did not give them: ${messageOf(error)}`;
    throw new DeviceError(`${asked}. Use a smaller batch or model.`, { cause: error });
  }
}
