/**
 * Runs a Routine by printing it as a JavaScript function: every f32 operation rounded once, integers wrapping.
 *
 * Two ways in which a GPU may differ can be asked for: `contract` makes a * b + c one rounding (also where the product was
 * given a name), `flush` makes subnormal operands and results of f32 arithmetic zero.
 */

import type { Expr, Routine, ScalarFn } from "../../../src/kernel/kernel.ts";
import { name } from "../../kernel-pool.ts";

export interface Mode {
  readonly contract?: boolean;
  readonly flush?: boolean;
}

export type Runner = (...args: number[]) => number;

/** Turns a routine into a function of numbers. */
export function run(routine: Routine, mode: Mode = {}): Runner {
  const lets = new Map<string, Expr>(routine.params.map(({ name: label, type }) => [label, name(type, label)]));
  const lines = routine.body.map((stmt) => {
    if (stmt.kind !== "let") throw new Error(`${stmt.kind} in a routine`);
    if (lets.has(stmt.name)) throw new Error(`${stmt.name} is declared twice`);
    const line = `const ${stmt.name}_ = ${print(stmt.value, lets, mode)};`;
    lets.set(stmt.name, stmt.value);
    return line;
  });
  lines.push(`return ${print(routine.result, lets, mode)};`);
  const params = routine.params.map((p) => `${p.name}_`).join(", ");
  return new Function(`${SUPPORT}\nreturn (${params}) => {\n${lines.join("\n")}\n};`)() as Runner;
}

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

export function bitsToFloat(bits: number): number {
  words[0] = bits;
  return floats[0] ?? 0;
}

export function floatToBits(value: number): number {
  floats[0] = value;
  return words[0] ?? 0;
}

/**
 * |got - want| in units in the last place of a float32 as large as `want` (2^-149 at least). Infinity counts as 2^128, so
 * that an overflow a little early or late is a small error; a wrong NaN or a wrong sign of zero is an infinite one.
 */
export function ulps(got: number, want: number): number {
  if (Object.is(got, want) || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  if (Number.isNaN(got) || Number.isNaN(want) || (want === 0 && got === 0)) return Number.POSITIVE_INFINITY;
  const [a, b] = [got, want].map((v) => Math.max(-(2 ** 128), Math.min(2 ** 128, v))) as [number, number];
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(b))));
  return Math.abs(a - b) / 2 ** (exponent - 23);
}

/** The routine with one coefficient of its Horner schemes (`x * sum + constant`) off by an eighth, for each of them. */
export function* perturbed(routine: Routine): Generator<{ readonly what: string; readonly routine: Routine }> {
  for (let target = 0; ; target++) {
    let seen = -1;
    let what = "";
    const change = (expr: Expr): Expr => {
      switch (expr.kind) {
        case "apply": {
          const args = expr.args.map(change);
          const last = args[args.length - 1];
          const coefficient = expr.fn === "add" && expr.args[0]?.kind === "apply" && expr.args[0].fn === "mul";
          if (!coefficient || last?.kind !== "const" || last.type !== "f32" || Math.abs(last.value) === 1)
            return { ...expr, args };
          seen++;
          if (seen !== target) return { ...expr, args };
          what = `${routine.name}: ${last.value}`;
          return {
            ...expr,
            args: [...args.slice(0, -1), { ...last, value: Math.fround(last.value * 1.125) }],
          };
        }
        case "convert":
        case "bitcast":
          return { ...expr, value: change(expr.value) };
        default:
          return expr;
      }
    };
    const body = routine.body.map((stmt) => (stmt.kind === "let" ? { ...stmt, value: change(stmt.value) } : stmt));
    const result = change(routine.result);
    if (seen < target) return;
    yield { what, routine: { ...routine, body, result } };
  }
}

const SUPPORT = `
  const f32s = new Float32Array(1), u32s = new Uint32Array(f32s.buffer), i32s = new Int32Array(f32s.buffer);
  const fround = Math.fround;
  const zap = (v) => (v < 1.1754943508222875e-38 && v > -1.1754943508222875e-38 ? v * 0 : v);
  const even = (v) => { const t = 6755399441055744; return v === 0 || !(v < 4503599627370496 && v > -4503599627370496) ? v : v < 0 ? -((-v + t) - t) : (v + t) - t; };
  const toBits = (v) => { f32s[0] = v; return u32s[0]; };
  const toBitsSigned = (v) => { f32s[0] = v; return i32s[0]; };
  const fromBits = (v) => { u32s[0] = v; return f32s[0]; };
  const saturate = (v, low, high) => (v !== v ? 0 : v < low ? low : v > high ? high : Math.trunc(v) + 0);
`;

