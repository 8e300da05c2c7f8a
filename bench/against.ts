/**
 * `npx tsx bench/against.ts --old PATH`: this checkout against another one, in turns, as ratios new / old.
 *
 *   npx tsx bench/against.ts --old ../old                    everything: half an hour
 *   npx tsx bench/against.ts --old ../old --quick            the main step, one contraction, rows, a map, compiling: minutes
 *   npx tsx bench/against.ts --old ../old --only "wasm 1"    only lines whose titles contain one of these (separated by commas)
 *   npx tsx bench/against.ts --old . --quick                 a checkout against itself: how far a ratio is from 1 by chance
 *
 * Also `--pairs N` (pairs of fresh processes a line), `--rounds N` (turns of each process), `--list` (the titles).
 *
 * Only src/index.ts and src/node.ts of the other checkout are imported, bundled with the workloads of this one. A line that
 * is a little over its limit is measured once more with twice the pairs; where one stays over, the exit status is 1.
 */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { softwareVulkan } from "../test/gpu/software.ts";
import type { CompileTime } from "./against/compile-times.ts";
import { type DuelOptions, duel, median, type Ratio } from "./against/duel.ts";
import { writeData } from "./data.ts";
import { bundle, cache, dataFolder, root, type SystemSpec } from "./systems.ts";
import { contractions, large, maps, rows, titleOf, type Workload } from "./workloads.ts";

