/**
 * Constants of vectors, computed once before a loop.
 *
 * V8 of Node 24 and 26 makes a constant anew wherever it is used, in each iteration, in three or four instructions, and knows one behind
 * any arithmetic on constants: so each is made of a word that it cannot tell. exp of 65,536 elements in vectors of 256 bits: 31 us, and
 * 20; of 128 bits 110 us, and 43. That of Node 20 and 22 takes them out of the loop itself: there nothing changes.
 */
import type { Locals } from "./locals.ts";
import type { Local } from "./refs.ts";

/** A function, as far as this writes into it. */
interface Writer {
  constI32(value: number): void;
  op(name: "i32.xor" | "i32x4.splat"): void;
  set(local: Local): void;
}

/** The words that what is being written asks for in four lanes, each in a local of its own. */
export class Hoisted {
  private readonly locals: Locals;
  private readonly words = new Map<number, Local>();

  constructor(locals: Locals) {
    this.locals = locals;
  }

  /** Undefined where it would not pay: all zeros and all ones are one instruction. */
  localOf(word: number): Local | undefined {
    if (word === 0 || word === -1) return undefined;
    const known = this.words.get(word);
    if (known !== undefined) return known;
    const made = this.locals.takeNew("v128"); // one that was released may have been something else in the same loop
    this.words.set(word, made);
    return made;
  }

  /** Computes them. `zero` leaves an i32 that is 0, which the engine cannot know. */
  write(f: Writer, zero: () => void): void {
    for (const [word, local] of this.words) {
      zero();
      f.constI32(word);
      f.op("i32.xor");
      f.op("i32x4.splat");
      f.set(local);
    }
  }

  release(): void {
    for (const local of this.words.values()) this.locals.release(local);
  }
}

/** The bits of the float32 nearest to a number. */
export function wordOf(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] ?? 0;
}
