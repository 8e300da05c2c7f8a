/**
 * Indexes that grow from lane to lane, as i32x4.
 *
 *   8*i + l        i32x4.splat of 8*i, and [0, 1, 2, 3] added
 *
 * Where the engine joins vectors, the loops' counters are splat and what is done to them is done in lanes: of two neighbours it takes splats
 * for one where they are of one local, and it knows two equal sums of scalars for different ones.
 */
import { splitOffset } from "../../src/kernel/index-expr.ts";
import type { Index } from "../../src/kernel/kernel.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import type { WasmContext } from "./context.ts";
import { writeScalar } from "./scalar.ts";

/** `first`, `first` + stride, ... */
export function writeSteps(first: Index, stride: number, context: WasmContext): void {
  const { f, module } = context;
  const { moving, offset } = module.joinsVectors ? splitOffset(first) : { moving: first, offset: 0 };
  if (module.joinsVectors && moving.kind === "sum") writeTerms(moving.terms, context);
  else writeSplat(moving, context);
  f.constV128(new Uint8Array(Int32Array.from({ length: laneCount }, (_, lane) => lane * stride + offset).buffer));
  f.op("i32x4.add");
}

function writeTerms(terms: (Index & { readonly kind: "sum" })["terms"], context: WasmContext): void {
  const { f } = context;
  for (const [i, { factor, index }] of terms.entries()) {
    writeSplat(index, context);
    if (factor !== 1) {
      f.splatI32(factor);
      f.op("i32x4.mul");
    }
    if (i > 0) f.op("i32x4.add");
  }
}

function writeSplat(index: Index, context: WasmContext): void {
  writeScalar(index, context);
  context.f.op("i32x4.splat");
}
