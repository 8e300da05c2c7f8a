/**
 * Element-wise ops: operands and result have one shape, so no rule here mentions shapes.
 *
 * One row an op: its float64 meaning, its price, how far targets may be from it, its gradient with the formula beside it,
 * its scalar function. Most rows lower to the scalar function of their own name.
 */

import { type DType, isFloat, isInteger, isShort, roundHalfEven, roundTo, shortFloats } from "../../core/dtype.ts";
import { CompilerBug } from "../../core/errors.ts";
import { erf, floorMod } from "../../core/special.ts";
import type { ExprBuilder } from "../../kernel/expr-builder.ts";
import type { Expr, ScalarFn } from "../../kernel/kernel.ts";
import { constantValue } from "../constant-value.ts";
import { mapOp } from "../define.ts";
import type { ErrorClass } from "../error-class.ts";
import { atom, infix, negated, product, raised } from "../formula.ts";
import type { NdArray } from "../ndarray.ts";
import type { Build, Formula, MapOp, Node, Operands } from "../node.ts";
import type { MapName } from "../op-names.ts";
import { tensorType } from "../type.ts";
import { type Domain, inferMap } from "./map-type.ts";

type MapArity = 1 | 2 | 3;
type NoAttrs = Readonly<Record<never, never>>;

interface Row<N extends MapArity> {
  readonly arity: N;
  readonly domain: Domain;
  readonly meaning: (x: number, y: number, z: number) => number;
  /** For integers, where it differs; results wrap. */
  readonly whole?: (x: number, y: number) => number;
  readonly cost: number;
  /** Exact where absent. */
  readonly tolerance?: ErrorClass;
  gradient?(args: Operands<N, Node>, g: Node, y: Node, b: Build): readonly (Node | null)[];
  element?(args: Operands<N, Expr>, build: ExprBuilder): Expr;
  formula?(args: Operands<N, Formula>): Formula;
}

type AnyRow = Row<1> | Row<2> | Row<3>;

/** Of an op that no scalar function has the name of. */
type Composed<N extends MapArity> = Row<N> & Required<Pick<Row<N>, "element">>;
type AnyComposed = Composed<1> | Composed<2> | Composed<3>;

const two = 2;
const sqrtPi = Math.sqrt(Math.PI);

function times(b: Build, x: Node, factor: number): Node {
  return b.map("mul", x, b.fill(x, factor));
}

function keepWhere(b: Build, condition: Node, g: Node): Node {
  return b.map("select", condition, g, b.fill(g, 0));
}

function dropWhere(b: Build, condition: Node, g: Node): Node {
  return b.map("select", condition, b.fill(g, 0), g);
}

/** pow with a small whole exponent is multiplication: exact where the general function is within some ulps. */
function power([base, exponent]: Operands<2, Expr>, { apply }: ExprBuilder): Expr {
  if (exponent.kind === "const" && exponent.value === 1) return base;
  if (exponent.kind === "const" && exponent.value === 2) return apply("mul", base, base);
  if (exponent.kind === "const" && exponent.value === 3) return apply("mul", apply("mul", base, base), base);
  return apply("pow", base, exponent);
}

/**
 * g b a^(b-1), and 0 where b = 0, for every a. Whatever is differentiated again and again comes to the exponent 0 and then to
 * 0 times an infinite power of 0; that is 0. Only there may a constant be put in: where a > 0 the slope by b is 1/a at b = 0.
 */
function powerSlope(base: Node, exponent: Node, g: Node, b: Build): Node {
  const known = constantValue(exponent);
  if (known === 0) return b.fill(g, 0);
  if (known !== undefined) {
    return b.map("mul", g, b.map("mul", exponent, b.map("pow", base, b.fill(exponent, known - 1))));
  }
  // where a <= 0 nothing flows to b, from the slope neither
  const positive = b.map("gt", base, b.fill(base, 0));
  const factor = b.map("select", positive, exponent, b.map("stopGradient", exponent));
  const lower = b.map("pow", base, b.map("sub", factor, b.fill(factor, 1)));
  const nonZero = b.map("gt", b.map("abs", base), b.fill(base, 0));
  const finite = b.map("or", nonZero, b.map("ge", factor, b.fill(factor, 1)));
  const product = (left: Node, right: Node): Node => {
    const counts = b.map("or", finite, b.map("ne", left, b.fill(left, 0)));
    return b.map("mul", left, keepWhere(b, counts, right));
  };
  return product(g, product(factor, lower));
}

