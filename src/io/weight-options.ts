/** What loading and saving weights may be told. */
import { callable, either, flag, type Kind, type OptionTable, oneOf } from "../core/options.ts";
import type { Hdf5Library } from "./hdf5.ts";

/** Names in the file -> names of weights; null leaves a tensor out, undefined leaves it to the rules. */
export type WeightNames = Readonly<Record<string, string | null>> | ((name: string) => string | null | undefined);

/** How tensors find their weights. */
export interface LoadWeightsOptions {
  /**
   * "name": a tensor goes to the weight of its name; Keras's and PyTorch's names for the parts of layers are understood. "order": the
   * first tensor to the first weight, and so on, whatever they are called; in the order of the Map, or that of the model whose weights
   * were saved. "name" by default.
   */
  readonly by?: "name" | "order";
  /** Whether every weight must have a tensor and every tensor a weight. False takes what fits and lists the rest. True by default. */
  readonly strict?: boolean;
  /**
   * Names of your own: `{ "fc.weight": "dense1.kernel" }`, or a function of the name in the file:
   * `(name) => name.replace("fc.", "dense1.")`. Others are found as ever.
   */
  readonly names?: WeightNames;
  /**
   * The tensors are laid out as PyTorch does it, a Linear's [out, in] and a convolution's [out, in, sizes..]: bring those of two
   * dimensions and more into the order here, but for embeddings; or those for whose weights a function says so. False by default.
   */
  readonly transpose?: boolean | ((name: string) => boolean);
  /** The package h5wasm, for Keras's files in a browser: `await import("h5wasm")`. In Node `loadWeights` finds it by itself. */
  readonly hdf5?: Hdf5Library;
}

const namesKind: Kind<WeightNames> = either(callable<(name: string) => string | null | undefined>(), {
  wanted: "an object of names",
  accepts: (value): value is Readonly<Record<string, string | null>> =>
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((name) => name === null || typeof name === "string"),
});

const hdf5Kind: Kind<Hdf5Library> = {
  wanted: 'the package h5wasm: import * as h5wasm from "h5wasm"',
  accepts: (value): value is Hdf5Library =>
    typeof value === "object" && value !== null && "ready" in value && "File" in value && "Dataset" in value,
};

export const loadWeightsTable: OptionTable<LoadWeightsOptions> = {
  by: oneOf("name", "order"),
  strict: flag,
  names: namesKind,
  transpose: either(flag, callable<(name: string) => boolean>()),
  hdf5: hdf5Kind,
};

/** What a file of weights is written as: "npz" is NumPy's archive of arrays. */
export type WeightsFormat = "safetensors" | "npz";

export interface SaveWeightsOptions {
  /** "safetensors" by default; of a path that ends in ".npz", "npz". */
  readonly format?: WeightsFormat;
}

export const saveWeightsTable: OptionTable<SaveWeightsOptions> = { format: oneOf("safetensors", "npz") };
