/** What the GPU benchmark found, as Markdown tables. */
import { medianOf, type Outcome } from "../match.ts";
import { table } from "../print.ts";
import type { GpuResults, RowResult } from "./measure.ts";
import type { Structure } from "./structure.ts";
import { byHand, own } from "./systems.ts";

/** Milliseconds of one call. */
export function msOf({ outcomes, workload, hand }: RowResult, system: string): number {
  const outcome = outcomes[system];
  const calls = system === byHand ? hand.workload.calls : workload.calls;
  return (typeof outcome === "string" ? Number.NaN : medianOf(outcome)) / calls;
}

/** How much of the speed of the kernel by hand a row has: in bytes a second, or in floating-point operations. */
export function shareOf(row: RowResult): number {
  const ours = row.work.amount / msOf(row, own);
  return ours / (row.hand.work.amount / msOf(row, byHand));
}

export function rowTable({ rows, systems }: GpuResults): string {
  const others = Object.keys(systems).filter((name) => name !== own && name !== byHand);
  const head = ["row", `${own}, ms a call`, "speed", "by hand", "part", ...others.map((name) => `${name}, ms (times)`)];
  const body = rows.map((row) => {
    const { title, note, outcomes } = row;
    const name = note === undefined ? title : `${title} (here ${note})`;
    const ours = msOf(row, own);
    if (Number.isNaN(ours)) return [name, reasonOf(outcomes[own]), "", "", "", ...others.map(() => "")];
    return [
      name,
      milliseconds(ours),
      speed(row.work.amount / ours, row.work.unit),
      speed(row.hand.work.amount / msOf(row, byHand), row.work.unit),
      number(shareOf(row)),
      ...others.map((system) => {
        const ms = msOf(row, system);
        return Number.isNaN(ms) ? reasonOf(outcomes[system]) : `${milliseconds(ms)} (${(ms / ours).toFixed(2)})`;
      }),
    ];
  });
  const where = others.map((name) => `${name}: ${systems[name]}`).join("; ");
  return `${table(head, body)}\n\n${where}`;
}

/** What a call of ours asks of the device, and what its plan is. */
export function structureTable({ rows }: GpuResults): string {
  const head = [
    "row, a call",
    "dispatches",
    "submits",
    "bytes up",
    "readbacks",
    "longest invocation",
    "widths",
    "on a card's limits",
  ];
  const body = rows.map(({ title, counts, structure, onCard }) => {
    const counted = counts[own];
    const figures = counted === undefined ? ["", "", "", ""] : [counted.dispatches, counted.submits, counted.uploadedBytes, counted.readbacks].map(number); // biome-ignore format: short
    return [
      title,
      ...figures,
      structure === undefined ? "" : `${structure.longest} turns`,
      widthsText(structure),
      onCard === undefined
        ? ""
        : `${onCard.launches} launches of ${onCard.workgroups.join(" to ")} groups, ${onCard.longest} turns, ${widthsText(onCard)}`,
    ];
  });
  return table(head, body);
}

/** "3 of 4": three bindings whose accesses are four elements wide. */
function widthsText(structure: Structure | undefined): string {
  return Object.entries(structure?.widths ?? {})
    .map(([lanes, count]) => `${count} of ${lanes}`)
    .join(", ");
}

function reasonOf(outcome: Outcome | string | undefined): string {
  if (typeof outcome === "string") return outcome === "unsupported" ? "-" : outcome;
  return outcome === undefined ? "" : "failed";
}

/** An amount a millisecond, as GFLOP/s or GB/s. */
function speed(perMs: number, unit: "flop" | "byte"): string {
  return Number.isNaN(perMs) ? "" : `${number(perMs / 1e6)} ${unit === "flop" ? "GFLOP/s" : "GB/s"}`;
}

function milliseconds(ms: number): string {
  return ms.toFixed(ms < 1 ? 4 : ms < 100 ? 2 : 0);
}

function number(value: number): string {
  return Number.isNaN(value) ? "" : String(Number(value.toPrecision(3)));
}
