/** Losses of regions: how much of what was marked is found, whatever its size. For segmentation. */
import { either, list, number, whole } from "../../core/options.ts";
import { add, div, mul, sub, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option } from "../schema.ts";
import { axisOf } from "./axis.ts";
import { epsilon, finite, type Loss, lossOf, lossOptions, lossSchema } from "./loss.ts";

const axis = option(either(whole(), list(whole())));
const ofRegions = { labels: "values", range: finite, accuracy: null, each: "batch" } as const;

/** Sums over some axes, or over all. */
function sumOver(x: Tensor, along: number | readonly number[] | undefined): Tensor {
  if (along === undefined) return sum(x);
  return sum(x, { axis: (typeof along === "number" ? [along] : along).map((it) => axisOf(x, it)) });
}

const diceOptions = lossOptions({
  /** Over which sums are taken. All by default, the batch too: one number for it, which weights for samples cannot weigh. */
  axis,
});

/** Options of `dice`. */
export interface DiceOptions extends OptionsOf<typeof diceOptions> {}

export const diceSchema = lossSchema({
  name: "dice",
  options: diceOptions,
  ...ofRegions,
  compute(output, wanted, { axis: along }) {
    const shared = sumOver(mul(wanted, output), along);
    const all = add(sumOver(wanted, along), sumOver(output, along));
    return sub(1, div(mul(shared, 2), add(all, epsilon)));
  },
});

/** 1 - 2 sum(target output) / (sum(target) + sum(output)). */
export function dice(options: DiceOptions = {}): Loss {
  return lossOf(diceSchema, options, arguments);
}

const share = number({ from: 0 });

const tverskyOptions = lossOptions({
  /** What is found and was not wanted weighs this. 0.5 by default. */
  alpha: option(share, 0.5),
  /** What was wanted and is not found weighs this. 0.5 by default. */
  beta: option(share, 0.5),
  /** Over which sums are taken. All by default, the batch too. */
  axis,
});

/** Options of `tversky`. */
export interface TverskyOptions extends OptionsOf<typeof tverskyOptions> {}

export const tverskySchema = lossSchema({
  name: "tversky",
  options: tverskyOptions,
  ...ofRegions,
  compute(output, wanted, { alpha, beta, axis: along }) {
    const shared = sumOver(mul(wanted, output), along);
    const extra = mul(sumOver(mul(sub(1, wanted), output), along), alpha);
    const missed = mul(sumOver(mul(wanted, sub(1, output)), along), beta);
    return sub(1, div(shared, add(add(shared, add(extra, missed)), epsilon)));
  },
});

/** 1 - shared / (shared + alpha extra + beta missed) (Salehi et al. 2017); with one half each it is `dice`. */
export function tversky(options: TverskyOptions = {}): Loss {
  return lossOf(tverskySchema, options, arguments);
}
