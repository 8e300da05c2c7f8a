/** Muon (Jordan et al. 2024): momentum made orthogonal for matrices, and Adam for everything else. */
import { flag, number, whole } from "../../core/options.ts";
import { add, div, matmul, mul, sqrt, square, sub, sum, transpose } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option, type ValuesOf } from "../schema.ts";
import { adamStep } from "./adam.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";
import { isMeant, patternsKind } from "./weight-pattern.ts";

const coefficient = number();

const options = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** Of Adam, for weights that are no matrices: how much of the running mean of gradients is kept. 0.9 by default. */
  adamBeta1: option(share, 0.9),
  /** How much of the running mean of their squares is kept. 0.999 by default. */
  adamBeta2: option(share, 0.999),
  /** Added to the root of the mean of squares. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
  /** What Adam's learning rate is of the other. 1 by default. */
  adamLrRatio: option(notNegative, 1),
  /** How much of the last momentum a matrix keeps. 0.95 by default. */
  momentum: option(share, 0.95),
  /** Look ahead by the momentum. True by default. */
  nesterov: option(flag, true),
  /** How many Newton-Schulz steps make a momentum orthogonal. 5 by default. */
  nsSteps: option(whole({ from: 1 }), 5),
  /** The polynomial of such a step: a * x + b * x³ + c * x⁵. 3.4445 by default. */
  muonA: option(coefficient, 3.4445),
  /** -4.775 by default. */
  muonB: option(coefficient, -4.775),
  /** 2.0315 by default. */
  muonC: option(coefficient, 2.0315),
  /** The size of a step's numbers, times sqrt(max(rows, columns)). 0.2 by default; with 0 a step is as the orthogonal matrix is. */
  rmsRate: option(notNegative, 0.2),
  /** Matrices that are left to Adam: those whose path ("dense1.kernel") has such a text in it, or matches. None by default. */
  excludeLayers: option(patternsKind, []),
  /** Leave tables of embeddings to Adam: paths with "embedding" in them. True by default. */
  excludeEmbeddings: option(flag, true),
  /** The share of each matrix that an update takes away, times the learning rate. 0.004 by default. */
  weightDecay: option(notNegative, 0.004),
  /** The same for what is left to Adam. 0.004 by default. */
  adamWeightDecay: option(notNegative, 0.004),
};

/** Options of Muon. */
export interface MuonOptions extends OptionsOf<typeof options>, Omit<CommonOptimizerOptions, "weightDecay"> {}

type Values = ValuesOf<typeof options>;
type Sizes = readonly number[];

/** A matrix that is no table of embeddings. */
function isMatrix(sizes: readonly unknown[], { excludeLayers, excludeEmbeddings }: Values, path: string): boolean {
  if (sizes.length !== 2 || (excludeEmbeddings && path.toLowerCase().includes("embedding"))) return false;
  return !excludeLayers.some((pattern) => isMeant(pattern, path));
}

export const muonSchema = optimizerSchema({
  name: "muon",
  options,
  moments: {
    m: {},
    v: {
      shape: (sizes: Sizes, given: Values, path: string): Sizes | null => (isMatrix(sizes, given, path) ? null : sizes),
    },
  },
  counts: true,
  decay: (given, sizes, path) => (isMatrix(sizes, given, path) ? given.weightDecay : given.adamWeightDecay),
  update(parameter, { m: before, v }, given) {
    const { w, g, lr, path } = parameter;
    const { adamBeta1, adamBeta2, epsilon, adamLrRatio, momentum, nesterov } = given;
    if (v !== undefined) {
      const slow = adamLrRatio === 1 ? lr : mul(lr, adamLrRatio);
      return adamStep({ ...parameter, lr: slow }, { m: before, v }, { beta1: adamBeta1, beta2: adamBeta2, epsilon });
    }
    if (!isMatrix(w.shape, given, path)) return { w, m: before, v: undefined };
    const m = add(mul(before, momentum), g);
    const direction = orthogonal(nesterov ? add(g, mul(m, momentum)) : m, given);
    return { m, v: undefined, w: sub(w, mul(mul(lr, scaleOf(w, given)), direction)) };
  },
});

function scaleOf({ shape }: Tensor, { rmsRate }: Values): number {
  const [rows = 1, columns = 1] = shape.map(Number);
  return rmsRate > 0 ? rmsRate * Math.sqrt(Math.max(rows, columns)) : 1;
}

/** The matrix with its singular values brought near 1, by Newton-Schulz steps on the smaller of its two sides. */
function orthogonal(x: Tensor, { nsSteps, muonA: a, muonB: b, muonC: c }: Values): Tensor {
  const [rows = 1, columns = 1] = x.shape.map(Number);
  const isTall = rows > columns;
  const wide: Tensor = isTall ? transpose(x) : x;
  let found: Tensor = div(wide, add(sqrt(sum(square(wide))), 1e-7));
  for (let i = 0; i < nsSteps; i++) {
    const gram: Tensor = matmul(found, transpose(found));
    const mixed: Tensor = add(mul(gram, b), mul(matmul(gram, gram), c));
    found = add(mul(found, a), matmul(mixed, found));
  }
  return isTall ? transpose(found) : found;
}

/**
 * For a matrix m = momentum * m + g, and w -= lr * rmsRate * sqrt(max(rows, columns)) * orthogonal(g + momentum * m); for everything else
 * AdamW at the same rate.
 */
export function muon(options: MuonOptions = {}): Optimizer<"m" | "v"> {
  return optimizerOf(muonSchema, options, arguments);
}
