/**
 * jax-js on its WebGPU backend, `jit` over the whole step: `node jax-js.mjs DATA`.
 *
 * An array is consumed by the call that takes it; `.ref` keeps it for another. Many steps read the last loss alone.
 */
import { bytesOf } from "../data.ts";
import { constants, layerNormEpsilon, network } from "../workloads.ts";
import { epochBatches, operandOf, probe, stepNumbers } from "./numbers.ts";
import { operandsOf } from "./programs.ts";
import { type ArrayWorkload, classes, type EpochWorkload, type GpuWorkload, type ProductWorkload, type StepsWorkload } from "./rows.ts"; // biome-ignore format: names
import { type Data, type GpuSystem, type Prepared, serveGpu } from "./serve.ts";

interface Array_ {
  readonly ref: Array_;
  add(other: Array_ | number): Array_;
  sub(other: Array_ | number): Array_;
  mul(other: Array_ | number): Array_;
  div(other: Array_ | number): Array_;
  data(): Promise<ArrayLike<number>>;
  blockUntilReady(): Promise<Array_>;
  dispose(): void;
}
type Tree = readonly Array_[];
type Jitted<A extends readonly unknown[], R> = ((...args: A) => R) & { dispose?(): void };
interface JaxJs {
  blockUntilReady(arrays: readonly Array_[]): Promise<unknown>;
  init(device: string): Promise<readonly string[]>;
  defaultDevice(device: string): string;
  jit<A extends readonly unknown[], R>(run: (...args: A) => R): Jitted<A, R>;
  valueAndGrad(loss: (model: Tree) => Array_): (model: Tree) => [Array_, Tree];
  readonly nn: {
    oneHot(labels: Array_, classes: number): Array_;
    logSoftmax(x: Array_, axis?: number): Array_;
    softmax(x: Array_, axis?: number): Array_;
    relu(x: Array_): Array_;
  };
  readonly numpy: {
    array(values: Float32Array | Int32Array, options?: { readonly shape: readonly number[] }): Array_;
    zeros(shape: readonly number[]): Array_;
    matmul(a: Array_, b: Array_): Array_;
    sqrt(x: Array_): Array_;
    sum(x: Array_, axis?: number): Array_;
    argmax(x: Array_, axis: number): Array_;
    mean(x: Array_, axis: number, options: { readonly keepdims: true }): Array_;
  };
}

const [folder = ""] = process.argv.slice(2);
const checkedSteps = 3;

class JaxJsGpu implements GpuSystem {
  readonly #jax: JaxJs;
  #kept: Array_[] = [];

  constructor(jax: JaxJs) {
    this.#jax = jax;
  }

