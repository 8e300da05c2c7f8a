/**
 * The MNIST training step (784-512-10, batch 128, RMSprop) on `js` against the same step with plain i-j-k loops in float32
 * arrays: `npx tsx bench/js-step.ts [rounds]`.
 *
 * Both run in turns in one process, so the ratio holds where the clock does not. A step is 206 MFLOP of contractions
 * (2·128·784·512 forward, as much for the weight gradient, the rest small); GFLOP/s count those alone. Both start from the
 * same weights and must arrive at the same losses.
 */
import {
  accuracy,
  add,
  f32,
  glorotUniform,
  grad,
  i32,
  matmul,
  mean,
  param,
  program,
  relu,
  rmsprop,
  softmaxCrossEntropy,
  zeros,
} from "tensorloom";
import { compileOn } from "../src/compile.ts";
import { jsTarget } from "../src/eager-targets.ts";

const [batch, inputs, hidden, classes] = [128, 784, 512, 10] as const;
const megaflops = (4 * batch * inputs * hidden + 6 * batch * hidden * classes) / 1e6;

const model = {
  w1: param(glorotUniform(inputs, hidden)),
  b1: param(zeros(hidden)),
  w2: param(glorotUniform(hidden, classes)),
  b2: param(zeros(classes)),
};
const optimizer = rmsprop();

const mnist = program({
  inputs: { image: f32("batch", inputs), label: i32("batch") },
  state: { model, opt: optimizer.slots(model) },
  entries: {
    train({ image, label }, { model, opt: slots }) {
      const activation = relu(add(matmul(image, model.w1), model.b1));
      const logits = add(matmul(activation, model.w2), model.b2);
      const loss = mean(softmaxCrossEntropy(logits, label));
      const next = optimizer.update({ model, slots, gradients: grad(loss, model) });
      return { outputs: { loss, accuracy: accuracy(logits, label) }, next };
    },
  },
});

// ---- the same step, loop by loop -----------------------------------------------------------------------------------

/** out[m, n] = sum over k of a[i * aRow + k * aStep] * b[k * bStep + j * bColumn] */
function plainMatmul(
  out: Float32Array,
  a: Float32Array,
  b: Float32Array,
  [m, k, n]: readonly [number, number, number],
  [aRow, aStep, bStep, bColumn]: readonly [number, number, number, number],
): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) sum += (a[i * aRow + p * aStep] as number) * (b[p * bStep + j * bColumn] as number);
      out[i * n + j] = sum;
    }
  }
}

function plainUpdate(weights: Float32Array, velocity: Float32Array, gradient: Float32Array): void {
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i] as number;
    velocity[i] = 0.9 * (velocity[i] as number) + (1 - 0.9) * g * g;
    weights[i] = (weights[i] as number) - (1e-3 * g) / Math.sqrt((velocity[i] as number) + 1e-7);
  }
}

class PlainStep {
  readonly #weights: readonly [Float32Array, Float32Array, Float32Array, Float32Array];
  readonly #velocity: readonly Float32Array[];
  readonly #h = new Float32Array(batch * hidden);
  readonly #z = new Float32Array(batch * classes);
  readonly #dh = new Float32Array(batch * hidden);
  readonly #gradients: readonly [Float32Array, Float32Array, Float32Array, Float32Array];

  constructor(weights: readonly [Float32Array, Float32Array, Float32Array, Float32Array]) {
    this.#weights = weights;
    this.#velocity = weights.map((w) => new Float32Array(w.length));
    const like = (w: Float32Array): Float32Array => new Float32Array(w.length);
    this.#gradients = [like(weights[0]), like(weights[1]), like(weights[2]), like(weights[3])];
  }

