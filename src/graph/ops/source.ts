/**
 * Ops without data operands: what comes from outside (input, state), what is known (constant, iota, the size of a
 * dimension) and what is drawn (random).
 */

import { type DType, isFloat, isShort, roundTo, shortFloats } from "../../core/dtype.ts";
import { CompilerBug } from "../../core/errors.ts";
import { threefry2x32, uniformFromBits } from "../../core/random.ts";
import { sourceOp } from "../define.ts";
import { atom } from "../formula.ts";
import { generate, ndarray } from "../ndarray.ts";
import { bindDim, fixedShape, sizeOf, stridesOf } from "../shape.ts";
import { tensorType } from "../type.ts";

function fromOutside(name: "input" | "state") {
  return sourceOp({
    name,
    arity: 0,
    schema: { name: "name", dtype: "dtype", shape: "shape" },
    infer: (_, { dtype, shape }) => tensorType(dtype, shape),
    formula: (_, attrs) => atom(attrs.name),
    evaluate(_, attrs) {
      throw new CompilerBug(`${name} "${attrs.name}" has no value of its own`);
    },
  });
}

/** A tensor fed at each call; `attrs.name` is its path in the tree of inputs. */
export const input = fromOutside("input");

/** A tensor that persists; reading it means its value before the step. */
export const state = fromOutside("state");

/** A scalar known when compiling, rounded to its dtype, so that equal bits are one node. */
export const constant = sourceOp({
  name: "constant",
  arity: 0,
  schema: { dtype: "dtype", value: "number" },
  infer: (_, { dtype }) => tensorType(dtype, []),
  evaluate: (_, { dtype, value }) => ndarray(dtype, [], [value]),
  formula: (_, { value }) => ({ text: String(value), level: value < 0 ? 2 : 4 }),
  element: (_, { dtype, value }, _type, { pool, valueTypeOf }) => pool.constant(valueTypeOf(dtype), value),
});

/** Counts 0, 1, 2... along one axis. */
export const iota = sourceOp({
  name: "iota",
  arity: 0,
  schema: { dtype: "dtype", shape: "shape", axis: "number" },
  tolerance: "rounded",
  infer: (_, { dtype, shape }) => tensorType(dtype, shape),
  evaluate: (_, { dtype, shape, axis }) => generate(dtype, fixedShape(shape), (at) => roundTo(dtype, at[axis] ?? 0)),
  element(at, { dtype, axis }, _type, { apply, convert, valueTypeOf }) {
    const position = at[axis];
    if (position === undefined) throw new CompilerBug(`iota has no axis ${axis}`);
    const value = convert(valueTypeOf(dtype), position);
    return isShort(dtype) ? apply(shortFloats[dtype].rounding, value) : value;
  },
});

/** The size of a dimension as a scalar, so that a mean's divisor follows the specialization. */
export const size = sourceOp({
  name: "size",
  arity: 0,
  schema: { dtype: "dtype", dim: "dim" },
  tolerance: "rounded",
  infer: (_, { dtype }) => tensorType(dtype, []),
  evaluate: (_, { dtype, dim }) => ndarray(dtype, [], [roundTo(dtype, bindDim(dim, {}))]),
  element: (_, { dtype, dim }, _type, { pool, valueTypeOf }) =>
    pool.constant(valueTypeOf(dtype), roundTo(dtype, bindDim(dim, {}))),
});

/** The hidden state that random sources read: a word of the key, and the number of the call (`startOfDraws`, of the seed). */
export const randomState = "$random";

/**
 * Uniform numbers in [0, 1) (f32), or 32 random bits (u32), from Threefry-2x32-20 (Salmon et al. 2011): the key is (seed,
 * stream), the counter (calls of the entry, element index), so a value depends on nothing but where it stands.
 */
export const random = sourceOp({
  name: "random",
  arity: 1,
  schema: { shape: "shape", dtype: "dtype", stream: "number" },
  infer: (_, { dtype, shape }) => tensorType(dtype, shape),
  settle(graph, attrs, stream) {
    const counter = graph.node(state, [], { name: randomState, dtype: "u32", shape: [2] });
    return { args: [counter], attrs: { ...attrs, stream } };
  },
  evaluate([counter], { dtype, shape, stream }) {
    const [seed, calls] = [counter.data[0] ?? 0, counter.data[1] ?? 0];
    const fixed = fixedShape(shape);
    const bits = Array.from({ length: sizeOf(fixed) }, (_, i) => threefry2x32(seed, stream, calls, i)[0]);
    return ndarray(dtype, fixed, isFloat(dtype) ? bits.map(uniformFromBits) : bits);
  },
  element(at, { dtype, shape, stream }, _type, reads) {
    const { pool, apply, convert } = reads;
    const strides = stridesOf(fixedShape(shape));
    const terms = at.map((index, axis) => ({ factor: strides[axis] ?? 0, index }));
    const flat = reads.sumIndex(terms, 0, pool);
    const [seed, calls] = [reads.read(0, [pool.integer(0)]), reads.read(0, [pool.integer(1)])];
    const place = convert("u32", flat);
    const bits = apply("threefry", seed, stream, calls, place);
    if (!isFloat(dtype)) return bits;
    // 24 bits fill an f32 exactly: every value is a multiple of 2^-24, and 1 is never reached
    const type = reads.valueTypeOf(dtype);
    const whole = convert(type, apply("shiftRight", bits, 8));
    return apply("mul", whole, 2 ** -24);
  },
});

/** Rounds what a user wrote to the constant that the graph holds. */
export function constantAttrs(dtype: DType, value: number): { readonly dtype: DType; readonly value: number } {
  return { dtype, value: roundTo(dtype, value) };
}
