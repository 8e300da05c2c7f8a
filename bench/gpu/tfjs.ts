/**
 * TensorFlow.js on its WebGPU backend: `node tfjs.mjs DATA`. Eager, as it ships, with its own RMSprop. Many steps read the last loss
 * alone.
 */
import { constants, layerNormEpsilon, network } from "../workloads.ts";
import { preparedEpoch, preparedSteps } from "./eager.ts";
import { operandArrays, probe, stepNumbers } from "./numbers.ts";
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
    return preparedSteps(workload, next, lossIn);
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
    const operands = Array.from(operandArrays(workload, numbers), ({ shape, values }) => tf.tensor(values, shape));
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
      products: () => a.matMul(b ?? a),
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

  #epoch(workload: EpochWorkload, data: Data): Prepared {
    const { inputs, hidden } = network;
    const { batch } = workload;
    const tf = this.#tf;
    return preparedEpoch(workload, data, {
      step: (w1, w2) => {
        const step = this.#trainer({ inputs, hidden }, w1, w2);
        return (image, label) =>
          tf.tidy(() => step(tf.tensor(image, [batch, inputs]), tf.tensor(label, [batch], "int32")));
      },
      read: lossIn,
    });
  }
}

async function lossIn(cost: Tensor): Promise<number> {
  const [loss = Number.NaN] = await cost.data();
  cost.dispose();
  return loss;
}

await serveGpu(folder, async () => {
  const tf = ((await import("@tensorflow/tfjs" as string)) as { readonly default: Tfjs }).default;
  await import("@tensorflow/tfjs-backend-webgpu" as string);
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js has no WebGPU backend here");
  await tf.ready();
  return new TfjsGpu(tf);
});
