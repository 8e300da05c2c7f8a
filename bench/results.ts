/** What a run measured, by workload and system, and what follows from the floors. */

import { flopsPerRound } from "../codegen/wasm/ceiling-probe.ts";
import { medianOf, type Outcome } from "./match.ts";
import { floorOf } from "./systems.ts";
import { ceilingRounds, copyBytes, flopsOf, titleOf, type Workload } from "./workloads.ts";

/** From process start, for each system. */
export interface StartResult {
  /** Milliseconds to the first loss, the median of several starts. */
  readonly firstLossMs: number;
  /** Of these, how many the step was compiled: the median. Absent for systems that do not compile at once. */
  readonly compileMs?: number;
  /** The largest resident set after twenty more steps. */
  readonly peakBytes: number;
}

export class Results {
  readonly outcomes = new Map<string, Map<string, Outcome>>();
  readonly starts = new Map<string, StartResult | { readonly error: string }>();
  /** Milliseconds of an epoch of the main job. */
  readonly epochs = new Map<string, number | { readonly error: string }>();
  epochData = "";

  add(title: string, system: string, outcome: Outcome): void {
    const row = this.outcomes.get(title) ?? new Map<string, Outcome>();
    this.outcomes.set(title, row);
    row.set(system, outcome);
  }

  /** Milliseconds; NaN where there is no number. */
  median(title: string, system: string): number {
    return medianOf(this.outcomes.get(title)?.get(system));
  }

  /** Multiplications and additions a second of the ceiling, as it was measured beside a workload. */
  ceiling(title: string, threads: number): number {
    return (
      ((flopsPerRound * ceilingRounds * threads) / this.median(floorTitle(title, "flops"), floorOf(threads))) * 1e3
    );
  }

  /** Bytes a second of a copy, as it was measured beside a workload. */
  copyBandwidth(title: string): number {
    return (copyBytes / this.median(floorTitle(title, "copy"), floorOf(1))) * 1e3;
  }

  /** Contractions of a workload, as a part of the ceiling measured beside it with as many threads. */
  shareOfCeiling(workload: Workload, system: string, threads: number): number {
    const title = titleOf(workload);
    return ((flopsOf(workload) / this.median(title, system)) * 1e3) / this.ceiling(title, threads);
  }

  failures(): readonly string[] {
    const failed: string[] = [];
    for (const [title, row] of this.outcomes) {
      for (const [system, outcome] of row) {
        if (typeof outcome === "object" && "error" in outcome) failed.push(`${system}, ${title}: ${outcome.error}`);
      }
    }
    for (const [part, results] of [
      ["start", this.starts],
      ["epoch", this.epochs],
    ] as const) {
      for (const [system, result] of results) {
        if (typeof result === "object" && "error" in result) failed.push(`${system}, ${part}: ${result.error}`);
      }
    }
    return failed;
  }

  toJson(): object {
    const { starts, epochs, epochData } = this;
    return {
      outcomes: Object.fromEntries([...this.outcomes].map(([title, row]) => [title, Object.fromEntries(row)])),
      starts: Object.fromEntries(starts),
      epochs: Object.fromEntries(epochs),
      epochData,
    };
  }
}

/** A floor belongs to the workload that it was measured beside. */
export function floorTitle(title: string, floor: string): string {
  return `${title} | floor ${floor}`;
}

/** Rows measured beside the same rows by hand, and not beside other systems. */
export function againstTitle(workload: Workload, floor: string): string {
  return `${titleOf(workload)} | against ${floor}`;
}
