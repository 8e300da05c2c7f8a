/**
 * Batch normalization as a user writes it, with nothing but the public surface: the layer whose evaluation hangs on slots that
 * move. A file of its own, since tests on every target use it.
 */
import { readFileSync } from "node:fs";
import { add, div, f32, grad, layer, mean as meanOf, mul, ones, param, program, slot, sqrt, sub, sum, values, variance as varianceOf, zeros } from "../src/index.ts"; // biome-ignore format: names
import { SlotUpdates } from "../src/nn/layers/slot-updates.ts";

export function batchNorm({ momentum = 0.99, epsilon = 1e-3 } = {}) {
  return layer({
    name: "norm",
    rule: "same",
    params(sample) {
      const width = sample.at(-1) ?? 1;
      return {
        gamma: param(ones(width)),
        beta: param(zeros(width)),
        mean: slot(zeros(width)),
        variance: slot(ones(width)),
      };
    },
    apply({ gamma, beta, mean, variance }, x, { training, frozen, update }) {
      if (!training || frozen) return add(mul(div(sub(x, mean), sqrt(add(variance, epsilon))), gamma), beta);
      const axis = x.shape.slice(0, -1).map((_, i) => i);
      const batchMean = meanOf(x, { axis });
      const batchVariance = varianceOf(x, { axis });
      update(mean, add(mul(mean, momentum), mul(batchMean, 1 - momentum)));
      update(variance, add(mul(variance, momentum), mul(batchVariance, 1 - momentum)));
      return add(mul(div(sub(x, batchMean), sqrt(add(batchVariance, epsilon))), gamma), beta);
    },
  });
}

/** What Keras did with one batch: test/fixtures/README.md. */
export interface KerasCase {
  readonly name: string;
  readonly momentum: number;
  readonly trainable: boolean;
  readonly training: boolean;
  readonly shape: readonly number[];
  readonly x: readonly number[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly output: readonly number[];
  /** Slots after the call; none where they are not moved. */
  readonly after: Readonly<Record<string, readonly number[]>>;
  /** What the output is multiplied by before it is summed and differentiated. */
  readonly cotangent: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

/** A program that makes the case's call; slots move as in a trainer where the layer is trainable. */
export function kerasCall({ momentum, trainable, training, shape, weights }: KerasCase) {
  const net = batchNorm({ momentum });
  const start = (name: string) => values(weights[name] ?? [], shape.at(-1) ?? 1);
  const model = {
    gamma: param(start("gamma")),
    beta: param(start("beta")),
    mean: slot(start("moving_mean")),
    variance: slot(start("moving_variance")),
  };
  return program({
    inputs: { x: f32(...shape), weight: f32(...shape) },
    state: { model },
    step({ x, weight }, { model }) {
      const slots = new SlotUpdates(model, () => trainable);
      const y = net.apply(model, x, { training, slots });
      const loss = sum(mul(y, weight));
      const { gamma, beta } = model;
      return { outputs: { y, gradients: grad(loss, { x, gamma, beta }) }, next: { model: slots.next(model) } };
    },
  });
}

export function kerasCases(): readonly KerasCase[] {
  const text = readFileSync(new URL("fixtures/keras-batch-norm.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { cases: KerasCase[] }).cases;
}
