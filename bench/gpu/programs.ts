/**
 * The rows of the GPU benchmark as tensorloom programs. What a step or an op reads lies in states where it is resident, so that a
 * call copies nothing in; an array's result is an output that nobody reads while the clock runs.
 */
import {
  add,
  argmax,
  batchMatmul,
  dense,
  f32,
  grad,
  i32,
  matmul,
  program,
  rmsprop,
  type Shape,
  sequential,
  slot,
  softmax,
  sum,
  type Tensor,
  trainer,
  zeros,
} from "tensorloom";
import { layerNorm, layersOf, lossOf } from "../programs.ts";
import { network } from "../workloads.ts";
import { type ArrayOp, type ArrayWorkload, classes, operandsOf, type ProductWorkload, type StepsWorkload } from "./rows.ts"; // biome-ignore format: names

type Floats = Tensor<Shape, "f32">;

/** A state that no entry touches: reading it waits for all that was handed over before, and moves four bytes. */
export const waitingState = "done";

/** Entry "train", which gives the loss. Weights are "model.0.w", "model.0.b", "model.1.w", "model.1.b". */
export function stepProgram(workload: NetShape & Pick<StepsWorkload, "data">) {
  return workload.data === "fed" ? fedStepProgram(workload) : residentStepProgram(workload);
}

type NetShape = Pick<StepsWorkload, "inputs" | "hidden" | "batch">;

export function fedStepProgram({ inputs, hidden, batch }: NetShape) {
  const [layers, optimizer] = [layersOf([inputs, hidden, classes]), rmsprop()];
  return program({
    inputs: { image: f32(batch, inputs), label: i32(batch) },
    state: { model: layers, opt: optimizer.slots(layers) },
    entries: {
      train({ image, label }, { model, opt: slots }) {
        const loss = lossOf(image, label, model);
        return { outputs: { loss }, next: optimizer.update({ model, slots, gradients: grad(loss, model) }) };
      },
    },
  });
}

/** The batch is the states "image" and "label". */
export function residentStepProgram({ inputs, hidden, batch }: NetShape) {
  const [layers, optimizer] = [layersOf([inputs, hidden, classes]), rmsprop()];
  const data = { image: slot(zeros(batch, inputs)), label: slot(zeros(batch), { dtype: "i32" }) };
  return program({
    state: { model: layers, opt: optimizer.slots(layers), ...data },
    entries: {
      train(_: unknown, { model, opt: slots, image, label }) {
        const loss = lossOf(image, label, model);
        return { outputs: { loss }, next: optimizer.update({ model, slots, gradients: grad(loss, model) }) };
      },
    },
  });
}

/** Entry "go", which gives z. */
export function arrayProgram(workload: ProductWorkload | ArrayWorkload) {
  const operands = Object.entries(operandsOf(workload)).map(([name, shape]) => [name, slot(zeros(...shape))]);
  const z = workload.kind === "product" ? (a: Floats, b: Floats) => matmul(a, b) : arrayOps[workload.op];
  return program({
    state: { ...Object.fromEntries(operands), [waitingState]: slot(zeros(1)) },
    entries: {
      go(_: unknown, states) {
        const { a, b } = states as Readonly<Record<string, Floats>>;
        if (a === undefined) throw new Error("there is an operand");
        return { outputs: { z: z(a, b ?? a) } };
      },
    },
  });
}

const arrayOps: Readonly<Record<ArrayOp, (a: Floats, b: Floats) => Tensor>> = {
  add: (a, b) => add(a, b),
  softmax: (a) => softmax(a),
  layerNorm: (a) => layerNorm(a),
  sum: (a) => sum(a),
  sumAxis0: (a) => sum(a, { axis: 0 }),
  argMax: (a) => argmax(a, { axis: -1 }),
  products: (a, b) => batchMatmul(a, b),
};

/** The main job, as examples/mnist-mlp.ts has it. */
export function mainTrainer() {
  const { inputs, hidden } = network;
  return trainer(sequential([dense(hidden, { activation: "relu" }), dense(classes, { activation: "softmax" })]), {
    input: [inputs],
    loss: "softmaxCrossEntropy",
    optimizer: rmsprop(),
    metrics: ["accuracy"],
  });
}
