/**
 * Random well-typed kernels, such as `lower` writes them: nests of parallel loops, folds of every kind, running ones, arg-max, guards,
 * windows, reversed, shifted, reshaped and loaded indexes, rows that are read and stored in place.
 *
 * Numbers come from a list that shrinks; where it ends, every choice is the first one. All numbers stay on a grid that an
 * f32 holds exactly, sums included, so a schedule that sums in another order still finds the same bits.
 */

import { RandomStream } from "../../src/core/random.ts";
import type { Memory } from "../../src/kernel/evaluate-memory.ts";
import type { BufferParam, Expr, Kernel, LoopVar, Nest, Stmt, ValueType } from "../../src/kernel/kernel.ts";
import {
  apply,
  assign,
  constant,
  constIndex,
  convert,
  fold,
  forLoop,
  letValue,
  load,
  loopIndex,
  name,
  scaleIndex,
  store,
  variable,
  when,
} from "../kernel-pool.ts";
import { Draws, flat, mostBits, type Scope, type Term, workOf } from "./random-draws.ts";

const parallelExtents = [2, 3, 1, 4, 5, 8, 17, 33, 64];
const serialExtents = [2, 3, 1, 4, 7, 16, 33, 70];
/** Iterations of all loops around one statement. */
const mostWork = 20_000;

/** `accumulator` is what the target sums in; each distinct list of numbers gives a kernel, mostly another one. */
export function randomKernel(numbers: readonly number[], accumulator: "f32" | "f64"): Kernel {
  const draw = new Draws(numbers);
  const maker = new KernelMaker(draw, accumulator);
  const nests = Array.from({ length: 1 + (draw.below(3) === 2 ? 1 : 0) }, () => maker.nest());
  return {
    name: "k0_random",
    buffers: draw.buffers(),
    shared: [],
    nests,
    flops: 0,
    bytes: 0,
    iterations: [],
    schedule: [],
  };
}

/** Numbers on the grid for every buffer; whole numbers below 4. */
export function memoryFor(kernel: Kernel): ReadonlyMap<string, Memory> {
  const random = new RandomStream(5, "random kernels");
  const number = ({ element }: BufferParam): number =>
    element === "f32" ? random.integer(17) / 4 - 2 : random.integer(element === "bool" ? 2 : 4);
  return new Map(
    kernel.buffers.map((buffer) => {
      const data = Array.from({ length: buffer.count }, () => number(buffer));
      return [buffer.name, { element: buffer.element, data }];
    }),
  );
}

class KernelMaker {
  readonly #draw: Draws;
  readonly #accumulator: "f32" | "f64";

  constructor(draw: Draws, accumulator: "f32" | "f64") {
    this.#draw = draw;
    this.#accumulator = accumulator;
  }

  nest(): Nest {
    const kind = this.#draw.below(9);
    if (kind === 8) return this.#running();
    return kind % 4 === 3 ? this.#contraction() : this.#anyNest();
  }

