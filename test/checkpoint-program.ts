/** A training step whose convolution is computed again: kernels write over what they read, and a weight changes through a copy. */
import * as tl from "../src/index.ts";
import type { ProgramCase } from "./program-case.ts";

const [batch, side, filters, hidden] = [32, 13, 4, 8] as const;
const pooled = ((side - 1) / 2) ** 2 * filters;

const numbers = (count: number, seed: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => Math.fround(0.5 * Math.sin(seed + 1.7 * i)));

export function checkpointedStep(): ProgramCase & { readonly name: string } {
  const weights = {
    filters: tl.param(tl.values(numbers(4 * filters, 1), 2, 2, 1, filters)),
    wide: tl.param(tl.values(numbers(pooled * hidden, 2), pooled, hidden)),
  };
  const optimizer = tl.sgd({ momentum: 0.5 });
  const program = tl.program({
    inputs: { image: tl.f32(batch, side, side, 1) },
    state: { net: weights, opt: optimizer.slots(weights) },
    step({ image }, { net, opt }) {
      const x = tl.checkpoint((at) => tl.maxPool(tl.relu(tl.conv(at, net.filters)), { size: 2 }), image);
      const loss = tl.mean(tl.square(tl.matmul(tl.reshape(x, [batch, pooled]), net.wide)));
      const { model, opt: slots } = optimizer.update({ model: net, slots: opt, gradients: tl.grad(loss, net) });
      return { outputs: { loss }, next: { net: model, opt: slots } };
    },
  });
  const feeds = { image: numbers(batch * side * side, 3) };
  return {
    name: "a step whose convolution is computed again",
    program: program as ProgramCase["program"],
    calls: [0, 1].map(() => ({ entry: "step", feeds })),
  };
}
