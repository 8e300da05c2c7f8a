/**
 * `npm run bench:compiling`: how long it takes to compile what people try first, on `wasm` (on `js` what computes in f64).
 *
 * Each example is the first thing that a fresh process compiles, all its entries; the fastest of some processes counts. Then a
 * training step through a recurrent net of 10, 100 and 1,000 steps, in one process, in turns: its body is compiled once whatever
 * the number of steps, and a step of training should take time in proportion to it.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CompileOptions, Program } from "tensorloom";
import { add, compile, f32, grad, matmul, mean, mul, normal, param, program, scan, square, sub, Trainer, tanh } from "tensorloom"; // biome-ignore format: names
import { median } from "./against/duel.ts";
import { table } from "./print.ts";

/** With the sizes that they leave open. Trainers say their own. */
const examples: Readonly<Record<string, CompileOptions>> = {
  cnn: {},
  "char-lstm": {},
  transformer: { dims: { batch: 16 } },
  "per-example-gradients": {},
  eigenvector: { target: "js" }, // in f64
  checkpoint: { dims: { batch: 512 } },
  "mnist-mlp": {},
};
const processes = 5;
const [lengths, width, batch, turns] = [[10, 100, 1000], 32, 16, 7] as const;
const limitMs = 500;

/** Compiles one example, and prints how long that took. */
async function compileExample(name: string): Promise<void> {
  const { default: written }: { readonly default: Trainer | Program } = await import(`../examples/${name}.ts`);
  const { target = "wasm", ...options } = examples[name] ?? {};
  const start = performance.now();
  if (written instanceof Trainer) await written.compile({ target, seed: 1, batch: 512 });
  else await compile(written, { target, seed: 1, ...options });
  console.log(JSON.stringify({ target, ms: performance.now() - start }));
  process.exit(0);
}

function fastestOf(name: string): readonly [target: string, ms: number] {
  const runs = Array.from({ length: processes }, () => {
    const child = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), name], {
      encoding: "utf8",
    });
    if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`);
    return JSON.parse(child.stdout) as { readonly target: string; readonly ms: number };
  });
  return [runs[0]?.target ?? "", Math.min(...runs.map(({ ms }) => ms))];
}

function recurrent(steps: number) {
  const weights = { kernel: param(normal(0, 0.1, width, width)) };
  return program({
    inputs: { x: f32(steps, batch, width), start: f32(batch, width) },
    state: { weights },
    step({ x, start }, { weights: { kernel } }) {
      const { carry } = scan((h, row) => ({ carry: tanh(add(matmul(h, kernel), row)) }), start, x);
      const loss = mean(square(carry));
      return { outputs: { loss }, next: { weights: { kernel: sub(kernel, mul(grad(loss, kernel), 0.01)) } } };
    },
  });
}

async function compileAndRun(steps: number): Promise<{ readonly compileMs: number; readonly stepMs: number }> {
  const written = recurrent(steps);
  const start = performance.now();
  const executable = await compile(written, { target: "wasm", threads: 1, seed: 1 });
  const compileMs = performance.now() - start;
  const feeds = { x: new Float32Array(steps * batch * width).fill(0.1), start: new Float32Array(batch * width) };
  const runs: number[] = [];
  for (let i = 0; i < 20; i++) {
    const before = performance.now();
    await executable.run({ entry: "step", feeds });
    runs.push(performance.now() - before);
  }
  executable.dispose();
  return { compileMs, stepMs: median(runs) };
}

const [example] = process.argv.slice(2);
if (example !== undefined) await compileExample(example);

const rows = Object.keys(examples).map((name) => [name, ...fastestOf(name)] as const);
console.log(
  table(
    ["compiled in a fresh process", "target", "ms", `at most ${limitMs}`],
    rows.map(([name, target, ms]) => [name, target, ms.toFixed(0), ms <= limitMs ? "yes" : "no"]),
  ),
);

await compileAndRun(lengths[0]);
const seen = new Map<number, Awaited<ReturnType<typeof compileAndRun>>[]>(lengths.map((steps) => [steps, []]));
for (let i = 0; i < turns; i++) {
  const order = i % 2 === 0 ? lengths : lengths.toReversed();
  for (const steps of order) seen.get(steps)?.push(await compileAndRun(steps));
}
const medianOf = (steps: number, what: "compileMs" | "stepMs"): number =>
  median((seen.get(steps) ?? []).map((run) => run[what]));
const [shortest] = lengths;
console.log(
  table(
    ["scan, training", "compile ms", `of ${shortest} steps`, "a step, ms", "us of each iteration"],
    lengths.map((steps) => [
      String(steps),
      medianOf(steps, "compileMs").toFixed(1),
      (medianOf(steps, "compileMs") / medianOf(shortest, "compileMs")).toFixed(2),
      medianOf(steps, "stepMs").toFixed(3),
      ((medianOf(steps, "stepMs") / steps) * 1e3).toFixed(2),
    ]),
  ),
);
