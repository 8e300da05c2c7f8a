/**
 * `npm start`: `tensorloom run examples/mnist-mlp.ts --` on the sources, joined first. That takes esbuild a third of a second, and
 * the process then loads a few files in place of 400 that tsx would turn into JavaScript one by one: half a second and 60 MB less.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const folder = `${root}.cache/start`;

await build({
  absWorkingDir: root,
  entryPoints: { index: "src/index.ts", node: "src/node.ts", main: "src/tools/cli/main.ts" },
  outdir: folder,
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  logLevel: "warning",
});
// What the script means by "tensorloom".
const paths = { tensorloom: ["./index.js"], "tensorloom/node": ["./node.js"] };
const config = { extends: "../../tsconfig.json", compilerOptions: { paths } };
writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
process.env.TSX_TSCONFIG_PATH = `${folder}/tsconfig.json`;

const [node = "", , ...args] = process.argv;
const main = new URL(".cache/start/main.js", import.meta.url);
process.argv = [node, fileURLToPath(main), "run", "examples/mnist-mlp.ts", "--", ...args];
await import(main.href);
