/**
 * `npm run bench:profile`: what a step takes while a profile is taken, of what it takes otherwise: the same program twice, in turns, one of
 * them profiled all the time; and whether a step after a profile takes what one before did.
 *
 *   npm run bench:profile                                      all programs on wasm, one thread and two
 *   npm run bench:profile -- --target js --only step           js, wasm or wgsl (a GPU that this machine has); step, lstm, ...
 */
import { parseArgs } from "node:util";
import { compileOn } from "tensorloom";
import { syntheticDigits } from "../src/data/digits.ts";
import { nodeTarget } from "../src/node.ts";
import { startProfile } from "../src/runtime/executable.ts";
import type { RunningProfile } from "../src/runtime/profile/profile.ts";
import { chooseTarget } from "../src/targets.ts";
import { median } from "./against/duel.ts";
import { netProgram } from "./net-program.ts";
import { table } from "./print.ts";
import { stepProgram } from "./programs.ts";
import { block, conv2, lstm } from "./workloads.ts";

const { values: flags } = parseArgs({
  options: {
    target: { type: "string", default: "wasm" },
    only: { type: "string" },
    rounds: { type: "string", default: "40" },
  },
});
const { target } = flags;
if (target !== "js" && target !== "wasm" && target !== "wgsl")
  throw new Error(`--target is js, wasm or wgsl, not ${target}`);
const rounds = Number(flags.rounds);
/** Steps of a turn, of which the first are not counted: the other program's threads fall asleep meanwhile. */
const [turn, uncounted] = [8, 2];
/** A program whose steps take long has fewer rounds. */
const mostMs = 8_000;

const programs = [
  { name: "step", made: stepProgram("rmsprop"), batch: 128 },
  { name: "small step", made: stepProgram("rmsprop"), batch: 1 },
  ...[lstm, conv2, block].map((net) => ({
    name: net.net,
    made: netProgram(net) as ReturnType<typeof stepProgram>,
    batch: net.batch,
  })),
];

async function running({ made, batch }: (typeof programs)[number], threads: number) {
  const { train } = syntheticDigits({ seed: 5, train: batch, test: 1 });
  const feeds = { image: Float32Array.from(train.images, (byte) => byte / 255), label: Int32Array.from(train.labels) };
  const executable = await compileOn(
    made,
    await chooseTarget({ ...(await nodeTarget(target as "wasm")), threads }, false),
    { dims: { batch } },
  );
  executable.state.write("opt.learningRate", 0); // what learning does to the size of weights has a speed of its own
  return { executable, step: () => executable.train(feeds), wait: () => executable.read("loss") };
}

type Running = Awaited<ReturnType<typeof running>>;

/** Milliseconds of a step: of each, or where the device runs ahead of all together. */
async function takeTurn({ executable, step, wait }: Running): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < uncounted; i++) step();
  await wait();
  if (executable.report.runsAhead) {
    const began = performance.now();
    for (let i = uncounted; i < turn; i++) step();
    await wait();
    return [(performance.now() - began) / (turn - uncounted)];
  }
  for (let i = uncounted; i < turn; i++) {
    const began = performance.now();
    step();
    times.push(performance.now() - began);
  }
  return times;
}

/** The time of a step of the second, as a part of the first's: the middle of the ratios of turns that followed one another. */
async function compare(first: Running, second: Running) {
  const [all, ratios]: [number[], number[]] = [[], []];
  const end = performance.now() + mostMs;
  for (let round = 0; round < rounds && (round < 4 || performance.now() < end); round++) {
    const order = round % 2 === 0 ? [first, second] : [second, first];
    const times = new Map<Running, number>();
    for (const one of order) times.set(one, median([...(await takeTurn(one))]));
    all.push(times.get(first) ?? 0);
    ratios.push((times.get(second) ?? 0) / (times.get(first) ?? 1));
  }
  return { ms: median(all), ratio: median(ratios) };
}

const rows: string[][] = [];
for (const one of programs.filter(({ name }) => flags.only === undefined || name === flags.only)) {
  for (const threads of target === "wasm" ? [1, 2] : [1]) {
    const [plain, other] = [await running(one, threads), await running(one, threads)];
    for (const each of [plain, other]) for (let i = 0; i < 4; i++) await takeTurn(each);
    const before = await compare(plain, other);
    const profile: RunningProfile = await startProfile("profile", other.executable);
    for (let i = 0; i < 4; i++) await takeTurn(other);
    const during = await compare(plain, other);
    const { entries } = await profile.stop();
    const after = await compare(plain, other);
    const launches = entries[0]?.kernels.reduce((sum, kernel) => sum + kernel.launches, 0) ?? 0;
    rows.push([
      one.name,
      plain.executable.report.device,
      String(Math.round(launches / (entries[0]?.runs ?? 1))),
      before.ms.toFixed(3),
      before.ratio.toFixed(3),
      during.ratio.toFixed(3),
      after.ratio.toFixed(3),
    ]);
    for (const { executable } of [plain, other]) executable.dispose();
  }
}
console.log(table(["program", "on", "launches", "ms", "before", "profiled", "after"], rows));
