/**
 * Defects put in on purpose: each must turn a test red.
 *
 * Each has a copy of the sources with one wrong line, in which the one test file runs that should notice: all of them in one
 * run of Vitest, as a project each. A defect whose line no longer stands in the sources fails too, so this list follows the
 * code.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Defect {
  readonly title: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The test file that turns red, and a part of the names of the tests there that do. */
  readonly caughtBy: string;
  readonly named: string;
}

const defects: readonly Defect[] = [
  {
    title: "an ordering edge is dropped",
    file: "passes/plan/order.ts",
    from: "for (const reader of readers) putBefore(reader, writer);",
    to: "for (const reader of readers.slice(1)) putBefore(reader, writer);",
    caughtBy: "test/unit/difficult-programs.test.ts",
    named: "states that become one another",
  },
  {
    title: "a gradient rule is wrong",
    file: "src/graph/ops/map.ts",
    from: 'gradient: ([x, y], g, _, b) => [b.map("mul", g, y), b.map("mul", g, x)],',
    to: 'gradient: ([x, y], g, _, b) => [b.map("mul", g, x), b.map("mul", g, y)],',
    caughtBy: "test/unit/ops-oracle.test.ts",
    named: "element-wise ops mul",
  },
  {
    title: "an offset is off by 4",
    file: "passes/plan/layout.ts",
    from: "buffers.set(buffer, slotOf(buffer, bytes, offset));",
    to: "buffers.set(buffer, slotOf(buffer, bytes, Math.max(0, offset - 4)));",
    caughtBy: "test/unit/odd-sizes.test.ts",
    named: "a batch of one",
  },
  {
    title: "a tail guard is missing",
    file: "passes/schedule/moves/split.ts",
    from: "return [when(isBelow(at, loop.extent), replaced)];",
    to: "return replaced;",
    caughtBy: "test/unit/wgsl-schedule.test.ts",
    named: "small workgroups",
  },
  {
    title: "epsilon stands outside the square root",
    file: "src/nn/optimizers/rmsprop.ts",
    from: "sqrt(add(spread, epsilon)",
    to: "add(sqrt(spread), epsilon",
    caughtBy: "test/unit/optimizers.test.ts",
    named: "rmsprop in the oracle",
  },
  {
    title: "threads do not meet after some kernels",
    file: "codegen/wasm/step.ts",
    from: "if (barrier !== null) leaveIfFailed(",
    to: "if (barrier !== null && step === steps.at(-1)) leaveIfFailed(",
    caughtBy: "test/unit/wasm/barriers.test.ts",
    named: "starts on 2 threads",
  },
  {
    title: "what a split leaves over begins too early",
    file: "passes/schedule/moves/split.ts",
    from: "scaleIndex(fresh.pool.loop(left), 1, whole)",
    to: "scaleIndex(fresh.pool.loop(left), 1, whole - 1)",
    caughtBy: "test/property/random-kernels.test.ts",
    named: "any moves that are legal change no number",
  },
  {
    title: "the rest that fills no vector is missing",
    file: "passes/schedule/moves/split.ts",
    from: 'if (typeof tail === "string" || cut.rest === 0) return moved;',
    to: 'if (typeof tail === "string" || cut.rest !== 0) return moved;',
    caughtBy: "test/unit/wasm/kernels.test.ts",
    named: "maps of 7 elements",
  },
  {
    title: "a panel is read 4 bytes further on",
    file: "passes/schedule/moves/stage.ts",
    from: "const read = load(panel.type, panel.name, at);",
    to: "const read = load(panel.type, panel.name, scaleIndex(at, 1, 1));",
    caughtBy: "test/unit/wasm/kernels.test.ts",
    named: "32 x 20 x 64, left plain, right plain",
  },
  {
    title: "sums of a block overlap",
    file: "passes/schedule/moves/spill.ts",
    from: "placeOf([...of.map((one) => one.loop), ...lanes], fresh)",
    to: "placeOf([...of.slice(1).map((one) => one.loop), ...lanes], fresh)",
    caughtBy: "test/unit/wasm/kernels.test.ts",
    named: "13 x 70 x 17: a long epilogue",
  },
  {
    title: "the end of a row in lanes is left out",
    file: "passes/schedule/moves/split-fold.ts",
    from: "if (start < axis.extent) {",
    to: "if (start < 0) {",
    caughtBy: "test/unit/wasm/kernels.test.ts",
    named: "softmax of 5 rows of 67",
  },
  {
    title: "another lane is picked out of a vector",
    file: "codegen/wasm/scalar.ts",
    from: "extractLane(type, lanes.only, context);",
    to: "extractLane(type, 3 - lanes.only, context);",
    caughtBy: "test/unit/wasm/kernels.test.ts",
    named: "f32 sin at the edges",
  },
];

