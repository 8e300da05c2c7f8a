/**
 * Defects put in on purpose: each must turn a test red.
 *
 * Each has a bundle of the one test file that should notice, with the sources that it imports, in which one line is wrong; all
 * of them run in one run of Vitest. A defect whose line no longer stands in the sources fails too, so this list follows the
 * code.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type OnLoadArgs, type OnLoadResult } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { asBundle, builtFolder } from "../built.ts";
import { workerFlags } from "../worker-flags.ts";

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
    from: "return [when(isBelow(at, loop.extent), body)];",
    to: "return body;",
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
    from: "barrier !== null && before.has(step)) leaveIfFailed(",
    to: "barrier !== null && before.has(step) && step === launches.at(-1)) leaveIfFailed(",
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
    file: "codegen/wasm/moves/stage.ts",
    from: "load(panel.type, panel.name, placeOf(staged.axes, fresh))",
    to: "load(panel.type, panel.name, scaleIndex(placeOf(staged.axes, fresh), 1, 1))",
    caughtBy: "test/unit/wasm/kernels.test.ts",
    named: "32 x 20 x 64, left plain, right plain",
  },
  {
    title: "sums of a block overlap",
    file: "codegen/wasm/moves/spill.ts",
    from: "placeOf([...loops, ...lanes], fresh)",
    to: "placeOf([...loops.slice(1), ...lanes], fresh)",
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
  {
    title: "a window reads in front of its axis",
    file: "src/graph/ops/window.ts",
    from: "if (place.min < 0 || place.max >= extent) bounds",
    to: "if (place.max >= extent) bounds",
    caughtBy: "test/unit/conv.test.ts",
    named: "sizes that have names",
  },
  {
    title: "the windows of a gradient begin an element late",
    file: "src/graph/ops/window-contract.ts",
    from: "dilation * (size - 1) - before),",
    to: "dilation * (size - 1) - before - 1),",
    caughtBy: "test/property/windows.test.ts",
    named: "the sum over windows of a contraction",
  },
  {
    title: "memory of a loop is used again before the loop has ended",
    file: "passes/plan/layout.ts",
    from: "for (const span of spans) keepThrough(span, lives.values());",
    to: "",
    caughtBy: "test/property/lifetimes.test.ts",
    named: "what a sequence with loops reads",
  },
  {
    title: "an iteration overwrites the row that it reads",
    file: "passes/plan/order-loops.ts",
    from: "const forwards = isNew ? 1 : 0;",
    to: "const forwards = 0;",
    caughtBy: "test/unit/loop-programs.test.ts",
    named: "a recurrent net, 5 x 9 x 37",
  },
  {
    title: "an iteration reads the row that it writes",
    file: "passes/plan/order-loops.ts",
    from: "const forwards = isNew ? 1 : 0;",
    to: "const forwards = 1;",
    caughtBy: "test/unit/loop-programs.test.ts",
    named: "a recurrent net, 5 x 9 x 37",
  },
  {
    title: "a stack of carries is a row too short",
    file: "passes/plan/order-loops.ts",
    from: "make(resultAt(node, carry), extent + 1)",
    to: "make(resultAt(node, carry), extent)",
    caughtBy: "test/unit/loop-programs.test.ts",
    named: "a recurrent net, 5 x 9 x 37",
  },
  {
    title: "a rule for an axis of examples forgets all axes but the first",
    file: "src/graph/attrs.ts",
    from: "value.map((axis) => Number(axis) + 1)",
    to: "value.map((axis, i) => Number(axis) + (i === 0 ? 1 : 0))",
    caughtBy: "test/unit/batch.test.ts",
    named: "against a loop over them reduce sum",
  },
  {
    title: "a bfloat16 is cut off, and not rounded",
    file: "codegen/wasm/short-lanes.ts",
    from: "f.splatI32(0x7fff);",
    to: "f.splatI32(0);",
    caughtBy: "test/unit/short.test.ts",
    named: "PyTorch's roundings to bf16, ties and all on wasm, four at once",
  },
  {
    title: "a tie between two bfloat16 goes up",
    file: "src/kernel/maths/short.ts",
    from: "const odd = and(shiftRight(bits, 16), 1);",
    to: "const odd = and(shiftRight(bits, 16), 0);",
    caughtBy: "test/unit/short.test.ts",
    named: "the kernel evaluator, as for wasm bf16 without fuse",
  },
  {
    title: "what checkpoint computes again waits for nothing",
    file: "src/graph/ops/barrier.ts",
    from: "reads.wait(1);",
    to: "",
    caughtBy: "test/unit/checkpoint-gradient.test.ts",
    named: "what is computed again waits for the slope",
  },
];

const root = fileURLToPath(new URL("../../", import.meta.url));
const workshop = join(process.env[builtFolder] ?? "", "defects");
const fileOf = ({ title }: Defect): string => join(workshop, `${title.replaceAll(/\W+/g, "-")}.test.js`);
const bundleOf = (defect: Defect): string => fileOf(defect).replace(/\.test\.js$/, ".bundle.mjs");

/**
 * The test file with all that it imports, in which the line with the defect is wrong. Gives how often that line stands in the
 * sources. A module's own address stays that of its source, as tests find their fixtures by it.
 */
async function seed(defect: Defect): Promise<number> {
  let found = 0;
  const load = ({ path }: OnLoadArgs): OnLoadResult => {
    const text = readFileSync(path, "utf8");
    const parts = relative(root, path) === defect.file ? text.split(defect.from) : [text];
    found += parts.length - 1;
    const url = JSON.stringify(pathToFileURL(path).href);
    return { contents: parts.join(defect.to).replaceAll("import.meta.url", url), loader: "ts" };
  };
  await build({
    entryPoints: [join(root, defect.caughtBy)],
    outfile: bundleOf(defect),
    ...asBundle,
    plugins: [{ name: "defect", setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, load) }],
  });
  // Node loads the bundle itself: to Vitest it would be a source, to be transformed.
  writeFileSync(fileOf(defect), `import ${JSON.stringify(`./${basename(bundleOf(defect))}`)};\n`);
  return found;
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
  const config = { include: ["*.test.js"], isolate: false, maxWorkers: 2, execArgv: workerFlags, testTimeout: 30_000 };
  const written = `{ ...${JSON.stringify(config)}, server: { deps: { external: [/\\.bundle\\.mjs$/] } } }`;
  writeFileSync(join(workshop, "vitest.config.mjs"), `export default { test: ${written} };`);
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
    mkdirSync(workshop);
    await Promise.all(defects.map(async (defect) => found.set(defect, await seed(defect))));
    outcome = await runAll();
  }, 180_000);

  test.each(defects)("$title", (defect) => {
    expect(found.get(defect), `${defect.file} holds the line once`).toBe(1);
    const counts = outcome.files.get(fileOf(defect));
    expect(
      counts?.failed,
      `${defect.caughtBy}: the tests ran, and some of them failed\n${outcome.output}`,
    ).toBeGreaterThan(0);
  });
});
