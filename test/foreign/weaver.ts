/**
 * A recipe while it is woven: its inputs, its instructions so far, and the values to choose from.
 *
 * Numbers stay where a float64 answers for itself: what may be large is bent by tanh, logarithms and roots get what is positive,
 * and where ties or zeros would ask for a convention (which differ between systems, and are tested elsewhere), a ramp is added.
 */

import type { RandomStream } from "../../src/core/random.ts";
import type { Tensor } from "../../src/index.ts";
import { builders } from "./build.ts";
import type { Attrs, Instruction, RecipeInput } from "./recipe.ts";

export interface Value {
  readonly at: number;
  readonly x: Tensor;
  /** No element is larger. */
  readonly bound: number;
}

/** An instruction that may come next; a number among its operands is the place of a whole-number input. */
export type Drawn = readonly [op: string, of: readonly (Value | number)[], attrs: Attrs, bound: number];
/** Draws an instruction that reads x, or none where x does not suit. */
export type Draw = (w: Weaver, x: Value) => Drawn | null;

export const mostElements = 150;
export const mostRank = 6;
const largest = 12;

export const shapeOf = ({ x }: Value): readonly number[] => x.shape.map(Number);
export const countOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
export const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === b[i]);

/** What two shapes broadcast to. */
export function joint(a: readonly number[], b: readonly number[]): readonly number[] | null {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let i = 1; i <= rank; i++) {
    const [left, right] = [a[a.length - i] ?? 1, b[b.length - i] ?? 1];
    if (left !== right && left !== 1 && right !== 1) return null;
    result.unshift(left === 1 ? right : left);
  }
  return result;
}

export class Weaver {
  readonly random: RandomStream;
  readonly inputs: RecipeInput[] = [];
  readonly tensors: Tensor[] = [];
  readonly instructions: Instruction[] = [];
  readonly values: Value[] = [];

  constructor(random: RandomStream) {
    this.random = random;
    for (const shape of this.#shapes()) this.#input(shape);
    // labels, indexes, starts: in range and out of it, some twice
    this.#whole(this.pick([1, 3, 5]));
    this.#whole(this.pick([2, 4, 7]));
  }

  /** The tensors of the inputs, once there are some. */
  begin(tensors: readonly Tensor[]): void {
    tensors.forEach((x, at) => {
      this.tensors.push(x);
      if (this.inputs[at]?.whole === false) this.values.push({ at, x, bound: 1.5 });
    });
  }

  /** What nothing has read yet, as one vector: the result. */
  finish(): void {
    const read = new Set(this.instructions.flatMap(({ of }) => of));
    const loose = this.values.filter(({ at }) => !read.has(at)).slice(-5);
    const parts = loose.map((value) => this.fit(value, [Math.min(countOf(shapeOf(value)), 24)]));
    this.add("concat", parts, { axis: 0 }, 1);
  }

  // ---- inputs ------------------------------------------------------------------------------------------------------

  /** A shape, one that broadcasts against it, and a small one. */
  #shapes(): (readonly number[])[] {
    const extents = this.random.integer(12) === 0 ? [0, 1, 2] : [1, 2, 3, 5, 7, 2, 3];
    let shape: number[];
    do shape = Array.from({ length: this.random.integer(mostRank + 1) }, () => this.pick(extents));
    while (countOf(shape) > mostElements);
    const bent = shape
      .map((dim) => (this.random.integer(3) === 0 ? 1 : dim))
      .slice(this.random.integer(shape.length + 1));
    const few = Array.from({ length: this.random.integer(3) }, () => this.pick([1, 2, 3, 5]));
    return [shape, bent, few];
  }

  #input(shape: readonly number[]): void {
    const values = Array.from({ length: countOf(shape) }, () => this.number(-1.5, 1.5));
    this.inputs.push({ shape, values, whole: false });
  }

  #whole(count: number): void {
    const values = Array.from({ length: count }, () => this.random.integer(4));
    this.inputs.push({ shape: [count], values, whole: true });
  }

  number(low: number, high: number): number {
    return Number(this.random.uniform(low, high).toFixed(4));
  }

  pick<T>(of: readonly T[]): T {
    return of[this.random.integer(of.length)] as T;
  }

  // ---- instructions ------------------------------------------------------------------------------------------------

  add(op: string, of: readonly (Value | number)[], attrs: Attrs, bound: number): Value {
    const places = of.map((value) => (typeof value === "number" ? value : value.at));
    const build = builders[op];
    if (build === undefined) throw new Error(`no instruction "${op}"`);
    const x = build(
      places.map((at) => this.tensors[at] as Tensor),
      attrs,
    ) as Tensor;
    this.instructions.push({ op, of: places, attrs });
    this.tensors.push(x);
    const value = { at: this.tensors.length - 1, x, bound };
    if (bound > largest) return this.add("tanh", [value], {}, 1);
    this.values.push(value);
    return value;
  }

  /** The latest values more often than the first: chains. */
  any(fits: (value: Value) => boolean = () => true): Value | null {
    const fitting = this.values.filter(fits);
    if (fitting.length === 0) return null;
    return this.random.integer(2) === 0 ? (fitting.at(-1) as Value) : this.pick(fitting);
  }

  /** Adds numbers of which no two are alike. */
  spread(x: Value): Value {
    return this.add("spread", [x], { phase: this.number(0, 6) }, x.bound + 0.37);
  }

  positive(x: Value): Value {
    return this.add("scale", [this.add("square", [x], {}, x.bound ** 2)], { factor: 0.5, shift: 0.3 }, 0);
  }

  order(rank: number): number[] {
    const left = Array.from({ length: rank }, (_, axis) => axis);
    return Array.from({ length: rank }, () => left.splice(this.random.integer(left.length), 1)[0] ?? 0);
  }

  /** Another shape of as many elements: two axes made one, one split, ones put in. */
  reshaped(shape: readonly number[]): number[] {
    const result = [...shape];
    if (result.length > 1 && this.random.integer(2) === 0) {
      const at = this.random.integer(result.length - 1);
      result.splice(at, 2, (result[at] ?? 1) * (result[at + 1] ?? 1));
    }
    const at = result.findIndex((dim) => dim > 3 && dim % 2 === 0);
    if (at >= 0 && result.length < mostRank) result.splice(at, 1, 2, (result[at] ?? 2) / 2);
    if (result.length < mostRank && this.random.integer(2) === 0)
      result.splice(this.random.integer(result.length + 1), 0, 1);
    return result;
  }

  /** x cut off or filled up to a shape. */
  fit(x: Value, shape: readonly number[]): Value {
    return same(shapeOf(x), shape) ? x : this.add("fit", [x], { shape }, Math.max(x.bound, 0.5));
  }

  /** A list of whole numbers among the inputs. */
  list(): { readonly at: number; readonly count: number } {
    const lists = this.inputs.flatMap(({ whole, shape: [count = 0] }, at) => (whole ? [{ at, count }] : []));
    return this.pick(lists);
  }
}
