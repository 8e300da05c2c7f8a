/**
 * tensorloom run: what main gets, and what the user is told when something is wrong. Where it is the process that counts (its
 * exit code, its arguments, an error that nobody caught) each script has one of its own; others share one.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkTrace } from "../trace-format.ts";
import { type Commands, type Finished, runScript, startCommands, startScript } from "../unit/run-script.ts";

let folder = "";
let commands: Commands;
beforeAll(async () => {
  commands = startCommands();
  folder = await mkdtemp(join(tmpdir(), "tensorloom-run-"));
  await writeFile(join(folder, "package.json"), '{ "type": "commonjs" }'); // as npm init makes it
});
afterAll(async () => {
  await commands.end();
  await rm(folder, { recursive: true, force: true });
});

async function run(source: string, ...args: readonly string[]) {
  const script = join(folder, "script.ts");
  await writeFile(script, source);
  return runScript("src/tools/cli/main.ts", ["run", script, ...args]);
}

let written = 0;

async function runAmongOthers(source: string, ...args: readonly string[]): Promise<Finished> {
  const script = join(folder, `${written++}-script.ts`); // a module is imported once
  await writeFile(script, source);
  return commands.run("run", script, ...args);
}

test("calls main with the arguments behind --, in TypeScript, with await at the top", async () => {
  const source = `const greeting: string = await Promise.resolve("hello");
    export function main(args: readonly string[]): void { console.log(greeting, JSON.stringify(args), process.argv.length); }`;
  const { code, stdout, stderr } = await run(source, "--", "--epochs", "3", "x");
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'hello ["--epochs","3","x"] 5\n', stderr: "" });
});

test("a script without main has been run by importing it", async () => {
  const source =
    "const loss: number = await Promise.resolve(0.25);\nconsole.log(loss, process.argv.slice(2).join());\nexport default loss;";
  expect(await run(source, "--", "--epochs", "3")).toEqual({ code: 0, stdout: "0.25 --epochs,3\n", stderr: "" });
});

test.each([
  ["an error in main", run, "\nexport function main() { (null as never as { x: () => void }).x(); }", /^error: main of .*script\.ts failed: TypeError: .*\n {4}at .*script\.ts:2:\d+\n$/], // biome-ignore format: rows
  ["an error at the top", runAmongOthers, 'throw new Error("no data");', /^error: .*script\.ts could not be loaded: Error: no data\n {4}at .*script\.ts:1:\d+\n$/], // biome-ignore format: rows
  ["an error in a timer", run, '\nexport function main() { setTimeout(() => { throw new Error("late"); }, 1); }', /^error: main of .*script\.ts failed: Error: late\n {4}at .*script\.ts:2:\d+\n$/], // biome-ignore format: rows
  ["a promise that nobody awaits", run, '\nexport function main() { void Promise.reject(new RangeError("lost")); }', /^error: main of .*script\.ts failed: RangeError: lost\n {4}at .*script\.ts:2:\d+\n$/], // biome-ignore format: rows
  ["without main, an error in a timer", run, '\nsetTimeout(() => { throw new Error("late"); }, 1);\nexport {};', /^error: .*script\.ts failed: Error: late\n {4}at .*script\.ts:2:\d+\n$/], // biome-ignore format: rows
  ["an error of ours that has no line of its own", runAmongOthers, `import { dense, sgd, trainer } from "tensorloom";\n\nexport async function main() {\n  const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd() });\n  await net.evaluate({ x: [1], y: [1] });\n}`, /^error: evaluate: call await trainer\.compile\(\) first\n {4}at .*script\.ts:5:\d+\n$/], // biome-ignore format: rows
  ["an error of ours at the top", runAmongOthers, `import { dense, sgd, trainer } from "tensorloom";\ntrainer(dense(1), { input: [1], loss: "softmaxCrossEntropy", optimizer: sgd() });`, /^error: trainer: softmaxCrossEntropy needs an output for each class.*\n {4}at .*script\.ts:2:1\n$/], // biome-ignore format: rows
  ["an await without an end", run, "export async function main() { await new Promise(() => {}); }", /^error: the script awaits something that never comes/], // biome-ignore format: rows
  ["no TypeScript", runAmongOthers, "export function main( {", /^error: .*script\.ts could not be loaded: /],
])("%s: exit code 2 and no stack", async (_, runIt, source, message) => {
  const { code, stdout, stderr } = await runIt(source);
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

test("flags of the script without -- are refused, with the way to give them", async () => {
  const { code, stdout, stderr } = await runAmongOthers("export function main() {}", "--epochs", "3");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe(
    "error: unknown option '--epochs'\n(flags of the script itself go behind --: tensorloom run train.ts -- --epochs 5)\n",
  );
});

test("--debug behind -- is the script's own", async () => {
  const source = 'export function main([flag]: readonly string[]) { throw new Error(flag + " arrived"); }';
  const { code, stderr } = await run(source, "--", "--debug");
  expect(stderr).toMatch(/^error: main of .*script\.ts failed: Error: --debug arrived\n {4}at .*script\.ts:1:\d+\n$/);
  expect(code).toBe(2);
});

test("flags that parseFlags refuses are told once, and its help is no error", async () => {
  const source = `import { parseFlags } from "tensorloom/node";
    export function main(args: readonly string[]): void {
      const flags = { size: { kind: "count", default: "auto", about: "how much" } } as const;
      console.log(JSON.stringify(parseFlags({ name: "mine", about: "Does it.", flags }, args)));
    }`;
  const [given, auto, wrong, help] = [
    await runAmongOthers(source, "--", "--size", "3"),
    await runAmongOthers(source, "--", "--size", "auto"),
    await runAmongOthers(source, "--", "--size", "all"),
    await runAmongOthers(source, "--", "--help"),
  ];
  expect([given, auto]).toEqual([
    { code: 0, stdout: '{"size":3}\n', stderr: "" },
    { code: 0, stdout: '{"size":"auto"}\n', stderr: "" },
  ]);
  expect(wrong).toEqual({
    code: 2,
    stdout: "",
    stderr: "error: option '--size <n>' argument 'all' is invalid. It must be a number.\n",
  });
  expect(help).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("--size <n>  how much") });
});

test("a reader that closes the pipe is no error", async () => {
  const script = join(folder, "script.ts");
  await writeFile(script, "export function main() { for (let i = 0; i < 1e5; i++) console.log(i); }");
  const child = startScript("src/tools/cli/main.ts", ["run", script]);
  child.stdout.once("data", () => child.stdout.destroy());
  const said: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect([code, said.join("")]).toEqual([0, ""]);
});

test("a script that is not there", async () => {
  const { code, stderr } = await commands.run("run", "nowhere.ts");
  expect(stderr).toBe("error: there is no file nowhere.ts\n");
  expect(code).toBe(2);
});

const profiled = (end: string): string => `import { compile, f32, matmul, program, relu, sum } from "tensorloom";
  const made = program({
    inputs: { x: f32(8, 8) },
    entries: { predict({ x }) {
      const hidden = relu(matmul(x, x));
      return { outputs: { total: sum(matmul(hidden, x)) } };
    } },
  });
  async function go(steps: number) {
    const executable = await compile(made, { target: "js" });
    await executable.run({ entry: "predict", feeds: { x: new Float32Array(64) }, steps });
    executable.dispose();
    console.log("done");
  }
  ${end}`;

test.each([
  ["main", "export const main = () => go(5);"],
  ["no main, and nothing awaits what it does", "void go(5);"],
])("--profile tells where the time of a script went that has %s, its kernels by the user's names", async (_, end) => {
  const trace = join(folder, "trace.json");
  const script = join(folder, "profiled.ts");
  await writeFile(script, profiled(end));
  const args = ["--profile", "--trace", trace, "--profile-steps", "2-4"];
  const { code, stdout, stderr } = await runScript("src/tools/cli/main.ts", ["run", script, ...args]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "done\n" });
  expect(stderr).toMatch(/^\npredict, on js: 2 runs, /);
  expect(stderr).toMatch(/^k\d_\w*hidden +profiled\.ts:5 /m);
  expect(stderr).toContain(`the trace is in ${trace}`);
  for (const line of stderr.split("\n")) if (!line.includes(folder)) expect(line.length).toBeLessThanOrEqual(80);
  checkTrace(JSON.parse(await readFile(trace, "utf8")));
});

test("--profile of a script that fails, or compiles nothing; and flags that cannot be", async () => {
  const failing = await runAmongOthers(profiled('export const main = async () => { await go(3); throw new Error("mine"); };'), "--profile"); // biome-ignore format: short
  expect(failing.code).toBe(2);
  expect(failing.stderr).toMatch(/predict, on js: 3 runs[\s\S]*mine/);
  const nothing = await runAmongOthers("export const main = () => 0;", "--profile");
  expect(nothing).toMatchObject({ code: 0, stderr: "\nprofile: the script compiled nothing\n" });
  const steps = await runAmongOthers("export const main = () => 0;", "--profile-steps", "9");
  expect(steps).toMatchObject({ code: 2, stderr: expect.stringContaining("--profile-steps takes two numbers") });
  const lost = await runAmongOthers("export const main = () => 0;", "--trace", "/nowhere/trace.json");
  expect(lost).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no such file or folder") });
});
