/**
 * Runs a sequence over buffers in the kernel evaluator: what a target's runtime does for one call of an entry, without its
 * plan, its memory or its machine.
 */
import { CompilerBug, unreachable } from "../core/errors.ts";
import { type EvaluateOptions, evaluateKernel } from "../kernel/evaluate.ts";
import type { Memory } from "../kernel/evaluate-memory.ts";
import type { LoopVar } from "../kernel/kernel.ts";
import { type Buffer, printBuffer } from "./buffer.ts";
import type { Copy, Launch, Row, Sequence, Step, WhileStep } from "./sequence.ts";

/** Changes `memory` in place. Throws as `evaluateKernel` does. */
export function evaluateSequence(
  sequence: Sequence,
  memory: ReadonlyMap<Buffer, Memory>,
  options: EvaluateOptions = {},
): void {
  new Run(memory, options).sequence(sequence);
}

class Run {
  readonly #memory: ReadonlyMap<Buffer, Memory>;
  readonly #options: EvaluateOptions;
  /** The iteration of every loop that runs. */
  readonly #iterations = new Map<LoopVar, number>();

  constructor(memory: ReadonlyMap<Buffer, Memory>, options: EvaluateOptions) {
    this.#memory = memory;
    this.#options = options;
  }

  sequence(steps: Sequence): void {
    for (const step of steps) this.#step(step);
  }

  #step(step: Step): void {
    switch (step.kind) {
      case "launch":
        this.#launch(step);
        break;
      case "copy":
        this.#copy(step);
        break;
      case "loop":
        for (let i = 0; i < step.loop.extent; i += 1) {
          this.#iterations.set(step.loop, i);
          this.sequence(step.body);
        }
        this.#iterations.delete(step.loop);
        break;
      case "while":
        this.#while(step);
        break;
      case "if":
        this.sequence(this.#isSet(step.flag) ? step.yes : step.no);
        break;
      default:
        unreachable(step);
    }
  }

  #while({ test, flag, most, body }: WhileStep): void {
    this.sequence(test);
    for (let i = 0; i < most && this.#isSet(flag); i += 1) {
      this.sequence(body);
      this.sequence(test);
    }
  }

  #launch({ kernel, bindings, iterations }: Launch): void {
    const bound = new Map(bindings.map(({ param, buffer }) => [param, this.#memoryOf(buffer)]));
    const at = iterations.map((loop) => this.#iterationOf(loop));
    evaluateKernel(kernel, bound, { ...this.#options, iterations: at });
  }

  #copy({ from, to, fromRow, toRow }: Copy): void {
    const [source, target] = [this.#memoryOf(from), this.#memoryOf(to)];
    const [first, firstTo] = [this.#firstOf(fromRow), this.#firstOf(toRow)];
    const count = (fromRow ?? from).count;
    for (let i = 0; i < count; i += 1) target.data[firstTo + i] = source.data[first + i] ?? 0;
  }

  #firstOf(row: Row | undefined): number {
    if (row === undefined) return 0;
    return row.strides.reduce((at, { loop, by }) => at + by * this.#iterationOf(loop), row.offset);
  }

  #iterationOf(loop: LoopVar): number {
    const found = this.#iterations.get(loop);
    if (found === undefined) throw new CompilerBug(`evaluate: the loop ${loop.name} does not run`);
    return found;
  }

  #isSet(flag: Buffer): boolean {
    return this.#memoryOf(flag).data[0] !== 0;
  }

  #memoryOf(buffer: Buffer): Memory {
    const found = this.#memory.get(buffer);
    if (found === undefined) throw new CompilerBug(`evaluate: the buffer ${printBuffer(buffer)} is not given`);
    return found;
  }
}
