/** What bench:threads looks into. */
import { compileOn, program, type Shape, slot, softmax, sum, type Tensor, zeros } from "tensorloom";
import { syntheticDigits } from "../../src/data/digits.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { netProgram } from "../net-program.ts";
import { layerNorm, stepProgram } from "../programs.ts";
import { block, c5, conv2, lstm } from "../workloads.ts";

/** A program that was compiled, and one step of it. */
export interface Running {
  readonly device: string;
  step(): void;
  dispose(): void;
}

interface Job {
  readonly name: string;
  on(target: TargetSetup, batch: number): Promise<Running>;
}

const [rows, columns] = [4096, 1024];
const many = 2 ** 24;

export const jobs: readonly Job[] = [
  {
    name: "step",
    on: (target, batch) => training(target, stepProgram("rmsprop"), batch),
  },
  ...[c5, conv2, lstm, block].map((net) => ({
    name: net.net,
    on: (target: TargetSetup) => training(target, netProgram(net), net.batch),
  })),
  { name: "softmax", on: (target) => running(target, [rows, columns], (x) => softmax(x)) },
  { name: "layerNorm", on: (target) => running(target, [rows, columns], layerNorm) },
  { name: "sum", on: (target) => running(target, [many], (x) => sum(x)) },
];

/** On drawn digits; all train on an image and a label. */
async function training(
  target: TargetSetup,
  made: ReturnType<typeof stepProgram> | ReturnType<typeof netProgram>,
  batch: number,
): Promise<Running> {
  const { train } = syntheticDigits({ seed: 5, train: batch, test: 1 });
  const image = Float32Array.from(train.images, (byte) => byte / 255);
  const label = Int32Array.from(train.labels);
  const executable = await compileOn(made as ReturnType<typeof stepProgram>, target, { dims: { batch } });
  // Weights that stay as they are: what learning does to their size has a speed of its own.
  executable.state.write("opt.learningRate", 0);
  const step = () => executable.train({ image, label });
  return { device: executable.report.device, step, dispose: () => executable.dispose() };
}

async function running(
  target: TargetSetup,
  shape: readonly number[],
  z: (x: Tensor<Shape, "f32">) => Tensor,
): Promise<Running> {
  const made = program({
    state: { x: slot(zeros(...shape)) },
    entries: { go: (_: unknown, { x }) => ({ outputs: { z: z(x) } }) },
  });
  const executable = await compileOn(made, target);
  const count = shape.reduce((product, size) => product * size, 1);
  executable.state.write(
    "x",
    Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 1009) / 1009),
  );
  return { device: executable.report.device, step: () => executable.go(), dispose: () => executable.dispose() };
}
