/**
 * The tuner: kernel by kernel, it tries what a target's policy would do with other numbers, on the machine that is to run it, and
 * notes what was faster.
 *
 *   entries -> lowered (stages.ts) -> each kernel once, the dearest first -> isolated, by each candidate -> fastest -> a choice
 *
 * Candidates that make the same kernel as another are left out before anything runs, and so are those that a move refuses, and on a GPU
 * those where one invocation would run for so long that a watchdog might end it.
 */
import type { Candidate } from "../../codegen/target.ts";
import { shapeKey } from "../../passes/kernel/shape-key.ts";
import { UserError } from "../core/errors.ts";
import type { Precision } from "../core/precision.ts";
import type { Program } from "../dsl/program.ts";
import type { Dims } from "../graph/shape.ts";
import type { Kernel, Stmt } from "../kernel/kernel.ts";
import { KernelPool } from "../kernel/kernel-pool.ts";
import { printKernel } from "../kernel/print.ts";
import type { Artifact } from "../program/artifact.ts";
import { type Launch, launchesOf } from "../program/sequence.ts";
import { workOf } from "../program/work.ts";
import type { Machine } from "../runtime/machine.ts";
import { runUpTo, type Skippable } from "../stages.ts";
import type { TargetSetup } from "../target-setup.ts";
import { type Choice, isSamePlace, type PlaceChoices } from "./choices.ts";
import { choicesPath, readChoices, writeChoices } from "./choices-file.ts";
import { fastest } from "./fastest.ts";
import { type Isolated, isolate } from "./isolated.ts";
import { agree, type Clock, Trial } from "./trial.ts";
import { placeOf } from "./tuned.ts";

export interface TuneOptions {
  readonly dims?: Dims;
  /** The entries to tune: all by default. */
  readonly entries?: readonly string[];
  /** As `compile` takes it; the program's own by default. */
  readonly precision?: Precision;
  /** Stages that are left out where this program is compiled. */
  readonly skip?: readonly Skippable[];
  /** Where choices are kept; see `TuningOptions`. */
  readonly tuningFile?: string;
  /** Seconds after which what was not measured stays as it is; 60 by default. */
  readonly seconds?: number;
  /** Whether to measure anew what is known. */
  readonly again?: boolean;
  /** Told of each kernel, before it is measured: how many there are, and how many were. */
  readonly onKernel?: (kernel: string, done: number, of: number) => void;
  readonly onWarning?: (message: string) => void;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: Clock;
}

/** What became of a kernel: `choice` is null where the usual way stays. */
export interface TunedKernel extends Choice {
  readonly entry: string;
  /** How many ways were measured. */
  readonly ways: number;
}

export interface TuneReport {
  readonly target: string;
  readonly device: string;
  /** Those that were measured in this call. */
  readonly kernels: readonly TunedKernel[];
  /** Kernels that were measured before. */
  readonly known: number;
  /** Kernels for which there was no time. */
  readonly left: number;
  readonly file: string | null;
}

const usualSeconds = 60;

/** Measures the kernels of a program on a target, and keeps what was faster in the file. */
export async function tune(
  program: Program<unknown>,
  target: TargetSetup,
  options: TuneOptions = {},
): Promise<TuneReport> {
  const { dims = {}, onWarning = () => undefined, now = () => performance.now() } = options;
  const file = choicesPath(options.tuningFile);
  const subjects = subjectsOf(program, target, options);
  const bytes = stateBytes(subjects, target);
  const machine = await target.machine(bytes, { onWarning, work: () => workOf(program, dims) });
  try {
    const place = placeOf(target, machine.device);
    const kept = file === null || options.again === true ? [] : readChoices(file, onWarning);
    const known = kept.find((other) => isSamePlace(other, place))?.kernels;
    const end = now() + 1000 * (options.seconds ?? usualSeconds);
    const session: Session = { target, machine, now, warn: onWarning, isOver: () => now() > end };
    const made = new Map<string, Choice>();
    const kernels: TunedKernel[] = [];
    let [before, left] = [0, 0];
    for (const [i, { entry, launch }] of subjects.entries()) {
      if (known?.has(shapeKey(launch.kernel)) === true) {
        before += 1;
        continue;
      }
      options.onKernel?.(launch.name, i, subjects.length);
      const found = session.isOver() ? null : await tuneKernel(launch, session);
      if (found === null) {
        left += 1;
        continue;
      }
      for (const key of found.keys) made.set(key, found.choice);
      kernels.push({ entry, ways: found.ways, ...found.choice });
    }
    if (file !== null && made.size > 0) save(file, { ...place, kernels: made }, onWarning);
    return { target: place.target, device: place.device, kernels, known: before, left, file };
  } finally {
    machine.dispose();
  }
}

function save(file: string, made: PlaceChoices, onWarning: (message: string) => void): void {
  const lack = writeChoices(file, made, onWarning);
  if (lack !== null) throw new UserError(`what was measured could not be written to ${file}: ${lack}`);
}

// ---- what there is to tune -------------------------------------------------------------------------------------------

interface Subject {
  readonly entry: string;
  readonly launch: Launch;
}

