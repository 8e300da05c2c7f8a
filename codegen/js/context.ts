/**
 * What the parts of the JavaScript printer share while they print one function: where each name lives, how it is spelled,
 * which helpers are in use, and which index sums already have a name.
 *
 *   depth 0   the module                 const fround = Math.fround;
 *   depth 1   the function's body        function k0(x, y) {
 *   depth 2   inside its first block       for (let i = 0; i < 128; i++) {
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Apply, BufferParam, Expr, Routine, SharedArray } from "../../src/kernel/kernel.ts";
import type { Uses } from "../uses.ts";
import type { Writer } from "../writer.ts";
import type { Helper } from "./helpers.ts";
import { reservedWords } from "./helpers.ts";

/** A piece of JavaScript and how tightly its outermost operator binds. */
export interface Piece {
  readonly text: string;
  readonly level: number;
}

/** The value itself. */
export interface Printed extends Piece {
  readonly rounding: "none";
}

/** A number and what must still be done to it for it to be the value. */
export type Unrounded = Printed | (Piece & { readonly rounding: "f32" | "i32" | "u32" });

/** How tightly operators bind: the higher the tighter. */
export const levels = {
  conditional: 1,
  or: 2,
  and: 3,
  bitOr: 4,
  bitXor: 5,
  bitAnd: 6,
  equal: 7,
  compare: 8,
  shift: 9,
  sum: 10,
  product: 11,
  unary: 12,
  atom: 13,
} as const;

export function piece(text: string, level: number): Printed {
  return { text, level, rounding: "none" };
}

export function atom(text: string): Printed {
  return piece(text, levels.atom);
}

/** The text, in brackets if it binds less tightly than `level`. */
export function wrap(printed: Piece, level: number): string {
  return printed.level >= level ? printed.text : `(${printed.text})`;
}

export function printNumber(value: number): Printed {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return piece(text, text.startsWith("-") ? levels.unary : levels.atom);
}

/** An open block of the function. */
export interface Scope {
  /** The body of an `if`: what stands in it may not run, so nothing that touches memory moves out. */
  readonly conditional: boolean;
  /** Index sums that have a name here. */
  readonly indexes: Map<Expr, string>;
}

/** How an array variable is kept: as one local per element, or as a typed array made once, outside the function. */
export type ArrayHome =
  | { readonly kind: "locals"; readonly names: readonly string[] }
  | { readonly kind: "array"; readonly name: string };

/** Gives names that are no reserved word, no helper, not given before, and not shadowed by or shadowing the module's. */
export class Namer {
  readonly #taken = new Set<string>();
  readonly #insideFunctions = new Set<string>();
  readonly #module: Namer | undefined;
  /** The next number to try for each name. Names are never given back, so it only grows. */
  readonly #next = new Map<string, number>();

  constructor(module?: Namer) {
    this.#module = module;
  }

  fresh(wanted: string): string {
    const base = reservedWords.has(wanted) ? `${wanted}_` : wanted;
    const name = this.#isTaken(base) ? this.#counted(`${base}_`, 1) : base;
    this.#taken.add(name);
    if (this.#module !== undefined) this.#module.#insideFunctions.add(name);
    return name;
  }

  /** `wanted0`, `wanted1`, ...: for names of which there are many. */
  numbered(wanted: string): string {
    return this.fresh(this.#counted(wanted, 0));
  }

  #counted(stem: string, first: number): string {
    let n = this.#next.get(stem) ?? first;
    while (this.#isTaken(`${stem}${n}`)) n += 1;
    this.#next.set(stem, n + 1);
    return `${stem}${n}`;
  }

  #isTaken(name: string): boolean {
    if (this.#taken.has(name) || this.#insideFunctions.has(name)) return true;
    const module = this.#module ?? this;
    return module.#taken.has(name);
  }
}

/** What the whole module gathers while its functions are printed. */
export interface JsModule {
  readonly names: Namer;
  /** Marks a helper as used and gives its name. */
  readonly helper: (helper: Helper) => string;
  /** The name of the function that computes a maths function in f32. */
  readonly routine: (expr: Apply) => string;
  /** What that function computes, to be written in place. */
  readonly routineOf: (expr: Apply) => Routine;
  /** Makes a typed array of `count` elements outside the function. */
  readonly array: (wanted: string, type: string, count: number) => string;
}

export interface JsContext {
  readonly module: JsModule;
  readonly writer: Writer;
  readonly names: Namer;
  readonly scopes: Scope[];
  readonly buffers: ReadonlyMap<string, BufferParam | SharedArray>;
  /** JavaScript's spelling of the kernel's names. */
  readonly spelling: Map<string, string>;
  /** Depth of the block in which a loop variable or `let` is known. A `var` is not in here: it changes. */
  readonly depths: Map<string, number>;
  readonly arrays: Map<string, { readonly home: ArrayHome; readonly shape: readonly number[] }>;
  readonly uses: Uses;
  /** Inside what may not be evaluated: the guarded part of a load. */
  readonly guarded: boolean;
}

/** How the function spells a name of the kernel. */
export function spell(name: string, context: JsContext): string {
  const known = context.spelling.get(name);
  if (known === undefined) throw new CompilerBug(`the JavaScript printer does not know the name ${name}`);
  return known;
}

/** Makes up the spelling of a name of the kernel, where it is declared. */
export function declare(name: string, context: JsContext): string {
  const known = context.names.fresh(name);
  context.spelling.set(name, known);
  return known;
}

/** Runs `body` inside a new block. */
export function inBlock(header: string, context: JsContext, body: () => void, conditional = false): void {
  context.writer.block(header, () => {
    context.scopes.push({ conditional, indexes: new Map() });
    body();
    context.scopes.pop();
  });
}
