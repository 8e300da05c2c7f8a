/**
 * Index arithmetic: where in a buffer an element lies.
 *
 * An `Index` is an integer made of loop variables, constants and loaded integers, combined by sums with constant factors and
 * by `floorDiv` and `mod` with positive constants. Nothing else is needed for views of row-major arrays. Every index knows its
 * range, and the constructors use it, so a reshape there and back disappears by itself:
 *
 *   mod(sum(i*28, j), 28)  with 0 <= j < 28   ->  j
 *   floorDiv(sum(i*28, j), 28)                ->  i
 *
 * Terms of a sum have one order, so that equal sums are one object: the largest factor first, then what was divided, then loops
 * by their names.
 */
import { CompilerBug } from "../core/errors.ts";
import type { Expr, ExprPool, Index, Mod, Sum, Term } from "./kernel.ts";

export function isIndex(expr: Expr): expr is Index {
  switch (expr.kind) {
    case "loop":
    case "sum":
    case "floorDiv":
    case "mod":
    case "ranged":
      return true;
    case "const":
      return expr.type === "i32";
    default:
      return false;
  }
}

/** An integer computed at run time, promised to lie in its range. */
export function rangedIndex(value: Expr, min: number, max: number): Index {
  if (isIndex(value) && value.min >= min && value.max <= max) return value;
  if (value.kind === "const") return value.pool.integer(value.value);
  return value.pool.nodes.ranged(value, min, max);
}

/** An expression where an index must stand. */
export function asIndex(expr: Expr): Index {
  if (isIndex(expr)) return expr;
  if (expr.type !== "i32" && expr.type !== "u32") throw new CompilerBug(`an index of ${expr.type}`);
  return rangedIndex(expr, expr.min, expr.max);
}

/** Sum of `factor * index`, plus `offset`; equal terms are collected and nested sums opened. Of no terms, `pool` is asked. */
export function sumIndex(terms: readonly Term[], offset = 0, pool: ExprPool | undefined = terms[0]?.index.pool): Index {
  if (pool === undefined) throw new CompilerBug("an empty sum of no pool");
  const collected: Term[] = [];
  const constant = offset + collect(collected, terms, 1);
  const kept = collected.some(isLoose) ? recombined(collected) : collected;
  putInOrder(kept);
  return finishSum(kept, constant, pool);
}

/** By insertion: of two or three terms, for which the engine's own sort makes lists of its own each time. */
function putInOrder(terms: Term[]): void {
  for (let end = 1; end < terms.length; end += 1) {
    const term = terms[end];
    let at = end;
    for (let before = terms[at - 1]; term !== undefined && before !== undefined && comesFirst(term, before); ) {
      terms[at] = before;
      at -= 1;
      before = terms[at - 1];
    }
    if (term !== undefined) terms[at] = term;
  }
}

function comesFirst(a: Term, b: Term): boolean {
  return a.factor > b.factor || (a.factor === b.factor && inOrder(a.index, b.index) < 0);
}

/**
 * Adds terms, `times` each, to those that are collected: a handful, so a list is searched sooner than a table is made. Gives the sum
 * of their constants. Loops by number, here and below: for each step of an iterator a fresh process makes an object.
 */
function collect(into: Term[], terms: readonly Term[], times: number): number {
  let constant = 0;
  for (let i = 0; i < terms.length; i += 1) {
    const term = terms[i];
    if (term === undefined) continue;
    const { index } = term;
    const factor = times * term.factor;
    if (index.kind === "const") constant += factor * index.value;
    else if (index.kind === "sum") constant += factor * index.offset + collect(into, index.terms, factor);
    else addTerm(into, factor, index);
  }
  return constant;
}

function addTerm(into: Term[], factor: number, index: Index): void {
  const at = placeOf(into, index);
  if (at < 0) into.push({ factor, index });
  else into[at] = { factor: factor + (into[at]?.factor ?? 0), index };
}

