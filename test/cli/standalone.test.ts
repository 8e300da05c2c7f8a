/** tensorloom compile --standalone, as a command: what it writes, and what it says to those who ask for what cannot be. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../src/index.ts";
import { type Commands, startCommands } from "../unit/run-script.ts";

const heads = "test/cli/scripts/two-heads.ts";
const mnist = "test/cli/scripts/mnist.ts";
let folder = "";
let commands: Commands;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensorloom-standalone-cli-"));
  commands = startCommands();
});
afterAll(async () => {
  await commands.end();
  await rm(folder, { recursive: true, force: true });
});

test("writes a folder that runs, with its README", async () => {
  const out = join(folder, "heads");
  const { code, stdout, stderr } = await commands.run(
    ...[
      "compile",
      heads,
      "--standalone",
      "--target",
      "wasm",
      "--dims",
      "batch=4,predict.batch=1",
      "--seed",
      "3",
      "-o",
      out,
    ],
  );
  const files = ["README.md", "evaluate.wasm", "package.json", "predict.wasm", "train.wasm", "two_heads.d.ts", "two_heads.js", "two_heads.safetensors"]; // biome-ignore format: names
  expect([code, stderr, readdirSync(out).sort()]).toEqual([0, "", files]);
  for (const name of files) expect(stdout).toContain(name);
  const readme = readFileSync(join(out, "README.md"), "utf8");
  expect(readme).toContain("net.train({ x: { point: values, scale: values }, y: { ring: values, inside: values } })");
  expect(readme).toContain("'wasm-unsafe-eval'");
  const { create } = await import(pathToFileURL(join(out, "two_heads.js")).href);
  const { output } = (await create()).predict({ x: { point: [1, 2], scale: [0.5] } });
  expect(output).toEqual({ ring: expect.any(Float32Array), inside: expect.any(Float32Array) });
});

test("--entries leaves out what those do not have, --state starts with what is in a file", async () => {
  const [out, other] = [join(folder, "predicts"), join(folder, "started")];
  const some = ["compile", heads, "--standalone", "--entries", "predict", "--dims", "batch=1"];
  expect((await commands.run(...some, "-o", out)).code).toBe(0);
  const state = join(out, "two_heads.safetensors");
  expect((await commands.run(...some, "--state", state, "--seed", "9", "-o", other)).code).toBe(0);
  expect(readFileSync(join(other, "two_heads.safetensors"))).toEqual(readFileSync(state));
  expect(readFileSync(join(out, "two_heads.js"), "utf8")).not.toMatch(/"opt\.|totals|"y"/);
});

test("what is wrong is said in one line, with exit code 2, and nothing is written", async () => {
  const [out, full, odd] = [join(folder, "none"), join(folder, "full"), join(folder, "odd.safetensors")];
  await mkdir(full);
  await writeFile(join(full, "notes.txt"), "mine");
  const wrong = new Map([["model.trunk.bias", { dtype: "f32", shape: [3], data: new Float32Array(3) } as const]]);
  await writeFile(odd, writeSafetensors(wrong));
  await writeFile(join(folder, "named.ts"), 'import { f32, program } from "tensorloom"; export default program({ inputs: { x: f32(2) }, entries: { state: ({ x }) => ({ outputs: x }) } });'); // biome-ignore format: long
  await writeFile(join(folder, "doubles.ts"), 'import { f64, program } from "tensorloom"; export default program({ inputs: { x: f64(2) }, step: ({ x }) => ({ outputs: x }) });'); // biome-ignore format: long
  const sized = ["compile", mnist, "--standalone", "--dims", "batch=2"];
  const rows: readonly (readonly [args: readonly string[], words: RegExp])[] = [
    [[...sized, "--target", "metal", "-o", out], /'metal' is invalid. Allowed choices are js, wasm, wgsl, c/],
    [sized, /required option '-o, --output <folder>' not specified/],
    [[...sized, "-o", full], /^error: the folder .*full is not empty \(it has notes.txt\): name another, or empty it\n$/],
    [["compile", mnist, "--standalone", "-o", out], /^error: the dimension "batch" has no size: add --dims batch=128, say\n$/],
    [[...sized, "--dims", "width=3", "-o", out], /no dimension "width" \(it has batch\)/],
    [[...sized, "--dims", "train.width=3", "-o", out], /no dimension "width" \(it has batch\)/],
    [[...sized, "--entries", "test", "-o", out], /there is no entry "test": the program has train/],
    [[...sized, "--seed", "-1", "-o", out], /whole number from 0/],
    [[...sized, "--state", join(folder, "gone"), "-o", out], /could not read .*gone/],
    [[...sized, "--state", odd, "-o", out], /odd.safetensors does not fit the program:\n {2}the program's "model.w1" is f32\[784,512\], and in the file it is not there/],
    [["compile", mnist, "--seed", "1", "--dims", "batch=2", "-o", out], /--seed is for --standalone/],
    [["compile", mnist, "--target", "c", "--dims", "batch=2", "-o", out], /--target c is for --standalone/],
    [["compile", join(folder, "named.ts"), "--standalone", "-o", out], /an entry cannot be called "state"/],
    [["compile", join(folder, "doubles.ts"), "--standalone", "--target", "wasm", "-o", out], /the wasm target has no f64/],
    [[...sized, "-o", join(full, "notes.txt")], /could not write to .*notes.txt/],
  ]; // biome-ignore format: long
  const ends = await commands.runEach(rows.map(([args]) => args));
  for (const [i, [args, words]] of rows.entries()) {
    expect(ends[i]?.stderr, args.join(" ")).toMatch(words);
    expect(ends[i]).toMatchObject({ code: 2, stdout: "" });
  }
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(full)).toEqual(["notes.txt"]);
});
