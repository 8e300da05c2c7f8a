/**
 * The targets: each a value (codegen/<name>/target.ts) with the device that runs it (src/runtime/<name>/device.ts), and which
 * one a program gets.
 *
 *   js     loops over typed arrays: runs everywhere
 *   wasm   WebAssembly with vectors, and threads where memory can be shared
 *   wgsl   compute shaders through WebGPU: the browser's, or Dawn in Node (see nodeGpu in node.ts)
 *
 * `auto` takes a GPU where there is a real one, else WebAssembly; `js` for f64, or where an engine has no vectors. A software
 * GPU (a driver that computes on the CPU) is slower than our own loops, so it is used only where `wgsl` is asked for, or where
 * a page's content security policy allows nothing else.
 */
import { type BoundTarget, bindTarget, type Target } from "../codegen/target.ts";
import { DeviceError } from "./core/errors.ts";
import { count, either, flag, type Kind, type OptionTable, object, oneOf, text } from "./core/options.ts";
import { precisionKind } from "./core/precision.ts";
import { type TargetName, targetNames } from "./kernel/target.ts";
import type { Artifact } from "./program/artifact.ts";
import type { Device, TargetOptions } from "./runtime/device.ts";
import { jsDevice } from "./runtime/js/device.ts";
import { vectorKind } from "./runtime/vectors.ts";
import { wasmDevice } from "./runtime/wasm/device.ts";
import { gpuDevice } from "./runtime/webgpu/device.ts";
import { setupOf, type TargetSetup } from "./target-setup.ts";

export type { TargetOptions } from "./runtime/device.ts";
export type { TargetSetup } from "./target-setup.ts";

export const targetKind: Kind<"auto" | TargetName> = oneOf("auto", ...targetNames);

export const targetTable: OptionTable<TargetOptions> = {
  target: targetKind,
  gpu: object(),
  device: object(),
  threads: either(count, oneOf("auto")),
  vectors: vectorKind,
  precise: flag,
  precision: precisionKind,
  lack: text,
};

/** A target with its device, whatever passes between them. */
interface Offer {
  /** To compile for without having the device. */
  planned(): Promise<BoundTarget>;
  readonly rank: number;
  readonly needsGpu: boolean;
  readonly policy: string | null;
  /** For `auto`: the target, or what is lacking. */
  find(options: TargetOptions): Promise<FoundTarget | string>;
  demand(options: TargetOptions): Promise<TargetSetup>;
}

interface FoundTarget {
  readonly what: string | undefined;
  readonly lastResort: string | undefined;
  setup(why: string): Promise<TargetSetup>;
}

/** All targets that programs run on; what prints for one is loaded as it is needed. */
export const targets: Readonly<Record<TargetName, Offer>> = {
  js: offer(async () => (await import("../codegen/js/target.ts")).js, jsDevice),
  wasm: offer(async () => (await import("../codegen/wasm/target.ts")).wasm, wasmDevice),
  wgsl: offer(async () => (await import("../codegen/wgsl/target.ts")).wgsl, gpuDevice),
};

function offer<A extends Artifact, Facts>(load: () => Promise<Target<A, Facts>>, device: Device<A, Facts>): Offer {
  return {
    planned: async () => bindTarget(await load()),
    rank: device.rank,
    needsGpu: device.needsGpu,
    policy: device.policy,
    async find(options) {
      const found = await device.find(options);
      if (typeof found === "string") return found;
      return {
        what: found.what,
        lastResort: found.lastResort,
        setup: async (why) => setupOf(await load(), found, why),
      };
    },
    demand: async (options) => setupOf(await load(), await device.demand(options)),
  };
}

/** The target that the options ask for. `needsF64` is what keeps `auto` off a GPU. */
export async function chooseTarget(options: TargetOptions, needsF64: boolean): Promise<TargetSetup> {
  const { target = "auto" } = options;
  return target === "auto" ? chooseForUser(options, needsF64) : targets[target].demand(options);
}

/** The first that is here, in the order of their ranks; what is a last resort comes after all others. */
async function chooseForUser(options: TargetOptions, needsF64: boolean): Promise<TargetSetup> {
  const ranked = [...targetNames].sort((a, b) => targets[a].rank - targets[b].rank);
  if (needsF64) {
    const planned = await Promise.all(ranked.map((name) => targets[name].planned()));
    const wide = ranked.filter((_, i) => planned[i]?.traits.hasF64);
    const why = `auto: the program uses f64, which only ${wide.join(" and ")} has`;
    for (const name of wide) return { ...(await targets[name].demand(options)), why };
  }
  const lacks = new Map<TargetName, string>();
  let last: FoundTarget | undefined;
  for (const name of ranked) {
    const found = await targets[name].find(options);
    if (typeof found === "string") lacks.set(name, found);
    else if (found.lastResort === undefined) return found.setup(`auto: ${found.what ?? inWords(lacks)}`);
    else {
      last ??= found;
      lacks.set(name, found.lastResort);
    }
  }
  if (last !== undefined) {
    const others = new Map([...lacks].filter(([, lack]) => lack !== last?.lastResort));
    return last.setup(`auto: ${last.what}, as ${inWords(others)}`);
  }
  throw new DeviceError(`no target can run here. ${[...lacks].map(([name, lack]) => `${name}: ${lack}.`).join(" ")}`);
}

function inWords(lacks: ReadonlyMap<TargetName, string>): string {
  return [...lacks.values()].join(", and ");
}
