/**
 * The package, as somebody else gets it: packed, unpacked into another project, used from JavaScript under plain Node, checked
 * from TypeScript, and bundled for a browser.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const execute = promisify(execFile);
const link = process.platform === "win32" ? "junction" : "dir";
let folder = "";
let project = "";

/** Runs a program of an npm package, or a script, under plain Node. */
async function node(cwd: string, ...args: readonly string[]): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout } = await execute(process.execPath, [...args], { cwd, env });
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensorloom-package-"));
  const source = join(folder, "source");
  // A copy, so that nothing here is built over what others use. It holds a file that must not be packed.
  const copied = ["src", "passes", "codegen", "docs", "examples", "package.json", "README.md", "LICENSE", "tsconfig.json", "tsconfig.build.json"]; // biome-ignore format: names
  for (const name of copied) await cp(join(root, name), join(source, name), { recursive: true });
  await mkdir(join(source, "dist"));
  await writeFile(join(source, "dist", "left-over.js"), "");
  await symlink(join(root, "node_modules"), join(source, "node_modules"), link);
  await execute("npm", ["pack", "--offline"], { cwd: source, shell: process.platform === "win32" });
  const [tarball = ""] = (await readdir(source)).filter((name) => name.endsWith(".tgz"));
  expect((await stat(join(source, tarball))).size).toBeLessThan(2_000_000);

  project = join(folder, "project");
  const installed = join(project, "node_modules", "tensorloom");
  await mkdir(installed, { recursive: true });
  await execute("tar", ["-xzf", join(source, tarball), "-C", installed, "--strip-components=1"]);
  const { dependencies } = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  for (const name of [...Object.keys(dependencies), "@types/node"]) {
    const to = join(project, "node_modules", name);
    await mkdir(join(to, ".."), { recursive: true });
    await symlink(join(root, "node_modules", name), to, link);
  }
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "mine", type: "module", private: true }));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("holds what it needs and nothing else", async () => {
  const installed = join(project, "node_modules", "tensorloom");
  const names = await readdir(installed);
  expect(names.sort()).toEqual(["LICENSE", "README.md", "dist", "docs", "package.json"]);
  expect((await readdir(join(installed, "dist"))).sort()).toEqual(["codegen", "passes", "src"]);
});

test("trains, saves and goes on in plain JavaScript", async () => {
  await writeFile(
    join(project, "train.js"),
    `import { dense, sequential, sgd, trainer } from "tensorloom";
    import { loadTrainer, saveTrainer } from "tensorloom/node";
    const net = () => trainer(sequential([dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }) });
    const data = { x: [0, 1, 2, 3], y: [1, 3, 5, 7] };
    const first = net();
    await first.compile({ target: "js", batch: 4 });
    await first.fit({ ...data, epochs: 200 });
    await saveTrainer("line.safetensors", first);
    const second = net();
    await loadTrainer("line.safetensors", second);
    console.log((await second.predict({ x: [10] }))[0].toFixed(2));`,
  );
  expect((await node(project, "train.js")).trim()).toBe("21.00");
});

test.each([
  [
    "with the browser's types, which know WebGPU, declarations and all",
    { lib: ["es2023", "dom", "esnext.disposable"] },
  ],
  ["as most projects for Node have it", { lib: ["es2023"], skipLibCheck: true }],
])("its types are found: %s", async (_, options) => {
  await writeFile(
    join(project, "typed.ts"),
    `import { dense, type History, sequential, sgd, trainer } from "tensorloom";
    import { nodeTarget, saveTrainer } from "tensorloom/node";
    const net = trainer(sequential([dense(2)]), { input: [1], loss: "softmaxCrossEntropy", optimizer: sgd(), metrics: ["accuracy"] });
    await net.compile(await nodeTarget("auto"));
    const history: History<"accuracy"> = await net.fit({ x: [1], y: [0] });
    const accuracy: number | undefined = history.epochs[0]?.accuracy;
    await saveTrainer("x", net);
    // @ts-expect-error there is no such metric
    export const wrong = [accuracy, history.epochs[0]?.precision];`,
  );
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    types: ["node"],
    strict: true,
    noEmit: true,
    ...options,
  };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const errors = await node(project, tsc, "-p", "tsconfig.json").catch((error: { stdout: string }) => error.stdout);
  expect(errors).toBe("");
});

test("its command runs, and loads a user's TypeScript against the installed package", async () => {
  const main = join(project, "node_modules", "tensorloom", "dist", "src", "cli", "main.js");
  expect(await node(project, main, "--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
  await writeFile(
    join(project, "script.ts"),
    `import { evaluate, mul } from "tensorloom";
    export async function main(args: readonly string[]): Promise<void> {
      console.log(await evaluate(({ x }) => mul(x, 2), { x: Number(args[0]) }));
    }`,
  );
  expect(await node(project, main, "run", "script.ts", "--", "21")).toBe("42\n");
});

test("bundles for the browser, and computes there", async () => {
  const program = `
    import { dense, sequential, sgd, trainer } from "tensorloom";
    export async function run() {
      const net = trainer(sequential([dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }) });
      await net.compile({ target: "js", batch: 4 });
      const { epochs } = await net.fit({ x: [0, 1, 2, 3], y: [1, 3, 5, 7], epochs: 200 });
      return [epochs.length, epochs.at(-1).loss < 1e-6, (await net.checkpoint()).length > 100];
    }`;
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: project },
    bundle: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "iife",
    globalName: "bundle",
    target: "es2022",
    logOverride: { "empty-import-meta": "silent" }, // a classic script has none, and errors name no line there
  });
  const outside = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect(outside).toEqual([]);
  const code = outputFiles[0]?.text ?? "";
  expect(/(?:from|import|require\()\s*["']node:/.test(code)).toBe(false);
  // What a page has, and Node's own globals are not among it.
  const page = createContext({ console, performance, setTimeout, TextEncoder, TextDecoder });
  const result = runInContext(`${code}\nbundle.run().then((found) => JSON.stringify(found))`, page) as Promise<string>;
  expect(await result).toBe("[200,true,true]");
});
