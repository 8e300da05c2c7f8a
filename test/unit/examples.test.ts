/**
 * The examples, run by the command that a user runs them with: what they print is what they promise. All share one process, which
 * has to end by itself when they are done: starting one for each takes longer than most of them. (derivatives.ts, and for MNIST
 * cnn.ts, mnist-from-scratch.ts and mnist-mlp.ts, have tests of their own.)
 */
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { f32, inspect, program, UserError } from "../../src/index.ts";
import { readEvents } from "../../src/node.ts";
import { startCommands } from "./run-script.ts";

/** Where MNIST lies beside the checkout its images are used, else drawn ones. */
const mnistFolder = existsSync("../shared/data/mnist") ? "../shared/data/mnist" : "";

const commands = startCommands({ TENSORLOOM_DATA: mnistFolder });
afterAll(() => commands.end());

async function printed(example: string, ...args: readonly string[]): Promise<readonly string[]> {
  const given = args.length === 0 ? [] : ["--", ...args];
  const { code, stdout, stderr } = await commands.run("run", `examples/${example}.ts`, ...given);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout.trimEnd().split("\n");
}

test("tensors: A1 to A8 of the workloads", async () => {
  const lines = await printed("tensors");
  const lineOf = (name: string) => lines.filter((line) => line.startsWith(`${name}  `)).map((line) => line.slice(4));
  expect(lineOf("A1")).toEqual([
    "scalar: rank 0, [], f32; vector: rank 1, [4], f32; matrix: rank 2, [3, 5], f32; rank 3: rank 3, [3, 3, 5], f32",
  ]);
  expect(lineOf("A2")).toEqual([expect.stringMatching(/: \[90, 28, 28\], \[60000, 14, 14\], \[128, 28, 28\]$/)]);
  const [, seconds = "9", kernels] = /: ([\d.]+) s, kernels: (\d+)$/.exec(lineOf("A3")[0] ?? "") ?? [];
  expect(kernels).toBe("1");
  expect(Number(seconds)).toBeLessThan(1); // element by element it is 2.3 to 5.1 s
  expect(lineOf("A4")).toEqual([expect.stringMatching(/: \[32, 10\], \[64, 3, 32, 10\], \[32, 10\]$/)]);
  expect(lineOf("A5")).toEqual(["vector·vector [130], matrix·vector [44, 107], matrix·matrix [52, 58, 124, 139]"]);
  expect(lineOf("A6")).toEqual([expect.stringMatching(/: \[6, 1\], \[60000, 784\], \[20, 300\]$/)]);
  expect(lineOf("A7")).toEqual([
    "u8, f16, bf16, f32, f64, i32: u8 / 255 [0, 0.20000001788139343, 1], f16 [1, 0.5, -2], bf16 [1, 0.5, -2], " +
      "f64 0.3333333333333333, f32 0.3333333432674408, i32 [2, 4, -6]",
  ]);
  const [head, ...rows] = lineOf("A8");
  expect(head).toMatch(/^ +size +js ms +wasm ms/);
  expect(rows.map((row) => Number(row.trim().split(/ +/)[0]))).toEqual([100, 200, 500]);
});

test("custom-loss: outliers pull less with Huber's loss", async () => {
  const [huber, squares, ...more] = await printed("custom-loss");
  expect(huber).toBe("huber: y = 2.0x + 1.1, 0.90 of the points are close");
  expect(squares).toMatch(/^meanSquaredError: y = 1\.\dx \+ [23]\.\d, 0\.\d\d of the points are close$/);
  expect(more).toEqual([]);
});

test("eigenvector: the axis of an ellipse, its length and the gradient of that", async () => {
  expect(await printed("eigenvector")).toEqual([
    "eigenvalue 4.500000, at 30.000 degrees",
    "what is wrong with it after 100 steps: less than 1e-12",
    "its gradient by the matrix: 0.7500, 0.4330, 0.4330, 0.2500",
  ]);
});

test("resume: a killed run goes on to the same losses", async () => {
  const lines = await printed("resume");
  expect(lines[0]).toMatch(/^A run was killed \(.+\) in epoch 2, after 3 of 8 steps\.$/);
  expect(lines[1]?.split(/: +/)[1]).toBe(lines[2]?.split(/: +/)[1]);
  expect(lines.at(-1)).toBe("The losses are equal, to the last bit.");
});

