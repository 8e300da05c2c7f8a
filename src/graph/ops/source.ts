/**
 * Ops without data operands: what comes from outside (input, state), what is known (constant, iota, the size of a
 * dimension) and what is drawn (random).
 */

import { type DType, isFloat, roundTo } from "../../core/dtype.ts";
import { CompilerBug } from "../../core/errors.ts";
import { threefry2x32, uniformFromBits } from "../../core/random.ts";
import { apply, constant as constantExpr, convert, indexValue } from "../../kernel/build.ts";
import { constIndex, sumIndex } from "../../kernel/index-expr.ts";
import { valueTypeOf } from "../../kernel/kernel.ts";
import { generate, ndarray } from "../ndarray.ts";
import type { Graph, Node, SourceOp } from "../node.ts";
import { type Dim, fixedShape, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { tensorType } from "../type.ts";

type Leaf = { readonly name: string; readonly dtype: DType; readonly shape: Shape };

function fromOutside(name: string): SourceOp<Leaf> {
  return {
    name,
    kind: "source",
    infer: (_, { dtype, shape }) => tensorType(dtype, shape),
    evaluate(_, attrs) {
      throw new CompilerBug(`${name} "${attrs.name}" has no value of its own`);
    },
  };
}

/** A tensor fed at each call; `attrs.name` is its path in the tree of inputs. */
export const input = fromOutside("input");

/** A tensor that persists; reading it means its value before the step. */
export const state = fromOutside("state");

/** A scalar known when compiling, rounded to its dtype, so that equal bits are one node. */
export const constant: SourceOp<{ readonly dtype: DType; readonly value: number }> = {
  name: "constant",
  kind: "source",
  infer: (_, { dtype }) => tensorType(dtype, []),
  evaluate: (_, { dtype, value }) => ndarray(dtype, [], [value]),
  element: (_, { dtype, value }) => constantExpr(valueTypeOf(dtype), value),
};

/** Counts 0, 1, 2... along one axis. */
export const iota: SourceOp<{ readonly dtype: DType; readonly shape: Shape; readonly axis: number }> = {
  name: "iota",
  kind: "source",
  tolerance: "rounded",
  infer: (_, { dtype, shape }) => tensorType(dtype, shape),
  evaluate: (_, { dtype, shape, axis }) => generate(dtype, fixedShape(shape), (at) => roundTo(dtype, at[axis] ?? 0)),
  element(at, { dtype, axis }) {
    const position = at[axis];
    if (position === undefined) throw new CompilerBug(`iota has no axis ${axis}`);
    const value = convert(valueTypeOf(dtype), indexValue(position));
    return dtype === "f16" ? apply("roundHalf", value) : value;
  },
};

/** The size of a dimension as a scalar, so that a mean's divisor follows the specialization. `shape` is [that dimension]. */
export const size: SourceOp<{ readonly dtype: DType; readonly shape: readonly [Dim] }> = {
  name: "size",
  kind: "source",
  tolerance: "rounded",
  infer: (_, { dtype }) => tensorType(dtype, []),
  evaluate: (_, { dtype, shape }) => ndarray(dtype, [], [roundTo(dtype, fixedShape(shape)[0] ?? 0)]),
  element: (_, { dtype, shape }) => constantExpr(valueTypeOf(dtype), roundTo(dtype, fixedShape(shape)[0] ?? 0)),
};

/** The hidden state that random sources read: a word of the key, and the number of the call (`startOfDraws`, of the seed). */
export const randomState = "$random";

type RandomAttrs = { readonly shape: Shape; readonly dtype: DType; readonly stream: number };

/**
 * Uniform numbers in [0, 1) (f32), or 32 random bits (u32), from Threefry-2x32-20 (Salmon et al. 2011): the key is (seed,
 * stream), the counter (calls of the entry, element index), so a value depends on nothing but where it stands.
 */
export const random: SourceOp<RandomAttrs> = {
  name: "random",
  kind: "source",
  infer: (_, { dtype, shape }) => tensorType(dtype, shape),
  settle(graph: Graph, attrs, stream) {
    const counter: Node = graph.node(state, [], { name: randomState, dtype: "u32", shape: [2] });
    return { args: [counter], attrs: { ...attrs, stream } };
  },
  evaluate([counter], { dtype, shape, stream }) {
    const [seed, calls] = [counter?.data[0] ?? 0, counter?.data[1] ?? 0];
    const fixed = fixedShape(shape);
    const bits = Array.from({ length: sizeOf(fixed) }, (_, i) => threefry2x32(seed, stream, calls, i)[0]);
    return ndarray(dtype, fixed, isFloat(dtype) ? bits.map(uniformFromBits) : bits);
  },
  element(at, { dtype, shape, stream }, _type, reads) {
    const strides = stridesOf(fixedShape(shape));
    const flat = sumIndex(at.map((index, axis) => ({ factor: strides[axis] ?? 0, index })));
    const [seed, calls] = [reads.read(0, [constIndex(0)]), reads.read(0, [constIndex(1)])];
    const place = convert("u32", indexValue(flat));
    const bits = apply("threefry", seed, constantExpr("u32", stream), calls, place);
    if (!isFloat(dtype)) return bits;
    // 24 bits fill an f32 exactly: every value is a multiple of 2^-24, and 1 is never reached
    const type = valueTypeOf(dtype);
    const whole = convert(type, apply("shiftRight", bits, constantExpr("u32", 8)));
    return apply("mul", whole, constantExpr(type, 2 ** -24));
  },
};

/** Rounds what a user wrote to the constant that the graph holds. */
export function constantAttrs(dtype: DType, value: number): { readonly dtype: DType; readonly value: number } {
  return { dtype, value: roundTo(dtype, value) };
}
