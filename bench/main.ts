/**
 * `npm run bench`: tensorloom against every system that is installed, on the same workloads from the same numbers.
 *
 *   npm run bench                          everything: half an hour
 *   npm run bench -- --quick               a look: fewer rounds, and only what concerns the main step
 *   npm run bench -- --parts floors        only: compare, floors, start, epoch (separated by commas)
 *   npm run bench -- --systems js,keras    only the systems whose names contain one of these
 *   npm run bench -- --workloads step,map   only the workloads whose titles contain one of these
 *   npm run bench -- --data DIR            the epoch on MNIST's own files
 *   npm run bench -- --json                one JSON object on stdout; all else goes to stderr
 *
 * Each system is a process of its own; they take turns (match.ts). What is missing is listed, with how to install it.
 */
import { arch, availableParallelism, cpus, release, type } from "node:os";
import { parseArgs } from "node:util";
import { writeData, writeEpoch } from "./data.ts";
import { measureCompared, measureEpochs, measureFloors, measureStarts, type Run } from "./measure.ts";
import { comparison, machineTable, startTable, verdictTable } from "./print.ts";
import { Results } from "./results.ts";
import { allSystems, bundleAdapters, dataFolder } from "./systems.ts";
import { verdicts } from "./verdicts.ts";
import { compared, mainStep, titleOf } from "./workloads.ts";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    parts: { type: "string", default: "compare,floors,start,epoch" },
    systems: { type: "string" },
    workloads: { type: "string", default: "" },
    rounds: { type: "string" },
    data: { type: "string" },
  },
});
const parts = new Set(flags.parts.split(","));
const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 10));
const oddPart = [...parts].find((part) => !["compare", "floors", "start", "epoch"].includes(part));
if (oddPart !== undefined) fail(`--parts: there is no part "${oddPart}" (there are: compare, floors, start, epoch)`);
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds must be a whole number from 1, not ${flags.rounds}`);

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

// By itself a signal ends a process without its "exit", at which the systems' processes are ended.
process.setMaxListeners(0); // one for each of them
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const say = (line: string): void => console.error(line);

await bundleAdapters();
writeData(dataFolder);
const known = allSystems();
const isChosen = (name: string): boolean =>
  flags.systems?.split(",").some((part) => name.toLowerCase().includes(part.toLowerCase())) ?? true;
const chosen = known.filter(({ name, isFloor }) => isFloor === true || isChosen(name));
for (const { name, missing } of chosen) if (missing !== undefined) say(`missing: ${name}. To have it: ${missing}`);

const results = new Results();
const run: Run = {
  systems: chosen.filter(({ missing }) => missing === undefined),
  results,
  options: {
    rounds,
    turnMs: flags.quick ? 60 : 100,
    warmupMs: flags.quick ? 500 : 1_000,
    budgetMs: flags.quick ? 2_000 : 4_000,
  },
  wants: (workload) =>
    flags.workloads.split(",").some((part) => titleOf(workload).includes(part)) &&
    (!flags.quick || workload.kind !== "step" || workload === mainStep),
  say,
};
const started = performance.now();
if (parts.has("compare")) await measureCompared(run);
if (parts.has("floors")) await measureFloors(run);
if (parts.has("start")) await measureStarts(run, run.options.rounds + 2);
if (parts.has("epoch") && !flags.quick) {
  results.epochData = await writeEpoch(dataFolder, flags.data);
  await measureEpochs(run);
}

const judged = verdicts(results);
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  system: `${type()} ${release()} ${arch()}`,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
  minutes: (performance.now() - started) / 60_000,
  missing: chosen.flatMap(({ name, missing }) => (missing === undefined ? [] : [name])),
};
if (flags.json) {
  console.log(JSON.stringify({ machine, ...results.toJson(), verdicts: judged }));
} else {
  const sections: string[] = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, ${machine.date}, ` +
      `${machine.minutes.toFixed(0)} minutes`,
  ];
  const steps = (["sgd", "rmsprop", "adam"] as const).map((optimizer) =>
    compared.filter((workload) => workload.kind === "step" && workload.optimizer === optimizer),
  );
  const others = [
    compared.filter(({ kind }) => kind === "net" || kind === "perExample"),
    compared.filter(({ kind }) => kind === "matmul"),
    compared.filter(({ kind }) => kind === "chain" || kind === "softmax" || kind === "layerNorm"),
  ];
  if (parts.has("compare")) {
    const groups = [...steps, ...others].map((group) => group.filter((one) => results.outcomes.has(titleOf(one))));
    const sorted = groups.map((group) => group.toSorted((a, b) => sizeOf(a) - sizeOf(b)));
    sections.push(...sorted.filter((group) => group.length > 0).map((group) => comparison(results, group)));
  }
  if (parts.has("start") || parts.has("epoch")) sections.push(startTable(results));
  if (results.epochData !== "") sections.push(`An epoch: ${results.epochData}, batches of ${mainStep.batch}.`);
  sections.push(machineTable(results, titleOf(mainStep)), verdictTable(judged));
  console.log(sections.filter((section) => section !== "").join("\n\n"));
}
for (const failure of results.failures()) {
  say(failure);
  process.exitCode = 1;
}

function sizeOf(workload: (typeof compared)[number]): number {
  return workload.kind === "step" ? workload.batch : workload.kind === "matmul" ? workload.n : 0;
}
