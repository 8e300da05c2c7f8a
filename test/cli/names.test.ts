/**
 * Names from the user's source, as commands show them: scripts in which values are assigned in many ways, scripts in which nothing can
 * be found, and what it costs.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sources } from "../../src/tools/names/sources.ts";
import { builtFolder } from "../built.ts";
import { type Commands, startCommands } from "../unit/run-script.ts";

let folder = "";
let commands: Commands;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tensorloom-names-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  commands = startCommands();
});
afterAll(async () => {
  await commands.end();
  rmSync(folder, { recursive: true, force: true });
});

/** The sources as the commands have them. */
const index = JSON.stringify(pathToFileURL(join(process.env[builtFolder] ?? "", "index.js")).href);

/** A script of one entry `train` on x: f32[4,4] and the states w and v alike, in a file of this name. */
function script(file: string, body: string, before = ""): string {
  const path = join(folder, file);
  writeFileSync(
    path,
    `import { add, concat, f32, grad, maxWithIndex, mean, mul, param, program, relu, scan, sub, tanh, zeros } from ${index};
${before}
export default program({
  inputs: { x: f32(4, 4) },
  state: { w: param(zeros(4, 4)), v: param(zeros(4, 4)) },
  entries: { train({ x }, { w, v }) {
${body}
  } },
});
`,
  );
  return path;
}

/** The lines of the forward stage that make nodes, as "name = op operands". */
async function forward(path: string, ...flags: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await commands.run("graph", path, "--stage", "forward", ...flags);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .split("\n")
    .filter((line) => /^ *\S+: /.test(line))
    .map((line) => line.replace(/: \w+\[[^\]]*\]/g, ""));
}

const named = (lines: readonly string[], op: string): string[] =>
  lines.filter((line) => line.includes(` = ${op}`)).map((line) => line.split(" = ")[0]?.trim() ?? "");

describe("each way to assign", () => {
  test("variables, inputs and states, and what else reads them", async () => {
    const lines = await forward(
      script("plain.ts", "const hidden = relu(add(x, w)); return { outputs: { y: mul(hidden, v) } };"),
    );
    expect(lines).toEqual([
      "x = input name=x",
      "w = state name=w",
      "v = state name=v",
      "%3 = add x w",
      "%4 = constant value=0",
      "%5 = broadcast %4",
      "hidden = max %3 %5",
      "y = mul hidden v",
    ]);
  });

  test("a helper called twice: what its caller says, and what it says itself", async () => {
    const helper = "function layer(x, w) { const pre = mul(x, w); const h = tanh(pre); return h; }";
    const lines = await forward(
      script(
        "helper.js",
        "const first = layer(x, w); const second = layer(first, v); return { outputs: { second } };",
        helper,
      ),
    );
    expect(lines.slice(3)).toEqual(["pre = mul x w", "first = tanh pre", "pre_2 = mul first v", "second = tanh pre_2"]);
  });

  test("objects, patterns, and arrays, through functions", async () => {
    const helpers = `const both = (x: any) => ({ up: tanh(x), down: relu(x) });
const pair = (x: any) => { const twice = mul(x, 2); return [twice, mul(twice, 3)]; };`;
    const body = `const { up, down: below } = both(x);
const [two, six] = pair(up);
const all = { sum: add(two, six), rest: [sub(six, below)] };
return { outputs: { sum: all.sum, rest: all.rest[0] } };`;
    const lines = await forward(script("objects.ts", body, helpers));
    expect(named(lines, "tanh")).toEqual(["up"]);
    expect(named(lines, "max")).toEqual(["below"]);
    expect(named(lines, "mul")).toEqual(["two", "six"]);
    expect(named(lines, "add")).toEqual(["sum"]);
    expect(named(lines, "sub")).toEqual(["rest_0"]);
  });

  test("loops, variables that change, reduce and map", async () => {
    const body = `let h = x;
const hs = [];
for (let i = 0; i < 3; i++) { h = tanh(h); hs.push(mul(h, w)); }
const ys = hs.map((one) => sub(one, v));
const total = ys.reduce((sum, one) => add(sum, one));
return { outputs: { total } };`;
    const lines = await forward(script("loops.js", body));
    expect(named(lines, "tanh")).toEqual(["h", "h_2", "h_3"]);
    expect(named(lines, "mul")).toEqual(["hs_0", "hs_1", "hs_2"]);
    expect(named(lines, "sub")).toEqual(["ys_0", "ys_1", "ys_2"]);
    expect(named(lines, "add")).toEqual([expect.stringMatching(/^%/), "total"]);
  });

  test("several results of one op, and what a loop runs", async () => {
    const body = `const { indexes: best } = maxWithIndex(x);
const { carry, outputs } = scan((h, row) => { const next = tanh(add(h, row)); return { carry: next, output: next }; }, mean(w, { axis: 0 }), x);
return { outputs: { best, carry, outputs } };`;
    const lines = await forward(script("results.ts", body));
    expect(named(lines, "maxWithIndex")).toEqual(["%3, best"].map((name) => expect.stringMatching(/, best$/) ?? name));
    expect(named(lines, "scan")).toEqual(["carry, outputs"]);
    expect(named(lines, "tanh")).toEqual(["next"]);
  });

  test("names that no printer can spell: Greek, accents, words of languages, and HTML", async () => {
    const body = `const σ = tanh(x);
const größe = tanh(σ);
const 数 = tanh(größe);
const { class: loop } = { class: tanh(数) };
const made = { "<script>alert(1)</script>": tanh(loop), "": 0 };
const texture = mul(made["<script>alert(1)</script>"], w), main = mul(texture, v), acc = mul(main, w), i = mul(acc, v);
return { outputs: { i } };`;
    const path = script("spelling.ts", body);
    const lines = await forward(path);
    expect(named(lines, "tanh")).toEqual([
      "sigma",
      "grosse",
      expect.stringMatching(/^%/),
      "loop",
      "script_alert_1_script",
    ]);
    for (const target of ["js", "wasm", "wgsl"]) {
      const out = join(folder, target);
      const { code, stderr } = await commands.run("compile", path, "--target", target, "-o", out, "--skip", "fuse");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      if (target !== "js") continue;
      const { run } = await import(pathToFileURL(join(out, "train.js")).href).catch((error) => ({ run: error }));
      expect(run).not.toBeInstanceOf(Error);
    }
  });
});