const { values: flags } = parseArgs({
  options: {
    old: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    pairs: { type: "string" },
    rounds: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
const pairs = Number(flags.pairs ?? (flags.quick ? 2 : 3));
const rounds = Number(flags.rounds ?? (flags.quick ? 10 : 16));

interface Line {
  readonly title: string;
  /** The largest ratio that will do. */
  readonly limit: number;
  readonly quick: boolean;
  measure(pairs: number): Promise<Ratio | { readonly error: string }>;
}

type Side = "old" | "new";
/** No ratio of a running program may be above this. */
const kept = 1.03;
/** Of compiling cold, and of compiling thousands of layers. */
const [coldLimit, deepLimit] = [0.75, 0.6];
/** The ratio is taken at one of them; together they show whether a layer costs the same in a deep net as in a shallow one. */
const depths = [500, 1000, 2000, 4000];
const judgedDepth = 2000;

const steps = (
  [
    ["rmsprop", 128],
    ["rmsprop", 32],
    ["rmsprop", 2048],
    ["adam", 128],
    ["sgd", 128],
  ] as const
).map(([optimizer, batch]) => ({ kind: "step", optimizer, batch }) as const);
const small: Workload = { kind: "chain", shape: [20, 100], calls: 1000 };
const [firstMap] = maps;
const rowwise = [
  { kind: "softmax", ...rows },
  { kind: "layerNorm", ...rows },
] as const;
const cpuWorkloads: readonly Workload[] = [
  ...steps,
  ...contractions,
  { kind: "matmul", n: 512 },
  ...maps,
  { kind: "chain", shape: [2048, large / 2048], calls: 1 },
  small,
  ...rowwise,
];
/** The software adapter is a hundred times as slow as a GPU: fewer, and none that takes seconds. */
const gpuWorkloads: readonly Workload[] = [
  ...steps.slice(0, 2),
  ...contractions.slice(0, 3),
  ...maps.slice(0, 1),
  ...rowwise,
];
const quickWorkloads: readonly (Workload | undefined)[] = [
  steps[0],
  contractions[0],
  contractions[4],
  firstMap,
  ...rowwise,
];

function folderOf(side: Side): string {
  return join(cache, `against-${side}`);
}

function running(title: string, workload: Workload, command: (side: Side) => readonly string[], env = {}): Line {
  const spec = (side: Side): SystemSpec => ({ name: side, command: command(side), env });
  const options: Omit<DuelOptions, "pairs"> = { rounds, turnMs: 60, warmupMs: flags.quick ? 600 : 1_000 };
  return {
    title: `${title}: ${titleOf(workload)}`,
    limit: kept,
    quick: quickWorkloads.includes(workload),
    measure: (pairs) => duel(spec("old"), spec("new"), workload, { ...options, pairs }),
  };
}

const node = (side: Side, file: string, ...args: readonly string[]): readonly string[] => [
  process.execPath,
  join(folderOf(side), `${file}.mjs`),
  ...args,
];

/** Fresh processes in turns; one ratio for each pair of them. */
async function compiling(pairs: number, args: readonly string[], judged = 0): Promise<Ratio> {
  const times: [number[], number[]] = [[], []];
  const ratios: number[] = [];
  const perLayer: [number[][], number[][]] = [[], []];
  for (let pair = 0; pair < pairs; pair++) {
    const turn = [0, 0];
    for (const side of pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const [file = "", ...rest] = node(side === 0 ? "old" : "new", "compile-times", ...args);
      const { stdout, stderr, status } = spawnSync(file, rest, { encoding: "utf8" });
      if (status !== 0) throw new Error(`compile-times ${args.join(" ")} failed: ${stderr}`);
      const all = JSON.parse(stdout) as readonly CompileTime[];
      const one = all[judged];
      turn[side] = Math.min(one?.wallMs ?? Number.NaN, one?.cpuMs ?? Number.NaN);
      times[side].push(turn[side]);
      if (all.length > 1) perLayer[side].push(all.map(({ wallMs }, i) => wallMs / (depths[i] ?? Number.NaN)));
    }
    ratios.push((turn[1] ?? Number.NaN) / (turn[0] ?? Number.NaN));
  }
  for (const side of perLayer.some((list) => list.length > 0) ? ([0, 1] as const) : []) {
    const each = depths.map((depth, i) => `${depth}: ${median(perLayer[side].map((list) => list[i] ?? 0)).toFixed(3)}`);
    const slopes = perLayer[side].map((list) => (list.at(-1) ?? 0) / (list[0] ?? 0));
    const growth = `${median(slopes).toFixed(2)} times as much in the deepest as in the first`;
    console.log(`    ${side === 0 ? "old" : "new"}, ms a layer: ${each.join(", ")}; ${growth}`);
  }
  return {
    old: median(times[0]),
    new: median(times[1]),
    // Other work only adds, and adds most to what takes short: of the processes, the faster half.
    ratio: median(fasterHalf(times[1])) / median(fasterHalf(times[0])),
    pairs: ratios.toSorted((a, b) => a - b),
    fastest: Math.min(...times[1]) / Math.min(...times[0]),
  };
}

function fasterHalf(times: readonly number[]): readonly number[] {
  return times.toSorted((a, b) => a - b).slice(0, Math.ceil(times.length / 2));
}

async function allLines(): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for (const target of ["js", "wasm"] as const) {
    const cold = (n: number) => compiling(6 * n, ["cold", target]);
    const deep = (n: number) => compiling(n, ["deep", target, ...depths.map(String)], depths.indexOf(judgedDepth));
    lines.push(
      { title: `${target}: compile cold, main step`, limit: coldLimit, quick: true, measure: cold },
      { title: `${target}: compile ${judgedDepth} layers`, limit: deepLimit, quick: false, measure: deep },
    );
  }
  const cpu = (title: string, ...args: readonly string[]): void => {
    for (const workload of cpuWorkloads) {
      lines.push(running(title, workload, (side) => node(side, "tensorloom", dataFolder, ...args)));
    }
  };
  cpu("wasm 1", "wasm", "1");
  cpu("wasm 2", "wasm", "2");
  cpu("js", "js");
  const driver = await softwareVulkan();
  if (driver.kind === "missing") console.error(`without WebGPU: ${driver.reason}`);
  else {
    for (const workload of gpuWorkloads) {
      lines.push(running("wgsl", workload, (side) => node(side, "tensorloom-gpu", dataFolder), driver.env));
    }
  }
  return lines;
}

function show({ title, limit }: Line, result: Ratio | { readonly error: string }): boolean {
  if ("error" in result) {
    console.log(`${title.padEnd(56)} FAILED: ${result.error}`);
    return false;
  }
  const { old, new: fresh, ratio, fastest } = result;
  const ok = ratio <= limit;
  const span = `${result.pairs[0]?.toFixed(3)} to ${result.pairs.at(-1)?.toFixed(3)}`;
  const figures = `${old.toPrecision(4).padStart(9)} -> ${fresh.toPrecision(4).padStart(9)} ms`;
  const verdict = ok ? "" : `  OVER ${limit}`;
  console.log(
    `${title.padEnd(56)} ${figures}  ratio ${ratio.toFixed(3)} (${span}; fastest ${fastest.toFixed(3)})${verdict}`,
  );
  return ok;
}

if (flags.old === undefined) {
  console.error("which other checkout? npx tsx bench/against.ts --old PATH");
  process.exit(2);
}
// By itself a signal ends a process without its "exit", at which the systems' processes are ended.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const wanted = flags.only.split(",");
const lines = (await allLines()).filter(
  ({ title, quick }) => wanted.some((part) => title.includes(part)) && (quick || !flags.quick),
);
if (flags.list) {
  for (const { title } of lines) console.log(title);
  process.exit(0);
}
writeData(dataFolder);
const files = [join("systems", "tensorloom"), join("systems", "tensorloom-gpu"), join("against", "compile-times")];
await bundle(files, folderOf("old"), resolve(flags.old));
await bundle(files, folderOf("new"), root);
for (const line of lines) {
  const first = await line.measure(pairs);
  if (show(line, first)) continue;
  const isClose = !("error" in first) && first.ratio < line.limit * 1.1;
  if (!isClose || !show(line, await line.measure(2 * pairs))) process.exitCode = 1;
}
