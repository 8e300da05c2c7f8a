/**
 * A small transformer that learns a text by heart: two blocks of attention with 4 heads under a causal mask and of a network of two
 * layers (Vaswani et al. 2017), each on normalized inputs. It is written in the maths, with no layer that is given; the blocks
 * are one function, called twice.
 *
 *   npx tsx src/tools/cli/main.ts run examples/transformer.ts
 *   npx tsx src/tools/cli/main.ts graph examples/transformer.ts --fold -o transformer.png
 */
import type { TensorsOf } from "tensorloom";
import { accuracy, adam, add, arange, argmax, compile, dot, einsum, gather, gelu, glorotUniform, grad, greaterEqual, i32, mean, mul, normal, ones, param, program, reshape, rsqrt, softmax, softmaxCrossEntropy, sub, type Tensor, variance, where, zeros } from "tensorloom"; // biome-ignore format: names

const text =
  `A ferry carries bread and letters to the island. Twice a day it leaves the harbour, once with the tide and once against it.
The pilot knows each rock by its name; the names are older than the lighthouse. In winter the crossing takes an hour, and nobody
speaks, for the wind has much to say. `.replaceAll("\n", " ");

const alphabet = [...new Set(text)].sort();
const letters = Int32Array.from(text, (letter) => alphabet.indexOf(letter));
const [batch, time, width, heads, steps] = [16, 32, 64, 4, 200] as const;

const layerNorm = () => ({ gain: param(ones(width)), shift: param(zeros(width)) });
const attention = () => param(glorotUniform(width, heads, width / heads));
const block = () => ({
  before: layerNorm(),
  query: attention(),
  key: attention(),
  value: attention(),
  joined: param(glorotUniform(heads, width / heads, width)),
  between: layerNorm(),
  wide: param(glorotUniform(width, 4 * width)),
  wideBias: param(zeros(4 * width)),
  narrow: param(glorotUniform(4 * width, width)),
  narrowBias: param(zeros(width)),
});
const weights = {
  letters: param(normal(0, 0.1, alphabet.length, width)),
  places: param(normal(0, 0.1, time, width)),
  blocks: [block(), block()],
  last: layerNorm(),
  scores: param(glorotUniform(width, alphabet.length)),
};
type Net = TensorsOf<typeof weights>;
type Words = Tensor<readonly ["batch", 32, 64], "f32">;

/** Each row at mean 0 and variance 1, then scaled and shifted. */
function normalized({ gain, shift }: Net["last"], x: Words): Words {
  const row = { axis: -1, keepDims: true } as const;
  return add(mul(mul(sub(x, mean(x, row)), rsqrt(add(variance(x, row), 1e-5))), gain), shift);
}

function transformed(net: Net["blocks"][number], x: Words): Words {
  const h = normalized(net.before, x);
  const headsOf = (w: typeof net.query) => einsum("btc,chd->bhtd", h, w);
  const match = mul(einsum("bhtd,bhsd->bhts", headsOf(net.query), headsOf(net.key)), (width / heads) ** -0.5);
  const past = greaterEqual(reshape(arange(time), [time, 1]), arange(time)); // no place looks at one behind it
  const seen = einsum("bhts,bhsd->bhtd", softmax(where(past, match, -1e9)), headsOf(net.value));
  const met = add(x, einsum("bhtd,hdc->btc", seen, net.joined));
  const inner = gelu(add(dot(normalized(net.between, met), net.wide), net.wideBias), { approximate: true });
  return add(met, add(dot(inner, net.narrow), net.narrowBias));
}

/** Scores of each letter for what follows each place. */
function scoresOf(net: Net, letters: Tensor<readonly ["batch", 32], "i32">) {
  const x = net.blocks.reduce(
    (x: Words, block) => transformed(block, x),
    add(gather(net.letters, letters), net.places),
  );
  return dot(normalized(net.last, x), net.scores);
}

const optimizer = adam({ learningRate: 0.002 });

const reader = program({
  inputs: { letters: i32("batch", time), following: i32("batch", time) },
  state: { model: weights, opt: optimizer.slots(weights) },
  entries: {
    train({ letters, following }, { model, opt }) {
      const scores = scoresOf(model, letters);
      const loss = mean(softmaxCrossEntropy(scores, following));
      const next = optimizer.update({ model, slots: opt, gradients: grad(loss, model) });
      return { outputs: { loss, accuracy: accuracy(scores, following) }, next };
    },
    /** The letter that follows each place. */
    follow: ({ letters }, { model }) => ({ outputs: { following: argmax(scoresOf(model, letters)) } }),
  },
});
export default reader;

export async function main(): Promise<void> {
  const executable = await compile(reader, { target: "wasm", seed: 1, threads: 1, dims: { batch } }); // each kernel is too small to be shared
  const { launches } = executable.report.entries[0] ?? {};
  console.log(
    `Compiled in ${executable.report.compileMs.toFixed(0)} ms; a training step is ${launches} launches of kernels.`,
  );
  /** `time` letters of each place of a batch, `shift` further. */
  const batchOf = (step: number, shift: number): Int32Array =>
    Int32Array.from({ length: batch * time }, (_, k) => {
      const start = step * 7 + Math.floor(k / time) * Math.floor(letters.length / batch);
      return letters[(start + (k % time) + shift) % letters.length] ?? 0;
    });
  for (let step = 0; step <= steps; step++) {
    const feeds = { letters: batchOf(step, 0), following: batchOf(step, 1) };
    const { loss, accuracy } = await executable.run({ entry: "train", feeds });
    if (step % 50 === 0)
      console.log(`step ${step}: loss ${loss.toFixed(3)}, ${accuracy.toFixed(3)} of the letters are right`);
  }

  // It goes on from the beginning of the text, one letter at a time, each from the `time` letters before.
  const written = [...letters.subarray(0, time)];
  const context = new Int32Array(time);
  while (written.length < letters.length) {
    context.set(written.slice(-time));
    const { following } = await executable.run({ entry: "follow", feeds: { letters: context } });
    written.push(following[time - 1] ?? 0);
  }
  const right = written.filter((letter, i) => letter === letters[i]).length;
  console.log(written.map((letter) => alphabet[letter]).join(""));
  console.log(`${right} of ${letters.length} letters are those of the text.`);
  executable.dispose();
}
