/**
 * TensorFlow.js: `node tfjs.mjs DATA cpu` or `... wasm`. Eager, as it ships, with its own optimizers.
 */
import { type System, serve } from "../protocol.ts";
import { constants, layerNormEpsilon, network } from "../workloads.ts";

interface Tensor {
  data(): Promise<Float32Array>;
  dataSync(): Float32Array;
  dispose(): void;
  add(other: Tensor | number): Tensor;
  sub(other: Tensor): Tensor;
  mul(other: Tensor | number): Tensor;
  div(other: Tensor): Tensor;
  relu(): Tensor;
  matMul(other: Tensor): Tensor;
  softmax(): Tensor;
  mean(axis?: number, keepDims?: boolean): Tensor;
  sqrt(): Tensor;
  greater(other: number): Tensor;
  toFloat(): Tensor;
}
interface Optimizer {
  minimize(loss: () => Tensor, returnCost: true, variables: readonly Tensor[]): Tensor;
}
interface KernelConfig {
  readonly kernelName: string;
  readonly backendName: string;
  readonly kernelFunc: (args: {
    readonly inputs: Readonly<Record<string, unknown>>;
    readonly attrs?: Readonly<Record<string, unknown>>;
    readonly backend: unknown;
  }) => unknown;
}
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(run: () => T): T;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype?: "int32"): Tensor;
  variable(start: Tensor): Tensor;
  zeros(shape: readonly number[]): Tensor;
  oneHot(labels: Tensor, depth: number): Tensor;
  readonly losses: { softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor };
  readonly train: {
    sgd(learningRate: number): Optimizer;
    rmsprop(learningRate: number, decay: number, momentum: number, epsilon: number): Optimizer;
    adam(learningRate: number, beta1: number, beta2: number, epsilon: number): Optimizer;
  };
  moments(x: Tensor, axis: number, keepDims: boolean): { readonly mean: Tensor; readonly variance: Tensor };
  getKernel(name: string, backend: string): KernelConfig | undefined;
  registerKernel(config: KernelConfig): void;
}

const [folder = "", backend = "cpu"] = process.argv.slice(2);

async function load(): Promise<Tfjs> {
  const tf = ((await import("@tensorflow/tfjs" as string)) as { readonly default: Tfjs }).default;
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm" as string);
  await tf.setBackend(backend);
  await tf.ready();
  return tf;
}

async function create(): Promise<System> {
  const tf = await load();
  const keep = (values: Float32Array, shape: readonly number[]): Tensor => tf.tensor(values, shape);
  return {
    async step({ batch, optimizer: name }, weights) {
      const { inputs, hidden, classes } = network;
      const w1 = tf.variable(keep(weights.w1, [inputs, hidden]));
      const b1 = tf.variable(tf.zeros([hidden]));
      const w2 = tf.variable(keep(weights.w2, [hidden, classes]));
      const b2 = tf.variable(tf.zeros([classes]));
      const { sgd, rmsprop, adam } = constants;
      const optimizer = {
        sgd: () => tf.train.sgd(sgd.learningRate),
        rmsprop: () => tf.train.rmsprop(rmsprop.learningRate, rmsprop.rho, 0, rmsprop.epsilon),
        adam: () => tf.train.adam(adam.learningRate, adam.beta1, adam.beta2, adam.epsilon),
      }[name]();
      return {
        async step(image, label) {
          const cost = tf.tidy(() => {
            const x = tf.tensor(image, [batch, inputs]);
            const wanted = tf.oneHot(tf.tensor(label, [batch], "int32"), classes).toFloat();
            const loss = (): Tensor => {
              const logits = x.matMul(w1).add(b1).relu().matMul(w2).add(b2);
              return tf.losses.softmaxCrossEntropy(wanted, logits);
            };
            return optimizer.minimize(loss, true, [w1, b1, w2, b2]);
          });
          const [loss] = await cost.data();
          cost.dispose();
          return loss ?? Number.NaN;
        },
      };
    },

    async other(workload, numbers) {
      let from = 0;
      const next = (shape: readonly [number, number]): Tensor => {
        const count = shape[0] * shape[1];
        from += count;
        return keep(numbers.subarray(from - count, from), shape);
      };
      let make: () => Tensor;
      let calls = 1;
      if (workload.kind === "matmul") {
        const [a, b] = [next([workload.n, workload.n]), next([workload.n, workload.n])];
        make = () => a.matMul(b);
      } else if (workload.kind === "chain") {
        const [x, y] = [next(workload.shape), next(workload.shape)];
        calls = workload.calls;
        make = () => x.add(y).relu();
      } else if (workload.kind === "softmax") {
        const x = next([workload.rows, workload.columns]);
        make = () => x.softmax();
      } else if (workload.kind === "layerNorm") {
        const x = next([workload.rows, workload.columns]);
        make = () => {
          const { mean, variance } = tf.moments(x, -1, true);
          return x.sub(mean).div(variance.add(layerNormEpsilon).sqrt());
        };
      } else return undefined;
      const once = make;
      let last: Tensor | undefined;
      return {
        run() {
          for (let i = 0; i < calls; i++) {
            last?.dispose();
            last = tf.tidy(once);
          }
        },
        result: async () => (await last?.data()) ?? [],
      };
    },
  };
}

await serve(folder, create);
