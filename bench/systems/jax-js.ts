/**
 * jax-js on its wasm backend, `jit` over the whole step: `node jax-js.mjs DATA`.
 *
 * An array is consumed by the call that takes it; `.ref` keeps it for another. Its float32 wasm kernels use no threads in Node.
 */
import { type System, serve } from "../protocol.ts";
import { constants, layerNormEpsilon, network, type OptimizerName } from "../workloads.ts";
import type { Array_, JaxJs, Tree } from "./jax-js-types.ts";

const [folder = ""] = process.argv.slice(2);

/** The next weights and moments of one parameter. `t` counts the updates from 1. */
function update(jax: JaxJs, name: OptimizerName, w: Array_, g: Array_, moments: Tree, t: Array_): [Array_, Tree] {
  const { numpy: np } = jax;
  const [first, second] = moments;
  if (name === "rmsprop" && first !== undefined) {
    const { learningRate, rho, epsilon } = constants.rmsprop;
    const v = first.mul(rho).add(g.ref.mul(g.ref).mul(1 - rho));
    t.dispose();
    return [w.sub(g.mul(learningRate).div(np.sqrt(v.ref.add(epsilon)))), [v]];
  }
  if (name === "adam" && first !== undefined && second !== undefined) {
    const { learningRate, beta1, beta2, epsilon } = constants.adam;
    const m = first.mul(beta1).add(g.ref.mul(1 - beta1));
    const v = second.mul(beta2).add(g.ref.mul(g).mul(1 - beta2));
    const one = np.power(beta2, t.ref).mul(-1).add(1);
    const correction = np.sqrt(one).div(np.power(beta1, t).mul(-1).add(1));
    return [w.sub(correction.mul(learningRate).mul(m.ref).div(np.sqrt(v.ref).add(epsilon))), [m, v]];
  }
  t.dispose();
  return [w.sub(g.mul(constants.sgd.learningRate)), []];
}

async function create(): Promise<System> {
  const jax = (await import("@jax-js/jax" as string)) as JaxJs;
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const { nn, numpy: np } = jax;
  return {
    async step({ batch, optimizer }, weights) {
      const { inputs, hidden, classes } = network;
      const shapes = [[inputs, hidden], [hidden], [hidden, classes], [classes]];
      const moments = { sgd: 0, rmsprop: 1, adam: 2 }[optimizer];
      let model: Tree = [
        np.array(weights.w1, { shape: [inputs, hidden] }),
        np.zeros([hidden]),
        np.array(weights.w2, { shape: [hidden, classes] }),
        np.zeros([classes]),
      ];
      let slots: readonly Tree[] = shapes.map((shape) => Array.from({ length: moments }, () => np.zeros(shape)));
      let count = 0;
      const train = jax.jit((model: Tree, slots: readonly Tree[], image: Array_, label: Array_, t: Array_) => {
        const lossOf = ([w1, b1, w2, b2]: Tree): Array_ => {
          if (w1 === undefined || b1 === undefined || w2 === undefined || b2 === undefined) throw new Error("no model");
          const h = nn.relu(np.matmul(image.ref, w1).add(b1));
          const logits = np.matmul(h, w2).add(b2);
          return np.sum(nn.logSoftmax(logits, -1).mul(nn.oneHot(label.ref, classes))).mul(-1 / batch);
        };
        const [loss, gradients] = jax.valueAndGrad(lossOf)(model.map((w) => w.ref));
        const next = model.map((w, i) => update(jax, optimizer, w, gradients[i] as Array_, slots[i] ?? [], t.ref));
        for (const array of [image, label, t]) array.dispose();
        return [loss, next.map(([w]) => w), next.map(([, moment]) => moment)] as const;
      });
      return {
        async step(image, label) {
          count += 1;
          const [loss, nextModel, nextSlots] = train(
            model,
            slots,
            np.array(image, { shape: [batch, inputs] }),
            np.array(label, { shape: [batch] }),
            np.array(Float32Array.of(count), { shape: [] }),
          );
          model = nextModel;
          slots = nextSlots;
          return (await loss.data())[0] ?? Number.NaN;
        },
      };
    },

    async other(workload, numbers) {
      let from = 0;
      const next = (shape: readonly [number, number]): Array_ => {
        const count = shape[0] * shape[1];
        from += count;
        return np.array(numbers.slice(from - count, from), { shape });
      };
      let once: () => Array_;
      let calls = 1;
      if (workload.kind === "matmul") {
        const [a, b] = [next([workload.n, workload.n]), next([workload.n, workload.n])];
        const matmul = jax.jit((x: Array_, y: Array_) => np.matmul(x, y));
        once = () => matmul(a.ref, b.ref);
      } else if (workload.kind === "chain") {
        const [x, y] = [next(workload.shape), next(workload.shape)];
        calls = workload.calls;
        const chain = jax.jit((p: Array_, q: Array_) => np.maximum(p.add(q), 0));
        once = () => chain(x.ref, y.ref);
      } else if (workload.kind === "softmax") {
        const x = next([workload.rows, workload.columns]);
        const softmax = jax.jit((p: Array_) => nn.softmax(p, -1));
        once = () => softmax(x.ref);
      } else if (workload.kind === "layerNorm") {
        const x = next([workload.rows, workload.columns]);
        const layerNorm = jax.jit((p: Array_) => {
          const centred = p.ref.sub(np.mean(p, -1, { keepdims: true }));
          const variance = np.mean(centred.ref.mul(centred.ref), -1, { keepdims: true });
          return centred.div(np.sqrt(variance.add(layerNormEpsilon)));
        });
        once = () => layerNorm(x.ref);
      } else return undefined;
      let last: Array_ | undefined;
      return {
        async run() {
          for (let i = 0; i < calls; i++) {
            last?.dispose();
            last = await once().blockUntilReady();
          }
        },
        result: async () => (await last?.ref.data()) ?? [],
      };
    },
  };
}

await serve(folder, create);
