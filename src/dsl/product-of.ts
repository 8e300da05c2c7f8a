/** The product of matrices, batch by batch, as some call's: its nodes tell what the user called. */
import type { Origin } from "../core/origin.ts";
import { contract } from "../graph/ops/contract.ts";
import { applyOp } from "./build.ts";
import type { Tensor } from "./tensor.ts";

/** Both have the same rank, at least 2. */
export function productOf(a: Tensor, b: Tensor, origin: Origin): Tensor {
  const rank = a.shape.length;
  const batch = a.shape.slice(2).map((_, i) => i);
  const attrs = { batchLeft: batch, batchRight: batch, sumLeft: [rank - 1], sumRight: [rank - 2] };
  return applyOp(contract, [a, b], attrs, origin);
}
