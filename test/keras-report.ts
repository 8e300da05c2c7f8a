/**
 * A reporter: each case of Keras's fixtures by target, with its error over the largest number that Keras has there, as the tests noted it
 * (keras-record.ts). Ends with an error where a case has no row and no reason, and where a test failed.
 *
 *   npm run report:keras                     js and wasm, and wgsl where there is an adapter
 *   REQUIRE_GPU=1 npm run report:keras       and an error where there is none
 */
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { casesHere, tolerance } from "./gpu/cases/keras.ts";
import { fixtureCases, fixtureFiles, leftOut } from "./keras-fixtures.ts";
import { lossesOtherwise } from "./keras-loss-program.ts";
import { metricsOtherwise } from "./keras-metric-program.ts";
import type { KerasNote } from "./keras-record.ts";

const targets = ["js", "wasm", "wgsl"];

export default class KerasReport implements Reporter {
  /** Of the GPU's cases those of Keras alone: the workers get it from here. */
  onInit(): void {
    process.env.GPU_CASES ??= "keras > ";
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const failed = tests.filter((test) => test.result().state === "failed");
    const lines = reportLines(tests);
    console.log(lines.join("\n"));
    for (const test of failed) console.log(`FAILED  ${test.fullName}`);
    if (failed.length > 0 || lines.some((line) => line.includes(nobody))) process.exitCode = 1;
  }
}

const nobody = "no test runs it";

/** By file, case and target the largest error. */
type Errors = Map<string, Map<string, number>>;

function reportLines(tests: readonly TestCase[]): readonly string[] {
  const errors = new Map(fixtureFiles.map((file): [string, Errors] => [file, new Map()]));
  const add = ({ file, name, target, error }: KerasNote): void => {
    const row = errors.get(file)?.get(name) ?? new Map<string, number>();
    row.set(target, Math.max(row.get(target) ?? 0, error));
    errors.get(file)?.set(name, row);
  };
  const passed = tests.filter((test) => test.result().state === "passed");
  for (const test of passed) for (const note of test.meta().keras ?? []) add(note);
  const onGpu = passed.filter(({ module }) => module.moduleId.endsWith("gpu.test.ts"));
  const lines = ["the largest error, over the largest number; wgsl: what it is held to", line("case", targets)];
  for (const file of fixtureFiles) {
    lines.push("", file);
    const isOnGpu = onGpu.some(({ name }) => name.endsWith(`keras > ${file}`));
    for (const name of fixtureCases(file)) {
      const row = errors.get(file)?.get(name);
      const why = leftOut[file]?.[name];
      const gpu = isOnGpu && casesHere[file]?.includes(name) === true ? `<${tolerance.toExponential(0)}` : "-";
      if (row === undefined) lines.push(`  ${name}: ${why === undefined ? nobody : `left out: ${why}`}`);
      else
        lines.push(
          line(name, [...targets.slice(0, 2).map((target) => shown(row, target)), gpu]) + differing(file, name),
        );
    }
  }
  return lines;
}

/** Of what has another number here on purpose, which is what ours is held to. */
function differing(file: string, name: string): string {
  const found = file === "losses" ? lossesOtherwise[name] : file === "metrics" ? metricsOtherwise[name] : undefined;
  return found === undefined ? "" : `  ours: ${found.why}`;
}

/** What a weight starts with does not hang on the target. */
function shown(row: ReadonlyMap<string, number>, target: string): string {
  const error = row.get(target) ?? row.get("start");
  return error === undefined ? "-" : error === 0 ? "agrees" : error.toExponential(1);
}

function line(name: string, cells: readonly string[]): string {
  return `  ${name.padEnd(60)}${cells.map((cell) => cell.padStart(9)).join("")}`;
}
