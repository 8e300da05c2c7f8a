/**
 * Less memory for more work: the training step of a convolutional network, with its convolution kept for the backward pass and
 * with it made again there. Both give the same numbers.
 *
 *   npx tsx src/tools/cli/main.ts run examples/checkpoint.ts -- --batch 512
 *   npx tsx src/tools/cli/main.ts graph examples/checkpoint.ts --entry kept --stage memory --dims batch=512 --target wasm
 *   npx tsx src/tools/cli/main.ts graph examples/checkpoint.ts --entry again --stage memory --dims batch=512 --target wasm
 */
import type { Tensor, TensorsOf } from "tensorloom";
import { adam, add, checkpoint, compile, conv, f32, grad, heUniform, i32, matmul, maxPool, mean, param, program, relu, reshape, softmaxCrossEntropy, zeros } from "tensorloom"; // biome-ignore format: names
import { parseFlags } from "tensorloom/node";

const pooled = 13 * 13 * 32;
const weights = {
  filters: param(heUniform(3, 3, 1, 32)),
  shift: param(zeros(32)),
  wide: { kernel: param(heUniform(pooled, 64)), bias: param(zeros(64)) },
  last: { kernel: param(heUniform(64, 10)), bias: param(zeros(10)) },
};
type Net = TensorsOf<typeof weights>;
type Images = Tensor<readonly ["batch", 784], "f32">;
type Features = Tensor<readonly ["batch", 5408], "f32">;

/** Convolution, relu, the largest of 2 x 2. */
const features = (image: Images, { filters, shift }: Net): Features => {
  const convolved = relu(add(conv(reshape(image, ["batch", 28, 28, 1]), filters), shift));
  return reshape(maxPool(convolved, { size: 2 }), ["batch", 5408]);
};

const scores = (x: Features, { wide, last }: Net) =>
  add(matmul(relu(add(matmul(x, wide.kernel), wide.bias)), last.kernel), last.bias);

const optimizer = adam();
const inputs = { image: f32("batch", 784), label: i32("batch") };
const state = { net: weights, opt: optimizer.slots(weights) };

const net = program({
  inputs,
  state,
  entries: {
    kept({ image, label }, { net, opt }) {
      const loss = mean(softmaxCrossEntropy(scores(features(image, net), net), label));
      const { model, opt: slots } = optimizer.update({ model: net, slots: opt, gradients: grad(loss, net) });
      return { outputs: { loss }, next: { net: model, opt: slots } };
    },
    again({ image, label }, { net, opt }) {
      const x = checkpoint((pixels) => features(pixels, net), image);
      const loss = mean(softmaxCrossEntropy(scores(x, net), label));
      const { model, opt: slots } = optimizer.update({ model: net, slots: opt, gradients: grad(loss, net) });
      return { outputs: { loss }, next: { net: model, opt: slots } };
    },
  },
});
export default net;

const flags = {
  batch: { kind: "count", default: 512, about: "images a step" },
  steps: { kind: "count", default: 20, about: "steps of each" },
} as const;

export async function main(args: readonly string[]): Promise<void> {
  const about = "Trains the same network twice, with its convolution kept and made again.";
  const { batch, steps } = parseFlags({ name: "checkpoint", about, flags }, args);
  const image = Float32Array.from({ length: batch * 784 }, (_, i) => Math.max(0, Math.sin(i * i)));
  const label = Int32Array.from({ length: batch }, (_, i) => i % 10);
  const losses: number[] = [];
  for (const entry of ["kept", "again"] as const) {
    const executable = await compile(net, { target: "wasm", dims: { batch }, seed: 1 });
    let loss = 0;
    const times: number[] = [];
    for (let step = 0; step < steps; step++) {
      const start = performance.now();
      ({ loss } = await executable.run({ entry, feeds: { image, label } }));
      times.push(performance.now() - start);
    }
    const peak = executable.report.entries.find((one) => one.entry === entry)?.memory.peakBytes ?? 0;
    const [middle = 0] = times.sort((a, b) => a - b).slice(Math.floor(steps / 2));
    console.log(`${entry.padEnd(5)}  ${(peak / 1e6).toFixed(1)} MB between kernels, ${middle.toFixed(1)} ms a step`);
    losses.push(loss);
    executable.dispose();
  }
  const [kept = 0, again = 0] = losses;
  console.log(kept === again ? "The losses are equal, to the last bit." : `The losses differ: ${kept} and ${again}`);
}
