/**
 * What the compiler makes of a user's code and our declarations: under the lowest TypeScript that we take, a later one and the
 * newest; with the browser's types, Node's, WebGPU's, or none of them; and in which words it refuses what is wrong.
 *
 * The declarations are those of the package. Each compiler reads all snippets in one go, and our declarations with them
 * (skipLibCheck: false).
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocksOf } from "../docs-blocks.ts";
import { link, root, tscEnv, tscFlags } from "../installed.ts";
import { unexportedTypes } from "../public-types.ts";
import { right, wrong } from "../type-cases.ts";
import { lateOptimizing } from "../worker-flags.ts";

const execute = promisify(execFile);
const newest = "typescript";
/** The older compilers are JavaScript: their heap starts as large as it gets, so that it is looked through less often. */
const heapFlags = ["--initial-heap-size=1000", "--max-semi-space-size=64", "--min-semi-space-size=64"] as const;

/** Each with another choice of what else a project may have: a browser, a browser, WebGPU and Node, Node, nothing. */
const setups = [
  { compiler: "typescript-5.4", lib: ["es2022", "dom"], types: [] },
  { compiler: "typescript-5.9", lib: ["es2022", "dom"], types: ["node", "@webgpu/types"] },
  { compiler: newest, lib: ["es2023"], types: ["node"], module: "esnext", moduleResolution: "bundler" },
  { compiler: newest, lib: ["es2022"], types: [] },
] as const;

/** Not every setup has a console. */
const withPrint = (code: string): string =>
  `const print = (..._: unknown[]) => {};\n${code.replaceAll("console.log", "print")}`;
const extending = blocksOf("extending.md");

/** A CommonJS file: both ways to write what becomes a require. */
const required = `import tl = require("tensorloom");
import { dense, sequential, sgd, type Tensor, trainer } from "tensorloom";
export const double = (x: Tensor): Tensor => tl.add(x, x);
export const net = trainer(sequential([dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: sgd() });
`;

let folder = "";
const complaints = new Map<number, ReadonlyMap<string, string>>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensorloom-declarations-"));
  const dist = join(folder, "node_modules", "tensorloom", "dist");
  await mkdir(dist, { recursive: true });
  await tsc(newest, "-p", join(root, "tsconfig.build.json"), "--emitDeclarationOnly", "--noCheck", "--outDir", dist);
  await cp(join(root, "package.json"), join(dist, "..", "package.json"));
  for (const name of ["src", "passes", "codegen"])
    await cp(join(dist, name), join(dist, "require", name), { recursive: true }); // as rolldown.config.ts does
  await writeFile(join(dist, "require", "package.json"), '{ "type": "commonjs" }');
  for (const name of ["commander", "@types/node", "@webgpu/types"]) await link(folder, name);
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const readme = /^```ts\n(.*?)^```/ms.exec(await readFile(join(root, "README.md"), "utf8"))?.[1] ?? "";
  const twenty = withPrint(readme);
  for (const [i, { code }] of extending.entries()) await writeFile(join(folder, `extending${i}.ts`), withPrint(code));
  for (const [name, code] of Object.entries({ ...right, twenty })) await writeFile(join(folder, `${name}.ts`), code);
  await writeFile(join(folder, "required.cts"), required);
  const imports = 'import * as tl from "tensorloom"; import type { Tensor } from "tensorloom";';
  const snippets = wrong.map(({ code }) => `void (async () => { ${code}; });`);
  await writeFile(join(folder, "wrong.ts"), [imports, ...snippets].join("\n"));
  await Promise.all(setups.map(async (_, i) => complaints.set(i, await complaintsOf(i))));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function tsc(compiler: string, ...args: readonly string[]): Promise<string> {
  const path = join(root, "node_modules", compiler, "bin", "tsc");
  const flags = compiler === newest ? tscFlags : [];
  const all = [...heapFlags, ...lateOptimizing, path, "--pretty", "false", ...flags, ...args];
  const done = execute(process.execPath, all, { cwd: folder, env: tscEnv });
  return (await done.catch((error: { stdout: string }) => error)).stdout;
}

/** By file and line ("wrong.ts:7") the complaints, with the lines that explain them. */
async function complaintsOf(i: number): Promise<ReadonlyMap<string, string>> {
  const { compiler, ...options } = setups[i] ?? setups[0];
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: false,
    skipDefaultLibCheck: true, // the compiler's own
    ...options,
  };
  const config = `tsconfig.${i}.json`;
  const isCommonJs = !("module" in options);
  const modules = [...Object.keys(right), ...extending.map((_, i) => `extending${i}`), "twenty", "wrong"].map(
    (name) => `${name}.ts`,
  );
  const files = isCommonJs ? [...modules, "required.cts"] : modules;
  await writeFile(join(folder, config), JSON.stringify({ compilerOptions, files }));
  const found = new Map<string, string>();
  let place = "";
  for (const line of (await tsc(compiler, "-p", config)).split("\n")) {
    const start = /^(.*)\((\d+),\d+\): error TS\d+: /.exec(line);
    if (start !== null) place = `${start[1]}:${start[2]}`;
    if (line !== "") found.set(place, `${found.get(place) ?? ""}${line}\n`);
  }
  return found;
}

describe.each(
  setups.map((setup, i) => [`${setup.compiler} ${setup.lib.join(" ")} ${setup.types.join(" ")}`, i] as const),
)("%s", (_, i) => {
  test("takes what is right, and our declarations whole", () => {
    const elsewhere = [...(complaints.get(i) ?? [])].filter(([place]) => !place.startsWith("wrong.ts:"));
    expect(elsewhere).toEqual([]);
  });

  test.each(wrong.map(({ code, words }, line) => [code, words, line] as const))("%s", (_code, words, line) => {
    const complaint = complaints.get(i)?.get(`wrong.ts:${line + 2}`) ?? "";
    for (const word of words) expect(complaint).toContain(word);
  });
});

test("every type that a public signature names is exported", () => {
  const dist = join(folder, "node_modules", "tensorloom", "dist");
  const entries = ["index", "node"].map((name) => join(dist, "src", `${name}.d.ts`));
  // The compiler's own: to be named, not to be looked into.
  const opaque = new Set([
    "Entry",
    "Node",
    "Literal",
    "Training",
    "TargetSetup",
    "Ports",
    "SlotUpdates",
    "LossParts",
    "MetricParts",
  ]);
  expect([...unexportedTypes(dist, entries, opaque)]).toEqual([]);
});

test("the README states the lowest version", async () => {
  expect(await readFile(join(root, "README.md"), "utf8")).toContain("TypeScript 5.4 or newer");
});
