/**
 * An entry as a WebAssembly module of one thread, with the map of the memory that the module works on.
 *
 *   train.wasm     imports  env.memory, env.mod      exports  run(thread) -> 0, step0(thread), step1(thread), ...
 *
 * Multiply-adds are rounded twice, as with `precise: true`: the file runs on every engine with SIMD, to the same bits. The
 * states lie at the same addresses for every entry of a program.
 */
import { UserError } from "../../src/core/errors.ts";
import { counted, type Exporter } from "../files.ts";
import { importedMemory, importNames, mostPages, pageBytes, stepName } from "./abi.ts";
import { callSteps, type WasmArtifact } from "./artifact.ts";

export const wasmFiles: Exporter<WasmArtifact> = (entries, name) => {
  const files = new Map<string, string | Uint8Array>();
  const told = entries.map(({ name: entry, artifact }) => {
    const file = `${name(entry)}.wasm`;
    files.set(file, artifact.module);
    return { file, ...describe(entry, artifact) };
  });
  const modules = counted(files.size, "module");
  files.set("example.mjs", wasmExample);
  return { files, entries: told, told: `${modules}, example.mjs and manifest.json` };
};

/** What the manifest says of a module. */
function describe(entry: string, artifact: WasmArtifact) {
  const { bases, bytes, shared, threads, relaxed, steps } = artifact;
  const pages = pagesOf(entry, artifact);
  const { panels, ...segments } = bases;
  return {
    memory: {
      pages,
      pageBytes,
      shared: importedMemory(shared).shared,
      bases: segments,
      panels,
      panelBytes: bytes.panels,
    },
    imports: [importNames.memory, importNames.mod].map((imported) => `${importNames.module}.${imported}`),
    exports: ["run", ...callSteps(steps).map(({ id }) => stepName(id))],
    threads,
    relaxed,
  };
}

/** Pages of the memory that a module needs. Throws a UserError where there are none so large. */
export function pagesOf(entry: string, { end }: Pick<WasmArtifact, "end">): number {
  const pages = Math.ceil(end / pageBytes);
  if (pages <= mostPages) return pages;
  throw new UserError(
    `the entry "${entry}" needs ${end} bytes of WebAssembly memory, which has at most ${mostPages * pageBytes}: ` +
      "make the batch or the model smaller, or use --target js",
  );
}

/** A program of a few lines that runs a compiled folder with nothing but its files: for people to start from. */
const wasmExample = `// Loads this folder's modules as manifest.json describes them. "node example.mjs" runs each entry once, on zeros.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const here = (name) => new URL(name, import.meta.url);
const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array, bool: Uint8Array, f16: Uint16Array, bf16: Uint16Array };

/** All entries of the folder on one memory: \`view(name)\` is a buffer's array, \`run()\` computes the entry once. */
export async function load() {
  const { entries } = JSON.parse(await readFile(here("manifest.json"), "utf8"));
  const memory = new WebAssembly.Memory({ initial: Math.max(...entries.map((entry) => entry.memory.pages)) });
  const loaded = entries.map(async ({ name, file, buffers, memory: { bases } }) => {
    const { instance } = await WebAssembly.instantiate(await readFile(here(file)), { env: { memory, mod } });
    const view = (wanted) => {
      const found = buffers.find((buffer) => buffer.name === wanted);
      if (found === undefined) throw new Error(\`\${name} has no buffer "\${wanted}"\`);
      const { dtype, segment, offset, count } = found;
      return new arrays[dtype](memory.buffer, bases[segment] + offset, count);
    };
    return [name, { buffers, view, run: () => instance.exports.run(0) }];
  });
  return new Map(await Promise.all(loaded));
}

/** The remainder with the divisor's sign, NaN for a divisor of 0. */
function mod(x, y) {
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;
  return rest < 0 === y < 0 ? rest : rest + y;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [name, { buffers, view, run }] of await load()) {
    // Inputs and states go here: view("input x").set(values). An entry's inputs and outputs lie where another's may lie.
    run();
    for (const buffer of buffers.filter(({ segment }) => segment === "output")) {
      console.log(name, buffer.name, view(buffer.name).slice(0, 8));
    }
  }
}
`;
