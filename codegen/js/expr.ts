/**
 * Expressions of the kernel language as JavaScript, rounded as the language says.
 *
 *   mul(a[i], b[j]): f32                ->   fround(a[i] * b[j])
 *   y[i] = add(a[i], b[i])              ->   y[i] = a[i] + b[i];       the store into a Float32Array rounds
 *   acc = add(acc, f64(a[i]))           ->   acc += a[i]               doubles are JavaScript's own
 *   min(x, y): f32                      ->   Math.min(x, y)            exact: nothing to round
 *   max(x, 0): f32                      ->   relu(x)                   the same, without a branch
 *   select(c, x, 0): f32                ->   (zero_cell[1] = x, zero_cell[+c])
 *
 *   x[784*i + k], x[784*i + k + 784]    ->   const at0 = 784 * i;      before the loop over k: what does not change in it
 *                                            const at1 = at0 + k;      in it, as two elements need it
 *                                            x[at1], x[at1 + 784]
 *
 * Constants stay with the element: a block of 4 rows then keeps one integer alive where it would keep four.
 *
 * A `bool` value is a JavaScript boolean. Divisions of integers need no test for zero: `| 0` and `>>> 0` turn the
 * infinity and the NaN into 0, and i32 division cuts off, with -2147483648 / -1 wrapping around to -2147483648.
 */

