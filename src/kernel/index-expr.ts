/**
 * Index arithmetic: where in a buffer an element lies.
 *
 * An `Index` is an integer made of loop variables, constants and loaded integers, combined by sums with constant factors
 * and by `floorDiv` and `mod` with positive constants. Nothing else is needed for views of row-major
 * arrays. Every index knows its range, and the constructors use it, so a reshape there and back disappears by itself:
 *
 *   mod(sum(i*28, j), 28)  with 0 <= j < 28   ->  j
 *   floorDiv(sum(i*28, j), 28)                ->  i
 *
 * `key` is a canonical spelling: two indexes are equal exactly when their keys are.
 */
import { CompilerBug } from "../core/errors.ts";
import type { Expr, Index, LoopVar, Term } from "./kernel.ts";

export function constIndex(value: number): Index {
  if (!Number.isSafeInteger(value)) throw new CompilerBug(`index constant ${value} is not an integer`);
  return { kind: "const", value, key: String(value), min: value, max: value };
}

export function loopIndex(loop: LoopVar): Index {
  if (loop.extent === 1) return constIndex(0);
  return { kind: "loop", loop, key: loop.name, min: 0, max: Math.max(0, loop.extent - 1) };
}

/** `key` must identify the value within its kernel (the printed expression does). */
export function valueIndex(value: Expr, key: string, min: number, max: number): Index {
  return { kind: "value", value, key: `(${key})`, min, max };
}

/** Sum of `factor * index`, plus `offset`; equal terms are collected and nested sums opened. */
export function sumIndex(terms: readonly Term[], offset = 0): Index {
  const collected = new Map<string, Term>();
  let constant = offset;
  const take = (factor: number, index: Index): void => {
    if (index.kind === "const") constant += factor * index.value;
    else if (index.kind === "sum") {
      constant += factor * index.offset;
      for (const term of index.terms) take(factor * term.factor, term.index);
    } else {
      const known = collected.get(index.key);
      collected.set(index.key, { factor: factor + (known?.factor ?? 0), index });
    }
  };
  for (const term of terms) take(term.factor, term.index);
  recombine(collected);
  const kept: Term[] = [];
  for (const term of collected.values()) if (term.factor !== 0) kept.push(term);
  kept.sort((a, b) => b.factor - a.factor || (a.index.key < b.index.key ? -1 : 1));
  return finishSum(kept, constant);
}

/** n * floorDiv(x, n) + mod(x, n) = x, at any common factor. */
function recombine(collected: Map<string, Term>): void {
  const remainders: { readonly factor: number; readonly index: Index & { readonly kind: "mod" } }[] = [];
  for (const { factor, index } of collected.values()) {
    if (index.kind === "mod" && factor !== 0) remainders.push({ factor, index });
  }
  for (const { factor, index } of remainders) {
    const quotient = floorDivIndex(index.index, index.by);
    const other = collected.get(quotient.key);
    if (other === undefined || other.factor !== factor * index.by) continue;
    collected.delete(index.key);
    collected.delete(quotient.key);
    const known = collected.get(index.index.key);
    if (index.index.kind === "sum") {
      const merged = sumIndex([{ factor, index: index.index }, ...collected.values()]);
      if (merged.kind !== "sum" || merged.offset !== 0) {
        collected.set(index.key, { factor, index });
        collected.set(quotient.key, other);
        continue;
      }
      collected.clear();
      for (const term of merged.terms) collected.set(term.index.key, term);
      return;
    }
    collected.set(index.index.key, { factor: factor + (known?.factor ?? 0), index: index.index });
  }
}

function finishSum(terms: readonly Term[], offset: number): Index {
  if (terms.length === 0) return constIndex(offset);
  const only = terms.length === 1 ? terms[0] : undefined;
  if (only !== undefined && only.factor === 1 && offset === 0) return only.index;
  let min = offset;
  let max = offset;
  for (const { factor, index } of terms) {
    min += factor * (factor > 0 ? index.min : index.max);
    max += factor * (factor > 0 ? index.max : index.min);
  }
  const key = `[${terms.map((t) => `${t.factor}*${t.index.key}`).join("+")}+${offset}]`;
  return { kind: "sum", terms, offset, key, min, max };
}

export function addIndex(a: Index, b: Index): Index {
  return sumIndex([
    { factor: 1, index: a },
    { factor: 1, index: b },
  ]);
}

export function scaleIndex(index: Index, factor: number, offset = 0): Index {
  return sumIndex([{ factor, index }], offset);
}

/** Splits a sum into (multiple of `by`) and rest, so that division and remainder act on the rest alone. */
function splitMultiples(index: Index, by: number): { quotient: Index; rest: Index } {
  const terms = index.kind === "sum" ? index.terms : [{ factor: 1, index }];
  const offset = index.kind === "sum" ? index.offset : 0;
  const whole = terms.filter((t) => t.factor % by === 0).map((t) => ({ factor: t.factor / by, index: t.index }));
  const broken = terms.filter((t) => t.factor % by !== 0);
  const wholeOffset = Math.floor(offset / by);
  return { quotient: sumIndex(whole, wholeOffset), rest: sumIndex(broken, offset - wholeOffset * by) };
}

