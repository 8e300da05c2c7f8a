/**
 * The kernel language: loops over buffers. One kernel is one launch (a GPU dispatch, a CPU function call).
 *
 *   kernel   name(buffers) { shared arrays; nests }
 *   nest     parallel loops around a list of statements; the nests of a kernel are independent of each other
 *   stmt     for | let | var | assign | fold | store | if | matrix | barrier | exchange
 *   expr     index | const | name | load | apply | convert | bitcast      (made by pool.ts and build.ts)
 *   index    const | loop | ranged | sum | floorDiv | mod                 (made by pool.ts and index-expr.ts)
 *
 * Expressions are interned in the pool of their compilation: two are equal exactly when they are the same object.
 *
 * `lower` writes kernels whose parallel loops are merely `parallel`; `schedule` rewrites them into this same language with
 * loops marked for a target (workgroup and invocation on a GPU, thread on a CPU, unrolled, interleaved, lane). A kernel means
 * the same before and after, and `evaluate.ts` can run both.
 *
 * Values have a type; memory has an element type, which may be narrower (u8, f16, bf16). Nothing is converted silently: an
 * f32 that enters an f64 accumulator passes through `convert`. On the `js` target an f32 value is rounded by every
 * `apply`, so a kernel's text says exactly which roundings happen. (Functions of the maths library are rounded at their end.)
 */
import type { DType } from "../core/dtype.ts";
import type { KernelFold } from "../core/fold.ts";
import type { AnyMove, Schedule } from "./moves.ts";

export type ValueType = "f32" | "f64" | "i32" | "u32" | "bool";

/** The type of a value loaded from memory of this element type. */
export function valueTypeOf(element: DType): ValueType {
  switch (element) {
    case "f16":
    case "bf16":
      return "f32";
    case "u8":
      return "u32";
    default:
      return element;
  }
}

// ---- expressions ---------------------------------------------------------------------------------------------------

/** A loop variable: 0 <= value < extent. Names are unique within a kernel. */
export interface LoopVar {
  readonly name: string;
  readonly extent: number;
}

/** What every expression is and knows. All of it was found out once, when the pool made it. */
interface Interned {
  /** Numbers of a pool are given in order: an operand's is smaller. */
  readonly id: number;
  readonly pool: ExprPool;
  /** Smallest and largest value, both included; those of the type where nothing better is known. */
  readonly min: number;
  readonly max: number;
  /** Names of the loops, variables, buffers and shared arrays whose values it is made of, those in loaded indexes too. */
  readonly reads: readonly string[];
}

type Of<Kind extends string, Type extends ValueType = ValueType> = Interned & {
  readonly kind: Kind;
  readonly type: Type;
};

export type Const<Type extends ValueType = ValueType> = Of<"const", Type> & { readonly value: number };
/** A `let` or a `var`; `at` picks an element of an array variable. */
export type Name = Of<"name"> & { readonly name: string; readonly at: readonly Index[] };
/** From a buffer or a shared array. */
export type Load = Of<"load"> & { readonly buffer: string; readonly at: Index; readonly guard?: Guard };
/** The result has type `type`; operands of arithmetic have it too, those of comparisons share another. */
export type Apply = Of<"apply"> & { readonly fn: ScalarFn; readonly args: readonly Expr[] };
/** A cast, as `roundTo` in dtype.ts defines it. */
export type Convert = Of<"convert"> & { readonly value: Expr };
/** The same 32 bits read as another type. */
export type Bitcast = Of<"bitcast"> & { readonly value: Expr };

export type Loop = Of<"loop", "i32"> & { readonly loop: LoopVar };
/** An integer computed at run time (a loaded index), promised to lie in its range. */
export type Ranged = Of<"ranged", "i32"> & { readonly value: Expr };
/** At least one term, or a term and an offset: neither constants nor sums are terms. Exact: it does not wrap. */
export type Sum = Of<"sum", "i32"> & { readonly terms: readonly Term[]; readonly offset: number };
/** floor(index / by) and index - by * floor(index / by), by > 1. */
export type FloorDiv = Of<"floorDiv", "i32"> & { readonly index: Index; readonly by: number };
export type Mod = Of<"mod", "i32"> & { readonly index: Index; readonly by: number };

/** An integer whose range is known: where in an array an element lies. */
export type Index = Const<"i32"> | Loop | Ranged | Sum | FloorDiv | Mod;

export type Expr = Const | Loop | Ranged | Sum | FloorDiv | Mod | Name | Load | Apply | Convert | Bitcast;

