/**
 * Runs from files: lines of JSON that `jsonLogger` wrote, event files, or folders of them.
 *
 *   run1.jsonl                          one run
 *   logs/run1/{train,validation}/...    one run: logs/run1
 *   logs                                all runs below it
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { DataError } from "../../core/errors.ts";
import { fileProblem, readWholeFile } from "../../io/files.ts";
import { eventFilesIn, readEvents } from "../../io/tensorboard/event-log.ts";
import { type Curve, curvesOfEvents, curvesOfLines, type EpochFacts, type ReportRun } from "./run-curves.ts";

/** The runs at a path; a DataError where there is none. */
export async function readRuns(path: string): Promise<readonly ReportRun[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw new DataError(`${path}: could not be read: ${fileProblem(error)}`, { cause: error });
  });
  if (found.isDirectory()) return runsIn(path);
  const name = basename(path).replace(/\.[^.]*$/, "");
  if (basename(path).includes("tfevents")) {
    return [{ name, curves: curvesOfEvents([{ side: "train", log: await readEvents(path) }]) }];
  }
  return [{ name, curves: curvesOfLines(await jsonLines(path)) }];
}

async function runsIn(folder: string): Promise<readonly ReportRun[]> {
  const sides = new Map<string, { readonly side: Curve["side"]; readonly folder: string }[]>();
  for (const found of await foldersWithEvents(folder)) {
    const name = basename(found);
    const isSide = name === "train" || name === "validation";
    const run = isSide ? dirname(found) : found;
    const known = sides.get(run) ?? [];
    sides.set(run, [...known, { side: name === "validation" ? "validation" : "train", folder: found }]);
  }
  if (sides.size === 0) {
    throw new DataError(
      `${folder}: there are no event files in this folder, nor below it (their names hold "tfevents")`,
    );
  }
  const runs = [...sides].map(async ([run, parts]) => {
    const logs = parts.map(async ({ side, folder: at }) => ({ side, log: await readEvents(at) }));
    const below = relative(folder, run);
    const name = below === "" || below.startsWith("..") ? basename(run) : below;
    return { name, curves: curvesOfEvents(await Promise.all(logs)) };
  });
  return (await Promise.all(runs)).filter(({ curves }) => curves.length > 0);
}

/** In the order of their paths. */
async function foldersWithEvents(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const inner = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  const below = await Promise.all(inner.sort().map(foldersWithEvents));
  return [...((await eventFilesIn(folder)).length > 0 ? [folder] : []), ...below.flat()];
}

async function jsonLines(path: string): Promise<readonly EpochFacts[]> {
  const lines = new TextDecoder().decode(await readWholeFile(path)).split("\n");
  const isLast = (i: number): boolean => i >= lines.length - 1;
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    const parsed = parsedLine(line);
    if (parsed !== null) return [parsed];
    if (isLast(i)) return []; // it is being written, or its writer was killed
    throw new DataError(`${path}:${i + 1}: this is no line of a run's log, as jsonLogger writes it`);
  });
}

function parsedLine(line: string): EpochFacts | null {
  try {
    const parsed: unknown = JSON.parse(line);
    const isFacts = typeof parsed === "object" && parsed !== null && "event" in parsed;
    return isFacts ? { ...parsed } : null;
  } catch {
    return null;
  }
}
