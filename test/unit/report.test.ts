/**
 * The report of a run: the same curves whether they come from a history, from lines of JSON or from event files; one file, which
 * needs nothing else.
 */
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { readRuns } from "../../src/nn/report/read-runs.ts";
import { type Curve, curvesOfEpochs } from "../../src/nn/report/run-curves.ts";
import { adam, dense, type History, htmlReport, jsonLogger, saveReport, summaryWriter, tensorBoard, trainer } from "../../src/node.ts"; // biome-ignore format: names
import { addReportCommand } from "../../src/tools/cli/report-command.ts";

const folder = mkdtempSync(join(tmpdir(), "tensorloom-report-"));
const at = (name: string): string => join(folder, name);
const x = Float32Array.from({ length: 20 }, (_, i) => Math.sin(i));
const y = Float32Array.from(x, (value) => 2 * value + 1);

let history: History<string>;

beforeAll(async () => {
  const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: adam({ learningRate: 0.1 }) });
  await net.compile({ target: "js", batch: 8, seed: 1 });
  const callbacks = [
    tensorBoard({ logDir: at("logs/run"), updateFreq: "batch" }),
    jsonLogger(at("run.jsonl"), { everyBatches: 1 }),
    htmlReport(at("report.html"), { title: "A <line>" }),
  ];
  history = (await net.fit({ x, y, epochs: 3, validationSplit: 0.2, callbacks })) as History<string>;
});

const keys = (curves: readonly Curve[]) => curves.map(({ name, axis, side }) => `${side} ${name} by ${axis}`).sort();
const loss = (curves: readonly Curve[], side = "train", axis = "epoch") =>
  curves.find((curve) => curve.name === "loss" && curve.side === side && curve.axis === axis);

describe("the same curves", () => {
  test("of a history", () => {
    const curves = curvesOfEpochs(history.epochs);
    expect(keys(curves)).toEqual([
      "train learning rate by epoch", "train loss by epoch", "train seconds an epoch by epoch", "validation loss by epoch",
    ]); // biome-ignore format: names
    expect(loss(curves)).toMatchObject({ x: [1, 2, 3], y: history.epochs.map((epoch) => epoch.loss) });
    expect(loss(curves, "validation")?.y).toEqual(history.epochs.map(({ validation }) => validation?.loss));
  });

  test("of lines of JSON", async () => {
    const [run, ...others] = await readRuns(at("run.jsonl"));
    expect([run?.name, others]).toEqual(["run", []]);
    const curves = run?.curves ?? [];
    expect(curves.filter(({ axis }) => axis === "epoch")).toEqual(curvesOfEpochs(history.epochs));
    expect(loss(curves, "train", "step")?.x).toEqual([1, 2, 3, 4, 5, 6]);
    const [begin, ...rest] = readFileSync(at("run.jsonl"), "utf8").split("\n");
    writeFileSync(at("unknown.jsonl"), [begin?.replace('"steps":2', '"steps":null'), ...rest].join("\n"));
    expect((await readRuns(at("unknown.jsonl")))[0]?.curves).toEqual(curves);
  });

  test("of event files, of a run or of all below a folder", async () => {
    for (const [path, name] of [
      ["logs/run", "run"],
      ["logs", "run"],
    ] as const) {
      const [run, ...others] = await readRuns(at(path));
      expect([run?.name, others]).toEqual([name, []]);
      const curves = run?.curves ?? [];
      expect(loss(curves)?.y).toEqual(history.epochs.map((epoch) => Math.fround(epoch.loss)));
      expect(loss(curves, "validation")?.x).toEqual([1, 2, 3]);
      expect(loss(curves, "train", "step")?.x).toEqual([1, 2, 3, 4, 5, 6]);
      expect(curves.find((curve) => curve.name === "seconds an epoch")?.x).toEqual([2, 3]);
    }
  });
});

test("a run that began again in the same folder is drawn from its last beginning on", async () => {
  for (const values of [
    [5, 4, 3],
    [2, 1],
  ]) {
    const log = summaryWriter(at("again"));
    for (const [step, value] of values.entries()) log.scalar("epoch_loss", value, step);
    await log.close();
  }
  const [run] = await readRuns(at("again"));
  expect(loss(run?.curves ?? [])).toMatchObject({ x: [1, 2], y: [2, 1] });
});

test("NaN has its place, a line that is cut off is left out, and one that is no log is refused", async () => {
  writeFileSync(at("nan.jsonl"), '{"event":"epoch","epoch":1,"loss":"NaN"}\n{"event":"epoch","epoch":2,"loss":1}\n');
  appendFileSync(at("nan.jsonl"), '{"event":"epoch","epo');
  const [run] = await readRuns(at("nan.jsonl"));
  expect(loss(run?.curves ?? [])).toMatchObject({ x: [1, 2], y: ["NaN", 1] });
  writeFileSync(at("odd.jsonl"), "epoch,loss\n1,2\n");
  await expect(readRuns(at("odd.jsonl"))).rejects.toThrow(/odd\.jsonl:1: this is no line of a run's log/);
  await expect(readRuns(at("nothing"))).rejects.toThrow(/nothing: could not be read: there is no such file/);
});

const dataOf = (path: string): unknown =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(readFileSync(path, "utf8"))?.[1] ?? "");

describe("the page", () => {
  test("of a callback holds the run, and asks for nothing from elsewhere", () => {
    const page = readFileSync(at("report.html"), "utf8");
    expect(dataOf(at("report.html"))).toEqual({
      title: "A <line>",
      runs: [{ name: "this run", curves: JSON.parse(JSON.stringify(curvesOfEpochs(history.epochs))) }],
    });
    expect(page).toContain("<title>A &lt;line></title>");
    expect(page).not.toMatch(/(?:src|href)=|@import|url\(|https?:(?!\/\/www\.w3\.org)/);
    expect(page.length).toBeLessThan(100_000);
  });

  test("of histories and logs together, with text that looks like markup", async () => {
    await saveReport(at("both.html"), { "</script><b>": history, old: at("run.jsonl") });
    expect((dataOf(at("both.html")) as { runs: { name: string }[] }).runs.map(({ name }) => name)).toEqual(["</script><b>", "old"]); // biome-ignore format: short
    await expect(saveReport(at("none.html"), { a: 3 as never })).rejects.toThrow(/^saveReport: "a" must be a history or the path of a log, not 3\n {4}at .*report\.test\.ts/); // biome-ignore format: short
    await expect(saveReport("/dev/null/a.html", {})).rejects.toThrow(/a\.html: could not be saved/);
  });
});

test("the command draws runs under their paths' names", async () => {
  const command = new Command("tensorloom").exitOverride();
  addReportCommand(command);
  const told = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await command.parseAsync(["node", "tensorloom", "report", at("logs"), at("run.jsonl"), "--out", at("both.html")]);
    expect(told.mock.calls.flat().join("")).toBe(`${at("both.html")}: 2 runs\n`);
  } finally {
    told.mockRestore();
  }
  expect(dataOf(at("both.html"))).toMatchObject({ title: "Training", runs: [{ name: "logs" }, { name: "run" }] });
});
