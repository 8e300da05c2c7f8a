/**
 * Vitest's global setup: the sources as JavaScript, once for all child processes of the tests. A process that loads our 250
 * files of TypeScript through tsx takes 0.7 s of a core before its first line, one that loads the bundle 0.1 s.
 *
 *   src/index.ts, src/node.ts, the commands, ... -> <root>/.cache/tests/<unique>/{index,node,main,command,...}.js, with shared chunks
 *
 * run-script.ts starts processes in which "tensorloom" means these files. The folder goes when the tests are over. Before the
 * first of them one line says which engine they run on.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { engineLine } from "./engine.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Where a test finds the folder; workers inherit it. */
export const builtFolder = "TENSORLOOM_BUILT";

/** No run takes as long. */
const oldMs = 3_600_000;

/** Sources that are started or imported by name, and what they are called in the folder. */
export const builtFiles = {
  "src/index.ts": "index",
  "src/node.ts": "node",
  "src/tools/cli/main.ts": "main",
  "test/cli/command.ts": "command",
  "test/no-allocation-child.ts": "no-allocation-child",
  "test/unit/killed-child.ts": "killed-child",
  "test/unit/resume-child.ts": "resume-child",
  "test/unit/wasm/narrow-child.ts": "narrow-child",
  "test/unit/wasm/undisposed-child.ts": "undisposed-child",
} as const;

/** How esbuild bundles what tests start: the sources in place of the package, other packages as they are. */
export const asBundle = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  alias: { "tensorloom/node": join(root, "src/node.ts"), tensorloom: join(root, "src/index.ts") },
  logLevel: "error",
} as const satisfies BuildOptions;

export default async function setup(): Promise<() => void> {
  const parent = join(root, ".cache", "tests");
  mkdirSync(parent, { recursive: true });
  // A run that was killed has left its folder.
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (Date.now() - statSync(path).mtimeMs > oldMs) rmSync(path, { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(parent, "built-"));
  await build({
    entryPoints: Object.entries(builtFiles).map(([file, out]) => ({ in: join(root, file), out })),
    outdir: folder,
    splitting: true,
    ...asBundle,
  });
  const paths = { tensorloom: [join(folder, "index.js")], "tensorloom/node": [join(folder, "node.js")] };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions: { paths } }),
  );
  process.env[builtFolder] = folder;
  console.log(await engineLine());
  return () => rmSync(folder, { recursive: true, force: true });
}
