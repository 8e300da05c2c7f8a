/**
 * One process of compiling: prints a JSON list of times and ends.
 *
 *   node compile-times.mjs cold wasm     the training step of the main job, the first thing this process compiles
 *   node compile-times.mjs deep js 500 1000 2000 4000     nets of so many 64-wide layers, one after the other
 *
 * CPU time is that of all threads of the process: the engine compiles and collects garbage beside us.
 */
import { compile, dense, rmsprop, sequential, trainer } from "tensorloom";
import { stepProgram } from "../programs.ts";
import { network } from "../workloads.ts";

export interface CompileTime {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const [what = "cold", target = "wasm", ...depths] = process.argv.slice(2);
const where = target === "js" ? ({ target } as const) : ({ target: "wasm", threads: 1 } as const);
const deep = { width: 64, batch: 32 } as const;

async function timed(work: () => Promise<unknown>): Promise<CompileTime> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  await work();
  const wallMs = performance.now() - wall;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs, cpuMs: (user + system) / 1e3 };
}

function coldStep(): Promise<CompileTime> {
  return timed(async () => {
    const { inputs, hidden, classes } = network;
    const net = trainer(
      sequential([dense(hidden, { activation: "relu" }), dense(classes, { activation: "softmax" })]),
      { input: [inputs], loss: "softmaxCrossEntropy", optimizer: rmsprop(), metrics: ["accuracy"] },
    );
    await net.compile({ ...where, batch: 128, seed: 1 });
  });
}

async function deepNet(depth: number): Promise<CompileTime> {
  const hidden = Array.from({ length: depth - 1 }, () => deep.width);
  const program = stepProgram("sgd", { inputs: deep.width, hidden });
  return timed(async () => (await compile(program, { ...where, dims: { batch: deep.batch } })).dispose());
}

const times: CompileTime[] = [];
if (what === "cold") times.push(await coldStep());
else for (const depth of depths) times.push(await deepNet(Number(depth)));
console.log(JSON.stringify(times));
process.exit(0);
