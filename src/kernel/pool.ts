/**
 * The pool in which the expressions of one compilation are interned: equal ones are one object, with a number and with what is
 * asked of it again and again.
 *
 *   apply("mul", x, y) === apply("mul", x, y)        x = load("f32", "x", i), found by its kind, its names and its operands' numbers
 *
 * A hash table of our own: a node is found by small integers, without a key being made for it.
 */
import { roundTo } from "../core/dtype.ts";
import { CompilerBug } from "../core/errors.ts";
import type {
  Apply,
  Bitcast,
  Const,
  Convert,
  Expr,
  ExprPool,
  FloorDiv,
  Guard,
  Index,
  Load,
  Loop,
  LoopVar,
  Mod,
  Name,
  PoolNodes,
  Ranged,
  ScalarFn,
  Sum,
  Term,
  ValueType,
} from "./kernel.ts";
import { scalarFns } from "./kernel.ts";

type Reads = ReadonlySet<string>;
const nothing: Reads = new Set();

/** A pool with nothing in it. */
export function newPool(): ExprPool {
  return new Pool();
}

class Pool implements ExprPool, PoolNodes {
  readonly #exprs: Expr[] = [];
  readonly #hashes: number[] = [];
  /** Of each expression, the one made before it in the same bucket, or -1. */
  readonly #before: number[] = [];
  #buckets = new Int32Array(32).fill(-1);
  readonly #symbols = new Map<string, number>();
  readonly #unions = new Map<Reads, Map<Reads, Reads>>();
  readonly #single = new Map<string, Reads>();

  readonly nodes: PoolNodes = this;

  // ---- leaves --------------------------------------------------------------------------------------------------------

  constant(type: ValueType, value: number): Const {
    return this.#constant(type, roundTo(type, value));
  }

  integer(value: number): Const<"i32"> {
    if (!Number.isSafeInteger(value)) throw new CompilerBug(`index constant ${value} is not an integer`);
    return this.#constant("i32", value + 0);
  }

