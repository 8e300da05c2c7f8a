/**
 * Which of several ways is the fastest, in a world where every measurement is off: they are measured in turns, so that what slows the
 * machine down for a while slows all of them, and the usual way stays unless another one wins by more than the noise, twice.
 *
 *   heats    every way twice; the best few go on
 *   finals   these and the usual, nine rounds in turns: medians of what each took of the usual's time in the same round
 *   replay   the best against the usual, nine fresh rounds: who was best of many was also lucky
 */
import { median } from "../core/median.ts";

/** 0 is the usual way. */
export interface Contest {
  /** How many ways there are, the usual one among them. */
  readonly ways: number;
  /** Milliseconds that a way takes, measured once. */
  time(way: number): Promise<number>;
  /** Whether there is no time left: what is not known then stays as usual. */
  isOver(): boolean;
}

export interface Verdict {
  /** The way to take: 0 where none won. */
  readonly best: number;
  readonly usualMs: number;
  readonly bestMs: number;
}

const heatRounds = 2;
const rounds = 9;
const mostFinalists = 4;
/** How much slower than the best of a heat a finalist may be. */
const nearly = 1.15;
/** Of the usual time that a winner takes at most; and how many times the spread of the usual time it must be better by. */
const leastGain = 0.97;
const spreads = 2;

/** The verdict, or null where the time was over before it was found. */
export async function fastest(contest: Contest): Promise<Verdict | null> {
  const all = Array.from({ length: contest.ways }, (_, way) => way);
  const heats = await inTurns(contest, all, heatRounds);
  if (heats === null) return null;
  const least = all.map((way) => Math.min(...(heats[way] ?? [])));
  const near = nearly * Math.min(...least);
  const timeOf = (way: number): number => least[way] ?? Infinity;
  const others = all.filter((way) => way > 0 && timeOf(way) <= near).sort((a, b) => timeOf(a) - timeOf(b));
  if (others.length === 0) return asUsual(timeOf(0));
  const finals = await inTurns(contest, [0, ...others.slice(0, mostFinalists)], rounds);
  if (finals === null) return null;
  const [usual = [], ...rivals] = finals;
  const parts = rivals.map((times) => median(partsOf(times, usual)));
  const first = parts.indexOf(Math.min(...parts));
  const best = others[first];
  if (best === undefined || !wins(rivals[first] ?? [], usual)) return asUsual(median(usual));
  const replay = await inTurns(contest, [0, best], rounds);
  if (replay === null) return null;
  const [again = [], own = []] = replay;
  return wins(own, again) ? { best, usualMs: median(again), bestMs: median(own) } : asUsual(median(again));
}

const asUsual = (ms: number): Verdict => ({ best: 0, usualMs: ms, bestMs: ms });

/** The times of each of these ways; every other round goes backwards. */
async function inTurns(
  { time, isOver }: Contest,
  ways: readonly number[],
  count: number,
): Promise<readonly (readonly number[])[] | null> {
  const times = ways.map((): number[] => []);
  for (let round = 0; round < count; round += 1) {
    const order = ways.map((_, i) => (round % 2 === 0 ? i : ways.length - 1 - i));
    for (const i of order) {
      if (isOver()) return null;
      times[i]?.push(await time(ways[i] ?? 0));
    }
  }
  return times;
}

function wins(own: readonly number[], usual: readonly number[]): boolean {
  const parts = partsOf(own, usual);
  const middle = median(usual);
  const spread = median(usual.map((ms) => Math.abs(ms - middle))) / middle;
  const isSure = parts.filter((part) => part < 1).length >= parts.length - 1;
  return isSure && median(parts) <= Math.min(leastGain, 1 - spreads * spread);
}

/** What each took of the other's time in the same round. */
function partsOf(own: readonly number[], usual: readonly number[]): readonly number[] {
  return own.map((ms, round) => ms / (usual[round] ?? ms));
}
