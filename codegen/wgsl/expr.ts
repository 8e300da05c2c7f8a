/**
 * Expressions and indexes in WGSL.
 *
 *   load x[512*i + j] where 0 <= i < 10, else 0    ->    var guarded: f32 = 0.0f;
 *                                                        if (i < 10) { guarded = x[512 * i + j]; }
 *
 * A guarded load becomes statements in front of the one that reads it, so that no memory is touched where the guard
 * fails. All expressions are free of side effects, so nothing else changes by that.
 */
import { type DType, isShort, type ShortFloat } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import type {
  Apply,
  Bound,
  Expr,
  FloorDiv,
  Index,
  Load,
  Mod,
  RoutineFn,
  ScalarFn,
  Stmt,
  Sum,
  ValueType,
} from "../../src/kernel/kernel.ts";
import { isRoutineFn } from "../../src/kernel/kernel.ts";
import type { Writer } from "../writer.ts";
import type { Helper } from "./helpers.ts";
import { elementsPerWord, loadText, type Stored } from "./layout.ts";
import type { WgslNames } from "./names.ts";
import { helperFor } from "./quirks.ts";
import type { Wide } from "./wide.ts";

/** What the printers share while they print one function. */
export interface Context {
  readonly writer: Writer;
  readonly names: WgslNames;
  /** Buffers, and workgroup arrays but those of bools. */
  readonly arrays: ReadonlyMap<string, Stored>;
  readonly wide: Wide;
  /** Loads whose values have a name already, or a place in a vector that has one. */
  readonly held: Map<Expr, string>;
  /** Names of the values of stores that wait for their neighbours. */
  readonly stores: Map<Stmt, string>;
  readonly helpers: Set<Helper>;
  /** Array variables that are not indexed by constants alone. */
  readonly indexed: ReadonlySet<string>;
  /** Of a maths routine, where min and max may lose NaN: WGSL's own will do. */
  readonly plainMinMax: boolean;
  /** The name of the function that computes `fn`. */
  readonly routine: (fn: RoutineFn, type: ValueType) => string;
}

/** `tight`: it can be an operand as it is, without brackets. */
interface Printed {
  readonly text: string;
  readonly tight: boolean;
}

export function exprText(expr: Expr, context: Context): string {
  return printExpr(expr, context).text;
}

/** The bits of a value as they lie in a word of memory. */
export function bitsOf(element: DType, value: string, helpers: Set<Helper>): string {
  if (element === "bool") return `select(0u, 1u, ${value})`;
  if (element === "u8") return `min(${value}, 255u)`;
  if (!isShort(element)) return value;
  const helper = toBits[element];
  helpers.add(helper);
  return `${helper}(${value})`;
}

const toBits = { f16: "tl_to_half", bf16: "tl_to_brain" } as const satisfies Record<ShortFloat, Helper>;

/** A variable, or an element of one. */
export function variableText(name: string, at: readonly Index[], context: Context): string {
  const constants = at.flatMap((index) => (index.kind === "const" ? [index.value] : []));
  if (!context.indexed.has(name)) return context.names.of(elementName(name, constants));
  return context.names.of(name) + at.map((index) => `[${indexText(index, context)}]`).join("");
}

/** What no other name of a kernel is. */
export function elementName(name: string, at: readonly number[]): string {
  return name + at.map((n) => `[${n}]`).join("");
}

export function indexText(index: Index, context: Context): string {
  return printIndex(index, context).text;
}

/** An index that can stand as an operand: itself, or a name that is given to it in front. */
export function namedIndex(index: Index, context: Context): string {
  const printed = printIndex(index, context);
  if (/^\w+$/.test(printed.text)) return printed.text;
  const name = context.names.fresh("at");
  context.writer.line(`let ${name} = ${printed.text};`);
  return name;
}

export function typeText(type: ValueType): string {
  if (type === "f64") throw new CompilerBug("wgsl has no f64");
  return type;
}

const tight = (text: string): Printed => ({ text, tight: true });
const loose = (text: string): Printed => ({ text, tight: false });
const operand = (printed: Printed): string => (printed.tight ? printed.text : `(${printed.text})`);

// ---- indexes -------------------------------------------------------------------------------------------------------

/** A constant needs no suffix where an index stands. */
function printIndex(index: Index, context: Context): Printed {
  if (index.min < -2147483648 || index.max > 2147483647) {
    throw new CompilerBug(`wgsl: an index reaches ${index.min}..${index.max} and leaves i32`);
  }
  if (index.kind !== "const") return printExpr(index, context);
  return index.value < 0 ? loose(String(index.value)) : tight(String(index.value));
}

