/**
 * The rows of the GPU benchmark in a match each: all systems made ready, then in turns, round after round. Before the clock runs
 * it is counted what a call asks of the device.
 */
import { h100 } from "../../test/h100.ts";
import { type Outcome, playMatch } from "../match.ts";
import { SystemProcess } from "../process.ts";
import type { Counts } from "./counts.ts";
import { type Row, rowsAt } from "./rows.ts";
import type { AboutAdapter, GpuAnswer, GpuRequest } from "./serve.ts";
import { factsOf, type Structure, structureOf } from "./structure.ts";
import { byHand, type GpuSystemSpec, own } from "./systems.ts";

export interface RowResult extends Pick<Row, "title" | "work" | "workload"> {
  readonly note?: string;
  /** Of all calls of the row, in milliseconds, by system; a text says why there is none. */
  readonly outcomes: Readonly<Record<string, Outcome | string>>;
  /** What the floor does in one call, and in how many calls it was measured. */
  readonly hand: Row["hand"];
  /** Of one call, by system. */
  readonly counts: Readonly<Record<string, Counts>>;
  /** The plan for the adapter here, and for a card's limits at the card's sizes. */
  readonly structure?: Structure;
  readonly onCard?: Structure;
  readonly failures: readonly string[];
}

export interface GpuResults {
  readonly rows: readonly RowResult[];
  /** Names, and what each runs on. */
  readonly systems: Readonly<Record<string, string>>;
}

interface Run {
  readonly about: AboutAdapter;
  /** By performance.now(). */
  readonly deadline: number;
  readonly say: (line: string) => void;
}

const rounds = 5;
const turnMs = 60;

type GpuProcess = SystemProcess<GpuRequest, GpuAnswer>;

export async function measureRows(
  rows: readonly Row[],
  specs: readonly GpuSystemSpec[],
  run: Run,
): Promise<GpuResults> {
  const processes = specs.map((spec): GpuProcess => new SystemProcess<GpuRequest, GpuAnswer>(spec));
  try {
    const systems: Record<string, string> = {};
    for (const process of processes) {
      const { about, error } = await process.ask({ kind: "about" });
      systems[process.name] = about?.device ?? `failed: ${error}`;
    }
    const there = processes.filter(({ name }) => !systems[name]?.startsWith("failed"));
    const results: RowResult[] = [];
    for (const [i, row] of rows.entries()) {
      const left = run.deadline - performance.now();
      results.push(left > 0 ? await measureRow(row, there, left / (rows.length - i), run) : withoutTime(row));
      run.say(`${row.title}: ${Object.keys(results.at(-1)?.outcomes ?? {}).length} systems`);
    }
    return { rows: results, systems };
  } finally {
    await Promise.all(processes.map((process) => process.close()));
  }
}

function withoutTime({ title, work, workload, note, hand }: Row): RowResult {
  const outcomes = { [own]: "no time was left" };
  return { title, work, workload, hand, outcomes, counts: {}, failures: [], ...(note === undefined ? {} : { note }) };
}

async function measureRow(
  row: Row,
  processes: readonly GpuProcess[],
  shareMs: number,
  { about }: Run,
): Promise<RowResult> {
  const outcomes: Record<string, Outcome | string> = {};
  const counts: Record<string, Counts> = {};
  const failures: string[] = [];
  const ready: GpuProcess[] = [];
  const workloadOf = ({ name }: { readonly name: string }) => (name === byHand ? row.hand.workload : row.workload);
  const started = performance.now();
  for (const process of processes) {
    const workload = workloadOf(process);
    if (performance.now() - started > shareMs && process.name !== own && process.name !== byHand) {
      outcomes[process.name] = "no time was left";
      continue;
    }
    const { lack, error } = await process.ask({ kind: "ready", workload });
    if (error !== undefined) failures.push(`${process.name}: ${error}`);
    const reason = lack ?? (error === undefined ? undefined : "failed");
    if (reason !== undefined) {
      outcomes[process.name] = reason;
      if (process.name === own) break; // nothing to hold the others against
      continue;
    }
    ready.push(process);
    const counted = await process.ask({ kind: "count", workload });
    if (counted.counts !== undefined) counts[process.name] = counted.counts;
  }
  const budgetMs = Math.max(50, (shareMs - (performance.now() - started)) / Math.max(1, ready.length) / 2);
  const entrants = ready.map((process) => ({ process: comparable(process, row), workload: workloadOf(process) }));
  if (entrants[0]?.process.name === own) {
    const options = { rounds, turnMs, warmupMs: turnMs, budgetMs, slowMs: budgetMs / 4 };
    for (const [i, outcome] of (await playMatch(entrants, options)).entries()) {
      const name = entrants[i]?.process.name ?? "";
      outcomes[name] = outcome;
      if (typeof outcome === "object" && "error" in outcome) failures.push(`${name}: ${outcome.error}`);
    }
  }
  const { title, work, workload, note, hand } = row;
  const made = { title, work, workload, hand, outcomes, counts, failures };
  return { ...made, ...(note === undefined ? {} : { note }), ...structures(row, about) };
}

/** What is by hand has the result of the row only where that is the same product. */
function comparable(process: GpuProcess, { workload }: Row) {
  if (process.name !== byHand || workload.kind === "product") return process;
  return {
    name: process.name,
    ask: async (request: Extract<GpuRequest, { readonly kind: "measure" }>) => ({
      ...(await process.ask(request)),
      check: [],
    }),
  };
}

function structures(row: Row, { limits, isSoftware }: AboutAdapter): Pick<RowResult, "structure" | "onCard"> {
  if (row.workload.kind === "product" && row.workload.precision === "mixed") return {};
  const onCard = rowsAt("card").find(({ title }) => title === row.title);
  return {
    structure: structureOf(row.workload, factsOf(limits, isSoftware)),
    ...(isSoftware && onCard !== undefined ? { onCard: structureOf(onCard.workload, h100) } : {}),
  };
}
