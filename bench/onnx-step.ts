/**
 * The training step as one ONNX graph, backward pass and update written out: weights and moments go in and come out again.
 *
 * Also the small graphs of the other workloads. `encode` is that of the package onnx-proto: ONNX is a protobuf format,
 * https://onnx.ai/onnx/repo-docs/IR.html.
 */
import { constants, layerNormEpsilon, network, type OptimizerName, type Workload } from "./workloads.ts";

const opset = 17;
/** The latest that onnx-proto knows. */
const irVersion = 8;
const dataType = { f32: 1, i32: 6, i64: 7 } as const;

type Shape = readonly number[];
type Attributes = Readonly<Record<string, number>>;

/** Values are named; an op's result gets a number. */
class OnnxGraph {
  readonly inputs: object[] = [];
  readonly outputs: object[] = [];
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];

  input(name: string, shape: Shape, type: "f32" | "i32" = "f32"): string {
    this.inputs.push(valueInfo(name, shape, type));
    return name;
  }

  output(name: string, value: string, shape: Shape): void {
    this.#nodes.push({ opType: "Identity", input: [value], output: [name] });
    this.outputs.push(valueInfo(name, shape, "f32"));
  }

  scalar(value: number): string {
    return this.#constant("f32", [], new Uint8Array(Float32Array.of(value).buffer));
  }

  integers(values: readonly number[], shape: Shape = [values.length]): string {
    return this.#constant("i64", shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  pair(first: number, second: number): string {
    return this.#constant("f32", [2], new Uint8Array(Float32Array.of(first, second).buffer));
  }

  op(opType: string, input: readonly string[], attributes: Attributes = {}): string {
    const output = `${opType}_${this.#nodes.length}`;
    const attribute = Object.entries(attributes).map(([name, value]) =>
      name === "epsilon" ? { name, type: 1, f: value } : { name, type: 2, i: value },
    );
    this.#nodes.push({ opType, input, output: [output], attribute });
    return output;
  }

  /** As an object in the form of ModelProto. */
  model(): object {
    const { inputs, outputs } = this;
    const graph = { name: "bench", node: this.#nodes, input: inputs, output: outputs, initializer: this.#constants };
    return { irVersion, opsetImport: [{ domain: "", version: opset }], graph };
  }

  #constant(type: keyof typeof dataType, dims: Shape, rawData: Uint8Array): string {
    const name = `constant_${this.#constants.length}`;
    this.#constants.push({ name, dataType: dataType[type], dims, rawData });
    return name;
  }
}

