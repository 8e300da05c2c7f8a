/**
 * A way to schedule a kernel on trial: prepared on the machine, run as often as a clock needs to see it, and its results compared with
 * those of the usual way.
 */
import type { Artifact } from "../program/artifact.ts";
import type { Machine, Runner } from "../runtime/machine.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";
import { type Isolated, valuesFor } from "./isolated.ts";

/** Milliseconds. */
export type Clock = () => number;

/** What a measurement should last: well above the steps of clocks, and of what a thread waits for now and then. */
const wantedMs = 5;
const mostRuns = 4096;
/** Before the first measurement: an engine optimizes what it has seen often, and a GPU wakes up. */
const warmMs = 20;
const leastWarmRuns = 3;
/** Values that are compared at most, of each buffer. */
const mostCompared = 2 ** 20;
/** How far results may be apart, of the largest value in their buffer: sums in another order, and no more. */
const tolerance = 1e-3;

export class Trial {
  readonly #machine: Machine<Artifact>;
  readonly #runner: Runner;
  readonly #isolated: Isolated;
  readonly #now: Clock;
  #runs = 1;

  private constructor(machine: Machine<Artifact>, runner: Runner, isolated: Isolated, now: Clock) {
    this.#machine = machine;
    this.#runner = runner;
    this.#isolated = isolated;
    this.#now = now;
  }

  static async prepare(machine: Machine<Artifact>, isolated: Isolated, now: Clock): Promise<Trial> {
    const runner = await machine.prepare(isolated.entry);
    const trial = new Trial(machine, runner, isolated, now);
    isolated.inputs.forEach((slot, i) => {
      runner.feed(i, valuesFor(slot));
    });
    return trial;
  }

  /** What it computes, from values that are the same for every way. */
  async results(): Promise<readonly TypedArray[]> {
    for (const slot of this.#isolated.states) this.#machine.writeState(slot, valuesFor(slot));
    this.#runner.run();
    const results: TypedArray[] = [];
    for (const slot of this.#isolated.written) results.push(await this.#machine.readState(slot));
    return results;
  }

  /** Runs until it is at its usual speed, and finds how many runs a measurement takes. */
  async warmUp(): Promise<void> {
    let spent = 0;
    let least = Infinity;
    for (let runs = 0; runs < leastWarmRuns || spent < warmMs; ) {
      const ms = await this.#run(this.#runs);
      runs += 1;
      spent += ms;
      least = Math.min(least, ms / this.#runs);
      if (ms < wantedMs / 2) this.#runs = Math.min(mostRuns, this.#runs * 2);
      if (runs > 64) break;
    }
    this.#runs = Math.max(1, Math.min(mostRuns, Math.ceil(wantedMs / Math.max(least, 1e-6))));
  }

  /** Milliseconds of a run. */
  async time(): Promise<number> {
    for (const slot of this.#isolated.updated) this.#machine.writeState(slot, valuesFor(slot));
    await this.#wait();
    return (await this.#run(this.#runs)) / this.#runs;
  }

  release(): void {
    this.#runner.release();
  }

  /** Milliseconds of so many runs, one behind the other. */
  async #run(runs: number): Promise<number> {
    const onDevice = await this.#runner.timed?.(runs);
    if (onDevice !== undefined) return onDevice;
    const start = this.#now();
    if (this.#runner.chunk === undefined) for (let i = 0; i < runs; i += 1) this.#runner.run();
    else {
      for (let left = runs; left > 0; ) {
        const chunk = this.#runner.chunk(left, runs - left, "none");
        for (; left > 0 && chunk.hasRoom; left -= 1) chunk.run();
        chunk.end();
        await this.#runner.ready?.();
      }
    }
    await this.#wait();
    return this.#now() - start;
  }

  async #wait(): Promise<void> {
    if (this.#machine.runsAhead) await this.#machine.readState(this.#isolated.tick);
  }
}

/** Whether two ways compute the same, but for the order in which sums are added up. */
export function agree(usual: readonly TypedArray[], own: readonly TypedArray[]): boolean {
  return usual.every((values, n) => {
    const others = own[n];
    if (others === undefined || others.length !== values.length) return false;
    const count = Math.min(values.length, mostCompared);
    let most = 0;
    for (let i = 0; i < count; i += 1) if (Number.isFinite(values[i])) most = Math.max(most, Math.abs(values[i] ?? 0));
    for (let i = 0; i < count; i += 1) {
      const [a = 0, b = 0] = [values[i], others[i]];
      if (!Object.is(a, b) && !(Math.abs(a - b) <= tolerance * most)) return false;
    }
    return true;
  });
}
