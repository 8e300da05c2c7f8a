/**
 * The library, as it is built, in this Node, in the one of package.json here (where it is installed), in Deno and in Bun.
 *
 *   npm run test:engines
 *   npm run test:engines -- /path/to/another/node ...
 *
 * child.ts has what is run. Where it must not depend on the engine (`js`, and `wasm` with `precise: true`), the numbers are this
 * Node's to the last bit. docs/platforms.md has what came of it. No part of CI, as Deno and Bun take 200 MB.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Answer, Checked } from "./child.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const others = fileURLToPath(new URL("others", import.meta.url));
const newest = fileURLToPath(new URL("node_modules/node/bin/node", import.meta.url));

/** Our sources are what was built of them; it stays outside of the bundle. */
const fromDist: Plugin = {
  name: "dist",
  setup({ onResolve }) {
    const built = (path: string): { path: string; external: true } => {
      const file = relative(root, path).replace(/\.ts$/, ".js");
      return { path: pathToFileURL(join(root, "dist", file)).href, external: true };
    };
    onResolve({ filter: /^tensorloom(\/node)?$/ }, ({ path }) =>
      built(join(root, "src", path === "tensorloom" ? "index.ts" : "node.ts")),
    );
    onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path);
      return ["src", "passes", "codegen"].includes(relative(root, file).split(sep)[0] ?? "") ? built(file) : undefined;
    });
  },
};

/** In the repository, so that dist finds its packages as an engine looks for them. */
function answers(folder: string, command: string, args: readonly string[]): Answer {
  const path = join(folder, "answer.json");
  rmSync(path, { force: true });
  const env = { ...process.env, TENSORLOOM_CACHE: "off", NO_COLOR: "1" };
  execFileSync(command, [...args, join(folder, "child.js"), path], { cwd: root, env, stdio: ["ignore", "ignore", "inherit"] }); // biome-ignore format: short
  return JSON.parse(readFileSync(path, "utf8"));
}

/** What is wrong with a check, this Node's numbers beside it. */
function failuresOf({ failures, bits }: Checked, same: Checked | undefined): readonly string[] {
  const differ = Object.keys(bits).filter((name) => bits[name] !== same?.bits[name]);
  return [...failures, ...(differ.length === 0 ? [] : [`other bits than in this Node: ${differ.join(", ")}`])];
}

execFileSync("npm", ["ci", "--prefix", others, "--no-audit", "--no-fund"], { cwd: root, stdio: "inherit" });
execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
mkdirSync(join(root, ".cache"), { recursive: true });
const folder = mkdtempSync(join(root, ".cache", "engines-"));
try {
  const entryPoints = [fileURLToPath(new URL("child.ts", import.meta.url))];
  const shape = { bundle: true, platform: "node", format: "esm", target: "node20", packages: "external" } as const;
  await build({ entryPoints, outfile: join(folder, "child.js"), plugins: [fromDist], ...shape });

  const here = answers(folder, process.execPath, []);
  const engines: readonly (readonly [command: string, ...args: string[]])[] = [
    ...[newest, ...process.argv.slice(2)].filter((path) => existsSync(path)).map((path) => [path] as const),
    [join(others, "node_modules", ".bin", "deno"), "run", "--allow-all", "--node-modules-dir=manual"],
    [join(others, "node_modules", ".bin", "bun"), "run"],
  ];
  const all = [here, ...engines.map(([command, ...args]) => answers(folder, command, args))];
  for (const { engine, checks } of all) {
    console.log(`\n${engine}`);
    for (const [name, check] of Object.entries(checks)) {
      const failures = failuresOf(check, here.checks[name]);
      const bits = Object.keys(check.bits).length > 0 ? ", and the bits of this Node" : "";
      console.log(failures.length === 0 ? `  ok    ${name}: ${check.count} compared${bits}` : `  FAIL  ${name}`);
      for (const failure of failures.slice(0, 5)) console.log(`          ${failure.slice(0, 600)}`);
      if (failures.length > 0) process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