function valueInfo(name: string, shape: Shape, type: keyof typeof dataType): object {
  return {
    name,
    type: { tensorType: { elemType: dataType[type], shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
  };
}

// ---- the step ------------------------------------------------------------------------------------------------------

/** The weights, by their names in the graph. */
export const parameters: Readonly<Record<"w1" | "b1" | "w2" | "b2", Shape>> = {
  w1: [network.inputs, network.hidden],
  b1: [network.hidden],
  w2: [network.hidden, network.classes],
  b2: [network.classes],
};

/** Names of a parameter's moments; "next" before a name is what comes out. */
export function momentsOf(optimizer: OptimizerName, parameter: string): readonly string[] {
  return { sgd: [], rmsprop: ["v"], adam: ["m", "v"] }[optimizer].map((moment) => `${parameter}_${moment}`);
}

/** Inputs: image, label, t (updates from 1), weights and moments. Outputs: loss, and the next of each weight and moment. */
export function onnxStep(batch: number, optimizer: OptimizerName): object {
  const { inputs, classes } = network;
  const g = new OnnxGraph();
  const image = g.input("image", [batch, inputs]);
  const label = g.input("label", [batch], "i32");
  const t = optimizer === "adam" ? g.input("t", []) : "";
  for (const [name, shape] of Object.entries(parameters)) {
    for (const value of [name, ...momentsOf(optimizer, name)]) g.input(value, shape);
  }

  const h = g.op("Relu", [g.op("Gemm", [image, "w1", "b1"])]);
  const logits = g.op("Gemm", [h, "w2", "b2"]);
  g.output("loss", g.op("SoftmaxCrossEntropyLoss", [logits, label]), []);

  const depth = g.integers([classes], []);
  const wanted = g.op("OneHot", [g.op("Cast", [label], { to: dataType.i64 }), depth, g.pair(0, 1)]);
  const dLogits = g.op("Mul", [g.op("Sub", [g.op("Softmax", [logits]), wanted]), g.scalar(1 / batch)]);
  const dh = g.op("Gemm", [dLogits, "w2"], { transB: 1 });
  const zero = g.scalar(0);
  const dHidden = g.op("Where", [g.op("Greater", [h, zero]), dh, zero]);
  const columns = (x: string): string => g.op("ReduceSum", [x, g.integers([0])], { keepdims: 0 });
  const gradients = {
    w1: g.op("Gemm", [image, dHidden], { transA: 1 }),
    b1: columns(dHidden),
    w2: g.op("Gemm", [h, dLogits], { transA: 1 }),
    b2: columns(dLogits),
  };

  const scale = optimizer === "adam" ? adamScale(g, t) : "";
  for (const [name, shape] of Object.entries(parameters)) {
    const gradient = gradients[name as keyof typeof gradients];
    const next = update(g, optimizer, name, gradient, scale);
    for (const [value, result] of Object.entries(next)) g.output(`next_${value}`, result, shape);
  }
  return g.model();
}

/** lr * sqrt(1 - b2^t) / (1 - b1^t) */
function adamScale(g: OnnxGraph, t: string): string {
  const { learningRate, beta1, beta2 } = constants.adam;
  const rest = (beta: number): string => g.op("Sub", [g.scalar(1), g.op("Pow", [g.scalar(beta), t])]);
  return g.op("Mul", [g.scalar(learningRate), g.op("Div", [g.op("Sqrt", [rest(beta2)]), rest(beta1)])]);
}

function update(
  g: OnnxGraph,
  optimizer: OptimizerName,
  w: string,
  gradient: string,
  scale: string,
): Readonly<Record<string, string>> {
  const times = (x: string, factor: number): string => g.op("Mul", [x, g.scalar(factor)]);
  const mixed = (old: string, fresh: string, keep: number): string =>
    g.op("Add", [times(old, keep), times(fresh, 1 - keep)]);
  const squared = g.op("Mul", [gradient, gradient]);
  if (optimizer === "sgd") return { [w]: g.op("Sub", [w, times(gradient, constants.sgd.learningRate)]) };
  if (optimizer === "rmsprop") {
    const { learningRate, rho, epsilon } = constants.rmsprop;
    const v = mixed(`${w}_v`, squared, rho);
    const root = g.op("Sqrt", [g.op("Add", [v, g.scalar(epsilon)])]);
    return { [w]: g.op("Sub", [w, g.op("Div", [times(gradient, learningRate), root])]), [`${w}_v`]: v };
  }
  const { beta1, beta2, epsilon } = constants.adam;
  const m = mixed(`${w}_m`, gradient, beta1);
  const v = mixed(`${w}_v`, squared, beta2);
  const root = g.op("Add", [g.op("Sqrt", [v]), g.scalar(epsilon)]);
  const next = g.op("Sub", [w, g.op("Div", [g.op("Mul", [scale, m]), root])]);
  return { [w]: next, [`${w}_m`]: m, [`${w}_v`]: v };
}

// ---- the other workloads -------------------------------------------------------------------------------------------

export interface OnnxFormula {
  readonly model: object;
  /** Inputs a and, where there are two, b; all of this shape. The output is z. */
  readonly shape: readonly [number, number];
  readonly operands: readonly string[];
  readonly calls: number;
}

export function onnxFormula(workload: Workload): OnnxFormula | undefined {
  const g = new OnnxGraph();
  const made = (shape: readonly [number, number], operands: readonly string[], z: () => string, calls = 1) => {
    for (const name of operands) g.input(name, shape);
    g.output("z", z(), shape);
    return { model: g.model(), shape, operands, calls };
  };
  switch (workload.kind) {
    case "matmul":
      return made([workload.n, workload.n], ["a", "b"], () => g.op("MatMul", ["a", "b"]));
    case "chain":
      return made(workload.shape, ["a", "b"], () => g.op("Relu", [g.op("Add", ["a", "b"])]), workload.calls);
    case "softmax":
      return made([workload.rows, workload.columns], ["a"], () => g.op("Softmax", ["a"]));
    case "layerNorm":
      return made([workload.rows, workload.columns], ["a"], () => {
        const ones = g.op("ConstantOfShape", [g.integers([workload.columns])]);
        const scale = g.op("Add", [ones, g.scalar(1)]);
        return g.op("LayerNormalization", ["a", scale], { epsilon: layerNormEpsilon });
      });
    default:
      return undefined;
  }
}
