/**
 * How the driver talks to a system: a child process that reads one JSON request a line and answers one JSON line on file
 * descriptor 3, so that what a library prints does no harm. bench/python/serve.py is the same in Python.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { batchCount, batches, gatherRows } from "../src/data/dataset.ts";
import { batchAt, bytesOf, readF32, readI32 } from "./data.ts";
import { type NetWorkload, netWeights } from "./nets.ts";
import { mainStep, network, type Workload } from "./workloads.ts";

export interface MeasureRequest<W = Workload> {
  readonly kind: "measure";
  readonly workload: W;
  readonly warmup: number;
  readonly repetitions: number;
}

export type Request =
  | MeasureRequest
  /** Trains once over all images of the main job. */
  | { readonly kind: "epoch" };

export interface Answer {
  /** One for each repetition. */
  readonly ms: readonly number[];
  /** The first losses of a step from the starting weights, or some elements of the result: the same from all systems. */
  readonly check: readonly number[];
  /** Of a step: how long the system compiled it, where it does that at once. */
  readonly compileMs?: number;
  /** The largest resident set so far. */
  readonly peakBytes: number;
  /** In place of the rest: why there is no number. */
  readonly error?: string;
  /** The system cannot do this; not an error. */
  readonly unsupported?: true;
}

/** A workload made ready. */
export interface Prepared {
  /** Does it once, until the result is there. */
  run(): void | Promise<void>;
  /** The result of `run`, for the comparison. */
  result(): Promise<ArrayLike<number>> | ArrayLike<number>;
}

/** A training step made ready: one for each optimizer and batch size, from the starting weights. */
export interface PreparedStep {
  /** How long it was compiled, by systems that do so before the first step. */
  readonly compileMs?: number;
  /** Takes one step, and gives its loss. */
  step(image: Float32Array, label: Int32Array): number | Promise<number>;
}

export interface Weights {
  readonly w1: Float32Array;
  readonly w2: Float32Array;
}

type StepWorkload = Extract<Workload, { kind: "step" }>;

/** What a system implements. `undefined` where it cannot. */
export interface System {
  step(workload: StepWorkload, weights: Weights): Promise<PreparedStep | undefined>;
  /** A step with the gradients of single examples. */
  perExample?(batch: number, weights: Weights): Promise<PreparedStep | undefined>;
  /** Weights are as many as the workload has parameters. */
  net?(workload: NetWorkload, weights: readonly Float32Array[]): Promise<PreparedStep | undefined>;
  /** `numbers` are the random numbers from which operands are cut: the first from its start, the second behind it. */
  other(workload: Exclude<Workload, StepWorkload | NetWorkload>, numbers: Float32Array): Promise<Prepared | undefined>;
  /** Trains once over the images as its users would; by default steps over shuffled batches. */
  epoch?(images: Uint8Array, labels: Uint8Array): Promise<void>;
}

/** After so long an epoch is broken off, and its time estimated from the steps taken. */
const longestEpochMs = 20_000;
/** Steps whose losses are compared. */
export const checkedSteps = 5;
/** Elements of a result that are compared. */
const checkedElements = 8;

type Measured = Pick<Answer, "ms" | "check" | "compileMs">;
type Measure = (warmup: number, repetitions: number) => Promise<Measured>;