export interface Term {
  readonly factor: number;
  readonly index: Index;
}

/** 0 <= index < extent. */
export interface Bound {
  readonly index: Index;
  readonly extent: number;
}

/** Where a bound fails the value is `otherwise` and no memory is touched. */
export interface Guard {
  readonly bounds: readonly Bound[];
  readonly otherwise: Expr;
}

/**
 * The expressions of one compilation. Leaves come from here; whatever has operands is made by the functions of build.ts and
 * index-expr.ts, which find the pool in these.
 */
export interface ExprPool {
  /** The constant as its type holds it: `constant("f32", 0.1)` has the value Math.fround(0.1). */
  constant(type: ValueType, value: number): Const;
  /** An index that is always the same. */
  integer(value: number): Const<"i32">;
  /** The value of a loop variable; 0 where the loop has one iteration. */
  loop(loop: LoopVar): Const<"i32"> | Loop;
  /** A `let`, or a scalar or array `var`. */
  name(type: ValueType, name: string, at?: readonly Index[]): Name;
  /** Nodes with operands, as they are given: checks, laws and ranges are the business of the constructors. */
  readonly nodes: PoolNodes;
}

export interface PoolNodes {
  load(type: ValueType, buffer: string, at: Index, guard?: Guard): Load;
  apply(type: ValueType, fn: ScalarFn, args: readonly Expr[]): Apply;
  convert(type: ValueType, value: Expr): Convert;
  bitcast(type: ValueType, value: Expr): Bitcast;
  ranged(value: Expr, min: number, max: number): Ranged;
  sum(terms: readonly Term[], offset: number, min: number, max: number): Sum;
  floorDiv(index: Index, by: number, min: number, max: number): FloorDiv;
  mod(index: Index, by: number): Mod;
}

// ---- kernels -------------------------------------------------------------------------------------------------------

/** `update` is read and written in place: each old element is read only by the iteration that overwrites it. */
export type Role = "read" | "write" | "update";

export interface BufferParam {
  readonly name: string;
  readonly element: DType;
  /** Number of elements. */
  readonly count: number;
  readonly role: Role;
  /** The other parameter that is the same buffer: one is read and one written, at different elements (rows that a loop chooses). */
  readonly sharing?: string;
}

/** Fast memory for one iteration of the thread or workgroup loops: workgroup memory, or a thread's own panels and sums. */
export interface SharedArray {
  readonly name: string;
  readonly type: ValueType;
  readonly count: number;
}

/** parallel: not yet scheduled. All iterations of all marks below may run at once, in any order. */
export type ParallelMark = "parallel" | "thread" | "workgroup" | "invocation";

export interface ParallelLoop {
  readonly loop: LoopVar;
  readonly mark: ParallelMark;
}

export interface Nest {
  readonly loops: readonly ParallelLoop[];
  /** Values that no loop changes, computed once before the loops: `let`s, folds, serial reductions into a `var`. No stores. */
  readonly prelude: readonly Stmt[];
  readonly body: readonly Stmt[];
}

export interface Kernel {
  readonly name: string;
  readonly buffers: readonly BufferParam[];
  readonly shared: readonly SharedArray[];
  /** Loops around the launch, outer first, whose iteration it is given: indexes that are constant in all of it. */
  readonly iterations: readonly LoopVar[];
  readonly nests: readonly Nest[];
  /** Arithmetic operations and bytes of memory traffic, for the report. */
  readonly flops: number;
  readonly bytes: number;
  /** The moves that made it, for each nest of `lower`; empty before. */
  readonly schedule: readonly Schedule<AnyMove>[];
}

// ---- statements ----------------------------------------------------------------------------------------------------

/**
 * serial: in order. parallel: iterations know nothing of each other, and nothing is decided yet. unrolled: a copy per iteration. interleaved: the same for iterations that know nothing of each other, all
 * copies of a statement together. lane: the iterations are the lanes of vector values.
 */
export type LoopMark = "serial" | "parallel" | "unrolled" | "interleaved" | "lane";

