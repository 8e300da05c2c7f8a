/**
 * Whether a run is better left to the thread that calls: where other processes want the processors, threads wait for one another
 * at each barrier, and for as long as the system lets others run. An LSTM of 700 barriers, one busy process on two processors:
 * 35 ms a step on two threads, 8 on one, and 5.6 on two where nobody else runs.
 *
 *   together     until five runs in a row have taken as much longer than the fastest as one thread might, or the last sixteen, but
 *                for the two slowest, as long as one thread did: some are fast beside busy processes, and some take twice as long
 *   measure      one run alone, the 65th: who has been crowded from the beginning knows no fast run
 *   trial        two runs alone; if they were no faster, together for a while, each time twice as long
 *   alone        for some runs, each time twice as many
 *   look         one run together: back if it was faster, else alone again
 *
 * Times alone decide, and no number depends on it: alone, a thread computes what all of them would have, part by part.
 */

/** Runs in a row that must be slow, or on average. */
const [slowRuns, recentRuns] = [5, 16];
/** Of the time that one thread would take if the work were all that counts. */
const suspicious = 0.75;
const trialRuns = 2;
/** By how much alone must be faster, and then together. */
const [leaves, returns] = [0.92, 0.95];
/** Of the time that one thread took: from there on it may be faster. */
const near = 0.95;
const measuredAfter = 64;
const firstRuns = 8;
const [mostTogether, mostAlone] = [512, 64];

export interface Timing {
  /** Whether the next run is left to the thread that calls. */
  readonly isAlone: boolean;
  /** Told of each run, in milliseconds. */
  took(ms: number): void;
}

export class Crowding implements Timing {
  readonly #slowdown: number;
  readonly #recent = new Float64Array(recentRuns);
  #runs = 0;
  #fastest = Number.POSITIVE_INFINITY;
  #state: "together" | "measure" | "trial" | "alone" | "look" = "together";
  /** Runs until the state is looked at. */
  #left = 0;
  /** How many there will be the next time. */
  #patience = firstRuns;
  /** Milliseconds of a run alone, where there was one. */
  #alone = Number.POSITIVE_INFINITY;
  /** Of one together, before a trial. */
  #together = 0;
  /** Runs together until one is measured. */
  #unmeasured = measuredAfter;

  constructor(threads: number) {
    this.#slowdown = Math.max(1.5, suspicious * threads);
  }

  get isAlone(): boolean {
    return this.#state === "measure" || this.#state === "trial" || this.#state === "alone";
  }

  took(ms: number): void {
    switch (this.#state) {
      case "together":
        this.#tookTogether(ms);
        return;
      case "measure":
        this.#alone = ms;
        this.#state = "together";
        return;
      case "trial":
        this.#alone += ms / trialRuns;
        this.#left -= 1;
        if (this.#left === 0) this.#judgeTrial();
        return;
      case "alone":
        this.#alone += (ms - this.#alone) / 4;
        this.#left -= 1;
        if (this.#left === 0) this.#state = "look";
        return;
      case "look":
        if (ms < returns * this.#alone) this.#stayTogether(0, firstRuns);
        else this.#stayAlone(Math.min(2 * this.#patience, mostAlone));
    }
  }

  #tookTogether(ms: number): void {
    this.#fastest = Math.min(this.#fastest, ms);
    this.#recent[this.#runs % recentRuns] = ms;
    this.#runs += 1;
    if (this.#unmeasured > 0) this.#unmeasured -= 1;
    if (this.#left > 0) this.#left -= 1;
    if (this.#unmeasured === 0 && this.#alone === Number.POSITIVE_INFINITY) this.#state = "measure";
    if (this.#left > 0) return;
    this.#together = this.#slow();
    if (this.#together === 0) return;
    this.#state = "trial";
    this.#left = trialRuns;
    this.#alone = 0;
  }

  /** What a run takes, if that may be more than alone; else 0. */
  #slow(): number {
    if (this.#runs < slowRuns) return 0;
    let [least, sum] = [Number.POSITIVE_INFINITY, 0];
    for (let i = 1; i <= slowRuns; i++) {
      const ms = this.#recent[(this.#runs - i) % recentRuns] ?? 0;
      least = Math.min(least, ms);
      sum += ms;
    }
    if (least >= this.#slowdown * this.#fastest) return sum / slowRuns;
    if (this.#runs < recentRuns) return 0;
    let [all, slowest, second] = [0, 0, 0];
    for (let i = 0; i < recentRuns; i++) {
      const ms = this.#recent[i] ?? 0;
      all += ms;
      second = Math.max(second, Math.min(ms, slowest));
      slowest = Math.max(slowest, ms);
    }
    const usual = (all - slowest - second) / (recentRuns - 2);
    return usual > near * this.#alone ? usual : 0;
  }

  #judgeTrial(): void {
    if (this.#alone < leaves * this.#together) this.#stayAlone(firstRuns);
    else this.#stayTogether(this.#patience, Math.min(2 * this.#patience, mostTogether));
  }

  #stayTogether(runs: number, patience: number): void {
    this.#state = "together";
    this.#left = runs;
    this.#patience = patience;
    this.#runs = 0;
  }

  #stayAlone(runs: number): void {
    this.#state = "alone";
    this.#left = runs;
    this.#patience = runs;
  }
}
