/**
 * Scalar functions in C, operands printed already. One table: `tsc` says where a new function lacks its line.
 *
 *   add of f32   (x + y)        max of f32   max_f32(x, y)         and of bool   (x & y)
 *
 * C computes in the type of the operands, and with -ffp-contract=off rounds each result once: what the language asks of f32.
 * -fwrapv lets integers wrap. Helpers (helpers.ts) are named by the type of the operands.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Apply, ScalarFn, ValueType } from "../../src/kernel/kernel.ts";

/** Of the type of the last operand, and the operands. */
type Spelling = (type: ValueType, x: string, y: string, z: string) => string;

const infix =
  (operator: string): Spelling =>
  (_, x, y) =>
    `(${x} ${operator} ${y})`;

/** A helper for each type: max_f32, max_i32. */
const helper =
  (name: string): Spelling =>
  (type, x, y) =>
    `${name}_${type}(${x}, ${y})`;

const helper1 =
  (name: string): Spelling =>
  (type, x) =>
    `${name}_${type}(${x})`;

/** A function of <math.h>, which has one for doubles and one for floats. */
const library =
  (name: string): Spelling =>
  (type, ...args) =>
    `${name}${type === "f32" ? "f" : ""}(${args.filter((arg) => arg !== "").join(", ")})`;

/** f32 and threefry's words are routines of our maths library; doubles take C's own. */
const routine: Spelling = () => {
  throw new CompilerBug("a routine is printed as a function of its own");
};

const spellings = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: (type, x, y) => (isInteger(type) ? `div_${type}(${x}, ${y})` : `(${x} / ${y})`),
  mod: helper("mod"),
  min: helper("min"),
  max: helper("max"),
  neg: (_, x) => `(-${x})`,
  abs: helper1("abs"),
  sign: helper1("sign"),
  floor: library("floor"),
  ceil: library("ceil"),
  round: library("rint"),
  sqrt: library("sqrt"),
  rsqrt: (type, x) => `(${type === "f32" ? "(float)" : ""}(1.0 / sqrt((double)${x})))`,
  exp: library("exp"),
  expm1: library("expm1"),
  log: library("log"),
  log1p: library("log1p"),
  sin: library("sin"),
  cos: library("cos"),
  tanh: library("tanh"),
  erf: library("erf"),
  pow: library("pow"),
  eq: infix("=="),
  ne: infix("!="),
  lt: infix("<"),
  le: infix("<="),
  gt: infix(">"),
  ge: infix(">="),
  and: infix("&"),
  or: infix("|"),
  not: (type, x) => (type === "bool" ? `(!${x})` : `(~${x})`),
  xor: infix("^"),
  shiftLeft: (type, x, y) => `((${cTypes[type]})((uint32_t)${x} << (${y} & 31)))`,
  shiftRight: (_, x, y) => `(${x} >> (${y} & 31))`,
  rotateLeft: (type, x, y) => `((${cTypes[type]})rotate_left(${x}, ${y}))`,
  roundHalf: helper1("round_half"),
  roundBrain: helper1("round_brain"),
  threefry: routine,
  select: (_, condition, yes, no) => `(${condition} ? ${yes} : ${no})`,
} as const satisfies Record<ScalarFn, Spelling>;

export const cTypes = {
  f32: "float",
  f64: "double",
  i32: "int32_t",
  u32: "uint32_t",
  bool: "bool",
} as const satisfies Record<ValueType, string>;

export function printFunction({ fn, args }: Apply, [x = "", y = "", z = ""]: readonly string[]): string {
  return spellings[fn](args.at(-1)?.type ?? "f32", x, y, z);
}

function isInteger(type: ValueType): boolean {
  return type === "i32" || type === "u32";
}
