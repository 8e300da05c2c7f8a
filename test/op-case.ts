/**
 * What a case of an op is, how cases become programs, and the numbers they are fed. The table is in op-cases.ts.
 */

import { type DType, isFloat, type ShortFloat } from "../src/core/dtype.ts";
import { RandomStream } from "../src/core/random.ts";
import * as ops from "../src/dsl/ops.ts";
import { grad } from "../src/dsl/ops.ts";
import { type Program, program } from "../src/dsl/program.ts";
import { InputSpec } from "../src/dsl/spec.ts";
import type { Tensor } from "../src/dsl/tensor.ts";
import { type Shape, sizeOf } from "../src/graph/shape.ts";
import type { FlatFeeds } from "./program-oracle.ts";

export interface CaseInput {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly low: number;
  readonly high: number;
}

/** What may be off is not said here: it follows from the op table (error-bound.ts). */
export interface OpCase {
  /** "map add", "view pad", "composite softmax". */
  readonly op: string;
  readonly inputs: readonly CaseInput[];
  readonly make: (inputs: readonly Tensor[]) => Tensor;
  /** False where nothing flows, by definition. */
  readonly gradient: boolean;
}

/** The floats of 16 bits. */
export const shortTypes: readonly ShortFloat[] = ["f16", "bf16"];

/** The short floats that a case computes in, if it does: the last word of its name. */
export function shortOf({ op }: OpCase): ShortFloat | undefined {
  return shortTypes.find((dtype) => op.endsWith(` of ${dtype}`));
}

export type Make = (x: Tensor, y: Tensor, z: Tensor) => unknown;
export type Range = readonly [low: number, high: number];

/** Drawn in steps that are no powers of two, so that sums of two numbers round. */
export const wide: Range = [-2.1, 1.9];

export const input = (shape: readonly number[], [low, high]: Range = wide, dtype: DType = "f32"): CaseInput => {
  return { shape, dtype, low, high };
};
export const whole = (shape: readonly number[], low: number, high: number): CaseInput =>
  input(shape, [low, high], "i32");

export function one(op: string, inputs: readonly CaseInput[], make: Make, change: Partial<OpCase> = {}): OpCase {
  const given = ([x, y, z]: readonly Tensor[]): Tensor => make(x as Tensor, y as Tensor, z as Tensor) as Tensor;
  const gradient = inputs.some(({ dtype }) => isFloat(dtype));
  return { op, inputs, make: given, gradient, ...change };
}

/** Cases of one program: `c3.y` is the value of the third, `c3.loss` its sum under weights, `c3.g0` gradients of that. */
export function caseProgram(cases: readonly OpCase[]): Program<unknown> {
  const inputs = Object.fromEntries(
    cases.flatMap((c, n) => c.inputs.map(({ shape, dtype }, i) => [`c${n}x${i}`, new InputSpec(shape, dtype)])),
  );
  return program({
    inputs,
    step: (given: Readonly<Record<string, Tensor>>) => ({
      outputs: Object.fromEntries(
        cases.map((c, n) => [
          `c${n}`,
          outputsOf(
            c,
            c.inputs.map((_, i) => given[`c${n}x${i}`] as Tensor),
          ),
        ]),
      ),
    }),
  }) as Program<unknown>;
}

function outputsOf(c: OpCase, inputs: readonly Tensor[]): Record<string, Tensor> {
  const y = c.make(inputs);
  if (!c.gradient || !isFloat(y.dtype)) return { y };
  const count = sizeOf(y.shape as readonly number[]);
  // every step is exact, so the weights add nothing to what a gradient may be off by
  const places = ops.mod(ops.mul(ops.arange(count), 7) as Tensor, 29) as Tensor;
  const weights = ops.reshape(ops.sub(ops.cast(places, "f32"), 13.5) as Tensor, y.shape as Shape) as Tensor;
  const loss = ops.sum(ops.mul(y, weights) as Tensor) as Tensor;
  const gradients = inputs.flatMap((x, i) => (isFloat(x.dtype) ? [[`g${i}`, grad(loss, x) as Tensor]] : []));
  return { y, loss, ...Object.fromEntries(gradients) };
}

/** Numbers for the inputs of the cases, the same for the same place in the list. */
export function caseFeeds(cases: readonly OpCase[]): FlatFeeds {
  const feeds: Record<string, number[]> = {};
  cases.forEach((c, n) => {
    c.inputs.forEach(({ shape, dtype, low, high }, i) => {
      const stream = new RandomStream(3, `${c.op} ${shape} ${i}`);
      feeds[`c${n}x${i}`] = Array.from({ length: sizeOf(shape) }, () => {
        const value = stream.uniform(low, high);
        if (isFloat(dtype)) return Math.fround(value);
        return dtype === "bool" ? Number(value > (low + high) / 2) : Math.floor(value);
      });
    });
  });
  return feeds;
}
