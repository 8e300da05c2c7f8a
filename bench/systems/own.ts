/** tensorloom as a system: the same workloads for `js`, `wasm` and a GPU, for whichever checkout the bundle is made of. */
import { type CompileOptions, compile, dense, rmsprop, sequential, trainer } from "tensorloom";
import { netProgram } from "../net-program.ts";
import { perExampleProgram } from "../per-example-program.ts";
import { formulaOf, formulaProgram, stepProgram } from "../programs.ts";
import type { System } from "../protocol.ts";
import { mainStep, network } from "../workloads.ts";

/** What a system is compiled for: `js`, `wasm` with so many threads, or a GPU. */
export type Where = Pick<CompileOptions, "target" | "threads" | "gpu">;

type Training = ReturnType<typeof stepProgram> | ReturnType<typeof netProgram> | ReturnType<typeof perExampleProgram>;

export function ownSystem(where: Where): System {
  let last: { dispose(): void } | undefined;
  const prepared = async (program: () => Training, batch: number, weights: Readonly<Record<string, Float32Array>>) => {
    last?.dispose();
    const made = program() as ReturnType<typeof stepProgram>; // all train on an image and a label, and give the loss
    const started = performance.now();
    const executable = await compile(made, { ...where, dims: { batch } });
    const compileMs = performance.now() - started;
    last = executable;
    for (const [path, values] of Object.entries(weights)) executable.state.write(path, values);
    return {
      compileMs,
      step(image: Float32Array, label: Int32Array) {
        executable.train({ image, label });
        return executable.read("loss");
      },
    };
  };
  return {
    step: ({ batch, optimizer }, { w1, w2 }) =>
      prepared(() => stepProgram(optimizer), batch, { "model.0.w": w1, "model.1.w": w2 }),

    net: (workload, weights) =>
      prepared(
        () => netProgram(workload),
        workload.batch,
        Object.fromEntries(weights.map((values, i) => [`model.${i}`, values])),
      ),

    perExample: (batch, { w1, w2 }) => prepared(perExampleProgram, batch, { "model.w1": w1, "model.w2": w2 }),

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
      const result = async (): Promise<Float32Array> => (await executable.read("z")) as Float32Array;
      const call = (): void => {
        for (let i = 0; i < calls; i++) executable.go();
      };
      // A GPU has only been told what to do when a call returns: what came out of it is read.
      const run = async (): Promise<void> => {
        call();
        if (where.target === "wgsl") await result();
      };
      return { run: where.target === "wgsl" ? run : call, result };
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
}
