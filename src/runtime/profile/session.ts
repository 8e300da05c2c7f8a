/**
 * A profile that is being taken: every runner of an executable is exchanged for one that is timed (timed-runner.ts), and they are put
 * back at the end. Between profiles nothing of this is there.
 */
import type { Report } from "../../program/report.ts";
import type { Calls } from "../calls.ts";
import type { Ceiling, Machine, Runner } from "../machine.ts";
import type { Specializations } from "../specializations.ts";
import type { StateParts } from "../state.ts";
import { type Measured, profileOf } from "./assemble.ts";
import type { Profile, ProfileOptions, RunningProfile } from "./profile.ts";
import { HostLog, TimedRuns, timedStates } from "./timed-runner.ts";

/** What a profile needs of an executable. */
export interface SessionParts {
  readonly specializations: Specializations;
  readonly machine: Machine;
  /** Where the states are read and written. */
  readonly states: StateParts;
  readonly calls: Calls;
  readonly summary: () => Omit<Report, "entries">;
  /** Whether it was neither disposed of nor lost. */
  isUsable(): boolean;
  /** Told when the profile is over. */
  over(): void;
}

export class ProfileSession implements RunningProfile {
  readonly #parts: SessionParts;
  readonly #steps: readonly [from: number, to: number];
  readonly #host: HostLog;
  readonly #runs: TimedRuns[] = [];
  #ceiling: Ceiling | null = null;
  #began = 0;
  #profile: Promise<Profile> | null = null;

  constructor(parts: SessionParts, { steps = [0, Number.POSITIVE_INFINITY] }: ProfileOptions) {
    this.#parts = parts;
    this.#host = new HostLog(parts.machine.runsAhead);
    this.#steps = steps;
  }

  /** After all calls so far. */
  async begin(): Promise<this> {
    const { calls, machine, specializations, states } = this.#parts;
    const exchange = async (): Promise<void> => {
      // Kernels are timed where nothing is known to compare them with, too.
      this.#ceiling = await (machine.ceiling?.() ?? Promise.resolve(null)).catch(() => null);
      states.machine = timedStates(machine, this.#host);
      await specializations.exchange(async (compiled, own) => {
        const watch = (await own.watch?.()) ?? null;
        const runs = new TimedRuns({ compiled, own, watch, steps: this.#steps, host: this.#host });
        this.#runs.push(runs);
        return runs.runner;
      });
      this.#began = performance.now();
    };
    try {
      await calls.take(exchange);
    } catch (error) {
      this.#putBack();
      throw error;
    }
    return this;
  }

  stop(): Promise<Profile> {
    this.#profile ??= this.#end();
    return this.#profile;
  }

  async #end(): Promise<Profile> {
    const { calls, isUsable } = this.#parts;
    let ended = performance.now();
    const settle = async (): Promise<void> => {
      await Promise.all(this.#runs.map(({ parts }) => parts.watch?.settled()));
      ended = performance.now();
    };
    // What was measured before an executable was disposed of, or lost, is as good as ever.
    if (isUsable()) await calls.take(settle).catch(() => undefined);
    this.#putBack();
    const measured: Measured = {
      summary: this.#parts.summary(),
      ceiling: this.#ceiling,
      began: this.#began,
      ended,
      runs: this.#runs,
      host: this.#host,
      steps: this.#steps,
    };
    return profileOf(measured);
  }

  #putBack(): void {
    const { states, machine, specializations, over } = this.#parts;
    states.machine = machine;
    const own = new Map<Runner, Runner>(this.#runs.map(({ runner, parts }) => [runner, parts.own]));
    specializations.takeBack((runner) => own.get(runner) ?? runner);
    for (const runs of this.#runs) runs.end();
    over();
  }
}