function print(expr: Expr, lets: ReadonlyMap<string, Expr>, mode: Mode): string {
  switch (expr.kind) {
    case "const":
      return expr.type === "bool" ? String(expr.value !== 0) : Object.is(expr.value, -0) ? "-0" : `(${expr.value})`;
    case "name":
      if (lets.get(expr.name)?.type !== expr.type) throw new Error(`${expr.name} is not a ${expr.type} in scope`);
      return `${expr.name}_`;
    case "convert": {
      const value = print(expr.value, lets, mode);
      if (expr.type === "f32") return `fround(${value})`;
      if (expr.value.type !== "f32") return expr.type === "i32" ? `(${value} | 0)` : `(${value} >>> 0)`;
      return expr.type === "i32" ? `saturate(${value}, -2147483648, 2147483647)` : `saturate(${value}, 0, 4294967295)`;
    }
    case "bitcast": {
      const value = print(expr.value, lets, mode);
      if (expr.type === "f32") return `fromBits(${value})`;
      if (expr.value.type === "f32") return expr.type === "u32" ? `toBits(${value})` : `toBitsSigned(${value})`;
      return expr.type === "i32" ? `(${value} | 0)` : `(${value} >>> 0)`;
    }
    case "apply":
      return expr.args[0]?.type === "f32" ? printFloat(expr.fn, expr.args, lets, mode) : printOther(expr, lets, mode);
    default:
      throw new Error(`${expr.kind} in a routine`);
  }
}

function printFloat(fn: ScalarFn, args: readonly Expr[], lets: ReadonlyMap<string, Expr>, mode: Mode): string {
  const printed = args.map((arg) => print(arg, lets, mode));
  const flush = mode.flush === true;
  const [a, b] = (flush ? printed.map((arg) => `zap(${arg})`) : printed) as [string, string];
  const rounded = (text: string): string => (flush ? `zap(fround(${text}))` : `fround(${text})`);
  switch (fn) {
    case "add":
    case "sub": {
      const sign = fn === "add" ? "+" : "-";
      if (mode.contract !== true) return rounded(`${a} ${sign} ${b}`);
      // One product is taken unrounded, as an fma does.
      const [left, right] = args.map((arg) => product(arg, lets, mode)) as [string | undefined, string | undefined];
      return rounded(left !== undefined ? `${left} ${sign} ${b}` : `${a} ${sign} ${right ?? b}`);
    }
    case "mul":
      return rounded(`${a} * ${b}`);
    case "div":
      return rounded(`${a} / ${b}`);
    case "min":
      return `Math.min(${a}, ${b})`;
    case "max":
      return `Math.max(${a}, ${b})`;
    case "abs":
      return `Math.abs(${printed[0]})`;
    case "floor":
      return `Math.floor(${a})`;
    case "round":
      return `even(${a})`;
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return `(${a} ${comparisons[fn]} ${b})`;
    default:
      throw new Error(`${fn} of f32 in a routine`);
  }
}

const comparisons = { eq: "===", ne: "!==", lt: "<", le: "<=", gt: ">", ge: ">=" } as const;

/** `a * b` without rounding, if this is a product or the name of one. */
function product(expr: Expr, lets: ReadonlyMap<string, Expr>, mode: Mode): string | undefined {
  const value = expr.kind === "name" ? lets.get(expr.name) : expr;
  if (value?.kind !== "apply" || value.fn !== "mul" || value.type !== "f32") return undefined;
  return `(${value.args.map((arg) => print(arg, lets, mode)).join(" * ")})`;
}

function printOther(expr: Expr & { kind: "apply" }, lets: ReadonlyMap<string, Expr>, mode: Mode): string {
  const [a, b, c] = expr.args.map((arg) => print(arg, lets, mode)) as [string, string, string];
  const type = expr.fn === "select" ? expr.type : expr.args[0]?.type;
  const wrap = (text: string): string =>
    type === "bool" ? text : type === "i32" ? `(${text} | 0)` : `((${text}) >>> 0)`;
  switch (expr.fn) {
    case "select":
      return `(${a} ? ${b} : ${c})`;
    case "add":
      return wrap(`${a} + ${b}`);
    case "sub":
      return wrap(`(${a} - ${b})`);
    case "mul":
      return wrap(`Math.imul(${a}, ${b})`);
    case "min":
    case "max":
      return `Math.${expr.fn}(${a}, ${b})`;
    case "and":
      return type === "bool" ? `(${a} && ${b})` : wrap(`(${a} & ${b})`);
    case "or":
      return type === "bool" ? `(${a} || ${b})` : wrap(`(${a} | ${b})`);
    case "xor":
      return wrap(`(${a} ^ ${b})`);
    case "not":
      return `!${a}`;
    case "shiftLeft":
      return wrap(`(${a} << ${b})`);
    case "shiftRight":
      return wrap(type === "u32" ? `(${a} >>> ${b})` : `(${a} >> ${b})`);
    case "rotateLeft":
      return wrap(`(${a} << ${b}) | (${a} >>> (32 - ${b}))`);
    case "eq":
    case "ne":
    case "lt":
    case "gt":
    case "ge":
    case "le":
      return `(${a} ${comparisons[expr.fn]} ${b})`;
    default:
      throw new Error(`${expr.fn} of ${type} in a routine`);
  }
}
