/**
 * TensorFlow.js on its WebGPU backend: `node tfjs.mjs DATA`. Eager, as it ships, with its own RMSprop. Many steps read the last loss
 * alone.
 */
import { bytesOf } from "../data.ts";
import { constants, layerNormEpsilon, network } from "../workloads.ts";
import { epochBatches, operandOf, probe, stepNumbers } from "./numbers.ts";
import { operandsOf } from "./programs.ts";
import { type ArrayWorkload, classes, type EpochWorkload, type GpuWorkload, type ProductWorkload, type StepsWorkload } from "./rows.ts"; // biome-ignore format: names
import { type Data, type GpuSystem, type Prepared, serveGpu } from "./serve.ts";

interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
  add(other: Tensor | number): Tensor;
  sub(other: Tensor): Tensor;
  div(other: Tensor): Tensor;
  relu(): Tensor;
  matMul(other: Tensor): Tensor;
  softmax(): Tensor;
  sum(axis?: number): Tensor;
  argMax(axis: number): Tensor;
  sqrt(): Tensor;
  toFloat(): Tensor;
}
interface Optimizer {
  minimize(loss: () => Tensor, returnCost: true, variables: readonly Tensor[]): Tensor;
}
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  /** What was recorded goes to the queue with `submitQueue`, which does not end the pass itself. */
  backend(): {
    ensureCommandEncoderReady(): void;
    endComputePassEncoder(): void;
    submitQueue(): void;
    readonly queue: GPUQueue;
  };
  tidy<T>(run: () => T): T;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype?: "int32"): Tensor;
  variable(start: Tensor): Tensor;
  zeros(shape: readonly number[]): Tensor;
  oneHot(labels: Tensor, depth: number): Tensor;
  readonly losses: { softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor };
  readonly train: { rmsprop(learningRate: number, decay: number, momentum: number, epsilon: number): Optimizer };
  moments(x: Tensor, axis: number, keepDims: boolean): { readonly mean: Tensor; readonly variance: Tensor };
}

const [folder = ""] = process.argv.slice(2);
const checkedSteps = 3;

class TfjsGpu implements GpuSystem {
  readonly #tf: Tfjs;
  #kept: { dispose(): void }[] = [];

  constructor(tf: Tfjs) {
    this.#tf = tf;
  }

  async prepare(workload: GpuWorkload, data: Data): Promise<Prepared | string> {
    for (const kept of this.#kept.splice(0)) kept.dispose();
    if (workload.kind === "steps") return this.#steps(workload, data);
    if (workload.kind === "epoch") return this.#epoch(workload, data);
    if (workload.kind === "product" || workload.kind === "array") return this.#array(workload, data);
    return "not a row";
  }

  #steps(workload: StepsWorkload, { folder }: Data): Prepared {
    const { inputs, batch } = workload;
    const tf = this.#tf;
    const { w1, w2, batch: batchOf } = stepNumbers(folder, workload);
    const step = this.#trainer(workload, w1, w2);
    const put = (taken: number): readonly [Tensor, Tensor] => {
      const { image, label } = batchOf(taken);
      return [tf.tensor(image, [batch, inputs]), tf.tensor(label, [batch], "int32")];
    };
    const resident = workload.data === "resident" ? put(0) : undefined;
    this.#kept.push(...(resident ?? []));
    let taken = 0;
    const next = (): Tensor => tf.tidy(() => step(...(resident ?? put(taken++))));
    const read = async (cost: Tensor): Promise<number> => {
      const [loss = Number.NaN] = await cost.data();
      cost.dispose();
      return loss;
    };
    return {
      async run() {
        for (let i = 1; i < workload.calls; i++) {
          if (workload.reads) await read(next());
          else next().dispose();
        }
        await read(next());
      },
      async check() {
        const losses: number[] = [];
        for (let i = 0; i < checkedSteps; i++) losses.push(await read(next()));
        return losses;
      },
    };
  }