  #constant<Type extends ValueType>(type: Type, value: number): Const<Type> {
    const hash = mix(mix(1, typeCodes[type]), Number.isInteger(value) ? value | 0 : hashOf(value));
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "const" && isOf(expr, type) && Object.is(expr.value, value)) return expr;
    }
    const id = this.#exprs.length;
    return this.#add(hash, { kind: "const", type, id, pool: this, min: value, max: value, reads: nothing, value });
  }

  loop(loop: LoopVar): Const<"i32"> | Loop {
    const { name, extent } = loop;
    if (extent === 1) return this.integer(0);
    const hash = mix(mix(2, this.#symbol(name)), extent);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "loop" && expr.loop.name === name && expr.loop.extent === extent) return expr;
    }
    const id = this.#exprs.length;
    const max = Math.max(0, extent - 1);
    return this.#add<Loop>(hash, {
      kind: "loop",
      type: "i32",
      id,
      pool: this,
      min: 0,
      max,
      reads: this.#one(name),
      loop,
    });
  }

  name(type: ValueType, name: string, at: readonly Index[] = []): Name {
    const hash = mixList(mix(mix(3, this.#symbol(name)), typeCodes[type]), at);
    for (let n = this.#bucket(hash); n >= 0; n = this.#before[n] ?? -1) {
      const expr = this.#exprs[n];
      if (expr?.kind === "name" && expr.name === name && expr.type === type && isSame(expr.at, at)) return expr;
    }
    let reads = this.#one(name);
    for (const index of at) reads = this.#union(reads, this.#own(index).reads);
    const id = this.#exprs.length;
    const { min, max } = ranges[type];
    return this.#add<Name>(hash, { kind: "name", type, id, pool: this, min, max, reads, name, at });
  }

  // ---- values --------------------------------------------------------------------------------------------------------

  load(type: ValueType, buffer: string, at: Index, guard?: Guard): Load {
    let hash = mix(mix(mix(4, this.#symbol(buffer)), typeCodes[type]), at.id);
    if (guard !== undefined) hash = mix(hash, guard.otherwise.id + guard.bounds.length);
    for (let n = this.#bucket(hash); n >= 0; n = this.#before[n] ?? -1) {
      const expr = this.#exprs[n];
      if (expr?.kind !== "load" || expr.at !== at || expr.buffer !== buffer || expr.type !== type) continue;
      if (isSameGuard(expr.guard, guard)) return expr;
    }
    let reads = this.#union(this.#one(buffer), this.#own(at).reads);
    if (guard !== undefined) {
      reads = this.#union(reads, this.#own(guard.otherwise).reads);
      for (const { index } of guard.bounds) reads = this.#union(reads, this.#own(index).reads);
    }
    const id = this.#exprs.length;
    const { min, max } = ranges[type];
    const node = { kind: "load", type, id, pool: this, min, max, reads, buffer, at } as const;
    return this.#add<Load>(hash, guard === undefined ? node : { ...node, guard });
  }

  apply(type: ValueType, fn: ScalarFn, args: readonly Expr[]): Apply {
    const hash = mixList(mix(mix(5, fnCodes.get(fn) ?? 0), typeCodes[type]), args);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "apply" && expr.fn === fn && expr.type === type && isSame(expr.args, args)) return expr;
    }
    let reads = nothing;
    for (let i = 0; i < args.length; i += 1) reads = this.#unionWith(reads, args[i]);
    const id = this.#exprs.length;
    const { min, max } = ranges[type];
    return this.#add<Apply>(hash, { kind: "apply", type, id, pool: this, min, max, reads, fn, args });
  }

  convert(type: ValueType, value: Expr): Convert {
    const hash = mix(mix(6, typeCodes[type]), value.id);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "convert" && expr.value === value && expr.type === type) return expr;
    }
    const id = this.#exprs.length;
    const { reads } = this.#own(value);
    const { min, max } = ranges[type];
    return this.#add<Convert>(hash, { kind: "convert", type, id, pool: this, min, max, reads, value });
  }

  bitcast(type: ValueType, value: Expr): Bitcast {
    const hash = mix(mix(7, typeCodes[type]), value.id);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "bitcast" && expr.value === value && expr.type === type) return expr;
    }
    const id = this.#exprs.length;
    const { reads } = this.#own(value);
    const { min, max } = ranges[type];
    return this.#add<Bitcast>(hash, { kind: "bitcast", type, id, pool: this, min, max, reads, value });
  }

  // ---- indexes -------------------------------------------------------------------------------------------------------

  ranged(value: Expr, min: number, max: number): Ranged {
    const hash = mix(mix(mix(8, value.id), min), max);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "ranged" && expr.value === value && expr.min === min && expr.max === max) return expr;
    }
    const id = this.#exprs.length;
    const { reads } = this.#own(value);
    return this.#add<Ranged>(hash, { kind: "ranged", type: "i32", id, pool: this, min, max, reads, value });
  }

  sum(terms: readonly Term[], offset: number, min: number, max: number): Sum {
    let hash = mix(9, offset);
    for (let i = 0; i < terms.length; i += 1) hash = mix(mix(hash, terms[i]?.factor ?? 0), terms[i]?.index.id ?? 0);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "sum" && expr.offset === offset && isSameSum(expr.terms, terms)) return expr;
    }
    let reads = nothing;
    for (let i = 0; i < terms.length; i += 1) reads = this.#unionWith(reads, terms[i]?.index);
    const id = this.#exprs.length;
    return this.#add<Sum>(hash, { kind: "sum", type: "i32", id, pool: this, min, max, reads, terms, offset });
  }

  floorDiv(index: Index, by: number, min: number, max: number): FloorDiv {
    const hash = mix(mix(10, index.id), by);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "floorDiv" && expr.index === index && expr.by === by) return expr;
    }
    const id = this.#exprs.length;
    const { reads } = this.#own(index);
    return this.#add<FloorDiv>(hash, { kind: "floorDiv", type: "i32", id, pool: this, min, max, reads, index, by });
  }

  mod(index: Index, by: number): Mod {
    const hash = mix(mix(11, index.id), by);
    for (let at = this.#bucket(hash); at >= 0; at = this.#before[at] ?? -1) {
      const expr = this.#exprs[at];
      if (expr?.kind === "mod" && expr.index === index && expr.by === by) return expr;
    }
    const id = this.#exprs.length;
    const { reads } = this.#own(index);
    return this.#add<Mod>(hash, { kind: "mod", type: "i32", id, pool: this, min: 0, max: by - 1, reads, index, by });
  }

  // ---- the table -----------------------------------------------------------------------------------------------------

  #bucket(hash: number): number {
    return this.#buckets[hash & (this.#buckets.length - 1)] ?? -1;
  }

  #add<Made extends Expr>(hash: number, expr: Made): Made {
    if (this.#exprs.length >= this.#buckets.length) this.#grow();
    this.#exprs.push(expr);
    this.#hashes.push(hash);
    this.#enter(expr.id, hash);
    return expr;
  }

  #enter(id: number, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1);
    this.#before[id] = this.#buckets[bucket] ?? -1;
    this.#buckets[bucket] = id;
  }

  #grow(): void {
    this.#buckets = new Int32Array(this.#buckets.length * 4).fill(-1);
    for (let id = 0; id < this.#hashes.length; id += 1) this.#enter(id, this.#hashes[id] ?? 0);
  }

  #symbol(name: string): number {
    const known = this.#symbols.get(name);
    if (known !== undefined) return known;
    const code = this.#symbols.size;
    this.#symbols.set(name, code);
    return code;
  }

  /** An operand: of another pool it would equal nothing here. */
  #own(expr: Expr): Expr {
    if (expr.pool !== this) throw new CompilerBug(`an expression of two pools (a ${expr.kind} of the other)`);
    return expr;
  }

  // ---- sets of names -------------------------------------------------------------------------------------------------

  #one(name: string): Reads {
    const known = this.#single.get(name);
    if (known !== undefined) return known;
    const made = new Set([name]);
    this.#single.set(name, made);
    return made;
  }

  #unionWith(reads: Reads, expr: Expr | undefined): Reads {
    return expr === undefined ? reads : this.#union(reads, this.#own(expr).reads);
  }

  /** One of the two where it holds the other, and the same set for the same two. */
  #union(a: Reads, b: Reads): Reads {
    if (a === b || b.size === 0) return a;
    if (a.size === 0) return b;
    const row = this.#unions.get(a);
    const known = row?.get(b);
    if (known !== undefined) return known;
    const made = isIn(b, a) ? a : isIn(a, b) ? b : new Set([...a, ...b]);
    if (row === undefined) this.#unions.set(a, new Map([[b, made]]));
    else row.set(b, made);
    return made;
  }
}