const pickMax = (x: number, y: number): number => Math.max(x, y);
const pickMin = (x: number, y: number): number => Math.min(x, y);

const rows = {
  add: {
    arity: 2,
    domain: "number",
    cost: 1,
    tolerance: "rounded",
    meaning: (x, y) => x + y,
    formula: infix("+", 1),
    gradient: (_, g) => [g, g],
  },
  sub: {
    arity: 2,
    domain: "number",
    cost: 1,
    tolerance: "rounded",
    meaning: (x, y) => x - y,
    formula: infix("-", 1),
    gradient: (_, g, _y, b) => [g, b.map("neg", g)],
  },
  mul: {
    arity: 2,
    domain: "number",
    cost: 1,
    tolerance: "rounded",
    meaning: (x, y) => x * y,
    formula: product,
    whole: Math.imul,
    // d(ab) = b da + a db
    gradient: ([x, y], g, _, b) => [b.map("mul", g, y), b.map("mul", g, x)],
  },
  div: {
    arity: 2,
    domain: "number",
    cost: 4,
    tolerance: "quotient",
    meaning: (x, y) => x / y,
    formula: infix("/", 2),
    whole: (x, y) => (y === 0 ? 0 : Math.trunc(x / y)),
    // d(a/b) = da/b - (a/b)/b db
    gradient: ([, divisor], g, y, b) => {
      const over = b.map("div", g, divisor);
      return [over, b.map("neg", b.map("mul", over, y))];
    },
  },
  pow: {
    arity: 2,
    domain: "float",
    cost: 20,
    tolerance: "pow",
    meaning: (x, y) => x ** y,
    formula: raised,
    element: power,
    // d(a^b) = b a^(b-1) da + a^b ln(a) db; the second only where a > 0, as it has no real value elsewhere.
    gradient: ([base, exponent], g, y, b) => {
      const positive = b.map("gt", base, b.fill(base, 0));
      const logarithm = b.map("log", b.map("select", positive, base, b.fill(base, 1)));
      return [powerSlope(base, exponent, g, b), b.map("mul", g, b.map("mul", y, logarithm))];
    },
  },
  max: {
    arity: 2,
    domain: "number",
    cost: 1,
    meaning: pickMax,
    // At a tie the gradient goes to the second operand: relu(x) = max(x, 0) has slope 0 at 0. Written with the result,
    // so that relu's backward pass needs the activation only.
    gradient: ([, second], g, y, b) => {
      const first = b.map("gt", y, second);
      return [keepWhere(b, first, g), dropWhere(b, first, g)];
    },
  },
  min: {
    arity: 2,
    domain: "number",
    cost: 1,
    meaning: pickMin,
    gradient: ([, second], g, y, b) => {
      const first = b.map("lt", y, second);
      return [keepWhere(b, first, g), dropWhere(b, first, g)];
    },
  },
  mod: {
    arity: 2,
    domain: "number",
    cost: 6,
    tolerance: "rounded",
    meaning: floorMod,
    whole: (x, y) => (y === 0 ? 0 : floorMod(x, y)),
    // a mod b = a - b floor(a/b)
    gradient: ([x, y], g, _, b) => [g, b.map("neg", b.map("mul", g, b.map("floor", b.map("div", x, y))))],
  },
  neg: {
    arity: 1,
    domain: "number",
    cost: 1,
    meaning: (x) => -x,
    formula: negated,
    gradient: (_, g, _y, b) => [b.map("neg", g)],
  },
  abs: {
    arity: 1,
    domain: "number",
    cost: 1,
    meaning: Math.abs,
    gradient: ([x], g, _, b) => [b.map("mul", g, b.map("sign", x))],
  },
  sign: { arity: 1, domain: "number", cost: 2, meaning: Math.sign },
  exp: {
    arity: 1,
    domain: "float",
    cost: 12,
    tolerance: "exp",
    meaning: Math.exp,
    gradient: (_, g, y, b) => [b.map("mul", g, y)],
  },
  log: {
    arity: 1,
    domain: "float",
    cost: 12,
    tolerance: "log",
    meaning: Math.log,
    gradient: ([x], g, _, b) => [b.map("div", g, x)],
  },
  log1p: {
    arity: 1,
    domain: "float",
    cost: 16,
    tolerance: "log1p",
    meaning: Math.log1p,
    gradient: ([x], g, _, b) => [b.map("div", g, b.map("add", x, b.fill(g, 1)))],
  },
  expm1: {
    arity: 1,
    domain: "float",
    cost: 16,
    tolerance: "expm1",
    meaning: Math.expm1,
    gradient: (_, g, y, b) => [b.map("mul", g, b.map("add", y, b.fill(y, 1)))],
  },
  sqrt: {
    arity: 1,
    domain: "float",
    cost: 4,
    tolerance: "root",
    meaning: Math.sqrt,
    gradient: (_, g, y, b) => [b.map("div", g, times(b, y, two))], // 1 / (2 sqrt x)
  },
  rsqrt: {
    arity: 1,
    domain: "float",
    cost: 6,
    tolerance: "inverseRoot",
    meaning: (x) => 1 / Math.sqrt(x),
    gradient: ([x], g, y, b) => [b.map("mul", g, b.map("div", times(b, y, -0.5), x))], // -x^(-3/2) / 2
  },
  sin: {
    arity: 1,
    domain: "float",
    cost: 16,
    tolerance: "sin",
    meaning: Math.sin,
    gradient: ([x], g, _, b) => [b.map("mul", g, b.map("cos", x))],
  },
  cos: {
    arity: 1,
    domain: "float",
    cost: 16,
    tolerance: "cos",
    meaning: Math.cos,
    gradient: ([x], g, _, b) => [b.map("neg", b.map("mul", g, b.map("sin", x)))],
  },
  tanh: {
    arity: 1,
    domain: "float",
    cost: 16,
    tolerance: "tanh",
    meaning: Math.tanh,
    gradient: (_, g, y, b) => [b.map("mul", g, b.map("sub", b.fill(y, 1), b.map("mul", y, y)))], // 1 - tanh^2
  },
  erf: {
    arity: 1,
    domain: "float",
    cost: 16,
    tolerance: "erf",
    meaning: erf,
    // 2/sqrt(pi) exp(-x^2)
    gradient: ([x], g, _, b) => {
      const squared = b.map("mul", x, x);
      return [b.map("mul", g, times(b, b.map("exp", b.map("neg", squared)), two / sqrtPi))];
    },
  },
  floor: { arity: 1, domain: "float", cost: 1, meaning: Math.floor },
  ceil: { arity: 1, domain: "float", cost: 1, meaning: Math.ceil },
  round: { arity: 1, domain: "float", cost: 1, meaning: roundHalfEven },
  eq: { arity: 2, domain: "any", cost: 1, meaning: (x, y) => Number(x === y) },
  ne: { arity: 2, domain: "any", cost: 1, meaning: (x, y) => Number(x !== y) },
  lt: { arity: 2, domain: "number", cost: 1, meaning: (x, y) => Number(x < y) },
  le: { arity: 2, domain: "number", cost: 1, meaning: (x, y) => Number(x <= y) },
  gt: { arity: 2, domain: "number", cost: 1, meaning: (x, y) => Number(x > y) },
  ge: { arity: 2, domain: "number", cost: 1, meaning: (x, y) => Number(x >= y) },
  and: { arity: 2, domain: "bool", cost: 1, meaning: (x, y) => Number(x !== 0 && y !== 0) },
  or: { arity: 2, domain: "bool", cost: 1, meaning: (x, y) => Number(x !== 0 || y !== 0) },
  not: { arity: 1, domain: "bool", cost: 1, meaning: (x) => Number(x === 0) },
  select: {
    arity: 3,
    domain: "any",
    cost: 1,
    meaning: (x, y, z) => (x !== 0 ? y : z),
    gradient: ([c], g, _, b) => [null, keepWhere(b, c, g), dropWhere(b, c, g)],
  },
  stopGradient: { arity: 1, domain: "any", cost: 0, meaning: (x) => x, element: ([x]) => x },
} satisfies { readonly [Name in MapName]: Name extends ScalarFn ? AnyRow : AnyComposed };

