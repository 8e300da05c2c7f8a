/** Results as Markdown tables, aligned so that a terminal shows them too. */
import type { Outcome } from "./match.ts";
import { floorTitle, type Results } from "./results.ts";
import { floorOf, ours } from "./systems.ts";
import type { Verdict } from "./verdicts.ts";
import { copyBytes, flopsOf, large, mapBytes, titleOf, type Workload } from "./workloads.ts";

type Row = readonly string[];

export function table(head: Row, body: readonly Row[]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...body].map((row) => (row[i] ?? "").length)));
  const line = (row: Row): string => `| ${widths.map((width, i) => (row[i] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

/** Systems against workloads: the median, its spread, and how many times as long as tensorloom on two threads. */
export function comparison(results: Results, workloads: readonly Workload[]): string {
  const titles = workloads.map(titleOf);
  const systems = new Set(titles.flatMap((title) => [...(results.outcomes.get(title)?.keys() ?? [])]));
  const body = [...systems].map((system) => [
    system,
    ...titles.map((title) => cell(results.outcomes.get(title)?.get(system), results.median(title, ours.wasm2))),
  ]);
  const floors = workloads.map((workload) => {
    const floor = floorMs(results, workload);
    const distance = results.median(titleOf(workload), ours.wasm2) / floor;
    return Number.isNaN(floor) ? "" : `${milliseconds(floor)} (wasm takes ${distance.toFixed(2)}x)`;
  });
  return table(["ms (times of wasm, 2 threads)", ...titles], [...body, ["the floor", ...floors]]);
}

/**
 * The least that a workload takes: its contractions at the ceiling of two threads, the operands and the result of a map at
 * the speed of a copy, rows in a loop by hand. NaN for what stays in a cache.
 */
function floorMs(results: Results, workload: Workload): number {
  const title = titleOf(workload);
  switch (workload.kind) {
    case "step":
    case "net":
    case "perExample":
    case "matmul":
      return (flopsOf(workload) / results.ceiling(title, 2)) * 1e3;
    case "chain":
      return workload.calls > 1 ? Number.NaN : (mapBytes / results.copyBandwidth(title)) * 1e3;
    default:
      return results.median(floorTitle(title, workload.kind), floorOf(1));
  }
}

function cell(outcome: Outcome | undefined, reference: number): string {
  if (outcome === undefined) return "";
  if (outcome === "unsupported") return "-";
  if ("error" in outcome) return "failed";
  const ratio = (outcome.median / reference).toFixed(2);
  return `${milliseconds(outcome.median)} ±${(outcome.spread * 50).toFixed(0)}% (${ratio}x)`;
}

function milliseconds(ms: number): string {
  return ms.toFixed(ms < 1 ? 3 : ms < 100 ? 2 : 0);
}

export function startTable(results: Results): string {
  const head = [
    "system",
    "process start to first loss, ms",
    "compiling, ms",
    "peak memory, MB",
    "an epoch of the main job, s",
  ];
  const number = (value: number | undefined, divisor: number, digits: number): string =>
    value === undefined || Number.isNaN(value) ? "" : (value / divisor).toFixed(digits);
  const names = new Set([...results.starts.keys(), ...results.epochs.keys()]);
  const body = [...names].map((name) => {
    const start = results.starts.get(name);
    const epoch = results.epochs.get(name);
    const seconds = typeof epoch === "object" ? "failed" : number(epoch, 1e3, 2);
    if (start === undefined) return [name, "", "", "", seconds];
    if ("error" in start) return [name, "failed", "", "failed", seconds];
    const { firstLossMs, compileMs, peakBytes } = start;
    return [name, number(firstLossMs, 1, 0), number(compileMs, 1, 0), number(peakBytes, 1e6, 0), seconds];
  });
  return table(head, body);
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  const measured = verdicts.filter(({ outcome }) => outcome !== "not measured");
  const body = measured.map(({ what, measured: ratio, wanted, sense, outcome }) => [
    what,
    ratio.toFixed(2),
    `${sense} ${wanted}`,
    outcome,
  ]);
  const rest = verdicts.length - measured.length;
  const note = rest === 0 ? "" : `Not measured: ${rest} more.`;
  return body.length === 0 ? note : `${table(["what", "measured", "wanted", "outcome"], body)}\n\n${note}`;
}

/** The floors themselves. */
export function machineTable(results: Results, main: string): string {
  const gigaflops = (threads: number): string => (results.ceiling(main, threads) / 1e9).toFixed(1);
  const chain = titleOf({ kind: "chain", shape: [2048, large / 2048], calls: 1 });
  const moved = (copyBytes / results.median(titleOf({ kind: "floor", floor: "memmove" }), floorOf(1))) * 1e3;
  const body = [
    ["multiply-adds in 128-bit vectors, 1 thread, GFLOP/s", gigaflops(1)],
    ["multiply-adds in 128-bit vectors, 2 threads, GFLOP/s", gigaflops(2)],
    [
      "copy out of cache with vector loads and stores, read + written, GB/s",
      (results.copyBandwidth(chain) / 1e9).toFixed(1),
    ],
    ["copy out of cache with memory.copy, read + written, GB/s", (moved / 1e9).toFixed(1)],
  ].filter(([, value]) => value !== "NaN");
  return body.length === 0 ? "" : table(["floor", "measured"], body);
}
