/**
 * What main.ts runs in each engine: every op, programs that PyTorch has answered, the MNIST step, the main job, files and the lines
 * of errors, on `js` and on `wasm` with threads. All of the library comes from `dist`, as it is published (main.ts bundles this file so).
 *
 *   deno run -A child.js answer.json
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main as mainJob } from "../../examples/mnist-mlp.ts";
import { syntheticDigits } from "../../src/data/digits.ts";
import { wasmTarget } from "../../src/eager-targets.ts";
import { add, compileOn, dense, full, jsTarget, rmsprop, sequential, trainer } from "../../src/index.ts";
import { loadTrainer, saveTrainer } from "../../src/node.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { engineLine } from "../engine.ts";
import { compareRecipes } from "../foreign/compare.ts";
import { randomRecipe } from "../foreign/random-recipe.ts";
import { readAnswers, recordedCount, recordedSeed } from "../foreign/recorded.ts";
import { mnistBatches, mnistStep } from "../mnist-step.ts";
import { compareOps } from "../op-report.ts";

/** What a check came to. */
export interface Checked {
  /** How much was compared with what is stored or with the oracle. */
  readonly count: number;
  readonly failures: readonly string[];
  /** Numbers that every engine must give to the last bit, by what they are of, as hashes. */
  readonly bits: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly engine: string;
  readonly checks: Readonly<Record<string, Checked>>;
}

/** Of numbers by their values: engines differ in the bits of a NaN, which mean nothing. */
function hashed(...lists: readonly (number | ArrayLike<number>)[]): string {
  const text = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));
  const hash = createHash("sha256");
  for (const list of lists) hash.update(`${Array.from(typeof list === "number" ? [list] : list, text).join()};`);
  return hash.digest("hex").slice(0, 16);
}

const folder = mkdtempSync(join(tmpdir(), "tensorloom-engine-"));
const precise = (threads: number): TargetSetup => wasmTarget({ threads, precise: true });

async function ops(target: TargetSetup, hasBits: boolean): Promise<Checked> {
  const hashes = new Map<string, string>();
  const found = await compareOps(target, target.traits.name, undefined, (cases, outputs) => {
    cases.forEach(({ op }, i) => {
      hashes.set(op, hashed(...Object.values(outputs[`c${i}`] ?? {})) + (hashes.get(op) ?? ""));
    });
  });
  const count = found.rows.reduce((sum, { forward, gradient }) => sum + forward.count + gradient.count, 0);
  return { count, failures: found.failures, bits: hasBits ? Object.fromEntries(hashes) : {} };
}

/** Every sixteenth of the recorded programs, in float64. */
async function foreign(): Promise<Checked> {
  const indices = Array.from({ length: Math.floor(recordedCount / 16) }, (_, i) => 16 * i);
  const recipes: ReturnType<typeof randomRecipe>[] = [];
  for (const index of indices) recipes[index] = randomRecipe(recordedSeed, index);
  const found = await compareRecipes(recipes, readAnswers("test/fixtures/foreign-answers.json").answers, indices);
  return { count: indices.length, failures: found.map(({ index, what }) => `program ${index}: ${what}`), bits: {} };
}

/** Of the first three steps of test/mnist-step.ts with RMSprop: what the oracle gives in float64. */
const oracleLosses = [2.3707700293490666, 2.1099978057857443, 1.8735863469797338];

/** Three steps of 784-512-10 on drawn digits. */
async function mnist(target: TargetSetup, hasBits: boolean): Promise<Checked> {
  const executable = await compileOn(mnistStep(rmsprop()), target, { dims: { batch: 128 } });
  const losses: number[] = [];
  for (const { image, label } of mnistBatches(3)) {
    executable.train({ image, label });
    losses.push(await executable.read("loss"));
  }
  const weights = await Promise.all(["w1", "b1", "w2", "b2"].map((name) => executable.state.read(`model.${name}`)));
  executable.dispose();
  const failures = losses.flatMap((loss, i) => {
    const wanted = oracleLosses[i] ?? Number.NaN;
    return Math.abs(loss / wanted - 1) < 1e-5 ? [] : [`the loss of step ${i} is ${loss}, not ${wanted}`];
  });
  return {
    count: losses.length,
    failures,
    bits: hasBits ? { losses: hashed(losses), weights: hashed(...weights) } : {},
  };
}