/** Serves requests until stdin ends. */
export async function serve(folder: string, create: () => Promise<System>): Promise<void> {
  const system = await create();
  const ready = new Map<string, Measure | undefined>();
  for await (const line of createInterface({ input: process.stdin })) {
    let answer: Omit<Answer, "peakBytes">;
    try {
      answer = await answerTo(JSON.parse(line) as Request, system, folder, ready);
    } catch (error) {
      answer = { ms: [], check: [], error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    writeSync(3, `${JSON.stringify({ ...answer, peakBytes } satisfies Answer)}\n`);
  }
  process.exit(0); // thread pools of libraries would keep the process
}

async function answerTo(
  request: Request,
  system: System,
  folder: string,
  ready: Map<string, Measure | undefined>,
): Promise<Omit<Answer, "peakBytes">> {
  if (request.kind === "epoch") return { ms: [await epochMs(system, folder)], check: [] };
  const { workload, warmup, repetitions } = request;
  const key = JSON.stringify(workload);
  if (!ready.has(key)) {
    ready.clear(); // one at a time: the memory of the last is not this one's
    ready.set(key, await prepare(workload, system, folder));
  }
  const measure = ready.get(key);
  return measure === undefined ? { ms: [], check: [], unsupported: true } : measure(warmup, repetitions);
}

async function prepare(workload: Workload, system: System, folder: string): Promise<Measure | undefined> {
  if (workload.kind === "step") {
    const prepared = await system.step(workload, weightsIn(folder));
    return prepared === undefined ? undefined : measureSteps(prepared, workload.batch, folder);
  }
  if (workload.kind === "net") {
    const prepared = await system.net?.(workload, netWeights(workload, readF32(folder, "numbers.f32")));
    return prepared === undefined ? undefined : measureSteps(prepared, workload.batch, folder);
  }
  if (workload.kind === "perExample") {
    const prepared = await system.perExample?.(workload.batch, weightsIn(folder));
    return prepared === undefined ? undefined : measureSteps(prepared, workload.batch, folder);
  }
  const prepared = await system.other(workload, readF32(folder, "numbers.f32"));
  if (prepared === undefined) return undefined;
  return async (warmup, repetitions) => {
    const ms: number[] = [];
    for (let i = -warmup; i < repetitions; i++) {
      const started = performance.now();
      await prepared.run();
      if (i >= 0) ms.push(performance.now() - started);
    }
    return { ms, check: probe(await prepared.result()) };
  };
}

function weightsIn(folder: string): Weights {
  return { w1: readF32(folder, "w1.f32"), w2: readF32(folder, "w2.f32") };
}

function measureSteps(prepared: PreparedStep, batch: number, folder: string): Measure {
  const [images, labels] = [readF32(folder, "images.f32"), readI32(folder, "labels.i32")];
  const check: number[] = [];
  let taken = 0;
  return async (warmup, repetitions) => {
    const ms: number[] = [];
    for (let i = -warmup; i < repetitions; i++) {
      const { image, label } = batchAt(taken++, batch, images, labels);
      const started = performance.now();
      const loss = await prepared.step(image, label);
      if (i >= 0) ms.push(performance.now() - started);
      if (!Number.isFinite(loss)) throw new Error(`the loss of step ${taken} is ${loss}`);
      if (check.length < checkedSteps) check.push(loss);
    }
    const { compileMs } = prepared;
    return { ms, check, ...(compileMs === undefined ? {} : { compileMs }) };
  };
}

/** Some elements, the first and the last among them; a floor may have none. */
function probe(result: ArrayLike<number>): readonly number[] {
  if (result.length === 0) return [];
  return Array.from({ length: checkedElements }, (_, i) => {
    return result[Math.floor((i * (result.length - 1)) / (checkedElements - 1))] ?? Number.NaN;
  });
}

async function epochMs(system: System, folder: string): Promise<number> {
  const [images, labels] = [bytesOf(folder, "epoch-images.u8"), bytesOf(folder, "epoch-labels.u8")];
  if (system.epoch !== undefined) {
    const started = performance.now();
    await system.epoch(images, labels);
    return performance.now() - started;
  }
  const { batch } = mainStep;
  const prepared = await system.step(mainStep, weightsIn(folder));
  if (prepared === undefined) throw new Error("there is no training step");
  const [image, label] = [new Float32Array(batch * network.inputs), new Int32Array(batch)];
  const count = batchCount({ count: labels.length, batch, dropLast: true });
  const started = performance.now();
  for (const { index, indices, from, to } of batches({ count: labels.length, batch, dropLast: true })) {
    const elapsed = performance.now() - started;
    if (elapsed > longestEpochMs) return (elapsed * count) / index; // the rest would take as long for each step
    gatherRows(images, network.inputs, indices, from, to, image, 1 / 255);
    gatherRows(labels, 1, indices, from, to, label);
    await prepared.step(image, label);
  }
  return performance.now() - started;
}
