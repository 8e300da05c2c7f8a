/**
 * The package, as somebody else gets it: packed, unpacked into another project, used from JavaScript under plain Node and from
 * TypeScript, and bundled for a browser. `declarations.test.ts` has its types.
 */
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { type BuildOptions, build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Installed, install, link, node } from "../installed.ts";

let { folder, project, tarball }: Installed = { folder: "", project: "", tarball: "" };

beforeAll(async () => {
  ({ folder, project, tarball } = await install());
});

const main = (): string => join(project, "node_modules", "tensorloom", "dist", "src", "cli", "main.js");

afterAll(() => rm(folder, { recursive: true, force: true }));

test("holds what it needs and nothing else", async () => {
  expect((await stat(tarball)).size).toBeLessThan(2_000_000);
  const installed = join(project, "node_modules", "tensorloom");
  const names = await readdir(installed);
  expect(names.sort()).toEqual(["LICENSE", "README.md", "dist", "docs", "examples", "package.json"]);
  const dist = await readdir(join(installed, "dist"), { recursive: true });
  expect(dist.filter((name) => !name.includes("/")).sort()).toEqual(["codegen", "passes", "src"]);
  // maps would name sources that are not there, and lines in errors would point at them
  expect(new Set(dist.flatMap((name) => /\.(?:d\.)?\w+$/.exec(name)?.[0] ?? []))).toEqual(new Set([".js", ".d.ts"]));
  expect(await readFile(join(installed, "dist/src/index.js"), "utf8")).not.toContain("sourceMappingURL");
});

test("holds everything that its pages link to", async () => {
  const installed = join(project, "node_modules", "tensorloom");
  const pages = (await readdir(installed, { recursive: true })).filter((name) => name.endsWith(".md"));
  const missing: string[] = [];
  for (const page of pages) {
    for (const [, target = ""] of (await readFile(join(installed, page), "utf8")).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^\w+:/.test(target)) continue;
      const found = await stat(join(installed, dirname(page), target)).catch(() => null);
      if (found === null) missing.push(`${page}: ${target}`);
    }
  }
  expect(pages.length).toBeGreaterThan(2);
  expect(missing).toEqual([]);
});

test("its examples run where they lie", async () => {
  const example = join("node_modules", "tensorloom", "examples", "inspect.ts");
  expect(await node(project, main(), "run", example)).toMatch(/^==== \S/m);
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

test("its command runs, and loads a user's TypeScript against the installed package", async () => {
  expect(await node(project, main(), "--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
  await writeFile(
    join(project, "script.ts"),
    `import { evaluate, mul } from "tensorloom";
    export async function main(args: readonly string[]): Promise<void> {
      console.log(await evaluate(({ x }) => mul(x, 2), { x: Number(args[0]) }));
    }`,
  );
  expect(await node(project, main(), "run", "script.ts", "--", "21")).toBe("42\n");
});

describe("errors name the user's line", () => {
  /** One mistake a line, of every kind that is told apart from the others by when and where it is found. */
  const mistakes = [
    "() => tl.add(tl.full([2, 3], 0), tl.full([4], 0)),",
    "() => tl.sigmoidCrossEntropy(tl.full([2, 3], 0), tl.full([4], 0)),",
    "() => tl.einsum('ij,jk->im', tl.full([2, 3], 0), tl.full([3, 2], 0)),",
    "() => tl.values([1, 2, 3], 2),",
    "() => tl.dense(0.5),",
    "() => tl.sequential([]),",
    "() => tl.program({ inputs: { x: tl.f32(2) }, state: { x: tl.param(tl.zeros(2)) }, step: () => ({}) }),",
    "() => tl.compile(tl.program({ inputs: { x: tl.f32('n') }, step: ({ x }) => ({ outputs: { x } }) }), { target: 'js' }),",
    "() => tl.evaluate(({ x }) => tl.reshape(x, [5]), { x: [1, 2, 3] }),",
    "async () => { await (await tl.compile(tl.program({ inputs: { x: tl.f32(2) }, step: ({ x }) => ({ outputs: { x } }) }), { target: 'js' })).run({ entry: 'step', feeds: { x: [1] } }); },",
  ];
  const source = [
    'import * as tl from "tensorloom";',
    "const mistakes = [",
    ...mistakes,
    "];",
    "export async function complaints(): Promise<string[]> {",
    "  const found: string[] = [];",
    "  for (const mistake of mistakes) {",
    "    const error = await Promise.resolve().then(mistake).then(() => new Error('nothing is wrong'), (error) => error);",
    "    found.push(String(error.message));",
    "  }",
    "  return found;",
    "}",
  ];
  const asJavaScript = source.map((line) => line.replace(/: Promise<string\[\]>|: string\[\]/, ""));
  const printing = "console.log(JSON.stringify(await complaints()));";

  beforeAll(async () => {
    await writeFile(join(project, "mistakes.js"), [...asJavaScript, printing].join("\n"));
    await writeFile(join(project, "wrong.ts"), [...source, printing].join("\n"));
  });

  /** What is said after the last "at" of each message. */
  const linesIn = (printed: string): string[] =>
    (JSON.parse(printed) as string[]).map((message) => /\n {4}at (.*):\d+$/.exec(message)?.[1] ?? message);
  const linesOf = (file: string): string[] => mistakes.map((_, i) => `${join(project, file)}:${i + 3}`);

  test("in plain JavaScript, with source maps on and off", async () => {
    for (const flags of [[], ["--enable-source-maps"]]) {
      expect(linesIn(await node(project, ...flags, "mistakes.js"))).toEqual(linesOf("mistakes.js"));
    }
  });

  test("under tsx", async () => {
    expect(linesIn(await node(project, "--import", "tsx", "wrong.ts"))).toEqual(linesOf("wrong.ts"));
  });

  test("in a bundle with source maps; without, no line is better than one of ours", async () => {
    const options: BuildOptions = {
      absWorkingDir: project,
      entryPoints: ["wrong.ts"],
      bundle: true,
      format: "esm",
      platform: "node",
      logLevel: "error",
    };
    await build({ ...options, outfile: "out/mapped.js", sourcemap: true });
    expect(linesIn(await node(project, "--enable-source-maps", "out/mapped.js"))).toEqual(linesOf("wrong.ts"));
    await build({ ...options, outfile: "out/plain.js", minify: true });
    expect(await node(project, "out/plain.js")).not.toContain("    at ");
  });

  test("in a test of Vitest's", async () => {
    await link(project, "vitest");
    const writing = 'test("lines", async () => writeFileSync("lines.json", JSON.stringify(await complaints())));';
    const imports = 'import { writeFileSync } from "node:fs"; import { test } from "vitest";';
    await writeFile(join(project, "lines.test.ts"), [...source, imports, writing].join("\n"));
    await node(project, join(project, "node_modules", "vitest", "vitest.mjs"), "run");
    expect(linesIn(await readFile(join(project, "lines.json"), "utf8"))).toEqual(linesOf("lines.test.ts"));
  });
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
