/** The locals of one function: which there are, and which of them nobody needs any longer. */
import type { Bytes } from "./bytes.ts";
import type { ValType } from "./opcodes.ts";
import { type Local, typeCode } from "./refs.ts";

export class Locals {
  private readonly parameters: number;
  private readonly all: Local[];
  private readonly isFree: boolean[] = [];
  private readonly free: Readonly<Record<ValType, Local[]>> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  /** Of each `watching` that has not ended, the vectors handed out in it and in none inside of it. */
  private readonly watched: Set<Local>[] = [];

  constructor(parameters: readonly Local[]) {
    this.parameters = parameters.length;
    this.all = [...parameters];
  }

  /** One of its own; it starts as zero unless it is one that was released. */
  take(type: ValType): Local {
    const reused = this.free[type].pop();
    const local = reused ?? this.takeNew(type);
    if (reused !== undefined) this.isFree[local.index] = false;
    if (type === "v128") this.watched.at(-1)?.add(local);
    return local;
  }

  /** One that nobody ever had. */
  takeNew(type: ValType): Local {
    const local = { index: this.all.length, type };
    this.all.push(local);
    return local;
  }

  /** Lets `take` give this one out again. */
  release(local: Local): void {
    this.isFree[local.index] = true;
    this.free[local.type].push(local);
  }

  isParameter({ index }: Local): boolean {
    return index < this.parameters;
  }

  /** What is wrong with the use of one; null where nothing is. */
  problemOf(local: Local): string | null {
    if (this.all[local.index] !== local) return `local ${local.index} is not of this function`;
    return this.isFree[local.index] === true ? `local ${local.index} was released` : null;
  }

  /** The vectors that are handed out while `write` runs. */
  watching(write: () => void): readonly Local[] {
    const made = new Set<Local>();
    this.watched.push(made);
    write();
    this.watched.pop();
    return [...made];
  }

  /** How a body begins (core specification, section 5.4.9): runs of locals of one type. */
  declare(code: Bytes): void {
    const runs: { readonly type: ValType; count: number }[] = [];
    for (const { type } of this.all.slice(this.parameters)) {
      const run = runs.at(-1);
      if (run?.type === type) run.count++;
      else runs.push({ type, count: 1 });
    }
    code.u32(runs.length);
    for (const { type, count } of runs) {
      code.u32(count);
      code.byte(typeCode(type));
    }
  }
}