/** examples/mnist-mlp.ts, as it is, on few digits in a folder. */
async function job(target: string, hasBits: boolean): Promise<Checked> {
  const data = join(folder, "digits");
  mkdirSync(data, { recursive: true });
  const big = (...numbers: readonly number[]): number[] => numbers.flatMap((x) => [x >> 24, x >> 16, x >> 8, x]);
  const { train, test } = syntheticDigits({ seed: 5, train: 1280, test: 640 });
  for (const [name, { images, labels, count }] of Object.entries({ train, t10k: test })) {
    writeFileSync(join(data, `${name}-images-idx3-ubyte`), Uint8Array.from([...big(2051, count, 28, 28), ...images]));
    writeFileSync(join(data, `${name}-labels-idx1-ubyte`), Uint8Array.from([...big(2049, count), ...labels]));
  }
  const said: string[] = [];
  const { log } = console;
  console.log = (text: string) => said.push(text);
  try {
    await mainJob(["--data", data, "--target", target, "--epochs", "3", "--json", ...(target === "wasm" ? ["--threads", "2"] : [])]); // biome-ignore format: short
  } finally {
    console.log = log;
  }
  const { epochs, test: scores } = JSON.parse(said.at(-1) ?? "{}");
  const failures = scores.accuracy > 0.75 && epochs.length === 3 ? [] : [`accuracy ${scores.accuracy}`];
  const losses = epochs.map(({ loss }: { loss: number }) => loss);
  return { count: 1, failures, bits: hasBits ? { losses: hashed(losses, scores.loss) } : {} };
}

/** A trainer that is saved, and another process's would-be that reads it. */
async function files(): Promise<Checked> {
  const make = () => trainer(sequential([dense(16, { activation: "tanh" }), dense(1)]), { input: [3], loss: "meanSquaredError", optimizer: rmsprop() }); // biome-ignore format: short
  const x = Float32Array.from({ length: 96 }, (_, i) => Math.fround(((i * 37) % 23) / 23));
  const net = make();
  await net.compile({ target: "js", batch: 8, seed: 1 });
  await net.fit({ x, y: x.subarray(0, 32), epochs: 3 });
  const path = join(folder, "net.safetensors");
  await saveTrainer(path, net);
  const loaded = make();
  await loadTrainer(path, loaded);
  await loaded.compile({ target: "js", batch: 8 });
  const [is, was] = [hashed(await loaded.predict({ x })), hashed(await net.predict({ x }))];
  return { count: 1, failures: is === was ? [] : ["what was loaded predicts other numbers"], bits: { predicted: is } };
}

/** This file is the user's, in terms of the package. */
async function lines(): Promise<Checked> {
  let message = "nothing was thrown";
  try {
    (add as (a: unknown, b: unknown) => unknown)(full([2, 3], 0), full([4], 0));
  } catch (error) {
    message = String(error);
  }
  return { count: 1, failures: /\n {4}at .*child\.js:\d+:\d+/.test(message) ? [] : [message], bits: {} };
}

const checks: Readonly<Record<string, () => Promise<Checked>>> = {
  "ops, js": () => ops(jsTarget, true),
  "ops, wasm, 2 threads": () => ops(wasmTarget({ threads: 2 }), false),
  "ops, wasm precise": () => ops(precise(1), true),
  "PyTorch's answers, js in f64": foreign,
  "MNIST step, js": () => mnist(jsTarget, true),
  "MNIST step, wasm, 2 threads": () => mnist(wasmTarget({ threads: 2 }), false),
  "MNIST step, wasm precise": () => mnist(precise(1), true),
  "MNIST step, wasm precise, 2 threads": () => mnist(precise(2), true),
  "main job, js": () => job("js", true),
  "main job, wasm, 2 threads": () => job("wasm", false),
  "saved and loaded": files,
  "lines in errors": lines,
};

const answer: { engine: string; checks: Record<string, Checked> } = { engine: await engineLine(), checks: {} };
for (const [name, check] of Object.entries(checks)) {
  const failed = (error: unknown): Checked => ({
    count: 0,
    failures: [error instanceof Error ? String(error.stack ?? error) : String(error)],
    bits: {},
  });
  answer.checks[name] = await check().catch(failed);
}
rmSync(folder, { recursive: true, force: true });
const [, , path] = process.argv;
if (path === undefined) throw new Error("where is the answer to go?");
writeFileSync(path, JSON.stringify(answer));
