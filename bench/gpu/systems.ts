/** Which systems the GPU benchmark has, how each is started, and on which adapter. */
import { join } from "node:path";
import { softwareVulkan } from "../../test/gpu/software.ts";
import { SystemProcess } from "../process.ts";
import { bundle, cache, dataFolder, peer, pythonSystems, root, type SystemSpec } from "../systems.ts";
import type { AboutAdapter, GpuAnswer, GpuRequest } from "./serve.ts";

export interface GpuSystemSpec extends SystemSpec {
  /** tensorloom itself, or kernels by hand: always there. */
  readonly isOwn?: true;
}

export const own = "tensorloom";
export const byHand = "by hand";

const files = join(cache, "gpu");
const peers = [
  ["jax-js", ["@jax-js/jax"]],
  ["tfjs", ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-webgpu"]],
] as const;

/** Bundles tensorloom with its benchmark, the other systems and what asks for the adapter. */
export async function bundleGpu(outdir = files): Promise<void> {
  await bundle(
    ["own", "by-hand", "jax-js", "tfjs"].map((name) => join("gpu", name)),
    outdir,
    root,
  );
}

export function ownCommand(folder: string): readonly string[] {
  return [process.execPath, join(folder, "own.mjs"), dataFolder];
}

export function gpuSystems(env: Readonly<Record<string, string>>): readonly GpuSystemSpec[] {
  const node = (file: string): readonly string[] => [process.execPath, join(files, `${file}.mjs`), dataFolder];
  return [
    { name: own, command: ownCommand(files), env, isOwn: true },
    { name: byHand, command: node("by-hand"), env, isOwn: true },
    ...peers.map(([name, packages]) => ({ ...peer(name, packages, node(name)), env })),
    // On the card that each finds by itself, else on the CPU: its process says which.
    ...pythonSystems([
      ["PyTorch", "torch_gpu", ["torch"]],
      ["JAX", "jax_gpu", ["jax"]],
    ]),
  ];
}

/** The adapter that Dawn finds by itself, else the software one; with the environment that brings it. */
export async function adapterEnv(
  software: boolean,
): Promise<{ readonly env: Readonly<Record<string, string>>; readonly about: AboutAdapter }> {
  await bundle([join("gpu", "by-hand")], files, root);
  const failures: string[] = [];
  const driver = await softwareVulkan();
  for (const env of [...(software ? [] : [{}]), driver.kind === "ready" ? driver.env : driver.reason]) {
    if (typeof env === "string") {
      failures.push(env);
      continue;
    }
    const command = [process.execPath, join(files, "by-hand.mjs"), dataFolder];
    const probe = new SystemProcess<GpuRequest, GpuAnswer>({ name: "adapter", command, env });
    const { about, error } = await probe.ask({ kind: "about" });
    await probe.close();
    if (about !== undefined) return { env, about };
    failures.push(error ?? "no answer");
  }
  throw new Error(`WebGPU has no adapter here: ${failures.join("; ")}`);
}
