/**
 * Where the time of an entry's launches goes: a sum for each, and when the first of them were. Each thread has a track of its own, in
 * memory that it may share with a worker; nothing is allocated while runs are timed, and sums never overflow.
 *
 *   mark 2 n: launch n begins      mark 2 n + 1: it is over, and waiting begins
 *   mark 2 count: the run is over  mark 2 count + 1: a run is over in which the first thread did the work of all
 *
 * What a mark begins lasts until the next mark of its thread. See `importNames` of codegen/wasm/abi.ts, whose code calls such a clock,
 * and worker.ts, which has the same one as text.
 */
import { type Artifact, allSteps } from "../../program/artifact.ts";

/** Marks of which each track keeps when they were. */
const mostEvents = 2 ** 15;

/** Where a track's numbers stand, in float64 words: how many events there are, when its clock was 0, the sums, how often each, the events. */
export interface TrackShape {
  /** Marks there are. */
  readonly slots: number;
  readonly mostEvents: number;
}

const header = 2;

/** What a worker is given to make a clock of. */
export interface SharedTrack extends TrackShape {
  readonly buffer: ArrayBufferLike;
}

/** A mark and when it was, in milliseconds of its thread's clock. */
export interface Mark {
  readonly mark: number;
  readonly at: number;
}

export class Track implements SharedTrack {
  readonly slots: number;
  readonly mostEvents = mostEvents;
  readonly buffer: ArrayBufferLike;
  readonly #words: Float64Array;
  #began: number;
  #last = 0;

  /** The last of the slots is for what nobody has begun. */
  constructor(slots: number, isShared: boolean) {
    this.slots = slots;
    const bytes = 8 * (header + 2 * slots + 2 * mostEvents);
    this.buffer = isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
    this.#words = new Float64Array(this.buffer);
    this.#began = slots - 1;
    this.#words[1] = performance.timeOrigin;
  }

  /** Notes that something begins; what was begun before ends. */
  mark(mark: number): void {
    const now = performance.now();
    this.#sum(this.#began, now - this.#last);
    this.#note(mark, now);
    this.#began = mark;
    this.#last = now;
  }

  /** A launch that was timed by another clock. */
  add(row: number, began: number, ended: number): void {
    this.#sum(2 * row, ended - began);
    this.#note(2 * row, began);
    this.#note(2 * row + 1, ended);
  }

  /** So many launches that were timed apart from the runs, each of so many milliseconds. */
  count(row: number, launches: number, ms: number): void {
    const at = header + 2 * row;
    this.#words[at] = launches * ms;
    this.#words[at + this.slots] = launches;
  }

  /** Forgets everything so far: between two runs. */
  reset(): void {
    this.#words[0] = 0;
    this.#words.fill(0, header);
  }

  /** Milliseconds of all that this mark began. */
  ms(mark: number): number {
    return this.#words[header + mark] ?? 0;
  }

  /** How often something that this mark began has ended. */
  times(mark: number): number {
    return this.#words[header + this.slots + mark] ?? 0;
  }

  /** When its clock was 0, in milliseconds since 1970: each thread has a clock of its own. */
  get origin(): number {
    return this.#words[1] ?? 0;
  }

  /** Whether there was room for all of them. */
  get hasAllMarks(): boolean {
    return (this.#words[0] ?? 0) < mostEvents;
  }

  /** The first marks, in order. */
  *marks(): Generator<Mark> {
    const first = header + 2 * this.slots;
    const count = this.#words[0] ?? 0;
    for (let i = 0; i < count; i++) {
      yield { mark: this.#words[first + 2 * i] ?? 0, at: this.#words[first + 2 * i + 1] ?? 0 };
    }
  }

  #sum(mark: number, ms: number): void {
    const at = header + mark;
    this.#words[at] = (this.#words[at] ?? 0) + ms;
    this.#words[at + this.slots] = (this.#words[at + this.slots] ?? 0) + 1;
  }

  #note(mark: number, now: number): void {
    const used = this.#words[0] ?? 0;
    if (used >= mostEvents) return;
    const at = header + 2 * this.slots + 2 * used;
    this.#words[at] = mark;
    this.#words[at + 1] = now;
    this.#words[0] = used + 1;
  }
}

/** What is timed together: a launch or a copy, or launches that are one on this device. */
export interface Row {
  readonly kind: "kernel" | "copy";
  /** Of the first. */
  readonly label: string;
  /** The ids of its steps. */
  readonly steps: readonly number[];
  /** Of a copy: read and written. */
  readonly bytes: number;
}

export class LaunchLog {
  /** In the order of the steps. */
  readonly rows: readonly Row[];
  /** By thread. */
  readonly tracks: readonly Track[];
  readonly #rowOf: ReadonlyMap<number, number>;

  constructor(artifact: Artifact, threads: number) {
    this.rows = rowsOf(artifact);
    this.#rowOf = new Map(this.rows.flatMap(({ steps }, row) => steps.map((step) => [step, row] as const)));
    this.tracks = Array.from({ length: threads }, () => new Track(2 * this.rows.length + 2, threads > 1));
  }

  /** The row that a step is timed in; undefined for loops and branches. */
  rowOf(step: number): number | undefined {
    return this.#rowOf.get(step);
  }

  /** The marks at which a run is over: of all threads, and of the first alone. */
  get end(): number {
    return 2 * this.rows.length;
  }

  get endAlone(): number {
    return this.end + 1;
  }

  reset(): void {
    for (const track of this.tracks) track.reset();
  }
}

/** The printer of wasm counts its calls in the same order (codegen/wasm/step.ts). */
function rowsOf({ steps, joined = [] }: Artifact): readonly Row[] {
  const firsts = new Map(joined.map((one) => [one.steps[0], one.steps]));
  const others = new Set(joined.flatMap((one) => one.steps.slice(1)));
  return allSteps(steps).flatMap((step): readonly Row[] => {
    if (others.has(step.id)) return [];
    if (step.kind === "launch") return [{ kind: "kernel", label: step.label, steps: firsts.get(step.id) ?? [step.id], bytes: 0 }]; // biome-ignore format: short
    if (step.kind !== "copy") return [];
    const { from, fromRow } = step;
    const part = fromRow === undefined ? 1 : fromRow.count / Math.max(1, from.count);
    return [{ kind: "copy", label: "copy", steps: [step.id], bytes: 2 * from.bytes * part }];
  });
}

/** For people. */
export function rowName({ label, steps }: Row): string {
  return steps.length === 1 ? label : `${label} and ${steps.length - 1} more`;
}
