/** tensorloom run: what main gets, and what the user is told when something is wrong. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runScript } from "../unit/run-script.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensorloom-run-"));
  await writeFile(join(folder, "package.json"), '{ "type": "commonjs" }'); // as npm init makes it
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(source: string, ...args: readonly string[]) {
  const script = join(folder, "script.ts");
  await writeFile(script, source);
  return runScript("src/cli/main.ts", ["run", script, ...args]);
}

test("calls main with the arguments behind --, in TypeScript, with await at the top", async () => {
  const source = `const greeting: string = await Promise.resolve("hello");
    export function main(args: readonly string[]): void { console.log(greeting, JSON.stringify(args), process.argv.length); }`;
  const { code, stdout, stderr } = await run(source, "--", "--epochs", "3", "x");
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'hello ["--epochs","3","x"] 5\n', stderr: "" });
});

test.each([
  ["no main", "export default 3;", /^error: .*script\.ts has no main to run: export async function main/],
  ["an error in main", "\nexport function main() { (null as never as { x: () => void }).x(); }", /^error: main of .*script\.ts failed: TypeError: .*\n {4}at .*script\.ts:2:\d+\n$/], // biome-ignore format: rows
  ["an error at the top", 'throw new Error("no data");', /^error: .*script\.ts could not be loaded: Error: no data\n {4}at .*script\.ts:1:\d+\n$/], // biome-ignore format: rows
  ["no TypeScript", "export function main( {", /^error: .*script\.ts could not be loaded: /],
])("%s: exit code 2 and no stack", async (_, source, message) => {
  const { code, stdout, stderr } = await run(source);
  expect(stdout).toBe("");
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain("node:internal");
  expect(code).toBe(2);
});

test("--debug shows the stack, and the exit code stays", async () => {
  const { code, stderr } = await run('export function main() { throw new Error("mine"); }', "--debug");
  expect(stderr).toMatch(/^Error: mine\n {4}at main /);
  expect(code).toBe(2);
});

test("a script that is not there", async () => {
  const { code, stderr } = await runScript("src/cli/main.ts", ["run", "nowhere.ts"]);
  expect(stderr).toBe("error: there is no file nowhere.ts\n");
  expect(code).toBe(2);
});
