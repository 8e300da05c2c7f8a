/** The circle loss (Sun et al. 2020) of embeddings: samples of a class are drawn together, and others apart. */
import { number } from "../../core/options.ts";
import { add, and, arange, cast, equal, logSumExp, matmul, maximum, mul, not, notEqual, reshape, softplus, sub, sum, transpose, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option } from "../schema.ts";
import { finite, type Loss, lossOf, lossOptions, lossSchema } from "./loss.ts";

const circleOptions = lossOptions({
  /** How sharply the hardest pairs count most. 80 by default. */
  gamma: option(number({ above: 0 }), 80),
  /** How far pairs are to be on the right side. 0.4 by default. */
  margin: option(number({ from: 0, to: 1 }), 0.4),
});

/** Options of `circle`. */
export interface CircleOptions extends OptionsOf<typeof circleOptions> {}

export const circleSchema = lossSchema({
  name: "circle",
  options: circleOptions,
  labels: "numbers",
  range: finite,
  accuracy: null,
  each: "row",
  compute(rows, labels, { gamma, margin }) {
    const alike = matmul(rows, transpose(rows));
    const batch = rows.shape[0] ?? "batch";
    const column = <T extends Tensor>(x: T): Tensor => reshape(x, [batch, 1]);
    const row = (x: Tensor): Tensor => reshape(x, [1, batch]);
    const places: Tensor = arange(batch);
    const isOther = notEqual(column(places), row(places));
    const isSame = equal(column(labels), row(labels));
    const [near, far] = [and(isSame, isOther), not(isSame)];
    const pulled = mul(mul(maximum(sub(1 + margin, alike), 0), sub(alike, 1 - margin)), -gamma);
    const pushed = mul(mul(maximum(add(alike, margin), 0), sub(alike, margin)), gamma);
    const [pull, push] = [logSumOf(pulled, near), logSumOf(pushed, far)];
    const hasPairs = and(some(near), some(far));
    return where(hasPairs, softplus(where(hasPairs, add(pull, push), 0)), 0);
  },
});

/** Of rows of length 1, labels being class numbers. A sample that is alone in its class, or meets no other, counts 0. */
export function circle(options: CircleOptions = {}): Loss {
  return lossOf(circleSchema, options, arguments);
}

/** log(sum(exp)) along the rows of what is chosen. */
function logSumOf(x: Tensor, chosen: Mask): Tensor {
  return logSumExp(where(chosen, x, -1e9), { axis: -1 });
}

function some(pairs: Mask): Mask {
  return notEqual(sum(cast(pairs, "f32"), { axis: -1 }), 0);
}
