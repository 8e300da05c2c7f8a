/**
 * tensorloom/node: everything of index.ts, and what only Node has.
 *
 * WebGPU comes from Dawn, in the optional package `webgpu` (132 MB, so nobody gets it unasked):
 *
 *   const executable = await compile(program, { gpu: await nodeGpu() });
 */
import { DeviceError, messageOf, UserError } from "./core/errors.ts";
import { checkArguments, checkOptions, checkValue, type OptionTable, show, text } from "./core/options.ts";
import { atLine, here, told } from "./core/origin.ts";
import { type Precision, precisionKind } from "./core/precision.ts";
import { checkFileEnding } from "./io/file-ending.ts";
import { loadCheckpoint, readWholeFile, writeFileAtomically } from "./io/files.ts";
import { type Hdf5Library, isHdf5 } from "./io/hdf5.ts";
import { type ReadNpyOptions, readNpy, readNpyTable, writeNpy } from "./io/npy.ts";
import { type ReadNpzOptions, readNpz, readNpzTable, type WriteNpzOptions, writeNpz, writeNpzTable } from "./io/npz.ts"; // biome-ignore format: names
import type { Npz } from "./io/npz-archive.ts";
import {
  type ReadSafetensorsOptions,
  readSafetensors,
  readTable,
  type Safetensors,
  type StoredTensor,
  writeSafetensors,
} from "./io/safetensors.ts";
import { type LoadWeightsOptions, loadWeightsTable, type SaveWeightsOptions, saveWeightsTable } from "./io/weight-options.ts"; // biome-ignore format: names
import type { LoadedWeights } from "./io/weights.ts";
import { isZip } from "./io/zip.ts";
import { checkLoadOptions, type LoadTrainerOptions, trainerFrom } from "./nn/saved-trainer.ts";
import { type RestoreOptions, restoreTable, type Trainer } from "./nn/trainer.ts";
import type { Gpu } from "./runtime/platform.ts";
import { hasVulkanLoader } from "./runtime/webgpu/vulkan-loader.ts";
import { type TargetOptions, targetKind, targets } from "./targets.ts";

export { type LoadMnistOptions, loadMnist } from "./data/mnist.ts";
export type { PublishedFile } from "./data/mnist-files.ts";
export * as datasets from "./data/sources/public.ts";
export * from "./index.ts";
export { loadCheckpoint, saveCheckpoint } from "./io/files.ts";
export {
  type EventLog,
  type Logged,
  type LoggedByTag,
  type LoggedImages,
  type LoggedTexts,
  readEvents,
} from "./io/tensorboard/event-log.ts";
export type { Bucket } from "./io/tensorboard/histogram.ts";
export type { HyperParameters } from "./io/tensorboard/hparams.ts";
export type { ImageTensor } from "./io/tensorboard/image.ts";
export type { PrCurve } from "./io/tensorboard/pr-curve.ts";
export {
  type GraphOptions,
  type HistogramOptions,
  type HparamsOptions,
  type PrCurveOptions,
  type Predictions,
  type SummaryOptions,
  type SummaryWriter,
  summaryWriter,
} from "./io/tensorboard/summary-writer.ts";
export * from "./nn/callbacks/node.ts";
export * as callbacks from "./nn/callbacks/node.ts";
export type { TerminalStream } from "./nn/progress-bar.ts";
export { type ReportOptions, type RunSource, saveReport } from "./nn/report/report.ts";
export { interruptSignal, type TerminalProgressOptions, terminalProgress } from "./nn/terminal.ts";
export {
  type FlagDefinition,
  type FlagDefinitions,
  type FlagValues,
  parseFlags,
  type Script,
  script,
} from "./tools/script.ts";

export type AnyTrainer = Pick<Trainer, "checkpoint" | "restore" | "fingerprint">;
export type WeightsHolder = Pick<Trainer, "weights" | "loadWeights">;

/** Saves a trainer's checkpoint, also while it trains. Whatever happens meanwhile, the file is the old one or the new one. */
export async function saveTrainer(path: string, trainer: AnyTrainer): Promise<void> {
  checkArguments("saveTrainer", arguments, 2);
  checkPathAndTrainer("saveTrainer", path, trainer, "checkpoint");
  checkFileEnding("saveTrainer", path, false, ".safetensors; saveWeights writes .npz");
  await told("saveTrainer", async () => writeFileAtomically(path, await trainer.checkpoint()));
}

/**
 * A trainer from its file: model, loss, metrics and optimizer are in it. Its next `fit` goes on where the saved one stood. A
 * trainer with functions of yours (a layer, loss, metric or regularizer) must be made first, and given as the second argument.
 */
