/**
 * The `js` target's runtime: typed arrays over one ArrayBuffer per segment, kernels as functions, called in order.
 *
 * Everything that a step needs (views, closures) is made when an entry is prepared. The arena is shared by all entries and
 * grows to the largest; views of entries prepared before are then made anew.
 */
import { CompilerBug, unreachable } from "../../core/errors.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type Buffer, type BufferSlot, printBuffer, type Segment } from "../../program/buffer.ts";
import { type Launch, launchesOf, type Step } from "../../program/sequence.ts";
import type { CompiledEntry, TypedArray } from "../compiled.ts";
import { viewOf } from "../compiled.ts";
import type { Machine, MachineOptions, Runner } from "../machine.ts";

/** A kernel as the printer wrote it: buffers in order. */
type KernelFunction = (...operands: readonly (TypedArray | number)[]) => void;

/** Turns kernels into functions. `compile` supplies it, as runtimes do not know printers. */
export type JsLinker = (kernels: readonly Kernel[]) => readonly KernelFunction[];

/** Evaluates a factory body; see code-policy.ts for where that is forbidden. */
export function linkFactory(source: string): readonly KernelFunction[] {
  return new Function(source)() as readonly KernelFunction[];
}

export class JsMachine implements Machine {
  readonly device: string;
  readonly #link: JsLinker;
  readonly #options: MachineOptions;
  readonly #state: ArrayBuffer;
  readonly #runners = new Set<JsRunner>();
  #arena = new ArrayBuffer(0);

  constructor(stateBytes: number, link: JsLinker, device: string, options: MachineOptions = {}) {
    this.#state = new ArrayBuffer(stateBytes);
    this.#link = link;
    this.#options = options;
    this.device = device;
  }

  async prepare(entry: CompiledEntry): Promise<Runner> {
    const kernels = launchesOf(entry.sequence).map(({ kernel }) => kernel);
    const functions = new Map(this.#link(kernels).map((run, i) => [kernels[i] as Kernel, run]));
    const runner = new JsRunner(entry, functions, this.#options, () => this.#runners.delete(runner));
    this.#runners.add(runner);
    if (entry.segmentBytes.arena > this.#arena.byteLength) {
      this.#arena = new ArrayBuffer(entry.segmentBytes.arena);
      for (const other of this.#runners) other.bind(this.#state, this.#arena);
    } else runner.bind(this.#state, this.#arena);
    return runner;
  }

  writeState(slot: BufferSlot, values: TypedArray): void {
    viewOf(slot.dtype, this.#state, slot.offset, slot.count).set(values);
  }

  async readState(slot: BufferSlot): Promise<TypedArray> {
    return viewOf(slot.dtype, this.#state, slot.offset, slot.count).slice();
  }

  allocatedBytes(): Readonly<Record<Segment, number>> {
    const bytes = { state: this.#state.byteLength, arena: this.#arena.byteLength, input: 0, output: 0 };
    for (const runner of this.#runners) {
      bytes.input += runner.inputs.byteLength;
      bytes.output += runner.outputs.byteLength;
    }
    return bytes;
  }

  dispose(): void {
    this.#runners.clear();
    this.#arena = new ArrayBuffer(0);
  }
}

class JsRunner implements Runner {
  readonly inputs: ArrayBuffer;
  readonly outputs: ArrayBuffer;
  readonly #entry: CompiledEntry;
  readonly #functions: ReadonlyMap<Kernel, KernelFunction>;
  readonly #options: MachineOptions;
  readonly #forget: () => void;
  readonly #inputViews: TypedArray[];
  #actions: readonly (() => void)[] = [];

  constructor(
    entry: CompiledEntry,
    functions: ReadonlyMap<Kernel, KernelFunction>,
    options: MachineOptions,
    forget: () => void,
  ) {
    this.#entry = entry;
    this.#functions = functions;
    this.#options = options;
    this.#forget = forget;
    this.inputs = new ArrayBuffer(entry.segmentBytes.input);
    this.outputs = new ArrayBuffer(entry.segmentBytes.output);
    this.#inputViews = entry.inputs.map(({ buffer }) => viewOf(buffer.dtype, this.inputs, buffer.offset, buffer.count));
  }

  bind(state: ArrayBuffer, arena: ArrayBuffer): void {
    const segments = { state, arena, input: this.inputs, output: this.outputs };
    const views = new Map<Buffer, TypedArray>();
    for (const [buffer, slot] of this.#entry.buffers) {
      views.set(buffer, viewOf(slot.dtype, segments[slot.segment], slot.offset, slot.count));
    }
    const bytes = new Uint8Array(arena);
    this.#actions = this.#entry.sequence.map((step) => {
      const run = this.#bind(step, views);
      return this.#options.poisonFreed === true ? this.#poisonAfter(run, step, bytes) : run;
    });
  }

  feed(input: number, values: TypedArray): void {
    (this.#inputViews[input] as TypedArray).set(values);
  }

  run(): void {
    const actions = this.#actions;
    for (let i = 0; i < actions.length; i++) (actions[i] as () => void)();
  }

  async read(output: BufferSlot): Promise<TypedArray> {
    return viewOf(output.dtype, this.outputs, output.offset, output.count).slice();
  }

  release(): void {
    this.#forget();
    this.#actions = [
      () => {
        throw new CompilerBug(`${this.#entry.name} was run after its release`);
      },
    ];
  }

  #bind(step: Step, views: ReadonlyMap<Buffer, TypedArray>): () => void {
    const view = (buffer: Buffer): TypedArray => {
      const found = views.get(buffer);
      if (found === undefined) throw new CompilerBug(`the buffer ${printBuffer(buffer)} is not planned`);
      return found;
    };
    switch (step.kind) {
      case "launch": {
        const run = this.#functions.get(step.kernel) as KernelFunction;
        const bound = new Map(step.bindings.map(({ param, buffer }) => [param, view(buffer)]));
        const operands = step.kernel.buffers.map((param) => bound.get(param.name) as TypedArray);
        return this.#launch(step, run, operands);
      }
      case "copy": {
        const [from, to] = [view(step.from), view(step.to)];
        return () => to.set(from);
      }
      default:
        return unreachable(step);
    }
  }

  #launch({ kernel: { name }, id }: Launch, run: KernelFunction, operands: readonly TypedArray[]): () => void {
    const observe = this.#options.onLaunch;
    if (observe === undefined) return run.bind(null, ...operands);
    return () => {
      observe(name, id);
      run(...operands);
    };
  }

  #poisonAfter(run: () => void, { id }: Step, arena: Uint8Array): () => void {
    const freed = this.#entry.freedAfter.get(id) ?? [];
    return () => {
      run();
      for (const { offset, bytes } of freed) arena.fill(0xff, offset, offset + bytes);
    };
  }
}
