/**
 * A profile as a table, for a terminal of 80 columns.
 *
 *   train, batch 128, on wasm (2 threads): 300 runs, 0.94 ms each
 *
 *   kernel                   of           us  share  waits  GFLOP/s   GB/s     ceiling
 *   k0_contract_max          dense1    402.1  42.8%   3.1%    255.6    5.9   88% flops
 */
import { checkArguments, checkOptions, count, type OptionTable } from "../../core/options.ts";
import { checkProfiles } from "./check.ts";
import type { EntryProfile, KernelProfile, Profile, TransferProfile } from "./profile.ts";

export interface PrintProfileOptions {
  /** Kernels of each entry that are shown, those that take longest; what is left is one line. 20 by default. */
  readonly rows?: number;
  /** Columns of the terminal; 80 by default, and not less. */
  readonly width?: number;
  /** What a kernel is called: its name by default. */
  readonly nameOf?: (kernel: KernelProfile, entry: EntryProfile) => string;
}

export const printProfileTable: OptionTable<PrintProfileOptions> = {
  rows: count,
  width: count,
  nameOf: {
    wanted: "a function that names a kernel",
    accepts: (value): value is NonNullable<PrintProfileOptions["nameOf"]> => typeof value === "function",
  },
};

/** The table of a profile, as text that ends with a line. */
export function printProfile(profile: Profile, options: PrintProfileOptions = {}): string {
  checkArguments("printProfile", arguments, 2);
  checkProfiles("printProfile", [profile]);
  const given = checkOptions("printProfile", options, printProfileTable, { before: "profile, " });
  const blocks = [
    ...profile.entries.filter(({ runs }) => runs > 0).map((entry) => entryLines(entry, profile, given)),
    transferLines(profile.transfers),
    legend(profile),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

interface Column {
  readonly head: string;
  readonly cells: readonly string[];
}

function entryLines(entry: EntryProfile, profile: Profile, options: PrintProfileOptions): readonly string[] {
  const { rows: most = 20, width = 80, nameOf = ({ name }) => name } = options;
  const { kernels, runs, kernelMs } = entry;
  const timed = kernels.filter(({ ms }) => ms !== null).toSorted((a, b) => (b.ms ?? 0) - (a.ms ?? 0));
  const shown = timed.slice(0, most);
  const part = (ms: number): string => percent(ms / Math.max(kernelMs, Number.MIN_VALUE));
  const left = timed.slice(most);
  const leftMs = left.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
  const column = (head: string, cell: (kernel: KernelProfile) => string, rest = ""): Column => ({
    head,
    cells: [...shown.map(cell), ...(left.length === 0 ? [] : [rest])],
  });
  const hasRates = profile.ceiling !== null;
  const numbers = [
    column("us", ({ ms }) => microseconds((ms ?? 0) / runs), microseconds(leftMs / runs)),
    column("share", ({ ms }) => part(ms ?? 0), part(leftMs)),
    ...(profile.threads > 1 ? [column("waits", waiting)] : []),
    column("GFLOP/s", ({ flopsPerSecond }) => giga(flopsPerSecond)),
    column("GB/s", ({ bytesPerSecond }) => giga(bytesPerSecond)),
    ...(hasRates ? [column("ceiling", ceilingOf)] : []),
  ].map(({ head, cells }) => aligned(head, cells));
  const room = Math.max(80, width) - numbers.reduce((sum, [head = ""]) => sum + head.length + 2, 0) - 2;
  const named = (kernel: KernelProfile): string => {
    const times = kernel.launches / runs;
    return `${nameOf(kernel, entry)}${times === 1 ? "" : ` x ${Number(times.toFixed(1))}`}`;
  };
  const names = column("kernel", named, `${left.length} more`);
  const places = column("of", placeOf);
  const longest = ({ head, cells }: Column): number => Math.max(head.length, ...cells.map((cell) => cell.length));
  // Where both do not fit, names have a little more.
  const forPlaces = Math.min(longest(places), Math.max(room - longest(names), Math.floor(0.42 * room)));
  const forNames = Math.min(longest(names), room - forPlaces);
  const lines = ["kernel", ...names.cells].map((name, i) => {
    const place = i === 0 ? "of" : (places.cells[i - 1] ?? "");
    return [fitted(name, forNames), fitted(place, forPlaces), ...numbers.map((cells) => cells[i] ?? "")]
      .join("  ")
      .trimEnd();
  });
  return [titleOf(entry, profile), "", ...lines];
}

/** "train, batch 128, on wasm (2 threads): 300 runs, 0.94 ms each". */
function titleOf({ entry, dims, runs, hostMs, kernelMs }: EntryProfile, { device, target }: Profile): string {
  const sizes = Object.entries(dims).map(([name, size]) => `${name} ${size}`);
  const ms = (target === "wgsl" ? kernelMs : hostMs) / runs;
  const each = runs === 1 ? milliseconds(ms) : `${milliseconds(ms)} each`;
  return `${[entry, ...sizes].join(", ")}, on ${device}: ${runs} ${runs === 1 ? "run" : "runs"}, ${each}`;
}

/** The layer, or the line of the user's script. */
function placeOf({ kind, layers, lines }: KernelProfile): string {
  if (kind === "copy") return "";
  const more = layers.length > 1 ? ` +${layers.length - 1}` : "";
  return layers[0] === undefined ? lineOf(lines[0] ?? "") : `${layers[0]}${more}`;
}

/** "mnist.ts:12", of a path with its line and column. */
function lineOf(line: string): string {
  return line.replace(/^.*[\\/]/, "").replace(/:\d+$/, "");
}

function waiting({ threads }: KernelProfile): string {
  const work = threads.reduce((sum, { ms }) => sum + ms, 0);
  const wait = threads.reduce((sum, { waitMs }) => sum + waitMs, 0);
  return work + wait === 0 ? "" : percent(wait / (work + wait));
}

function ceilingOf({ ofCeiling, bound, flops, bytes }: KernelProfile): string {
  return ofCeiling === null || flops + bytes === 0 ? "" : `${(100 * ofCeiling).toFixed(0)}% ${bound}`;
}

function transferLines(transfers: readonly TransferProfile[]): readonly string[] {
  const made = transfers.filter(({ count }) => count > 0);
  const columns = [
    { head: "times", cells: made.map(({ count }) => String(count)) },
    { head: "MB", cells: made.map(({ bytes }) => (bytes / 1e6).toFixed(3)) },
    { head: "ms", cells: made.map(({ ms }) => ms.toFixed(2)) },
    { head: "GB/s", cells: made.map(({ bytes, ms }) => (ms > 0 ? giga((1000 * bytes) / ms) : "")) },
  ].map(({ head, cells }) => aligned(head, cells));
  const names = ["to and from the device", ...made.map(({ kind }) => kind)];
  return made.length === 0 ? [] : names.map((name, i) => [name.padEnd(22), ...columns.map((cells) => cells[i])].join("  ").trimEnd()); // biome-ignore format: short
}

function legend({ ceiling, clock, notes, entries, threads }: Profile): readonly string[] {
  const hasCopies = entries.some(({ kernels }) => kernels.some(({ ms }) => ms === null));
  return [
    ...(ceiling === null ? [] : [`ceiling: ${giga(ceiling.flops)} GFLOP/s of multiply-adds, ${giga(ceiling.bytes)} GB/s of copying, as measured now`]), // biome-ignore format: short
    ...(threads > 1 ? ["waits: of the time of all threads, what they wait for one another behind it"] : []),
    ...(clock === "" ? [] : [`clock: ${clock}`]),
    ...(hasCopies ? ["copies between buffers have no time of their own there"] : []),
    ...notes.map((note) => `note: ${note}`),
  ].flatMap((line) => folded(line));
}

/** A line of at most 80 columns; what does not fit stands below. */
function folded(line: string): readonly string[] {
  const lines: string[] = [];
  let last = "";
  for (const word of line.split(" ")) {
    if (last !== "" && last.length + 1 + word.length > 80) {
      lines.push(last);
      last = `  ${word}`;
    } else last = last === "" ? word : `${last} ${word}`;
  }
  return [...lines, last];
}

function aligned(head: string, cells: readonly string[]): readonly string[] {
  const width = Math.max(head.length, ...cells.map((cell) => cell.length));
  return [head, ...cells].map((cell) => cell.padStart(width));
}

function fitted(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, Math.max(0, width - 2))}..`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)}%`;
}

function giga(perSecond: number): string {
  const value = perSecond / 1e9;
  return value >= 1000 ? value.toFixed(0) : value >= 0.1 || value === 0 ? value.toFixed(1) : value.toFixed(3);
}

function microseconds(ms: number): string {
  const us = 1000 * ms;
  return us >= 1000 ? us.toFixed(0) : us.toFixed(1);
}

function milliseconds(ms: number): string {
  return `${ms >= 10 ? ms.toFixed(1) : ms >= 0.1 ? ms.toFixed(2) : ms.toFixed(4)} ms`;
}