export async function loadTrainer(path: string, options?: LoadTrainerOptions): Promise<Trainer<string>>;
/** Puts a saved checkpoint into a trainer with the same model and optimizer; its next `fit` goes on where that one stood. */
export async function loadTrainer(path: string, trainer: AnyTrainer, options?: RestoreOptions): Promise<void>;
export async function loadTrainer(
  path: string,
  given: AnyTrainer | LoadTrainerOptions = {},
  options: RestoreOptions = {},
): Promise<unknown> {
  checkArguments("loadTrainer", arguments, 3);
  checkValue("loadTrainer", "the path", path, text);
  if (typeof given !== "object" || given === null || !("fingerprint" in given)) {
    checkLoadOptions("loadTrainer", given, "path, ");
    return told("loadTrainer", async () => trainerFrom(await loadCheckpoint(path), given, path));
  }
  checkOptions("loadTrainer", options, restoreTable, { before: "path, trainer, " });
  return told("loadTrainer", async () => given.restore(await loadCheckpoint(path, given.fingerprint), options));
}

/**
 * Saves a trainer's weights alone, also while it trains: as safetensors, or for a path that ends in ".npz" for NumPy. Whatever happens
 * meanwhile, the file is the old one or the new one.
 */
export async function saveWeights(
  path: string,
  trainer: WeightsHolder,
  options: SaveWeightsOptions = {},
): Promise<void> {
  checkArguments("saveWeights", arguments, 3);
  checkPathAndTrainer("saveWeights", path, trainer, "weights");
  checkFileEnding("saveWeights", path, true, ".safetensors or .npz");
  const given = checkOptions("saveWeights", options, saveWeightsTable, { before: "path, trainer, " });
  const format = given.format ?? (/\.npz$/i.test(path) ? "npz" : "safetensors");
  await told("saveWeights", async () => writeFileAtomically(path, await trainer.weights({ format })));
}

/**
 * Puts weights from a file into a trainer: one of `saveWeights` or `saveTrainer`, another program's safetensors or npz, or Keras's
 * .weights.h5, .keras or .h5, told apart by what is in them. Keras's files take the package h5wasm. All or nothing, unless
 * `strict: false` takes what fits. Gives lists of what did and what did not.
 */
export async function loadWeights(
  path: string,
  trainer: WeightsHolder,
  options?: LoadWeightsOptions,
): Promise<LoadedWeights> {
  checkArguments("loadWeights", arguments, 3);
  checkPathAndTrainer("loadWeights", path, trainer, "loadWeights");
  checkOptions("loadWeights", options, loadWeightsTable, { before: "path, trainer, " });
  return told("loadWeights", async () => {
    const bytes = await readWholeFile(path);
    const needsHdf5 = (isHdf5(bytes) || isZip(bytes)) && options?.hdf5 === undefined;
    const hdf5 = needsHdf5 ? await loadHdf5(isHdf5(bytes), path) : options?.hdf5;
    return trainer.loadWeights(bytes, { ...options, ...(hdf5 === undefined ? {} : { hdf5 }) }, path);
  });
}

/** The package that reads HDF5. A zip archive may do without it: an npz. */
async function loadHdf5(isNeeded: boolean, path: string): Promise<Hdf5Library | undefined> {
  try {
    return await import("h5wasm");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (isMissing && !isNeeded) return undefined;
    const why = isMissing
      ? "which is not installed: npm install h5wasm"
      : `which could not be loaded: ${messageOf(error)}`;
    throw new UserError(`${path}: HDF5 files of Keras are read by the package h5wasm, ${why}`);
  }
}

function checkPathAndTrainer(call: string, path: unknown, trainer: unknown, method: keyof Trainer): void {
  checkValue(call, "the path", path, text);
  if (typeof trainer === "object" && trainer !== null && method in trainer) return;
  throw new UserError(`${call} takes a trainer behind the path, not ${show(trainer)}${atLine(here(call))}`);
}

/** Tensors by name, and texts, as a safetensors file that is the old one or the new one. */
export async function saveSafetensors(path: string, ...contents: Parameters<typeof writeSafetensors>): Promise<void> {
  checkValue("saveSafetensors", "the path", path, text);
  await told("saveSafetensors", () => writeFileAtomically(path, writeSafetensors(...contents)));
}

/** The tensors and texts of a safetensors file, of whatever program; see `readSafetensors`. */
export async function loadSafetensors(path: string, options?: ReadSafetensorsOptions): Promise<Safetensors> {
  checkArguments("loadSafetensors", arguments, 2);
  checkValue("loadSafetensors", "the path", path, text);
  checkOptions("loadSafetensors", options, readTable, { before: "path, " });
  return told("loadSafetensors", async () => readSafetensors(await readWholeFile(path), path, options));
}

/** A tensor as an npy file, which NumPy reads; the file is the old one or the new one. */
export async function saveNpy(path: string, tensor: StoredTensor): Promise<void> {
  checkArguments("saveNpy", arguments, 2);
  checkValue("saveNpy", "the path", path, text);
  await told("saveNpy", () => writeFileAtomically(path, writeNpy(tensor)));
}

