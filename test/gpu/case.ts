/**
 * What a GPU case is, where the cases are found, and what the child that runs them says about each.
 *
 * A file in cases/ exports `cases: readonly GpuCase[]`. It is imported by two processes: by Vitest, only for the names, and
 * by the child, which has the GPU. So importing it must not touch WebGPU; everything happens in `run`. One device is
 * shared by all cases and has the adapter's own limits; a case that loses a device, or wants the default limits, asks
 * `gpu` for an adapter of its own.
 */
import { readdir } from "node:fs/promises";
import { basename } from "node:path";

export interface Gpu {
  readonly device: GPUDevice;
  /** The adapter `device` came from. An adapter gives one device only: ask `gpu` for another one. */
  readonly adapter: GPUAdapter;
  readonly gpu: GPU;
}

export interface GpuCase {
  readonly name: string;
  /** Throws to fail. An error of the device that nothing caught fails the case too. What it gives to `show` is printed. */
  run(gpu: Gpu, show: (text: string) => void): Promise<void>;
}

/** A case with its file's name; `id` is unique, and is what `GPU_CASES` is matched against. */
export interface FoundCase {
  readonly id: string;
  readonly file: string;
  readonly case: GpuCase;
}

/** One line of the child's output, as JSON. */
export type Message =
  | { readonly event: "none"; readonly reason: string }
  | { readonly event: "ready"; readonly adapter: string; readonly startMs: number }
  | { readonly event: "start"; readonly id: string }
  | { readonly event: "text"; readonly text: string }
  | { readonly event: "pass"; readonly id: string; readonly ms: number }
  | { readonly event: "fail"; readonly id: string; readonly ms: number; readonly message: string }
  | { readonly event: "done" };

/** Every case whose id contains `filter`, in the order of file names. Throws where there are none, or two alike. */
export async function findCases(filter: string): Promise<readonly FoundCase[]> {
  const folder = new URL("./cases/", import.meta.url);
  const found = new Map<string, FoundCase>();
  for (const name of (await readdir(folder)).filter((name) => name.endsWith(".ts")).sort()) {
    const module: { readonly cases?: readonly GpuCase[] } = await import(/* @vite-ignore */ new URL(name, folder).href);
    if (module.cases === undefined) throw new Error(`test/gpu/cases/${name} does not export "cases"`);
    const file = basename(name, ".ts");
    for (const entry of module.cases) {
      const id = `${file} > ${entry.name}`;
      if (found.has(id)) throw new Error(`two GPU cases are called "${id}"`);
      found.set(id, { id, file, case: entry });
    }
  }
  const matching = [...found.values()].filter((entry) => entry.id.includes(filter));
  if (matching.length === 0)
    throw new Error(`no GPU case matches GPU_CASES="${filter}"; there are:\n${[...found.keys()].join("\n")}`);
  return matching;
}