  async prepare(workload: GpuWorkload, data: Data): Promise<Prepared | string> {
    for (const array of this.#kept.splice(0)) array.dispose();
    if (workload.kind === "steps") return this.#steps(workload, data);
    if (workload.kind === "epoch") return this.#epoch(workload, data);
    if (workload.kind === "product" || workload.kind === "array") return this.#array(workload, data);
    return "not a row";
  }

  #steps(workload: StepsWorkload, { folder }: Data): Prepared {
    const { inputs, batch } = workload;
    const { numpy: np } = this.#jax;
    const { w1, w2, batch: batchOf } = stepNumbers(folder, workload);
    const step = this.#trainer(workload, w1, w2);
    const put = (taken: number): readonly [Array_, Array_] => {
      const { image, label } = batchOf(taken);
      return [np.array(image.slice(), { shape: [batch, inputs] }), np.array(label.slice(), { shape: [batch] })];
    };
    const resident = workload.data === "resident" ? put(0) : undefined;
    this.#kept.push(...(resident ?? []));
    let taken = 0;
    const next = (): Array_ => {
      const [image, label] = resident?.map(({ ref }) => ref) ?? put(taken);
      taken += 1;
      if (image === undefined || label === undefined) throw new Error("no batch");
      return step(image, label);
    };
    const read = async (loss: Array_): Promise<number> => (await loss.data())[0] ?? Number.NaN;
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
    { inputs, hidden, batch }: Pick<StepsWorkload, "inputs" | "hidden" | "batch">,
    w1: Float32Array,
    w2: Float32Array,
  ): (image: Array_, label: Array_) => Array_ {
    const { nn, numpy: np } = this.#jax;
    const { learningRate, rho, epsilon } = constants.rmsprop;
    const shapes = [[inputs, hidden], [hidden], [hidden, classes], [classes]];
    let model: Tree = [
      np.array(w1, { shape: [inputs, hidden] }),
      np.zeros([hidden]),
      np.array(w2, { shape: [hidden, classes] }),
      np.zeros([classes]),
    ];
    let moments: Tree = shapes.map((shape) => np.zeros(shape));
    const train = this.#jax.jit((model: Tree, moments: Tree, image: Array_, label: Array_) => {
      const lossOf = ([w1, b1, w2, b2]: Tree): Array_ => {
        if (w1 === undefined || b1 === undefined || w2 === undefined || b2 === undefined) throw new Error("no model");
        const logits = np.matmul(nn.relu(np.matmul(image.ref, w1).add(b1)), w2).add(b2);
        return np.sum(nn.logSoftmax(logits, -1).mul(nn.oneHot(label.ref, classes))).mul(-1 / batch);
      };
      const [loss, gradients] = this.#jax.valueAndGrad(lossOf)(model.map((w) => w.ref));
      const next = model.map((w, i): readonly [Array_, Array_] => {
        const [moment, g] = [moments[i], gradients[i]];
        if (moment === undefined || g === undefined) throw new Error("no moment");
        const v = moment.mul(rho).add(g.ref.mul(g.ref).mul(1 - rho));
        return [w.sub(g.mul(learningRate).div(np.sqrt(v.ref.add(epsilon)))), v];
      });
      image.dispose();
      label.dispose();
      return [loss, next.map(([w]) => w), next.map(([, v]) => v)] as const;
    });
    return (image, label) => {
      const [loss, nextModel, nextMoments] = train(model, moments, image, label);
      [model, moments] = [nextModel, nextMoments];
      return loss;
    };
  }

  async #array(workload: ProductWorkload | ArrayWorkload, { numbers }: Data): Promise<Prepared | string> {
    if (workload.kind === "product" && workload.precision === "mixed") return "it has no products of f16 with f32 sums";
    const { nn, numpy: np } = this.#jax;
    let from = 0;
    const operands = Object.values(operandsOf(workload)).map((shape) => {
      const count = shape.reduce((product, size) => product * size, 1);
      from += count;
      return np.array(operandOf(numbers, from - count, count), { shape });
    });
    this.#kept.push(...operands);
    const formulas = {
      product: (a: Array_, b: Array_) => np.matmul(a, b),
      add: (a: Array_, b: Array_) => a.add(b),
      softmax: (a: Array_) => nn.softmax(a, -1),
      sum: (a: Array_) => np.sum(a),
      sumAxis0: (a: Array_) => np.sum(a, 0),
      argMax: (a: Array_) => np.argmax(a, -1),
      layerNorm(a: Array_) {
        const centred = a.ref.sub(np.mean(a, -1, { keepdims: true }));
        const variance = np.mean(centred.ref.mul(centred.ref), -1, { keepdims: true });
        return centred.div(np.sqrt(variance.add(layerNormEpsilon)));
      },
    };
    const formula = formulas[workload.kind === "product" ? "product" : workload.op];
    const jitted = this.#jax.jit(formula as (...operands: Tree) => Array_);
    const once = (): Array_ => jitted(...operands.map(({ ref }) => ref));
    const { blockUntilReady } = this.#jax;
    return {
      async run() {
        const results = Array.from({ length: workload.calls }, once);
        await blockUntilReady(results); // what is let go before it was submitted is never computed
        for (const result of results) result.dispose();
      },
      check: async () => probe(await once().data()),
    };
  }

  #epoch({ images: count, batch }: EpochWorkload, { folder, numbers }: Data): Prepared {
    const { inputs, hidden } = network;
    const { numpy: np } = this.#jax;
    const [x, y] = [bytesOf(folder, "epoch-images.u8"), bytesOf(folder, "epoch-labels.u8")];
    const weights = (size: number): Float32Array => numbers.slice(0, size).map((value) => value / 10);
    const step = this.#trainer({ inputs, hidden, batch }, weights(inputs * hidden), weights(hidden * classes));
    return {
      async run() {
        let loss: Array_ | undefined;
        for (const { image, label } of epochBatches(x, y, count, batch)) {
          loss?.dispose();
          loss = step(np.array(image.slice(), { shape: [batch, inputs] }), np.array(label.slice(), { shape: [batch] }));
        }
        await loss?.data();
      },
      check: async () => [],
    };
  }
}

await serveGpu(folder, async () => {
  const jax = (await import("@jax-js/jax" as string)) as JaxJs;
  const there = await jax.init("webgpu");
  if (!there.includes("webgpu")) throw new Error(`jax-js has only ${there.join(", ")}`);
  jax.defaultDevice("webgpu");
  return new JaxJsGpu(jax);
});
