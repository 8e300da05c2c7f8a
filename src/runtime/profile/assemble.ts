/** From what was measured to a profile. */
import { entryByRows } from "../../dsl/by-rows.ts";
import type { Report } from "../../program/report.ts";
import type { Ceiling } from "../machine.ts";
import { type LaunchLog, type Row, rowName } from "./launch-log.ts";
import type { EntryProfile, KernelProfile, Profile, ThreadProfile } from "./profile.ts";
import type { HostLog, TimedRuns } from "./timed-runner.ts";
import { timelineOf } from "./timeline.ts";

export interface Measured {
  readonly summary: Omit<Report, "entries">;
  readonly ceiling: Ceiling | null;
  /** Milliseconds of the host's clock. */
  readonly began: number;
  readonly ended: number;
  readonly runs: readonly TimedRuns[];
  readonly host: HostLog;
  readonly steps: readonly [from: number, to: number];
}

export function profileOf(measured: Measured): Profile {
  const { summary, ceiling, began, ended, host } = measured;
  const ran = measured.runs.filter(({ seen }) => seen > 0);
  const entries = ran.map((runs) => entryOf(runs, ceiling));
  const { timeline, isWhole } = timelineOf(ran, host, began, summary.runsAhead);
  const clocks = new Set(ran.flatMap(({ parts: { watch } }) => watch?.clock ?? []));
  return {
    target: summary.target,
    device: summary.device,
    threads: Math.max(1, ...ran.map(({ parts: { watch } }) => watch?.log.tracks.length ?? 1)),
    clock: [...clocks].join("; "),
    ceiling,
    startedAt: performance.timeOrigin + began,
    ms: ended - began,
    entries,
    transfers: [...host.sums].map(([kind, sum]) => ({ kind, ...sum })),
    timeline,
    notes: notesOf(measured, entries, isWhole),
  };
}

function entryOf(runs: TimedRuns, ceiling: Ceiling | null): EntryProfile {
  const { seen, counted, hostMs, parts } = runs;
  const { entry, report } = parts.compiled;
  const reports = new Map(report.kernels.map((kernel) => [kernel.step, kernel]));
  const log = parts.watch?.log;
  const kernels = (log?.rows ?? []).map((row, i): KernelProfile => {
    const found = row.steps.flatMap((step) => reports.get(step) ?? []);
    const distinct = <T>(of: (kernel: (typeof found)[number]) => readonly T[]): readonly T[] => [
      ...new Set(found.flatMap(of)),
    ];
    return {
      name: rowName(row),
      kind: row.kind,
      steps: row.steps,
      nodes: distinct(({ nodes }) => nodes),
      lines: distinct(({ lines }) => lines),
      layers: distinct(({ layers }) => layers),
      ...timesOf(log, row, i, found.reduce((sum, { flops }) => sum + flops, 0), found.reduce((sum, { bytes }) => sum + bytes, row.bytes), ceiling), // biome-ignore format: short
    };
  });
  const { name, dims } = entry;
  const written = entryByRows(name);
  return {
    entry: written ?? name,
    byRows: written !== null,
    dims,
    runs: counted,
    passedOver: seen - counted,
    hostMs,
    kernelMs: kernels.reduce((sum, { ms }) => sum + (ms ?? 0), 0),
    kernels,
  };
}

type Times = Omit<KernelProfile, "name" | "kind" | "steps" | "nodes" | "lines" | "layers">;

function timesOf(
  log: LaunchLog | undefined,
  { kind }: Row,
  row: number,
  flops: number,
  bytes: number,
  ceiling: Ceiling | null,
): Times {
  const threads = (log?.tracks ?? []).map(
    (track): ThreadProfile => ({ ms: track.ms(2 * row), waitMs: track.ms(2 * row + 1) }),
  );
  const launches = log?.tracks[0]?.times(2 * row) ?? 0;
  const isTimed = kind === "kernel" || launches > 0;
  const ms = (threads[0]?.ms ?? 0) + (threads[0]?.waitMs ?? 0);
  const perSecond = (amount: number): number => (ms > 0 ? (1000 * amount * launches) / ms : 0);
  const [flopsPerSecond, bytesPerSecond] = [perSecond(flops), perSecond(bytes)];
  const ofFlops = ceiling === null ? 0 : flopsPerSecond / ceiling.flops;
  const ofBytes = ceiling === null ? 0 : bytesPerSecond / ceiling.bytes;
  return {
    launches,
    ms: isTimed ? ms : null,
    threads,
    flops,
    bytes,
    flopsPerSecond,
    bytesPerSecond,
    bound: ofFlops > ofBytes ? "flops" : "bytes",
    ofCeiling: ceiling === null || ms === 0 ? null : Math.max(ofFlops, ofBytes),
  };
}

function notesOf({ steps, runs }: Measured, entries: readonly EntryProfile[], isWhole: boolean): readonly string[] {
  const notes: string[] = [];
  const [from, to] = steps;
  for (const { entry, runs: counted, passedOver } of entries) {
    if (counted > 0) continue;
    const which = to === Number.POSITIVE_INFINITY ? `from run ${from} on` : `runs ${from} to ${to - 1}`;
    notes.push(`${entry} ran ${times(passedOver)}, and ${which} were to count: none did`);
  }
  if (runs.some(({ seen, parts }) => seen > 0 && parts.watch === null)) notes.push("this target's launches are not timed one by one"); // biome-ignore format: short
  if (entries.length === 0) notes.push("nothing ran");
  if (!isWhole) notes.push("the timeline has the first runs alone; all sums are of all runs that count");
  return notes;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
