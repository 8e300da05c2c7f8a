/**
 * A profile as a trace: JSON in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open. An executable is a process,
 * each row of its timeline a thread; times are in microseconds, the earliest of all profiles is 0.
 */
import { checkArguments } from "../../core/options.ts";
import { checkProfiles } from "./check.ts";
import type { EntryProfile, Profile, Span } from "./profile.ts";

/** Something that took time ("X"), or what a process or thread is called ("M"). */
export type TraceEvent = CompleteEvent | MetadataEvent;

export interface CompleteEvent {
  readonly name: string;
  readonly cat: Span["kind"];
  readonly ph: "X";
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, string | number>>;
}

export interface MetadataEvent {
  readonly name: "process_name" | "thread_name" | "thread_sort_index";
  readonly ph: "M";
  readonly pid: number;
  readonly tid: number;
  readonly args: { readonly name: string } | { readonly sort_index: number };
}

export interface Trace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: "ms";
  readonly otherData: Readonly<Record<string, string>>;
}

/** One profile or a list of them, of several executables, as a trace; `JSON.stringify` makes the file. Throws a UserError for what is no profile. */
export function profileTrace(given: Profile | readonly Profile[]): Trace {
  checkArguments("profileTrace", arguments, 1);
  const profiles = isList(given) ? given : [given];
  checkProfiles("profileTrace", profiles);
  const first = Math.min(...profiles.map(({ startedAt }) => startedAt));
  return {
    traceEvents: profiles.flatMap((profile, i) => eventsOf(profile, i + 1, profile.startedAt - first)),
    displayTimeUnit: "ms",
    otherData: { made_by: "tensorloom", clock: [...new Set(profiles.map(({ clock }) => clock))].join("; ") },
  };
}

function isList(given: Profile | readonly Profile[]): given is readonly Profile[] {
  return Array.isArray(given);
}

function eventsOf({ entries, device, timeline }: Profile, pid: number, later: number): readonly TraceEvent[] {
  const tracks = [...new Set(["host", ...timeline.map(({ track }) => track)])];
  const names = tracks.flatMap((name, tid): readonly TraceEvent[] => [
    { name: "thread_name", ph: "M", pid, tid, args: { name } },
    { name: "thread_sort_index", ph: "M", pid, tid, args: { sort_index: tid } },
  ]);
  const spans = timeline.map(({ track, kind, name, start, ms, ...span }): TraceEvent => {
    const times = { ts: microseconds(later + start), dur: microseconds(ms) };
    const args = argsOf({ ...span }, entries);
    return { name: kind === "wait" ? "waiting" : name, cat: kind, ph: "X", ...times, pid, tid: tracks.indexOf(track), args }; // biome-ignore format: short
  });
  const process: TraceEvent = { name: "process_name", ph: "M", pid, tid: 0, args: { name: `tensorloom: ${device}` } };
  return [process, ...names, ...spans];
}

function argsOf(
  { entry, kernel, bytes }: Pick<Span, "entry" | "kernel" | "bytes">,
  entries: readonly EntryProfile[],
): CompleteEvent["args"] {
  const of = entries[entry];
  const row = of?.kernels[kernel];
  return {
    ...(of === undefined ? {} : { entry: of.entry }),
    ...(row === undefined ? {} : { flops: row.flops, bytes: row.bytes, line: row.lines[0] ?? "", layer: row.layers[0] ?? "" }), // biome-ignore format: short
    ...(bytes === undefined ? {} : { bytes }),
  };
}

/** To the nanosecond: a clock of the GPU may be a little before the host's. */
function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1e6) / 1e3);
}
