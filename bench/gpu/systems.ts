/** Which systems the GPU benchmark has, how each is started, and on which adapter. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { softwareVulkan } from "../../test/gpu/software.ts";
import { SystemProcess } from "../process.ts";
import { bundle, cache, dataFolder, root, type SystemSpec } from "../systems.ts";
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
    ...peers.map(([name, packages]): GpuSystemSpec => {
      const isThere = packages.every((one) => existsSync(join(root, "bench", "node_modules", one)));
      return { name, command: node(name), env, ...(isThere ? {} : { missing: "npm install --prefix bench" }) };
    }),
    ...pythonPeers(),
  ];
}

/** On the card that each finds by itself, else on the CPU: its process says which. */
function pythonPeers(): readonly GpuSystemSpec[] {
  const own = join(root, "bench", ".venv", "bin", "python");
  const python = existsSync(own) ? own : "python3";
  const missing = "python3 -m venv bench/.venv && bench/.venv/bin/pip install -r bench/python/requirements.txt";
  return [
    ["PyTorch", "torch"],
    ["JAX", "jax"],
  ].map(([name = "", module = ""]): GpuSystemSpec => {
    const script = `import importlib.util as u, sys; sys.exit(not (u.find_spec("numpy") and u.find_spec("${module}")))`;
    const isThere = spawnSync(python, ["-c", script]).status === 0;
    const file = join(root, "bench", "python", `${module}_gpu.py`);
    return { name, command: [python, file, dataFolder, "2"], ...(isThere ? {} : { missing }) };
  });
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
