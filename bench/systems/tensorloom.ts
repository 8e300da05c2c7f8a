/**
 * tensorloom itself: `node tensorloom.mjs DATA js`, `... wasm 1`, `... wasm 2`.
 */
import { compile, dense, rmsprop, sequential, trainer } from "tensorloom";
import { formulaOf, formulaProgram, stepProgram } from "../programs.ts";
import { type System, serve } from "../protocol.ts";
import { mainStep, network } from "../workloads.ts";

const [folder = "", target = "js", threads = "1"] = process.argv.slice(2);
const where = target === "js" ? ({ target } as const) : ({ target: "wasm", threads: Number(threads) } as const);
let last: { dispose(): void } | undefined;

const system: System = {
  async step({ batch, optimizer }, { w1, w2 }) {
    last?.dispose();
    const program = stepProgram(optimizer);
    const started = performance.now();
    const executable = await compile(program, { ...where, dims: { batch } });
    const compileMs = performance.now() - started;
    last = executable;
    executable.state.write("model.0.w", w1);
    executable.state.write("model.1.w", w2);
    return {
      compileMs,
      step(image, label) {
        executable.train({ image, label });
        return executable.read("loss");
      },
    };
  },

  async other(workload, numbers) {
    const formula = formulaOf(workload);
    if (formula === undefined) return undefined;
    last?.dispose();
    const executable = await compile(formulaProgram(formula), where);
    last = executable;
    let from = 0;
    for (const [name, shape] of Object.entries(formula.operands)) {
      const count = shape.reduce((product, size) => product * size, 1);
      executable.state.write(name, numbers.subarray(from, from + count));
      from += count;
    }
    const { calls = 1 } = formula;
    return {
      run() {
        for (let i = 0; i < calls; i++) executable.go();
      },
      result: async () => (await executable.read("z")) as Float32Array,
    };
  },

  /** The main job, as examples/mnist-mlp.ts has it. */
  async epoch(images, labels) {
    const { inputs, hidden, classes } = network;
    const net = trainer(
      sequential([dense(hidden, { activation: "relu" }), dense(classes, { activation: "softmax" })]),
      { input: [inputs], loss: "softmaxCrossEntropy", optimizer: rmsprop(), metrics: ["accuracy"] },
    );
    await net.compile({ ...where, batch: mainStep.batch });
    await net.fit({ x: images, y: labels, scale: 1 / 255, epochs: 1 });
    net.dispose();
  },
};

await serve(folder, async () => system);
