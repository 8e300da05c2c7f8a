/**
 * Two checkouts on one workload, in turns: round after round each takes a short turn, in changing order, and what counts is
 * new / old within a round, so that a machine that changes its speed or has other work changes both.
 *
 * Every duel is fought by several pairs of fresh processes: where memory and code happen to lie is worth some percent, and
 * stays as it is for as long as a process lives.
 */
import { SystemProcess } from "../process.ts";
import type { Answer, MeasureRequest } from "../protocol.ts";
import type { SystemSpec } from "../systems.ts";
import type { Workload } from "../workloads.ts";

export interface DuelOptions {
  readonly pairs: number;
  readonly rounds: number;
  readonly turnMs: number;
  readonly warmupMs: number;
}

export interface Ratio {
  /** Medians of all turns, in milliseconds. */
  readonly old: number;
  readonly new: number;
  /** new / old: the median of the pairs' medians, and all of these, sorted. */
  readonly ratio: number;
  readonly pairs: readonly number[];
  /** new / old of the fastest turns. */
  readonly fastest: number;
}

type Side<W> = SystemProcess<MeasureRequest<W>>;

/** Losses and results may differ by so much, as a part of the largest among them. */
const tolerance = 1e-3;
const mostRepetitions = 500;

export async function duel<W = Workload>(
  old: SystemSpec,
  fresh: SystemSpec,
  workload: W,
  { pairs, rounds, turnMs, warmupMs }: DuelOptions,
): Promise<Ratio | { readonly error: string }> {
  const times: [number[], number[]] = [[], []];
  const ratios: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const sides = [new SystemProcess<MeasureRequest<W>>(old), new SystemProcess<MeasureRequest<W>>(fresh)] as const;
    try {
      const cold = [await ask(sides[0], workload, 4, 1), await ask(sides[1], workload, 4, 1)] as const;
      const error =
        cold.find((answer) => answer.error !== undefined)?.error ?? difference(cold[0].check, cold[1].check);
      if (error !== undefined) return { error };
      // One count for both, or the faster would take longer turns than the other.
      const settled = Math.min(await settle(sides[0], workload, warmupMs), await settle(sides[1], workload, warmupMs));
      const repetitions = Math.max(1, Math.min(mostRepetitions, Math.round(turnMs / settled)));
      const own: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const turn = [0, 0];
        for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
          turn[side] = median((await ask(sides[side], workload, 1, repetitions)).ms);
          times[side].push(turn[side]);
        }
        own.push((turn[1] ?? Number.NaN) / (turn[0] ?? Number.NaN));
      }
      ratios.push(median(own));
    } finally {
      await Promise.all(sides.map((side) => side.close()));
    }
  }
  return {
    old: median(times[0]),
    new: median(times[1]),
    ratio: median(ratios),
    pairs: ratios.toSorted((a, b) => a - b),
    fastest: Math.min(...times[1]) / Math.min(...times[0]),
  };
}

/** Runs for so long, as engines compile loops anew for seconds; gives milliseconds a repetition at the end. */
async function settle<W>(side: Side<W>, workload: W, warmupMs: number): Promise<number> {
  const first = median((await ask(side, workload, 0, 3)).ms);
  const count = Math.max(1, Math.min(2_000, Math.floor(warmupMs / first)));
  return median((await ask(side, workload, count, 3)).ms);
}

function ask<W>(side: Side<W>, workload: W, warmup: number, repetitions: number): Promise<Answer> {
  return side.ask({ kind: "measure", workload, warmup, repetitions });
}

function difference(expected: readonly number[], found: readonly number[]): string | undefined {
  const scale = Math.max(...expected.map(Math.abs));
  if (found.every((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)) <= tolerance * scale)) return undefined;
  return `computes something else: ${found.join(" ")} in place of ${expected.join(" ")}`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
