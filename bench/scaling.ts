/**
 * `npm run bench:scaling`: how tensorloom grows. Charts go to docs/images, a table to stdout.
 *
 *   step time against batch and against width    784-width-10, RMSprop
 *   step time, compile time and memory against depth    64-wide layers, SGD, batch 32
 *
 * Each is expected to be a straight line. How far the points lie from one is printed, and where it is far, why.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compile } from "tensorloom";
import { type Chart, drawChart, farthest, fitLine, type Series } from "./chart.ts";
import { table } from "./print.ts";
import { stepProgram } from "./programs.ts";
import { root } from "./systems.ts";
import { network, type OptimizerName } from "./workloads.ts";

interface Size {
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: readonly number[];
  readonly optimizer: OptimizerName;
}

interface Measured {
  /** The fastest of many: what else runs on a machine only adds. */
  readonly stepMs: number;
  readonly compileMs: number;
  /** States, scratch, inputs and outputs. */
  readonly bytes: number;
}

const { values: flags } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const targets = ["js", "wasm"] as const;
const batches = [32, 64, 128, 256, 512, 1024];
const widths = [64, 128, 256, 512, 1024];
const depths = flags.quick ? [10, 50, 100] : [10, 100, 300, 1000, 2000];
const deep = { width: 64, batch: 32 } as const;
/** Up to here a point counts as lying on the line: a clock that changes its speed moves points by as much. */
const tolerance = 0.15;
const turnMs = flags.quick ? 50 : 400;
const warmupSteps = flags.quick ? 5 : 40;
const mostWarmupMs = 8_000;
const fewestSteps = 7;
const visits = 2;

const onMain = (size: Partial<Size>): Size => ({
  batch: 128,
  inputs: network.inputs,
  hidden: [network.hidden],
  optimizer: "rmsprop",
  ...size,
});
const ofDepth = (depth: number): Size => ({
  batch: deep.batch,
  inputs: deep.width,
  hidden: Array.from({ length: depth - 1 }, () => deep.width),
  optimizer: "sgd",
});

async function measure(
  { batch, inputs, hidden, optimizer }: Size,
  target: (typeof targets)[number],
): Promise<Measured> {
  const executable = await compile(stepProgram(optimizer, { inputs, hidden }), { target, threads: 1, dims: { batch } });
  // Weights that stay as they are: what learning does to their size (denormal numbers above all) has a speed of its own.
  executable.state.write("opt.learningRate", 0);
  const image = Float32Array.from({ length: batch * inputs }, (_, i) => ((i * 7919) % 1009) / 1009);
  const label = Int32Array.from({ length: batch }, (_, i) => i % network.classes);
  const ms: number[] = [];
  const step = (): number => {
    const started = performance.now();
    executable.train({ image, label });
    return performance.now() - started;
  };
  const started = performance.now();
  // engines compile a kernel for speed after some calls, each on its own
  for (let i = 0; i < warmupSteps && performance.now() - started < mostWarmupMs; i++) step();
  const count = Math.max(fewestSteps, Math.min(200, turnMs / step()));
  for (let i = 0; i < count; i++) ms.push(step());
  const { compileMs, entries } = executable.report;
  executable.dispose();
  const memory = entries[0]?.memory;
  const bytes =
    memory === undefined ? Number.NaN : memory.peakBytes + memory.stateBytes + memory.inputBytes + memory.outputBytes;
  return { stepMs: Math.min(...ms), compileMs, bytes };
}

