/**
 * The types of one WebAssembly function while it is written: its operand stack and its open blocks.
 *
 * This is the specification's validation algorithm, https://webassembly.github.io/spec/core/appendix/algorithm.html. What
 * it refuses is a `CompilerBug` that names the function and the instruction and shows the stack before it.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { ValType } from "./opcodes.ts";

/** In code that cannot be reached an operand may be of any type. */
export type Operand = ValType | "any";

/** Where a branch goes: the end of a block, or the start of a loop. It holds inside that block only. */
export interface Label {
  /** How many blocks are around it, the function's body among them. */
  readonly depth: number;
}

interface Frame extends Label {
  /** What a branch to this frame takes. */
  readonly branch: readonly ValType[];
  readonly results: readonly ValType[];
  /** The height of the operand stack at its start. */
  readonly height: number;
  /** Set after an instruction that never goes on to the next: what follows may take operands out of thin air. */
  isUnreachable: boolean;
}

export class Validator {
  private readonly functionName: string;
  private readonly frames: Frame[] = [];
  /** The last of them. */
  private innermost: Frame | undefined;
  /** The operand stack is the first `height` of these: an array's own length is slow to change. */
  private readonly operands: Operand[] = [];
  private height = 0;

  constructor(functionName: string, results: readonly ValType[]) {
    this.functionName = functionName;
    this.open(results, results);
  }

  /** How many blocks are open, the function's body among them. */
  get depth(): number {
    return this.frames.length;
  }

  push(type: Operand): void {
    this.operands[this.height++] = type;
  }

  /** Leaves a result of this type. */
  give(what: string, type: ValType): void {
    if (this.innermost === undefined) this.top(what);
    this.operands[this.height++] = type;
  }

  pushAll(types: readonly ValType[]): void {
    for (let i = 0; i < types.length; i++) this.push(types[i] ?? "any");
  }

  /** Takes operands of these types, the last from the top. */
  pop(what: string, types: readonly ValType[]): void {
    this.step(what, types, []);
  }

  /** Takes operands of these types, the last from the top, and leaves results of those. */
  step(what: string, types: readonly ValType[], results: readonly ValType[]): void {
    const frame = this.innermost ?? this.top(what);
    let height = this.height;
    for (let i = types.length - 1; i >= 0; i--) {
      if (height === frame.height) {
        if (!frame.isUnreachable) this.failTypes(what, types);
        continue;
      }
      const operand = this.operands[--height];
      if (operand !== types[i] && operand !== "any") this.failTypes(what, types);
    }
    for (let i = 0; i < results.length; i++) this.operands[height++] = results[i] ?? "any";
    this.height = height;
  }

  popOne(what: string, type: ValType): void {
    const frame = this.innermost ?? this.top(what);
    if (this.height === frame.height) {
      if (!frame.isUnreachable) this.failTypes(what, [type]);
      return;
    }
    const operand = this.operands[this.height - 1];
    if (operand !== type && operand !== "any") this.failTypes(what, [type]);
    this.height--;
  }

  popAny(what: string): Operand {
    const frame = this.top(what);
    if (this.height > frame.height) return this.operands[--this.height] ?? "any";
    if (!frame.isUnreachable) this.fail(what, "it takes an operand");
    return "any";
  }

  /** Opens a block; `branch` is what a branch to its label takes. */
  open(branch: readonly ValType[], results: readonly ValType[]): Label {
    const frame = { depth: this.frames.length, branch, results, height: this.height, isUnreachable: false };
    this.frames.push(frame);
    this.innermost = frame;
    return frame;
  }

  /** Closes the innermost block, which must have left its results and nothing else, and takes them; returns their types. */
  close(what: string): readonly ValType[] {
    const { results, height } = this.top(what);
    const before = this.height;
    this.pop(what, results);
    if (this.height !== height) {
      this.height = before;
      this.fail(what, `its block leaves more than its ${results.length === 1 ? "result" : "results"} ${list(results)}`);
    }
    this.frames.pop();
    this.innermost = this.frames.at(-1);
    return results;
  }

  /** The operands a branch to this label takes. */
  branch(what: string, label: Label): readonly ValType[] {
    const frame = this.frames[label.depth];
    if (frame === undefined || frame !== label) this.fail(what, "its label is of a block that is not open here");
    return frame.branch;
  }

  /** After an instruction that never goes on to the next. */
  leave(what: string): void {
    const frame = this.top(what);
    this.height = frame.height;
    frame.isUnreachable = true;
  }

  /** The innermost open block; fails when the body has ended. */
  top(what: string): Frame {
    return this.innermost ?? this.fail(what, "the body has ended");
  }

  fail(what: string, why: string): never {
    const operands = this.operands.slice(0, this.height);
    throw new CompilerBug(`wasm function "${this.functionName}", ${what}: ${why}; the stack is ${list(operands)}`);
  }

  private failTypes(what: string, types: readonly ValType[]): never {
    const start = this.innermost?.height ?? 0;
    const hidden = start > 0 ? ` (the lowest ${start} belong to enclosing blocks)` : "";
    this.fail(what, `it takes ${list(types)}${hidden}`);
  }
}

function list(types: readonly Operand[]): string {
  return `[${types.join(" ")}]`;
}