const root = fileURLToPath(new URL("../../", import.meta.url));
const workshop = join(root, "node_modules/.cache/tensorloom-defects");
const folderOf = ({ title }: Defect): string => join(workshop, title.replaceAll(/\W+/g, "-"));

function copyProject(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const part of ["src", "passes", "codegen", "test", "package.json", "tsconfig.json"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
}

/** How often the line with the defect stands in the sources; where that is once, it is wrong in the copy now. */
function seed(defect: Defect): number {
  const file = join(folderOf(defect), defect.file);
  const parts = readFileSync(file, "utf8").split(defect.from);
  if (parts.length === 2) writeFileSync(file, parts.join(defect.to));
  return parts.length - 1;
}

/** One project for each copy, with only the tests that should turn red. */
function config(): string {
  const projects = defects.map((defect) => {
    const root = folderOf(defect);
    const alias = [
      { find: "tensorloom/node", replacement: join(root, "src/node.ts") },
      { find: "tensorloom", replacement: join(root, "src/index.ts") },
    ];
    return { root, resolve: { alias }, test: { name: defect.title, include: [defect.caughtBy], isolate: false } };
  });
  return `export default ${JSON.stringify({ test: { projects, maxWorkers: 2, testTimeout: 30_000 } })};`;
}

interface Outcome {
  readonly output: string;
  /** By the path of a test file: how many of its tests passed, and how many failed. */
  readonly files: ReadonlyMap<string, { readonly passed: number; readonly failed: number }>;
}

interface JsonReport {
  readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly { status: string }[] }[];
}

async function runAll(): Promise<Outcome> {
  const [vitest, report] = [join(root, "node_modules/vitest/vitest.mjs"), join(workshop, "report.json")];
  writeFileSync(join(workshop, "vitest.config.mjs"), config());
  const names = defects.map(({ named }) => named.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const args = [vitest, "run", "-t", names, "--reporter=default", "--reporter=json", `--outputFile=${report}`];
  const options = { cwd: workshop, timeout: 170_000, env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" } };
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { ...options, maxBuffer: 2 ** 28 }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as JsonReport;
  const files = testResults.map(({ name, assertionResults }) => {
    const count = (wanted: string): number => assertionResults.filter(({ status }) => status === wanted).length;
    return [name, { passed: count("passed"), failed: count("failed") }] as const;
  });
  return { output, files: new Map(files) };
}

describe("a seeded defect turns a test red", () => {
  const found = new Map<Defect, number>();
  let outcome: Outcome;
  beforeAll(async () => {
    rmSync(workshop, { recursive: true, force: true });
    for (const defect of defects) {
      copyProject(folderOf(defect));
      found.set(defect, seed(defect));
    }
    outcome = await runAll();
  }, 180_000);
  afterAll(() => rmSync(workshop, { recursive: true, force: true }));

  test.each(defects)("$title", (defect) => {
    expect(found.get(defect), `${defect.file} holds the line once`).toBe(1);
    const counts = outcome.files.get(join(folderOf(defect), defect.caughtBy));
    expect(
      counts?.failed,
      `${defect.caughtBy}: the tests ran, and some of them failed\n${outcome.output}`,
    ).toBeGreaterThan(0);
  });
});
