/**
 * A network that learns a text letter by letter, and writes: an LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers
 * et al. 2000). Its cell is a function of a few lines, which `scan` carries over the letters. Training and writing are two entries of
 * one program: writing is a scan too, that is given nothing but the letter it drew the time before.
 *
 *   npx tsx src/tools/cli/main.ts run examples/char-lstm.ts
 */
import type { TensorsOf } from "tensorloom";
import { adam, add, argmax, compile, dot, full, gather, glorotUniform, grad, i32, log, matmul, mean, mul, neg, param, program, randomUniform, reshape, scan, sigmoid, slice, softmaxCrossEntropy, sub, type Tensor, tanh, transpose, zeros } from "tensorloom"; // biome-ignore format: names

const text =
  `The loom stands by the window, where the light is good. Every morning the weaver sets the warp, thread beside thread, and
counts them twice. A shuttle crosses from the left, and another comes back from the right; what lies between them is cloth. When
a thread breaks, she stops, ties a small knot, and goes on. At noon the pattern shows: a river, two hills, and a road that ends at
the sea. `.replaceAll("\n", " ");

const alphabet = [...new Set(text)].sort();
const letters = Int32Array.from(text, (letter) => alphabet.indexOf(letter));
const [time, batch, hidden, length, steps] = [48, 16, 64, 200, 300] as const;

const weights = {
  input: param(glorotUniform(alphabet.length, 4 * hidden)), // a row for each letter
  memory: param(glorotUniform(hidden, 4 * hidden)),
  bias: param(zeros(4 * hidden)),
  output: param(glorotUniform(hidden, alphabet.length)),
};
type Net = TensorsOf<typeof weights>;

/** What the next letter of each text makes of what it has in mind. */
function cell(net: Net, { h, c }: Record<"h" | "c", Tensor<[16, 64], "f32">>, letter: Tensor<[16], "i32">) {
  const z = add(add(gather(net.input, letter), matmul(h, net.memory)), net.bias);
  const part = (i: number) => reshape(slice(z, null, [i * hidden, (i + 1) * hidden]), [batch, hidden]);
  const kept = add(mul(sigmoid(add(part(0), 1)), c), mul(sigmoid(part(1)), tanh(part(2))));
  return { h: mul(sigmoid(part(3)), tanh(kept)), c: kept };
}

/** At the beginning of a text. */
const nothing = () => ({ h: full([batch, hidden], 0), c: full([batch, hidden], 0) });

const optimizer = adam({ learningRate: 0.01 });

const writer = program({
  inputs: { letters: i32(time + 1, batch), first: i32(batch) },
  state: { model: weights, opt: optimizer.slots(weights) },
  entries: {
    train({ letters }, { model, opt }) {
      const { outputs } = scan(
        (mind, letter) => {
          const next = cell(model, mind, letter);
          return { carry: next, output: next.h };
        },
        nothing(),
        slice(letters, [0, time]),
      );
      const loss = mean(softmaxCrossEntropy(dot(outputs, model.output), slice(letters, [1, time + 1])));
      return { outputs: { loss }, next: optimizer.update({ model, slots: opt, gradients: grad(loss, model) }) };
    },
    write({ first }, { model }) {
      const { outputs } = scan(
        ({ mind, letter }) => {
          const next = cell(model, mind, letter);
          // The largest of the scores, each with noise of Gumbel's distribution, is a draw by their softmax; doubled they are bolder.
          const noise = neg(log(neg(log(sub(1, randomUniform([batch, alphabet.length]))))));
          const drawn = argmax(add(mul(matmul(next.h, model.output), 2), noise));
          return { carry: { mind: next, letter: drawn }, output: drawn };
        },
        { mind: nothing(), letter: first },
        {},
        { length },
      );
      return { outputs: { written: transpose(outputs) } };
    },
  },
});
export default writer;

export async function main(): Promise<void> {
  const executable = await compile(writer, { target: "wasm", seed: 1, threads: 1 }); // each kernel is too small to be shared
  const { launches } = executable.report.entries[0] ?? {};
  console.log(
    `Compiled in ${executable.report.compileMs.toFixed(0)} ms; a training step is ${launches} launches of kernels.`,
  );
  const batchOf = (step: number): Int32Array =>
    Int32Array.from({ length: (time + 1) * batch }, (_, k) => {
      const start = step * 7 + (k % batch) * Math.floor(letters.length / batch);
      return letters[(start + Math.floor(k / batch)) % letters.length] ?? 0;
    });
  let loss = 0;
  for (let step = 0; step < steps; step++) {
    ({ loss } = await executable.run({ entry: "train", feeds: { letters: batchOf(step) } }));
    if (step % 100 === 0) console.log(`step ${String(step).padStart(3)}: loss ${loss.toFixed(3)}`);
  }
  console.log(`after ${steps} steps: loss ${loss.toFixed(3)}`);
  const first = letters.slice(0, batch);
  const { written } = await executable.run({ entry: "write", feeds: { first } });
  for (let i = 0; i < 3; i++) {
    const line = [first[i] ?? 0, ...written.subarray(i * length, (i + 1) * length)];
    console.log(`> ${line.map((letter) => alphabet[letter]).join("")}`);
  }
  executable.dispose();
}
