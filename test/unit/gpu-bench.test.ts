/**
 * The rows of `npm run bench:gpu`: each runs once, at tiny sizes, on the software GPU; and their plans for a card's limits.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readF32, writeData } from "../../bench/data.ts";
import { checkedSteps, operandArrays, probe, stepNumbers } from "../../bench/gpu/numbers.ts";
import { arrayProgram, fedStepProgram } from "../../bench/gpu/programs.ts";
import { type ArrayWorkload, rowsAt, type StepsWorkload } from "../../bench/gpu/rows.ts";
import type { GpuAnswer, GpuRequest } from "../../bench/gpu/serve.ts";
import { structureOf } from "../../bench/gpu/structure.ts";
import { bundleGpu } from "../../bench/gpu/systems.ts";
import { SystemProcess } from "../../bench/process.ts";
import { cache } from "../../bench/systems.ts";
import { syntheticDigits } from "../../src/data/digits.ts";
import { compile } from "../../src/index.ts";
import { type SoftwareVulkan, softwareVulkan } from "../gpu/software.ts";
import { h100 } from "../h100.ts";

const isRequired = process.env.REQUIRE_GPU === "1" || process.env.CI === "true";
/** More iterations of one invocation than this might not end before a driver's watchdog. */
const mostTurns = 2 ** 20;

describe("rows of the GPU benchmark run", () => {
  let driver: SoftwareVulkan;
  let data: string;
  let numbers: Float32Array;
  /** By what was asked: at tiny sizes several rows are the same, and held against the same kernel. */
  const answers = new Map<string, GpuAnswer>();
  const processes = new Map<string, SystemProcess<GpuRequest, GpuAnswer>>();

  beforeAll(async () => {
    driver = await softwareVulkan();
    if (driver.kind === "missing") return;
    data = mkdtempSync(join(tmpdir(), "tensorloom-bench-"));
    writeData(data);
    numbers = readF32(data, "numbers.f32");
    const { train } = syntheticDigits({ seed: 1, train: 128, test: 1 });
    writeFileSync(join(data, "epoch-images.u8"), train.images);
    writeFileSync(join(data, "epoch-labels.u8"), train.labels);
    const folder = join(cache, "gpu-test"); // packages are found from there
    await bundleGpu(folder);
    for (const name of ["own", "by-hand"]) {
      const command = [process.execPath, join(folder, `${name}.mjs`), data];
      processes.set(name, new SystemProcess<GpuRequest, GpuAnswer>({ name, command, env: driver.env }));
    }
  });
  afterAll(async () => {
    await Promise.all([...processes.values()].map((process) => process.close()));
    if (data !== undefined) rmSync(data, { recursive: true });
  });

  const ask = async (name: string, request: GpuRequest): Promise<GpuAnswer> => {
    const key = JSON.stringify([name, request]);
    const answer = answers.get(key) ?? (await processes.get(name)?.ask(request));
    if (answer === undefined) throw new Error(`there is no ${name}`);
    expect(answer.error).toBeUndefined();
    answers.set(key, answer);
    return answer;
  };

  test.for(rowsAt("tiny"))("$title", async ({ workload, hand }, { skip }) => {
    if (driver.kind === "missing") {
      if (isRequired) throw new Error(driver.reason);
      skip(driver.reason);
    }
    const made = await ask("own", { kind: "ready", workload });
    if (workload.kind === "product" && workload.precision === "mixed" && made.lack !== undefined) return; // it says why
    expect(made.lack).toBeUndefined();
    const { counts } = await ask("own", { kind: "count", workload });
    expect(counts?.dispatches).toBeGreaterThan(0);
    if (workload.kind === "steps") {
      const expected = await lossesOnJs(workload, data);
      expect(made.check).toHaveLength(expected.length);
      for (const [i, loss] of expected.entries()) expect(made.check[i]).toBeCloseTo(loss, 3);
      const batchBytes = 4 * workload.batch * (workload.inputs + 1);
      expect(counts?.uploadedBytes).toBe(workload.data === "fed" ? batchBytes : 0);
    }
    const floor = await ask("by-hand", { kind: "measure", workload: hand.workload, warmup: 0, repetitions: 1 });
    expect(floor.ms).toHaveLength(1);
    if (workload.kind === "array") {
      const expected = await resultOnJs(workload, numbers);
      expect(made.check).toHaveLength(expected.length);
      const most = Math.max(...expected.map(Math.abs));
      for (const [i, value] of expected.entries())
        expect((made.check[i] ?? Number.NaN) / most).toBeCloseTo(value / most, 4);
    }
    if (workload.kind !== "product") return;
    expect(floor.check).toHaveLength(made.check.length);
    for (const [i, value] of floor.check.entries()) expect(made.check[i]).toBeCloseTo(value, 2);
  });
});

async function lossesOnJs(workload: StepsWorkload, folder: string): Promise<readonly number[]> {
  const executable = await compile(fedStepProgram(workload), { target: "js" });
  const { w1, w2, batch } = stepNumbers(folder, workload);
  executable.state.write("model.0.w", w1);
  executable.state.write("model.1.w", w2);
  const losses: number[] = [];
  for (let i = 0; i < checkedSteps; i++) {
    executable.train(batch(workload.data === "fed" ? i : 0));
    losses.push(await executable.read("loss"));
  }
  return losses;
}

async function resultOnJs(workload: ArrayWorkload, numbers: Float32Array): Promise<readonly number[]> {
  const executable = await compile(arrayProgram(workload), { target: "js" });
  for (const { name, values } of operandArrays(workload, numbers)) executable.state.write(name, values);
  executable.go();
  const z = await executable.read("z");
  return probe(typeof z === "number" ? [z] : (z as Float32Array));
}

describe("rows of the GPU benchmark, planned for an H100", () => {
  const rows = rowsAt("card").filter(({ title }) => !title.includes("mixed"));

  test("against a state that sums in one invocation a card must be 20 times as fast, software on two cores 3 times", () => {
    for (const [scale, times] of [
      ["card", 20],
      ["software", 3],
    ] as const) {
      const sums = rowsAt(scale).filter(({ title }) => /^sum of \d/.test(title));
      expect(sums.map(({ limit }) => limit)).toEqual([1 / times, 1 / times]);
    }
  });

  test.for(rows)("$title", ({ title, workload }) => {
    const { launches, longest, widths } = structureOf(workload, h100);
    expect(longest).toBeLessThanOrEqual(mostTurns);
    if (title.startsWith("sum of")) expect(launches).toBeGreaterThan(1); // split, and finished
    if (title.startsWith("add") || title.includes("products")) expect(widths).toEqual({ 4: 3 });
  });
});