test("mnist-tensorboard: C4 of the workloads, whose event files are read back", async () => {
  const logs = mkdtempSync(join(tmpdir(), "tensorloom-logs-"));
  const args = ["--logs", logs, "--images", "1024", "--epochs", "2", "--target", "wasm"];
  const { code, stdout, stderr } = await commands.run("run", "examples/mnist-tensorboard.ts", "--", ...args);
  expect([code, stderr.replace(/^MNIST could not be had.*\n/, "")]).toEqual([0, ""]);
  const [, ...epochs] = stdout.trimEnd().split("\n");
  const last =
    /^Epoch 2\/2: loss ([\d.]+), accuracy ([\d.]+), validation loss ([\d.]+), validation accuracy ([\d.]+) \([\d.]+ s/;
  const printed = last.exec(epochs[1] ?? "")?.slice(1);
  const [train, test] = [await readEvents(join(logs, "train")), await readEvents(join(logs, "validation"))];
  const written = [train, test].flatMap(({ scalars }) =>
    ["epoch_loss", "epoch_accuracy"].map((tag) => scalars.get(tag)),
  );
  expect(written.map((points) => points?.map(({ step }) => step))).toEqual(written.map(() => [0, 1]));
  expect(written.map((points) => points?.[1]?.value.toFixed(4))).toEqual(printed);
  expect([...train.histograms.keys()]).toEqual(["dense1/kernel/histogram", "dense2/kernel/histogram"]);
  expect([train.graphs.length, (await readEvents(logs)).hparams]).toEqual([1, { batch: 64, seed: 1 }]);
});

test("checkpoint: the same losses, with less memory", async () => {
  const lines = await printed("checkpoint", "--batch", "128", "--steps", "2");
  const [kept = 0, again = 0] = lines.map((line) => Number(/ (\d+\.\d) MB between kernels/.exec(line)?.[1]));
  expect(again).toBeLessThan(0.75 * kept);
  expect(lines.at(-1)).toBe("The losses are equal, to the last bit.");
});

test("per-example-gradients: the wrong labels are those that pull hardest", async () => {
  expect(await printed("per-example-gradients")).toEqual([
    expect.stringMatching(/^loss 0\.0\d\d after 2000 steps$/),
    "the points that pull hardest: 17 and 90",
    "their gradients add up to that of the whole, to 1e-4",
  ]);
});

/** How much of a text stands in what was learnt: the share of its runs of `size` letters. */
function shareOf(learnt: string, written: string, size: number): number {
  const runs = Array.from({ length: written.length - size + 1 }, (_, i) => written.slice(i, i + size));
  return runs.filter((run) => learnt.includes(run)).length / runs.length;
}

test("char-lstm: what is drawn letter by letter is the text that was learnt", async () => {
  const lines = await printed("char-lstm");
  expect(Number(/^after 300 steps: loss (\d\.\d+)$/m.exec(lines.join("\n"))?.[1])).toBeLessThan(0.2);
  const [, quoted = ""] = /`([^`]+)`\.replaceAll/.exec(readFileSync("examples/char-lstm.ts", "utf8")) ?? [];
  const learnt = quoted.replaceAll("\n", " ");
  const written = lines.filter((line) => line.startsWith("> ")).map((line) => line.slice(2));
  expect(written.map((line) => line.length)).toEqual([201, 201, 201]);
  for (const line of written) expect(shareOf(learnt + learnt, line, 12)).toBeGreaterThan(0.6);
}, 60_000);

test("transformer: a text is known by heart, and said from its beginning", async () => {
  const lines = await printed("transformer");
  const [, loss, right] = /^step 200: loss (\d\.\d+), (\d\.\d+) of the letters/m.exec(lines.join("\n")) ?? [];
  expect(Number(loss)).toBeLessThan(0.2);
  expect(Number(right)).toBeGreaterThan(0.93);
  const [, said, all] = /^(\d+) of (\d+) letters are those of the text\.$/.exec(lines.at(-1) ?? "") ?? [];
  expect(Number(said) / Number(all)).toBeGreaterThan(0.98);
}, 60_000);

test("regression: a CSV file, normalized, split, trained until it gets no better", async () => {
  const lines = await printed("regression");
  const [, epochs, best] =
    /^Stopped after (\d+) epochs; the best one was ([\d.]+) off on val/.exec(lines[0] ?? "") ?? [];
  expect(Number(epochs)).toBeLessThan(300);
  expect(Number(best)).toBeLessThan(20);
  const [, off] = /^Test: ([\d.]+) off, of 207\./.exec(lines[1] ?? "") ?? [];
  expect(Number(off)).toBeLessThan(18); // 10 is what nobody can know
  expect(lines).toHaveLength(7);
});

test("sentiment: what is said last counts, and what is denied", async () => {
  const lines = await printed("sentiment");
  expect(Number(/^Test accuracy ([\d.]+), with 43 words/m.exec(lines.join("\n"))?.[1])).toBeGreaterThan(0.97);
  const found = lines.slice(-4).map((line) => Number(line.trim().split(" ")[0]));
  expect(found.map((friendly) => Math.round(friendly))).toEqual([1, 0, 0, 1]);
});

test("cnn-augmentation: shapes are known in any position, where they were turned in training", async () => {
  const [plain, turned, ...more] = await printed("cnn-augmentation");
  const accuracyOf = (line = ""): number => Number(/([\d.]+) on turned shapes$/.exec(line)?.[1]);
  expect(accuracyOf(plain)).toBeLessThan(0.8);
  expect(accuracyOf(turned)).toBeGreaterThan(0.93);
  expect(more).toEqual([]);
});

test("gan: points in each of the eight clouds", async () => {
  const lines = await printed("gan");
  expect(lines.map((line) => line.split(":")[0])).toEqual(["step 500", "step 1000", "step 1500", "step 2000"]);
  const hits = (/in the clouds (.+)$/.exec(lines.at(-1) ?? "")?.[1] ?? "").split(" ").map(Number);
  expect(hits).toHaveLength(8);
  expect(Math.min(...hits)).toBeGreaterThan(40); // 128 each at best; the generator at its start hits none
});

test("autoencoder: digits are drawn from two numbers", async () => {
  const { code, stdout } = await commands.run("run", "examples/autoencoder.ts", "--", "3", "10240");
  expect(code).toBe(0);
  const [, loss = "9", pictures = ""] = /^Test loss (\d\.\d+)\. [^\n]+\n(.*)$/ms.exec(stdout) ?? [];
  expect(Number(loss)).toBeLessThan(0.25); // 0.263 is what always drawing the mean digit of MNIST has
  expect(pictures.split("\n").length).toBe(3 * 14 + 2);
  expect(pictures).toMatch(/[:+#]{3}/);
});

test("inspect: six nodes at every stage", async () => {
  const text = (await printed("inspect")).join("\n");
  const stages = text.split(/^==== /m).slice(1);
  const names = ["as written", "after differentiate", "optimized", "kernels", "JavaScript", "memory"];
  expect(stages.map((stage) => stage.split("\n")[0])).toEqual(names);
  const [written = "", differentiated = "", , kernels, source, memory] = stages;
  expect(written.match(/^%\d+: /gm)).toHaveLength(6);
  expect(written).toContain("gradient %4 %1");
  expect(differentiated).not.toContain("gradient");
  expect(kernels).toMatch(/^kernel k0_/m);
  expect(source).toMatch(/^export /m);
  expect(memory).toMatch(/scratch: \d+ B \(at least \d+ B are needed; \d+ B without reuse\)/);
});

test("inspect names a wrong entry and a missing size", () => {
  const identity = program({ inputs: { x: f32("batch") }, step: ({ x }) => ({ outputs: { x } }) });
  expect(() => inspect(identity, { entry: "train" })).toThrow('there is no entry "train": the program has step');
  expect(() => inspect(identity)).toThrow(UserError);
  expect(() => inspect(identity)).toThrow('the dimension "batch" has no size: pass dims: { batch: 128 }');
  expect(inspect(identity, { dims: { batch: 3 } }).map(({ name }) => name)).toHaveLength(6);
});
