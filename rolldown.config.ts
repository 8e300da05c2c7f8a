/**
 * The package as Node loads it: what tsc made of the sources, joined to a file for each entrance and a few that they share. A process
 * that loads 400 files takes 170 ms of its first 300 for it, one that loads these a fifth. Bundlers take the single modules, of which
 * they leave out what is not used.
 *
 *   dist/{src,passes,codegen}/**.js  ->  dist/{index,node,main,page}.js, dist/chunk-*.js
 *
 * All lie in one folder: that is how src/core/origin.ts knows which lines of a stack are ours. Functions keep their names, which
 * messages say and files hold; there are no maps, as they would name sources that are not in the package.
 */
import { cp, writeFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { defineConfig } from "rolldown";

/**
 * The declarations once more, as those of CommonJS modules: TypeScript before 5.8 lets a CommonJS file `require` nothing else, though
 * Node does.
 */
async function declareForRequire(): Promise<void> {
  const isDeclaration = (path: string): boolean => !/\.\w+$/.test(path) || path.endsWith(".d.ts");
  const isPublic = (path: string): boolean => !/src\/tools\/(?:cli|explorer)$/.test(path.replaceAll("\\", "/"));
  for (const name of ["src", "passes", "codegen"])
    await cp(`dist/${name}`, `dist/require/${name}`, {
      recursive: true,
      filter: (path) => isDeclaration(path) && isPublic(path),
    });
  await writeFile("dist/require/package.json", '{ "type": "commonjs" }\n');
}

const node = defineConfig({
  input: {
    index: "./dist/src/index.js",
    node: "./dist/src/node.js",
    main: "./dist/src/tools/cli/main.js",
    page: "./dist/src/nn/report/page.js", // read by report.ts, not imported
  },
  external: (id) => !id.startsWith(".") && !isAbsolute(id),
  platform: "neutral",
  plugins: [{ name: "declarations for require", writeBundle: declareForRequire }],
  output: {
    dir: "dist",
    format: "esm",
    chunkFileNames: "chunk-[name].js",
    keepNames: true,
    comments: { legal: true, annotation: true, jsdoc: false },
  },
});

/** The page of `tensorloom explore`, with the libraries that it shows things with: src/tools/cli/explore-page.ts reads it. */
const explorer = defineConfig({
  input: "./web/explorer/main.ts",
  platform: "browser",
  output: { file: "dist/explorer.js", format: "iife", minify: true, comments: { legal: true } },
});

export default [node, explorer];
