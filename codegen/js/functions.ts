/**
 * Scalar functions as JavaScript, by the kind of number that they are of; operands are printed already.
 *
 *   add of f64   x + y          add of i32   x + y | 0          and of bool   x && y
 *
 * Every table has every function, so that `tsc` names those that a new one is missing from; null says that it is not
 * defined for such operands. Routines of the maths library are written out where they are used (expr.ts).
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Apply, type Expr, type ScalarFn, scalarFns } from "../../src/kernel/kernel.ts";
import type { JsModule, Piece, Printed, Unrounded } from "./context.ts";
import { atom, levels, piece, wrap } from "./context.ts";

/** What is applied, to what is printed as x, y and z. */
interface Call {
  readonly expr: Apply;
  readonly module: JsModule;
  readonly z: Piece;
}

type Spelling = (x: Piece, y: Piece, call: Call) => Unrounded;
type Spellings = Record<ScalarFn, Spelling | null>;

/** The function as it is spelled for the type of its operands. */
export function printFunction(expr: Apply, operands: readonly Piece[], module: JsModule): Unrounded {
  const x = operands[0];
  const y = operands[1] ?? x;
  const z = operands[2] ?? x;
  const type = expr.args[expr.args.length - 1]?.type;
  const spellings = type === "bool" ? onBools : type === "f32" || type === "f64" ? onFloats : onIntegers;
  const spelling = spellings[expr.fn];
  if (spelling === null || x === undefined || y === undefined || z === undefined) {
    throw new CompilerBug(`${expr.fn} is not defined for ${type}`);
  }
  return spelling(x, y, { expr, module, z });
}

// ---- pieces --------------------------------------------------------------------------------------------------------

export function choose(condition: Piece, yes: Piece, no: Piece): Printed {
  const text = `${wrap(condition, levels.or)} ? ${wrap(yes, levels.or)} : ${wrap(no, levels.or)}`;
  return piece(text, levels.conditional);
}

export function call(name: string, first: Piece, second?: string): Printed {
  return atom(second === undefined ? `${name}(${first.text})` : `${name}(${first.text}, ${second})`);
}

/** An operator that associates to the left. */
function infix(x: Piece, operator: string, y: Piece, level: number): Printed {
  return piece(`${wrap(x, level)} ${operator} ${wrap(y, level + 1)}`, level);
}

function negative(x: Piece): Printed {
  return piece(`-${wrap(x, levels.atom)}`, levels.unary);
}

/** f32 is computed in double and rounded once; for + - * / and sqrt that is the correctly rounded f32 result. */
const rounded = (printed: Printed, { expr }: Call): Unrounded =>
  expr.type === "f32" ? { text: printed.text, level: printed.level, rounding: "f32" } : printed;

const wrapped = ({ text, level }: Printed, { expr }: Call): Unrounded => ({
  text,
  level,
  rounding: expr.type === "i32" ? "i32" : "u32",
});

/** JavaScript's bits are signed. */
const bits = (printed: Printed, of: Call): Unrounded => (of.expr.type === "i32" ? printed : wrapped(printed, of));

const operator =
  (symbol: string, level: number, finish?: (printed: Printed, of: Call) => Unrounded): Spelling =>
  (x, y, of) => {
    const printed = infix(x, symbol, y, level);
    return finish === undefined ? printed : finish(printed, of);
  };

const function1 =
  (name: string): Spelling =>
  (x) =>
    call(name, x);

const function2 =
  (name: string): Spelling =>
  (x, y) =>
    call(name, x, y.text);

const nowhere: Spelling | null = null;

/** Whether data decide, of which no processor learns how they go; and nothing in it uses the cell itself. */
function isOfData(condition: Expr): boolean {
  const parts = condition.kind === "apply" && scalarFns[condition.fn].form === "compare" ? condition.args : [condition];
  const isPlain = parts.every(({ kind }) => kind === "name" || kind === "load" || kind === "const");
  return isPlain && parts.some(({ kind }) => kind !== "const");
}

/** Alike for all types. */
const forAll = {
  eq: operator("===", levels.equal),
  ne: operator("!==", levels.equal),
  lt: operator("<", levels.compare),
  le: operator("<=", levels.compare),
  gt: operator(">", levels.compare),
  ge: operator(">=", levels.compare),
  select: (x: Piece, y: Piece, { z }: Call) => choose(x, y, z),
} as const;

/** In double these are the engine's own; in f32, routines. */
const maths = {
  exp: function1("Math.exp"),
  expm1: function1("Math.expm1"),
  log: function1("Math.log"),
  log1p: function1("Math.log1p"),
  sin: function1("Math.sin"),
  cos: function1("Math.cos"),
  tanh: function1("Math.tanh"),
  erf: (x: Piece, _y: Piece, { module }: Call) => call(module.helper("erf"), x),
  pow: function2("Math.pow"),
} as const;

