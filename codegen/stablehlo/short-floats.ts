/** Ops of f16 and bf16 are computed in f32 and rounded once, as on our own targets; XLA by itself leaves roundings out. */
import { type DType, isShort } from "../../src/core/dtype.ts";
import { type Hlo, typeText, type Value } from "./builder.ts";

export function widened(hlo: Hlo, x: Value): Value {
  return isShort(x.dtype) ? hlo.convert(x, "f32") : x;
}

/**
 * A conversion from bf16 takes one to bf16 before it away with its rounding (seen on the CPU with jax 0.10), but no
 * `reduce_precision`, which has the exponents of f32 and so keeps every number of bf16.
 */
export function narrowed(hlo: Hlo, x: Value, dtype: DType): Value {
  if (dtype !== "bf16") return hlo.convert(x, dtype);
  const rounded =
    x.dtype === "f32" ? hlo.one(x, `stablehlo.reduce_precision ${x.name}, format = e8m7 : ${typeText(x)}`) : x;
  return hlo.convert(rounded, dtype);
}
