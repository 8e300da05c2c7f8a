/**
 * Training with weights, and what the optimizer keeps for them, in floats of 16 bits: a step whose every rounding is known, so that
 * each target must have the same bits. Products by powers of two are exact, fused with a sum or not.
 */
import type { ShortFloat } from "../src/core/dtype.ts";
import {
  cast,
  f32,
  grad,
  mul,
  type Program,
  param,
  program,
  sgd,
  sub,
  sum,
  type Tensor,
  uniform,
} from "../src/index.ts";
import { decodeShort, nearestShort } from "./short-rows.ts";

const count = 37;
export const shortSteps = 12;
const [rate, momentum] = [0.25, 0.5];

const drawn = (seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i));

export const shortFeeds = { x: drawn(1), y: drawn(2) };

/** One step of w * x towards y, each element by itself. */
export function shortTraining(dtype: ShortFloat): Program<unknown> {
  const opt = sgd({ learningRate: rate, momentum });
  const model = { w: param(uniform(-1, 1, count), { dtype }) };
  return program({
    inputs: { x: f32(count), y: f32(count) },
    state: { model, opt: opt.slots(model) },
    step({ x, y }, { model, opt: slots }) {
      const error = sub(mul(cast(x, dtype) as Tensor, model.w as Tensor) as Tensor, cast(y, dtype) as Tensor) as Tensor;
      const loss = sum(cast(mul(error, error) as Tensor, "f32") as Tensor) as Tensor;
      const next = opt.update({ model, slots, gradients: grad(loss as never, model as never) });
      return { outputs: { error }, next: { model: next.model, opt: next.opt } } as never;
    },
  }) as Program<unknown>;
}

/** The bits of w and of its velocity after all steps: ops are computed in f32 and rounded once, an update altogether once. */
export function trainedBits(dtype: ShortFloat, start: ArrayLike<number>): readonly [w: number[], velocity: number[]] {
  const r = (value: number): number => nearestShort(dtype, Math.fround(value));
  const trained = Array.from(start, (bits, i) => {
    const [x, y] = [r(shortFeeds.x[i] ?? 0), r(shortFeeds.y[i] ?? 0)];
    let [w, velocity] = [decodeShort(dtype, bits), 0];
    for (let step = 0; step < shortSteps; step++) {
      const slope = r(2 * r(r(x * w) - y) * x);
      const next = Math.fround(momentum * velocity - rate * slope);
      [w, velocity] = [r(w + next), r(next)];
    }
    return [w, velocity] as const;
  });
  return [trained.map(([w]) => w), trained.map(([, velocity]) => velocity)];
}
