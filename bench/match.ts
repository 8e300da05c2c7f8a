/**
 * A match: several systems measured in turns, round after round, so that a change of the machine's speed hits all alike.
 *
 * Who is slow takes fewer turns; who computes something else than the others is told apart by its losses.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, checkedSteps, type MeasureRequest } from "./protocol.ts";
import type { Workload } from "./workloads.ts";

export interface Entrant<W = Workload> {
  readonly process: { readonly name: string; ask(request: MeasureRequest<W>): Promise<Answer> };
  readonly workload: W;
}

export interface MatchOptions {
  readonly rounds: number;
  /** How long a turn lasts, in milliseconds, and how long a system runs before the first that counts. */
  readonly turnMs: number;
  readonly warmupMs: number;
  /** A system that has used so much time on a workload takes no more turns. */
  readonly budgetMs: number;
  /** What takes longer than this is not repeated to compare more losses; by default 1.5 s. */
  readonly slowMs?: number;
}

export interface Result {
  /** Times that counted. */
  readonly count: number;
  readonly median: number;
  /** The distance between the quartiles, as a part of the median. */
  readonly spread: number;
}

/** A result, or why there is none. */
export type Outcome = Result | { readonly error: string } | "unsupported";

interface Player<W> {
  readonly entrant: Entrant<W>;
  readonly ms: number[];
  readonly repetitions: number;
  usedMs: number;
  outcome?: Outcome;
  check: readonly number[];
}

/** Waits between turns: the driver's own work, reading an answer, is over. */
const pauseMs = 20;
const mostWarmups = 6;
/** Losses and results may differ by this much, as a part of the largest among them. */
const tolerance = 1e-3;

/** Outcomes in the order of the entrants. */
export async function playMatch<W>(
  entrants: readonly Entrant<W>[],
  options: MatchOptions,
): Promise<readonly Outcome[]> {
  const players: Player<W>[] = [];
  for (const entrant of entrants) players.push(await warmUp(entrant, options));
  for (let round = 0; round < options.rounds; round++) {
    for (let i = 0; i < players.length; i++) {
      const player = players[(i + round) % players.length];
      if (player !== undefined) await takeTurn(player, options);
    }
  }
  const [reference = []] = players.map(({ check }) => check).toSorted((a, b) => b.length - a.length);
  return players.map((player) => player.outcome ?? judged(player, reference));
}

async function warmUp<W>(
  entrant: Entrant<W>,
  { turnMs, warmupMs, budgetMs, slowMs = 1_500 }: MatchOptions,
): Promise<Player<W>> {
  const cold = await timedAsk(entrant, 0, 1);
  const first = (cold.ms[0] ?? slowMs) < slowMs ? await timedAsk(entrant, checkedSteps - 2, 1) : cold;
  const [ms = Number.NaN] = first.ms;
  const settled = first.error === undefined && first.unsupported !== true ? await settle(entrant, ms, warmupMs) : ms;
  return {
    entrant,
    ms: ms > budgetMs ? [ms] : [], // once is all there is time for
    repetitions: Math.max(1, Math.min(200, Math.round(turnMs / settled))),
    usedMs: first.tookMs,
    check: first.check,
    ...(first.error === undefined ? {} : { outcome: { error: first.error } }),
    ...(first.unsupported === true ? { outcome: "unsupported" } : {}),
  };
}

/** Warms up for so long, and again while that makes it faster: engines compile large modules of WebAssembly anew, for seconds. */
async function settle<W>(entrant: Entrant<W>, coldMs: number, warmupMs: number): Promise<number> {
  let ms = coldMs;
  for (let i = 0; i < mostWarmups; i++) {
    const count = Math.min(500, Math.floor(warmupMs / ms));
    if (count === 0) return ms;
    const { median } = summary((await timedAsk(entrant, count, 3)).ms);
    if (!(median < 0.8 * ms)) return Math.min(ms, median);
    ms = median;
  }
  return ms;
}

async function takeTurn<W>(player: Player<W>, { budgetMs }: MatchOptions): Promise<void> {
  if (player.outcome !== undefined || (player.usedMs > budgetMs && player.ms.length > 0)) return;
  await sleep(pauseMs);
  const isSlow = player.usedMs > budgetMs;
  const answer = await timedAsk(player.entrant, isSlow ? 0 : 2, player.repetitions);
  player.usedMs += answer.tookMs;
  player.ms.push(...answer.ms);
  if (answer.error !== undefined) player.outcome = { error: answer.error };
}

async function timedAsk<W>(
  { process, workload }: Entrant<W>,
  warmup: number,
  repetitions: number,
): Promise<Answer & { readonly tookMs: number }> {
  const started = performance.now();
  const answer = await process.ask({ kind: "measure", workload, warmup, repetitions });
  return { ...answer, tookMs: performance.now() - started };
}

/** Whoever is slow has fewer losses than the reference. */
function judged({ ms, check }: Player<unknown>, reference: readonly number[]): Outcome {
  const expected = reference.slice(0, check.length);
  const scale = Math.max(...expected.map(Math.abs));
  const isClose = check.every((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)) <= tolerance * scale);
  if (isClose) return summary(ms);
  return { error: `computes something else: ${check.join(" ")} in place of ${expected.join(" ")}` };
}

export function summary(ms: readonly number[]): Result {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  return { count: ms.length, median: at(0.5), spread: (at(0.75) - at(0.25)) / at(0.5) };
}

/** The median, where there is one. */
export function medianOf(outcome: Outcome | undefined): number {
  return typeof outcome === "object" && "median" in outcome ? outcome.median : Number.NaN;
}
