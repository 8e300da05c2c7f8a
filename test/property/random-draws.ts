/**
 * The expressions of random kernels: loads at indexes of every kind, and arithmetic that stays on a grid which an f32 holds
 * exactly.
 */

import type { BufferParam, Expr, Index, LoopVar } from "../../src/kernel/kernel.ts";
import {
  addIndex,
  apply,
  constant,
  constIndex,
  floorDivIndex,
  load,
  loopIndex,
  modIndex,
  rangedIndex,
  scaleIndex,
  sumIndex,
} from "../kernel-pool.ts";

/** An f32 expression, and bits that hold it exactly. */
export interface Term {
  readonly expr: Expr;
  readonly bits: number;
}

/** What a statement can read. */
export interface Scope {
  readonly loops: readonly LoopVar[];
  readonly terms: readonly Term[];
}

export const mostBits = 21;
/** Draws from a list of numbers, and keeps the buffers that expressions and stores use. */
export class Draws {
  readonly #numbers: readonly number[];
  readonly #buffers = new Map<string, { -readonly [K in keyof BufferParam]: BufferParam[K] }>();
  #drawn = 0;
  #made = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  below(count: number): number {
    const drawn = this.#numbers[this.#drawn++] ?? 0;
    return drawn % count;
  }

  buffers(): readonly BufferParam[] {
    return [...this.#buffers.values()];
  }

  term(scope: Scope, depth: number): Term {
    const kind = this.below(depth > 0 ? 9 : 3);
    if (kind === 0) return scope.terms.at(-1 - this.below(Math.max(1, scope.terms.length))) ?? this.load(scope);
    if (kind === 1) return this.load(scope);
    if (kind === 2)
      return this.below(2) === 0
        ? { expr: constant("f32", this.below(9) / 4 - 1), bits: 4 }
        : { expr: constant("f32", 0.5), bits: 2 };
    const left = this.term(scope, depth - 1);
    if (kind === 8) return { expr: apply(this.below(2) === 0 ? "abs" : "neg", left.expr), bits: left.bits };
    const right = this.term(scope, depth - 1);
    const bits = Math.max(left.bits, right.bits);
    if (kind === 3) return product(left, right);
    if (kind === 7) return { expr: apply("select", this.condition(scope), left.expr, right.expr), bits };
    if (kind === 6) return { expr: apply(this.below(2) === 0 ? "max" : "min", left.expr, right.expr), bits };
    return bits + 1 > mostBits
      ? left
      : { expr: apply(kind === 4 ? "add" : "sub", left.expr, right.expr), bits: bits + 1 };
  }

  condition(scope: Scope): Expr {
    const last = scope.loops.at(-1);
    if (this.below(3) === 1 && last !== undefined) {
      return apply("lt", loopIndex(last), constant("i32", 1 + this.below(3)));
    }
    if (this.below(3) === 2) return load("bool", this.read("mask", this.index(scope), "bool"), this.#last);
    return apply("le", this.load(scope).expr, this.load(scope).expr);
  }

  #last: Index = constIndex(0);

  load(scope: Scope): Term {
    const buffer = `x${this.below(3)}`;
    const form = this.below(7);
    if (form === 6 && scope.loops.length > 0) return this.#windowed(buffer, scope.loops);
    const at = this.index(scope);
    const shift = form === 5 ? 1 + this.below(3) : 0;
    if (shift === 0) return { expr: load("f32", this.read(buffer, at, "f32"), at), bits: 5 };
    const moved = scaleIndex(at, 1, -shift);
    const extent = Math.max(1, at.max - this.below(2));
    const bounds = [{ index: moved, extent }];
    this.read(buffer, constIndex(extent - 1), "f32");
    return { expr: load("f32", buffer, moved, { bounds, otherwise: constant("f32", 0.5) }), bits: 5 };
  }

  /** As an element of a window is read: stride * o + dilation * k - before, spread or not, where that is one. */
  #windowed(buffer: string, loops: readonly LoopVar[]): Term {
    const [o, k] = [loops[this.below(loops.length)], loops[this.below(loops.length)]];
    if (o === undefined || k === undefined) throw new Error("there are loops");
    const [stride, dilation, before, base] = [1 + this.below(3), 1 + this.below(3), this.below(4), 1 + this.below(2)];
    const moved = addIndex(scaleIndex(loopIndex(o), stride), scaleIndex(loopIndex(k), dilation, -before));
    const at = base === 1 ? moved : floorDivIndex(moved, base);
    const extent = Math.max(1, at.max + 1 - this.below(3));
    const bounds = [...(base === 1 ? [] : [{ index: modIndex(moved, base), extent: 1 }]), { index: at, extent }];
    this.read(buffer, constIndex(extent - 1), "f32");
    return { expr: load("f32", buffer, at, { bounds, otherwise: constant("f32", -0.25) }), bits: 5 };
  }

  /** Never negative: some of the loops, row-major; reversed, reshaped, moved or to a loaded place. */
  index(scope: Scope): Index {
    const kind = this.below(10);
    const chosen = scope.loops.filter(() => this.below(3) !== 2);
    const ordered = kind % 2 === 0 ? chosen : [...chosen].reverse();
    const small: LoopVar[] = [];
    for (const loop of ordered) if (workOf([...small, loop]) <= 3000) small.push(loop);
    const at = flat(small);
    this.#last = this.#bent(kind, at);
    return this.#last;
  }

  #bent(kind: number, at: Index): Index {
    switch (kind) {
      case 5:
        return scaleIndex(at, -1, at.max);
      case 6:
        return floorDivIndex(at, 2 + this.below(3));
      case 7:
        return modIndex(scaleIndex(at, 1, this.below(3)), 2 + this.below(5));
      case 8: {
        const by = 2 + this.below(4);
        const turned = sumIndex([{ factor: Math.floor(at.max / by) + 1, index: modIndex(at, by) }]);
        return addIndex(turned, floorDivIndex(at, by));
      }
      case 9: {
        if (this.below(2) === 0) return addIndex(at, constIndex(2));
        const place = load("i32", this.read("places", at, "i32"), at);
        return addIndex(scaleIndex(rangedIndex(place, 0, 3), 2), constIndex(this.below(2)));
      }
      default:
        return at;
    }
  }

  /** A product, mostly of what moves with some of the parallel loops and what moves with the others. */
  contracted(outer: readonly LoopVar[], inner: readonly LoopVar[]): Term {
    if (this.below(4) === 3) {
      const inside: Scope = { loops: [...outer, ...inner], terms: [] };
      return product(this.load(inside), this.load(inside));
    }
    const cut = Math.max(0, outer.length - 1 - this.below(2));
    const batch = this.below(3) === 2 ? outer.slice(0, 1) : [];
    const operand = (buffer: string, own: readonly LoopVar[]): Term => {
      const at = flat(this.below(2) === 0 ? [...own, ...inner] : [...inner, ...own]);
      return { expr: load("f32", this.read(buffer, at, "f32"), at), bits: 5 };
    };
    const left = operand("x0", outer.slice(0, cut));
    const right = operand("x1", [...new Set([...batch, ...outer.slice(cut)])]);
    return this.below(2) === 0 ? product(left, right) : product(right, left);
  }

  fresh(hint: string): string {
    return `${hint}_${this.#made++}`;
  }

  read(buffer: string, at: Index, element: "f32" | "i32" | "bool"): string {
    return this.#touch(buffer, at, element, "read");
  }

  written(buffer: string, at: Index, element: "f32" | "i32" = "f32"): string {
    return this.#touch(buffer, at, element, "write");
  }

  #touch(buffer: string, at: Index, element: BufferParam["element"], role: BufferParam["role"]): string {
    const known = this.#buffers.get(buffer);
    if (known === undefined) this.#buffers.set(buffer, { name: buffer, element, count: at.max + 1, role });
    else {
      known.count = Math.max(known.count, at.max + 1);
      if (known.role !== role) known.role = "update";
    }
    return buffer;
  }
}

export const workOf = (loops: readonly LoopVar[]): number => loops.reduce((product, { extent }) => product * extent, 1);

/** Row-major position of the loops. */
export function flat(loops: readonly LoopVar[]): Index {
  return loops.reduce((at, loop) => addIndex(scaleIndex(at, loop.extent), loopIndex(loop)), constIndex(0));
}

export function product(left: Term, right: Term): Term {
  const bits = left.bits + right.bits;
  return bits > mostBits ? left : { expr: apply("mul", left.expr, right.expr), bits };
}
