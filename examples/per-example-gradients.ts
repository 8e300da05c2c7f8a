/**
 * The gradient of each example, and what it is good for: two of 128 points have a wrong label, and a network that has learnt all
 * pulls at nothing as hard as at those. `vmap` of `grad` is one program: the layers stay products of matrices of all
 * points, and no loop over points is anywhere.
 *
 *   npx tsx src/tools/cli/main.ts run examples/per-example-gradients.ts
 */

import type { Shape, TensorsOf } from "tensorloom";
import { abs, add, compile, dot, f32, globalNorm, glorotUniform, grad, i32, max, mean, mul, param, program, softmaxCrossEntropy, sub, sum, type Tensor, tanh, vmap, zeros } from "tensorloom"; // biome-ignore format: names

const [points, hidden] = [128, 32] as const;
const wrong = [17, 90]; // their labels are the other ones

const weights = {
  first: param(glorotUniform(2, hidden)),
  offset: param(zeros(hidden)),
  second: param(glorotUniform(hidden, 2)),
};
type Net = TensorsOf<typeof weights>;

/** The loss of one example. */
const lossOf = (net: Net, x: Tensor<readonly [2], "f32">, y: Tensor<readonly [], "i32">) =>
  softmaxCrossEntropy(dot(tanh(add(dot(x, net.first), net.offset)), net.second), y);

const net = program({
  inputs: { x: f32(points, 2), y: i32(points) },
  state: { net: weights },
  entries: {
    train({ x, y }, { net }) {
      const loss = mean(vmap((one) => lossOf(net, one.x, one.y), { x, y }));
      const slope = grad(loss, net);
      const step = <S extends Shape>(w: Tensor<S, "f32">, g: Tensor<S, "f32">) => sub(w, mul(g, 0.5));
      const next = {
        first: step(net.first, slope.first),
        offset: step(net.offset, slope.offset),
        second: step(net.second, slope.second),
      };
      return { outputs: { loss }, next: { net: next } };
    },
    examples({ x, y }, { net }) {
      const each = vmap((one) => grad(lossOf(net, one.x, one.y), net), { x, y });
      const norms = vmap(({ first, offset, second }) => globalNorm([first, offset, second]), each);
      // what they add up to is the gradient of the whole
      const whole = grad(sum(vmap((one) => lossOf(net, one.x, one.y), { x, y })), net);
      const rest = max(abs(sub(sum(each.first, { axis: 0 }), whole.first)));
      return { outputs: { norms, rest } };
    },
  },
});
export default net;

export async function main(): Promise<void> {
  // two rings, one in the other
  const radius = (i: number): number => (i % 2 === 0 ? 0.6 : 1.4);
  const x = Float32Array.from({ length: 2 * points }, (_, k) => {
    const i = Math.floor(k / 2);
    return radius(i) * (k % 2 === 0 ? Math.cos(2.4 * i) : Math.sin(2.4 * i));
  });
  const y = Int32Array.from({ length: points }, (_, i) => (wrong.includes(i) ? 1 - (i % 2) : i % 2));

  const executable = await compile(net, { target: "wasm", seed: 1 });
  let loss = 0;
  for (let step = 0; step < 2000; step++) ({ loss } = await executable.run({ entry: "train", feeds: { x, y } }));
  const { norms, rest } = await executable.run({ entry: "examples", feeds: { x, y } });
  const hardest = [...norms.keys()].sort((a, b) => (norms[b] ?? 0) - (norms[a] ?? 0)).slice(0, wrong.length);
  console.log(`loss ${loss.toFixed(3)} after 2000 steps`);
  console.log(`the points that pull hardest: ${hardest.sort((a, b) => a - b).join(" and ")}`);
  console.log(`their gradients add up to that of the whole, to ${rest < 1e-4 ? "1e-4" : rest.toExponential(1)}`);
  executable.dispose();
}