const noMaths = {
  ...{ exp: nowhere, expm1: nowhere, log: nowhere, log1p: nowhere, sin: nowhere, cos: nowhere, tanh: nowhere },
  ...{ erf: nowhere, pow: nowhere, sqrt: nowhere, rsqrt: nowhere, floor: nowhere, ceil: nowhere, round: nowhere },
  ...{ roundHalf: nowhere, roundBrain: nowhere },
} as const;

const noBits = {
  ...{ shiftLeft: nowhere, shiftRight: nowhere, rotateLeft: nowhere, threefry: nowhere },
} as const;

// ---- by type -------------------------------------------------------------------------------------------------------

const onBools = {
  ...forAll,
  ...noMaths,
  ...noBits,
  ...{ add: nowhere, sub: nowhere, mul: nowhere, div: nowhere, mod: nowhere, min: nowhere, max: nowhere },
  ...{ neg: nowhere, abs: nowhere, sign: nowhere },
  and: operator("&&", levels.and),
  or: operator("||", levels.or),
  xor: operator("!==", levels.equal),
  not: (x) => piece(`!${wrap(x, levels.atom)}`, levels.unary),
} satisfies Spellings;

const onFloats = {
  ...forAll,
  select: (x, y, { expr, module, z }) => {
    const [condition, , no] = expr.args;
    const isZero = no?.kind === "const" && Object.is(no.value, 0);
    if (!isZero || condition === undefined || !isOfData(condition)) return choose(x, y, z);
    // The slopes of 11 M elements, of which a pool of 2 x 2 chooses a quarter: 62 ms with branches, 31 so.
    const cell = module.helper("zero_cell");
    return atom(`(${cell}[1] = ${y.text}, ${cell}[+${wrap(x, levels.unary)}])`);
  },
  ...maths,
  ...noBits,
  ...{ and: nowhere, or: nowhere, xor: nowhere, not: nowhere },
  add: operator("+", levels.sum, rounded),
  sub: operator("-", levels.sum, rounded),
  mul: operator("*", levels.product, rounded),
  div: operator("/", levels.product, rounded),
  mod: (x, y, of) => rounded(call(of.module.helper("mod_float"), x, y.text), of),
  min: function2("Math.min"),
  max: (x, y, { expr, module }) => {
    const zero = expr.args.findIndex((arg) => arg.kind === "const" && Object.is(arg.value, 0));
    // 4 M sums of random signs: 28 ms with Math.max, 6 so (Node 20).
    if (zero >= 0) return call(module.helper("relu"), zero === 0 ? y : x);
    return call("Math.max", x, y.text);
  },
  neg: (x) => negative(x),
  abs: function1("Math.abs"),
  sign: function1("Math.sign"),
  floor: function1("Math.floor"),
  ceil: function1("Math.ceil"),
  round: (x, _y, { module }) => call(module.helper("round_even"), x),
  sqrt: (x, _y, of) => rounded(call("Math.sqrt", x), of),
  rsqrt: (x, _y, of) => rounded(infix(atom("1"), "/", call("Math.sqrt", x), levels.product), of),
  roundHalf: (x, _y, { module }) => call(module.helper("round_half"), x),
  roundBrain: (x, _y, { module }) => call(module.helper("round_brain"), x),
} satisfies Spellings;

/** Sums and differences of 32-bit integers are exact in double, quotients cut off rightly, products need `imul`. */
const onIntegers = {
  ...forAll,
  ...noMaths,
  threefry: nowhere,
  add: operator("+", levels.sum, wrapped),
  sub: operator("-", levels.sum, wrapped),
  mul: (x, y, of) => bits(call("Math.imul", x, y.text), of),
  div: operator("/", levels.product, wrapped),
  mod: (x, y, { expr, module }) => call(module.helper(expr.type === "i32" ? "mod_i32" : "mod_u32"), x, y.text),
  min: function2("Math.min"),
  max: function2("Math.max"),
  neg: (x, _y, of) => wrapped(negative(x), of),
  abs: (x, _y, of) => (of.expr.type === "i32" ? wrapped(call("Math.abs", x), of) : piece(x.text, x.level)),
  sign: function1("Math.sign"),
  and: operator("&", levels.bitAnd, bits),
  or: operator("|", levels.bitOr, bits),
  xor: operator("^", levels.bitXor, bits),
  not: (x, _y, of) => bits(piece(`~${wrap(x, levels.atom)}`, levels.unary), of),
  shiftLeft: operator("<<", levels.shift, bits),
  shiftRight: (x, y, { expr }) => infix(x, expr.type === "i32" ? ">>" : ">>>", y, levels.shift),
  rotateLeft: (x, y, of) => bits(call(of.module.helper("rotate_left"), x, y.text), of),
} satisfies Spellings;
