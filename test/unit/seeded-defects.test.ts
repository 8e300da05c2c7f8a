/**
 * Defects put in on purpose: each must turn a test red.
 *
 * A copy of the sources gets one wrong line and runs the one test file that should notice. A defect whose line no longer
 * stands in the sources fails too, so this list follows the code.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

interface Defect {
  readonly title: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The test file that turns red. */
  readonly caughtBy: string;
}

const defects: readonly Defect[] = [
  {
    title: "an ordering edge is dropped",
    file: "passes/plan/order.ts",
    from: "for (const reader of readers) putBefore(reader, writer);",
    to: "for (const reader of readers.slice(1)) putBefore(reader, writer);",
    caughtBy: "test/unit/difficult-programs.test.ts",
  },
  {
    title: "a gradient rule is wrong",
    file: "src/graph/ops/map.ts",
    from: 'gradient: (a, g, _, b) => [b.map("mul", g, arg(a, 1)), b.map("mul", g, arg(a, 0))],',
    to: 'gradient: (a, g, _, b) => [b.map("mul", g, arg(a, 0)), b.map("mul", g, arg(a, 1))],',
    caughtBy: "test/unit/ops-oracle.test.ts",
  },
  {
    title: "an offset is off by 4",
    file: "passes/plan/layout.ts",
    from: "buffers.set(buffer, { ...buffer, bytes, offset });",
    to: "buffers.set(buffer, { ...buffer, bytes, offset: Math.max(0, offset - 4) });",
    caughtBy: "test/unit/odd-sizes.test.ts",
  },
  {
    title: "a tail guard is missing",
    file: "passes/schedule/gpu-map.ts",
    from: "const inside = whenInside([{ index: flat, extent: totalOf(loops) }], body);",
    to: "const inside = totalOf(loops) < 0 ? whenInside([], body) : body;",
    caughtBy: "test/unit/wgsl-schedule.test.ts",
  },
  {
    title: "epsilon stands outside the square root",
    file: "src/nn/optimizers/rmsprop.ts",
    from: "sqrt(add(spread, epsilon)",
    to: "add(sqrt(spread), epsilon",
    caughtBy: "test/unit/optimizers.test.ts",
  },
  {
    title: "threads do not meet after some kernels",
    file: "codegen/wasm/step.ts",
    from: "if (barrier !== null) leaveIfFailed(",
    to: "if (barrier !== null && step === steps.at(-1)) leaveIfFailed(",
    caughtBy: "test/unit/wasm/barriers.test.ts",
  },
  {
    title: "the rest that fills no vector is missing",
    file: "passes/schedule/lanes.ts",
    from: "if (start < extent) nests.push(rest(nest, along, start, fresh));",
    to: "if (start < 0) nests.push(rest(nest, along, start, fresh));",
    caughtBy: "test/unit/wasm/kernels.test.ts",
  },
  {
    title: "a panel is read 4 bytes further on",
    file: "passes/schedule/panel-body.ts",
    from: 'withPanel(nest.body, found, load("f32", panel.name, at));',
    to: 'withPanel(nest.body, found, load("f32", panel.name, sumIndex([{ factor: 1, index: at }], 1)));',
    caughtBy: "test/unit/wasm/kernels.test.ts",
  },
  {
    title: "sums of a block overlap",
    file: "passes/schedule/panel-body.ts",
    from: "      { factor: cut.width, index: loopIndex(r) },",
    to: "      { factor: cut.width - 1, index: loopIndex(r) },",
    caughtBy: "test/unit/wasm/kernels.test.ts",
  },
  {
    title: "another lane is picked out of a vector",
    file: "codegen/wasm/scalar.ts",
    from: "extractLane(type, lanes.only, context);",
    to: "extractLane(type, 3 - lanes.only, context);",
    caughtBy: "test/unit/wasm/kernels.test.ts",
  },
];

const root = fileURLToPath(new URL("../../", import.meta.url));
const workshop = join(root, "node_modules/.cache/tensorloom-defects");

/** Runs a test file in a copy of the project; the output, and whether it passed. */
function runIn(folder: string, file: string): { readonly passed: boolean; readonly output: string } {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
  const options = { cwd: folder, encoding: "utf8", timeout: 110_000, env } as const;
  const run = spawnSync(process.execPath, [vitest, "run", file], options);
  return { passed: run.status === 0, output: run.stdout + run.stderr };
}

function copyProject(name: string): string {
  const folder = join(workshop, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const part of ["src", "passes", "codegen", "test", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  return folder;
}

describe("a seeded defect turns a test red", () => {
  afterAll(() => rmSync(workshop, { recursive: true, force: true }));

  test.each(defects)("$title", { timeout: 120_000 }, ({ title, file, from, to, caughtBy }) => {
    const folder = copyProject(title.replaceAll(/\W+/g, "-"));
    const source = readFileSync(join(folder, file), "utf8");
    expect(source.split(from).length, `${file} holds the line once`).toBe(2);
    writeFileSync(join(folder, file), source.replace(from, to));
    const { passed, output } = runIn(folder, caughtBy);
    expect(passed, output).toBe(false);
    expect(output, "the tests ran, and some of them failed").toMatch(/Tests\s+\d+ failed/);
  });
});
