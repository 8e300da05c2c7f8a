/**
 * A run as curves: what a report draws. They come from a history, from lines of JSON, or from event files.
 */
import type { EventLog, Logged } from "../../io/tensorboard/event-log.ts";

/** One line of a chart. */
export interface Curve {
  /** Curves of one name, and of one axis, are in one chart: "loss", "learning rate". */
  readonly name: string;
  readonly axis: "epoch" | "step";
  readonly side: "train" | "validation";
  readonly x: readonly number[];
  /** NaN and infinities are texts, as in lines of JSON. */
  readonly y: readonly (number | string)[];
}

export interface ReportRun {
  readonly name: string;
  readonly curves: readonly Curve[];
}

/** What a line of JSON says, or the record of an epoch. */
export type EpochFacts = Readonly<Record<string, unknown>>;

/** Not scores, though they are numbers. */
const notDrawn = new Set(["event", "time", "epoch", "step", "stepMs", "samplesPerSecond", "validation"]);
const namesOfFacts: Readonly<Record<string, string>> = {
  learningRate: "learning rate",
  learning_rate: "learning rate",
  seconds: "seconds an epoch",
  steps_per_second: "steps per second",
};

/** Curves by name; each point is the last one that was told for its place. */
export class Curves {
  readonly #points = new Map<string, Map<number, number | string>>();

  add(curve: Pick<Curve, "name" | "axis" | "side">, x: number, y: unknown): void {
    const value = typeof y === "number" && !Number.isFinite(y) ? String(y) : y;
    const isNumber = typeof value === "number" || value === "NaN" || value === "Infinity" || value === "-Infinity";
    if (!isNumber || !Number.isFinite(x)) return;
    const key = JSON.stringify([curve.name, curve.axis, curve.side]);
    const points = this.#points.get(key);
    if (points === undefined) this.#points.set(key, new Map([[x, value]]));
    else points.set(x, value);
  }

  all(): readonly Curve[] {
    return [...this.#points].map(([key, points]) => {
      const [name, axis, side] = JSON.parse(key);
      const sorted = [...points].sort(([a], [b]) => a - b);
      return { name, axis, side, x: sorted.map(([x]) => x), y: sorted.map(([, y]) => y) };
    });
  }
}

/** Of epochs' records, in their order. */
export function curvesOfEpochs(epochs: readonly object[]): readonly Curve[] {
  const curves = new Curves();
  for (const facts of epochs) addEpoch(curves, { ...facts });
  return curves.all();
}

function addEpoch(curves: Curves, facts: EpochFacts): void {
  const x = Number(facts.epoch);
  addScores(curves, facts, { axis: "epoch", side: "train" }, x);
  const { validation } = facts;
  if (typeof validation !== "object" || validation === null) return;
  addScores(curves, { ...validation }, { axis: "epoch", side: "validation" }, x);
}

function addScores(curves: Curves, facts: EpochFacts, kind: Pick<Curve, "axis" | "side">, x: number): void {
  for (const [name, value] of Object.entries(facts)) {
    if (!notDrawn.has(name)) curves.add({ ...kind, name: namesOfFacts[name] ?? name }, x, value);
  }
}

/** Of what `jsonLogger` wrote, line by line. */
export function curvesOfLines(lines: readonly EpochFacts[]): readonly Curve[] {
  const curves = new Curves();
  /** Batches in an epoch; 0 where the data did not say, and then those that were told of are counted. */
  let steps = 0;
  let [before, last] = [0, { epoch: 1, step: 0 }];
  for (const line of lines) {
    const now = { epoch: Number(line.epoch), step: Number(line.step) };
    if (line.event === "begin") steps = Number(line.steps);
    if (line.event === "epoch") addEpoch(curves, line);
    if (line.event !== "batch") continue;
    if (now.epoch !== last.epoch) before += last.step;
    last = now;
    const done = steps > 0 ? (now.epoch - 1) * steps : before;
    addScores(curves, line, { axis: "step", side: "train" }, done + now.step);
  }
  return curves.all();
}

/** Of the event files of a run's two folders, or of one that is no pair: their scalars. */
export function curvesOfEvents(
  logs: readonly { readonly side: Curve["side"]; readonly log: EventLog }[],
): readonly Curve[] {
  const curves = new Curves();
  for (const { side, log } of logs) {
    for (const [tag, points] of log.scalars) {
      const [, kind, name] = /^(epoch|batch)_(.+)$/.exec(tag) ?? [];
      if (/^evaluation_.*_vs_iterations$/.test(tag)) continue; // the same as validation by epochs
      const kept = withoutVoid(points);
      const isEpoch = kind === "epoch";
      const curve = { name: namesOfFacts[name ?? tag] ?? name ?? tag, axis: isEpoch ? "epoch" : "step", side } as const;
      for (const { step, value } of kept) curves.add(curve, isEpoch ? step + 1 : step, value);
      if (tag === "epoch_loss" && side === "train") addSeconds(curves, kept);
    }
  }
  return curves.all();
}

/** As TensorBoard has it: where a step is not behind the last, the run began again there. */
function withoutVoid<T>(points: readonly Logged<T>[]): readonly Logged<T>[] {
  const kept: Logged<T>[] = [];
  for (const point of points) {
    while ((kept.at(-1)?.step ?? Number.NEGATIVE_INFINITY) >= point.step) kept.pop();
    kept.push(point);
  }
  return kept;
}

/** Event files tell when an epoch ended: from end to end, validation included. */
function addSeconds(curves: Curves, points: readonly Logged<number>[]): void {
  const curve = { name: "seconds an epoch", axis: "epoch", side: "train" } as const;
  for (const [i, { step, time }] of points.entries()) {
    const before = points[i - 1];
    if (before?.step === step - 1) curves.add(curve, step + 1, time - before.time);
  }
}
