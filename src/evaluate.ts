/**
 * Single expressions: their values, and their formulas.
 *
 *   await evaluate(() => add(1, 2))                                     3
 *   await evaluate(({ x }) => grad(mul(x, x), x), { x: 3 })             6, the derivative at x = 3
 *   formula(({ w }) => grad(pow(w, 3), w), { w: f32() })                "3w²"
 *
 * An expression is compiled as a program with one entry, like everything else; for one that is needed often, write the
 * program and keep its executable.
 */
import { afterPass, compileOn } from "./compile.ts";
import { type Program, program } from "./dsl/program.ts";
import { InputSpec, type TensorsOf } from "./dsl/spec.ts";
import type { Tensor } from "./dsl/tensor.ts";
import { UserError } from "./errors.ts";
import type { DType } from "./graph/dtype.ts";
import type { Entry } from "./graph/entry.ts";
import { atLine, here } from "./graph/origin.ts";
import { printFormula } from "./graph/print.ts";
import type { ValueOf } from "./runtime/executable.ts";
import type { NestedNumbers } from "./runtime/host-values.ts";
import { jsTarget } from "./targets.ts";

/** A number, or a list of lists of numbers: its nesting is its shape. */
export type Value = number | NestedNumbers;
type Values = Readonly<Record<string, Value>>;

/** Numbers are scalars; lists have a shape that the types do not know. */
export type TensorsAt<V, D extends DType> = {
  readonly [K in keyof V]: V[K] extends number ? Tensor<[], D> : Tensor<readonly (number | string)[], D>;
};

export interface EvaluateExpressionOptions<D extends DType> {
  /** What the given values are; "f32" by default. */
  readonly dtype?: D;
}

/**
 * The value of an expression, or of a tree of them: a number for a scalar, a typed array otherwise. `at` gives the values
 * of what the expression depends on.
 */
export async function evaluate<T>(expression: () => T): Promise<ValueOf<T>>;
export async function evaluate<T, const V extends Values, D extends DType = "f32">(
  expression: (values: TensorsAt<V, D>) => T,
  at: V,
  options?: EvaluateExpressionOptions<D>,
): Promise<ValueOf<T>>;
export async function evaluate(
  expression: (values: never) => unknown,
  at: Values = {},
  { dtype = "f32" }: EvaluateExpressionOptions<DType> = {},
): Promise<unknown> {
  const inputs = Object.fromEntries(
    Object.entries(at).map(([name, value]) => [name, new InputSpec(shapeOf(name, value), dtype)]),
  );
  const single: Program<Record<string, unknown>> = program({
    inputs,
    step: (tensors) => ({ outputs: expression(tensors as never) }),
  });
  const executable = await compileOn(single, jsTarget, {});
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
  const single = program({ inputs, step: (tensors) => ({ outputs: expression(tensors) }) });
  const [output] = afterPass(single.entries.get("step") as Entry, "simplify").outputs;
  if (output === undefined) throw new UserError(`formula: the expression is no tensor${atLine(here("formula"))}`);
  return printFormula(output.node);
}

function shapeOf(name: string, value: Value): number[] {
  const shape: number[] = [];
  let inner: unknown = value;
  while (Array.isArray(inner)) {
    shape.push(inner.length);
    inner = inner[0];
  }
  if (typeof inner !== "number" && typeof inner !== "boolean" && shape.at(-1) !== 0) {
    throw new UserError(`evaluate: "${name}" must be a number or lists of numbers${atLine(here("evaluate"))}`);
  }
  return shape;
}
