/**
 * The main job as a user starts it, on a tiny folder of IDX files: what it prints, its JSON line, and wrong flags. The
 * command `tensorloom doctor` too.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { syntheticDigits } from "../../src/data/digits.ts";
import { engineName } from "../../src/tools/engine-name.ts";
import { type Commands, type Finished, runScript, startCommands } from "./run-script.ts";

/** What `npm start -- ...args` runs, once start.js has built it. */
const startScript = ["src/tools/cli/main.ts", "run", "examples/mnist-mlp.ts", "--"] as const;

async function mainJob(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const [script, ...first] = startScript;
  return runScript(script, [...first, ...args], env);
}

/** The same in a process that others have run in before: where it is not the process that counts. */
async function amongOthers(...args: readonly string[]): Promise<Finished> {
  const [, ...first] = startScript;
  commands ??= startCommands();
  return commands.run(...first, ...args);
}

const fast = ["--target", "js", "--epochs", "2", "--batch", "32"];
let folder = "";
let commands: Commands | undefined;

/** An IDX file: magic, sizes, bytes. */
function idx(shape: readonly number[], bytes: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, 0x0800 + shape.length);
  shape.forEach((size, i) => {
    header.setUint32(4 + 4 * i, size);
  });
  return Buffer.concat([new Uint8Array(header.buffer), bytes]);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensorloom-main-job-"));
  const { train, test: held } = syntheticDigits({ train: 300, test: 50 });
  for (const [name, split] of [
    ["train", train],
    ["t10k", held],
  ] as const) {
    // biome-ignore format: a table
    await writeFile(join(folder, `${name}-images-idx3-ubyte.gz`), gzipSync(idx([split.count, 28, 28], split.images)));
    await writeFile(join(folder, `${name}-labels-idx1-ubyte`), idx([split.count], split.labels));
  }
});

afterAll(async () => {
  await commands?.end();
  await rm(folder, { recursive: true, force: true });
});

test("npm start builds it and hands on what it is given", async () => {
  const { scripts } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  expect(scripts.start).toBe("node start.js");
  const { code, stdout } = await runScript("start.js", ["--help"]);
  expect([code, stdout]).toEqual([0, (await mainJob(["--help"])).stdout]);
  expect(stdout).toContain("mnist-mlp");
});

/** Two epochs on `js`, told as JSON. */
const onJs = (): Promise<Finished> => mainJob(["--data", folder, ...fast, "--json"]);
let first: Finished | undefined;

test("--json: the last line of stdout is the summary, everything for people is on stderr", async () => {
  first ??= await onJs();
  const { code, stdout, stderr } = first;
  expect(stderr).toContain("Epoch 2/2: loss ");
  expect(code).toBe(0);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  const summary = JSON.parse(stdout);
  expect(summary).toMatchObject({ target: "js", data: expect.stringContaining(folder), kernels: 7 });
  expect(summary.epochs).toHaveLength(2);
  for (const { loss, accuracy, seconds } of summary.epochs) {
    expect(loss).toBeGreaterThan(0);
    expect(accuracy).toBeGreaterThan(0);
    expect(accuracy).toBeLessThanOrEqual(1);
    expect(seconds).toBeGreaterThan(0);
  }
  expect(summary.epochs[1].loss).toBeLessThan(summary.epochs[0].loss);
  expect(Object.keys(summary.test).sort()).toEqual(["accuracy", "loss"]);
  for (const name of ["stepMs", "compileMs", "arenaBytes"]) expect(summary[name]).toBeGreaterThan(0);
});

test("without a terminal: one plain line an epoch, and the whole story in order", async () => {
  const { code, stdout } = await mainJob(["--data", folder, ...fast, "--seed", "7"]);
  expect(code).toBe(0);
  const lines = stdout.trim().split("\n");
  const wanted = [
    new RegExp(`^Data: mnist \\(the folder ${folder}\\): 300 images to train on, 50 to test on\\.$`),
    /^Target: js.* \(asked for\)\.$/,
    /^Compiled in \d+ ms: a training step is 7 kernel launches\.$/,
    /^Epoch 1\/2: loss \d\.\d{4}, accuracy 0\.\d{4} \(.* s, [\d,.]+ samples\/s\)$/,
    /^Epoch 2\/2: loss \d\.\d{4}, accuracy 0\.\d{4} \(.* s, [\d,.]+ samples\/s\)$/,
    /^Test: loss \d\.\d{4}, accuracy 0\.\d{4}\.$/,
    /^The first 10 test images are taken for \d( \d){9}; they are \d( \d){9}\.$/,
    /^A step took [\d.]+ ms \(the median\)\.$/,
  ];
  expect(lines).toHaveLength(wanted.length);
  wanted.forEach((pattern, i) => {
    expect(lines[i]).toMatch(pattern);
  });
  expect(stdout).not.toContain("\u001b");
});