function placeOf(terms: readonly Term[], index: Index): number {
  for (let i = 0; i < terms.length; i += 1) if (terms[i]?.index === index) return i;
  return -1;
}

function inOrder(a: Index, b: Index): number {
  if (a.kind !== "loop" || b.kind !== "loop")
    return a.kind === b.kind || a.kind !== "loop" ? (b.kind === "loop" ? -1 : a.id - b.id) : 1;
  return a.loop.name < b.loop.name ? -1 : 1;
}

/** Whether it may go, or become one with another. */
function isLoose({ factor, index }: Term): boolean {
  return factor === 0 || remainderIn(index) !== undefined;
}

/** A remainder, also one that is promised to be smaller than what it was divided by. */
function remainderIn(index: Index): Mod | undefined {
  if (index.kind === "mod") return index;
  return index.kind === "ranged" && index.value.kind === "mod" ? index.value : undefined;
}

/** The terms that are not zero, with n * floorDiv(x, n) + mod(x, n) = x, at any common factor. */
function recombined(collected: readonly Term[]): Term[] {
  let terms = collected.filter(({ factor }) => factor !== 0);
  for (const remainder of terms) {
    const { factor } = remainder;
    const index = remainderIn(remainder.index);
    if (index === undefined || !terms.includes(remainder)) continue;
    const whole = index.index;
    const quotient = terms[placeOf(terms, floorDivIndex(whole, index.by))];
    if (quotient === undefined || quotient.factor !== factor * index.by) {
      terms = recombinedMod(terms, remainder) ?? terms;
      continue;
    }
    const others = terms.filter((term) => term !== remainder && term !== quotient);
    if (whole.kind === "sum") {
      const merged = sumIndex([{ factor, index: whole }, ...others]);
      if (merged.kind === "sum" && merged.offset === 0) return [...merged.terms];
      continue;
    }
    addTerm(others, factor, whole);
    terms = others;
  }
  return terms.filter((term) => term.factor !== 0);
}

/** m * floorDiv(mod(y, n), m) + mod(y, m) = mod(y, n), which mod(mod(y, n), m) is called where m divides n. */
function recombinedMod(terms: readonly Term[], remainder: Term): Term[] | undefined {
  const { factor, index: rest } = remainder;
  if (rest.kind !== "mod") return undefined;
  for (const quotient of terms) {
    const { index } = quotient;
    if (index.kind !== "floorDiv" || index.by !== rest.by || quotient.factor !== factor * rest.by) continue;
    const whole = index.index;
    if (whole.kind !== "mod" || whole.index !== rest.index || whole.by % rest.by !== 0) continue;
    const others = terms.filter((term) => term !== remainder && term !== quotient);
    addTerm(others, factor, whole);
    return others;
  }
  return undefined;
}

/** Terms are collected and in order. */
function finishSum(terms: readonly Term[], offset: number, pool: ExprPool): Index {
  const only = terms[0];
  if (only === undefined) return pool.integer(offset);
  if (terms.length === 1 && only.factor === 1 && offset === 0) return only.index;
  let min = offset;
  let max = offset;
  for (let i = 0; i < terms.length; i += 1) {
    const { factor, index } = terms[i] ?? only;
    min += factor * (factor > 0 ? index.min : index.max);
    max += factor * (factor > 0 ? index.max : index.min);
  }
  return pool.nodes.sum(terms, offset, min, max);
}

export function addIndex(a: Index, b: Index): Index {
  return sumIndex([
    { factor: 1, index: a },
    { factor: 1, index: b },
  ]);
}

/** Where iteration `inner` of block `outer` is: by * outer + inner. */
export function blockIndex(by: number, outer: Index, inner: Index): Index {
  return sumIndex([
    { factor: by, index: outer },
    { factor: 1, index: inner },
  ]);
}

export function scaleIndex(index: Index, factor: number, offset = 0): Index {
  return sumIndex([{ factor, index }], offset);
}