  run(image: Float32Array, label: Int32Array): number {
    const [w1, b1, w2, b2] = this.#weights;
    const [g1, gb1, g2, gb2] = this.#gradients;
    const [h, z, dh] = [this.#h, this.#z, this.#dh];
    plainMatmul(h, image, w1, [batch, inputs, hidden], [inputs, 1, hidden, 1]);
    for (let i = 0; i < h.length; i++) h[i] = Math.max((h[i] as number) + (b1[i % hidden] as number), 0);
    plainMatmul(z, h, w2, [batch, hidden, classes], [hidden, 1, classes, 1]);
    const loss = this.#softmax(z, b2, label);
    plainMatmul(dh, z, w2, [batch, classes, hidden], [classes, 1, 1, classes]);
    for (let i = 0; i < dh.length; i++) if (!((h[i] as number) > 0)) dh[i] = 0;
    plainMatmul(g1, image, dh, [inputs, batch, hidden], [1, inputs, hidden, 1]);
    plainMatmul(g2, h, z, [hidden, batch, classes], [1, hidden, classes, 1]);
    columnSums(gb1, dh, hidden);
    columnSums(gb2, z, classes);
    this.#weights.forEach((w, i) => {
      plainUpdate(w, this.#velocity[i] as Float32Array, this.#gradients[i] as Float32Array);
    });
    return loss;
  }

  /** Turns logits into their gradient; gives the mean cross-entropy. */
  #softmax(z: Float32Array, bias: Float32Array, label: Int32Array): number {
    let loss = 0;
    for (let row = 0; row < batch; row++) {
      const at = row * classes;
      let most = Number.NEGATIVE_INFINITY;
      for (let j = 0; j < classes; j++) {
        z[at + j] = (z[at + j] as number) + (bias[j] as number);
        most = Math.max(most, z[at + j] as number);
      }
      let sum = 0;
      for (let j = 0; j < classes; j++) sum += Math.exp((z[at + j] as number) - most);
      const wanted = label[row] as number;
      loss += Math.log(sum) - ((z[at + wanted] as number) - most);
      for (let j = 0; j < classes; j++) {
        z[at + j] = (Math.exp((z[at + j] as number) - most) / sum - Number(j === wanted)) / batch;
      }
    }
    return loss / batch;
  }
}

function columnSums(out: Float32Array, x: Float32Array, columns: number): void {
  for (let j = 0; j < columns; j++) {
    let sum = 0;
    for (let i = j; i < x.length; i += columns) sum += x[i] as number;
    out[j] = sum;
  }
}

// ---- the measurement -----------------------------------------------------------------------------------------------

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function time(run: () => void): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}

const rounds = Number(process.argv[2] ?? 20);
const executable = await compileOn(mnist, jsTarget, { dims: { batch }, seed: 1 });
const starting = await Promise.all(["w1", "b1", "w2", "b2"].map((name) => executable.state.read(`model.${name}`)));
const [w1, b1, w2, b2] = starting as [Float32Array, Float32Array, Float32Array, Float32Array];
const plain = new PlainStep([w1, b1, w2, b2]);
let noise = 1;
const next = (): number => {
  noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
  return noise / 2 ** 32;
};
const image = Float32Array.from({ length: batch * inputs }, () => (next() < 0.8 ? 0 : next()));
const label = Int32Array.from({ length: batch }, () => Math.floor(next() * classes));

const [compiledMs, plainMs]: [number[], number[]] = [[], []];
let worst = 0;
for (let round = -3; round < rounds; round++) {
  let plainLoss = 0;
  const compiled = time(() => executable.train({ image, label }));
  const loops = time(() => {
    plainLoss = plain.run(image, label);
  });
  worst = Math.max(worst, Math.abs((await executable.read("loss")) - plainLoss) / plainLoss);
  if (round >= 0) {
    compiledMs.push(compiled);
    plainMs.push(loops);
  }
}
if (worst > 1e-3) throw new Error(`the two steps disagree: losses differ by ${worst}`);
const row = (name: string, ms: number): string =>
  `${name.padEnd(28)} ${ms.toFixed(1).padStart(7)} ms   ${(megaflops / ms).toFixed(2).padStart(5)} GFLOP/s`;
console.log(row("tensorloom js, whole step", median(compiledMs)));
console.log(row("plain i-j-k loops", median(plainMs)));
console.log(
  `plain / tensorloom: ${(median(plainMs) / median(compiledMs)).toFixed(2)}   (losses agree to ${worst.toExponential(1)})`,
);
console.log(
  `compiled in ${executable.report.compileMs.toFixed(0)} ms, ${executable.report.entries[0]?.launches} launches`,
);
executable.dispose();
