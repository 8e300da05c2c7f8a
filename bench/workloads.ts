/**
 * What is measured, as data: every system gets the same shapes, starting weights and batches (see data.ts).
 *
 *   step         one training step of 784-512-10 on a fresh batch, up to and including the loss as a number on the host
 *   net          the same of a network with Adam (nets.ts)
 *   perExample   the same of 784-512-10 with the gradient of each image, cut to norm 1, and SGD
 *   matmul       c = a b, square
 *   chain        z = max(x + y, 0), `calls` times
 *   softmax      along the rows of a matrix
 *   layerNorm    the same, without scale and shift, epsilon 1e-5
 *   contraction  one contraction as it stands in a step: operands may lie transposed in memory. tensorloom alone.
 *   map          an element-wise expression of a few operations. tensorloom alone.
 *   floor        the fastest this machine does something, by hand. The `floor` process alone.
 */

import { type NetWorkload, netFlops, netTitle, netWorkload } from "./nets.ts";

export type OptimizerName = "sgd" | "rmsprop" | "adam";
export type MapName = "add" | "axpy" | "relu-add" | "lerp";
/** `flops`: multiply-adds in 128-bit vectors. `copy`, `memmove`: bytes. The others: the loops of tensorloom, by hand. */
export type FloorName = LoopName | "contraction-js";
export type LoopName = "flops" | "copy" | "memmove" | "softmax" | "layerNorm" | "softmax-js" | "layerNorm-js";

export interface ContractionWorkload {
  readonly kind: "contraction";
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Which operand lies transposed in memory. */
  readonly transposed: "none" | "left" | "right";
}

export type Workload =
  | { readonly kind: "step"; readonly batch: number; readonly optimizer: OptimizerName }
  | NetWorkload
  | { readonly kind: "perExample"; readonly batch: number }
  | { readonly kind: "matmul"; readonly n: number }
  | { readonly kind: "chain"; readonly shape: readonly [number, number]; readonly calls: number }
  | { readonly kind: "softmax" | "layerNorm"; readonly rows: number; readonly columns: number }
  | ContractionWorkload
  | { readonly kind: "map"; readonly map: MapName; readonly count: number }
  | { readonly kind: "floor"; readonly floor: LoopName }
  | { readonly kind: "floor"; readonly floor: "contraction-js"; readonly of: ContractionWorkload };

/** The network of the main job. */
export const network = { inputs: 784, hidden: 512, classes: 10 } as const;
/** Different images that the batches of the steps cycle through. */
export const poolSize = 4096;
/** Random numbers that other workloads take their operands from: two matrices of 2048 x 2048. */
export const numbersSize = 2 ** 23;
/** Elements of maps and copies that no cache holds. */
export const large = 2 ** 22;
export const rows = { rows: 2048, columns: 512 } as const;
export const layerNormEpsilon = 1e-5;

/** Constants of the optimizers: the defaults of Keras 3. The formulas are those of src/nn/optimizers. */
export const constants = {
  sgd: { learningRate: 0.01 },
  rmsprop: { learningRate: 1e-3, rho: 0.9, epsilon: 1e-7 },
  adam: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
} as const;

export const mainStep = { kind: "step", batch: 128, optimizer: "rmsprop" } as const satisfies Workload;
export const c5 = netWorkload("c5", 512);
export const conv2 = netWorkload("conv2", 128);
export const lstm = netWorkload("lstm", 32);
export const block = netWorkload("block", 16);
export const perExample = { kind: "perExample", batch: 128 } as const satisfies Workload;
const optimizers: readonly OptimizerName[] = ["sgd", "rmsprop", "adam"];

/** What all systems are compared on. */
export const compared: readonly Workload[] = [
  mainStep,
  ...[32, 128, 512, 2048].flatMap((batch) =>
    optimizers
      .filter((optimizer) => batch !== mainStep.batch || optimizer !== mainStep.optimizer)
      .map((optimizer) => ({ kind: "step", batch, optimizer }) as const),
  ),
  c5,
  conv2,
  lstm,
  block,
  perExample,
  ...[256, 512, 1024, 2048].map((n) => ({ kind: "matmul", n }) as const),
  { kind: "chain", shape: [20, 100], calls: 1000 },
  { kind: "chain", shape: [2048, large / 2048], calls: 1 },
  { kind: "softmax", ...rows },
  { kind: "layerNorm", ...rows },
];

/** The contractions of the step: forward, weight gradient, input gradient. */
const stepShapes = [
  [128, 784, 512],
  [784, 128, 512],
  [128, 512, 784],
] as const;
export const contractions = stepShapes.flatMap(([m, k, n]) =>
  (["none", "left", "right"] as const).map(
    (transposed) => ({ kind: "contraction", m, k, n, transposed }) as const satisfies Workload,
  ),
);
/** Shapes that divide no tile, each with the one it is held against. */
export const oddContractions = stepShapes.map(
  ([m, k, n]) =>
    ({ kind: "contraction", m: m - 1, k: k - 3, n: n - 3, transposed: "none" }) as const satisfies Workload,
);

/** The two that nearly all of a step is, as it has them: forward, and the weight gradient from the same images. */
export const jsContractions: readonly ContractionWorkload[] = [
  { kind: "contraction", m: 128, k: 784, n: 512, transposed: "none" },
  { kind: "contraction", m: 784, k: 128, n: 512, transposed: "left" },
];

export const maps = (["add", "axpy", "relu-add", "lerp"] as const).map(
  (map) => ({ kind: "map", map, count: large }) as const satisfies Workload,
);
/** Bytes that a map reads and writes: two operands and a result. */
export const mapBytes = large * 4 * 3;
/** A copy touches as much memory as a map. */
export const copyBytes = mapBytes;

/** Rounds of the ceiling in one run: some milliseconds. */
export const ceilingRounds = 2_000_000;

/** "step rmsprop 128": for people, and the key of results. */
export function titleOf(workload: Workload): string {
  switch (workload.kind) {
    case "step":
      return `step ${workload.optimizer} ${workload.batch}`;
    case "net":
      return netTitle(workload);
    case "perExample":
      return `perExample mlp ${workload.batch}`;
    case "matmul":
      return `matmul ${workload.n}`;
    case "chain":
      return `max(x + y, 0) ${workload.shape.join("x")}${workload.calls > 1 ? `, ${workload.calls} times` : ""}`;
    case "contraction": {
      const { m, k, n, transposed } = workload;
      const note = { none: "", left: ", left transposed", right: ", right transposed" }[transposed];
      return `contraction ${m}x${k}x${n}${note}`;
    }
    case "map":
      return `map ${workload.map} ${workload.count}`;
    case "floor":
      return `floor ${workload.floor}`;
    default:
      return `${workload.kind} ${workload.rows}x${workload.columns}`;
  }
}

/** Multiplications and additions of the contractions in a workload. */
export function flopsOf(workload: Workload): number {
  const { inputs, hidden, classes } = network;
  switch (workload.kind) {
    case "step": // forward and weight gradient of both layers, and the gradient of the hidden layer
      return workload.batch * (4 * inputs * hidden + 6 * hidden * classes);
    case "perExample": // as the step, and the gradients of each image once for their norms
      return workload.batch * (6 * inputs * hidden + 8 * hidden * classes);
    case "net":
      return netFlops(workload);
    case "matmul":
      return 2 * workload.n ** 3;
    case "contraction":
      return 2 * workload.m * workload.k * workload.n;
    default:
      return 0;
  }
}