/** Wraps a whole number into the integer dtype. */
function wrap(dtype: DType, value: number): number {
  if (dtype === "i32") return value | 0;
  return dtype === "u32" ? value >>> 0 : value;
}

/** Whether the op is the scalar function of its name: `rows` has an element wherever there is none. */
function isScalarFn(name: MapName): name is MapName & ScalarFn {
  const row: AnyRow = rows[name];
  return row.element === undefined;
}

function makeOp<N extends MapArity>(name: MapName, row: Row<N>): MapOp<NoAttrs, N> {
  return mapOp<NoAttrs, N>({
    name,
    arity: row.arity,
    schema: {},
    cost: row.cost,
    infer: (args) => inferMap(name, row.domain, args),
    ...(row.tolerance === undefined ? {} : { tolerance: row.tolerance }),
    ...(row.formula === undefined ? {} : { formula: (args) => row.formula?.(args) ?? atom(name) }),
    ...(row.gradient === undefined ? {} : { vjp: (node, g, build) => row.gradient?.(node.args, g, node, build) ?? [] }),
    evaluate: (args, _attrs, { dtype }) => elementwise(args, row, dtype),
    element(args, _attrs, _type, build) {
      if (row.element !== undefined) return row.element(args, build);
      if (!isScalarFn(name)) throw new CompilerBug(`${name} is no scalar function`);
      return build.apply(name, ...args);
    },
  });
}

