/**
 * Single expressions: their values, and their formulas.
 *
 *   await evaluate(() => add(1, 2))                                     3
 *   await evaluate(({ x }) => sum(x), { x: new Float64Array(9) }, { target: "js" })
 *   await evaluate(({ x }) => grad(mul(x, x), x), { x: 3 })             6, the derivative at x = 3
 *   formula(({ w }) => grad(pow(w, 3), w), { w: f32() })                "3w²"
 *
 * An expression is compiled as a program with one entry, like everything else; for one that is needed often, write the
 * program and keep its executable.
 */
import { afterPass, compile } from "../compile.ts";
import { type DType, dtypes } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, checkValue, type OptionTable, object, show } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { checkFunction, dtypeKind, refusePromise } from "../dsl/check.ts";
import { type Program, program } from "../dsl/program.ts";
import { InputSpec, type TensorsOf } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import type { Entry } from "../graph/entry.ts";
import { printFormula } from "../graph/formula.ts";
import { printShape } from "../graph/shape.ts";
import type { NestedNumbers } from "../runtime/host-values.ts";
import { type ArrayOf, arrayTypeOf, type TypedArray } from "../runtime/typed-arrays.ts";
import type { ValueOf } from "../runtime/value-types.ts";
import { type TargetOptions, targetTable } from "../targets.ts";

/** A number; a list of lists of numbers, whose nesting is its shape; or a typed array, a vector. */
export type Value = number | NestedNumbers | TypedArray;
export type NamedValues = Readonly<Record<string, Value>>;

/** Numbers are scalars; lists have a shape that the types do not know. */
export type TensorsAt<V, D extends DType> = {
  readonly [K in keyof V]: V[K] extends number
    ? Tensor<[], D>
    : Tensor<readonly (number | string)[], V[K] extends TypedArray ? DTypeOfArray<V[K], D> : D>;
};

/** Of dtypes with the same arrays the wanted one, else the first: a Uint8Array holds u8, a Uint16Array f16. */
type DTypeOfArray<A, Wanted extends DType> =
  A extends ArrayOf<Wanted>
    ? Wanted
    : { [D in Exclude<DType, "bool" | "bf16">]: A extends ArrayOf<D> ? D : never }[Exclude<DType, "bool" | "bf16">];

/** How an expression is computed. */
export interface EvaluateExpressionOptions<D extends DType> extends TargetOptions {
  /** What given numbers and lists are, "f32" by default; a typed array says it itself, but for u8 or bool, and f16 or bf16. */
  readonly dtype?: D;
  /** What computes it; "js" by default. */
  readonly target?: NonNullable<TargetOptions["target"]>;
}

const optionTable: OptionTable<EvaluateExpressionOptions<DType>> = { ...targetTable, dtype: dtypeKind };

/**
 * The value of an expression, or of a tree of them: a number for a scalar, a typed array otherwise. `at` gives the values
 * of what the expression depends on.
 */
export async function evaluate<T>(expression: () => T): Promise<ValueOf<T>>;
export async function evaluate<T, const V extends NamedValues, D extends DType = "f32">(
  expression: (values: TensorsAt<V, D>) => T,
  at: V,
  options?: EvaluateExpressionOptions<D>,
): Promise<ValueOf<T>>;
export async function evaluate(
  expression: (values: never) => unknown,
  at: NamedValues = {},
  options: EvaluateExpressionOptions<DType> = {},
): Promise<unknown> {
  checkArguments("evaluate", arguments, 3);
  const origin = here("evaluate");
  checkFunction("evaluate", expression, "the expression");
  const place = { before: "expression, values, ", origin };
  const { dtype = "f32", ...where } = checkOptions("evaluate", options, optionTable, place);
  const values = checkValue(
    "evaluate",
    "what comes behind the expression",
    at,
    object<NamedValues>(valuesByName),
    origin,
  );
  const inputs = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, specOf(name, value, dtype)]));
  const single: Program<Record<string, unknown>> = program({
    inputs,
    step(tensors) {
      const outputs = expression(tensors as never);
      refusePromise("evaluate: the expression", outputs, origin);
      return { outputs };
    },
  });
  const executable = await compile(single, { ...where, target: where.target ?? "js" });
  try {
    return await executable.run({ entry: "step", feeds: at });
  } finally {
    executable.dispose();
  }
}

/** An expression as a person would write it, derivatives worked out: "2w". Meant for small ones. */
export function formula<const I extends Readonly<Record<string, InputSpec>>>(
  expression: (inputs: TensorsOf<I>) => Tensor,
  inputs: I,
): string {
  checkArguments("formula", arguments, 2);
  checkFunction("formula", expression, "the expression");
  checkValue("formula", "what comes behind the expression", inputs, object("the inputs by name: { w: f32() }"));
  const single = program({ inputs, step: (tensors) => ({ outputs: expression(tensors) }) });
  const [output] = afterPass(single.entries.get("step") as Entry, "simplify").outputs;
  if (output === undefined) throw new UserError(`formula: the expression is no tensor${atLine(here("formula"))}`);
  return printFormula(output.node);
}

const valuesByName = "the values by name: { x: [1, 2], w: new Float32Array(2) }";

function specOf(name: string, value: Value, dtype: DType): InputSpec {
  if (!ArrayBuffer.isView(value)) return new InputSpec(shapeOf(name, value), dtype);
  const own = [dtype, ...dtypes].find((candidate) => value instanceof arrayTypeOf(candidate));
  if (own !== undefined) return new InputSpec([value.length], own);
  const known = [...new Set(dtypes.map((candidate) => arrayTypeOf(candidate).name))].join(", ");
  throw new UserError(`evaluate: "${name}" must be one of ${known}, not ${show(value)}${atLine(here("evaluate"))}`);
}

function shapeOf(name: string, value: Value): number[] {
  const shape: number[] = [];
  let inner: unknown = value;
  while (Array.isArray(inner)) {
    shape.push(inner.length);
    inner = inner[0];
  }
  if (typeof inner !== "number" && typeof inner !== "boolean" && shape.at(-1) !== 0) {
    const wanted = "a number, lists of numbers or a typed array";
    throw new UserError(`evaluate: "${name}" must be ${wanted}, not ${show(value)}${atLine(here("evaluate"))}`);
  }
  if (!hasShape(value, shape)) {
    const wanted = `lists of equal lengths, as the first are (${printShape(shape)})`;
    throw new UserError(`evaluate: "${name}" must have ${wanted}, and numbers in them${atLine(here("evaluate"))}`);
  }
  return shape;
}

function hasShape(value: unknown, [size, ...inner]: readonly number[]): boolean {
  if (size === undefined) return typeof value === "number" || typeof value === "boolean";
  return Array.isArray(value) && value.length === size && value.every((part) => hasShape(part, inner));
}