import { type DType, isShort, type ShortFloat } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import { addIndex, scaleIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type {
  Apply,
  Bound,
  Expr,
  Index,
  Load,
  Name,
  Routine,
  ScalarFn,
  Sum,
  Term,
  ValueType,
} from "../../src/kernel/kernel.ts";
import { isRoutineFn } from "../../src/kernel/kernel.ts";
import { someExpr } from "../../src/kernel/rewrite.ts";
import { baseOf } from "../uses.ts";
import type { JsContext, Piece, Printed, Unrounded } from "./context.ts";
import { atom, declare, levels, piece, printNumber, spell, wrap } from "./context.ts";
import { call, choose, printFunction } from "./functions.ts";

/** The value itself. */
export function printExpr(expr: Expr, context: JsContext): Printed {
  const printed = printUnrounded(expr, context);
  switch (printed.rounding) {
    case "none":
      return printed;
    case "f32":
      return atom(`${context.module.helper("fround")}(${printed.text})`);
    case "i32":
      return piece(`${wrap(printed, levels.bitOr)} | 0`, levels.bitOr);
    case "u32":
      return piece(`${wrap(printed, levels.shift)} >>> 0`, levels.shift);
    default:
      return unreachable(printed);
  }
}

/** The value for a store into memory of this element type, where the store itself may do the last rounding. */
export function printStored(expr: Expr, element: DType, context: JsContext): Piece {
  switch (element) {
    case "f32":
    case "i32":
    case "u32":
      return expr.type === element ? printUnrounded(expr, context) : printExpr(expr, context);
    case "f16":
    case "bf16":
      return atom(`${context.module.helper(bitsHelpers[element].write)}(${printExpr(expr, context).text})`);
    case "u8":
      return atom(`Math.min(${printExpr(expr, context).text}, 255)`);
    case "bool":
      return toNumber(expr, context);
    case "f64":
      return printExpr(expr, context);
    default:
      return unreachable(element);
  }
}

/** What makes an f32 of the bits in memory, and bits of an f32. */
const bitsHelpers = {
  f16: { read: "from_half", write: "to_half" },
  bf16: { read: "from_brain", write: "to_brain" },
} as const satisfies Record<ShortFloat, unknown>;

// ---- the kinds of expression ---------------------------------------------------------------------------------------

function printUnrounded(expr: Expr, context: JsContext): Unrounded {
  switch (expr.kind) {
    case "const":
      return expr.type === "bool" ? atom(expr.value !== 0 ? "true" : "false") : printNumber(expr.value);
    case "name":
      return printName(expr, context);
    case "loop":
      return atom(spell(expr.loop.name, context));
    case "ranged":
      return printUnrounded(expr.value, context);
    case "sum":
      return printSum(expr, context);
    case "floorDiv":
      return printFloorDiv(expr.index, expr.by, context);
    case "mod":
      return printMod(expr.index, expr.by, context);
    case "load":
      return printLoad(expr, context);
    case "apply":
      return printApply(expr, context);
    case "convert":
      return printConvert(expr.type, expr.value, context);
    case "bitcast":
      return printBitcast(expr.type, expr.value, context);
    default:
      return unreachable(expr);
  }
}

/** What memory or a caller holds for a value: a bool is the number 0 or 1 there. */
function asValue(memory: Printed, type: ValueType): Printed {
  return type === "bool" ? piece(`${wrap(memory, levels.compare)} !== 0`, levels.equal) : memory;
}

function printName(expr: Name, context: JsContext): Printed {
  const array = context.arrays.get(expr.name);
  if (array === undefined) return atom(spell(expr.name, context));
  const element = atom(elementOf(expr.name, expr.at, context));
  return array.home.kind === "array" ? asValue(element, expr.type) : element;
}

/** An element of an array variable, to be read or assigned. */
export function elementOf(name: string, at: readonly Index[], context: JsContext): string {
  const array = context.arrays.get(name);
  if (array === undefined) throw new CompilerBug(`${name} is not an array variable`);
  const { home, shape } = array;
  if (home.kind === "array") return `${home.name}[${printExpr(flatten(at, shape), context).text}]`;
  let flat = 0;
  for (let axis = 0; axis < at.length; axis += 1) {
    const index = at[axis];
    if (index?.kind !== "const") throw new CompilerBug(`element of unknown place of ${name} is no local`);
    flat = flat * (shape[axis] ?? 1) + index.value;
  }
  const local = home.names[flat];
  if (local === undefined) throw new CompilerBug(`${name} has no element ${flat}`);
  return local;
}

/** The position of an element in row-major order. */
function flatten(at: readonly Index[], shape: readonly number[]): Index {
  let flat: Index | undefined;
  for (const [axis, index] of at.entries()) {
    flat = flat === undefined ? index : addIndex(scaleIndex(flat, shape[axis] ?? 1), index);
  }
  if (flat === undefined) throw new CompilerBug("an array variable without axes");
  return flat;
}

function printLoad(load: Load, context: JsContext): Printed {
  const declared = context.buffers.get(load.buffer);
  if (declared === undefined) throw new CompilerBug(`load from ${load.buffer}, which is not declared`);
  const element = "element" in declared ? declared.element : declared.type;
  const read = (inside: JsContext): Printed => {
    const memory = atom(`${spell(load.buffer, inside)}[${printExpr(load.at, inside).text}]`);
    if (isShort(element)) return atom(`${inside.module.helper(bitsHelpers[element].read)}(${memory.text})`);
    return asValue(memory, load.type);
  };
  const condition = load.guard === undefined ? undefined : printBounds(load.guard.bounds, context);
  if (condition === undefined || load.guard === undefined) return read(context);
  const guarded = { ...context, guarded: true };
  return choose(condition, read(guarded), printExpr(load.guard.otherwise, guarded));
}

// ---- casts ---------------------------------------------------------------------------------------------------------

/** Casts as `roundTo` of dtype.ts defines them. */
function printConvert(type: ValueType, value: Expr, context: JsContext): Unrounded {
  if (value.type === type) return printUnrounded(value, context);
  if (type === "bool") {
    return piece(`${wrap(printExpr(value, context), levels.compare)} !== 0`, levels.equal);
  }
  if (value.type === "bool") return toNumber(value, context);
  const printed = printExpr(value, context);
  switch (type) {
    case "f64":
      return printed;
    case "f32":
      return isSmall(value, context) ? printed : { ...printed, rounding: "f32" };
    case "i32":
      if (value.type === "u32") return isSmall(value, context) ? printed : call("Math.min", printed, "2147483647");
      return call(context.module.helper("to_i32"), printed);
    case "u32":
      if (value.type === "i32") return call("Math.max", printed, "0");
      return call(context.module.helper("to_u32"), printed);
    default:
      return unreachable(type);
  }
}

/** An integer that f32 and i32 hold exactly, because a byte of memory held it. */
function isSmall(value: Expr, context: JsContext): boolean {
  if (value.kind !== "load" || value.guard !== undefined) return false;
  const declared = context.buffers.get(value.buffer);
  return declared !== undefined && "element" in declared && declared.element === "u8";
}

function toNumber(value: Expr, context: JsContext): Printed {
  return choose(printExpr(value, context), atom("1"), atom("0"));
}

function printBitcast(type: ValueType, value: Expr, context: JsContext): Printed {
  if (type === value.type) return printExpr(value, context);
  if (value.type === "f32") {
    const unrounded = printUnrounded(value, context); // the helper stores it as f32, which rounds it
    return call(context.module.helper(type === "u32" ? "f32_to_bits_u32" : "f32_to_bits_i32"), unrounded);
  }
  const printed = printExpr(value, context);
  if (type === "f32") return call(context.module.helper("bits_to_f32"), printed);
  if (type === "u32") return piece(`${wrap(printed, levels.shift)} >>> 0`, levels.shift);
  return piece(`${wrap(printed, levels.bitOr)} | 0`, levels.bitOr);
}

// ---- functions -----------------------------------------------------------------------------------------------------

function printApply(expr: Apply, context: JsContext): Unrounded {
  const { fn, type, args } = expr;
  if (isRoutineFn(fn) && type !== "f64") return printRoutine(expr, context);
  const isLate = type === "f32" && keepsOrder.has(fn);
  const printed = args.map((arg): Unrounded => (isLate ? printUnrounded(arg, context) : printExpr(arg, context)));
  const applied = printFunction(expr, printed, context.module);
  return isLate && printed.some(({ rounding }) => rounding === "f32") ? { ...applied, rounding: "f32" } : applied;
}

/** Rounding keeps the order of numbers and forgets no sign: it may as well come after these, where a store does it. */
const keepsOrder: ReadonlySet<ScalarFn> = new Set(["min", "max", "neg", "abs"]);

/** What is guarded must not be evaluated before its statement: there a routine stays a function. */
function printRoutine(expr: Apply, context: JsContext): Printed {
  const args = expr.args.map((arg) => printExpr(arg, context).text);
  if (context.guarded) return atom(`${context.module.routine(expr)}(${args.join(", ")})`);
  return atom(printInPlace(context.module.routineOf(expr), args, context));
}

/** Writes a routine's statements, with names of their own, before the one that is being printed; gives the name of its result. */
function printInPlace(routine: Routine, args: readonly string[], context: JsContext): string {
  const inside: JsContext = { ...context, spelling: new Map(), depths: new Map(), arrays: new Map() };
  const { writer, names } = context;
  for (const [i, { name }] of routine.params.entries()) writer.line(`const ${declare(name, inside)} = ${args[i]};`);
  for (const stmt of routine.body) if (stmt.kind === "let") printLet(stmt.name, stmt.value, inside);
  const { text } = printExpr(routine.result, inside);
  const result = names.fresh(routine.name);
  writer.line(`const ${result} = ${text};`);
  return result;
}

export function printLet(name: string, value: Expr, context: JsContext): void {
  const { text } = printExpr(value, context);
  context.writer.line(`const ${declare(name, context)} = ${text};`);
  context.depths.set(name, context.writer.depth);
}

/** The conditions of a guard that are not known to hold, joined by and; undefined when there is none. */
export function printBounds(bounds: readonly Bound[], context: JsContext): Printed | undefined {
  const conditions: string[] = [];
  for (const { index, extent } of bounds) {
    const text = wrap(printExpr(index, context), levels.shift);
    if (index.min < 0) conditions.push(`${text} >= 0`);
    if (index.max >= extent) conditions.push(`${text} < ${extent}`);
  }
  if (conditions.length === 0) return undefined;
  return piece(conditions.join(" && "), conditions.length > 1 ? levels.and : levels.compare);
}

// ---- indexes ----------------------------------------------------------------------------------------------------------

function printSum(sum: Sum, context: JsContext): Printed {
  const [first] = sum.terms;
  if (first !== undefined && first.factor < 0) return joinTerms(sum.terms, context, printNumber(sum.offset));
  const base = printBase(baseOf(sum), context);
  if (sum.offset === 0) return base;
  const text = `${wrap(base, levels.sum)} ${sum.offset < 0 ? "-" : "+"} ${Math.abs(sum.offset)}`;
  return piece(text, levels.sum);
}

/** A sum without constant: inline when it is used once and changes in the innermost loop, otherwise a name. */
function printBase(base: Index, context: JsContext): Printed {
  if (base.kind !== "sum") return printExpr(base, context);
  const here = context.writer.depth;
  const depth = depthOf(base, context);
  if (depth === undefined || (context.guarded && loads(base))) return joinTerms(base.terms, context);
  const at = landing(base, depth, context);
  const wanted = at < here || (context.uses.sums.get(base) ?? 0) > 1;
  if (!wanted) return printParts(base, depth, context);
  const scope = context.scopes[at];
  const known = scope?.indexes.get(base);
  if (known !== undefined) return atom(known);
  const { text } = printParts(base, depth, context);
  const name = context.names.numbered("at");
  context.writer.line(`const ${name} = ${text};`, at);
  scope?.indexes.set(base, name);
  return atom(name);
}

/** The terms that change at `depth`, and before them the name of what changes further out. */
function printParts(base: Sum, depth: number, context: JsContext): Printed {
  const outer = base.terms.filter((term) => (depthOf(term.index, context) ?? depth) < depth);
  const inner = base.terms.filter((term) => !outer.includes(term));
  if (outer.length === 0) return joinTerms(inner, context);
  const before = printBase(sumIndex(outer), context);
  return joinTerms(inner, context, before);
}

/** Terms come largest factor first, but what is left of a sum when its inner terms are taken away may start negative. */
function joinTerms(terms: readonly Term[], context: JsContext, first?: Printed): Printed {
  let joined = first;
  for (const { factor, index } of terms) {
    const part = wrap(printExpr(index, context), levels.unary);
    if (joined === undefined && factor < 0) {
      joined = factor === -1 ? piece(`-${part}`, levels.unary) : piece(`${part} * ${factor}`, levels.product);
      continue;
    }
    const size = Math.abs(factor);
    const term: Printed = size === 1 ? piece(part, levels.unary) : piece(`${part} * ${size}`, levels.product);
    joined =
      joined === undefined
        ? term
        : piece(`${wrap(joined, levels.sum)} ${factor < 0 ? "-" : "+"} ${term.text}`, levels.sum);
  }
  return joined ?? atom("0");
}

// ---- where a part of an index is known -----------------------------------------------------------------------------

/** Depth of the outermost block in which the index is known; undefined when it may change within a block. */
function depthOf({ reads }: Index, context: JsContext): number | undefined {
  let depth = 1;
  for (const name of reads) {
    if (isConstantMemory(name, context)) continue;
    const found = context.depths.get(name);
    if (found === undefined) return undefined;
    depth = Math.max(depth, found);
  }
  return depth;
}

function isConstantMemory(buffer: string, context: JsContext): boolean {
  const declared = context.buffers.get(buffer);
  return declared !== undefined && "role" in declared && declared.role === "read";
}

/** The depth at which a name for `index` may be computed: what loads stays inside the `if` it stands in. */
function landing(index: Index, depth: number, context: JsContext): number {
  const inside = context.scopes.findLastIndex((scope) => scope.conditional);
  return inside > depth && loads(index) ? inside : depth;
}

function loads(index: Index): boolean {
  return someExpr(index, (part) => part.kind === "load");
}

// ---- division ------------------------------------------------------------------------------------------------------

/** Shifts round down, whatever the sign; `| 0` cuts off, which is the same for what is never negative. */
function printFloorDiv(index: Index, by: number, context: JsContext): Printed {
  const printed = printExpr(index, context);
  const shift = Math.log2(by);
  if (Number.isInteger(shift) && shift < 31) {
    return piece(`${wrap(printed, levels.shift)} >> ${shift}`, levels.shift);
  }
  const quotient = `${wrap(printed, levels.product)} / ${by}`;
  if (index.min >= 0) return piece(`(${quotient}) | 0`, levels.bitOr);
  return atom(`Math.floor(${quotient})`);
}

function printMod(index: Index, by: number, context: JsContext): Printed {
  const printed = printExpr(index, context);
  if (Number.isInteger(Math.log2(by)) && by <= 2 ** 30) {
    return piece(`${wrap(printed, levels.shift)} & ${by - 1}`, levels.bitAnd);
  }
  if (index.min >= 0) return piece(`${wrap(printed, levels.product)} % ${by}`, levels.product);
  return atom(`${context.module.helper("floor_mod")}(${printed.text}, ${by})`);
}