function printDivision(index: FloorDiv | Mod, operator: string, helper: Helper, context: Context): Printed {
  const inner = printIndex(index.index, context);
  const power = Math.log2(index.by);
  // For a signed number a shift and a mask round down as ours do, and cost less than a division and a remainder.
  if (Number.isInteger(power))
    return loose(`${operand(inner)} ${operator === "/" ? `>> ${power}u` : `& ${index.by - 1}`}`);
  if (index.index.min >= 0) return loose(`${operand(inner)} ${operator} ${index.by}`);
  context.helpers.add(helper);
  return tight(`${helper}(${inner.text}, ${index.by})`);
}

function printSum(sum: Sum, context: Context): Printed {
  let text = "";
  const join = (negative: boolean, term: string): void => {
    text = text === "" ? `${negative ? "-" : ""}${term}` : `${text} ${negative ? "-" : "+"} ${term}`;
  };
  for (const { factor, index } of sum.terms) {
    const size = Math.abs(factor) === 1 ? "" : `${Math.abs(factor)} * `;
    join(factor < 0, size + operand(printIndex(index, context)));
  }
  if (sum.offset !== 0) join(sum.offset < 0, String(Math.abs(sum.offset)));
  return loose(text);
}

// ---- expressions ---------------------------------------------------------------------------------------------------

function printExpr(expr: Expr, context: Context): Printed {
  switch (expr.kind) {
    case "const":
      return printConstant(expr.type, expr.value, context);
    case "name":
      return tight(variableText(expr.name, expr.at, context));
    case "load":
      return printLoad(expr, context);
    case "apply":
      return printApply(expr, context);
    case "convert": {
      const value = exprText(expr.value, context);
      return tight(`${use(helperFor(expr), context) ?? typeText(expr.type)}(${value})`);
    }
    case "bitcast":
      return tight(`bitcast<${typeText(expr.type)}>(${printRuntime(expr.value, context).text})`);
    case "loop":
      return tight(context.names.of(expr.loop.name));
    case "ranged": {
      const value = printExpr(expr.value, context);
      return expr.value.type === "i32" ? value : tight(`i32(${value.text})`);
    }
    case "sum":
      return printSum(expr, context);
    case "floorDiv":
      return printDivision(expr, "/", "tl_floor_div", context);
    case "mod":
      return printDivision(expr, "%", "tl_floor_mod", context);
    default:
      return unreachable(expr);
  }
}

function use(helper: Helper | undefined, context: Context): Helper | undefined {
  if (helper !== undefined) context.helpers.add(helper);
  return helper;
}

/** Digits that give the same f32 back; bits where there are none, or a compiler might lose -0 or a subnormal. */
export function f32Text(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  // Decimal texts of the largest values round beyond f32, which is an error.
  const magnitude = Math.abs(value);
  const isAtTheEnds = (value !== 0 && magnitude < 2 ** -126) || magnitude > 3.4e38;
  if (Object.is(value, -0) || isAtTheEnds) return `bitcast<f32>(${bitsText(value)})`;
  for (let digits = 1; digits <= 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) !== value) continue;
    const text = String(short);
    return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
  }
  throw new CompilerBug(`${value} is not an f32`);
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

function bitsText(value: number): string {
  float[0] = value;
  return `0x${(bits[0] ?? 0).toString(16).padStart(8, "0")}u`;
}

function printConstant(type: ValueType, value: number, context: Context): Printed {
  switch (type) {
    case "f32": {
      const text = f32Text(value);
      if (text === undefined) return printBits(value, context);
      return text.startsWith("-") ? loose(text) : tight(text);
    }
    case "i32":
      if (value === -2147483648) return tight("i32(-2147483648)");
      return value < 0 ? loose(`${value}i`) : tight(`${value}i`);
    case "u32":
      return tight(`${value}u`);
    case "bool":
      return tight(value === 0 ? "false" : "true");
    default:
      throw new CompilerBug(`wgsl has no ${type}`);
  }
}

function printBits(value: number, context: Context): Printed {
  context.helpers.add("tl_zero");
  return tight(`bitcast<f32>(${bitsText(value)} | tl_zero)`);
}

/** A constant as a value that the compiler may not evaluate: it would refuse overflow, infinities and NaN. */
function printRuntime(expr: Expr, context: Context): Printed {
  if (expr.kind !== "const" || expr.type === "bool") return printExpr(expr, context);
  context.helpers.add("tl_zero");
  if (expr.type === "f32") return printBits(expr.value, context);
  const text = operand(printConstant(expr.type, expr.value, context));
  return loose(`${text} | ${expr.type === "i32" ? "i32(tl_zero)" : "tl_zero"}`);
}

function printLoad(expr: Load, context: Context): Printed {
  const held = context.held.get(expr);
  if (held !== undefined) return tight(held);
  if (expr.guard === undefined) return printElement(expr, context);
  const guarded = context.names.fresh("guarded");
  const otherwise = exprText(expr.guard.otherwise, context);
  const condition = boundsText(expr.guard.bounds, context);
  if (condition === "") return printElement(expr, context);
  context.writer.line(`var ${guarded}: ${typeText(expr.type)} = ${otherwise};`);
  context.writer.block(`if (${condition}) {`, () => {
    context.writer.line(`${guarded} = ${printElement(expr, context).text};`);
  });
  return tight(guarded);
}