export type Stmt =
  | { readonly kind: "for"; readonly loop: LoopVar; readonly mark: LoopMark; readonly body: readonly Stmt[] }
  | { readonly kind: "let"; readonly name: string; readonly value: Expr }
  /** A scalar (`shape` empty) or a fixed-size array, whose indexes are constants after unrolling. All start as `init`. */
  | {
      readonly kind: "var";
      readonly name: string;
      readonly type: ValueType;
      readonly shape: readonly number[];
      readonly init: Expr;
    }
  | { readonly kind: "assign"; readonly name: string; readonly at: readonly Index[]; readonly value: Expr }
  /** Into a buffer or a shared array. Where a guard fails nothing is written. */
  | {
      readonly kind: "store";
      readonly buffer: string;
      readonly at: Index;
      readonly value: Expr;
      readonly guard: readonly Bound[];
      /** Which of the launch's nodes it stores, by their places in its list. */
      readonly from: readonly number[];
    }
  | FoldStmt
  | { readonly kind: "if"; readonly condition: Expr; readonly body: readonly Stmt[] }
  /** What `body` says, which ends in a barrier: a target with matrix units computes it by these. */
  | { readonly kind: "matrix"; readonly product: MatrixProduct; readonly body: readonly Stmt[] }
  /** All invocations of the workgroup arrive, and see each other's stores: to shared arrays, or to buffers, where it is the only one. */
  | { readonly kind: "barrier"; readonly of: "shared" | "buffers" }
  | ExchangeStmt;

/**
 * Declares `name`: what `value` is for another invocation, whose number in the workgroup is this one's with some bits flipped, or
 * cleared. It is one of the same subgroup, of `size` invocations with neighbouring numbers, which hand values on without memory. All of
 * the workgroup arrive here, and what they stored in shared arrays is no more seen than before.
 *
 *   exchange other: f32 = part of ^16 in 32
 */
export interface ExchangeStmt {
  readonly kind: "exchange";
  readonly name: string;
  readonly value: Expr;
  readonly bits: "flipped" | "cleared";
  /** Those bits, below `size`. */
  readonly mask: number;
  /** A power of two that divides the workgroup. */
  readonly size: number;
}

/**
 * Folds the elements of all iterations of `axes`, outer first, in order, starting from the function's identity (folds.ts). With
 * a block these are as many folds as the block has iterations, side by side, each of which turns inside the axes.
 *
 *   fold best: f32, place: i32 = argMax over c < 10 of x[10*i + c], index(c)
 *
 * A contraction is a sum of a product.
 */
export interface FoldStmt {
  readonly kind: "fold";
  readonly fn: KernelFold;
  /** Declared here and readable after it, never assigned; arrays of the block's extents where there is one. */
  readonly accumulators: readonly Accumulator[];
  readonly axes: readonly LoopVar[];
  /** Empty from `lower`. */
  readonly block: readonly BlockLoop[];
  /**
   * What an element needs: `let`s and folds, and stores into shared arrays that keep it. It sees axes and block, and never the
   * accumulators.
   */
  readonly body: readonly Stmt[];
  /** The element as a partial result: a value for each accumulator, of its type. */
  readonly values: readonly Expr[];
  /** Where one fails there is no element, and nothing of the body is computed. Empty from `lower`. */
  readonly guard: readonly Bound[];
  /** Which of the launch's nodes it computes, by their places in its list. */
  readonly from: readonly number[];
}

/** into[columns * i + j] = sum over k < terms of left[i, k] * right[k, j], of f16, added up in f32 by a workgroup together. */
export interface MatrixProduct {
  /** A shared array. */
  readonly into: string;
  readonly rows: number;
  readonly columns: number;
  readonly terms: number;
  readonly left: MatrixFactor;
  readonly right: MatrixFactor;
}

/** A matrix as it lies in a buffer of f16: from `at` on, whole rows or whole columns, `stride` elements from one to the next. */
export interface MatrixFactor {
  readonly buffer: string;
  /** The same for all of the workgroup. */
  readonly at: Index;
  readonly stride: number;
  readonly order: "rows" | "columns";
}

export interface Accumulator {
  readonly name: string;
  readonly type: ValueType;
}

export interface BlockLoop {
  readonly loop: LoopVar;
  readonly mark: LoopMark;
}

// ---- scalar functions ----------------------------------------------------------------------------------------------

/**
 * What a scalar function takes and gives, and of which types. `value`: operands and result of one type. `compare`: two alike to bool.
 * `select`: bool, then two alike. Integer arithmetic wraps; `mod` has the sign of the divisor; `round` takes halves to
 * even; `min` and `max` pass NaN on; shifts take the count modulo 32; x / 0 = 0 and x mod 0 = 0 for integers.
 */