/** Each kernel of the entries once, the one with the most to do first. */
function subjectsOf(program: Program<unknown>, target: TargetSetup, options: TuneOptions): readonly Subject[] {
  const { dims = {}, skip = [], entries = [...program.entries.keys()] } = options;
  const kernels = new KernelPool();
  const print = target.printer();
  const { precision = program.precision ?? "f32" } = options;
  const context = { dims, warn: () => undefined, target, program, print, kernels, precision };
  const found = new Map<Kernel, Subject>();
  for (const entry of entries) {
    const written = program.entries.get(entry);
    if (written === undefined) throw new UserError(`tune: the program has no entry "${entry}"`);
    const { lowered } = runUpTo("lowered", { written }, context, { skip: new Set<string>(skip) });
    for (const launch of launchesOf(lowered))
      if (!found.has(launch.kernel)) found.set(launch.kernel, { entry, launch });
  }
  const cost = ({ launch: { kernel } }: Subject): number => kernel.flops + kernel.bytes;
  return [...found.values()].sort((a, b) => cost(b) - cost(a));
}

/** States of the largest of them: they are measured one after the other, each in the same memory. */
function stateBytes(subjects: readonly Subject[], target: TargetSetup): number {
  const spare = 2 * target.traits.alignment;
  return subjects.reduce((most, { launch: { bindings } }) => {
    const buffers = [...new Set(bindings.map(({ buffer }) => buffer))].filter(({ segment }) => segment !== "input");
    const bytes = buffers.reduce((sum, { dtype, count }) => sum + target.traits.bytesOf(dtype, count) + spare, spare);
    return Math.max(most, bytes);
  }, spare);
}

// ---- one kernel ------------------------------------------------------------------------------------------------------

interface Session {
  readonly target: TargetSetup;
  readonly machine: Machine<Artifact>;
  readonly now: Clock;
  readonly warn: (message: string) => void;
  isOver(): boolean;
}

interface Found {
  readonly choice: Choice;
  readonly keys: readonly string[];
  readonly ways: number;
}

/** The best way for a kernel, or null where the time was over first. */
async function tuneKernel(launch: Launch, session: Session): Promise<Found | null> {
  const { target, machine, now, isOver } = session;
  const usual = isolate(launch, target, machine.crew);
  const trials: Trial[] = [];
  try {
    const first = await Trial.prepare(machine, usual, now);
    trials.push(first);
    const wanted = await first.results();
    const entrants: Entrant[] = [];
    for (const entrant of entrantsOf(launch, usual, target, machine)) {
      if (isOver()) return null;
      const trial = await tryOut(entrant.isolated, session);
      if (trial === null) continue;
      trials.push(trial);
      if (agree(wanted, await trial.results())) {
        entrants.push(entrant);
        continue;
      }
      trials.pop()?.release();
      session.warn(
        `${launch.name} by "${entrant.candidate.name}" computes something else on ${machine.device}: left out`,
      );
    }
    for (const trial of trials) await trial.warmUp();
    const time = async (way: number): Promise<number> => (await trials[way]?.time()) ?? Infinity;
    const verdict = entrants.length === 0 ? await alone(first) : await fastest({ ways: trials.length, time, isOver });
    if (verdict === null) return null;
    const winner = entrants[verdict.best - 1];
    const choice: Choice = {
      kernel: launch.name,
      choice: winner?.candidate.name ?? null,
      usualMs: verdict.usualMs,
      ms: verdict.bestMs,
    };
    const keys = [...new Set([...usual.keys.slice(0, 1), ...(winner?.isolated.keys ?? usual.keys)])];
    return { choice, keys, ways: trials.length };
  } finally {
    for (const trial of trials) trial.release();
  }
}

async function alone(trial: Trial) {
  const ms = await trial.time();
  return { best: 0, usualMs: ms, bestMs: ms };
}

/** A device may refuse what the limits allow. */
async function tryOut(isolated: Isolated, { machine, now }: Session): Promise<Trial | null> {
  try {
    return await Trial.prepare(machine, isolated, now);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

interface Entrant {
  readonly candidate: Candidate;
  readonly isolated: Isolated;
}

/** Iterations of an invocation above which a candidate is left out that makes more of them than usual. */
const mostIterations = 2 ** 16;

/** The candidates that make something else of a kernel than the usual way, and than one another. */
function entrantsOf(
  launch: Launch,
  usual: Isolated,
  target: TargetSetup,
  machine: Machine<Artifact>,
): readonly Entrant[] {
  const seen = new Set([textOf(usual)]);
  const most = Math.max(mostIterations, longest(usual.kernels));
  return target.candidates().flatMap((candidate): readonly Entrant[] => {
    const isolated = isolatedBy(candidate, launch, target, machine);
    if (isolated === null || longest(isolated.kernels) > most || seen.has(textOf(isolated))) return [];
    seen.add(textOf(isolated));
    return [{ candidate, isolated }];
  });
}

function isolatedBy(
  candidate: Candidate,
  launch: Launch,
  target: TargetSetup,
  machine: Machine<Artifact>,
): Isolated | null {
  try {
    return isolate(launch, target, machine.crew, candidate);
  } catch (error) {
    if (error instanceof Error) return null; // a move refuses, or what it makes is too much for a kernel
    throw error;
  }
}

const textOf = ({ kernels }: Isolated): string =>
  kernels.map((kernel) => printKernel({ ...kernel, schedule: [] })).join("\n");

/** The most iterations, one after the other, of any of the parallel iterations of these kernels. */
export function longest(kernels: readonly Kernel[]): number {
  const nests = kernels.flatMap((kernel) => kernel.nests);
  return Math.max(1, ...nests.map(({ prelude, body }) => turns([...prelude, ...body])));
}

function turns(stmts: readonly Stmt[]): number {
  return stmts.reduce((sum, stmt) => {
    if (stmt.kind === "for") return sum + stmt.loop.extent * Math.max(1, turns(stmt.body));
    return stmt.kind === "if" ? sum + turns(stmt.body) : sum;
  }, 0);
}