function elementwise([x, y, z]: readonly NdArray[], row: Row<MapArity>, dtype: DType): NdArray {
  const count = x?.data.length ?? 0;
  const data = new Float64Array(count);
  const whole = isInteger(dtype);
  const meaning = whole && row.whole !== undefined ? row.whole : row.meaning;
  for (let i = 0; i < count; i++) {
    const value = meaning(x?.data[i] ?? 0, y?.data[i] ?? 0, z?.data[i] ?? 0);
    data[i] = whole ? wrap(dtype, value) : value;
  }
  return { dtype, shape: x?.shape ?? [], data };
}

const names = Object.keys(rows) as MapName[];

/** All element-wise primitives but `cast`, by name. */
export const mapOps = Object.fromEntries(names.map((name) => [name, makeOp<MapArity>(name, rows[name])])) as Readonly<
  Record<MapName, MapOp<NoAttrs, MapArity>>
>;

/** Converts to `attrs.dtype`, as `roundTo` says. Differentiable between floats. */
export const cast = mapOp({
  name: "cast",
  arity: 1,
  schema: { dtype: "dtype" },
  cost: 1,
  tolerance: "rounded",
  infer: ([{ shape }], { dtype }) => tensorType(dtype, shape),
  vjp({ args: [x], type }, g, build) {
    const from = x.type.dtype;
    return [isFloat(from) && isFloat(type.dtype) ? build.cast(g, from) : null];
  },
  evaluate: ([x], { dtype }) => ({ dtype, shape: x.shape, data: x.data.map((value) => roundTo(dtype, value)) }),
  element([value], { dtype }, _type, build) {
    const { apply, convert, valueTypeOf } = build;
    const type = valueTypeOf(dtype);
    if (dtype === "bool") return apply("ne", value, 0);
    // at once from an f64, as f32 in between would round twice; memory of short floats is not the only one to read the value
    if (isShort(dtype)) {
      const { rounding } = shortFloats[dtype];
      return convert(type, apply(rounding, isFloatValue(value) ? value : convert(type, value)));
    }
    return convert(type, dtype === "u8" ? clampByte(value, build) : value);
  },
});

function isFloatValue({ type }: Expr): boolean {
  return type === "f32" || type === "f64";
}

/** u8 values live in u32: saturate at 255 as the cast to u8 does. */
function clampByte(value: Expr, { apply, convert }: ExprBuilder): Expr {
  const whole = convert("u32", value);
  return apply("min", whole, 255);
}