/** The array of an npy file; see `readNpy`. */
export async function loadNpy(path: string, options?: ReadNpyOptions): Promise<StoredTensor> {
  checkArguments("loadNpy", arguments, 2);
  checkValue("loadNpy", "the path", path, text);
  checkOptions("loadNpy", options, readNpyTable, { before: "path, " });
  return told("loadNpy", async () => readNpy(await readWholeFile(path), path, options));
}

/** Tensors by name as an npz file, which NumPy reads; the file is the old one or the new one. */
export async function saveNpz(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  options?: WriteNpzOptions,
): Promise<void> {
  checkArguments("saveNpz", arguments, 3);
  checkValue("saveNpz", "the path", path, text);
  checkOptions("saveNpz", options, writeNpzTable, { before: "path, tensors, " });
  await told("saveNpz", async () => writeFileAtomically(path, await writeNpz(tensors, options)));
}

/** The arrays of an npz file; see `readNpz`. */
export async function loadNpz(path: string, options?: ReadNpzOptions): Promise<Npz> {
  checkArguments("loadNpz", arguments, 2);
  checkValue("loadNpz", "the path", path, text);
  checkOptions("loadNpz", options, readNpzTable, { before: "path, " });
  return told("loadNpz", async () => readNpz(await readWholeFile(path), path, options));
}

/** Kept for as long as the process lives: Dawn may crash when its instance is released. */
let dawn: Readonly<Partial<Record<Precision, Promise<Gpu>>>> = {};

/** What WebGPU in Node is to be good for. */
export interface NodeGpuOptions {
  /**
   * "mixed" for programs of that precision: an NVIDIA GPU then has f16 and its matrix units, which Dawn keeps back otherwise (it thinks
   * them not yet safe on all drivers). What was found stands in the name of a program's device: "NVIDIA H100, with f16 and matrix units".
   */
  readonly precision?: Precision;
}

const nodeGpuTable: OptionTable<NodeGpuOptions> = { precision: precisionKind };

/** WebGPU in Node. A DeviceError says what is missing. */
export async function nodeGpu(options?: NodeGpuOptions): Promise<Gpu> {
  checkArguments("nodeGpu", arguments, 1);
  const { precision = "f32" } = checkOptions("nodeGpu", options, nodeGpuTable);
  if (process.platform === "linux" && !hasVulkanLoader()) {
    throw new DeviceError(
      "WebGPU found no Vulkan (libvulkan.so.1). Install libvulkan1 and the GPU's driver (the vendor's package, or " +
        'mesa-vulkan-drivers). Without a GPU use target: "wasm".',
    );
  }
  const loading =
    dawn[precision] ??
    loadDawn(precision).catch((error: unknown) => {
      dawn = { ...dawn, [precision]: undefined }; // what is missing may be installed before the next call
      throw error;
    });
  dawn = { ...dawn, [precision]: loading };
  const gpu = await loading;
  const adapter = await gpu.requestAdapter();
  if (adapter === null) {
    throw new DeviceError(
      "WebGPU found no GPU. Install the GPU's driver; on Linux that is Vulkan: libvulkan1 and the vendor's package, or " +
        'mesa-vulkan-drivers. Without a GPU use target: "wasm".',
    );
  }
  return gpu;
}

/** A clock that is read by nobody but the user's own program need not be blurred: launches of microseconds are timed. */
const exactTimes = "disable-dawn-features=timestamp_quantization";

/** What Dawn keeps back on NVIDIA: f16, and the matrix units, which are an experiment of WebGPU's. */
const mixedToggles = "enable-dawn-features=vulkan_enable_f16_on_nvidia,allow_unsafe_apis";

/**
 * For `compile`: the target, with Node's WebGPU where that can be had. "auto" does without, and `lack` says what was missing:
 * `compile` takes the CPU then. "wgsl" insists.
 */
export async function nodeTarget(
  target: NonNullable<TargetOptions["target"]> = "auto",
  options?: NodeGpuOptions,
): Promise<TargetOptions> {
  checkArguments("nodeTarget", arguments, 2);
  checkOptions("nodeTarget", options, nodeGpuTable, { before: "target, " });
  checkValue("nodeTarget", "the target", target, targetKind);
  if (target !== "auto" && !targets[target].needsGpu) return { target };
  try {
    return { target, gpu: await nodeGpu(options) };
  } catch (error) {
    if (target !== "auto" || !(error instanceof DeviceError)) throw error;
    return { target, lack: `auto: ${error.message.split(". ")[0]}` }; // what to do about it is for doctor to say
  }
}

async function loadDawn(precision: Precision): Promise<Gpu> {
  let loaded: typeof import("webgpu");
  try {
    loaded = await import("webgpu");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    const why = error instanceof Error ? error.message : String(error);
    throw new DeviceError(
      isMissing
        ? "WebGPU in Node comes from the package webgpu, which is not installed: npm install webgpu"
        : `the package webgpu could not be loaded: ${why}`,
    );
  }
  return loaded.create(precision === "mixed" ? [exactTimes, mixedToggles] : [exactTimes]);
}