function printElement(expr: Load, context: Context): Printed {
  const array = context.names.of(expr.buffer);
  const stored = context.arrays.get(expr.buffer);
  if (stored === undefined) return tight(`${array}[${indexText(expr.at, context)}]`);
  const isPlain = elementsPerWord(stored.element) === 1 && stored.lanes === undefined;
  const at = isPlain ? indexText(expr.at, context) : namedIndex(expr.at, context);
  const element = loadText(stored, array, at, at);
  return stored.element === "bool" ? loose(`${element} != 0u`) : tight(element);
}

/** The bounds that the ranges of their indexes leave open, as one condition; empty where none is. */
export function boundsText(bounds: readonly Bound[], context: Context): string {
  const open = bounds.filter(({ index, extent }) => index.min < 0 || index.max >= extent);
  const parts = open.flatMap(({ index, extent }) => {
    const text = operand(printIndex(index, context));
    return [...(index.min < 0 ? [`${text} >= 0`] : []), ...(index.max >= extent ? [`${text} < ${extent}`] : [])];
  });
  return parts.join(" && ");
}

// ---- functions -----------------------------------------------------------------------------------------------------

/** How a function is written: between its operands, as a call of WGSL's own function, or by the lines of `printApply`. */
type Spelling = { readonly infix: string } | { readonly call: string } | "routine" | "own";

const spellings = {
  add: { infix: "+" },
  sub: { infix: "-" },
  mul: { infix: "*" },
  div: { infix: "/" },
  mod: "own",
  min: { call: "min" },
  max: { call: "max" },
  neg: "own",
  abs: { call: "abs" },
  sign: { call: "sign" },
  floor: { call: "floor" },
  ceil: { call: "ceil" },
  round: { call: "round" },
  sqrt: { call: "sqrt" },
  rsqrt: { call: "inverseSqrt" },
  exp: "routine",
  expm1: "routine",
  log: "routine",
  log1p: "routine",
  sin: "routine",
  cos: "routine",
  tanh: "routine",
  erf: "routine",
  pow: "routine",
  roundHalf: "routine",
  roundBrain: "routine",
  threefry: "routine",
  eq: { infix: "==" },
  ne: { infix: "!=" },
  lt: { infix: "<" },
  le: { infix: "<=" },
  gt: { infix: ">" },
  ge: { infix: ">=" },
  and: { infix: "&" },
  or: { infix: "|" },
  not: "own",
  xor: { infix: "^" },
  shiftLeft: { infix: "<<" },
  shiftRight: { infix: ">>" },
  rotateLeft: "own",
  select: "own",
} as const satisfies Record<ScalarFn, Spelling>;

function printApply(expr: Apply, context: Context): Printed {
  const { fn, type } = expr;
  // WGSL evaluates a call of constants when it compiles, and stops where that overflows: one operand becomes a value.
  const allConstant = expr.args.every((arg) => arg.kind === "const");
  const args = expr.args.map((arg, n) =>
    n === 0 && allConstant ? printRuntime(arg, context) : printExpr(arg, context),
  );
  const texts = args.map((arg) => arg.text).join(", ");
  const plain = context.plainMinMax && (fn === "min" || fn === "max");
  const helper = plain ? undefined : use(helperFor(expr), context);
  if (helper !== undefined) return tight(`${helper}(${texts})`);
  if (isRoutineFn(fn)) return tight(`${context.routine(fn, type)}(${texts})`);
  const [first, second] = args.map(operand);
  if (fn === "select") return tight(`select(${args[2]?.text}, ${args[1]?.text}, ${args[0]?.text})`);
  if (fn === "neg") return loose(`-${first}`);
  if (fn === "not") return loose(`${type === "bool" ? "!" : "~"}${first}`);
  if (fn === "xor" && type === "bool") return loose(`${first} != ${second}`);
  if ((fn === "and" || fn === "or") && type === "bool")
    return loose(`${first} ${fn === "and" ? "&&" : "||"} ${second}`);
  if (fn === "shiftLeft" || fn === "shiftRight") {
    const count = expr.args[1]?.type === "u32" ? second : `u32(${args[1]?.text})`;
    return loose(`${first} ${spellings[fn].infix} ${count}`);
  }
  const spelling: Spelling = spellings[fn];
  if (typeof spelling === "string") throw new CompilerBug(`wgsl cannot spell ${fn} of ${type}`);
  return "infix" in spelling ? loose(`${first} ${spelling.infix} ${second}`) : tight(`${spelling.call}(${texts})`);
}
