/**
 * A loss and a metric of our own: a line through points, some of which are far off. Huber's loss is square near zero and
 * straight beyond, so that outliers pull less than with squared errors. Both are functions of tensors, compiled as all else.
 *
 *   npx tsx src/tools/cli/main.ts run examples/custom-loss.ts
 */
import { abs, dense, less, type Measure, maximum, mean, minimum, mul, sequential, sgd, square, sub, trainer, where } from "tensorloom"; // biome-ignore format: names

/** e²/2 up to 1, |e| - 1/2 beyond. */
const huber: Measure = (output, target) => {
  const error = abs(sub(output, target));
  const near = minimum(error, 1);
  return mean(sub(mul(near, maximum(error, near)), mul(square(near), 0.5)));
};

/** y = 2x + 1 from -1 to 1, and every tenth point 20 too high. */
const x = Float32Array.from({ length: 100 }, (_, i) => i / 50 - 1);
const y = Float32Array.from(x, (value, i) => 2 * value + 1 + (i % 10 === 0 ? 20 : 0));

// biome-ignore format: a table
const line = (loss: Measure | "meanSquaredError") => trainer(sequential([dense(1)]), {
  input: [1],
  loss,
  optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
  metrics: { close: (output, target) => where(less(abs(sub(output, target)), 0.5), 1, 0) }, // the share within a half
});
export default line(huber);

export async function main(): Promise<void> {
  for (const [name, loss] of Object.entries({ huber, meanSquaredError: "meanSquaredError" } as const)) {
    const net = line(loss);
    await net.compile({ target: "js", seed: 1, batch: 20 });
    await net.fit({ x, y, epochs: 60 });
    const scores = await net.evaluate({ x, y });
    const [slope = 0] = await net.executable.state.read("model.dense1.kernel");
    const [offset = 0] = await net.executable.state.read("model.dense1.bias");
    console.log(
      `${name}: y = ${slope.toFixed(1)}x + ${offset.toFixed(1)}, ${scores.close.toFixed(2)} of the points are close`,
    );
    net.dispose();
  }
}