test("--real stops where MNIST cannot be had, and says where it is", async () => {
  // a cache that cannot be made, so that nothing is downloaded wherever the test runs
  const nowhere = { XDG_CACHE_HOME: join(folder, "t10k-labels-idx1-ubyte"), TENSORLOOM_DATA: "" };
  const { code, stdout, stderr } = await mainJob(["--real"], nowhere);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/MNIST could not be had: .*Get train-images-idx3-ubyte\.gz/);
});

test("the same seed gives the same numbers", async () => {
  const numbers = ({ stdout }: Finished) => {
    const { epochs, test: tested } = JSON.parse(stdout);
    return { losses: epochs.map(({ loss }: { readonly loss: number }) => loss), tested };
  };
  first ??= await onJs();
  expect(numbers(await amongOthers("--data", folder, ...fast, "--json"))).toEqual(numbers(first));
});

test("on wasm the losses are close to those on js, and the same with one thread and with two", async () => {
  const told = ({ stdout }: Finished) => {
    const { device, kernels, epochs } = JSON.parse(stdout);
    expect(kernels).toBe(7);
    return { device, losses: epochs.map(({ loss }: { readonly loss: number }) => loss) };
  };
  const onWasm = (threads: string): Promise<Finished> =>
    amongOthers("--data", folder, ...fast, "--json", "--target", "wasm", "--threads", threads);
  first ??= await onJs();
  const [single, double] = [await onWasm("1"), await onWasm("2")];
  const [js, one, two] = [told(first), told(single), told(double)];
  expect([one.device, two.device].map((device) => device?.replace(", 256 bits", ""))).toEqual([
    "wasm (1 thread)",
    "wasm (2 threads)",
  ]);
  expect(two.losses).toEqual(one.losses);
  for (const [epoch, loss] of js.losses.entries()) expect(one.losses[epoch]).toBeCloseTo(loss, 3);
});

test.each([
  [["--epochs", "0"], "option '--epochs <n>' argument '0' is invalid. It must be a whole number, 1 or more."],
  [["--batch", "many"], "option '--batch <n>' argument 'many' is invalid. It must be a number."],
  [["--target", "cuda"], "argument 'cuda' is invalid. Allowed choices are auto, js, wasm, wgsl."],
  [["--threads", "0"], "option '--threads <n>' argument '0' is invalid. It must be a whole number, 1 or more."],
  [["--threads", "65", "--target", "wasm"], 'threads must be "auto" or a whole number from 1 to 64, not 65'],
  [["--epoch", "3"], "unknown option '--epoch'"],
  [["surplus"], "too many arguments"],
  [["--data", "/nowhere"], "there is no folder /nowhere"],
])("%j is the user's error: one clear line, exit code 2", async (args, message) => {
  const { code, stdout, stderr } = await amongOthers("--data", folder, "--json", ...args);
  expect(stderr).toContain(`error: `);
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/\n\s+at .*\n\s+at /); // no trace; what compile refuses names the script's line
  expect(stdout).toBe("");
  expect(code).toBe(2);
});

test("--help shows every flag", async () => {
  const { code, stdout } = await amongOthers("--help");
  expect(code).toBe(0);
  for (const flag of ["data", "epochs", "batch", "target", "threads", "seed", "json"])
    expect(stdout).toContain(`--${flag}`);
});

test("a truncated file is named", async () => {
  const broken = await mkdtemp(join(tmpdir(), "tensorloom-broken-"));
  await writeFile(join(broken, "train-images-idx3-ubyte.gz"), Uint8Array.of(0x1f, 0x8b, 8, 0));
  const missing = await amongOthers("--data", broken);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toMatch(/(truncated or corrupt|has no train-labels-idx1-ubyte)/);
  await rm(broken, { recursive: true, force: true });
});

test("tensorloom doctor says what works, and wrong calls are the user's", async () => {
  const command = (...args: readonly string[]): Promise<Finished> => runScript("src/tools/cli/main.ts", args);
  const [told, json, wrong, unknown] = await Promise.all([
    command("doctor"),
    command("doctor", "--json"),
    command("doctor", "--loud"),
    command("operate"),
  ]);
  expect(told.stdout).toContain(`Node ${process.version} on `);
  expect(engineName({ version: "v24.1.0", versions: { ...process.versions, deno: "2.9.6" } })).toBe("Deno 2.9.6");
  expect(told.stdout).toMatch(/^js {5}works: js/m);
  expect(told.stdout).toMatch(
    /^wasm {3}works: wasm \(\d threads?\)\n {7}one thread, .*: works\n.*\n {7}vectors of 256 bits: .*\n {7}\d threads: works$/m,
  );
  expect(told.stdout).toMatch(/^wgsl {3}(works|does not work): /m);
  expect(told.code).toBe(0);
  expect(JSON.parse(json.stdout).targets[0]).toMatchObject({ target: "js", works: true });
  expect(wrong.stderr).toContain("unknown option '--loud'");
  expect(wrong.code).toBe(2);
  expect(unknown.code).toBe(2);
});