/** Splits a sum into (multiple of `by`) and rest, so that division and remainder act on the rest alone. */
function splitMultiples(index: Index, by: number): { quotient: Index; rest: Index } {
  const { pool } = index;
  const terms = index.kind === "sum" ? index.terms : [{ factor: 1, index }];
  const offset = index.kind === "sum" ? index.offset : 0;
  const whole = terms.filter((t) => t.factor % by === 0).map((t) => ({ factor: t.factor / by, index: t.index }));
  const broken = terms.filter((t) => t.factor % by !== 0);
  const wholeOffset = Math.floor(offset / by);
  const restOffset = offset - wholeOffset * by;
  const isAll = broken.length === terms.length && restOffset === offset;
  return {
    quotient: sumIndex(whole, wholeOffset, pool),
    rest: isAll ? index : sumIndex(broken, restOffset, pool),
  };
}

/** floor(index / by), by > 0. */
export function floorDivIndex(index: Index, by: number): Index {
  if (!(by > 0)) throw new CompilerBug(`division of an index by ${by}`);
  if (by === 1) return index;
  if (index.kind === "const") return index.pool.integer(Math.floor(index.value / by));
  const { quotient, rest } = splitMultiples(index, by);
  if (rest.min >= 0 && rest.max < by) return quotient;
  if (rest.kind === "floorDiv") return addIndex(quotient, floorDivIndex(rest.index, rest.by * by));
  const low = Math.floor(rest.min / by);
  const high = Math.floor(rest.max / by);
  if (low === high) return scaleIndex(quotient, 1, low);
  return addIndex(quotient, index.pool.nodes.floorDiv(rest, by, low, high));
}

/** index - by * floor(index / by), by > 0: never negative. */
export function modIndex(index: Index, by: number): Index {
  if (!(by > 0)) throw new CompilerBug(`remainder of an index by ${by}`);
  if (by === 1) return index.pool.integer(0);
  if (index.kind === "const") return index.pool.integer(((index.value % by) + by) % by);
  const { rest } = splitMultiples(index, by);
  if (rest.min >= 0 && rest.max < by) return rest;
  const low = Math.floor(rest.min / by);
  if (low === Math.floor(rest.max / by)) return sumIndex([{ factor: 1, index: rest }], -low * by);
  if (rest.kind === "mod" && rest.by % by === 0) return modIndex(rest.index, by);
  return index.pool.nodes.mod(rest, by);
}

/** A sum of other terms. Those that stay are in order and collected already; only one that becomes another has to find its place. */
export function mapTerms(sum: Sum, map: (index: Index) => Index): Index {
  const terms: Term[] = [];
  let { offset } = sum;
  let isSame = true;
  let isInOrder = true;
  for (let i = 0; i < sum.terms.length; i += 1) {
    const term = sum.terms[i];
    if (term === undefined) continue;
    const index = map(term.index);
    if (index === term.index) {
      terms.push(term);
      continue;
    }
    isSame = false;
    if (index.kind === "const") offset += term.factor * index.value;
    else {
      isInOrder = false;
      terms.push({ factor: term.factor, index });
    }
  }
  if (isSame) return sum;
  return isInOrder ? finishSum(terms, offset, sum.pool) : sumIndex(terms, offset, sum.pool);
}

/** The index as a sum of something that a constant is no part of, and a constant. */
export function splitOffset(index: Index): { readonly moving: Index; readonly offset: number } {
  if (index.kind === "const") return { moving: index.pool.integer(0), offset: index.value };
  if (index.kind !== "sum" || index.offset === 0) return { moving: index, offset: 0 };
  return { moving: finishSum(index.terms, 0, index.pool), offset: index.offset };
}

/** Whether a value that only a run knows (a loaded integer) is part of the index. */
export function isDynamic(index: Index): boolean {
  switch (index.kind) {
    case "const":
    case "loop":
      return false;
    case "ranged":
      return true;
    case "sum":
      return index.terms.some((term) => isDynamic(term.index));
    case "floorDiv":
    case "mod":
      return isDynamic(index.index);
  }
}
