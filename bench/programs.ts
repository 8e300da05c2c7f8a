/**
 * The workloads as tensorloom programs.
 *
 * Operands are states, so that a call copies nothing in; results are outputs that nobody reads while the clock runs.
 */
import {
  adam,
  add,
  div,
  f32,
  grad,
  heUniform,
  i32,
  matmul,
  maximum,
  mean,
  mul,
  param,
  program,
  relu,
  rmsprop,
  type Shape,
  sgd,
  slot,
  softmax,
  softmaxCrossEntropy,
  sqrt,
  sub,
  type Tensor,
  transpose,
  variance,
  zeros,
} from "tensorloom";
import { layerNormEpsilon, type MapName, network, type OptimizerName, type Workload } from "./workloads.ts";

interface StepShape {
  readonly inputs?: number;
  /** Sizes of the hidden layers. */
  readonly hidden?: readonly number[];
}

/**
 * The training step as somebody writes it who thinks in maths. Its weights are "model.0.w", "model.0.b", "model.1.w", ...;
 * they start so that activations keep their size, however many layers there are.
 */
export function stepProgram(name: OptimizerName, shape: StepShape = {}) {
  const { inputs = network.inputs, hidden = [network.hidden] } = shape;
  const layers = layersOf([inputs, ...hidden, network.classes]);
  const optimizer = { sgd, rmsprop, adam }[name]();
  return program({
    inputs: { image: f32("batch", inputs), label: i32("batch") },
    state: { model: layers, opt: optimizer.slots(layers) },
    entries: {
      train({ image, label }, { model, opt: slots }) {
        const loss = lossOf(image, label, model);
        return { outputs: { loss }, next: optimizer.update({ model, slots, gradients: grad(loss, model) }) };
      },
    },
  });
}

/** Dense layers between layers of these sizes. */
export function layersOf(sizes: readonly number[]) {
  return sizes.slice(1).map((size, i) => ({
    w: param(heUniform(sizes[i] ?? 0, size)),
    b: param(zeros(size)),
  }));
}

type Layers = readonly { readonly w: Tensor<Shape, "f32">; readonly b: Tensor<Shape, "f32"> }[];

/** Cross-entropy behind such layers, with relu between them. */
export function lossOf(image: Tensor, label: Tensor<Shape, "i32">, model: Layers): Tensor<[], "f32"> {
  let x = image;
  model.forEach(({ w, b }, i) => {
    x = add(matmul(x, w), b);
    if (i < model.length - 1) x = relu(x as Tensor<Shape, "f32">);
  });
  return mean(softmaxCrossEntropy(x as Tensor<["batch", number], "f32">, label as Tensor<["batch"], "i32">));
}

/** A program whose only entry, "go", gives z. */
interface Formula {
  /** Names and shapes of the operands, cut from the random numbers in this order. */
  readonly operands: Readonly<Record<string, readonly number[]>>;
  z(operands: Readonly<Record<string, Tensor<Shape, "f32">>>): Tensor;
  /** How often one run calls it; 1 by default. */
  readonly calls?: number;
}

/** `undefined` for what is no formula: a training step, a floor. */
export function formulaOf(workload: Workload): Formula | undefined {
  switch (workload.kind) {
    case "matmul": {
      const { n } = workload;
      return binary([n, n], [n, n], (a, b) => matmul(a, b));
    }
    case "contraction": {
      const { m, k, n, transposed } = workload;
      const left = transposed === "left";
      const right = transposed === "right";
      return binary(left ? [k, m] : [m, k], right ? [n, k] : [k, n], (a, b) =>
        matmul(left ? transpose(a) : a, right ? transpose(b) : b),
      );
    }
    case "chain":
      return {
        ...binary(workload.shape, workload.shape, (x, y) => maximum(add(x, y), 0)),
        calls: workload.calls,
      };
    case "map":
      return binary([workload.count], [workload.count], maps[workload.map]);
    case "softmax":
      return { operands: { x: [workload.rows, workload.columns] }, z: ({ x }) => softmax(present(x)) };
    case "layerNorm":
      return { operands: { x: [workload.rows, workload.columns] }, z: ({ x }) => layerNorm(present(x)) };
    default:
      return undefined;
  }
}

type BinaryMap = (x: Tensor, y: Tensor) => Tensor;

/** At most four arithmetic operations an element. */
const maps: Readonly<Record<MapName, BinaryMap>> = {
  add: (x, y) => add(x, y),
  axpy: (x, y) => add(mul(x, 0.5), y),
  "relu-add": (x, y) => maximum(add(x, y), 0),
  lerp: (x, y) => add(mul(x, 0.9), mul(mul(y, y), 0.1)),
};

export function layerNorm(x: Tensor): Tensor {
  const wide = { axis: -1, keepDims: true } as const;
  const centred = sub(x, mean(x, wide));
  return mul(centred, div(1, sqrt(add(variance(x, wide), layerNormEpsilon))));
}

function binary(a: readonly number[], b: readonly number[], z: BinaryMap): Formula {
  return { operands: { a, b }, z: (operands) => z(present(operands.a), present(operands.b)) };
}

function present(x: Tensor<Shape, "f32"> | undefined): Tensor<Shape, "f32"> {
  if (x === undefined) throw new Error("a formula has no such operand");
  return x;
}

export function formulaProgram({ operands, z }: Formula) {
  const state = Object.fromEntries(Object.entries(operands).map(([name, shape]) => [name, slot(zeros(...shape))]));
  return program({
    state,
    entries: {
      go: (_: unknown, values) => ({ outputs: { z: z(values as Readonly<Record<string, Tensor<Shape, "f32">>>) } }),
    },
  });
}
