/** When things were, on one clock: the host's, from the beginning of a profile on. */
import { type LaunchLog, rowName, type Track } from "./launch-log.ts";
import type { Span } from "./profile.ts";
import type { HostLog, TimedRuns } from "./timed-runner.ts";

export interface Timeline {
  readonly timeline: readonly Span[];
  /** Whether nothing was left out. */
  readonly isWhole: boolean;
}

/** `began`: milliseconds of the host's clock. */
export function timelineOf(runs: readonly TimedRuns[], host: HostLog, began: number, runsAhead: boolean): Timeline {
  const places = new Map<unknown, number>(runs.map(({ parts }, i) => [parts.compiled, i]));
  const lanes: number[] = [];
  const spans: Span[] = host.spans
    .toSorted((a, b) => a.began - b.began)
    .map(({ kind, name, of, bytes, ...span }): Span => {
      const times = { start: span.began - began, ms: span.ended - span.began };
      if (kind === "run") return { track: "host", kind, name, entry: places.get(of) ?? -1, kernel: -1, ...times };
      const track = runsAhead && kind.startsWith("read") ? laneOf(lanes, span) : "host";
      return { track, kind: "transfer", name: `${kind} ${name}`, entry: -1, kernel: -1, ...times, bytes };
    });
  const launches = runs.flatMap(({ parts: { watch } }, entry) => {
    const log = watch?.log;
    return (log?.tracks ?? []).flatMap((track, thread) => {
      const name = runsAhead ? "GPU" : thread === 0 ? "host" : `thread ${thread}`;
      const offset = performance.timeOrigin - track.origin;
      return log === undefined ? [] : [...spansOf(log, track)].map((span): Span => ({ ...span, track: name, entry, start: span.start - offset - began })); // biome-ignore format: short
    });
  });
  const all = [...spans, ...launches].toSorted((a, b) => a.start - b.start);
  const isWhole = host.hasAll && runs.every(({ parts: { watch } }) => watch?.log.tracks.every(({ hasAllMarks }) => hasAllMarks) ?? true); // biome-ignore format: short
  return { timeline: all, isWhole };
}

function* spansOf(log: LaunchLog, track: Track): Generator<Omit<Span, "track" | "entry">> {
  let open: { readonly mark: number; readonly at: number } | null = null;
  for (const next of track.marks()) {
    if (open !== null && open.mark < log.end) {
      const kernel = open.mark >> 1;
      const row = log.rows[kernel];
      const kind = open.mark % 2 === 0 ? "kernel" : "wait";
      const name = row === undefined ? "" : rowName(row);
      // Between launches of a device without threads nobody waits for anybody.
      if (kind === "kernel" || log.tracks.length > 1)
        yield { kind, name, kernel, start: open.at, ms: next.at - open.at };
    }
    open = next;
  }
}

/** Several reads may be under way at once: each has a row in which nothing else is. `lanes`: until when each is taken. */
function laneOf(lanes: number[], { began, ended }: { readonly began: number; readonly ended: number }): string {
  const free = lanes.findIndex((until) => until <= began);
  const lane = free < 0 ? lanes.length : free;
  lanes[lane] = ended;
  return lane === 0 ? "readback" : `readback ${lane + 1}`;
}
