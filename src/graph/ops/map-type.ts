/**
 * The type rule of element-wise ops: how many operands, of which dtypes, all of one shape.
 */

import { type DType, isFloat } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import type { MapName } from "../op-names.ts";
import { sameShape } from "../shape.ts";
import { printType, type TensorType, tensorType } from "../type.ts";

/** Operand dtypes that an element-wise op is for. */
export type Domain = "number" | "float" | "bool" | "any";

const comparisons: ReadonlySet<MapName> = new Set<MapName>(["eq", "ne", "lt", "le", "gt", "ge"]);

function fits(domain: Domain, dtype: DType): boolean {
  switch (domain) {
    case "any":
      return dtype !== "u8";
    case "bool":
      return dtype === "bool";
    case "float":
      return isFloat(dtype);
    case "number":
      return dtype !== "bool" && dtype !== "u8";
  }
}

/** The type of the result: that of the operands, or bool. Throws ShapeError where they do not fit. */
export function inferMap(name: MapName, domain: Domain, types: readonly TensorType[]): TensorType {
  const start = name === "select" ? 1 : 0;
  const first = types[start];
  if (first === undefined) throw new ShapeError("takes operands");
  if (name === "select" && types[0]?.dtype !== "bool") throw new ShapeError(`the condition must be bool`);
  for (let i = 0; i < types.length; i += 1) {
    if (!sameShape(types[i]?.shape ?? [], first.shape)) throw new ShapeError("operands differ in shape");
  }
  for (let i = start; i < types.length; i += 1) {
    const type = types[i] ?? first;
    if (type.dtype !== first.dtype) throw new ShapeError(`dtypes ${first.dtype} and ${type.dtype} differ: cast one`);
    if (!fits(domain, type.dtype)) throw new ShapeError(`is not defined for ${printType(type)}: cast it first`);
  }
  return comparisons.has(name) ? tensorType("bool", first.shape) : first;
}
