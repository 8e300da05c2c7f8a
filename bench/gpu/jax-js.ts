/**
 * jax-js on its WebGPU backend, `jit` over the whole step: `node jax-js.mjs DATA`.
 *
 * An array is consumed by the call that takes it; `.ref` keeps it for another. Many steps read the last loss alone.
 */
import type { Array_, JaxJs, Tree } from "../systems/jax-js-types.ts";
import { constants, layerNormEpsilon, network } from "../workloads.ts";
import { preparedEpoch, preparedSteps } from "./eager.ts";
import { operandArrays, probe, stepNumbers } from "./numbers.ts";
import { type ArrayWorkload, classes, type EpochWorkload, type GpuWorkload, type ProductWorkload, type StepsWorkload } from "./rows.ts"; // biome-ignore format: names
import { type Data, type GpuSystem, type Prepared, serveGpu } from "./serve.ts";

const [folder = ""] = process.argv.slice(2);

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
    return preparedSteps(workload, next, lossIn);
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
    const operands = Array.from(operandArrays(workload, numbers), ({ shape, values }) => np.array(values, { shape }));
    this.#kept.push(...operands);
    const formulas = {
      product: (a: Array_, b: Array_) => np.matmul(a, b),
      add: (a: Array_, b: Array_) => a.add(b),
      softmax: (a: Array_) => nn.softmax(a, -1),
      sum: (a: Array_) => np.sum(a),
      sumAxis0: (a: Array_) => np.sum(a, 0),
      argMax: (a: Array_) => np.argmax(a, -1),
      products: (a: Array_, b: Array_) => np.matmul(a, b),
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

  #epoch(workload: EpochWorkload, data: Data): Prepared {
    const { inputs, hidden } = network;
    const { batch } = workload;
    const { numpy: np } = this.#jax;
    return preparedEpoch(workload, data, {
      step: (w1, w2) => {
        const step = this.#trainer({ inputs, hidden, batch }, w1, w2);
        return (image, label) => step(np.array(image, { shape: [batch, inputs] }), np.array(label, { shape: [batch] }));
      },
      read: lossIn,
    });
  }
}

/** Reading it consumes it. */
async function lossIn(loss: Array_): Promise<number> {
  return (await loss.data())[0] ?? Number.NaN;
}

await serveGpu(folder, async () => {
  const jax = (await import("@jax-js/jax" as string)) as JaxJs;
  const there = await jax.init("webgpu");
  if (!there.includes("webgpu")) throw new Error(`jax-js has only ${there.join(", ")}`);
  jax.defaultDevice("webgpu");
  return new JaxJsGpu(jax);
});