/** One series for each target: a size at each x, in an order that a drifting clock does not turn into a slope. */
async function sweep(
  xs: readonly number[],
  sizeAt: (x: number) => Size,
): Promise<ReadonlyMap<string, readonly (readonly [number, Measured])[]>> {
  const mixed = [...xs.filter((_, i) => i % 2 === 0), ...xs.filter((_, i) => i % 2 === 1).toReversed()];
  const all = new Map<string, (readonly [number, Measured])[]>();
  for (const target of targets) {
    await measure(sizeAt(xs[0] ?? 1), target); // the compiler itself is compiled
    const best = new Map<number, Measured>();
    for (const x of Array.from({ length: visits }, () => mixed).flat()) {
      const measured = await measure(sizeAt(x), target);
      best.set(x, better(measured, best.get(x)));
      console.error(
        `${target} ${x}: ${measured.stepMs.toPrecision(3)} ms, compiled in ${measured.compileMs.toFixed(0)} ms`,
      );
    }
    all.set(
      target,
      [...best].toSorted(([a], [b]) => a - b),
    );
  }
  return all;
}

/** The faster of two visits: a machine with neighbours has bad minutes. */
function better(a: Measured, b: Measured = a): Measured {
  return { ...a, stepMs: Math.min(a.stepMs, b.stepMs), compileMs: Math.min(a.compileMs, b.compileMs) };
}

const byBatch = await sweep(batches, (batch) => onMain({ batch }));
const byWidth = await sweep(widths, (width) => onMain({ hidden: [width] }));
const byDepth = await sweep(depths, ofDepth);

function seriesOf(points: typeof byBatch, y: (measured: Measured) => number, names = targets): readonly Series[] {
  return names.map((name) => ({ name, points: (points.get(name) ?? []).map(([x, at]) => [x, y(at)] as const) }));
}

const deepNet = `${deep.width}-wide layers, SGD, batch ${deep.batch}`;
const charts: readonly (Omit<Chart, "captions"> & { readonly file: string; readonly whyNot?: readonly string[] })[] = [
  {
    file: "step-batch",
    title: "Step time against batch (784-512-10, RMSprop)",
    x: "batch",
    y: "ms a step, one thread",
    series: seriesOf(byBatch, ({ stepMs }) => stepMs),
  },
  {
    file: "step-width",
    title: "Step time against width (784-width-10, RMSprop, batch 128)",
    x: "width of the hidden layer",
    y: "ms a step, one thread",
    series: seriesOf(byWidth, ({ stepMs }) => stepMs),
  },
  {
    file: "step-depth",
    whyNot: ["From a few hundred layers on weights come from farther caches, 17 KB a layer."],
    title: `Step time against depth (${deepNet})`,
    x: "layers",
    y: "ms a step, one thread",
    series: seriesOf(byDepth, ({ stepMs }) => stepMs),
  },
  {
    file: "compile-depth",
    whyNot: [
      "Few layers: code that the engine has not optimized yet.",
      "Thousands: more garbage to collect, and `plan` compares all lifetimes.",
    ],
    title: `Compile time against depth (${deepNet})`,
    x: "layers",
    y: "seconds",
    series: seriesOf(byDepth, ({ compileMs }) => compileMs / 1e3),
  },
  {
    file: "memory-depth",
    title: `Memory against depth (${deepNet})`,
    x: "layers",
    y: "MB of states, scratch, inputs and outputs",
    series: seriesOf(byDepth, ({ bytes }) => bytes / 1e6),
  },
];

const folder = join(root, "docs", "images");
mkdirSync(folder, { recursive: true });
const body: string[][] = [];
for (const { file, whyNot, ...chart } of charts) {
  const captions = chart.series.map(({ name, points }) => {
    const { offset, slope } = fitLine(points);
    const distance = farthest(points);
    const verdict = distance <= tolerance ? "linear" : "not linear";
    const formula = `${offset.toPrecision(3)} + ${slope.toPrecision(3)} x`;
    body.push([chart.title, name, points.map(([x, y]) => `${x}: ${y.toPrecision(3)}`).join(", "), formula, verdict]);
    return `${name}: ${formula}, ${verdict}; the farthest point is ${(distance * 100).toFixed(0)}% off`;
  });
  if (whyNot !== undefined && captions.some((caption) => caption.includes("not linear"))) captions.push(...whyNot);
  writeFileSync(join(folder, `${file}.svg`), drawChart({ ...chart, captions }));
}
console.log(table(["chart", "target", "points", "line", "verdict"], body));