  /** A function that takes one step with RMSprop. */
  #trainer(
    { inputs, hidden }: Pick<StepsWorkload, "inputs" | "hidden">,
    w1: Float32Array,
    w2: Float32Array,
  ): (image: Tensor, label: Tensor) => Tensor {
    const tf = this.#tf;
    const { learningRate, rho, epsilon } = constants.rmsprop;
    const first = { w: tf.variable(tf.tensor(w1, [inputs, hidden])), b: tf.variable(tf.zeros([hidden])) };
    const second = { w: tf.variable(tf.tensor(w2, [hidden, classes])), b: tf.variable(tf.zeros([classes])) };
    const variables = [first.w, first.b, second.w, second.b];
    this.#kept.push(...variables);
    const optimizer = tf.train.rmsprop(learningRate, rho, 0, epsilon);
    return (image, label) => {
      const wanted = tf.oneHot(label, classes).toFloat();
      const loss = (): Tensor => {
        const logits = image.matMul(first.w).add(first.b).relu().matMul(second.w).add(second.b);
        return tf.losses.softmaxCrossEntropy(wanted, logits);
      };
      return optimizer.minimize(loss, true, variables);
    };
  }

  #array(workload: ProductWorkload | ArrayWorkload, { numbers }: Data): Prepared | string {
    if (workload.kind === "product" && workload.precision === "mixed") return "it has no products of f16 with f32 sums";
    const tf = this.#tf;
    let from = 0;
    const operands = Object.values(operandsOf(workload)).map((shape) => {
      const count = shape.reduce((product, size) => product * size, 1);
      from += count;
      return tf.tensor(operandOf(numbers, from - count, count), shape);
    });
    this.#kept.push(...operands);
    const [a, b] = operands;
    if (a === undefined) return "no operands";
    const formulas = {
      product: () => a.matMul(b ?? a),
      add: () => a.add(b ?? a),
      softmax: () => a.softmax(),
      sum: () => a.sum(),
      sumAxis0: () => a.sum(0),
      argMax: () => a.argMax(-1),
      layerNorm() {
        const { mean, variance } = tf.moments(a, -1, true);
        return a.sub(mean).div(variance.add(layerNormEpsilon).sqrt());
      },
    };
    const formula = formulas[workload.kind === "product" ? "product" : workload.op];
    const once = (): Tensor => tf.tidy(formula);
    return {
      async run() {
        for (let i = 0; i < workload.calls; i++) once().dispose();
        const backend = tf.backend();
        backend.ensureCommandEncoderReady();
        backend.endComputePassEncoder();
        backend.submitQueue();
        await backend.queue.onSubmittedWorkDone();
      },
      async check() {
        const z = once();
        const values = probe(await z.data());
        z.dispose();
        return values;
      },
    };
  }

  #epoch({ images: count, batch }: EpochWorkload, { folder, numbers }: Data): Prepared {
    const { inputs, hidden } = network;
    const tf = this.#tf;
    const [x, y] = [bytesOf(folder, "epoch-images.u8"), bytesOf(folder, "epoch-labels.u8")];
    const weights = (size: number): Float32Array => numbers.slice(0, size).map((value) => value / 10);
    const step = this.#trainer({ inputs, hidden }, weights(inputs * hidden), weights(hidden * classes));
    return {
      async run() {
        let loss: Tensor | undefined;
        for (const { image, label } of epochBatches(x, y, count, batch)) {
          loss?.dispose();
          loss = tf.tidy(() =>
            step(tf.tensor(image.slice(), [batch, inputs]), tf.tensor(label.slice(), [batch], "int32")),
          );
        }
        await loss?.data();
      },
      check: async () => [],
    };
  }
}

await serveGpu(folder, async () => {
  const tf = ((await import("@tensorflow/tfjs" as string)) as { readonly default: Tfjs }).default;
  await import("@tensorflow/tfjs-backend-webgpu" as string);
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js has no WebGPU backend here");
  await tf.ready();
  return new TfjsGpu(tf);
});
