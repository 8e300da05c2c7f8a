/**
 * Keras's three files of weights: `.weights.h5`, `.keras` (a zip archive with one of those and the architecture) and the `.h5` of
 * earlier days. The optimizer's state, which a compiled model's file has too, is no weights and is left alone, and so are the states
 * of random generators.
 */
import { DataError, UserError } from "../core/errors.ts";
import { type Hdf5Library, readHdf5 } from "./hdf5.ts";
import { type KerasConfig, parseKerasConfig } from "./keras-config.ts";
import { legacyRoot, legacyTree } from "./keras-legacy.ts";
import { type KerasTree, treeOf } from "./keras-tree.ts";
import type { ZipEntry } from "./zip.ts";

export interface KerasFile extends KerasTree {
  /** Paths of datasets that are no tensors. */
  readonly others: readonly string[];
  /** What is no weights, in words. */
  readonly ignored: readonly string[];
}

/** What an archive of Keras's has its weights in. */
const kerasWeightsEntry = "model.weights.h5";

export async function readKerasArchive(
  entries: ReadonlyMap<string, ZipEntry>,
  name: string,
  library: Hdf5Library | undefined,
): Promise<KerasFile> {
  const weights = entries.get(kerasWeightsEntry);
  if (weights === undefined) throw new DataError(`${name}: there is no ${kerasWeightsEntry} in the archive`);
  const config = entries.get("config.json");
  const text = config === undefined ? "" : new TextDecoder().decode(await config.read());
  return readKeras(await weights.read(), `${name}, "${kerasWeightsEntry}"`, library, parseKerasConfig(text));
}

export async function readKeras(
  bytes: Uint8Array,
  name: string,
  library: Hdf5Library | undefined,
  config: KerasConfig | null = null,
): Promise<KerasFile> {
  if (library === undefined) {
    throw new UserError(
      `${name}: the file is HDF5, which the package h5wasm reads: npm install h5wasm. In Node loadWeights(path, trainer) finds it then; elsewhere give it: loadWeights(bytes, { hdf5: await import("h5wasm") })`,
    );
  }
  const contents = await readHdf5(bytes, name, library, optimizers);
  const root = legacyRoot(contents);
  const written = contents.attributes.get("")?.get("model_config")?.[0];
  const architecture = config ?? (written === undefined ? null : parseKerasConfig(written));
  const tree = root === null ? treeOf(contents, architecture) : legacyTree(contents, root, architecture);
  const isWeight = ({ path }: { readonly path: string }): boolean => !/(?:^|[/_])seed_generator/.test(path);
  const ignored = contents.left.map((path) => `${path}: the state of the optimizer`);
  for (const { path } of tree.variables)
    if (!isWeight({ path })) ignored.push(`${path}: the state of a random generator`);
  return { ...tree, variables: tree.variables.filter(isWeight), others: contents.others, ignored };
}

/** Groups with an optimizer's state. */
const optimizers: ReadonlySet<string> = new Set(["optimizer", "optimizer_weights"]);
