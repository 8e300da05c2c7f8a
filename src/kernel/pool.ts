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

/** Names, each once: a handful, so a list is searched sooner than a table is made. Equal ones are one list where they can be. */
type Reads = readonly string[];
const nothing: Reads = [];

/** A name of a loop, a variable or a buffer. */
interface Spelled {
  readonly code: number;
  /** The list of it alone. */
  readonly alone: Reads;
}

/** A pool with nothing in it. */
export function newPool(): ExprPool {
  return new Pool();
}

class Pool implements ExprPool, PoolNodes {
  private size = 0;
  // Hidden, as every expression knows its pool: whoever prints one, a failing test say, would walk through all others of it.
  #buckets = emptyBuckets(32);
  readonly #symbols = new Map<string, Spelled>();
  readonly #unions = new Map<Reads, Map<Reads, Reads>>();

  readonly nodes: PoolNodes = this;

  // ---- leaves --------------------------------------------------------------------------------------------------------

  constant(type: ValueType, value: number): Const {
    return this.constantOf(type, roundTo(type, value));
  }

  integer(value: number): Const<"i32"> {
    if (!Number.isSafeInteger(value)) throw new CompilerBug(`index constant ${value} is not an integer`);
    return this.constantOf("i32", value + 0);
  }

  private constantOf<Type extends ValueType>(type: Type, value: number): Const<Type> {
    const hash = mix(start(1, type), Number.isInteger(value) ? value | 0 : hashOf(value));
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "const" && isOf(expr, type) && Object.is(expr.value, value)) return expr;
    }
    const id = this.size;
    return this.add(hash, { kind: "const", type, id, pool: this, min: value, max: value, reads: nothing, value });
  }

  loop(loop: LoopVar): Const<"i32"> | Loop {
    const { name, extent } = loop;
    if (extent === 1) return this.integer(0);
    const hash = mix(mix(2, this.symbol(name).code), extent);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "loop" && expr.loop.name === name && expr.loop.extent === extent)
        return expr;
    }
    const id = this.size;
    const max = Math.max(0, extent - 1);
    return this.add<Loop>(hash, {
      kind: "loop",
      type: "i32",
      id,
      pool: this,
      min: 0,
      max,
      reads: this.symbol(name).alone,
      loop,
    });
  }

  name(type: ValueType, name: string, at: readonly Index[] = []): Name {
    const hash = mixList(mix(start(3, type), this.symbol(name).code), at);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (
        entry.hash === hash &&
        expr.kind === "name" &&
        expr.name === name &&
        expr.type === type &&
        isSame(expr.at, at)
      )
        return expr;
    }
    let reads = this.symbol(name).alone;
    for (let i = 0; i < at.length; i += 1) reads = this.unionWith(reads, at[i]);
    const id = this.size;
    const { min, max } = ranges[type];
    return this.add<Name>(hash, { kind: "name", type, id, pool: this, min, max, reads, name, at });
  }

  // ---- values --------------------------------------------------------------------------------------------------------

  load(type: ValueType, buffer: string, at: Index, guard?: Guard): Load {
    let hash = mix(mix(start(4, type), this.symbol(buffer).code), at.id);
    if (guard !== undefined) hash = mix(hash, guard.otherwise.id + guard.bounds.length);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash !== hash || expr.kind !== "load" || expr.at !== at || expr.buffer !== buffer || expr.type !== type)
        continue;
      if (isSameGuard(expr.guard, guard)) return expr;
    }
    let reads = this.unionWith(this.symbol(buffer).alone, at);
    if (guard !== undefined) {
      reads = this.unionWith(reads, guard.otherwise);
      for (const { index } of guard.bounds) reads = this.unionWith(reads, index);
    }
    const id = this.size;
    const { min, max } = ranges[type];
    const node = { kind: "load", type, id, pool: this, min, max, reads, buffer, at } as const;
    return this.add<Load>(hash, guard === undefined ? node : { ...node, guard });
  }

  apply(type: ValueType, fn: ScalarFn, args: readonly Expr[]): Apply {
    const hash = mixList(mix(start(5, type), fnCodes.get(fn) ?? 0), args);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (
        entry.hash === hash &&
        expr.kind === "apply" &&
        expr.fn === fn &&
        expr.type === type &&
        isSame(expr.args, args)
      )
        return expr;
    }
    let reads = nothing;
    for (let i = 0; i < args.length; i += 1) reads = this.unionWith(reads, args[i]);
    const id = this.size;
    const { min, max } = ranges[type];
    return this.add<Apply>(hash, { kind: "apply", type, id, pool: this, min, max, reads, fn, args });
  }

  convert(type: ValueType, value: Expr): Convert {
    const hash = mix(start(6, type), value.id);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "convert" && expr.value === value && expr.type === type) return expr;
    }
    const id = this.size;
    const { reads } = this.own(value);
    const { min, max } = ranges[type];
    return this.add<Convert>(hash, { kind: "convert", type, id, pool: this, min, max, reads, value });
  }

  bitcast(type: ValueType, value: Expr): Bitcast {
    const hash = mix(start(7, type), value.id);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "bitcast" && expr.value === value && expr.type === type) return expr;
    }
    const id = this.size;
    const { reads } = this.own(value);
    const { min, max } = ranges[type];
    return this.add<Bitcast>(hash, { kind: "bitcast", type, id, pool: this, min, max, reads, value });
  }

  // ---- indexes -------------------------------------------------------------------------------------------------------

  ranged(value: Expr, min: number, max: number): Ranged {
    const hash = mix(mix(mix(8, value.id), min), max);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "ranged" && expr.value === value && expr.min === min && expr.max === max)
        return expr;
    }
    const id = this.size;
    const { reads } = this.own(value);
    return this.add<Ranged>(hash, { kind: "ranged", type: "i32", id, pool: this, min, max, reads, value });
  }

  sum(terms: readonly Term[], offset: number, min: number, max: number): Sum {
    let hash = mix(9, offset);
    for (let i = 0; i < terms.length; i += 1) hash = mix(mix(hash, terms[i]?.factor ?? 0), terms[i]?.index.id ?? 0);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "sum" && expr.offset === offset && isSameSum(expr.terms, terms))
        return expr;
    }
    let reads = nothing;
    for (let i = 0; i < terms.length; i += 1) reads = this.unionWith(reads, terms[i]?.index);
    const id = this.size;
    return this.add<Sum>(hash, { kind: "sum", type: "i32", id, pool: this, min, max, reads, terms, offset });
  }

  floorDiv(index: Index, by: number, min: number, max: number): FloorDiv {
    const hash = mix(mix(10, index.id), by);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "floorDiv" && expr.index === index && expr.by === by) return expr;
    }
    const id = this.size;
    const { reads } = this.own(index);
    return this.add<FloorDiv>(hash, { kind: "floorDiv", type: "i32", id, pool: this, min, max, reads, index, by });
  }

  mod(index: Index, by: number): Mod {
    const hash = mix(mix(11, index.id), by);
    for (let entry = this.bucket(hash); entry !== undefined; entry = entry.next) {
      const { expr } = entry;
      if (entry.hash === hash && expr.kind === "mod" && expr.index === index && expr.by === by) return expr;
    }
    const id = this.size;
    const { reads } = this.own(index);
    return this.add<Mod>(hash, { kind: "mod", type: "i32", id, pool: this, min: 0, max: by - 1, reads, index, by });
  }

  // ---- the table -----------------------------------------------------------------------------------------------------

  private bucket(hash: number): Entry | undefined {
    return this.#buckets[hash & (this.#buckets.length - 1)];
  }

  private add<Made extends Expr>(hash: number, expr: Made): Made {
    if (this.size >= this.#buckets.length) this.grow();
    enter(this.#buckets, { hash, expr, next: undefined });
    this.size += 1;
    return expr;
  }

  private grow(): void {
    const before = this.#buckets;
    this.#buckets = emptyBuckets(4 * before.length);
    for (let i = 0; i < before.length; i += 1) {
      for (let entry = before[i]; entry !== undefined; ) {
        const { next } = entry;
        enter(this.#buckets, entry);
        entry = next;
      }
    }
  }

  private symbol(name: string): Spelled {
    const known = this.#symbols.get(name);
    if (known !== undefined) return known;
    const made = { code: this.#symbols.size, alone: [name] };
    this.#symbols.set(name, made);
    return made;
  }

  /** An operand: of another pool it would equal nothing here. */
  private own(expr: Expr): Expr {
    if (expr.pool !== this) throw new CompilerBug(`an expression of two pools (a ${expr.kind} of the other)`);
    return expr;
  }

  // ---- sets of names -------------------------------------------------------------------------------------------------

  /** One of the two where it holds the other, and the same list for the same two. */
  private unionWith(a: Reads, expr: Expr | undefined): Reads {
    if (expr === undefined) return a;
    if (expr.pool !== this) this.own(expr);
    const b = expr.reads;
    if (a === b || b.length === 0) return a;
    return a.length === 0 ? b : this.union(a, b);
  }

  private union(a: Reads, b: Reads): Reads {
    const row = this.#unions.get(a);
    const known = row?.get(b);
    if (known !== undefined) return known;
    const both = joined(a, b);
    const made = both.length === b.length && both !== a ? b : both;
    if (row === undefined) this.#unions.set(a, new Map<Reads, Reads>().set(b, made));
    else row.set(b, made);
    return made;
  }
}

type Buckets = (Entry | undefined)[];

/** An expression in a bucket. */
interface Entry {
  readonly hash: number;
  readonly expr: Expr;
  /** The one that came before it in its bucket. */
  next: Entry | undefined;
}

/** Their number is a power of two. */
function emptyBuckets(count: number): Buckets {
  return new Array<Entry | undefined>(count).fill(undefined);
}

function enter(buckets: Buckets, entry: Entry): void {
  const bucket = entry.hash & (buckets.length - 1);
  entry.next = buckets[bucket];
  buckets[bucket] = entry;
}

/** The first list, and what only the second one has behind it. */
function joined(a: Reads, b: Reads): Reads {
  let both = a;
  for (let i = 0; i < b.length; i += 1) {
    const name = b[i];
    if (name !== undefined && !a.includes(name)) both = [...both, name];
  }
  return both;
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

/** What the hash of a kind of expression begins with, by its type. */
function start(kind: number, type: ValueType): number {
  return (kind + 16 * typeCodes[type]) << 16;
}

/** A step of a multiplicative hash; its low bits are good enough for a bucket. */
function mix(hash: number, part: number): number {
  const mixed = Math.imul(hash ^ part, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function mixList(hash: number, exprs: readonly Expr[]): number {
  let mixed = hash;
  for (let i = 0; i < exprs.length; i += 1) {
    mixed = Math.imul(mixed ^ (exprs[i]?.id ?? 0), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
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
