/**
 * Ops whose element places depend on values. An index out of range gives zero (one-hot: a row of zeros); feeds that are
 * used as labels are checked against the range before a step.
 */
import { CompilerBug, ShapeError } from "../../errors.ts";
import { apply, constant, convert, indexValue } from "../../kernel/build.ts";
import { valueTypeOf } from "../../kernel/kernel.ts";
import { type DType, isInteger } from "../dtype.ts";
import { generate, ndarray, reader } from "../ndarray.ts";
import type { IndexOp } from "../node.ts";
import { fixedShape } from "../shape.ts";
import { type NodeType, printType, tensorType, typeOf } from "../type.ts";

/** 1 at the index along a new last axis of `depth`, 0 elsewhere. */
export const oneHot: IndexOp<{ readonly depth: number; readonly dtype: DType }> = {
  name: "oneHot",
  kind: "index",
  infer([labels], { depth, dtype }) {
    const type = typeOf({ type: labels as NodeType });
    if (!isInteger(type.dtype)) throw new ShapeError(`labels must be integers, not ${printType(type)}`);
    if (!Number.isSafeInteger(depth) || depth < 0) throw new ShapeError(`the depth must be a known size, not ${depth}`);
    return tensorType(dtype, [...type.shape, depth]);
  },
  evaluate([labels], { dtype }, type) {
    const read = reader(labels ?? ndarray("i32", [0], []));
    return generate(dtype, fixedShape(type.shape), (at) => Number(read(at.slice(0, -1)) === at[at.length - 1]));
  },
  element(at, { dtype }, _type, reads) {
    const last = at[at.length - 1];
    if (last === undefined) throw new CompilerBug("oneHot of rank 0");
    const label = convert("i32", reads.read(0, at.slice(0, -1)));
    const isLabel = apply("eq", label, indexValue(last));
    const type = valueTypeOf(dtype);
    return type === "bool" ? isLabel : apply("select", isLabel, constant(type, 1), constant(type, 0));
  },
};
