/**
 * The Trace Event Format, as far as we write it, checked strictly: every event has the fields of its phase and no others, of the
 * right types; every process and thread has a name; and what lies in one thread lies apart, or one in the other.
 */
import { expect } from "vitest";

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = { X: ["args", "cat", "dur", "name", "ph", "pid", "tid", "ts"], M: ["args", "name", "ph", "pid", "tid"] } as const; // biome-ignore format: short
const metadata: Readonly<Record<string, string>> = {
  process_name: "string",
  thread_name: "string",
  thread_sort_index: "number",
};

/** A trace as it came out of JSON. */
export function checkTrace(trace: unknown): void {
  expect(trace).toMatchObject({ displayTimeUnit: "ms" });
  const { traceEvents: events, ...others } = trace as { readonly traceEvents: readonly Fields[] };
  expect(Object.keys(others).sort()).toEqual(["displayTimeUnit", "otherData"]);
  const named = new Set<string>();
  const spans = new Map<string, { readonly ts: number; readonly end: number; readonly name: unknown }[]>();
  for (const event of events) {
    const { ph, pid, tid, name } = event;
    expect(["X", "M"]).toContain(ph);
    expect(Object.keys(event).sort()).toEqual(fieldsOf[ph as "X" | "M"]);
    expect([pid, tid, name].map((value) => typeof value)).toEqual(["number", "number", "string"]);
    expect(Number.isSafeInteger(pid) && Number.isSafeInteger(tid)).toBe(true);
    if (ph === "M") {
      const [value] = Object.values(event.args as object);
      expect(typeof value).toBe(metadata[name as string]);
      named.add(name === "process_name" ? `${pid}` : `${pid} ${tid}`);
      continue;
    }
    const [ts, dur] = [event.ts as number, event.dur as number];
    expect(Number.isFinite(ts) && Number.isFinite(dur) && ts >= 0 && dur >= 0, JSON.stringify(event)).toBe(true);
    expect(["run", "kernel", "wait", "transfer"]).toContain(event.cat);
    const key = `${pid} ${tid}`;
    spans.set(key, [...(spans.get(key) ?? []), { ts, end: ts + dur, name }]);
  }
  for (const [key, all] of spans) {
    expect(named).toContain(key);
    expect(named).toContain(key.split(" ")[0]);
    checkNested(all);
  }
}

/** To a nanosecond, to which times are rounded. */
const rounding = 2e-3;

function checkNested(spans: readonly { readonly ts: number; readonly end: number; readonly name: unknown }[]): void {
  const open: (typeof spans)[number][] = [];
  for (const span of spans.toSorted((a, b) => a.ts - b.ts || b.end - a.end)) {
    while ((open.at(-1)?.end ?? Infinity) <= span.ts + rounding) open.pop();
    const around = open.at(-1);
    if (around !== undefined) expect(span.end, `${span.name} ends in ${around.name}`).toBeLessThanOrEqual(around.end + rounding); // biome-ignore format: short
    open.push(span);
  }
}