/** floor(index / by), by > 0. */
export function floorDivIndex(index: Index, by: number): Index {
  if (!(by > 0)) throw new CompilerBug(`division of an index by ${by}`);
  if (by === 1) return index;
  if (index.kind === "const") return constIndex(Math.floor(index.value / by));
  const { quotient, rest } = splitMultiples(index, by);
  if (rest.min >= 0 && rest.max < by) return quotient;
  if (rest.kind === "floorDiv") return addIndex(quotient, floorDivIndex(rest.index, rest.by * by));
  const low = Math.floor(rest.min / by);
  const high = Math.floor(rest.max / by);
  if (low === high) return addIndex(quotient, constIndex(low));
  const divided: Index = {
    kind: "floorDiv",
    index: rest,
    by,
    key: `(${rest.key}/${by})`,
    min: low,
    max: high,
  };
  return addIndex(quotient, divided);
}

/** index - by * floor(index / by), by > 0: never negative. */
export function modIndex(index: Index, by: number): Index {
  if (!(by > 0)) throw new CompilerBug(`remainder of an index by ${by}`);
  if (by === 1) return constIndex(0);
  if (index.kind === "const") return constIndex(((index.value % by) + by) % by);
  const { rest } = splitMultiples(index, by);
  if (rest.min >= 0 && rest.max < by) return rest;
  const low = Math.floor(rest.min / by);
  if (low === Math.floor(rest.max / by)) return sumIndex([{ factor: 1, index: rest }], -low * by);
  if (rest.kind === "mod" && rest.by % by === 0) return modIndex(rest.index, by);
  return { kind: "mod", index: rest, by, key: `(${rest.key}%${by})`, min: 0, max: by - 1 };
}

/**
 * Replaces loop variables (by name) and, through `mapValue`, expressions inside loaded indexes. The same object where nothing
 * changes: most of a kernel stays as it is in most rewrites, and a sum is dear to make.
 */
export function substituteIndex(
  index: Index,
  loops: ReadonlyMap<string, Index>,
  mapValue: (value: Expr) => Expr,
  keyOf: (value: Expr) => string,
): Index {
  switch (index.kind) {
    case "const":
      return index;
    case "loop":
      return loops.get(index.loop.name) ?? index;
    case "value": {
      const value = mapValue(index.value);
      return value === index.value ? index : valueIndex(value, keyOf(value), index.min, index.max);
    }
    case "sum":
      return substituteTerms(index, (part) => substituteIndex(part, loops, mapValue, keyOf));
    case "floorDiv": {
      const divided = substituteIndex(index.index, loops, mapValue, keyOf);
      return divided === index.index ? index : floorDivIndex(divided, index.by);
    }
    case "mod": {
      const divided = substituteIndex(index.index, loops, mapValue, keyOf);
      return divided === index.index ? index : modIndex(divided, index.by);
    }
  }
}

/** Terms that stay are in order and collected already; only one that becomes another term has to find its place. */
function substituteTerms(sum: Index & { readonly kind: "sum" }, substitute: (index: Index) => Index): Index {
  const terms: Term[] = [];
  let { offset } = sum;
  let [isSame, isInOrder] = [true, true];
  for (const term of sum.terms) {
    const index = substitute(term.index);
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
  return isInOrder ? finishSum(terms, offset) : sumIndex(terms, offset);
}

/** The index as a sum of something that a constant is no part of, and a constant. */
export function splitOffset(index: Index): { readonly moving: Index; readonly offset: number } {
  if (index.kind === "const") return { moving: constIndex(0), offset: index.value };
  if (index.kind !== "sum" || index.offset === 0) return { moving: index, offset: 0 };
  return { moving: finishSum(index.terms, 0), offset: index.offset };
}

/**
 * What to call for each loop variable and each run-time value that an index reads. A call that gives true ends the walk; those
 * of `walkIndex` give nothing.
 */
export interface IndexVisit<Answer = boolean | undefined> {
  readonly loop?: (loop: LoopVar) => Answer;
  readonly value?: (value: Expr) => Answer;
}

/** Visits what the index reads. Whether one of the calls gave true, after which there are no more. */
export function someIndex(index: Index, visit: IndexVisit): boolean {
  switch (index.kind) {
    case "const":
      return false;
    case "loop":
      return visit.loop?.(index.loop) === true;
    case "value":
      return visit.value?.(index.value) === true;
    case "sum":
      for (const term of index.terms) if (someIndex(term.index, visit)) return true;
      return false;
    case "floorDiv":
    case "mod":
      return someIndex(index.index, visit);
  }
}

/** `someIndex` for visits that none of the calls ends. */
export function walkIndex(index: Index, visit: IndexVisit<undefined>): void {
  someIndex(index, visit);
}