describe("where nothing can be found, the command goes on with numbers", () => {
  const body = "const hidden = relu(add(x, w)); return { outputs: { y: mul(hidden, v) } };";
  const numbered = [
    "x = input name=x",
    "w = state name=w",
    "v = state name=v",
    "%3 = add x w",
    "%4 = constant value=0",
    "%5 = broadcast %4",
    "%6 = max %3 %5",
    "y = mul %6 v",
  ];
  const itself = "fileURLToPath(import.meta.url)";
  const fs = 'import { fileURLToPath } from "node:url"; import { rmSync, writeFileSync } from "node:fs";';

  test.each([
    ["the source is gone", `${fs} rmSync(${itself});`, body],
    ["it has become something else", `${fs} writeFileSync(${itself}, "const = {{{ (((( ");`, body],
    ["it is empty", `${fs} writeFileSync(${itself}, "");`, body],
    ["it is on one long line, as bundles are", "", `/* ${"-".repeat(2_000)} */ ${body}`],
    [
      "the code was made in the run",
      "",
      'return new Function("relu", "add", "mul", "x", "w", "v", "const hidden = relu(add(x, w)); return { outputs: { y: mul(hidden, v) } };")(relu, add, mul, x, w, v);',
    ],
  ])("%s", async (what, before, made) => {
    const path = script(`${what.replaceAll(/\W/g, "-")}.js`, made, before);
    expect(await forward(path)).toEqual(numbered);
  });

  test("and where they are not wanted", async () => {
    const lines = await forward(script("unwanted.ts", body), "--no-names");
    expect(lines.slice(-2)).toEqual(["%6 = max %3 %5", "%7 = mul %6 %2"]);
  });
});

test("mistakes in the syntax are no obstacle to what stands around them", () => {
  const broken = "function a( { const hidden = f(x; }\nconst other = f(y);\n}}}";
  writeFileSync(join(folder, "broken.ts"), broken);
  const sources = new Sources();
  const call = sources.callAt(`${join(folder, "broken.ts")}:2:15`);
  expect(call?.getText()).toBe("f(y)");
  for (const place of ["1:1", "3:3", "9:9", "0:0", "2:999"]) {
    expect(() => sources.callAt(`${join(folder, "broken.ts")}:${place}`)).not.toThrow();
  }
  expect(sources.callAt(`${folder}:1:1`)).toBeNull();
});

test("names change what is printed, and nothing of what is computed", async () => {
  const path = script("same.ts", "const hidden = relu(add(x, w)); return { outputs: { y: mean(mul(hidden, v)) } };");
  const files = async (...flags: string[]): Promise<Buffer> => {
    const out = join(folder, `same${flags.length}`);
    expect((await commands.run("compile", path, "--target", "wasm", "-o", out, ...flags)).code).toBe(0);
    const module = readFileSync(join(out, "train.wasm"));
    return module.subarray(0, module.indexOf("\u0004name") - 2); // the last section says what functions are called
  };
  expect(await files()).toEqual(await files("--no-names"));
});

test("an error says which variable was to be made at its line", async () => {
  const path = script("wrong.ts", "const hidden = concat([x, mean(w)]); return { outputs: { hidden } };");
  const { code, stderr } = await commands.run("graph", path);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: concat.*\n {4}at .*wrong\.ts:7:16 \(hidden\)\n$/);
});

test("in kernels: buffers, and kernels by what they store", async () => {
  const { stdout } = await commands.run(
    "graph",
    "test/cli/scripts/mnist.ts",
    "--stage",
    "kernels",
    "--dims",
    "batch=8",
  );
  expect(stdout).toMatch(/^launch k0_hidden\(image: input image, .*, hidden: hidden\)$/m);
  expect(stdout).toMatch(/^launch k1_logits\(hidden: hidden, /m);
});
