/**
 * `npm run bench:threads`: where the time of each thread goes within a step.
 *
 *   npm run bench:threads                            the RMSprop step of 784-512-10, batch 128, on one thread and on two
 *   npm run bench:threads -- --vectors 128           auto (the default), 128 or 256
 *   npm run bench:threads -- --threads 4 --batch 512
 *   npm run bench:threads -- --only softmax          softmax or layerNorm of 4096 x 1024, sum of 16 M elements; "all": everything
 *
 * For each launch: its time on one thread, what each of several computes and waits at the barrier, how many times as fast they are
 * together, and which part of the multiply-adds, or of the bytes, that all of them could do in that time. All are medians over
 * steps, in which both programs take turns.
 */
import { parseArgs } from "node:util";
import { wasmFound } from "../../src/runtime/wasm/found.ts";
import { median } from "../against/duel.ts";
import { table } from "../print.ts";
import { Clocks, clockedTarget } from "./clocked.ts";
import { jobs, type Running } from "./jobs.ts";

const { values: flags } = parseArgs({
  options: {
    threads: { type: "string", default: "2" },
    vectors: { type: "string", default: "auto" },
    batch: { type: "string", default: "128" },
    steps: { type: "string", default: "300" },
    only: { type: "string", default: "step" },
  },
});
const said = flags.vectors === "auto" ? "auto" : Number(flags.vectors);
if (said !== "auto" && said !== 128 && said !== 256) throw new Error(`--vectors is auto, 128 or 256, not ${said}`);
const vectors = said;
const [threads, steps, batch] = [Number(flags.threads), Number(flags.steps), Number(flags.batch)];
const warmup = 30;
/** Steps of a turn, of which the first are not counted: the other threads sleep while another program has its turn. */
const [turn, uncounted] = [8, 2];
/** A job that takes longer than a step of the main one has fewer. */
const mostMs = 4_000;

interface Trace extends Running {
  readonly clocks: Clocks;
  /** For each step: milliseconds of it all, and by thread and mark. */
  readonly wholes: number[];
  readonly parts: (readonly Float64Array[])[];
}

async function traceOn(count: number, job: (typeof jobs)[number]): Promise<Trace> {
  const clocks = new Clocks(count);
  return { ...(await job.on(clockedTarget(clocks, count, vectors), batch)), clocks, wholes: [], parts: [] };
}

function takeTurn(trace: Trace): void {
  for (let i = 0; i < turn; i++) {
    if (i < uncounted) trace.step();
    else timeStep(trace);
  }
}

function timeStep({ clocks, step, wholes, parts }: Trace): void {
  const before = clocks.read();
  const started = performance.now();
  step();
  wholes.push(performance.now() - started);
  const after = clocks.read();
  parts.push(after.map((times, thread) => times.map((time, mark) => time - (before[thread]?.[mark] ?? 0))));
}

const of = ({ parts }: Trace, thread: number, mark: number): number =>
  median(parts.map((each) => each[thread]?.[mark] ?? Number.NaN));
const us = (ms: number): string => (ms * 1e3).toFixed(ms < 0.01 ? 1 : 0);

function tableOf(one: Trace, all: Trace, flopsPerMs: number, bytesPerMs: number): string {
  const each = Array.from({ length: threads }, (_, thread) => thread);
  const sums = { alone: 0, work: each.map(() => 0), wait: each.map(() => 0) };
  const body = all.clocks.calls.map(({ label, flops, bytes }, call) => {
    const alone = of(one, 0, 2 * call);
    const [work, wait] = [
      each.map((thread) => of(all, thread, 2 * call)),
      each.map((thread) => of(all, thread, 2 * call + 1)),
    ];
    sums.alone += alone;
    sums.work = sums.work.map((sum, i) => sum + (work[i] ?? 0));
    sums.wait = sums.wait.map((sum, i) => sum + (wait[i] ?? 0));
    const together = Math.max(...work);
    const [ofFlops, ofBytes] = [flops / together / flopsPerMs, bytes / together / bytesPerMs];
    const share = `${(Math.max(ofFlops, ofBytes) * 100).toFixed(0)}% of ${ofFlops > ofBytes ? "flops" : "bytes"}`;
    return [
      label,
      us(alone),
      ...each.flatMap((i) => [us(work[i] ?? 0), us(wait[i] ?? 0)]),
      `${(alone / together).toFixed(2)}x`,
      share,
    ];
  });
  const [alone, together] = [median(one.wholes), median(all.wholes)];
  const last = [
    "the launches",
    us(sums.alone),
    ...each.flatMap((i) => [us(sums.work[i] ?? 0), us(sums.wait[i] ?? 0)]),
    "",
    "",
  ];
  const whole = [
    "the step",
    us(alone),
    us(together),
    ...Array.from({ length: 2 * threads - 1 }, () => ""),
    `${(alone / together).toFixed(2)}x`,
    "",
  ];
  const columns = each.flatMap((thread) => [`thread ${thread} works`, "waits"]);
  return table(["microseconds", "1 thread", ...columns, "together", "share"], [...body, last, whole]);
}

const machine = await wasmFound({ threads, vectors }).machine(0, {});
const { flops = 0, bytes = 0 } = (await machine.ceiling?.()) ?? {};
machine.dispose();
const [flopsPerMs, bytesPerMs] = [flops / 1000, bytes / 1000];
console.log(
  `${process.version}: ${threads} threads do ${(flopsPerMs / 1e6).toFixed(0)} GFLOP/s in registers and copy ${(bytesPerMs / 1e6).toFixed(1)} GB/s.\n`,
);
for (const job of jobs.filter(({ name }) => flags.only === "all" || name === flags.only)) {
  const [one, all] = [await traceOn(1, job), await traceOn(threads, job)];
  const start = performance.now();
  for (let i = 0; i < warmup && performance.now() - start < mostMs; i++) for (const { step } of [one, all]) step();
  const end = performance.now() + mostMs;
  for (let i = 0; i === 0 || (i < steps && performance.now() < end); i += turn) {
    for (const trace of [one, all]) takeTurn(trace);
  }
  console.log(`${job.name}, ${all.device}\n\n${tableOf(one, all, flopsPerMs, bytesPerMs)}\n`);
  for (const trace of [one, all]) trace.dispose();
}
