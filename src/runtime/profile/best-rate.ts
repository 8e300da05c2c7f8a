/** How much of something is done in a second, at best. */

/** A measurement lasts about so long: above the steps of clocks, and short. */
const wantedMs = 4;
const tries = 5;

/**
 * The best of some tries. `measure` does so many rounds and gives milliseconds: as many are asked for as take long enough to measure;
 * `most` bounds them.
 */
export async function bestRate(
  measure: (rounds: number) => Promise<number> | number,
  perRound: number,
  most: number,
): Promise<number> {
  let rounds = 1;
  let ms = await measure(rounds); // the first is slow: code is compiled, memory is found
  for (ms = await measure(rounds); ms < wantedMs / 2 && rounds < most; ms = await measure(rounds)) {
    rounds = Math.min(most, Math.ceil(rounds * Math.min(16, Math.max(2, wantedMs / Math.max(ms, 1e-3)))));
  }
  let least = ms;
  for (let i = 1; i < tries; i++) least = Math.min(least, await measure(rounds));
  return (1000 * perRound * rounds) / least;
}