export const scalarFns = {
  add: { arity: 2, form: "value", of: "numbers" },
  sub: { arity: 2, form: "value", of: "numbers" },
  mul: { arity: 2, form: "value", of: "numbers" },
  div: { arity: 2, form: "value", of: "numbers" },
  mod: { arity: 2, form: "value", of: "numbers" },
  min: { arity: 2, form: "value", of: "numbers" },
  max: { arity: 2, form: "value", of: "numbers" },
  neg: { arity: 1, form: "value", of: "numbers" },
  abs: { arity: 1, form: "value", of: "numbers" },
  sign: { arity: 1, form: "value", of: "numbers" },
  floor: { arity: 1, form: "value", of: "floats" },
  ceil: { arity: 1, form: "value", of: "floats" },
  round: { arity: 1, form: "value", of: "floats" },
  sqrt: { arity: 1, form: "value", of: "floats" },
  rsqrt: { arity: 1, form: "value", of: "floats" },
  exp: { arity: 1, form: "value", of: "floats" },
  expm1: { arity: 1, form: "value", of: "floats" },
  log: { arity: 1, form: "value", of: "floats" },
  log1p: { arity: 1, form: "value", of: "floats" },
  sin: { arity: 1, form: "value", of: "floats" },
  cos: { arity: 1, form: "value", of: "floats" },
  tanh: { arity: 1, form: "value", of: "floats" },
  erf: { arity: 1, form: "value", of: "floats" },
  pow: { arity: 2, form: "value", of: "floats" },
  eq: { arity: 2, form: "compare", of: "all" },
  ne: { arity: 2, form: "compare", of: "all" },
  lt: { arity: 2, form: "compare", of: "numbers" },
  le: { arity: 2, form: "compare", of: "numbers" },
  gt: { arity: 2, form: "compare", of: "numbers" },
  ge: { arity: 2, form: "compare", of: "numbers" },
  and: { arity: 2, form: "value", of: "bits" },
  or: { arity: 2, form: "value", of: "bits" },
  not: { arity: 1, form: "value", of: "bits" },
  xor: { arity: 2, form: "value", of: "bits" },
  shiftLeft: { arity: 2, form: "value", of: "integers" },
  shiftRight: { arity: 2, form: "value", of: "integers" },
  rotateLeft: { arity: 2, form: "value", of: "integers" },
  /** The nearest number of half precision, ties to even. */
  roundHalf: { arity: 1, form: "value", of: "floats" },
  /** The nearest bfloat16, ties to even. */
  roundBrain: { arity: 1, form: "value", of: "floats" },
  /** First word of Threefry-2x32-20 of (key0, key1, counter0, counter1), all u32. */
  threefry: { arity: 4, form: "value", of: "words" },
  select: { arity: 3, form: "select", of: "all" },
} as const satisfies Record<string, { arity: number; form: "value" | "compare" | "select"; of: Domain }>;

export type ScalarFn = keyof typeof scalarFns;

/** The operands that a function is for; of `select` those that it chooses from. */
type Domain = "all" | "numbers" | "floats" | "integers" | "bits" | "words";

const domains: Readonly<Record<Domain, readonly ValueType[]>> = {
  all: ["f32", "f64", "i32", "u32", "bool"],
  numbers: ["f32", "f64", "i32", "u32"],
  floats: ["f32", "f64"],
  integers: ["i32", "u32"],
  bits: ["i32", "u32", "bool"],
  words: ["u32"],
};

export function isDefinedFor(fn: ScalarFn, type: ValueType): boolean {
  return domains[scalarFns[fn].of].includes(type);
}

/** Functions that no target has to our accuracy: written once in this language (see maths/), printed as functions. */
export const mathsFns = ["exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "pow"] as const;
export type MathsFn = (typeof mathsFns)[number];

/** Functions printed as a `Routine` of the maths library: `routineFor(fn, type)`. On f64, `mathsFns` are the engine's own. */
export type RoutineFn = MathsFn | "roundHalf" | "roundBrain" | "threefry";

export function isMathsFn(fn: ScalarFn): fn is MathsFn {
  return (mathsFns as readonly string[]).includes(fn);
}

export function isRoutineFn(fn: ScalarFn): fn is RoutineFn {
  return fn === "roundHalf" || fn === "roundBrain" || fn === "threefry" || isMathsFn(fn);
}

/** A function of scalars in the kernel language: `let`s, then a result. */
export interface Routine {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: ValueType }[];
  /** Only `let` statements. */
  readonly body: readonly Stmt[];
  readonly result: Expr;
}
