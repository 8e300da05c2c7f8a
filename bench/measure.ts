/** The parts of a run: systems against each other, the floors, the start of a process, an epoch of the main job. */
import { type Entrant, type MatchOptions, playMatch, summary } from "./match.ts";
import { SystemProcess } from "./process.ts";
import { againstTitle, floorTitle, type Results } from "./results.ts";
import { floorOf, ours, type SystemSpec } from "./systems.ts";
import {
  compared,
  contractions,
  type FloorName,
  jsContractions,
  mainStep,
  maps,
  oddContractions,
  rows,
  titleOf,
  type Workload,
} from "./workloads.ts";

export interface Run {
  readonly systems: readonly SystemSpec[];
  readonly results: Results;
  readonly options: MatchOptions;
  /** Whether to measure a workload. */
  wants(workload: Workload): boolean;
  say(line: string): void;
}

type FloorEntrant = readonly [floor: FloorName, threads: number];

/** Every system on every workload that they are compared on, with the floor that belongs to it. */
export async function measureCompared(run: Run): Promise<void> {
  await withProcesses(run.systems, async (processes) => {
    for (const workload of compared.filter(run.wants)) {
      const systems = [...processes.keys()].filter((name) => !isFloor(name));
      await play(run, processes, { workload, title: titleOf(workload), systems, floors: floorsBeside(workload) });
    }
  });
}

function floorsBeside({ kind }: Workload): readonly FloorEntrant[] {
  if (kind === "chain") return [["copy", 1]];
  if (kind === "softmax" || kind === "layerNorm") return [[kind, 1]];
  return [
    ["flops", 1],
    ["flops", 2],
  ];
}

/** Our kernels against what can be done by hand on one thread. */
export async function measureFloors(run: Run): Promise<void> {
  const systems = run.systems.filter(
    ({ name, isFloor }) => isFloor === true || name === ours.js || name === ours.wasm1,
  );
  await withProcesses(systems, async (processes) => {
    const beside = (workload: Workload, floor: FloorEntrant, title = titleOf(workload), own = ours.wasm1) =>
      play(run, processes, { workload, title, systems: [own], floors: [floor] });
    const evenAndOdd = [...contractions, ...oddContractions];
    for (const workload of evenAndOdd.filter(run.wants)) await beside(workload, ["flops", 1]);
    for (const workload of jsContractions.filter(run.wants)) {
      await beside(workload, ["contraction-js", 1], againstTitle(workload, "contraction-js"), ours.js);
    }
    for (const workload of maps.filter(run.wants)) await beside(workload, ["copy", 1]);
    const copies: Workload = { kind: "floor", floor: "memmove" };
    if (run.wants(copies)) {
      await play(run, processes, { workload: copies, title: titleOf(copies), systems: [floorOf(1)], floors: [] });
    }
    for (const kind of ["softmax", "layerNorm"] as const) {
      const workload: Workload = { kind, ...rows };
      if (!run.wants(workload)) continue;
      await beside(workload, [kind, 1], againstTitle(workload, kind));
      await beside(workload, [`${kind}-js`, 1], againstTitle(workload, `${kind}-js`), ours.js);
    }
  });
}

/** From the start of a process to its first loss, how much of that it compiled, and its memory after twenty more steps. */
export async function measureStarts(run: Run, repetitions: number): Promise<void> {
  const systems = run.systems.filter(({ isFloor }) => isFloor !== true);
  const times = new Map(systems.map(({ name }) => [name, [] as number[]]));
  const compileTimes = new Map(systems.map(({ name }) => [name, [] as number[]]));
  const peaks = new Map(systems.map(({ name }) => [name, 0]));
  for (let round = 0; round < repetitions; round++) {
    for (const spec of systems) {
      if (run.results.starts.has(spec.name)) continue; // it failed
      const started = performance.now();
      const process = new SystemProcess(spec);
      const first = await process.ask({ kind: "measure", workload: mainStep, warmup: 0, repetitions: 1 });
      times.get(spec.name)?.push(performance.now() - started);
      if (first.compileMs !== undefined) compileTimes.get(spec.name)?.push(first.compileMs);
      const more = await process.ask({ kind: "measure", workload: mainStep, warmup: 0, repetitions: 20 });
      await process.close();
      peaks.set(spec.name, Math.max(peaks.get(spec.name) ?? 0, more.peakBytes));
      const error = first.error ?? more.error;
      if (error !== undefined) run.results.starts.set(spec.name, { error });
    }
  }
  for (const { name } of systems) {
    if (run.results.starts.has(name)) continue;
    const { median } = summary(times.get(name) ?? []);
    const compiled = compileTimes.get(name) ?? [];
    const compileMs = compiled.length === 0 ? {} : { compileMs: summary(compiled).median };
    run.results.starts.set(name, { firstLossMs: median, ...compileMs, peakBytes: peaks.get(name) ?? Number.NaN });
    run.say(`start ${name}: ${median.toFixed(0)} ms`);
  }
}

/** One epoch of the main job, in a process of its own. */
export async function measureEpochs(run: Run): Promise<void> {
  for (const spec of run.systems.filter(({ isFloor }) => isFloor !== true)) {
    const process = new SystemProcess(spec);
    await process.ask({ kind: "measure", workload: mainStep, warmup: 0, repetitions: 3 }); // what is loaded late is loaded
    const { ms, error } = await process.ask({ kind: "epoch" });
    await process.close();
    run.results.epochs.set(spec.name, error === undefined ? (ms[0] ?? Number.NaN) : { error });
    run.say(`epoch ${spec.name}: ${((ms[0] ?? Number.NaN) / 1e3).toFixed(1)} s`);
  }
}

const isFloor = (name: string): boolean => name === floorOf(1) || name === floorOf(2);

async function withProcesses(
  systems: readonly SystemSpec[],
  use: (processes: ReadonlyMap<string, SystemProcess>) => Promise<void>,
): Promise<void> {
  const processes = new Map(systems.map((spec) => [spec.name, new SystemProcess(spec)]));
  try {
    await use(processes);
  } finally {
    await Promise.all([...processes.values()].map((process) => process.close()));
  }
}

interface Game {
  readonly workload: Workload;
  /** Under which the results are kept. */
  readonly title: string;
  readonly systems: readonly string[];
  readonly floors: readonly FloorEntrant[];
}

async function play(
  { results, options, say }: Run,
  processes: ReadonlyMap<string, SystemProcess>,
  { workload, title, systems, floors }: Game,
): Promise<void> {
  const entrants: (Entrant & { readonly title: string })[] = [];
  const enter = (name: string, of: Workload, as: string): void => {
    const process = processes.get(name);
    if (process !== undefined) entrants.push({ process, workload: of, title: as });
  };
  for (const name of systems) enter(name, workload, title);
  for (const [floor, threads] of floors) {
    enter(floorOf(threads), floorWorkload(floor, workload), floorTitle(title, floor));
  }
  const outcomes = await playMatch(entrants, options);
  outcomes.forEach((outcome, i) => {
    const entrant = entrants[i];
    if (entrant !== undefined) results.add(entrant.title, entrant.process.name, outcome);
  });
  say(title);
}

function floorWorkload(floor: FloorName, beside: Workload): Workload {
  if (floor !== "contraction-js") return { kind: "floor", floor };
  if (beside.kind !== "contraction") throw new Error(`${titleOf(beside)} is no contraction`);
  return { kind: "floor", floor, of: beside };
}
