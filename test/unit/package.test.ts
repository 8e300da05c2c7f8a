/**
 * The package, as somebody else gets it: packed, unpacked into another project, used from JavaScript under plain Node and from
 * TypeScript, and bundled for a browser. `declarations.test.ts` has its types.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Installed, install, link, node } from "../installed.ts";

let { folder, project, tarball }: Installed = { folder: "", project: "", tarball: "" };

beforeAll(async () => {
  ({ folder, project, tarball } = await install());
});

const main = (): string => join(project, "node_modules", "tensorloom", "dist", "main.js");

afterAll(() => rm(folder, { recursive: true, force: true }));

test("holds what it needs and nothing else", async () => {
  expect((await stat(tarball)).size).toBeLessThan(3_300_000); // the page of explore is 0.2 MB of it, declarations for require 0.2, pictures of the docs 0.7
  const installed = join(project, "node_modules", "tensorloom");
  const names = await readdir(installed);
  expect(names.sort()).toEqual(["LICENSE", "README.md", "dist", "docs", "examples", "package.json", "python"]);
  const dist = await readdir(join(installed, "dist"), { recursive: true });
  const entrances = ["explorer.js", "index.js", "main.js", "node.js", "page.js"];
  const top = dist.filter((name) => !name.includes("/") && !name.startsWith("chunk-"));
  expect(top.sort()).toEqual(["codegen", "passes", "require", "src", ...entrances].sort());
  // maps would name sources that are not there, and lines in errors would point at them
  expect(new Set(dist.flatMap((name) => /\.(?:d\.)?\w+$/.exec(name)?.[0] ?? []))).toEqual(
    new Set([".js", ".d.ts", ".json"]), // require/package.json
  );
  for (const file of ["index.js", "src/index.js"])
    expect(await readFile(join(installed, "dist", file), "utf8")).not.toContain("sourceMappingURL");
});

test("holds everything that its pages link to", async () => {
  const installed = join(project, "node_modules", "tensorloom");
  const pages = (await readdir(installed, { recursive: true })).filter((name) => name.endsWith(".md"));
  const missing: string[] = [];
  for (const page of pages) {
    const text = (await readFile(join(installed, page), "utf8")).replace(/^```.*?^```|`[^`\n]*`/gms, ""); // code has no links
    for (const [, target = ""] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
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

describe("a reader of the README", () => {
  let lines = "";

  beforeAll(async () => {
    const readme = await readFile(join(project, "node_modules", "tensorloom", "README.md"), "utf8");
    lines = /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? "";
    // Half as many digits as the first layer has units, so that five epochs are a moment.
    const data = join(project, "digits");
    await mkdir(data);
    await writeFile(join(project, ".env"), "TENSORLOOM_DATA=digits");
    const big = (count: number): number[] => [count >> 24, count >> 16, count >> 8, count].map((byte) => byte & 255);
    for (const [name, count] of [
      ["train", 256],
      ["t10k", 128],
    ] as const) {
      const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
      const images = Uint8Array.from({ length: 784 * count }, (_, i) =>
        (i % 784) % 10 === Math.floor(i / 784) % 10 ? 255 : 0,
      );
      await writeFile(join(data, `${name}-labels-idx1-ubyte`), Uint8Array.of(...big(2049), ...big(count), ...labels));
      const head = [2051, count, 28, 28].flatMap(big);
      await writeFile(join(data, `${name}-images-idx3-ubyte`), Buffer.concat([Uint8Array.from(head), images]));
    }
  });

  test.each([
    ["train.ts", ["--import", "tsx"]],
    ["train.js", []],
  ])("has the twenty lines run as %s", async (file, flags) => {
    expect(lines.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(20);
    await writeFile(join(project, file), lines);
    const printed = await node(project, "--env-file=.env", ...flags, file);
    expect(printed).toMatch(/^Epoch 5\/5: loss/m);
    // the data's name, the loss, the accuracy, and the probabilities of one image: a 0
    const [, name, accuracy, first] = /^(\S+) 0\.\d+ (\S+) Float32Array\(10\) \[\s*(\S+),/m.exec(printed) ?? [];
    expect(name).toBe("mnist");
    expect(Number(accuracy)).toBe(1);
    expect(Number(first)).toBeGreaterThan(0.5);
  });

  test("trains, draws, saves, loads and compiles a model of their own for another target, and it predicts the same", async () => {
    const mine = `import { adam, concat, dense, model, trainer } from "tensorloom";
      import { loadTrainer, saveReport, saveTrainer } from "tensorloom/node";
      const make = () => trainer(model({
        inputs: { point: [2], scale: [1] },
        layers: { hidden: dense(16, { activation: "tanh" }), sum: dense(1), sign: dense(1, { activation: "sigmoid" }) },
        call({ point, scale }, { hidden, sum, sign }) {
          const h = hidden(concat([point, scale], 1));
          return { sum: sum(h), sign: sign(h) };
        },
      }), { loss: { sum: "meanSquaredError", sign: "sigmoidCrossEntropy" }, optimizer: adam({ learningRate: 0.01 }) });
      const point = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i * i));
      const scale = Float32Array.from({ length: 64 }, (_, i) => Math.cos(i));
      const sum = scale.map((s, i) => s * (point[2 * i] + point[2 * i + 1]));
      const sign = sum.map((value) => Number(value > 0));
      const net = make();
      await net.compile({ target: "wasm", batch: 16, seed: 1 });
      const history = await net.fit({ x: { point, scale }, y: { sum, sign }, epochs: 50 });
      await saveReport("report.html", { mine: history });
      const { epochs } = history;
      const expected = await net.predict({ x: { point, scale } });
      await saveTrainer("mine.safetensors", net);
      const loaded = make();
      await loadTrainer("mine.safetensors", loaded);
      await loaded.compile({ target: "js", batch: 8 });
      const found = await loaded.predict({ x: { point, scale } });
      const worst = Math.max(...["sum", "sign"].flatMap((name) => [...expected[name].map((value, i) => Math.abs(value - found[name][i]))]));
      console.log(JSON.stringify({ learned: epochs[49].loss < 0.5 * epochs[0].loss, worst, count: found.sum.length }));`;
    await writeFile(join(project, "mine.js"), mine);
    const { learned, worst, count } = JSON.parse(await node(project, "mine.js"));
    expect({ learned, count }).toEqual({ learned: true, count: 64 });
    expect(worst).toBeLessThan(1e-5);
    expect(await readFile(join(project, "report.html"), "utf8")).toContain("uplot");
  });
});

test("is had by require as well, and is the same module then", async () => {
  const script = `const { dense, sequential, sgd, trainer } = require("tensorloom");
    const { nodeTarget } = require("tensorloom/node");
    const net = trainer(sequential([dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }) });
    void (async () => {
      await net.compile({ ...(await nodeTarget("wasm")), batch: 4 });
      const { epochs } = await net.fit({ x: [0, 1, 2, 3], y: [1, 3, 5, 7], epochs: 200 });
      console.log(epochs.at(-1).loss < 1e-6, dense === (await import("tensorloom")).dense);
    })();`;
  await writeFile(join(project, "required.cjs"), script);
  expect(await node(project, "required.cjs")).toBe("true true\n");
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

test("its command writes a standalone folder, from the templates that lie in the package", async () => {
  await writeFile(
    join(project, "twice.ts"),
    'import { f32, mul, program } from "tensorloom"; export default program({ inputs: { x: f32() }, step: ({ x }) => ({ outputs: { y: mul(x, 2) } }) });',
  );
  await node(project, main(), "compile", "twice.ts", "--standalone", "-o", "twice");
  const use = 'import("./twice/twice.js").then(async ({ create }) => console.log((await create()).step({ x: 21 }).y))';
  expect(await node(project, "-e", use)).toBe("42\n");
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

test("its functions and classes have the names they are exported by, as messages say them and files hold them", async () => {
  const list = `import * as tl from "tensorloom/node";
    const namesIn = (all) => Object.entries(all).flatMap(([key, value]) => typeof value === "function" ? [[key, value.name]]
      : value !== null && typeof value === "object" && value[Symbol.toStringTag] === "Module" ? namesIn(value) : []);
    console.log(JSON.stringify(namesIn(tl)));`;
  await writeFile(join(project, "names.js"), list);
  const names: readonly (readonly [string, string])[] = JSON.parse(await node(project, "names.js"));
  expect(names.length).toBeGreaterThan(300);
  expect(names.filter(([key, name]) => name !== "" && name !== key)).toEqual([]);
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

test("a page that trains MNIST loads the target that it takes, and four fifths of the bytes that it once was", async () => {
  const program = `
    import { dense, rmsprop, sequential, trainer } from "tensorloom";
    export async function run(x, y) {
      const layers = [dense(512, { activation: "relu" }), dense(10, { activation: "softmax" })];
      const net = trainer(sequential(layers), { input: [784], loss: "softmaxCrossEntropy", optimizer: rmsprop(), metrics: ["accuracy"] });
      await net.compile({ batch: 128, seed: 1 });
      return net.fit({ x, y, epochs: 5 });
    }`;
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: project, sourcefile: "page.js" },
    absWorkingDir: project,
    outdir: "out",
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    legalComments: "none",
  });
  const sizes = outputFiles.map(({ contents }) => gzipSync(contents, { level: 9 }).length);
  const outputs = Object.entries(metafile.outputs);
  const sizeOf = (path: string): number =>
    sizes[outputFiles.findIndex((file) => file.path === join(project, path))] ?? Number.NaN;
  /** A chunk, and what it imports at once. */
  const loads = (path: string, seen: Set<string>): Set<string> => {
    if (seen.has(path)) return seen;
    seen.add(path);
    for (const { path: other, kind } of metafile.outputs[path]?.imports ?? [])
      if (kind === "import-statement") loads(other, seen);
    return seen;
  };
  const chunkOf = (module: string): string => {
    const found = outputs.find(([, { entryPoint }]) => entryPoint?.endsWith(module));
    if (found === undefined) throw new Error(`no chunk begins with ${module}`);
    return found[0];
  };
  const parts = {
    js: ["codegen/js/target.js", "runtime/js/machine.js"],
    wasm: ["codegen/wasm/target.js", "runtime/wasm/found.js"],
    wgsl: ["codegen/wgsl/target.js", "runtime/webgpu/machine.js"],
  };
  const bytes = Object.entries(parts).map(([target, modules]) => {
    const loaded = new Set<string>();
    for (const path of ["out/stdin.js", ...modules.map(chunkOf)]) loads(path, loaded);
    return [target, [...loaded].reduce((sum, path) => sum + sizeOf(path), 0)] as const;
  });
  // Minified and gzipped at commit fceb0262, where every page loaded all targets: one file, and in chunks.
  const [whole, chunks] = [339_375, 318_500];
  for (const [target, size] of bytes) {
    const ratios = [whole, chunks].map((before) => (size / before).toFixed(3));
    console.log(
      `MNIST in a page, ${target}: ${size} bytes, ${ratios[0]} of what one file was, ${ratios[1]} of the chunks`,
    );
    expect(size).toBeLessThan(0.8 * whole);
  }
});