function isIn(part: Reads, whole: Reads): boolean {
  if (part.size > whole.size) return false;
  for (const name of part) if (!whole.has(name)) return false;
  return true;
}

// ---- keys ------------------------------------------------------------------------------------------------------------

const typeCodes: Readonly<Record<ValueType, number>> = { f32: 0, f64: 1, i32: 2, u32: 3, bool: 4 };
const fnCodes: ReadonlyMap<string, number> = new Map(Object.keys(scalarFns).map((fn, code) => [fn, code]));

const ranges: Readonly<Record<ValueType, { readonly min: number; readonly max: number }>> = {
  f32: { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY },
  f64: { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY },
  i32: { min: -2147483648, max: 2147483647 },
  u32: { min: 0, max: 4294967295 },
  bool: { min: 0, max: 1 },
};

/** A step of a multiplicative hash; its low bits are good enough for a bucket. */
function mix(hash: number, part: number): number {
  const mixed = Math.imul(hash ^ part, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function mixList(hash: number, exprs: readonly Expr[]): number {
  let mixed = hash;
  for (let i = 0; i < exprs.length; i += 1) mixed = mix(mixed, exprs[i]?.id ?? 0);
  return mixed;
}

/** Fractions differ in digits that `| 0` forgets. */
function hashOf(value: number): number {
  return Math.imul(value * 65536, 0x85ebca6b) ^ Math.imul(value * 2 ** 40, 0xc2b2ae35);
}

function isOf<Type extends ValueType>(expr: Const, type: Type): expr is Const<Type> {
  return expr.type === type;
}

function isSame(a: readonly Expr[], b: readonly Expr[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

function isSameSum(a: readonly Term[], b: readonly Term[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) {
    if (a[i]?.index !== b[i]?.index || a[i]?.factor !== b[i]?.factor) return false;
  }
  return true;
}

function isSameGuard(a: Guard | undefined, b: Guard | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.otherwise !== b.otherwise || a.bounds.length !== b.bounds.length) return false;
  return a.bounds.every((bound, i) => bound.index === b.bounds[i]?.index && bound.extent === b.bounds[i]?.extent);
}