  /** A matrix product and its epilogue, large enough for tiles now and then. */
  #contraction(): Nest {
    const extents = [4, 8, 17, 33, 64, 3, 1];
    const loops = [this.#loop(extents), this.#loop(extents)];
    if (this.#draw.below(3) === 2) loops.unshift(this.#loop([2, 3]));
    const inner: LoopVar = { name: this.#draw.fresh("k"), extent: [3, 16, 19, 1][this.#draw.below(4)] ?? 3 };
    const total = this.#draw.fresh("acc");
    const value = productIn(this.#accumulator, this.#draw.contracted(loops, [inner]));
    const body: Stmt[] = [fold("sum", [total], [inner], [value])];
    const result = this.#define({ expr: convert("f32", name(this.#accumulator, total)), bits: 15 }, body);
    const scope: Scope = { loops, terms: [result] };
    const epilogue = this.#define(this.#draw.term(scope, 2), body);
    this.#store({ loops, terms: [result, epilogue] }, body);
    return { loops: loops.map((loop) => ({ loop, mark: "parallel" })), prelude: [], body };
  }

  /** A loop that stores what a fold has come to at each place: it stands alone, as `lower` has it. */
  #running(): Nest {
    const loops = [this.#loop(parallelExtents), this.#loop([1, 2, 4, 5])];
    const along = this.#loop(serialExtents);
    const inside: Scope = { loops: [...loops, along], terms: [] };
    const [fn, start] = this.#draw.below(2) === 0 ? (["add", 0] as const) : (["max", -8] as const);
    const [held, to] = [this.#draw.fresh("acc"), this.#draw.fresh("to")];
    const after = apply(fn, name("f32", held), this.#draw.load(inside).expr);
    const at = flat(this.#draw.below(2) === 0 ? inside.loops : [along, ...loops]);
    const stored = store(this.#draw.written(this.#draw.fresh("out"), at), at, name("f32", to));
    const body = [
      variable(held, constant("f32", start)),
      forLoop(along, [letValue(to, after), assign(held, name("f32", to)), stored]),
    ];
    return { loops: loops.map((loop) => ({ loop, mark: "parallel" })), prelude: [], body };
  }

  #anyNest(): Nest {
    const loops: LoopVar[] = [];
    for (let rank = this.#draw.below(4); rank > 0; rank--) {
      const loop = this.#loop(parallelExtents);
      if (workOf([...loops, loop]) <= 600) loops.push(loop);
    }
    const prelude: Stmt[] = [];
    const hoisted = this.#draw.below(6) === 5 ? this.#fold({ loops: [], terms: [] }, prelude) : [];
    const body: Stmt[] = [];
    let scope: Scope = { loops, terms: hoisted };
    const row = this.#draw.fresh("row");
    const columns = this.#loop(serialExtents).extent;
    for (let n = 1 + this.#draw.below(4); n > 0; n--) scope = this.#statement(scope, body, row, columns);
    this.#store(scope, body);
    if (this.#draw.below(3) === 2) this.#store(scope, body);
    return { loops: loops.map((loop) => ({ loop, mark: "parallel" })), prelude, body };
  }

  // ---- statements --------------------------------------------------------------------------------------------------

  #statement(scope: Scope, body: Stmt[], row: string, columns: number): Scope {
    const more = (...terms: readonly Term[]): Scope => ({ ...scope, terms: [...scope.terms, ...terms] });
    switch (this.#draw.below(8)) {
      case 0:
      case 1:
        return more(...this.#fold(scope, body));
      case 2:
        return more(this.#define(this.#draw.term(scope, 2), body));
      case 3:
        return more(this.#argMax(scope, body));
      case 4:
        this.#rowLoop(scope, body, row, columns);
        return scope;
      case 5:
        return more(this.#branch(scope, body));
      case 6:
        return more(this.#array(scope, body));
      default:
        return more(this.#rowFold(scope, body, row, columns));
    }
  }

  /** A sum, in the wide type, or an extreme; now and then of what is folded for each element. */
  #fold(scope: Scope, body: Stmt[]): readonly Term[] {
    const loops = this.#serialLoops(scope);
    const inside: Scope = { loops: [...scope.loops, ...loops], terms: scope.terms };
    const inner: Stmt[] = [];
    const fn = (["sum", "sum", "max", "min"] as const)[this.#draw.below(4)] ?? "sum";
    const contraction = fn === "sum" && this.#draw.below(2) === 0;
    const deeper = this.#draw.below(8) === 7 ? this.#fold(inside, inner) : [];
    const seen: Scope = { loops: inside.loops, terms: [...scope.terms, ...deeper] };
    const value = contraction ? this.#draw.contracted(scope.loops, loops) : this.#draw.term(seen, 1);
    const named = this.#draw.below(3) === 2 ? this.#define(value, inner) : value;
    const bits = fn === "sum" ? named.bits + Math.ceil(Math.log2(workOf(loops) + 2)) : named.bits;
    if (bits > mostBits) return [];
    const wide = fn === "sum" ? this.#accumulator : "f32";
    const total = this.#draw.fresh("acc");
    const operand = contraction && named === value ? productIn(wide, value) : convert(wide, named.expr);
    body.push(fold(fn, [total], loops, [operand], { body: inner }));
    return [this.#define({ expr: convert("f32", name(wide, total)), bits: Math.max(4, bits) }, body)];
  }

  /** Gives the place as a number. */
  #argMax(scope: Scope, body: Stmt[]): Term {
    const loops = this.#serialLoops(scope);
    const inside: Scope = { loops: [...scope.loops, ...loops], terms: scope.terms };
    const [best, place] = [this.#draw.fresh("best"), this.#draw.fresh("place")];
    const value = this.#draw.load(inside);
    const position = flat(loops);
    const fn = this.#draw.below(2) === 0 ? "argMax" : "argMin";
    body.push(fold(fn, [best, place], loops, [value.expr, position]));
    return this.#define({ expr: convert("f32", name("i32", place)), bits: 15 }, body);
  }

  /** for c { let ..; out[r, c] = .. } of a buffer of its own, or of the row in place. */
  #rowLoop(scope: Scope, body: Stmt[], row: string, columns: number): void {
    const c: LoopVar = { name: this.#draw.fresh("c"), extent: columns };
    if (workOf([...scope.loops, c]) > mostWork) return;
    const inside: Scope = { loops: [...scope.loops, c], terms: scope.terms };
    const inner: Stmt[] = [];
    const inPlace = this.#draw.below(2) === 1;
    const at = flat(inside.loops);
    const old: readonly Term[] = inPlace
      ? [this.#define({ expr: load("f32", this.#draw.read(row, at, "f32"), at), bits: 5 }, inner)]
      : [];
    const value = this.#define(this.#draw.term({ ...inside, terms: [...scope.terms, ...old] }, 2), inner);
    // What is kept in place stays on the grid that later readers count on.
    const stored = inPlace ? clamp(value) : value.expr;
    body.push(
      forLoop(
        c,
        [
          ...inner,
          store(inPlace ? this.#draw.written(row, at) : this.#draw.written(this.#draw.fresh("out"), at), at, stored),
        ],
        "parallel",
      ),
    );
  }

  /** The sum of the row that may be overwritten later. */
  #rowFold(scope: Scope, body: Stmt[], row: string, columns: number): Term {
    const c: LoopVar = { name: this.#draw.fresh("c"), extent: columns };
    if (workOf([...scope.loops, c]) > mostWork) return { expr: constant("f32", 1), bits: 1 };
    const [total, at] = [this.#draw.fresh("acc"), flat([...scope.loops, c])];
    const element = convert(this.#accumulator, load("f32", this.#draw.read(row, at, "f32"), at));
    body.push(fold("sum", [total], [c], [element]));
    return this.#define({ expr: convert("f32", name(this.#accumulator, total)), bits: 13 }, body);
  }

  /** A variable that a condition may change, within a loop or not. */
  #branch(scope: Scope, body: Stmt[]): Term {
    const label = this.#draw.fresh("v");
    const [start, other] = [this.#draw.term(scope, 1), this.#draw.term(scope, 1)];
    const change = when(this.#draw.condition(scope), [assign(label, other.expr)]);
    const loop = this.#loop([2, 3]);
    body.push(variable(label, start.expr), this.#draw.below(2) === 0 ? change : forLoop(loop, [change]));
    return { expr: name("f32", label), bits: Math.max(start.bits, other.bits) };
  }

  /** A small array whose elements are known by number. */
  #array(scope: Scope, body: Stmt[]): Term {
    const label = this.#draw.fresh("part");
    const values = [this.#draw.term(scope, 1), this.#draw.term(scope, 1)];
    body.push(variable(label, constant("f32", 0), [2]));
    for (const [n, { expr }] of values.entries()) body.push(assign(label, expr, [constIndex(n)]));
    const [first, second] = [0, 1].map((n) => name("f32", label, [constIndex(n)])) as [Expr, Expr];
    const bits = Math.max(...values.map((value) => value.bits)) + 1;
    return this.#define({ expr: apply("sub", first, second), bits }, body);
  }

  /** Each iteration has elements of its own: the loops in any order, spread out, behind a guard or not. */
  #store(scope: Scope, body: Stmt[]): void {
    const loops = this.#draw.below(2) === 0 ? scope.loops : [...scope.loops].reverse();
    const place = scaleIndex(flat(loops), 1 + (this.#draw.below(4) === 3 ? 1 : 0), this.#draw.below(2));
    const last = scope.loops.at(-1);
    const guard =
      this.#draw.below(4) === 3 && last !== undefined
        ? [{ index: scaleIndex(loopIndex(last), 1, this.#draw.below(2)), extent: Math.max(1, last.extent - 1) }]
        : [];
    const value = this.#draw.term(scope, 2);
    if (this.#draw.below(5) === 4) {
      const held = apply("gt", value.expr, constant("f32", 0));
      const kind = this.#draw.written(this.#draw.fresh("sign"), place, "i32");
      body.push(store(kind, place, apply("select", held, constant("i32", 1), constant("i32", -1)), guard));
    } else body.push(store(this.#draw.written(this.#draw.fresh("out"), place), place, value.expr, guard));
  }

  // ---- names and buffers -------------------------------------------------------------------------------------------

  #define(value: Term, body: Stmt[]): Term {
    const label = this.#draw.fresh("v");
    body.push(letValue(label, value.expr));
    return { expr: name("f32", label), bits: value.bits };
  }

  #loop(extents: readonly number[]): LoopVar {
    return { name: this.#draw.fresh("i"), extent: extents[this.#draw.below(extents.length)] ?? 1 };
  }

  #serialLoops(scope: Scope): readonly LoopVar[] {
    const loops = [this.#loop(serialExtents)];
    if (this.#draw.below(3) === 2) loops.push(this.#loop(serialExtents));
    while (loops.length > 1 && workOf([...scope.loops, ...loops]) > mostWork) loops.pop();
    const [only] = loops;
    return only !== undefined && workOf([...scope.loops, ...loops]) > mostWork ? [{ ...only, extent: 2 }] : loops;
  }
}

/** As `lower` has it: the operands become wide, not the product. */
function productIn(wide: ValueType, { expr }: Term): Expr {
  if (expr.kind !== "apply" || expr.fn !== "mul") return convert(wide, expr);
  return apply("mul", ...expr.args.map((arg) => convert(wide, arg)));
}

/** Between -2 and 2, in steps of 1/4. */
function clamp({ expr }: Term): Expr {
  const quarters = apply("floor", apply("mul", expr, constant("f32", 4)));
  const rounded = apply("mul", quarters, constant("f32", 0.25));
  return apply("min", apply("max", rounded, constant("f32", -2)), constant("f32", 2));
}
