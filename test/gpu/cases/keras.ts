/** A part of Keras's layers on the GPU: values, gradients, next statistics and masks, against the numbers that Keras gave. */
import { deepStrictEqual } from "node:assert/strict";
import { compile, f32, i32, type Layer, program } from "../../../src/index.ts";
import * as layers from "../../../src/nn/layers/public.ts";
import { differenceFrom, type Found, feedsOf, type KerasOptions, type LayerTable, layerCases, programOf, wantedOf } from "../../keras-layer-program.ts"; // biome-ignore format: names
import type { Gpu, GpuCase } from "../case.ts";

/** Options by our names, without those by position. */
const rest = (given: KerasOptions, ...position: readonly string[]): object =>
  given.others<object>([...position, "unroll"]);
const filters = (make: (n: number, size: number | readonly number[], options: object) => Layer) => (given: KerasOptions) =>
  make(given.get("filters"), given.get("kernel_size"), rest(given, "filters", "kernel_size")); // biome-ignore format: short
const units = (make: (n: number, options: object) => Layer) => (given: KerasOptions) =>
  make(given.get("units"), rest(given, "units"));

const table: LayerTable = {
  Conv1D: filters(layers.conv1d),
  Conv2D: filters(layers.conv2d),
  Conv2DTranspose: filters(layers.conv2dTranspose),
  SeparableConv2D: filters(layers.separableConv2d),
  BatchNormalization: (given) => layers.batchNormalization(rest(given)),
  LayerNormalization: (given) => layers.layerNormalization(rest(given)),
  GroupNormalization: (given) => layers.groupNormalization(rest(given)),
  Embedding: (given) =>
    layers.embedding(given.get("input_dim"), given.get("output_dim"), rest(given, "input_dim", "output_dim")),
  PReLU: (given) => layers.prelu(rest(given)),
  Softmax: (given) => layers.softmax(rest(given)),
  GRU: units(layers.gru),
  LSTM: units(layers.lstm),
};

const parts: Readonly<Record<string, readonly string[]>> = {
  "layers-conv": ["conv1d-causal-dilated", "conv2d-same-stride2-6x6", "conv2d-groups", "separable2d-same-stride2", "transpose2d-same"],
  "layers-norm": ["batchnorm-images-training", "batchnorm-masked-training", "batchnorm-renorm-training", "layernorm-axes", "groupnorm"],
  "layers-core": ["embedding-mask-zero", "embedding-negative-index-wraps", "prelu-shared", "softmax-masked"],
  "layers-recurrent": ["gru-masked", "lstm-masked-last", "lstm-initial-state"],
}; // biome-ignore format: names

export const cases: readonly GpuCase[] = [
  ...Object.entries(parts).map(([file, names]) => ({
    name: `${file}: ${names.join(", ")}`,
    run: ({ device }: Gpu) => agree(file, names, device),
  })),
  { name: "an embedding of a number that has no row is NaN", run: ({ device }) => withoutRow(device) },
];

async function withoutRow(device: GPUDevice): Promise<void> {
  const made = program({
    inputs: { x: i32(3), table: f32(2, 1) },
    step: ({ x, table }) => ({ outputs: { y: layers.embedding(2, 1).apply({ embeddings: table }, x) } }),
  });
  const executable = await compile(made, { target: "wgsl", device });
  const { y } = await executable.run({ entry: "step", feeds: { x: [1, 2, -1], table: [3, 4] } });
  executable.dispose();
  deepStrictEqual([...Float32Array.from(y as never)], [4, Number.NaN, 4]);
}

async function agree(file: string, names: readonly string[], device: GPUDevice): Promise<void> {
  const chosen = layerCases(file).filter(({ name }) => names.includes(name));
  deepStrictEqual(chosen.map(({ name }) => name).sort(), [...names].sort());
  const executable = await compile(programOf(chosen, table), { target: "wgsl", device });
  const found: Readonly<Record<string, Found>> = (await executable.run({
    entry: "step",
    feeds: feedsOf(chosen) as never,
  })) as never;
  executable.dispose();
  const wrong = chosen.flatMap((one, n) =>
    wantedOf(one).flatMap(([name, wanted]) => {
      const difference = differenceFrom(found[`c${n}`]?.[name] ?? [], wanted, 2e-5);
      return difference === null ? [] : [`${one.name}: ${name} ${difference}`];
    }),
  );
  deepStrictEqual(wrong, []);
}
